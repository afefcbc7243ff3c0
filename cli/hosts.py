"""`onshore hosts …`: real hosts on this machine for trying out (up, down, status); `host_inventories` has the rest."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from cli import host_inventories
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import HostsInfo

_DEFAULT_NAME: Final = "sandbox"
_REGION, _DEPARTMENT, _CEILING = "example-csp-alpha-khi", "health-example", "confidential"
_NAME = click.option("--name", default=_DEFAULT_NAME, show_default=True, help="Which sandbox of hosts.")


@click.group()
def hosts() -> None:
    """Hosts: those of the register, and real ones on this machine for trying out."""


for _command in (host_inventories.list_, host_inventories.write, host_inventories.check):
    hosts.add_command(_command)


@hosts.command()
@project_option
@json_option
@_NAME
@click.option("--count", type=click.IntRange(0), default=1, show_default=True, help="How many hosts in the country.")
@click.option("--on-premises", type=click.IntRange(0), default=0, show_default=True, help="How many of a department's.")
@click.option("--region", help=f"Whose hosts they play, by region id.  [default: as before, at first {_REGION}]")
@click.option("--department", help=f"Whose data they hold.  [default: as before, at first {_DEPARTMENT}]")
@click.option("--ceiling", help=f"The highest category they may hold.  [default: as before, at first {_CEILING}]")
@click.option("--disk-mib", type=click.IntRange(64), default=4096, show_default=True, help="What each may write.")
def up(
    cwd: Path,
    *,
    as_json: bool,
    name: str,
    count: int,
    on_premises: int,
    region: str | None,
    department: str | None,
    ceiling: str | None,
    disk_mib: int,
) -> None:
    """Make real hosts on this machine, and register them; what runs already stays. Needs root."""
    from sandbox import hosts_place, hosts_up, shown_on  # noqa: PLC0415

    project = Project.find(cwd)
    _check_possible()
    before = hosts_place(name, home=project.hosts)
    owner = department or before.get("department", _DEPARTMENT)
    highest = ceiling or before.get("category_ceiling", _CEILING)
    site = _site(project, region or before.get("region", _REGION), owner, highest)
    with shown_on(sys.stderr) as progress:
        info = hosts_up(
            name,
            home=project.hosts,
            in_country=count,
            on_premises=on_premises,
            site=site,
            owner={"department": owner},
            disk_mib=disk_mib,
            progress=progress,
        )
    _lend_key(project, info)
    if as_json:
        click.echo(json.dumps(_public(info), indent=2))
    else:
        _show(info)


@hosts.command()
@project_option
@_NAME
@click.option("--all", "everything", is_flag=True, help="Every sandbox of hosts of this project.")
def down(cwd: Path, *, name: str, everything: bool) -> None:
    """End the hosts and remove every trace of them, their data too."""
    from sandbox import hosts_down, shown_on  # noqa: PLC0415

    project = Project.find(cwd)
    home = project.hosts
    names = sorted(path.name for path in home.glob("[!.]*") if path.is_dir()) if everything else [name]
    for each in names:
        _withdraw_key(project, each)
        with shown_on(sys.stderr) as progress:
            hosts_down(each, home=home, progress=progress)
        click.echo(f"no host of {each} is left", err=True)
    if not names:
        click.echo("no hosts here", err=True)


@hosts.command()
@project_option
@json_option
def status(cwd: Path, *, as_json: bool) -> None:
    """List the try-out hosts of this project."""
    from sandbox import hosts_status  # noqa: PLC0415

    found = hosts_status(home=Project.find(cwd).hosts)
    if as_json:
        click.echo(json.dumps([_public(info) for info in found], indent=2))
        return
    for info in found:
        _show(info)
    if not found:
        click.echo("no hosts here; type: onshore hosts up", err=True)


def _check_possible() -> None:
    """Raises OnshoreError with everything that this machine lacks."""
    from inventories import Fault, OnshoreError  # noqa: PLC0415
    from sandbox import hosts_unavailable  # noqa: PLC0415

    if reasons := hosts_unavailable():
        raise OnshoreError("there can be no sandbox hosts here", [Fault("", what, fix=fix) for what, fix in reasons])


def _site(project: Project, region: str, department: str, ceiling: str) -> dict[str, str]:
    """What the register shall say of the hosts in the country; raises OnshoreError with all that it does not know."""
    from inventories import Fault, OnshoreError, load_register  # noqa: PLC0415
    from inventories.yaml_source import nearest  # noqa: PLC0415

    # without overlays: one that the register no longer knows must not keep new hosts from starting
    register = load_register(project.settings.register)
    regions = {region.id: (provider, region) for provider in register.providers for region in provider.regions}
    departments = [each.id for each in register.departments]
    categories = [category.id for category in project.settings.load_profile().categories]
    faults = [
        Fault(option, what, got, fix=nearest(got, known))
        for option, what, got, known in (
            ("--region", "the register has no such region", region, sorted(regions)),
            ("--department", "the register has no such department", department, departments),
            ("--ceiling", "the profile has no such category", ceiling, categories),
        )
        if got not in known
    ]
    if not faults and "vm" not in regions[region][1].service_kinds:
        able = sorted(name for name, (_, each) in regions.items() if "vm" in each.service_kinds)
        faults.append(Fault("--region", "hosts stand in a region that offers vm", region, fix=nearest(region, able)))
    if faults:
        raise OnshoreError("the hosts cannot be registered so", faults)
    provider, home = regions[region]
    return {"provider": provider.id, "region": region, "site": home.sites[0], "category_ceiling": ceiling}


def _lend_key(project: Project, info: HostsInfo) -> None:
    """Let playbooks log in with the sandbox's key, unless somebody has put a key there."""
    key = project.settings.ssh_key
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(info.identity, key)
        key.chmod(0o600)


def _withdraw_key(project: Project, name: str) -> None:
    """Remove the copy of a sandbox's key, and nobody else's key."""
    own, key = project.hosts / name / "id_ed25519", project.settings.ssh_key
    if own.is_file() and key.is_file() and key.read_bytes() == own.read_bytes():
        key.unlink()


def _show(info: HostsInfo) -> None:
    for host in info.hosts:
        state = "ready" if host.ready else f"not ready: {host.problem}"
        click.echo(f"{host.name:<16} {host.role:<12} {host.address:<16} {state}")
    click.echo(f"key of {info.name}: {info.identity}", err=True)


def _public(info: HostsInfo) -> dict[str, Any]:
    told = ("name", "role", "address", "host_key", "host_key_sha256", "ready", "problem")
    return {
        "name": info.name,
        "identity": str(info.identity),
        "overlay": str(info.overlay),
        "hosts": [{field: getattr(host, field) for field in told} for host in info.hosts],
    }
