"""Checked inputs: names, namespaces, secrets and the API server's form (recorded cases 10, 13, 14)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.provider import ProviderError
from engine.providers.kubernetes.check import check_object
from engine.providers.kubernetes.discovery import is_namespaced
from engine.providers.kubernetes.generate_types import generate
from engine.providers.kubernetes.normalise import imported_inputs, normalise, prune, unknown_fields
from engine.providers.kubernetes.quantity import canonical
from engine.values import UNKNOWN, Secret

if TYPE_CHECKING:
    from pathlib import Path


def check(news: dict[str, Any], olds: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    settings = {"logical_name": "web", "random_seed": b"seed", "patch": False, "default_namespace": "default"}
    return check_object(olds, news, namespaced=lambda obj: is_namespaced(obj, None), **(settings | options))


def config_map(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", **fields}


@pytest.mark.parametrize("metadata", [None, {}, {"name": ""}, {"labels": {"a": "b"}}])
def test_a_nameless_object_gets_a_name_of_its_own_and_says_so(metadata: dict[str, Any] | None) -> None:
    checked = check(config_map() if metadata is None else config_map(metadata=metadata))["metadata"]
    assert re.fullmatch(r"web-[0-9a-f]{8}", checked["name"])
    assert checked["annotations"] == {"pulumi.com/autonamed": "true"}
    assert checked["namespace"] == "default"


def test_the_name_depends_on_the_seed_alone() -> None:
    names = [check(config_map(), random_seed=seed)["metadata"]["name"] for seed in (b"a", b"a", b"b")]
    assert names[0] == names[1] != names[2]


def test_an_automatic_name_stays_and_a_fixed_one_taken_away_is_left_open() -> None:
    old = check(config_map())
    assert check(config_map(data={"a": "1"}), old)["metadata"] == old["metadata"]
    fixed = config_map(metadata={"name": "fixed", "namespace": "n"})
    assert "name" not in check(config_map(metadata={"namespace": "n"}), fixed)["metadata"]


def test_the_label_of_older_providers_stays_where_it_was_and_is_given_to_nobody_else() -> None:
    managed = {"app.kubernetes.io/managed-by": "pulumi"}
    news = config_map(metadata={"name": "a", "labels": {"x": "y"}})
    old = config_map(metadata={"name": "a", "labels": managed})
    assert check(news, old)["metadata"]["labels"] == {"x": "y", **managed}
    assert check(news, news)["metadata"]["labels"] == {"x": "y"}
    assert check(config_map(metadata={"name": "a", "labels": UNKNOWN}), old)["metadata"]["labels"] is UNKNOWN


def test_unknown_names_and_metadata_are_left_alone() -> None:
    assert check(config_map(metadata=UNKNOWN))["metadata"] is UNKNOWN
    checked = check(config_map(metadata={"name": UNKNOWN, "namespace": UNKNOWN}))
    assert checked["metadata"] == {"name": UNKNOWN, "namespace": UNKNOWN}


def test_generated_names_and_nameless_patches_are_refused() -> None:
    with pytest.raises(ProviderError, match="generateName"):
        check(config_map(metadata={"generateName": "web-"}))
    with pytest.raises(ProviderError, match=r"metadata\.name"):
        check(config_map(metadata={}), patch=True)


def test_only_what_lives_in_a_namespace_gets_the_default_one() -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    assert check(space) == space
    assert check(config_map(metadata={"name": "a"}), default_namespace="team")["metadata"]["namespace"] == "team"
    assert "namespace" not in check(config_map(metadata={"name": "a"}), default_namespace="")["metadata"]


def test_secret_texts_become_encoded_data_that_is_secret_as_a_whole() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    checked = check({**secret, "stringData": Secret({"token": "first", "user": "u"})})
    assert checked["data"] == Secret({"token": "Zmlyc3Q=", "user": "dQ=="})
    assert "stringData" not in checked
    unknown = check({**secret, "stringData": Secret({"token": UNKNOWN})})
    assert unknown["stringData"] == Secret({"token": UNKNOWN})


def test_secrets_stay_where_they_were_and_taint_a_list_as_a_whole() -> None:
    checked = check(config_map(metadata={"name": "a"}, data={"a": Secret("x"), "b": "y"}))
    assert checked["data"] == {"a": Secret("x"), "b": "y"}
    custom = {"apiVersion": "e.example/v1", "kind": "X", "metadata": {"name": "a"}, "spec": {"l": ["a", Secret("b")]}}
    assert check(custom)["spec"] == {"l": Secret(["a", "b"])}


NORMAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "empty optional maps vanish": ({"metadata": {"labels": {}, "name": "a"}}, {"metadata": {"name": "a"}}),
    "server-owned metadata goes": ({"metadata": {"uid": "1", "resourceVersion": "2"}}, {"metadata": {}}),
    "zero replicas stay": ({"spec": {"replicas": 0}}, {"spec": {"replicas": 0}}),
    "a false that is the default goes": ({"spec": {"paused": False}}, {"spec": {}}),
    "a false that says something stays": (
        {"spec": {"template": {"spec": {"automountServiceAccountToken": False, "hostNetwork": False}}}},
        {"spec": {"template": {"spec": {"automountServiceAccountToken": False}}}},
    ),
    "an empty volume source stays": (
        {"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}}},
        {"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}}},
    ),
    "a field the type does not know goes": ({"spec": {"replicaz": 1}}, {"spec": {}}),
    "what does not fit its type is left to the server": ({"spec": {"replicas": "1"}}, {"spec": {"replicas": "1"}}),
    "an unknown anywhere leaves all as it is": (
        {"spec": {"paused": False, "replicas": UNKNOWN}},
        {"spec": {"paused": False, "replicas": UNKNOWN}},
    ),
}


@pytest.mark.parametrize("name", NORMAL)
def test_a_deployment_takes_the_servers_form(name: str) -> None:
    given_fields, expected = NORMAL[name]
    base = {"apiVersion": "apps/v1", "kind": "Deployment"}
    assert normalise({**base, **given_fields}) == {**base, **expected}


def test_custom_resources_keep_their_form() -> None:
    custom = {"apiVersion": "e.example/v1", "kind": "X", "metadata": {"labels": {}}, "spec": {"a": None, "b": False}}
    assert normalise(custom) == custom


def test_misspelt_fields_of_built_in_kinds_are_found() -> None:
    containers = [{"name": "c", "imagePullPolicyy": "Always", "env": [{"nam": "x"}]}]
    spec = {"replicaz": 1, "template": {"metadata": {"labels": {"any": "x"}}, "spec": {"containers": containers}}}
    base = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    assert unknown_fields(base) == (
        "spec.replicaz",
        "spec.template.spec.containers[0].imagePullPolicyy",
        "spec.template.spec.containers[0].env[0].nam",
    )
    assert unknown_fields({**base, "apiVersion": "e.example/v1"}) == ()
    assert unknown_fields({**base, "spec": {"replicaz": UNKNOWN}}) == ()


GO_TYPES = """package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

