"""Bring sandbox hosts up and down, and say how they are.

A sandbox of hosts is a directory below `home`. Each host is a real one as far as a login can tell: network, file
system, processes and host name of its own, a real OpenSSH server with a host key of its own, logins by key only.
`hosts_up` converges, whatever a killed run left; `hosts_down` removes every trace, the directory too.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from sandbox._files import locked, refusing, write_whole
from sandbox._host_keys import ensure_key, public_key, start_anew
from sandbox._host_layout import (
    HOSTS_MOST,
    SSHD_CONFIG,
    HostsLayout,
    HostState,
    Role,
    address,
    fingerprint,
    known_hosts,
    overlay,
    wanted_hosts,
)
from sandbox._host_needs import hosts_unavailable
from sandbox._host_runtime import NetworkTakenError, bring_up, can_log_in, choose_network, outermost, stop_all
from sandbox._processes import running
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

DEFAULT_NAME: Final = "sandbox"
_ATTEMPTS: Final = 3
_AT_ONCE: Final = 8
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class HostInfo:
    """A sandbox host as it is now; `problem` says why it is not `ready`. `pid`: its outermost process."""

    name: str
    role: Role
    address: str
    host_key: str
    host_key_sha256: str
    ready: bool
    problem: str = ""
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class HostsInfo:
    """A sandbox of hosts; `identity` is the private key that logs in, as root or as any user with a shell."""

    name: str
    directory: Path
    identity: Path
    overlay: Path
    hosts: tuple[HostInfo, ...]


@dataclass(frozen=True, slots=True)
class _State:
    network: int
    disk_mib: int
    site: Mapping[str, str]
    owner: Mapping[str, str]
    hosts: tuple[HostState, ...]


def hosts_up(
    name: str = DEFAULT_NAME,
    *,
    home: Path,
    in_country: int,
    on_premises: int = 0,
    site: Mapping[str, str],
    owner: Mapping[str, str],
    disk_mib: int = 4096,
    progress: Callable[[str], None],
) -> HostsInfo:
    """Make sure that so many hosts of each role run and let the sandbox's key in; what runs already stays.

    Writes `overlay.yaml` for the register: `site` and `owner` are what it says of the hosts (`_host_layout.overlay`).
    `disk_mib`: how much a host may write, in memory. Raises SandboxError, and then leaves what runs for the next call.
    """
    _check(name, in_country + on_premises)
    if reasons := hosts_unavailable():
        what, fix = ("; ".join(part) for part in zip(*reasons, strict=True))
        raise SandboxError(f"There can be no sandbox hosts here: {what}.", f"To do: {fix}.")
    layout = HostsLayout(home.resolve() / name)
    with _holding(layout, progress):
        before = _read(layout)
        if before and (before.site, before.owner) != (dict(site), dict(owner)):
            told = ", ".join([*before.owner.values(), *before.site.values()])
            what = f"The hosts of {name} are registered otherwise ({told}), and stay so as long as they run."
            raise SandboxError(what, "Give others a --name of their own, or take these down: onshore hosts down.")
        prefix = "" if name == DEFAULT_NAME else f"{name}-"
        asked = wanted_hosts(prefix, {"in-country": in_country, "on-premises": on_premises})
        hosts = tuple(dict.fromkeys((*(before.hosts if before else ()), *asked)))
        layout.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        absent = {host.name for host in hosts} - {process.component for process in running(layout.directory)}
        if absent:
            progress(f"starting {len(absent)} of {len(hosts)} sandbox hosts; usually half a second each")
        for _ in range(_ATTEMPTS):
            network = choose_network(layout, before.network if before else None)
            state = _State(network, disk_mib, dict(site), dict(owner), hosts)
            write_whole(layout.state, json.dumps(asdict(state), indent=1))
            keys = _write_files(layout, name, state)
            with contextlib.suppress(NetworkTakenError):
                bring_up(layout, network, hosts, disk_mib)
                return _info(layout, state, keys, are_ready=True)
    raise SandboxError(
        f"Others took the networks of the sandbox hosts {name}, {_ATTEMPTS} times in a row.", "Try again."
    )


def hosts_down(name: str = DEFAULT_NAME, *, home: Path, progress: Callable[[str], None] = lambda _: None) -> None:
    """End the hosts of a sandbox and remove every trace of them, whatever state it is in; twice is the same as once."""
    _check(name, 0)
    layout = HostsLayout(home.resolve() / name)
    if not layout.directory.exists() and not running(layout.directory):
        return
    with _holding(layout, progress):
        if alive := running(layout.directory):
            progress(f"ending {len(alive)} processes of the sandbox hosts {name}")
        stop_all(layout)
        if layout.directory.exists():
            shutil.rmtree(layout.directory)
        (layout.directory.parent / f".{name}.lock").unlink()


def hosts_place(name: str = DEFAULT_NAME, *, home: Path) -> Mapping[str, str]:
    """What the register was told of a sandbox's hosts, `site` and `owner` together; nothing before the first `up`."""
    _check(name, 0)
    state = _read(HostsLayout(home.resolve() / name))
    return {**state.site, **state.owner} if state else {}


