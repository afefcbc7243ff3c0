"""What the register says of one cluster, in CEL: which data may be there, and until when."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from admission.category import OBJECTS
from admission.cel import POD_RESOURCES, RELABELLED, SYSTEM_NAMESPACES, Ruling, context, pod_context, text
from inventories.clock import TIME_ZONE
from policies.dispatcher import judge, load_checks
from policies.placed import Target
from policies.subject import Facts, StackFacts, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inventories.models import Category, Cluster, Provider
    from policies.dispatcher import Check

_RULES: Final = ("ACC-001", "ACC-002", "ACC-003", "ACC-004", "CAT-002", "CAT-003", "RES-001", "RES-004")
_RESOURCES: Final = {**OBJECTS, **POD_RESOURCES, "": (*OBJECTS[""], *POD_RESOURCES[""])}


def rulings(facts: Facts, provider: Provider, cluster: Cluster) -> Iterator[Ruling]:
    """Data of a category is let in while the register allows it here: the day of the request decides."""
    profile, said = facts.profile, json.dumps(_register(facts, provider, cluster), ensure_ascii=False)
    of_objects = {"register": said, **context(profile), **pod_context(), **_verdicts("variables.inner")}
    yield Ruling("register", "ACC-001", _RESOURCES, _found(), of_objects, whole=True)
    of_namespaces = {"register": said, **context(profile, of_namespace=True), **_verdicts("''")}
    spaces = {"": ("namespaces", "namespaces/status", "namespaces/finalize")}
    outside = (*SYSTEM_NAMESPACES, "default")
    yield Ruling(
        "register-namespaces",
        "ACC-001",
        spaces,
        _found(),
        of_namespaces,
        whole=True,
        exempt=outside,
        when=RELABELLED,
    )


def _verdicts(inner: str) -> dict[str, str]:
    """The categories an object carries (its home's, and stricter ones), each with what the register says of it."""
    stricter = "c in variables.ranks && c != variables.home && (!(variables.home in variables.ranks) || variables.ranks[c] > variables.ranks[variables.home])"  # noqa: E501 - one CEL expression
    unknown = "ACC-001 critical · the register says nothing of this category here"
    return {
        "template_category": inner,
        "carried": f"[variables.home].filter(c, c in variables.ranks) + [variables.own].filter(c, {stricter})"
        f" + [variables.template_category].filter(c, c != variables.own && {stricter})",
        "verdicts": "variables.carried.map(c, variables.register[?(c + '/' + variables.department)]"
        f".orValue(variables.register[?c].orValue({text(unknown)})))",
    }


def _found() -> str:
    day = r"matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$')"
    said = "'ACC-004 critical · metadata.creationTimestamp: the register let this data in until ' + v + '. Fix: onshore admission apply, with the register of today.'"  # noqa: E501 - one CEL expression
    return (
        f"variables.verdicts.filter(v, !v.{day})"
        f" + variables.verdicts.filter(v, v.{day} && timestamp(object.metadata.creationTimestamp) >= timestamp(v))"
        f".map(v, {said})"
    )


def _register(facts: Facts, provider: Provider, cluster: Cluster) -> dict[str, str]:
    """For each category (and category/department, where that matters) an end, or why it may not be there."""
    data: dict[str, str] = {}
    checks = tuple(check for check in load_checks(facts.rules) if check.rule.id in _RULES)
    for category in facts.profile.categories:
        general = _verdict(facts, checks, provider, cluster, category, "")
        departments = sorted(department.id for department in facts.register.departments)
        for name in (category.id, *category.aliases):
            data[name] = general
        if not category.rule.models_by_approval:
            continue
        for department in departments:
            verdict = _verdict(facts, checks, provider, cluster, category, department)
            if verdict != general:
                data |= {f"{name}/{department}": verdict for name in (category.id, *category.aliases)}
    return data


def _verdict(
    facts: Facts, checks: tuple[Check, ...], provider: Provider, cluster: Cluster, category: Category, department: str
) -> str:
    """The instant at which it stops being lawful, or the refusals of today."""

    def refusals(on: date) -> list[str]:
        target = Target("cluster", provider, cluster, category)
        stack = StackFacts(category=category, config={"onshore:department": department})
        day = Facts(facts.register, facts.profile, facts.rules, facts.types, on)
        subject = Subject("", "", cluster.id, {}, stack, day, targets=(target,))
        return [found.message for found in judge(subject, checks)]

    if today := refusals(facts.on):
        return " ".join(today)
    days = sorted(day for day in _turning_days(facts, provider) if day > facts.on)
    end = next((day for day in days if refusals(day)), facts.register.expires_on + timedelta(days=1))
    midnight = datetime.combine(end, time(), ZoneInfo(TIME_ZONE)).astimezone(UTC)
    return midnight.strftime("%Y-%m-%dT%H:%M:%SZ")


def _turning_days(facts: Facts, provider: Provider) -> Iterator[date]:
    """Every day on which what the register says of a provider may change."""
    after = timedelta(days=1)
    yield facts.register.expires_on + after
    for change in provider.accreditation.history:
        yield change.effective_on
        if change.valid_until:
            yield change.valid_until + after
    for audit in provider.audits:
        yield audit.held_on
        yield audit.valid_until + after
    for approval in facts.register.approvals:
        yield approval.expires_on + after
