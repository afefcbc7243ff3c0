"""`onshore hosts list|inventory|check`: the register's hosts, and Ansible inventories of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.project import Project, json_option, project_option
from cli.register import DAY

if TYPE_CHECKING:
    from datetime import datetime

    from inventories.hosts import Use
    from inventories.models import Category, Host, OnPremisesHost, Profile, Provider, Register

_WRITTEN: Final = "# From register "
_FOLDERS: Final = "inventories/hosts/*/hosts.yaml"
_ON = click.option("--on", type=DAY, help="The day to ask about (default: today).")


@click.command("list")
@project_option
@json_option
@_ON
@click.option("--department", help="Only hosts of this department.")
@click.option("--category", help="Held against data of this category.  [default: each host's own ceiling]")
def list_(cwd: Path, *, as_json: bool, on: datetime | None, department: str | None, category: str | None) -> None:
    """List the register's hosts, and what speaks against each on a day."""
    from inventories import today  # noqa: PLC0415 - pydantic, here and below

    settings = Project.find(cwd).settings
    register, profile = settings.load_register(), settings.load_profile()
    if department is not None:
        _check_department(register, department)
    wanted = _category(profile, category) if category is not None else None
    day = on.date() if on else today(profile)
    rows = [
        _row(register, profile, provider, host, wanted, day)
        for provider, host in register.hosts()
        if department in (None, host.department)
    ]
    own = [_machine(host) for host in register.on_premises if department in (None, host.department)]
    if as_json:
        click.echo(json.dumps({"on": day.isoformat(), "hosts": rows, "on_premises": own}, indent=2))
        return
    click.echo(f"{_counted(len(rows), 'host')} on {day}")
    for row in rows:
        place = f"{row['site']} ({row['country']})"
        click.echo(f"{row['id']}  {row['address']}  {place}  {row['department']}, up to {row['category_ceiling']}")
        for reason in row["refused"]:
            click.echo(f"    {reason}")
    click.echo(f"{_counted(len(own), 'machine')} on premises: data may move from there, and nothing is placed there")
    for machine in own:
        click.echo(f"{machine['id']}  {machine['address']}  {machine['department']}")


@click.command("inventory")
@project_option
@_ON
@click.option("--department", required=True, help="Whose data.")
@click.option("--category", required=True, help="Of which category.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def write(cwd: Path, *, on: datetime | None, department: str, category: str, folder: Path) -> None:
    """Write an Ansible inventory of the hosts that may be used: hosts.yaml, group_vars, and pinned host keys."""
    from inventories import Fault, OnshoreError, today  # noqa: PLC0415
    from inventories.hosts import Use, render_inventory  # noqa: PLC0415

    settings = Project.find(cwd).settings
    register, profile = settings.load_register(), settings.load_profile()
    _check_department(register, department)
    use = Use(department, _category(profile, category), on.date() if on else today(profile))
    files = render_inventory(register, profile, use)
    taken = [path for name in files if (path := folder / name).exists() and not _is_ours(path, files[name])]
    if taken:
        fix = "move it, or choose another folder; variables of your own go into files of their own in group_vars"
        faults = [Fault(str(path), "somebody else's file stands here", fix=fix) for path in taken]
        raise OnshoreError(f"the inventory cannot be written into {folder}", faults)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    count = len(files["known_hosts"].splitlines())
    click.echo(
        f"{_counted(count, 'host')} for {use.category.id} data of {department} on {use.on}: {folder / 'hosts.yaml'}"
    )


@click.command()
@project_option
@json_option
@_ON
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(cwd: Path, *, as_json: bool, on: datetime | None, files: tuple[Path, ...]) -> None:
    """Hold Ansible inventories against the register (default: each in inventories/hosts); every fault at once."""
    from inventories import Fault, OnshoreError, today  # noqa: PLC0415
    from inventories.hosts import check_inventory, read_inventory  # noqa: PLC0415

    project = Project.find(cwd)
    register, profile = project.settings.load_register(), project.settings.load_profile()
    day = on.date() if on else today(profile)
    chosen = files or tuple(sorted(project.root.glob(_FOLDERS)))
    if not chosen:
        fault = Fault(_FOLDERS, "there is no inventory", fix="write one: onshore hosts inventory, or name a file")
        raise OnshoreError("there is nothing to check", [fault])
    read = [read_inventory(file) for file in chosen]
    if faults := [fault for each in read for fault in check_inventory(each, register, profile, on=day)]:
        readable = not any(each.faults for each in read)
        raise OnshoreError("what the inventories say is not what the register says", faults, refused=readable)
    rows = [{"file": each.name, "hosts": sorted({named.host for named in each.hosts})} for each in read]
    if as_json:
        click.echo(json.dumps({"on": day.isoformat(), "register": register.digest, "inventories": rows}, indent=2))
        return
    for row in rows:
        click.echo(f"{row['file']}: {_counted(len(row['hosts']), 'host')}, no faults on {day}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _check_department(register: Register, department: str) -> None:
    from inventories import Fault, OnshoreError  # noqa: PLC0415
    from inventories.yaml_source import nearest  # noqa: PLC0415

    known = [each.id for each in register.departments]
    if department not in known:
        fault = Fault("--department", "the register has no such department", department, fix=nearest(department, known))
        raise OnshoreError("there are no such hosts", [fault])


def _category(profile: Profile, name: str) -> Category:
    from inventories import Fault, OnshoreError  # noqa: PLC0415
    from inventories.yaml_source import nearest  # noqa: PLC0415

    if (found := profile.category(name)) is not None:
        return found
    known = [each.id for each in profile.categories]
    fault = Fault("--category", "the profile has no such category", name, fix=nearest(name, known))
    raise OnshoreError("there are no such hosts", [fault])


def _is_ours(path: Path, text: str) -> bool:
    """Whether a file may be replaced: it is one of ours, or says the same already."""
    content = path.read_text(encoding="utf-8", errors="replace")
    beside = path.with_name("hosts.yaml")  # known_hosts has no head of its own
    return content.startswith(_WRITTEN) or content == text or (path.name == "known_hosts" and _is_written(beside))


def _is_written(path: Path) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(_WRITTEN)


def _row(
    register: Register, profile: Profile, provider: Provider, host: Host, category: Category | None, day: Any
) -> dict[str, Any]:
    from inventories.hosts import Use, refusals  # noqa: PLC0415

    site = register.site(host.site)
    row = _machine(host) | {
        "provider": provider.id,
        "region": host.region,
        "site": host.site,
        "country": site.country if site else "",
        "category_ceiling": host.category_ceiling,
    }
    held = category or profile.category(host.category_ceiling)
    use: Use | None = Use(host.department, held, day) if held else None
    against = refusals(register, profile, host.id, use) if use else ("HST-001 its ceiling is no category",)
    return row | {"refused": [str(reason) for reason in against]}


def _machine(host: Host | OnPremisesHost) -> dict[str, Any]:
    return {
        "id": host.id,
        "address": host.address,
        "host_key": host.host_key,
        "host_key_sha256": host.host_key_sha256,
        "department": host.department,
        "fictional": host.fictional,
    }
