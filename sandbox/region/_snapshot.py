"""What every region starts from: the services' databases as their own tools make them, and the keys that go with them.

Made once by the services themselves, kept in the user's cache under a digest of all that it depends on.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets as random
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox import _pki
from sandbox._files import locked, refusing, user_cache, write_whole
from sandbox._ports import free_ports
from sandbox.errors import SandboxError
from sandbox.region import _database, _identity, _run, _settings
from sandbox.region._environment import REQUIREMENTS, python
from sandbox.region._layout import IDENTITY, PORTS, SERVICE_CODE, RegionLayout, auth_url

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE: Final = 2
_TEMPLATE: Final = "{scheme}://{username}:{password}@{hostname}:{port}/"
_REGION: Final = "snapshot"


def ensure_snapshot(environment: Path, programs: Path, progress: Callable[[str], None]) -> Path:
    """The folder to copy a region's store from, made first where it has to be. Raises SandboxError."""
    directory = snapshot_directory(programs)
    advice = "Set ONSHORE_CACHE to a directory you can write to, with about 500 MB free."
    with refusing(f"The region's first state cannot be kept in {directory.parent}", advice):
        directory.parent.mkdir(parents=True, exist_ok=True)
        waiting = f"waiting: another process is making the region's first state in {directory.parent}"
        with locked(directory.parent / f".{directory.name}.lock", lambda: progress(waiting)):
            if not directory.exists():
                _make(directory, environment, programs, progress)
    return directory


def snapshot_directory(programs: Path) -> Path:
    """Where the snapshot of exactly these services, with this configuration, is kept."""
    # not the services' settings: what the tools make of a database does not depend on them
    nowhere = RegionLayout(Path("/region"))
    commands = _manage_commands(nowhere, Path("/services"), dict.fromkeys(PORTS, 0), dict.fromkeys(_SECRETS, ""))
    parts = [REQUIREMENTS.read_bytes(), (SERVICE_CODE / "network_schema.py").read_bytes()]
    parts += [json.dumps([commands, _identity.TYPES, _SECRETS]).encode(), str(programs).encode()]
    recipe = b"\0".join(parts)
    return user_cache() / "region" / f"snapshot-{hashlib.sha256(recipe).hexdigest()[:16]}"


