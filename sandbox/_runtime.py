"""Start what is missing of a cluster, in order, and wait until it is of use."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Final

from urllib3.exceptions import HTTPError

from sandbox import _api
from sandbox._files import refusing, write_whole
from sandbox._layout import PORTS, START_ORDER, Layout, arguments, kubeconfig, server_url
from sandbox._ports import free_ports, is_free
from sandbox._processes import running, start, stop
from sandbox._state import State, start_anew, write_state
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_READY_WITHIN_S: Final = 300.0
_POLL_S: Final = 0.1
_GRACE_S: Final = 5.0
_ATTEMPTS: Final = 3
_LOG_TAIL_LINES: Final = 5


class _PortTakenError(Exception):
    """Another process took a port between our choice and the component's start."""


def bring_up(layout: Layout, wanted: State, programs: Mapping[str, Path], progress: Callable[[str], None]) -> State:
    """Start every component that does not run, wait until the cluster is ready, and return its state.

    The ports of `wanted` are kept when they can be; the state is written before anything listens. Raises SandboxError.
    """
    ports = wanted.ports
    for _ in range(_ATTEMPTS):
        state = dataclasses.replace(wanted, ports=_settle_ports(layout, ports, progress))
        write_state(layout, state)
        try:
            _start_missing(layout, state, programs, progress)
        except _PortTakenError:
            ports = {}
        except SandboxError:
            stop_all(layout, progress)  # half a cluster serves nobody
            raise
        except HTTPError as error:
            what = f"The API server of the sandbox cluster {layout.directory.name} does not do its work: {error}."
            raise SandboxError(what, f"Look into {layout.log('kube-apiserver')}, then try again.") from error
        else:
            return state
    name = layout.directory.name
    raise SandboxError(
        f"Others took the ports of the sandbox cluster {name}, {_ATTEMPTS} times in a row.", "Try again."
    )


def stop_all(layout: Layout, progress: Callable[[str], None]) -> None:
    """Stop every process of the cluster: those that use the API server first, the data's keeper last."""
    if not (alive := running(layout.directory)):
        return
    progress(f"stopping {len(alive)} processes of the sandbox cluster {layout.directory.name}")
    for group in (START_ORDER[2:], START_ORDER[1:2], START_ORDER[:1]):
        stop([process for process in alive if process.component in group], _GRACE_S)


def _settle_ports(layout: Layout, ports: Mapping[str, int], progress: Callable[[str], None]) -> Mapping[str, int]:
    alive = {process.component for process in running(layout.directory)}
    idle = [port for component, names in PORTS.items() if component not in alive for port in names]
    if ports and all(is_free(ports[port]) for port in idle):
        return ports
    # One port that cannot be had again moves the server, and then everything that knows its address starts anew.
    stop_all(layout, progress)
    names = [port for names in PORTS.values() for port in names]
    return dict(zip(names, free_ports(len(names)), strict=True))


def _start_missing(
    layout: Layout,
    state: State,
    programs: Mapping[str, Path],
    progress: Callable[[str], None],
) -> None:
    name, server = layout.directory.name, server_url(state.ports)
    for client in START_ORDER[2:]:
        write_whole(layout.client_kubeconfig(client), kubeconfig(name, server, layout.pki, client))
    alive = {process.component for process in running(layout.directory)}
    missing = [component for component in START_ORDER if component not in alive]
    if missing:
        progress(f"starting the sandbox cluster {name}: {', '.join(missing)}; usually takes 5 to 10 seconds")
    own = {"KWOK_WORKDIR": str(layout.directory)}
    with _api.connect(server, layout.pki) as api:
        for group in (START_ORDER[:2], START_ORDER[2:]):
            for component in group:
                if component in missing:
                    argv = [str(programs[component]), *arguments(component, layout, state.ports)]
                    with refusing(f"{argv[0]} cannot be started", "Remove that file: it is then made anew."):
                        start(component, argv, layout.directory, layout.log(component), own)
            if group == START_ORDER[:2]:
                _wait(layout, group, lambda: "" if _api.is_ready(api) else f"{server} is not ready")
                _api.apply(api, _api.objects(state.nodes))
                _api.delete_other_nodes(api, _api.node_names(state.nodes))
                if "kwok" in missing:
                    _api.release_nodes(api)
        _wait(layout, START_ORDER, lambda: _api.settled(api, state.nodes))
    if missing:
        progress(f"the sandbox cluster {name} is ready at {server}")


def _wait(layout: Layout, components: tuple[str, ...], owed: Callable[[], str]) -> None:
    """Wait until `owed` answers '' ; raise as soon as a component ends, or when the time is up."""
    deadline = time.monotonic() + _READY_WITHIN_S
    last = ""
    while time.monotonic() < deadline:
        alive = {process.component for process in running(layout.directory)}
        for component in components:
            if component not in alive:
                raise _ended(layout, component)
        try:
            if not (last := owed()):
                return
        except HTTPError as error:
            last = str(error)
        time.sleep(_POLL_S)
    name = layout.directory.name
    raise SandboxError(
        f"The sandbox cluster {name} is not ready after {_READY_WITHIN_S:.0f} seconds: {last}.",
        f"Look into {layout.directory / 'logs'}. {start_anew(layout)}",
    )


def _ended(layout: Layout, component: str) -> Exception:
    log = layout.log(component)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    if any("address already in use" in line for line in lines):
        return _PortTakenError(component)
    tail = "\n".join(f"    {line}" for line in lines)
    name = layout.directory.name
    return SandboxError(
        f"{component} of the sandbox cluster {name} ended by itself; its log is {log}. It ends with:\n{tail}\n",
        f"Try again. {start_anew(layout)}",
    )
