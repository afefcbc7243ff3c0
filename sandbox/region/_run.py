"""Start a region's processes, wait until each is of use, and end them."""

from __future__ import annotations

import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import urllib3
from urllib3.exceptions import HTTPError

from sandbox._host_needs import hosts_unavailable
from sandbox._processes import running, start, stop
from sandbox.errors import SandboxError
from sandbox.region import _database
from sandbox.region._environment import python
from sandbox.region._layout import DATABASE, OBJECTS, SERVICE_CODE, SERVICES, RegionLayout, base_url
from sandbox.region.guests import all_down

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_PROJECT: Final = Path(__file__).resolve().parents[2]
_WITHIN_S: Final = 300.0
_POLL_S: Final = 0.1
_GRACE_S: Final = 5.0
_LOG_TAIL_LINES: Final = 5


class PortTakenError(Exception):
    """Another process took a port between our choice and the component's start."""


def begin_database(layout: RegionLayout, programs: Path, port: int, password: str) -> None:
    """Start the database unless it runs, and wait until it answers. Raises SandboxError or PortTakenError."""
    if DATABASE not in alive(layout):
        _database.begin(layout, programs, port)
    wait(layout, [DATABASE], lambda: "" if _database.answers(port, password) else "it does not answer")


def begin_services(
    layout: RegionLayout, environment: Path, ports: Mapping[str, int], services: Iterable[str], *, zones: int
) -> None:
    """Start those of the services that do not run; waits for none of them."""
    going = alive(layout)
    for service in services:
        if service in going:
            continue
        code = "objects.py" if service == OBJECTS else "serve.py"
        command = [python(environment), str(SERVICE_CODE / code)]
        if service != OBJECTS:
            command.append(service)
        command.append(str(layout.settings))
        if service != OBJECTS:
            command += [str(layout.pki), str(ports[service])]
        more = {
            "PYTHONPATH": str(SERVICE_CODE),
            "PYTHONUNBUFFERED": "1",
            "ONSHORE_REGION_ZONES": str(zones),
            "SPT_NOENV": "1",  # neutron renames its process: in the place of its environment, which has our mark
        }
        if service == "nova" and not hosts_unavailable():
            more["ONSHORE_REGION_GUESTS"] = ":".join((sys.executable, str(_PROJECT), str(layout.guests)))
        if service == OBJECTS:  # its S3 interface asks the identity service by a client that takes an authority only so
            more["REQUESTS_CA_BUNDLE"] = str(layout.authority)
        start(service, command, layout.directory, layout.log(service), more)


def wait_for(layout: RegionLayout, services: Iterable[str], ports: Mapping[str, int]) -> None:
    """Wait until these services answer. Raises SandboxError or PortTakenError."""
    owed = list(services)
    with pool(layout) as http:

        def silent() -> str:
            while owed and answers(http, owed[0], ports):
                owed.pop(0)
            return f"{owed[0]} does not answer" if owed else ""

        wait(layout, [DATABASE, *owed], silent)


def pool(layout: RegionLayout) -> urllib3.PoolManager:
    """A client that trusts the region's own authority only."""
    context = ssl.create_default_context(cafile=str(layout.authority))
    return urllib3.PoolManager(ssl_context=context, retries=False, timeout=urllib3.Timeout(connect=2.0, read=20.0))


def answers(http: urllib3.PoolManager, service: str, ports: Mapping[str, int]) -> bool:
    """Whether a service says what it is."""
    path = "/healthcheck" if service == OBJECTS else "/"
    try:
        return bool(http.request("GET", base_url(service, ports) + path, redirect=False).status < 400)
    except HTTPError:
        return False


def alive(layout: RegionLayout) -> dict[str, int]:
    """Component -> process id, of what runs."""
    return {process.component: process.pid for process in running(layout.directory)}


def end_all(layout: RegionLayout, progress: Callable[[str], None] = lambda _: None) -> None:
    """End every process of the region: those that use the database first."""
    if going := running(layout.directory):
        count = len({process.component for process in going})
        progress(f"stopping {count} processes of region {layout.directory.name}")
        stop([process for process in going if process.component != DATABASE], _GRACE_S)
        stop(running(layout.directory), _GRACE_S)
    all_down(layout.guests)


def wait(layout: RegionLayout, components: Iterable[str], owed: Callable[[], str]) -> None:
    """Wait until `owed` answers ''; raise as soon as a component ends, or when the time is up."""
    deadline = time.monotonic() + _WITHIN_S
    last = ""
    while time.monotonic() < deadline:
        going = alive(layout)
        for component in components:
            if component not in going:
                raise _ended(layout, component)
        if not (last := owed()):
            return
        time.sleep(_POLL_S)
    raise SandboxError(
        f"The sandbox region {layout.directory.name} is not ready after {_WITHIN_S:.0f} seconds: {last}.",
        f"Look into {layout.directory / 'logs'}, then try again.",
    )


def _ended(layout: RegionLayout, component: str) -> Exception:
    log = layout.log(component)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    if any("ddress already in use" in line or "No socket could be created" in line for line in lines):
        return PortTakenError(component)
    tail = "\n".join(f"    {line}" for line in lines)
    name = layout.directory.name
    return SandboxError(
        f"{component} of the sandbox region {name} ended by itself; its log is {log}. It ends with:\n{tail}\n",
        f"Try again. To start anew: `onshore region rm --name {name}`, and bring it up again.",
    )


ALL: Final = (DATABASE, *SERVICES)
"""Every component that a region in use has."""
