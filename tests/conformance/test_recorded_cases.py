"""The embedded engine does what the real one was recorded doing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conformance.compare import compare_events, compare_trees
from tests.conformance.run import run_case

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/case.yaml"))
# its first step is a race that only a process of its own decides as recorded: docs/engine.md, "Recorded cases"
NEEDS_OWN_PROCESS = {"12-stack-reference"}


@pytest.mark.cluster
@pytest.mark.parametrize("case", [case for case in CASES if case.name not in NEEDS_OWN_PROCESS], ids=lambda case: case.name)
def test_the_engine_does_what_was_recorded(
    case: Path, cluster: object, programs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{programs['kubectl'].parent}:{os.environ['PATH']}")
    assert run_case(case, cluster.kubeconfig) == []  # type: ignore[attr-defined]


STEP = {"event": "step", "urn": "urn:a", "op": "create", "ended": "done"}
RUN = {"event": "run", "exit_code": 0, "result": "ok"}
ORDER = {"event": "order", "first": ["create", "a"], "then": ["create", "b"], "why": "parent", "held": True}
SUMMARY = {"event": "summary", "isPreview": True, "resourceChanges": {"create": 1}, "result": "succeeded"}
TROUBLE = {"event": "diagnostic", "severity": "error", "urn": "urn:a", "first": "name is not valid"}
POLICY = {"event": "policy", "resourceUrn": "urn:a", "policyPackName": "p", "policyName": "n", "message": "m"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda r: [*r[:1], *r[2:]], "step missing"),
        (lambda r: [*r, {**STEP, "op": "delete"}], "step too many"),
        (lambda r: [r[0], {**r[1], "ended": "failed"}, *r[2:]], "step missing"),
        (lambda r: [r[0], {**r[1], "keys": ["x"]}, *r[2:]], "step missing"),
        (lambda r: [{**r[0], "exit_code": 1}, *r[1:]], "run: exit_code"),
        (lambda r: [i if i is not ORDER else {**ORDER, "held": False} for i in r], "order not held"),
        (lambda r: [i if i is not TROUBLE else {**TROUBLE, "urn": ""} for i in r], "diagnostics"),
        (lambda r: [i if i is not TROUBLE else {**TROUBLE, "first": "0"} for i in r], "diagnostic"),
        (lambda r: [i if i is not POLICY else {**POLICY, "message": "x"} for i in r], "policy missing"),
        (lambda r: [i if i is not SUMMARY else {**SUMMARY, "resourceChanges": {}} for i in r], "summary missing"),
        (lambda r: [r[0], {**r[1], "inputs": {"a": "<unknown>"}}, *r[2:]], "preview inputs"),
        (lambda r: [r[0], {**r[1], "outputs": {"a": "1"}}, *r[2:]], "preview output"),
    ],
)
def test_the_comparison_notices_a_difference(change: Callable[[list[dict]], list[dict]], expected: str) -> None:
    step = {**STEP, "inputs": {"a": "1"}, "outputs": {"a": "<unknown>"}}
    recorded = [RUN, step, ORDER, TROUBLE, POLICY, SUMMARY]
    assert compare_events(recorded, list(recorded)) == []
    assert any(fault.startswith(expected) for fault in compare_events(recorded, change(recorded)))


def test_trees_are_compared_whole() -> None:
    assert compare_trees("state", {"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) == []
    assert compare_trees("state", {"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]})[0] == "state differs:"