def hosts_status(*, home: Path) -> list[HostsInfo]:
    """Every sandbox of hosts below `home`, running or not, by name. Raises SandboxError for one that cannot be read."""
    found = []
    for file in sorted(home.resolve().glob("*/hosts.json")):
        layout = HostsLayout(file.parent)
        if _NAME.fullmatch(file.parent.name) and (state := _read(layout)):
            keys = {host.name: public_key(layout, host.name) for host in state.hosts}
            found.append(_info(layout, state, keys))
    return found


def _write_files(layout: HostsLayout, name: str, state: _State) -> dict[str, str]:
    """Keys (made once), the SSH server's settings, and what is written for others; returns host -> public key."""
    layout.directory.chmod(0o700)
    layout.key("any").parent.mkdir(exist_ok=True, mode=0o700)
    ensure_key(layout.identity, f"onshore sandbox {name}")
    for host in state.hosts:
        ensure_key(layout.key(host.name), host.name)
    keys = {host.name: public_key(layout, host.name) for host in state.hosts}
    placed = [(host, address(state.network, host), keys[host.name]) for host in state.hosts]
    write_whole(layout.sshd_config, SSHD_CONFIG)
    write_whole(layout.known_hosts, known_hosts((where, key) for _, where, key in placed))
    write_whole(layout.overlay, overlay(name, placed, state.site, state.owner), mode=0o644)
    return keys


def _read(layout: HostsLayout) -> _State | None:
    try:
        content = json.loads(layout.state.read_text(encoding="utf-8"))
        hosts = tuple(HostState(str(h["name"]), h["role"], int(h["number"])) for h in content["hosts"])
        return _State(
            int(content["network"]), int(content["disk_mib"]), dict(content["site"]), dict(content["owner"]), hosts
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(
            f"{layout.state} is not what sandbox hosts write ({error!r}).", start_anew(layout)
        ) from error


def _info(layout: HostsLayout, state: _State, keys: Mapping[str, str], *, are_ready: bool = False) -> HostsInfo:
    pids = outermost(layout)

    def told(host: HostState) -> HostInfo:
        key, own = keys[host.name], pids.get(host.name)
        problem = "" if own else "it is down"
        if own and not are_ready and not can_log_in(layout, state.network, host):
            problem = f"it does not let the sandbox's key in, see {layout.log(host.name)}"
        where = address(state.network, host)
        return HostInfo(host.name, host.role, where, key, fingerprint(key), not problem, problem, own)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        hosts = tuple(pool.map(told, state.hosts))
    directory = layout.directory
    return HostsInfo(directory.name, directory, layout.identity, layout.overlay, hosts)


def _check(name: str, count: int) -> None:
    if not _NAME.fullmatch(name):
        raise SandboxError(
            f"Sandbox hosts cannot be called {name!r}.", "Use 1 to 32 of a-z, 0-9 and - (not first or last)."
        )
    if not 0 <= count <= HOSTS_MOST:
        raise SandboxError(f"There cannot be {count} sandbox hosts.", f"Ask for 1 to {HOSTS_MOST}.")


@contextlib.contextmanager
def _holding(layout: HostsLayout, progress: Callable[[str], None]) -> Iterator[None]:
    name, home = layout.directory.name, layout.directory.parent
    with refusing(f"The sandbox hosts {name} cannot be kept in {home}", "Make it writable, or choose another one."):
        home.mkdir(parents=True, exist_ok=True)
        waiting = f"waiting: another process is working on the sandbox hosts {name}"
        with locked(home / f".{name}.lock", lambda: progress(waiting)):
            yield
