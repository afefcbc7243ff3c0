"""What is wrong with a waiver or declassification on any day: pure, so that reader and judge say the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from inventories.faults import Fault
from inventories.urn_pattern import SHAPE, matches, pattern_fault, stack_part
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.models import Declassification, RuleMeta, Waiver

_WIDE = "wider than its rule allows"
_STACK: Final = re.compile(r"[\w.-]+/[\w.-]+")


def waiver_faults(waiver: Waiver, rules: Mapping[str, RuleMeta] | None) -> list[Fault]:
    """Every fault of a waiver, `where` being the field; a waiver with one waives nothing.

    Of a waiver that lacks fields (`yaml_source.readable`) what the others say; `rules`: None where none can be read.
    """
    faults = _common_faults(waiver, "approving_office")
    if rules is not None and _has(waiver, "rule"):
        rule = rules.get(waiver.rule)
        if rule is None:
            faults.append(Fault("rule", "no such rule", waiver.rule, fix=nearest(waiver.rule, sorted(rules))))
        elif not rule.waivable:
            faults.append(
                Fault("rule", "a rule that cannot be waived", rule.id, fix="keep the rule; remove the waiver")
            )
        else:
            faults += _too_wide(waiver, rule)
    return faults + _pattern_faults(waiver)


def declassification_faults(record: Declassification) -> list[Fault]:
    """Every fault of a declassification, `where` being the field; one with a fault opens nothing.

    Of a record that lacks fields (`yaml_source.readable`) what the others say.
    """
    faults = _common_faults(record, "approver")
    for field in ("from_stack", "to_stack"):
        if _has(record, field) and not _STACK.fullmatch(name := getattr(record, field)):
            faults.append(Fault(field, "not one stack in full", name, fix="write it like project/stack"))
    if _has(record, "from_stack", "to_stack") and record.from_stack == record.to_stack:
        faults.append(Fault("to_stack", "the stack it reads from", record.to_stack, fix="correct one of them"))
    for name in record.outputs if _has(record, "outputs") else ():
        if not name.strip() or "*" in name:
            faults.append(Fault("outputs", "not one output", name, fix="name each output exactly"))
    return faults


def _has(record: Waiver | Declassification, *fields: str) -> bool:
    return record.model_fields_set.issuperset(fields)


def _common_faults(record: Waiver | Declassification, approver: str) -> list[Fault]:
    faults = [
        Fault(field, "nothing in it", fix="write a value")
        for field in ("owner", "reason", approver, "reference")
        if _has(record, field) and not str(getattr(record, field)).strip()
    ]
    if _has(record, "starts_on", "ends_on") and record.ends_on < record.starts_on:
        got, fix = f"{record.ends_on}, starts_on {record.starts_on}", "correct one of them"
        faults.append(Fault("ends_on", "lies before starts_on", got, fix=fix))
    return faults


def _too_wide(waiver: Waiver, rule: RuleMeta) -> list[Fault]:
    faults, longest = [], rule.waiver.longest_days
    if _has(waiver, "starts_on", "ends_on") and waiver.days > longest:
        got, fix = f"{waiver.days} days", f"end it within {longest} days of starts_on"
        faults.append(Fault("ends_on", _WIDE, got, f"{rule.id} may be waived for {longest} days at a time", fix))
    if _has(waiver, "stacks") and "*" in waiver.stacks and not rule.waiver.every_stack:
        faults.append(Fault("stacks", _WIDE, "*", f"a waiver of {rule.id} is for named stacks", "name the stacks"))
    return faults


def _pattern_faults(waiver: Waiver) -> list[Fault]:
    stacks = waiver.stacks if _has(waiver, "stacks") else ()
    faults = [
        Fault("stacks", "a pattern", name, fix="name stacks in full") for name in stacks if "*" in name and name != "*"
    ]
    if not _has(waiver, "urn_pattern"):
        return faults
    fault = pattern_fault(waiver.urn_pattern)
    if fault:
        what = _WIDE if fault.startswith("names neither") else fault
        fix = f"write {SHAPE}, with TYPE or NAME in full; * stands for any characters of one part"
        return [*faults, Fault("urn_pattern", what, waiver.urn_pattern, fault if what == _WIDE else "", fix)]
    part = stack_part(waiver.urn_pattern)
    lost = [name for name in stacks if name != "*" and not matches(part, name)]
    faults += [Fault("urn_pattern", f"names no resource of stack {name}", part, fix="correct one") for name in lost]
    return faults
