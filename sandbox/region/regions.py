"""Bring sandbox regions up and down, and say how they are.

A region is a directory below `home`: real Keystone, Glance, Placement, Nova, Neutron, Cinder and Swift over a database
of its own, behind an authority of its own; only hypervisor, disks and wires are played. `region_up` converges: it
starts what does not run and makes what is missing, whatever state a killed run left behind.
"""

from __future__ import annotations

import contextlib
import json
import secrets as random
import shutil
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox import _pki
from sandbox._files import locked, refusing, write_whole
from sandbox._ports import free_ports, is_free
from sandbox.errors import SandboxError
from sandbox.region import _database, _files, _identity, _run, _seed, _settings, _snapshot
from sandbox.region._environment import ensure_environment, find_uv, is_made
from sandbox.region._layout import IDENTITY, PORTS, SERVICES, RegionLayout, auth_url, is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_ATTEMPTS: Final = 3
_USER: Final = "deployer"


@dataclass(frozen=True, slots=True)
class RegionFlavor:
    """A size of machine that a region offers."""

    name: str
    vcpu: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True, slots=True)
class RegionRole:
    """Which region of the register a sandbox plays, and what that one offers; images and networks by name."""

    register_region_id: str
    region_name: str
    project: str
    zones: tuple[str, ...]
    images: tuple[str, ...]
    flavors: tuple[RegionFlavor, ...]
    external_networks: tuple[str, ...]
    encrypted_volume_types: tuple[str, ...]
    plain_volume_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegionInfo:
    """A sandbox region as it is now; `problem` says why it is not `ready`. `pids` maps component to process id.

    `clouds` is a clouds.yaml: the cloud called like the region is who deploys, `NAME-admin` its administrator.
    """

    name: str
    register_region_id: str
    region_name: str
    clouds: Path
    overlay: Path
    auth_url: str
    ca_certificate: Path
    ca_sha256: str
    ready: bool
    problem: str = ""
    pids: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _State:
    ports: Mapping[str, int]
    role: RegionRole
    password: str


