"""HST-001, two-way."""

from __future__ import annotations

import base64
from datetime import date
from functools import cache
from typing import Any

import pytest

from inventories.models import Host, OnPremisesHost, OpenStack, StatusChange, Zone
from tests.policies.asking import UNKNOWN, Provider, Resource, World, table
from tests.worlds import DEPARTMENT, load_cases


def _key(seed: bytes) -> str:
    return "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + seed * 32).decode()


KEY, OTHER = _key(b"k"), _key(b"o")
PLAYBOOK = "onshore-ansible:index:Playbook"
OPENSTACK = OpenStack(ca_sha256="0" * 64, project="health", zones=(Zone(name="zone-a", site="example-site-1"),))
COMMAND = Provider(type="pulumi:providers:command")


def host(name: str, address: str, **fields: Any) -> Host:
    given = {
        "id": name, "address": address, "site": "example-site-1", "region": "example-region-1",
        "host_key": KEY, "department": DEPARTMENT, "category_ceiling": "confidential",
    }  # fmt: skip
    return Host.model_validate(given | fields)


def world(category: str = "restricted", **changes: Any) -> World:
    register = load_cases()[0].register
    hosts = (
        host("example-host-1", "192.0.2.21"),
        host("example-host-2", "192.0.2.22", department="finance-example"),
        host("example-host-3", "192.0.2.23", category_ceiling="open"),
        host("example-host-4", "192.0.2.24", category_ceiling="nobody-knows"),
        host("example-host-5", "192.0.2.25", site="nowhere"),
    )
    own = OnPremisesHost(id="example-own", address="192.0.2.31", host_key=KEY, department=DEPARTMENT)
    provider = changed({"hosts": hosts, **changes})
    return World(category, register=register.model_copy(update={"providers": (provider,), "on_premises": (own,)}))


def changed(changes: dict[str, Any]) -> Any:
    """The world's provider, accredited for machines, with changes: of its own fields, or of its `region`."""
    provider = load_cases()[0].register.providers[0]
    scope = provider.accreditation.scope
    wider = scope.model_copy(update={"service_kinds": changes.pop("kinds", scope.service_kinds | {"vm"})})
    told: dict[str, Any] = {"scope": wider}
    if status := changes.pop("status", None):
        told["history"] = (StatusChange(status=status, effective_on=date(2025, 1, 1)),)
    laid = {"openstack": OPENSTACK, **changes.pop("region", {})}
    regions = tuple(one.model_copy(update=laid) for one in provider.regions[:1])
    accreditation = provider.accreditation.model_copy(update=told)
    return provider.model_copy(update={"accreditation": accreditation, "regions": regions, **changes})


@cache
def usual() -> World:
    return world()


def component(hosts: Any) -> Resource:
    return Resource("onshore:index:Machines", {"category": "restricted", "hosts": hosts})


def run(hosts: Any) -> Resource:
    return Resource("onshore-ansible:index:Run", {"category": "restricted", "hosts": hosts})


def made(**changes: Any) -> Resource:
    """A run on a machine that its program makes in the world's region."""
    machine = {"id": "records-0", "region": "example-region-1", "zone": "zone-a", "address": "10.0.0.5", "hostKey": KEY}
    return Resource(PLAYBOOK, {"category": "restricted", "hosts": [], "machines": [{**machine, **changes}]})


def command(connection: Any) -> Resource:
    return Resource("command:remote:Command", {"connection": connection}, COMMAND)


@table(
    {
        "a host of the register": (component(["example-host-1"]),),
        "no hosts": (component([]),),
        "a host with its key": (component([{"host": "192.0.2.21", "hostKey": KEY}]),),
        "a connection with its key": (command({"host": "192.0.2.21", "hostKey": KEY}), "OPQ-001"),
        "a host nobody knows": (component(["example-host-9"]), "HST-001"),
        "a department's own machine": (component(["example-own"]), "HST-001"),
        "a connection to a department's own": (command({"host": "192.0.2.31", "hostKey": KEY}), "HST-001", "OPQ-001"),
        "a playbook's run": (run(["example-host-1"]),),
        "a playbook's run elsewhere": (run(["example-host-9"]), "HST-001"),
        "another department's": (component(["example-host-2"]), "HST-001"),
        "one for lesser data": (component(["example-host-3"]), "HST-001"),
        "one for data nobody knows": (component(["example-host-4"]), "HST-001"),
        "one at a site nobody knows": (component(["example-host-5"]), "HST-001", "RES-004"),
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
        "a machine of a region": (made(),),
        "a machine that is not there yet": (made(address=UNKNOWN, hostKey=UNKNOWN),),
        "a machine of a region nobody knows": (made(region="moon"), "HST-001"),
        "a machine of a zone nobody knows": (made(zone="khi-z"), "HST-001"),
        "a machine without a key": (made(hostKey=None), "HST-001"),
        "a machine with a key that is none": (made(hostKey="x"), "HST-001"),
        "a machine that is text": (
            Resource(PLAYBOOK, {"category": "restricted", "machines": ["records-0"]}),
            "HST-001",
        ),
        "machines that are text": (Resource(PLAYBOOK, {"category": "restricted", "machines": "records-0"}), "HST-001"),
        "a machine of an unknown region": (made(region=UNKNOWN), "HST-001"),
        "an unknown host": (component([UNKNOWN]), "UNK-001"),
        "unknown hosts": (component(UNKNOWN), "UNK-001"),
        "an unknown address": (command({"host": UNKNOWN, "hostKey": KEY}), "UNK-001", "OPQ-001"),
        "an unknown key": (command({"host": "192.0.2.21", "hostKey": UNKNOWN}), "UNK-001", "OPQ-001"),
    }
)
def test_hosts_are_the_registers(asked: Resource, refusing: set[str]) -> None:
    assert usual().refused_by(asked) == refusing


PROVIDERS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "as it is": ({}, set()),
    "a suspended provider": ({"status": "suspended"}, {"ACC-001"}),
    "a provider accredited for clusters only": ({"kinds": frozenset({"kubernetes"})}, {"ACC-002"}),
    "a provider without audits": ({"audits": ()}, {"ACC-003"}),
    "a region of a public cloud": ({"region": {"deployment_model": "public"}}, {"ACC-002", "CAT-002"}),
    "a region of a low level": ({"region": {"security_level": "baseline"}}, {"CAT-003"}),
}


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("ask", [lambda: component(["example-host-1"]), lambda: run(["192.0.2.21"]), made])
def test_what_stands_on_a_host_stands_with_its_provider(name: str, ask: Any) -> None:
    changes, rules = PROVIDERS[name]
    assert world(**changes).refused_by(ask()) == rules


def test_a_proxy_carries_the_data_too() -> None:
    through = {"host": "192.0.2.21", "hostKey": KEY, "proxy": {"host": "192.0.2.25", "hostKey": KEY}}
    assert world(status="suspended").refused_by(command(through)) == {"ACC-001", "HST-001", "RES-004", "OPQ-001"}


def test_a_component_with_stricter_data_than_its_stack_is_judged_by_its_own() -> None:
    asked = Resource("onshore:index:Machines", {"category": "secret", "hosts": ["example-host-1"]})
    assert world("open").refused_by(asked) == {"HST-001"}
    assert usual().refused_by(component(["example-host-1"])) == set()