def restore(snapshot: Path, layout: RegionLayout) -> None:
    """Give a region its store, whole or not at all."""
    part = layout.store.with_name(f".{layout.store.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(snapshot, part, copy_function=_copy)
    part.rename(layout.store)


def read_secrets(layout: RegionLayout) -> dict[str, str]:
    """The services' secrets. Raises SandboxError when they are not what was written."""
    try:
        content = json.loads(layout.secrets.read_text(encoding="utf-8"))
        return {name: str(content[name]) for name in _SECRETS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SandboxError(
            f"{layout.secrets} is not what a region writes ({error!r}).",
            f"To start anew: `onshore region rm --name {layout.directory.name}`, and bring it up again.",
        ) from error


_SECRETS: Final = ("admin", "database", "service", "swift", "volume_key")


def _make(directory: Path, environment: Path, programs: Path, progress: Callable[[str], None]) -> None:
    layout = RegionLayout(directory.with_name(f".{directory.name}.part").resolve())
    _run.end_all(layout)  # of a run that was killed
    shutil.rmtree(layout.directory, ignore_errors=True)
    for folder in (layout.settings, layout.work, layout.keys, layout.log("any").parent):
        folder.mkdir(parents=True, mode=0o700)
    layout.directory.chmod(0o700)
    began = time.monotonic()
    progress("making the region's first state, once; usually 2 to 4 minutes (1 of 3: database)")
    made = {name: random.token_hex(24) for name in _SECRETS} | {"volume_key": random.token_hex(32)}
    write_whole(layout.secrets, json.dumps(made))
    _pki.ensure_server_pki(layout.pki, "first state of regions")
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    content = _settings.settings(layout, ports, made, environment, region_name=_REGION, zones=("snapshot",))
    for name, text in content.items():
        write_whole(layout.settings / name, text)
    try:
        _database.make(layout, programs, made["database"])
        _run.begin_database(layout, programs, ports["postgresql"], made["database"])
        _database.create_databases(ports["postgresql"], made["database"])
        progress("making the region's first state (2 of 3: tables of the services)")
        _fill(layout, environment, ports, made)
        progress("making the region's first state (3 of 3: users of the services)")
        _run.begin_services(layout, environment, ports, [IDENTITY], zones=1)
        _run.wait_for(layout, [IDENTITY], ports)
        _identity.ensure_service_users(auth_url(ports), layout.authority, made)
    finally:
        _run.end_all(layout)
    (layout.database / "postmaster.pid").unlink(missing_ok=True)
    layout.store.rename(directory)
    shutil.rmtree(layout.directory)
    progress(f"the region's first state is made ({time.monotonic() - began:.0f} seconds), and kept in {directory}")


def _fill(layout: RegionLayout, environment: Path, ports: dict[str, int], made: dict[str, str]) -> None:
    """Have each project make its tables; they know nothing of each other, so two at once."""
    manage = _manage_commands(layout, environment, ports, made)
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        # the longest first
        done = [workers.submit(_in_turn, layout, project, manage[project]) for project in _BY_LENGTH]
    for each in done:
        each.result()


_BY_LENGTH: Final = ("nova", "cinder", "neutron", "keystone", "glance", "placement")


def _manage_commands(
    layout: RegionLayout, environment: Path, ports: dict[str, int], made: dict[str, str]
) -> dict[str, list[list[str]]]:
    def manage(project: str, *arguments: str, program: str = "", conf: str = "") -> list[str]:
        executable = environment / "bin" / (program or f"{project}-manage")
        return [str(executable), "--config-file", str(layout.settings / (conf or f"{project}.conf")), *arguments]

    owner = ("--keystone-user", str(os.geteuid()), "--keystone-group", str(os.getegid()))
    password, port = made["database"], ports["postgresql"]
    neutron = f"postgresql+psycopg2://{_database.OWNER}:{password}@127.0.0.1:{port}/neutron"
    return {
        "keystone": [
            manage("keystone", "db_sync"),
            manage("keystone", "fernet_setup", *owner),
            manage("keystone", "receipt_setup", *owner),
            manage("keystone", "credential_setup", *owner),
            manage("keystone", "bootstrap"),
        ],
        "glance": [manage("glance", "db_sync", conf="glance-api.conf")],
        "placement": [manage("placement", "db", "sync")],
        "nova": [
            manage("nova", "api_db", "sync"),
            # templates: the port is another one in each region
            manage("nova", "cell_v2", "map_cell0", "--database_connection", f"{_TEMPLATE}nova_cell0"),
            manage("nova", "cell_v2", "create_cell", "--name", "cell1", "--transport-url", "fake:///",
                   "--database_connection", f"{_TEMPLATE}nova_cell1"),
            manage("nova", "db", "sync"),
        ],
        "neutron": [
            [python(environment), str(SERVICE_CODE / "network_schema.py"), neutron],
            manage("neutron", "stamp", "heads", program="neutron-db-manage"),
        ],
        "cinder": [manage("cinder", "db", "sync")],
    }  # fmt: skip


def _in_turn(layout: RegionLayout, project: str, commands: list[list[str]]) -> None:
    own = {"HOME": str(layout.directory), "PATH": os.environ.get("PATH", os.defpath)}
    own["OS_BOOTSTRAP_PASSWORD"] = read_secrets(layout)["admin"]
    log = layout.log(f"{project}-manage")
    for command in commands:
        with log.open("ab") as output:
            done = subprocess.run(command, stdout=output, stderr=output, env=own, check=False)
        if done.returncode != 0:
            tail = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-8:])
            what = f"{project} could not be made ready (`{' '.join(command[:4])} …`). It said:\n{tail}\n"
            raise SandboxError(what, f"Try again; all of it is in {log}.")


def _copy(source: str, target: str) -> str:
    # a copy that shares blocks where the file system can is what copy_file_range is for; sizes are small
    return str(shutil.copy2(source, target))
