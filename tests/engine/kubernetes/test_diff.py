"""The client-side diff, as the real engine's recordings show it (cases 02, 03, 10, 13, 14, 17, 28) and per kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.paths import parse
from engine.providers.kubernetes.diff import diff_object, render
from engine.providers.kubernetes.objects import checkpoint
from engine.values import UNKNOWN, Secret


def config_map(data: Any = None, **metadata: Any) -> dict[str, Any]:
    named = {"name": "x", "namespace": "n", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {k: v for k, v in named.items() if v is not None}} | (
        {} if data is None else {"data": data}
    )


def diff(old: dict[str, Any], new: dict[str, Any], live: dict[str, Any] | None = None, **options: Any) -> Any:
    outputs = checkpoint(live or old, old, old, "v1", "m")
    return diff_object(outputs, new, namespaced=True, patch=False, **options)


def kinds(result: Any) -> dict[str, str]:
    return {path: change.kind for path, change in result.detailed.items()}


AUTONAMED = {"pulumi.com/autonamed": "true"}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}}
CONFIG_MAPS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "nothing changed": (config_map({"a": "1"}), config_map({"a": "1"}), {}),
    "values added, changed and dropped": (
        config_map({"keep": "1", "change": "old", "drop": "x"}, labels={"tier": "web"}),
        config_map({"keep": "1", "change": "new", "add": "y"}, labels={"tier": "web", "example.com/team": "a.b-c"}),
        {
            "data.add": "add",
            "data.change": "update",
            "data.drop": "delete",
            'metadata.labels["example.com/team"]': "add",
        },
    ),
    "a whole map that vanishes is one deletion": (
        config_map(labels={"a": "1", "b": "2"}),
        config_map(),
        {"metadata.labels": "delete"},
    ),
    "a value that becomes unknown may change": (
        config_map({"known": "1", "both": "x"}),
        config_map({"known": "1", "both": UNKNOWN, "more": UNKNOWN}),
        {"data.both": "update", "data.more": "add"},
    ),
    "an unknown map may lose every key": (
        config_map({"from": "apply"}),
        config_map(UNKNOWN),
        {"data.from": "delete"},
    ),
    "another name is another object": (
        config_map(name="x-1", annotations=AUTONAMED),
        config_map(name="fixed"),
        {"metadata.annotations": "delete", "metadata.name": "update-replace"},
    ),
    "a name taken away is another object": (config_map(), config_map(name=None), {"metadata.name": "delete-replace"}),
    "a secret compares by its value": (config_map({"a": Secret("1")}), config_map({"a": "1"}), {}),
}


@pytest.mark.parametrize("name", CONFIG_MAPS)
def test_a_config_map_differs_as_recorded(name: str) -> None:
    old, new, expected = CONFIG_MAPS[name]
    result = diff(old, new, config_map_mutable=True)
    assert kinds(result) == expected
    assert result.changes is bool(expected)
    assert {p for p, c in result.detailed.items() if c.input_diff} == {
        p for p, kind in expected.items() if kind.startswith("delete")
    }
    assert set(result.replaces) == {p for p, kind in expected.items() if kind.endswith("-replace")}


def test_data_replaces_unless_the_provider_says_it_is_mutable() -> None:
    old, new = config_map({"a": "1"}), config_map({"a": "2"})
    assert kinds(diff(old, new)) == {"data.a": "update-replace"}
    assert kinds(diff(old, new, config_map_mutable=True)) == {"data.a": "update"}
    immutable = [{**obj, "immutable": True} for obj in (old, new)]
    assert kinds(diff(*immutable, config_map_mutable=True)) == {"data.a": "update-replace"}


def test_secret_texts_compare_with_the_encoded_data() -> None:
    old = {**SECRET, "data": Secret({"token": "Zmlyc3Q="})}
    assert kinds(diff(old, {**SECRET, "stringData": Secret({"token": "first"})})) == {}
    changed = {**SECRET, "stringData": Secret({"token": "second"})}
    assert kinds(diff(old, changed)) == {"data.token": "update-replace"}
    assert kinds(diff(old, changed, secret_mutable=True)) == {"data.token": "update"}
    assert kinds(diff({**old, "type": "Opaque"}, {**old, "type": "x/y"}, secret_mutable=True)) == {
        "type": "update-replace"
    }


def test_only_a_fixed_name_in_the_same_namespace_is_deleted_first() -> None:
    old, new = config_map({"a": "1"}), config_map({"a": "2"})
    assert diff(old, new).delete_before_replace
    assert not diff(old, new, config_map_mutable=True).delete_before_replace
    auto = [config_map({"a": v}, annotations=AUTONAMED) for v in "12"]
    assert not diff(*auto).delete_before_replace
    assert not diff(old, config_map({"a": "2"}, namespace="other")).delete_before_replace


def test_what_the_server_filled_in_is_no_change_and_drift_inside_the_inputs_is() -> None:
    given_ports = [{"port": 80}]
    live_ports = [{"port": 80, "protocol": "TCP", "nodePort": 30000}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "w", "namespace": "n"}}
    old, live = (
        {**service, "spec": {"ports": given_ports}},
        {**service, "spec": {"ports": live_ports, "type": "ClusterIP"}},
    )
    assert kinds(diff(old, old, live)) == {}
    drifted = {**live, "spec": {**live["spec"], "ports": [{**live_ports[0], "port": 81}]}}
    assert kinds(diff(old, old, drifted)) == {"spec.ports[0].port": "update"}


def test_lists_compare_by_position() -> None:
    def cron(*args: str) -> dict[str, Any]:
        return {"apiVersion": "example.com/v1", "kind": "X", "metadata": {"name": "x"}, "spec": {"args": list(args)}}

    assert kinds(diff(cron("a", "b"), cron("a", "c", "d"))) == {"spec.args[1]": "update", "spec.args[2]": "add"}
    assert kinds(diff(cron("a", "b"), cron("a"))) == {"spec.args[1]": "delete"}
    named = [{**cron(), "spec": {"items": [item]}} for item in ({"n": "1", "v": "1"}, {"n": "1"})]
    assert kinds(diff(*named)) == {"spec.items[0].v": "delete"}


def test_the_default_namespace_may_be_left_out_and_a_scope_above_namespaces_has_none() -> None:
    old, new = config_map(namespace="default"), config_map(namespace=None)
    assert kinds(diff(old, new)) == {}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}}
    outputs = checkpoint(node, node, node, "v1", "m")
    erroneous = {**node, "metadata": {"name": "x", "namespace": "n"}}
    assert kinds(diff_object(outputs, erroneous, namespaced=False, patch=False)) == {}


def test_ignored_paths_are_no_change_and_force_no_replacement() -> None:
    old, new = config_map({"a": "1", "b": "1"}), config_map({"a": "2", "b": "2"})
    assert kinds(diff(old, new, ignore_changes=("data.a",))) == {"data.b": "update-replace"}
    assert not diff(old, new, ignore_changes=("data",)).changes
    assert not diff(old, new, ignore_changes=("data.*",)).replaces


def deployment(**spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": spec.pop("image", "a"), "resources": {"limits": {"cpu": spec.pop("cpu", "1")}}}
    labels = {"app": spec.pop("app", "web")}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    metadata = {"name": "d", "namespace": "n"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"image": "b"}, {"spec.template.spec.containers[0].image": "update"}),
        ({"replicas": 0}, {"spec.replicas": "add"}),
        ({"cpu": "1000m"}, {}),
        ({"cpu": 1}, {}),
        ({"paused": False}, {}),
        (
            {"app": "other"},
            {"spec.selector.matchLabels.app": "update-replace", "spec.template.metadata.labels.app": "update"},
        ),
    ],
)
def test_a_deployment_changes_in_place_but_for_its_selector(change: dict[str, Any], expected: dict[str, str]) -> None:
    assert kinds(diff(deployment(), deployment(**change))) == expected


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        ("v1/Pod", {"containers": [{"image": "a"}]}, {"containers": [{"image": "b"}]}, "spec.containers[0].image"),
        ("batch/v1/Job", {"template": {"spec": {}}}, {"template": {"spec": {"x": 1}}}, None),
        ("batch/v1/Job", {"parallelism": 1}, {"parallelism": 2}, "spec.parallelism"),
        ("apps/v1/StatefulSet", {"serviceName": "a"}, {"serviceName": "b"}, "spec.serviceName"),
        ("v1/PersistentVolumeClaim", {"accessModes": ["a"]}, {"accessModes": ["b"]}, "spec.accessModes[0]"),
        ("v1/Service", {"clusterIP": "a"}, {"clusterIP": "b"}, "spec.clusterIP"),
        ("v1/Service", {"type": "a"}, {"type": "b"}, None),
    ],
)
def test_each_kind_replaces_what_it_cannot_change(
    kind: str, old: dict[str, Any], new: dict[str, Any], expected: str | None
) -> None:
    api_version, _, name = kind.rpartition("/")
    base = {"apiVersion": api_version, "kind": name, "metadata": {"name": "x", "namespace": "n"}}
    result = diff({**base, "spec": old}, {**base, "spec": new})
    assert result.replaces == (() if expected is None else (expected,))


def test_a_patch_resource_is_never_replaced_for_its_fields() -> None:
    old, new = config_map({"a": "1"}), config_map({"a": "2"})
    outputs = checkpoint(old, old, old, "v1", "m")
    assert kinds(diff_object(outputs, new, namespaced=True, patch=True)) == {"data.a": "update"}


def test_a_job_that_failed_is_replaced_where_its_annotation_asks() -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "n"}}
    result = diff(job, job, unready_job=True)
    assert result.changes
    assert result.replaces == ('.metadata.annotations["pulumi.com/replaceUnready"]',)
    assert result.delete_before_replace


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab.", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
SPECS = st.dictionaries(st.text("ab", min_size=1, max_size=2), VALUES, max_size=3)


def custom(spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "X", "metadata": {"name": "x", "namespace": "n"}, "spec": spec}


@given(SPECS)
def test_an_object_does_not_differ_from_itself(spec: dict[str, Any]) -> None:
    assert not diff(custom(spec), custom(spec)).changes


@given(SPECS, SPECS)
def test_changed_paths_lie_in_the_old_or_the_new_inputs(old: dict[str, Any], new: dict[str, Any]) -> None:
    result = diff(custom(old), custom(new))
    for path in result.detailed:
        first = parse(path)[1] if path != "spec" else None
        assert first is None or first in old or first in new


@given(st.lists(st.text('ab."[] \\', min_size=1, max_size=4) | st.integers(0, 9), min_size=1, max_size=4))
def test_a_rendered_path_reads_back(steps: list[str | int]) -> None:
    path = ("spec", *(step for step in steps if isinstance(step, int) or "\\" not in step))
    assert parse(render(path)) == path
