"""Start what is missing of a sandbox's hosts, link them to each other and to this machine, and end them.

Everything hangs on a few processes that `_processes` recognises by their mark: a switch, whose network namespace holds
the bridge, and process 1 of each host. Mounts, links, namespaces and addresses live in their namespaces, so they go
with them; what stays in this machine's own network namespace is one link, and it goes with the switch.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Interface
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox._host_layout import (
    BRIDGE,
    INIT,
    NETWORKS,
    SWITCH,
    HostsLayout,
    HostState,
    address,
    gateway,
    hardware_address,
    link_name,
)
from sandbox._host_needs import program
from sandbox._processes import running, start, stop
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.02
_GRACE_S: Final = 5.0
_AT_ONCE: Final = 4
_LOG_TAIL_LINES: Final = 5


class NetworkTakenError(Exception):
    """Another sandbox took a network between our choice and our link."""


def bring_up(layout: HostsLayout, network: int, hosts: Iterable[HostState], disk_mib: int) -> None:
    """Start what does not run of the switch and the hosts, and link what is not linked.

    Raises SandboxError, or NetworkTakenError before any host is linked.
    """
    hosts = tuple(hosts)
    layout.mount_point.mkdir(exist_ok=True)
    layout.log(SWITCH).parent.mkdir(exist_ok=True)
    switch = _switch(layout, network)
    for host in hosts:
        if host.name not in outermost(layout):
            init = ["sh", str(INIT), str(layout.directory), host.name, str(disk_mib)]
            _start(layout, host.name, ["-n", "-m", "-u", "-i", "-p", "-f", "--kill-child", "--", *init])
    for host in hosts:
        _link_host(layout, network, host, switch)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda host: _wait(layout, host.name, partial(_not_ready, layout, network, host)), hosts))


def move_in(
    layout: HostsLayout, network: int, host: HostState, hostname: str, addresses: Iterable[IPv4Interface]
) -> None:
    """Let a running host answer at addresses of its own, too, which lead to it from this machine alone.

    Raises SandboxError where one of them leads elsewhere already.
    """
    pid = _pid(layout, host.name)
    _succeed(["nsenter", "-t", str(pid), "-u", "hostname", hostname])
    for one in addresses:
        _ip(pid, "address", "replace", str(one), "dev", "eth0")
        routes = json.loads(_succeed(["ip", "-json", "route", "show", f"{one.ip}/32"]))
        if others := {route["dev"] for route in routes} - {link_name(network)}:
            what = f"{one.ip} leads to {', '.join(sorted(others))} on this machine."
            raise SandboxError(what, "Give the machine another address.")
        _here("route", "replace", f"{one.ip}/32", "dev", link_name(network), "src", gateway(network))


def move_out(layout: HostsLayout, name: str) -> None:
    """End one host of several, and take back what leads to it."""
    pid = outermost(layout).get(name)
    held = json.loads(_run(_inside(pid, "-json", "-4", "address", "show", "dev", "eth0")).stdout or "[]") if pid else []
    for one in (each for link in held for each in link.get("addr_info", [])):
        _run(["ip", "route", "delete", f"{one['local']}/32"])
    stop([process for process in running(layout.directory) if process.component == name], _GRACE_S)


def stop_all(layout: HostsLayout) -> None:
    """End every process of the sandbox's, and with them all that lives in their namespaces."""
    alive = running(layout.directory)
    stop([process for process in alive if process.component != SWITCH], _GRACE_S)
    _drop_own_links(layout)
    stop(running(layout.directory), _GRACE_S)


def choose_network(layout: HostsLayout, before: int | None) -> int:
    """The network of a sandbox: the one it had when it is still free for it, else the first free one.

    Raises SandboxError when there is none.
    """
    first = before if before is not None else zlib.crc32(str(layout.directory).encode()) % len(NETWORKS)
    taken = _networks_here(but=link_name(first) if _owner_of_link(first) == str(layout.directory) else "")
    for step in range(len(NETWORKS)):
        network = (first + step) % len(NETWORKS)
        if network not in taken:
            return network
    raise SandboxError(
        "Every network of 198.18.0.0/15 is in use here.", "Take other sandboxes down: onshore hosts down"
    )


def can_log_in(layout: HostsLayout, network: int, host: HostState) -> bool:
    """Whether a host lets the sandbox's key in and is the one whose key we made."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "ConnectTimeout=5"]
    options += ["GlobalKnownHostsFile=none", f"UserKnownHostsFile={layout.known_hosts}"]
    given = [part for option in options for part in ("-o", option)]
    command = [program("ssh"), "-F", "none", *given, "-i", str(layout.identity)]
    done = subprocess.run(
        [*command, f"root@{address(network, host)}", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode == 0


def _not_ready(layout: HostsLayout, network: int, host: HostState) -> str:
    return "" if can_log_in(layout, network, host) else "it does not let the sandbox's key in"


def outermost(layout: HostsLayout) -> dict[str, int]:
    """Component -> its outermost process: `unshare` itself, which is in the component's network namespace."""
    marked = {process.pid: process.component for process in running(layout.directory)}
    found: dict[str, int] = {}
    for pid, component in marked.items():
        with contextlib.suppress(OSError):  # one that has just ended
            if marked.get(_parent(pid)) != component:
                found[component] = pid
    return found


def _pid(layout: HostsLayout, component: str) -> int:
    if (pid := outermost(layout).get(component)) is None:
        raise _ended(layout, component, "ended by itself")
    return pid


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def _start(layout: HostsLayout, component: str, arguments: list[str]) -> None:
    start(component, [program("unshare"), *arguments], layout.directory, layout.log(component))


