"""Whatever a file holds: it is judged or refused in words, it ends, and no secret of it is ever told."""

from __future__ import annotations

import json
import tracemalloc
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import audit_file
from inventories import OnshoreError
from policies.dispatcher import Catalogue, load_checks
from reports import FORMATS, Finding, Head, Report, render
from tests.audit.test_state_files import HIDDEN, OPEN, SEALED, exported, home, provider, stack
from tests.policies.asking import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TYPES = (
    "pulumi:pulumi:Stack",
    "pulumi:providers:kubernetes",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:PodList",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    "onshore:index:WebService",
    "aws:s3/bucket:Bucket",
)
KEYS = st.sampled_from(
    ["metadata", "labels", "spec", "template", "containers", "items", "data", "ingress", "rules", "kubeconfig", "name"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
PLAIN = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5))
VALUES = st.recursive(
    LEAVES | st.just(SEALED), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5)
)
REST = st.fixed_dictionaries(
    {},
    optional={"inputs": VALUES, "outputs": VALUES, "provider": VALUES, "parent": VALUES, "id": VALUES,
              "propertyDependencies": VALUES},
)  # fmt: skip
NAMED = st.builds(
    lambda kind, name: {"type": kind, "urn": f"urn:pulumi:s::p::{kind}::{name}"},
    st.sampled_from(TYPES) | st.text(min_size=1),
    st.sampled_from("ab"),
)
MISNAMED = st.fixed_dictionaries({"type": st.sampled_from(TYPES), "urn": VALUES})
RESOURCES = st.builds(lambda names, rest: names | rest, NAMED, REST)


@cache
def law() -> tuple[World, Catalogue]:
    world = World()
    return world, Catalogue(load_checks(world.facts.rules))


def told(file: Path, document: str) -> Iterator[str]:
    """Every form of what an audit says of a document; nothing where the file is refused."""
    file.write_text(document)
    world, checks = law()
    try:
        found = audit_file(file, world.facts, checks)
    except OnshoreError as error:
        yield str(error.faults)
        return
    head = Head("audit", "0", "", "", date(2026, 6, 1))
    rows = tuple(Finding(f.rule, f.severity, f.title, f.urn, f.path, f.message, stack=found.stack,
                         department=found.department) for f in found.findings)  # fmt: skip
    yield from ("".join(render(Report(head, rows, (), found.resources), form)) for form in FORMATS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(PLAIN)
def test_any_json_is_refused_in_words(tmp_path: Path, document: Any) -> None:
    assert all(told(tmp_path / "s.json", json.dumps(document)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(RESOURCES, max_size=5) | st.lists(RESOURCES | MISNAMED | VALUES, max_size=5), st.lists(VALUES, max_size=2)
)
def test_any_resources_are_judged_without_a_crash_and_without_telling_a_secret(
    tmp_path: Path, resources: list[Any], pending: list[Any]
) -> None:
    for said in told(tmp_path / "s.json", json.dumps(exported(*resources, pending=pending))):
        assert said
        assert HIDDEN not in said
        assert "a fault of the check itself" not in said


@pytest.mark.parametrize("depth", [200, 2_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_deep_nesting_ends_in_words(tmp_path: Path, depth: int, opening: str, closing: str) -> None:
    nested = opening * depth + "1" + closing * depth
    resources = json.dumps([stack(**OPEN), provider(), home() | {"inputs": {"metadata": "HERE"}}])
    document = f'{{"version": 3, "deployment": {{"resources": {resources}}}}}'.replace('"HERE"', nested)
    said = list(told(tmp_path / "s.json", document))
    assert all(said)
    assert ("nested too deeply" in said[0]) == (depth > 1000)


def test_properties_nested_as_deep_as_engines_write_them_are_judged(tmp_path: Path) -> None:
    nested: Any = "deep"
    for _ in range(200):
        nested = {"a": nested}
    extra = home(name="m")
    extra["inputs"]["metadata"]["annotations"] = {"a": "b"}
    extra["inputs"]["nested"] = nested
    (tmp_path / "s.json").write_text(json.dumps(exported(stack(**OPEN), provider(), extra)))
    world, checks = law()
    assert audit_file(tmp_path / "s.json", world.facts, checks).resources == 3


HOSTILE = "x\n\x1b[31mall well\r\u202e<b onclick=x>&amp;`|[a](http://e.example)" + "y" * 10_000


def test_names_meant_to_mislead_are_told_on_one_bearable_line_in_every_form(tmp_path: Path) -> None:
    kind = f"kubernetes:{HOSTILE}"
    bad = home(type=kind, urn=f"urn:pulumi:s::p::{kind}::{HOSTILE}")
    pod = {"apiVersion": HOSTILE, "kind": HOSTILE, "metadata": {"name": HOSTILE, "labels": {HOSTILE: HOSTILE}}}
    pod["spec"] = {"containers": [{"name": HOSTILE, "image": HOSTILE}], "volumes": [{HOSTILE: {}}], HOSTILE: HOSTILE}
    named = {"urn": f"urn:pulumi:{HOSTILE}::p::kubernetes:core/v1:Pod::{HOSTILE}", "type": "kubernetes:core/v1:Pod"}
    top = stack(category=HOSTILE, department=HOSTILE) | {"urn": f"urn:pulumi:{HOSTILE}::p::pulumi:pulumi:Stack::s"}
    document = json.dumps(exported(top, provider(HOSTILE), bad, named | {"provider": HOSTILE, "inputs": pod}))
    file = tmp_path / "s\n\u202e<b>.json"
    said = dict(zip(FORMATS, told(file, document), strict=True))
    for text in said.values():
        assert all(c.isprintable() for c in text.replace("\n", ""))
    assert max(map(len, said["text"].splitlines())) < 1_200
    assert max(map(len, said["markdown"].splitlines())) < 2_500
    for one in json.loads(said["json"])["findings"]:
        assert one["message"].isprintable()
        assert len(one["message"]) < 2_000
    assert "<b " not in said["junit"]


def test_a_loop_of_providers_and_parents_ends(tmp_path: Path) -> None:
    a, b = provider(identity="1"), {**home(), "parent": "urn:b"}
    a |= {"provider": f"{a['urn']}::1", "parent": b["urn"]}
    assert all(told(tmp_path / "s.json", json.dumps(exported(stack(**OPEN), a, b, {**b, "parent": b["urn"]}))))


@pytest.mark.parametrize("kilobytes", [1, 20])
def test_what_is_held_grows_with_the_number_of_resources_not_with_their_size(tmp_path: Path, kilobytes: int) -> None:
    count, file = 500, tmp_path / "s.json"
    blob = "x" * 1000 * kilobytes
    maps = []
    for n in range(count):
        one = home(name=f"m{n}")
        one["type"] = one["urn"] = "kubernetes:core/v1:ConfigMap"
        one["urn"] = f"urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::m{n}"
        one["inputs"] |= {"kind": "ConfigMap", "data": {"file": f"{n}{blob}"}}
        maps.append(one)
    file.write_text(json.dumps(exported(stack(**OPEN), provider(), *maps)))
    world, checks = law()
    tracemalloc.start()
    try:
        audit_file(file, world.facts, checks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
