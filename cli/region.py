"""`onshore region up|down|rm|status`: try-out OpenStack regions on this machine."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from cli.asking import agree, check_askable
from cli.project import Project, json_option, project_option
from cli.tryouts import check_role, existing, names, withdraw

if TYPE_CHECKING:
    from pathlib import Path

    from inventories.models import Region
    from sandbox import RegionInfo, RegionRole

_FIRST_ROLE: Final = "example-csp-alpha-khi"
_NAME = click.option("--name", default="sandbox", show_default=True, help="Which region.")


@click.group()
def region() -> None:
    """A real OpenStack control plane on this machine, for trying out."""


@region.command()
@project_option
@json_option
@_NAME
@click.option(
    "--register-region",
    help=f"Which region of the register it plays (by id).  [default: as before, at first {_FIRST_ROLE}]",
)
def up(cwd: Path, *, as_json: bool, name: str, register_region: str | None) -> None:
    """Install (once), start and register a region; safe to repeat."""
    from sandbox import region_up, shown_on  # noqa: PLC0415

    project = Project.find(cwd)
    role = _role(project, name, register_region)
    _check_possible()
    withdraw(project.regions / name / "clouds.yaml", project.settings.clouds, keep=role.register_region_id)
    with shown_on(sys.stderr) as progress:
        info = region_up(name, home=project.regions, role=role, progress=progress)
    login = project.settings.clouds / f"{info.register_region_id}.yaml"
    login.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(info.clouds, login)
    login.chmod(0o600)
    if as_json:
        click.echo(json.dumps(_public(info), indent=2))
    else:
        click.echo(f"region {info.name} is ready at {info.auth_url}, playing {info.register_region_id}")
        click.echo(f"to look into it: OS_CLIENT_CONFIG_FILE={info.clouds} OS_CLOUD={info.name}")


@region.command()
@project_option
@_NAME
@click.option("--all", "everything", is_flag=True, help="Every region of this project.")
def down(cwd: Path, *, name: str, everything: bool) -> None:
    """Stop a region; its data and address stay for the next `up`."""
    from sandbox import region_down  # noqa: PLC0415

    home = Project.find(cwd).regions
    wanted = names(home) if everything else [existing("region", home, name)]
    for each in wanted:
        region_down(each, home=home)
        kept = f"its data and address stay for the next `up` (to delete them: onshore region rm --name {each})"
        click.echo(f"region {each} is stopped; {kept}", err=True)
    if not wanted:
        click.echo("no region here", err=True)


@region.command("rm")
@project_option
@click.option("--name", required=True, help="Which region.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(cwd: Path, *, name: str, yes: bool) -> None:
    """Stop a region and delete it with all its data."""
    from sandbox import region_remove  # noqa: PLC0415

    project = Project.find(cwd)
    existing("region", project.regions, name)
    check_askable(f"rm deletes all data of region {name}", yes=yes)
    agree(f"delete region {name} with all its data?", yes=yes)
    withdraw(project.regions / name / "clouds.yaml", project.settings.clouds)
    region_remove(name, home=project.regions)
    click.echo(f"region {name} is deleted", err=True)


@region.command()
@project_option
@json_option
def status(cwd: Path, *, as_json: bool) -> None:
    """List the regions of this project."""
    from sandbox import region_status  # noqa: PLC0415

    found = region_status(home=Project.find(cwd).regions)
    if as_json:
        click.echo(json.dumps([_public(info) for info in found], indent=2))
        return
    for info in found:
        state = "ready" if info.ready else f"not ready: {info.problem}"
        click.echo(f"{info.name:<12} {state:<10} {info.register_region_id}  {info.auth_url}  {info.clouds}")
    if not found:
        click.echo("no region here; type: onshore region up", err=True)


def _check_possible() -> None:
    """Raises OnshoreError with everything that this machine lacks."""
    from inventories import Fault, OnshoreError  # noqa: PLC0415
    from sandbox import region_unavailable  # noqa: PLC0415

    if reasons := region_unavailable():
        raise OnshoreError("there can be no sandbox region here", [Fault("", what, fix=fix) for what, fix in reasons])


def _role(project: Project, name: str, wanted: str | None) -> RegionRole:
    """What a region shall play; raises OnshoreError."""
    from inventories import load_register  # noqa: PLC0415
    from sandbox import region_roles  # noqa: PLC0415

    roles = region_roles(home=project.regions)
    role = wanted or roles.get(name, _FIRST_ROLE)
    # without overlays: one of a region that the register lost must not keep others from starting
    regions = {each.id: each for _, each in load_register(project.settings.register).regions() if each.openstack}
    check_role("region", name, role, played=roles, known=regions, called="OpenStack region")
    return offered(regions[role])


def offered(region: Region) -> RegionRole:
    """What the register says a region offers, for the sandbox, which knows no register."""
    from sandbox import RegionFlavor, RegionRole  # noqa: PLC0415

    stack, pulumi = region.openstack, region.pulumi
    if stack is None or pulumi is None:
        raise ValueError(f"{region.id} is no OpenStack region")
    return RegionRole(
        register_region_id=region.id,
        region_name=pulumi.region,
        project=stack.project,
        zones=tuple(zone.name for zone in stack.zones),
        images=tuple(image.name for image in stack.images),
        flavors=tuple(RegionFlavor(f.name, f.vcpu, f.memory_mib, f.disk_gib) for f in stack.flavors),
        external_networks=tuple(network.name for network in stack.external_networks),
        encrypted_volume_types=tuple(sorted(region.encrypted_volume_types)),
        plain_volume_types=tuple(sorted(region.plain_volume_types)),
    )


def _public(info: RegionInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "register_region": info.register_region_id,
        "region_name": info.region_name,
        "auth_url": info.auth_url,
        "ca_certificate": str(info.ca_certificate),
        "ca_sha256": info.ca_sha256,
        "clouds": str(info.clouds),
        "overlay": str(info.overlay),
        "ready": info.ready,
        "problem": info.problem,
    }