def _switch(layout: HostsLayout, network: int) -> int:
    """The switch, linked to this machine, which has an address in its network; the process that holds it."""
    name = link_name(network)
    if SWITCH not in outermost(layout) or _owner_of_link(network) != str(layout.directory):
        _begin_switch(layout)
        pid = _pid(layout, SWITCH)
        # The kernel has one link of a name: who makes it has the network.
        if _run(["ip", "link", "add", name, "type", "veth", "peer", "name", "machine", "netns", str(pid)]).returncode:
            raise NetworkTakenError(name)
        _here("link", "set", "dev", name, "alias", str(layout.directory))
    pid = _pid(layout, SWITCH)
    _ip(pid, "link", "set", BRIDGE, "up")
    _ip(pid, "link", "set", "machine", "master", BRIDGE, "up")
    _here("address", "replace", f"{gateway(network)}/24", "dev", name)
    _here("link", "set", name, "up")
    return pid


def _begin_switch(layout: HostsLayout) -> None:
    """A new switch; what was linked to an old one is unlinked at once, not when the kernel comes to it."""
    stop([process for process in running(layout.directory) if process.component == SWITCH], _GRACE_S)
    _drop_own_links(layout)
    for component, pid in outermost(layout).items():
        if component != SWITCH:
            _run(_inside(pid, "link", "delete", "eth0"))
    _start(layout, SWITCH, ["-n", "--", "sh", "-ec", f"ip link add {BRIDGE} type bridge; exec sleep infinity"])
    pid = _pid(layout, SWITCH)
    _wait(layout, SWITCH, lambda: "" if _has_link(pid, BRIDGE) else "it has no bridge")


def _link_host(layout: HostsLayout, network: int, host: HostState, switch: int) -> None:
    def has_own_network() -> str:
        same = Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
        return "it has no network of its own yet" if same else ""

    pid = _pid(layout, host.name)
    _wait(layout, host.name, has_own_network)
    port = f"{host.role[0]}{host.number}"
    if not _has_link(pid, "eth0"):
        _run(_inside(switch, "link", "delete", port))  # of a host of this name that has ended
        peer = ["name", "eth0", "address", hardware_address(network, host), "netns", str(pid)]
        _ip(switch, "link", "add", port, "type", "veth", "peer", *peer)
    # also where there was one: whoever made it may have been killed right then
    _ip(switch, "link", "set", port, "master", BRIDGE, "up")
    _ip(pid, "address", "replace", f"{address(network, host)}/24", "dev", "eth0")
    _ip(pid, "link", "set", "eth0", "up")


def _wait(layout: HostsLayout, component: str, owed: Callable[[], str]) -> None:
    """Wait until `owed` answers ''; raise as soon as the component ends, or when the time is up."""
    deadline = time.monotonic() + _WITHIN_S
    last = ""
    while time.monotonic() < deadline:
        if component not in outermost(layout):
            raise _ended(layout, component, "ended by itself")
        with contextlib.suppress(OSError):
            if not (last := owed()):
                return
        time.sleep(_POLL_S)
    raise _ended(layout, component, f"is of no use after {_WITHIN_S:.0f} seconds ({last})")


def _ended(layout: HostsLayout, component: str, how: str) -> SandboxError:
    log = layout.log(component)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    tail = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
    return SandboxError(f"{component} {how}; its log is {log}. It ends with:\n{tail}\n", "Try again.")


def _has_link(pid: int, name: str) -> bool:
    return _run(_inside(pid, "link", "show", name)).returncode == 0


def _inside(pid: int, *arguments: str) -> list[str]:
    """`ip` in the network namespace of a process."""
    return ["nsenter", "-t", str(pid), "-n", "ip", *arguments]


def _ip(pid: int, *arguments: str) -> None:
    _succeed(_inside(pid, *arguments))


def _here(*arguments: str) -> None:
    _succeed(["ip", *arguments])


def _owner_of_link(network: int) -> str | None:
    """The directory of the sandbox whose link this network's is; '' when nobody says so, None when there is none."""
    name = link_name(network)
    done = _run(["ip", "-json", "link", "show", name])
    if done.returncode != 0:
        return None
    return str(json.loads(done.stdout)[0].get("ifalias", ""))


def _drop_own_links(layout: HostsLayout) -> None:
    for link in json.loads(_succeed(["ip", "-json", "link"])):
        if link.get("ifalias") == str(layout.directory):
            _run(["ip", "link", "delete", str(link["ifname"])])


def _networks_here(*, but: str) -> set[int]:
    """Those of `NETWORKS` that some link of this machine (but one) has an address in, or bears the name of."""
    links = json.loads(_succeed(["ip", "-json", "-4", "address"]))
    used = [
        IPv4Interface(f"{one['local']}/{one['prefixlen']}").network
        for link in links
        if link.get("ifname") != but
        for one in link.get("addr_info", [])
    ]
    taken = {number for number, network in enumerate(NETWORKS) if any(network.overlaps(other) for other in used)}
    names = {path.name for path in Path("/sys/class/net").iterdir()} - {but}
    return taken | {number for number in range(len(NETWORKS)) if link_name(number) in names}


def _succeed(command: list[str]) -> str:
    done = _run(command)
    if done.returncode != 0:
        what = f"`{' '.join(command)}` failed: {done.stderr.strip() or done.returncode}."
        raise SandboxError(what, "Type `onshore hosts down`, and try again.")
    return done.stdout


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.pathsep.join(("/usr/sbin", "/usr/bin", "/sbin", "/bin")), "LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
