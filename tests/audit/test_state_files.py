"""Files are judged by the same checks; one that cannot be read never counts as clean."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from audit import audit_file
from inventories import OnshoreError
from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from policies.dispatcher import Catalogue, load_checks
from tests.policies.asking import PROVIDER_TYPE, SECRET_SIGNATURE, SIGNATURE, UNKNOWN, World, namespace
from tests.worlds import DEPARTMENT

if TYPE_CHECKING:
    from pathlib import Path

    from audit import Found

HIDDEN = "ciphertext-nobody-sees"
SEALED = {SIGNATURE: SECRET_SIGNATURE, "ciphertext": HIDDEN, "plaintext": f'"{HIDDEN}"'}
PROVIDER = "urn:pulumi:s::p::pulumi:providers:kubernetes::cluster"
OPEN: dict[str, Any] = {"category": "open", "department": DEPARTMENT}


def stack(**outputs: Any) -> dict[str, Any]:
    return {"urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", "type": "pulumi:pulumi:Stack", "outputs": outputs}


def provider(cluster: str | None = None, *, kubeconfig: Any = SEALED, identity: str = "1") -> dict[str, Any]:
    inputs = {"kubeconfig": kubeconfig, "clusterIdentifier": cluster or World().cluster.id}
    return {"urn": PROVIDER, "type": PROVIDER_TYPE, "id": identity, "inputs": inputs}


def home(category: str | None = "open", name: str = "n", *, identity: str = "1", **more: Any) -> dict[str, Any]:
    inputs = namespace(category=category or "open").props
    inputs["metadata"]["labels"][DEPARTMENT_LABEL] = DEPARTMENT
    if category is None:
        del inputs["metadata"]["labels"][CATEGORY_LABEL]
    kind = "kubernetes:core/v1:Namespace"
    urn = f"urn:pulumi:s::p::{kind}::{name}"
    return {"urn": urn, "type": kind, "provider": f"{PROVIDER}::{identity}", "inputs": inputs} | more


def component(**inputs: Any) -> dict[str, Any]:
    return {"urn": "urn:pulumi:s::p::onshore:index:LandingZone::z", "type": "onshore:index:LandingZone",
            "custom": False, "inputs": inputs}  # fmt: skip


def unclassified(type_: str = "digitalocean:index/droplet:Droplet", **said: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:s::p::{type_}::u", "type": type_, "inputs": {"region": "x"}, **said}


def exported(*resources: Any, pending: Any = ()) -> dict[str, Any]:
    begun = list(pending) if isinstance(pending, tuple) else pending
    return {"version": 3, "deployment": {"resources": list(resources), "pending_operations": begun}}


def planned(*resources: Any, **config: str) -> dict[str, Any]:
    steps = [{"op": "create", "urn": one["urn"], "newState": one} for one in resources]
    told = {f"onshore:{key}": value for key, value in config.items()}
    return {"config": told, "steps": steps, "changeSummary": {"create": len(steps)}}


def stays(document: dict[str, Any]) -> dict[str, Any]:
    """A preview with --show-sames of a stack that is there: what it leads to names no ids."""
    steps = [
        {**step, "op": "same", "oldState": step["newState"], "newState": {**step["newState"], "id": ""}}
        for step in document["steps"]
    ]
    return {**document, "steps": steps, "changeSummary": {"same": len(steps)}}


def audited(tmp_path: Path, document: Any) -> Found:
    world, file = World(), tmp_path / "s.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    found = audit_file(file, world.facts, Catalogue(load_checks(world.facts.rules)))
    assert HIDDEN not in str(found)
    return found


PREVIEW = planned(stack(), provider(kubeconfig="[secret]", identity=UNKNOWN), home(identity=UNKNOWN), **OPEN)
LAWFUL: dict[str, Any] = {
    "a state export": exported(stack(**OPEN), provider(), home()),
    "a checkpoint": {"version": 3, "checkpoint": {"latest": {"resources": [stack(**OPEN), provider(), home()]}}},
    "a loop of parents": exported(stack(**OPEN), provider(), home(parent=home()["urn"])),
    "the category by a component": exported(stack(), provider(), component(**OPEN), home()),
    "the category by labels": exported(stack(), provider(), home()),
    "a component of other people": exported(stack(**OPEN), provider(), home(), unclassified(custom=False)),
    "a component of other people in a preview": planned(stack(), unclassified(custom=False), **OPEN),
    "what is only read": exported(stack(**OPEN), provider(), home(), home(None, "m", external=True)),
    "what was being deleted": exported(
        stack(**OPEN), provider(), home(), pending=[{"type": "deleting", "resource": home(None)}]
    ),
    "a preview": PREVIEW,
    "a preview of what stays": stays(planned(stack(), provider(kubeconfig="[secret]"), home(), **OPEN)),
}  # fmt: skip

UNLAWFUL: dict[str, tuple[Any, str]] = {
    "restricted data labelled open": (exported(stack(category="restricted"), provider(), home()), "CAT-001"),
    "the strictest of two components": (
        exported(stack(), provider(), component(category="open"), component(category="restricted"), home()), "CAT-001",
    ),
    "the strictest of two labels": (exported(stack(), provider(), home(), home("restricted", "m")), "CAT-001"),
    "a category that nobody knows": (exported(stack(category="ope"), provider(), home()), "CAT-001"),
    "a category that is no text": (exported(stack(category=["open"]), provider(), home(None)), "CAT-001"),
    "a cluster that the register does not know": (exported(stack(**OPEN), provider("nowhere"), home()), "PIN-002"),
    "a sealed kubeconfig without the cluster's name": (
        exported(stack(**OPEN), {**provider(), "inputs": {"kubeconfig": SEALED}}, home()), "PIN-002",
    ),
    "a provider that is not there": (exported(stack(**OPEN), home()), "PIN-002"),
    "a provider of another id": (exported(stack(**OPEN), provider(), home(identity="2")), "PIN-002"),
    "no provider": (exported(stack(**OPEN), home(provider="")), "PIN-001"),
    "an unclassified type": (exported(stack(**OPEN), unclassified(custom=True, provider=f"{PROVIDER}::1")), "OPQ-002"),
    "an unclassified type without provider": (exported(stack(**OPEN), unclassified(custom=True, id="x")), "OPQ-002"),
    "an unclassified type yet to be made": (planned(stack(), unclassified(custom=True), **OPEN), "OPQ-002"),
    "an unclassified type with an id": (exported(stack(**OPEN), unclassified(custom=False, id="x")), "OPQ-002"),
    "an unclassified type that may be a component": (exported(stack(**OPEN), unclassified()), "OPQ-002"),
    "an unclassified type, custom in words": (exported(stack(**OPEN), unclassified(custom="false")), "OPQ-002"),
    "a run of a playbook without provider": (
        exported(stack(**OPEN), unclassified("onshore-ansible:index:Unheard", custom=True, id="x")), "OPQ-002",
    ),
    "an unclassified type of a long name": (
        exported(stack(**OPEN), unclassified(f"{'x' * 300}:i:T", custom=True, id="x")), "OPQ-002",
    ),
    "what stands beside a long name": (
        exported(stack(**OPEN), unclassified(f"{'x' * 300}:i:T", custom=True), provider(), home(None)), "CAT-001",
    ),
    "what an engine began to make": (
        exported(stack(**OPEN), provider(), home(), pending=[{"type": "creating", "resource": home(None, "m")}]),
        "CAT-001",
    ),
    "what an engine began to make, and says it only reads": (exported(
        stack(**OPEN), provider(), pending=[{"type": "creating", "resource": home(None, "m", external=True)}]
    ), "CAT-001"),
    "a preview of stricter data": (planned(stack(), provider(), home(), category="restricted"), "CAT-001"),
    "a provider by another id": (planned(stack(), provider(), home(identity=UNKNOWN), **OPEN), "PIN-002"),
    "a sealed label": (
        exported(stack(**OPEN), provider(), home() | {"inputs": {"metadata": {"labels": {CATEGORY_LABEL: SEALED}}}}),
        "CAT-001",
    ),
}  # fmt: skip

MANIFEST = {"time": "2026-06-01T00:00:00Z", "magic": "m", "version": "v"}
DESTROYED: dict[str, Any] = {
    "version": 3,
    "deployment": {"manifest": MANIFEST, "secrets_providers": {}, "metadata": {}},
}
OF_NOTHING: dict[str, Any] = {
    "destroyed": DESTROYED,
    "destroyed, with lists": exported() | {"deployment": {**exported()["deployment"], "manifest": MANIFEST}},
    "never brought up": {"version": 3, "deployment": None},
    "a checkpoint of a destroyed stack": {
        "version": 3,
        "checkpoint": {"stack": "s", "latest": DESTROYED["deployment"]},
    },
    "a checkpoint that was never brought up": {"version": 3, "checkpoint": {"stack": "s", "config": {"p:a": "b"}}},
}

UNREADABLE: dict[str, Any] = {
    "nothing": "",
    "an empty document": "{}",
    "a list": "[]",
    "words": '"deployment"',
    "no resources": exported(),
    "no resources that are known as such": {
        "version": 3,
        "deployment": {**DESTROYED["deployment"], "Resources": [home()]},
    },
    "resources that are a mapping": {
        "version": 3,
        "deployment": {**DESTROYED["deployment"], "resources": {"a": home()}},
    },
    "begun work that is a mapping": exported(
        stack(**OPEN), pending={"a": {"type": "creating", "resource": home(None)}}
    ),
    "resources that are a mapping beside begun work": {
        "version": 3,
        "deployment": {
            "resources": {"a": home(None)},
            "pending_operations": [{"type": "creating", "resource": stack()}],
        },
    },
    "a checkpoint whose begun work is a mapping": {
        "version": 3,
        "checkpoint": {"latest": {"resources": [stack(**OPEN)], "pending_operations": {"a": home(None)}}},
    },
    "a deployment that is a list": {"version": 3, "deployment": [home()]},
    "a state of nothing beside a preview": {**DESTROYED, **PREVIEW},
    "a checkpoint of nobody": {"version": 3, "checkpoint": {}},
    "a preview of nothing": {"steps": [], "changeSummary": {}},
    "a type that its URN does not say": exported(
        stack(**OPEN),
        unclassified("aws:s3/bucketV2:BucketV2", custom=True) | {"type": "random:index/randomId:RandomId"},
    ),
    "a type that its URN ends with": exported(stack(**OPEN), unclassified() | {"type": "droplet:Droplet"}),
    "a resource without URN": exported(stack(**OPEN), {"type": "kubernetes:core/v1:Namespace"}),
    "a resource without type": exported(stack(**OPEN), unclassified("") | {"type": ""}),
    "a type in begun work that its URN does not say": exported(
        stack(**OPEN), pending=[{"type": "creating", "resource": home() | {"type": "kubernetes:core/v1:Pod"}}]
    ),
    "a deployment of a later version": {"version": 9, "deployment": {"resources": [stack(**OPEN)]}},
    "a deployment without version": {"deployment": {"resources": [stack(**OPEN)]}},
    "a file cut short": json.dumps(exported(stack(**OPEN), provider(), home()))[:-30],
    "a file cut short in its pending operations": json.dumps(exported(stack(**OPEN), pending=[{}]))[:-4],
    "a resource that is no mapping": exported(stack(**OPEN), "resource"),
    "an operation on nothing": exported(stack(**OPEN), pending=[{"type": "creating"}]),
    "a step to nothing": {"steps": [{"op": "create", "urn": "urn:x"}], "changeSummary": {"create": 1}},
    "a preview without a summary": {**PREVIEW, "changeSummary": None},
    "a preview that leaves out what stays": {**PREVIEW, "changeSummary": {"create": 3, "same": 17}},
    "a preview that failed": {**PREVIEW, "result": "failed"},
    "a preview whose program failed": {**PREVIEW, "diagnostics": [{"severity": "error", "message": "error: no"}]},
    "bytes": "\x00\x01",
    "a number too large": '{"version": 1e999999999, "deployment": {}}',
}


@pytest.mark.parametrize("document", LAWFUL.values(), ids=list(LAWFUL))
def test_what_is_lawful_is_clean_with_its_kubeconfig_sealed(tmp_path: Path, document: Any) -> None:
    found = audited(tmp_path, document)
    assert found.findings == ()
    assert (found.stack, found.department) == ("s", DEPARTMENT)


@pytest.mark.parametrize(("document", "rule"), UNLAWFUL.values(), ids=list(UNLAWFUL))
def test_what_breaks_a_rule_is_found(tmp_path: Path, document: Any, rule: str) -> None:
    assert rule in {one.rule for one in audited(tmp_path, document).findings}


@pytest.mark.parametrize("document", UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_cannot_be_read_is_never_clean(tmp_path: Path, document: Any) -> None:
    with pytest.raises(OnshoreError) as raised:
        audited(tmp_path, document)
    assert raised.value.faults[0].fix


@pytest.mark.parametrize("document", OF_NOTHING.values(), ids=list(OF_NOTHING))
def test_a_stack_that_has_nothing_is_clean(tmp_path: Path, document: Any) -> None:
    found = audited(tmp_path, document)
    assert (found.resources, found.findings) == (0, ())


def test_what_is_no_file_is_named_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for name, says in (("pipe.json", "neither"), ("", "a folder without"), ("gone.json", "there is no such file")):
        with pytest.raises(OnshoreError) as raised:
            audit_file(tmp_path / name, World().facts, Catalogue(()))
        assert says in raised.value.faults[0].what


def test_a_compressed_file_is_read_to_its_end(tmp_path: Path) -> None:
    world, whole = World(), gzip.compress(json.dumps(exported(stack(**OPEN), provider(), home(None))).encode())
    checks = Catalogue(load_checks(world.facts.rules))
    for name in ("s.json.gz", "s.json"):
        (tmp_path / name).write_bytes(whole)
        assert "CAT-001" in {one.rule for one in audit_file(tmp_path / name, world.facts, checks).findings}
    for broken in (whole[:2], whole[:-20], whole[:40] + b"nonsense" + whole[48:], whole[:10]):
        (tmp_path / "s.json").write_bytes(broken)
        with pytest.raises(OnshoreError):
            audit_file(tmp_path / "s.json", world.facts, checks)


def test_what_stands_twice_is_said_once(tmp_path: Path) -> None:
    bad = home(None)
    begun = [{"type": "updating", "resource": bad}]
    once = audited(tmp_path, exported(stack(**OPEN), provider(), bad)).findings
    assert audited(tmp_path, exported(stack(**OPEN), provider(), bad, pending=begun)).findings == once
    assert once
