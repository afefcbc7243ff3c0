"""HST-001, two-way."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from inventories.models import Host
from tests.policies.asking import UNKNOWN, Provider, Resource, World, table
from tests.worlds import DEPARTMENT, load_cases


def _key(seed: bytes) -> str:
    return "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + seed * 32).decode()


KEY, OTHER = _key(b"k"), _key(b"o")
COMMAND = Provider(type="pulumi:providers:command")


def host(name: str, address: str, **fields: Any) -> Host:
    given = {
        "id": name, "address": address, "site": "example-site-1", "region": "example-region-1",
        "host_key": KEY, "department": DEPARTMENT, "category_ceiling": "confidential",
    }  # fmt: skip
    return Host.model_validate(given | fields)


@cache
def world(category: str = "restricted") -> World:
    register = load_cases()[0].register
    hosts = (
        host("example-host-1", "192.0.2.21"),
        host("example-host-2", "192.0.2.22", department="finance-example"),
        host("example-host-3", "192.0.2.23", category_ceiling="open"),
        host("example-host-4", "192.0.2.24", category_ceiling="nobody-knows"),
        host("example-host-5", "192.0.2.25", site="nowhere"),
    )
    provider = register.providers[0].model_copy(update={"hosts": hosts})
    return World(category, register=register.model_copy(update={"providers": (provider,)}))


def component(hosts: Any) -> Resource:
    return Resource("onshore:index:Machines", {"category": "restricted", "hosts": hosts})


def command(connection: Any) -> Resource:
    return Resource("command:remote:Command", {"connection": connection}, COMMAND)


@table(
    {
        "a host of the register": (component(["example-host-1"]),),
        "no hosts": (component([]),),
        "a host with its key": (component([{"host": "192.0.2.21", "hostKey": KEY}]),),
        "a connection with its key": (command({"host": "192.0.2.21", "hostKey": KEY}), "OPQ-001"),
        "a host nobody knows": (component(["example-host-9"]), "HST-001"),
        "another department's": (component(["example-host-2"]), "HST-001"),
        "one for lesser data": (component(["example-host-3"]), "HST-001"),
        "one for data nobody knows": (component(["example-host-4"]), "HST-001"),
        "one at a site nobody knows": (component(["example-host-5"]), "HST-001"),
        "another key": (component([{"host": "192.0.2.21", "hostKey": OTHER}]), "HST-001"),
        "no key": (component([{"host": "192.0.2.21"}]), "HST-001"),
        "a key that is none": (component([{"host": "192.0.2.21", "hostKey": "x"}]), "HST-001"),
        "a number": (component([1]), "HST-001"),
        "hosts that are text": (component("example-host-1"), "HST-001"),
        "a connection to elsewhere": (command({"host": "192.0.2.99", "hostKey": KEY}), "HST-001", "OPQ-001"),
        "a connection without a key": (command({"host": "192.0.2.21"}), "HST-001", "OPQ-001"),
        "a connection that is text": (command("192.0.2.21"), "HST-001", "OPQ-001"),
        "a way through elsewhere": (
            command({"host": "192.0.2.21", "hostKey": KEY, "proxy": {"host": "192.0.2.99"}}),
            "HST-001",
            "OPQ-001",
        ),
        "an unknown host": (component([UNKNOWN]), "UNK-001"),
        "unknown hosts": (component(UNKNOWN), "UNK-001"),
        "an unknown address": (command({"host": UNKNOWN, "hostKey": KEY}), "UNK-001", "OPQ-001"),
        "an unknown key": (command({"host": "192.0.2.21", "hostKey": UNKNOWN}), "UNK-001", "OPQ-001"),
    }
)
def test_hosts_are_the_registers(asked: Resource, refusing: set[str]) -> None:
    assert world().refused_by(asked) == refusing
