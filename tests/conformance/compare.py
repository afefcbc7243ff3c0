"""Compares what an engine did in one step with the recording, by the rules of README.md ("How to compare")."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from typing import Any

UNKNOWN = "<unknown>"
_LIKENESS = 0.5  # diagnostics: wording is no promise, the cause must be recognisable


def compare_events(recorded: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[str]:
    """The differences between two lists of normalised records; empty when they agree."""
    faults = _run(recorded, ours)
    faults += _multiset("step", _expanded(recorded, "step", _step_key), _expanded(ours, "step", _step_key))
    faults += _orders(recorded, ours)
    faults += _multiset("policy", _expanded(recorded, "policy", _policy_key), _expanded(ours, "policy", _policy_key))
    faults += _multiset(
        "remediation", _expanded(recorded, "policyRemediation", _remedy_key), _expanded(ours, "policyRemediation", _remedy_key)
    )
    faults += _diagnostics(recorded, ours)
    faults += _multiset("summary", _expanded(recorded, "summary", _summary_key), _expanded(ours, "summary", _summary_key))
    if any(record["event"] == "summary" and record["isPreview"] for record in recorded):
        faults += _preview_values(recorded, ours)
    return faults


def compare_trees(what: str, recorded: Any, ours: Any) -> list[str]:
    """The lines in which two JSON trees differ, at most twelve."""
    if recorded == ours:
        return []
    left = json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False).splitlines()
    right = json.dumps(ours, indent=1, sort_keys=True, ensure_ascii=False).splitlines()
    lines = [line for line in difflib.unified_diff(left, right, "recorded", "ours", lineterm="", n=2)]
    return [f"{what} differs:", *(f"    {line[:200]}" for line in lines[:24])]


def check_file_order(resources: list[dict[str, Any]]) -> list[str]:
    """Each resource stands after all that it refers to."""
    seen: set[str] = set()
    faults = []
    for resource in resources:
        needs = {resource.get("parent"), resource.get("deletedWith"), *(resource.get("dependencies") or ())}
        if resource.get("provider"):
            needs.add(resource["provider"].rsplit("::", 1)[0])
        faults += [f"state order: {resource['urn']} stands before {urn}" for urn in needs - {None, ""} - seen]
        seen.add(resource["urn"])
    return faults


def _run(recorded: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[str]:
    left, right = _only(recorded, "run")[0], _only(ours, "run")[0]
    return [
        f"run: {key} is {right[key]}, recorded {left[key]}" for key in ("exit_code", "result") if left[key] != right[key]
    ]


def _only(records: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [record for record in records if record["event"] == event]


def _expanded(records: list[dict[str, Any]], event: str, key: Any) -> Counter[str]:
    counter: Counter[str] = Counter()
    for record in _only(records, event):
        counter[key(record)] += record.get("count", 1)
    return counter


def _step_key(record: dict[str, Any]) -> str:
    kinds = {path: change["kind"] for path, change in (record.get("detailedDiff") or {}).items()}
    keys = ("op", "ended", "keys", "found", "old_urn")
    return json.dumps([record["urn"], *(record.get(key) for key in keys), kinds], sort_keys=True)


def _policy_key(record: dict[str, Any]) -> str:
    keys = ("resourceUrn", "policyPackName", "policyName", "enforcementLevel", "message")
    return json.dumps([record.get(key) for key in keys])


def _remedy_key(record: dict[str, Any]) -> str:
    keys = ("resourceUrn", "policyPackName", "policyName", "before", "after")
    return json.dumps([record.get(key) for key in keys], sort_keys=True)


def _summary_key(record: dict[str, Any]) -> str:
    keys = ("isPreview", "resourceChanges", "result", "policyPacks")
    return json.dumps([record.get(key) for key in keys], sort_keys=True)


def _multiset(what: str, recorded: Counter[str], ours: Counter[str]) -> list[str]:
    return [f"{what} missing: {key}" for key in sorted((recorded - ours).elements())] + [
        f"{what} too many: {key}" for key in sorted((ours - recorded).elements())
    ]


def _orders(recorded: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[str]:
    def key(record: dict[str, Any]) -> str:
        return json.dumps([record.get("first"), record.get("then"), record["why"]])

    held = {key(record) for record in _only(ours, "order") if record["held"]}
    return [
        f"order not held: {key(record)}" for record in _only(recorded, "order") if record["held"] and key(record) not in held
    ]


def _diagnostics(recorded: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[str]:
    def group(records: list[dict[str, Any]]) -> dict[tuple[str, str], list[str]]:
        groups: dict[tuple[str, str], list[str]] = {}
        for record in _only(records, "diagnostic"):
            text = f"{record['first']} {record.get('last', '')}"
            groups.setdefault((record["severity"], record.get("urn", "")), []).extend([text] * record.get("count", 1))
        return groups

    left, right = group(recorded), group(ours)
    faults = []
    for place in sorted({*left, *right}):
        wanted, got = left.get(place, []), list(right.get(place, []))
        if len(wanted) != len(got):
            faults.append(f"diagnostics {place}: recorded {wanted}, ours {got}")
            continue
        for text in wanted:
            best = max(got, key=lambda other: difflib.SequenceMatcher(None, text, other).ratio())
            got.remove(best)
            if difflib.SequenceMatcher(None, text, best).ratio() < _LIKENESS:
                faults.append(f"diagnostic {place}: recorded {text!r}, ours {best!r}")
    return faults


def _preview_values(recorded: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[str]:
    faults = []
    found = {(record["urn"], record["op"]): record for record in _only(ours, "step")}
    for record in _only(recorded, "step"):
        other = found.get((record["urn"], record["op"]))
        if other is None:
            continue
        if "inputs" in record:
            faults += compare_trees(f"preview inputs of {record['urn']}", record["inputs"], other.get("inputs"))
        if "outputs" in record:
            faults += _unknowns(record["urn"], record["outputs"], other.get("outputs"), record.get("inputs"))
    return faults


def _unknowns(place: str, recorded: Any, ours: Any, inputs: Any) -> list[str]:
    """Unknown stays unknown, known inputs are equal; what else is known comes from the server's dry run."""
    if (recorded == UNKNOWN) != (ours == UNKNOWN):
        return [f"preview output {place}: recorded {recorded!r}, ours {ours!r}"]
    if isinstance(recorded, dict) and isinstance(ours, dict):
        faults = [f"preview output {place}: {key} is missing" for key in (inputs if isinstance(inputs, dict) and inputs else recorded) if key in recorded and key not in ours]
        for key in recorded.keys() & ours.keys():
            faults += _unknowns(f"{place}.{key}", recorded[key], ours[key], inputs.get(key) if isinstance(inputs, dict) else None)
        return faults
    if isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
        return [f for n, (a, b) in enumerate(zip(recorded, ours, strict=True)) for f in _unknowns(f"{place}[{n}]", a, b, None)]
    if inputs is not None and recorded == inputs and ours != recorded:
        return [f"preview output {place}: recorded {recorded!r}, ours {ours!r}"]
    return []
