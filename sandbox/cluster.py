"""Bring sandbox clusters up and down, and say how they are.

A cluster is a directory below `home`; everything in it is kept from one `up` to the next (certificates, data, ports),
so its address and authority stay what the register overlay says. `cluster_up` converges: it starts what does not run
and leaves the rest alone, whatever state a killed run left behind.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from urllib3.exceptions import HTTPError

from sandbox import _api, _pki
from sandbox._files import locked, refusing, write_whole
from sandbox._layout import START_ORDER, Layout, kubeconfig, overlay, server_url
from sandbox._processes import running
from sandbox._programs import ensure_programs
from sandbox._runtime import bring_up, stop_all
from sandbox._state import State, read_state
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_REGISTER_ID: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """A sandbox cluster as it is now; `problem` says why it is not `ready`. `pids` maps component to process id."""

    name: str
    kubeconfig: Path
    overlay: Path
    server: str
    ca_sha256: str
    ready: bool
    problem: str = ""
    pids: Mapping[str, int] = field(default_factory=dict)


def cluster_up(
    name: str = "sandbox",
    *,
    home: Path,
    nodes: int = 3,
    register_cluster_id: str = "example-csp-alpha-khi-1",
    progress: Callable[[str], None],
) -> ClusterInfo:
    """Make sure that the cluster `name` runs and is ready, and return it; twice is the same as once.

    Writes `kubeconfig` and `overlay.yaml` into `home/name`. `progress` gets one line per stage. Raises SandboxError.
    """
    _check(name, nodes, register_cluster_id)
    programs = ensure_programs(progress)
    layout = Layout(home.resolve() / name)
    with _holding(layout, progress):
        (layout.directory / "logs").mkdir(parents=True, exist_ok=True, mode=0o700)
        layout.directory.chmod(0o700)
        _pki.ensure_pki(layout.pki, name)
        before = read_state(layout)
        wanted = State(before.ports if before else {}, nodes, register_cluster_id)
        server = server_url(bring_up(layout, wanted, programs, progress).ports)
        write_whole(layout.kubeconfig, kubeconfig(name, server, layout.pki, "admin"))
        write_whole(layout.overlay, overlay(register_cluster_id, server, _pki.ca_sha256(layout.pki)), mode=0o644)
    return _info(layout)


def cluster_down(name: str = "sandbox", *, home: Path, progress: Callable[[str], None] = lambda _: None) -> None:
    """Stop the cluster's processes; its certificates, data and ports stay for the next `cluster_up`.

    A cluster that does not run, or does not exist, is left as it is. Raises SandboxError.
    """
    _check(name, 1, "any")
    layout = Layout(home.resolve() / name)
    if not layout.directory.exists() and not running(layout.directory):
        return
    with _holding(layout, progress):
        stop_all(layout, progress)


def cluster_remove(name: str, *, home: Path, progress: Callable[[str], None] = lambda _: None) -> None:
    """Stop the cluster's processes and delete its directory, whatever state it is in. Raises SandboxError."""
    _check(name, 1, "any")
    layout = Layout(home.resolve() / name)
    with _holding(layout, progress):
        stop_all(layout, progress)
        if layout.directory.exists():
            shutil.rmtree(layout.directory)


def cluster_roles(*, home: Path) -> dict[str, str]:
    """Name of each cluster below `home` -> id of the register's cluster that it plays, running or not.

    A cluster whose cluster.json cannot be read plays nothing.
    """
    roles = {}
    for file in sorted(home.resolve().glob("*/cluster.json")):
        with contextlib.suppress(SandboxError, OSError):
            if state := read_state(Layout(file.parent)):
                roles[file.parent.name] = state.register_cluster_id
    return roles


def cluster_status(*, home: Path) -> list[ClusterInfo]:
    """Every cluster below `home`, running or not, by name."""
    if not home.is_dir():
        return []
    states = sorted(path for path in home.resolve().glob("*/cluster.json") if _NAME.fullmatch(path.parent.name))
    return [_info(Layout(path.parent)) for path in states]


def _check(name: str, nodes: int, register_cluster_id: str) -> None:
    if sys.platform != "linux":
        raise SandboxError(
            f"The sandbox runs on Linux, this is {sys.platform}.", "Use a Linux machine or a Linux virtual machine."
        )
    if not _NAME.fullmatch(name):
        raise SandboxError(
            f"A sandbox cluster cannot be called {name!r}.", "Use 1 to 32 of a-z, 0-9 and - (not first or last)."
        )
    if not 1 <= nodes <= 1000:
        raise SandboxError(f"A sandbox cluster cannot have {nodes} nodes.", "Ask for 1 to 1000.")
    if not _REGISTER_ID.fullmatch(register_cluster_id):
        raise SandboxError(
            f"{register_cluster_id!r} is not a cluster id of the register.", "Use the id of a cluster in the register."
        )


@contextlib.contextmanager
def _holding(layout: Layout, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the cluster's lock, and refuse clearly what the file system refuses."""
    name, home = layout.directory.name, layout.directory.parent
    advice = "Make the directory writable and leave about 500 MB free on its disk, or choose another one."
    with refusing(f"The sandbox cluster {name} cannot be kept in {home}", advice):
        home.mkdir(parents=True, exist_ok=True)
        waiting = f"waiting: another process is working on the sandbox cluster {name}"
        with locked(home / f".{name}.lock", lambda: progress(waiting)):
            yield


def _info(layout: Layout) -> ClusterInfo:
    pids = {process.component: process.pid for process in running(layout.directory)}
    server, digest, nodes = "", "", 0
    try:
        state = read_state(layout)
        if state is not None:
            server, nodes = server_url(state.ports), state.nodes
        digest = _pki.ca_sha256(layout.pki)
        problem = _problem(server, layout, nodes, set(pids))
    except SandboxError as error:
        problem = error.what
    except (OSError, ValueError) as error:
        problem = f"its certificates cannot be read ({error})"
    files = (layout.kubeconfig, layout.overlay)
    return ClusterInfo(layout.directory.name, *files, server, digest, not problem, problem, pids)


def _problem(server: str, layout: Layout, nodes: int, alive: set[str]) -> str:
    if not alive:
        return "it is down"
    if absent := [component for component in START_ORDER if component not in alive]:
        return f"{', '.join(absent)} does not run"
    with _api.connect(server, layout.pki) as client:
        try:
            return _api.settled(client, nodes) if _api.is_ready(client) else f"{server} does not call itself ready"
        except HTTPError as error:
            return f"{server} does not do its work: {error}"