type Mode string

// +genclient
// +genclient:nonNamespaced

// Thing is one.
type Thing struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec ThingSpec `json:"spec,omitempty"`
}

type ThingSpec struct {
	Mode Mode `json:"mode,omitempty"`
	Count *int32 `json:"count,omitempty"`
	Limits map[Mode]resource.Quantity `json:"limits,omitempty"`
	Data []byte `json:"data"`
	Shared `json:",inline"`
}

type Shared struct {
	Names []string `json:"names,omitempty"`
}
"""


def test_the_types_are_read_from_the_go_sources(tmp_path: Path) -> None:
    api, meta = tmp_path / "api@v0" / "things" / "v1", tmp_path / "apimachinery@v0/pkg/apis/meta/v1"
    api.mkdir(parents=True)
    meta.mkdir(parents=True)
    (api / "types.go").write_text(GO_TYPES)
    (api / "register.go").write_text('const GroupName = "things.example"')
    (meta / "types.go").write_text('type ObjectMeta struct {\n\tName string `json:"name,omitempty"`\n}\n')
    found = generate(tmp_path, "v0")
    assert found["kinds"] == {"things.example/v1/Thing": "things/v1.Thing"}
    assert found["cluster_scoped"] == ["things.example/v1/Thing"]
    assert found["types"] == {
        "meta/v1.ObjectMeta": {"name": "s?"},
        "things/v1.Thing": {"metadata": "meta/v1.ObjectMeta", "spec": "things/v1.ThingSpec"},
        "things/v1.ThingSpec": {"mode": "s?", "count": "n", "limits": "{}q?", "data": "y", "names": "[]s?"},
    }


QUANTITIES = {
    "1000m": "1", "0.5": "500m", "1024Mi": "1Gi", "1500Mi": "1500Mi", "1.5Gi": "1536Mi", "1000": "1k", "1e3": "1e3",
    "500Ki": "500Ki", "0": "0", "0.0000000001": "1n", "-1000m": "-1", "1Ki": "1Ki", "0.5Ki": "512", "100m": "100m",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), QUANTITIES.items())
def test_quantities_become_canonical(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1Zi", "--1", "1e", "one"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        canonical(text)


@given(st.integers(0, 10**12), st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3"]))
def test_a_canonical_quantity_is_canonical(number: int, suffix: str) -> None:
    once = canonical(f"{number}{suffix}")
    assert canonical(once) == once


def test_pruning_keeps_only_the_shape() -> None:
    live = {"a": {"x": 1, "y": 2}, "l": [{"p": 1, "q": 2}, {"p": 3}], "more": 1, "t": "text", "e": [1]}
    shape = {"a": {"x": 0}, "l": [{"p": 0}], "t": {"now": "a map"}, "gone": 1, "e": []}
    assert prune(live, shape) == {"a": {"x": 1}, "l": [{"p": 1}], "t": "text", "e": []}


def test_an_imported_object_is_described_by_its_inputs_alone() -> None:
    live = config_map(
        metadata={
            "name": "a",
            "uid": "1",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "managedFields": [],
        },
        data={"a": "1"},
        status={"x": 1},
    )
    shape = config_map(metadata={"name": "a"})
    assert imported_inputs(live, shape) == config_map(metadata={"name": "a", "annotations": {}}, data={"a": "1"})
