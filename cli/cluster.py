"""`onshore cluster up|down|rm|status`: try-out clusters on this machine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from cli.asking import agree, check_askable
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import ClusterInfo

_FIRST_ROLE: Final = "example-csp-alpha-khi-1"
_NAME = click.option("--name", default="sandbox", show_default=True, help="Which cluster.")


@click.group()
def cluster() -> None:
    """A real Kubernetes control plane on this machine, for trying out."""


@cluster.command()
@project_option
@json_option
@_NAME
@click.option(
    "--register-cluster",
    help=f"Which cluster of the register it plays (by id).  [default: as before, at first {_FIRST_ROLE}]",
)
def up(cwd: Path, *, as_json: bool, name: str, register_cluster: str | None) -> None:
    """Build (once), start and register a cluster; safe to repeat."""
    from sandbox import cluster_up, shown_on  # noqa: PLC0415

    project = Project.find(cwd)
    role = _role(project, name, register_cluster)
    _withdraw_kubeconfig(project, name, keep=role)
    with shown_on(sys.stderr) as progress:
        info = cluster_up(name, home=project.sandbox, register_cluster_id=role, progress=progress)
    kubeconfig = project.settings.kubeconfigs / f"{role}.yaml"
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(info.kubeconfig, kubeconfig)
    kubeconfig.chmod(0o600)
    _make_passphrase(project)
    if as_json:
        click.echo(json.dumps(_public(info), indent=2))
    else:
        click.echo(f"cluster {info.name} is ready at {info.server}, playing {role}")


@cluster.command()
@project_option
@_NAME
@click.option("--all", "everything", is_flag=True, help="Every cluster of this project.")
def down(cwd: Path, *, name: str, everything: bool) -> None:
    """Stop a cluster; its data and address stay for the next `up`."""
    from sandbox import cluster_down, cluster_status  # noqa: PLC0415

    home = Project.find(cwd).sandbox
    names = [info.name for info in cluster_status(home=home)] if everything else [_existing(home, name)]
    for each in names:
        cluster_down(each, home=home)
        kept = f"its data and address stay for the next `up` (to delete them: onshore cluster rm --name {each})"
        click.echo(f"cluster {each} is stopped; {kept}", err=True)
    if not names:
        click.echo("no cluster here", err=True)


@cluster.command("rm")
@project_option
@click.option("--name", required=True, help="Which cluster.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(cwd: Path, *, name: str, yes: bool) -> None:
    """Stop a cluster and delete it with all its data."""
    from sandbox import cluster_remove  # noqa: PLC0415

    project = Project.find(cwd)
    _existing(project.sandbox, name)
    check_askable(f"rm deletes all data of cluster {name}", yes=yes)
    agree(f"delete cluster {name} with all its data?", yes=yes)
    _withdraw_kubeconfig(project, name)
    cluster_remove(name, home=project.sandbox)
    click.echo(f"cluster {name} is deleted", err=True)


@cluster.command()
@project_option
@json_option
def status(cwd: Path, *, as_json: bool) -> None:
    """List the clusters of this project."""
    from sandbox import cluster_status  # noqa: PLC0415

    found = cluster_status(home=Project.find(cwd).sandbox)
    if as_json:
        click.echo(json.dumps([_public(info) for info in found], indent=2))
        return
    for info in found:
        state = "ready" if info.ready else f"not ready: {info.problem}"
        click.echo(f"{info.name:<12} {state:<10} {info.server}  {info.kubeconfig}")
    if not found:
        click.echo("no cluster here; type: onshore cluster up", err=True)


def _role(project: Project, name: str, wanted: str | None) -> str:
    """The id of the register's cluster that a cluster shall play.

    Raises OnshoreError when the register has no such cluster, or when another one plays it: two overlays for one
    cluster would leave the register unusable.
    """
    from inventories import Fault, OnshoreError, load_register  # noqa: PLC0415
    from inventories.yaml_source import nearest  # noqa: PLC0415
    from sandbox import cluster_roles  # noqa: PLC0415

    roles = cluster_roles(home=project.sandbox)
    role = wanted or roles.get(name, _FIRST_ROLE)
    # without overlays: one of a cluster that the register lost must not keep others from starting
    known = sorted(each.id for _, each in load_register(project.settings.register).clusters())
    if role not in known:
        fault = Fault("--register-cluster", "the register has no such cluster", role, fix=nearest(role, known))
        raise OnshoreError(f"cluster {name} cannot play {role}", [fault])
    player = next((each for each, played in roles.items() if played == role and each != name), None)
    if player is None:
        return role
    free = [each for each in known if each not in roles.values()]
    ways = [f"onshore cluster up --name {player} (to start that one)"]
    if free:
        other = f"onshore cluster up --name {name} --register-cluster {free[0]} (free: {', '.join(free)})"
        ways.insert(0, other)
    fix = f"type: {', or: '.join(ways)}"
    raise OnshoreError(
        f"cluster {name} cannot play {role}",
        [Fault("--register-cluster", f"cluster {player} of this project plays it already", role, fix=fix)],
    )


def _existing(home: Path, name: str) -> str:
    """The name of a cluster that there is, in whatever state; raises OnshoreError."""
    from inventories import Fault, OnshoreError  # noqa: PLC0415

    known = sorted(path.name for path in home.glob("*") if path.is_dir() and not path.name.startswith("."))
    if name not in known:
        fix = f"clusters here: {', '.join(known)}" if known else "to make one, type: onshore cluster up"
        raise OnshoreError(f"there is no cluster {name}", [Fault("--name", "no such cluster", name, fix=fix)])
    return name


def _withdraw_kubeconfig(project: Project, name: str, *, keep: str = "") -> None:
    """Remove the copies of a cluster's kubeconfig (but that of the role to `keep`), and no file of anybody else."""
    try:
        own = (project.sandbox / name / "kubeconfig").read_bytes()
    except OSError:
        return
    for file in project.settings.kubeconfigs.glob("*.yaml"):
        if file.is_file() and file.stem != keep and file.read_bytes() == own:
            file.unlink()


def _public(info: ClusterInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "kubeconfig": str(info.kubeconfig),
        "server": info.server,
        "ca_sha256": info.ca_sha256,
        "ready": info.ready,
    }


def _make_passphrase(project: Project) -> None:
    """Give the try-out its own passphrase once, readable by this person only."""
    file = project.passphrase_file
    if file.exists() or sys.platform == "win32":
        return
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(secrets.token_urlsafe(24))
