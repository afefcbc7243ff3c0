"""`onshore cluster up|down|status`: try-out clusters on this machine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import ClusterInfo

_NAME = click.option("--name", default="sandbox", show_default=True, help="Which cluster.")


@click.group()
def cluster() -> None:
    """A real Kubernetes control plane on this machine, for trying out."""


@cluster.command()
@project_option
@json_option
@_NAME
@click.option("--register-cluster", default="example-csp-alpha-khi-1", show_default=True, help="Whom it plays.")
def up(cwd: Path, *, as_json: bool, name: str, register_cluster: str) -> None:
    """Build (once), start and register a cluster; safe to repeat."""
    from sandbox import cluster_up, shown_on  # noqa: PLC0415

    project = Project.find(cwd)
    with shown_on(sys.stderr) as progress:
        info = cluster_up(name, home=project.sandbox, register_cluster_id=register_cluster, progress=progress)
    kubeconfig = project.settings.kubeconfigs / f"{register_cluster}.yaml"
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(info.kubeconfig, kubeconfig)
    kubeconfig.chmod(0o600)
    _make_passphrase(project)
    if as_json:
        click.echo(json.dumps(_public(info), indent=2))
    else:
        click.echo(f"cluster {info.name} is ready at {info.server}, playing {register_cluster}")


@cluster.command()
@project_option
@_NAME
@click.option("--all", "everything", is_flag=True, help="Every cluster of this project.")
def down(cwd: Path, *, name: str, everything: bool) -> None:
    """Stop a cluster; its data stays for the next `up`."""
    from sandbox import cluster_down, cluster_status  # noqa: PLC0415

    home = Project.find(cwd).sandbox
    names = [info.name for info in cluster_status(home=home)] if everything else [name]
    for each in names:
        cluster_down(each, home=home)
        click.echo(f"cluster {each} is stopped", err=True)


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
