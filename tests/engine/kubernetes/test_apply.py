"""Whose fields are whose: adoption on the first update, force, ignored changes, relinquishing."""

from __future__ import annotations

from typing import Any

import pytest

from engine.providers.kubernetes.apply import (
    adopt_fields_patch,
    conflict_text,
    identity,
    insists,
    without_ignored,
)


def entry(manager: str, operation: str = "Update", subresource: str = "", **fields: Any) -> dict[str, Any]:
    found = {
        "manager": manager,
        "operation": operation,
        "fieldsV1": {f"f:{key}": value for key, value in fields.items()},
    }
    return found | ({"subresource": subresource} if subresource else {})


def live(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x", "resourceVersion": "7", "managedFields": list(entries)}, **fields}


def managers(patch: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["manager"], item["operation"]) for item in patch[0]["value"]]


@pytest.mark.parametrize(
    "earlier", ["pulumi-kubernetes", "kubectl-patch", "kubectl-client-side-apply", "before-first-apply"]
)
def test_the_first_update_takes_over_what_earlier_tools_set(earlier: str) -> None:
    patch = adopt_fields_patch(live(entry(earlier, data={}), entry("controller", spec={})), "ours")
    assert managers(patch) == [("controller", "Update"), ("ours", "Apply")]
    assert patch[1] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}


def test_adopted_fields_join_ours_and_foreign_ones_stay() -> None:
    ours = entry("ours", "Apply", data={"f:a": {}})
    patch = adopt_fields_patch(
        live(ours, entry("kubectl-edit", data={"f:b": {}}), entry("other", data={"f:c": {}})), "ours"
    )
    assert patch[0]["value"][-1]["fieldsV1"] == {"f:data": {"f:a": {}, "f:b": {}}}
    assert managers(patch) == [("other", "Update"), ("ours", "Apply")]


@pytest.mark.parametrize(
    "entries", [(), (entry("ours", "Apply"),), (entry("controller"),), (entry("kubectl", subresource="status"),)]
)
def test_there_is_nothing_to_adopt_from_others(entries: tuple[dict[str, Any], ...]) -> None:
    assert adopt_fields_patch(live(*entries), "ours") == []


@pytest.mark.parametrize(
    ("entries", "options", "expected"),
    [
        ((entry("kubectl-patch"),), {"preview": True}, False),
        ((entry("pulumi-kubernetes"),), {"preview": True}, True),
        ((entry("pulumi-kubernetes"),), {"preview": False}, False),
        ((), {"preview": False}, True),
        ((entry("other"),), {"preview": False, "patch_force": True}, True),
        (None, {"preview": True}, True),
        (None, {"preview": False}, False),
    ],
)
def test_foreign_fields_are_only_taken_where_it_is_asked_or_certain(
    entries: tuple[dict[str, Any], ...] | None, options: dict[str, bool], expected: bool
) -> None:
    found = None if entries is None else live(*entries)
    assert insists({}, found, **({"patch_force": False} | options)) is expected
    forced = {"metadata": {"annotations": {"pulumi.com/patchForce": "true"}}}
    assert insists(forced, found, **({"patch_force": False} | options))


def test_an_ignored_field_of_others_is_left_out_and_ours_is_sent_as_it_is() -> None:
    inputs = {"metadata": {"name": "x"}, "data": {"a": "1", "b": "1", "c": "1"}}
    theirs, ours = entry("other", data={"f:a": {}}), entry("ours", "Apply", data={"f:b": {}})
    found = live(theirs, ours, data={"a": "live", "b": "live"})
    applied = without_ignored(inputs, found, "ours", ("data.a", "data.b", "data.c", "data.d.e"))
    assert applied["data"] == {"b": "live", "c": "1"}
    assert inputs["data"] == {"a": "1", "b": "1", "c": "1"}


def test_relinquishing_sends_nothing_but_the_identity() -> None:
    obj = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x", "namespace": "n", "labels": {}}, "data": {}}
    assert identity(obj) == {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x", "namespace": "n"}}


def test_a_conflict_names_each_field_its_holder_and_the_ways_out() -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".data.a"}
    other = {"reason": "FieldValueInvalid", "message": "no", "field": ".data.b"}
    lines = conflict_text("ours", "Apply failed with 1 conflict", [cause, cause, other]).splitlines()
    assert lines[0].startswith("server-side apply field conflict detected, see https://")
    assert lines[1] == '  .data.a is held by "kubectl" using v1'
    assert all(word in "".join(lines) for word in ("ignoreChanges", "pulumi.com/patchForce", "enablePatchForce"))
    assert not any(".data.b" in line for line in lines)
    assert lines[-1] == (
        'The resource managed by field manager "ours" had an apply conflict: Apply failed with 1 conflict'
    )
