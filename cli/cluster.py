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
from cli.tryouts import check_role, existing, names, withdraw

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
    withdraw(project.sandbox / name / "kubeconfig", project.settings.kubeconfigs, keep=role)
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
    from sandbox import cluster_down  # noqa: PLC0415

    home = Project.find(cwd).sandbox
    wanted = names(home) if everything else [existing("cluster", home, name)]
    for each in wanted:
        cluster_down(each, home=home)
        kept = f"its data and address stay for the next `up` (to delete them: onshore cluster rm --name {each})"
        click.echo(f"cluster {each} is stopped; {kept}", err=True)
    if not wanted:
        click.echo("no cluster here", err=True)


@cluster.command("rm")
@project_option
@click.option("--name", required=True, help="Which cluster.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(cwd: Path, *, name: str, yes: bool) -> None:
    """Stop a cluster and delete it with all its data."""
    from sandbox import cluster_remove  # noqa: PLC0415

    project = Project.find(cwd)
    existing("cluster", project.sandbox, name)
    check_askable(f"rm deletes all data of cluster {name}", yes=yes)
    agree(f"delete cluster {name} with all its data?", yes=yes)
    withdraw(project.sandbox / name / "kubeconfig", project.settings.kubeconfigs)
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
    """The id of the register's cluster that a cluster shall play; raises OnshoreError."""
    from inventories import load_register  # noqa: PLC0415
    from sandbox import cluster_roles  # noqa: PLC0415

    roles = cluster_roles(home=project.sandbox)
    role = wanted or roles.get(name, _FIRST_ROLE)
    # without overlays: one of a cluster that the register lost must not keep others from starting
    known = [each.id for _, each in load_register(project.settings.register).clusters()]
    check_role("cluster", name, role, played=roles, known=known, called="cluster")
    return role


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