def region_up(
    name: str = "sandbox", *, home: Path, role: RegionRole, progress: Callable[[str], None]
) -> RegionInfo:
    """Make sure that the region `name` runs, offers what `role` says, and return it; twice is the same as once.

    Writes `clouds.yaml` (0600) and `overlay.yaml` into `home/name`. `progress` gets one line per stage. Raises
    SandboxError.
    """
    _check(name)
    if reasons := region_unavailable():
        what, fix = ("; ".join(part) for part in zip(*reasons, strict=True))
        raise SandboxError(f"There can be no sandbox region here: {what}.", f"To do: {fix}.")
    programs = _database.find_programs()
    assert programs
    environment = ensure_environment(progress)
    snapshot = _snapshot.ensure_snapshot(environment, programs, progress)
    layout = RegionLayout(home.resolve() / name)
    with _holding(layout, progress):
        kept = [layout.work / service for service in SERVICES]
        for folder in (layout.directory, layout.settings, *kept, layout.log("any").parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        layout.directory.chmod(0o700)
        _pki.ensure_server_pki(layout.pki, f"region {name}")
        if not layout.store.exists():
            _snapshot.restore(snapshot, layout)
        state = _bring_up(layout, role, environment, programs, progress)
        user, admin = (_USER, state.password), _snapshot.read_secrets(layout)["admin"]
        write_whole(layout.clouds, _files.clouds(layout, state.ports, role, user, admin))
        told = _files.overlay(name, state.ports, role, _pki.ca_sha256(layout.pki))
        write_whole(layout.overlay, told, mode=0o644)
    return _info(layout)


def region_down(name: str = "sandbox", *, home: Path, progress: Callable[[str], None] = lambda _: None) -> None:
    """End the region's processes; its data, address and authority stay for the next `region_up`.

    A region that does not run, or does not exist, is left as it is. Raises SandboxError.
    """
    _check(name)
    layout = RegionLayout(home.resolve() / name)
    if not layout.directory.exists() and not _run.alive(layout):
        return
    with _holding(layout, progress):
        _run.end_all(layout, progress)


def region_remove(name: str, *, home: Path, progress: Callable[[str], None] = lambda _: None) -> None:
    """End the region's processes and delete its directory, whatever state it is in. Raises SandboxError."""
    _check(name)
    layout = RegionLayout(home.resolve() / name)
    with _holding(layout, progress):
        _run.end_all(layout, progress)
        if layout.directory.exists():
            shutil.rmtree(layout.directory)


def region_roles(*, home: Path) -> dict[str, str]:
    """Name of each region below `home` -> id of the register's region that it plays, running or not."""
    roles = {}
    for file in sorted(home.resolve().glob("*/region.json")):
        with contextlib.suppress(SandboxError, OSError):
            if state := _read(RegionLayout(file.parent)):
                roles[file.parent.name] = state.role.register_region_id
    return roles


def region_status(*, home: Path) -> list[RegionInfo]:
    """Every region below `home`, running or not, by name."""
    if not home.is_dir():
        return []
    states = sorted(path for path in home.resolve().glob("*/region.json") if is_name(path.parent.name))
    return [_info(RegionLayout(path.parent)) for path in states]


def region_unavailable() -> list[tuple[str, str]]:
    """Why there can be no sandbox region here: (what is missing, what to do), all at once; empty when nothing is."""
    if sys.platform != "linux":
        return [(f"a sandbox region runs on Linux, this is {sys.platform}", "use a Linux machine or virtual machine")]
    found = []
    if _database.find_programs() is None:
        found.append(("no PostgreSQL server of version 15 or later", "apt-get install postgresql (on Debian)"))
    elif said := _database.userns_refused():
        what = f"PostgreSQL does not run as root, and this machine permits no user namespaces ({said})"
        found.append((what, "become another user than root, or allow user namespaces"))
    if not is_made() and not find_uv():
        found.append(("no uv, which installs its services", "type: make setup"))
    return found


def _bring_up(
    layout: RegionLayout, role: RegionRole, environment: Path, programs: Path, progress: Callable[[str], None]
) -> _State:
    before = _read(layout)
    password = before.password if before else random.token_urlsafe(24)
    ports = before.ports if before else {}
    if before and before.role != role:
        _run.end_all(layout, progress)  # its settings say what it offers
    for _ in range(_ATTEMPTS):
        state = _State(_settle_ports(layout, ports, progress), role, password)
        write_whole(layout.state, json.dumps(asdict(state), indent=1))
        try:
            _begin(layout, state, environment, programs, progress)
        except _run.PortTakenError:
            _run.end_all(layout, progress)
            ports = {}
        except SandboxError:
            _run.end_all(layout, progress)  # half a region serves nobody
            raise
        else:
            return state
    name = layout.directory.name
    raise SandboxError(f"Others took the ports of the sandbox region {name}, {_ATTEMPTS} times in a row.", "Try again.")


def _begin(
    layout: RegionLayout, state: _State, environment: Path, programs: Path, progress: Callable[[str], None]
) -> None:
    role, ports, name = state.role, state.ports, layout.directory.name
    secrets = _snapshot.read_secrets(layout)
    content = _settings.settings(
        layout, ports, secrets, environment, region_name=role.region_name, zones=role.zones
    )
    # nova reads it from the folder of its settings only
    content["api-paste.ini"] = (environment / "etc" / "nova" / "api-paste.ini").read_text(encoding="utf-8")
    for file, text in content.items():
        write_whole(layout.settings / file, text)
    missing = [component for component in _run.ALL if component not in _run.alive(layout)]
    if not missing and _is_seeded(layout, state):
        return
    if missing:
        progress(f"starting the sandbox region {name}: {', '.join(missing)}; usually takes 30 to 60 seconds")
    _run.begin_database(layout, programs, ports["postgresql"], secrets["database"])
    # the others ask keystone for tokens as soon as they start
    _run.begin_services(layout, environment, ports, [IDENTITY], zones=len(role.zones))
    _run.wait_for(layout, [IDENTITY], ports)
    _identity.ensure_catalogue(ports, layout.authority, secrets["admin"], role.region_name)
    _run.begin_services(layout, environment, ports, SERVICES, zones=len(role.zones))
    _run.wait_for(layout, SERVICES, ports)
    if not _is_seeded(layout, state):
        progress(f"filling region {name}: project {role.project}, flavors, images, zones, volume types, networks")
        _seed.seed(ports, layout.authority, secrets["admin"], role, (_USER, state.password))
        write_whole(layout.seeded, _seed_mark(state))
    if missing:
        progress(f"the sandbox region {name} is ready at {auth_url(ports)}")


def _is_seeded(layout: RegionLayout, state: _State) -> bool:
    try:
        return layout.seeded.read_text(encoding="utf-8") == _seed_mark(state)
    except FileNotFoundError:
        return False


def _seed_mark(state: _State) -> str:
    """What a region was filled with: when it is asked to offer something else, it is filled again."""
    return json.dumps(asdict(state.role), indent=1)


def _settle_ports(
    layout: RegionLayout, ports: Mapping[str, int], progress: Callable[[str], None]
) -> Mapping[str, int]:
    going = _run.alive(layout)
    idle = [port for port in PORTS if (port.split("-")[0]) not in going]
    if ports and all(is_free(ports[port]) for port in idle):
        return ports
    # One port that cannot be had again moves a service, and then everything that knows its address starts anew.
    _run.end_all(layout, progress)
    return dict(zip(PORTS, free_ports(len(PORTS)), strict=True))


def _read(layout: RegionLayout) -> _State | None:
    try:
        content: dict[str, Any] = json.loads(layout.state.read_text(encoding="utf-8"))
        role = {key: tuple(value) if isinstance(value, list) else value for key, value in content["role"].items()}
        role["flavors"] = tuple(RegionFlavor(**flavor) for flavor in role["flavors"])
        ports = {port: int(content["ports"][port]) for port in PORTS}
        return _State(ports, RegionRole(**role), str(content["password"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(f"{layout.state} is not what a region writes ({error!r}).", _start_anew(layout)) from error


def _info(layout: RegionLayout) -> RegionInfo:
    pids = _run.alive(layout)
    region_id = region_name = url = digest = ""
    try:
        state = _read(layout)
        if state is not None:
            region_id, region_name = state.role.register_region_id, state.role.region_name
            url = auth_url(state.ports)
        digest = _pki.ca_sha256(layout.pki)
        problem = _problem(layout, state, pids)
    except SandboxError as error:
        problem = error.what
    except (OSError, ValueError) as error:
        problem = f"its certificates cannot be read ({error})"
    files = layout.clouds, layout.overlay
    name = layout.directory.name
    return RegionInfo(
        name, region_id, region_name, *files, url, layout.authority, digest, not problem, problem, pids
    )


def _problem(layout: RegionLayout, state: _State | None, pids: Mapping[str, int]) -> str:
    if not pids or state is None:
        return "it is down"
    if absent := [component for component in _run.ALL if component not in pids]:
        return f"{', '.join(absent)} does not run"
    with _run.pool(layout) as http:
        silent = [service for service in SERVICES if not _run.answers(http, service, state.ports)]
    return f"{', '.join(silent)} does not answer" if silent else ""


def _check(name: str) -> None:
    if not is_name(name):
        raise SandboxError(
            f"A sandbox region cannot be called {name!r}.", "Use 1 to 32 of a-z, 0-9 and - (not first or last)."
        )


def _start_anew(layout: RegionLayout) -> str:
    return f"To start anew: `onshore region rm --name {layout.directory.name}`, and bring it up again."


@contextlib.contextmanager
def _holding(layout: RegionLayout, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the region's lock, and refuse clearly what the file system refuses."""
    name, home = layout.directory.name, layout.directory.parent
    advice = "Make the directory writable and leave about 500 MB free on its disk, or choose another one."
    with refusing(f"The sandbox region {name} cannot be kept in {home}", advice):
        home.mkdir(parents=True, exist_ok=True)
        waiting = f"waiting: another process is working on the sandbox region {name}"
        with locked(home / f".{name}.lock", lambda: progress(waiting)):
            yield
