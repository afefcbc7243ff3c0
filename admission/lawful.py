"""What the register says of one cluster, in CEL: which data may be there, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from admission.category import OBJECTS
from admission.cel import POD_RESOURCES, RELABELLED, SYSTEM_NAMESPACES, Ruling, context, pod_context
from inventories.clock import TIME_ZONE
from policies.dispatcher import judge, load_checks
from policies.placed import Target
from policies.subject import Facts, StackFacts, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inventories.models import Category, Cluster, Provider
    from policies.dispatcher import Check

RULES: Final = ("ACC-001", "ACC-002", "ACC-003", "ACC-004", "CAT-002", "CAT-003", "RES-001", "RES-004")
_RESOURCES: Final = {**OBJECTS, **POD_RESOURCES, "": (*OBJECTS[""], *POD_RESOURCES[""])}


def rulings() -> Iterator[Ruling]:
    """Data of a category is let in while the register allows it here: the day of the request decides."""
    of_objects = {**context(), **pod_context(), **_verdicts("variables.inner")}
    yield Ruling("register", "ACC-001", _RESOURCES, _found(), of_objects, whole=True, always=True)
    of_namespaces = {**context(of_namespace=True), **_verdicts("''")}
    spaces = {"": ("namespaces", "namespaces/status", "namespaces/finalize")}
    outside = (*SYSTEM_NAMESPACES, "default")
    yield Ruling(
        "register-namespaces",
        "ACC-001",
        spaces,
        _found(),
        of_namespaces,
        whole=True,
        always=True,
        exempt=outside,
        when=RELABELLED,
    )


def _verdicts(inner: str) -> dict[str, str]:
    """The categories an object carries (its home's, and stricter ones), each with what the register says of it."""
    stricter = "c in variables.categories && c != variables.home && (!(variables.home in variables.categories) || variables.categories[c].rank > variables.categories[variables.home].rank)"  # noqa: E501 - one CEL expression
    return {
        "template_category": inner,
        "carried": f"[variables.home].filter(c, c in variables.categories) + [variables.own].filter(c, {stricter})"
        f" + [variables.template_category].filter(c, c != variables.own && {stricter})",
        "verdicts": "variables.carried.map(c, variables.categories[c].?departments[?variables.department]"
        ".orValue(variables.categories[c].here))",
    }


def _found() -> str:
    said = "'ACC-004 critical · metadata.creationTimestamp: the register let this data in until ' + v.until + '. Fix: onshore admission apply, with the register of today.'"  # noqa: E501 - one CEL expression
    over = "timestamp(object.metadata.creationTimestamp) >= timestamp(v.until)"
    return (
        "variables.verdicts.filter(v, has(v.refused)).map(v, v.refused)"
        f" + variables.verdicts.filter(v, !has(v.refused) && {over}).map(v, {said})"
    )


def said_of(facts: Facts, provider: Provider, cluster: Cluster, category: Category) -> dict[str, Any]:
    """What the register says of a category's data there: `here`, and `departments`, where that differs."""
    checks = tuple(check for check in load_checks(facts.rules) if check.rule.id in RULES)
    here = _verdict(facts, checks, provider, cluster, category, "")
    differs = {}
    for department in facts.register.departments if category.rule.models_by_approval else ():
        verdict = _verdict(facts, checks, provider, cluster, category, department.id)
        if verdict != here:
            differs[department.id] = verdict
    return {"here": here} | ({"departments": differs} if differs else {})


def _verdict(
    facts: Facts, checks: tuple[Check, ...], provider: Provider, cluster: Cluster, category: Category, department: str
) -> dict[str, str]:
    """`until`: the instant at which it stops being lawful; or `refused`: why it is not lawful today."""

    def refusals(on: date) -> list[str]:
        target = Target("cluster", provider, cluster, category)
        stack = StackFacts(category=category, config={"onshore:department": department})
        day = Facts(facts.register, facts.profile, facts.rules, facts.types, on)
        subject = Subject("", "", cluster.id, {}, stack, day, targets=(target,))
        return [found.message for found in judge(subject, checks) if found.mandatory]

    if today := refusals(facts.on):
        return {"refused": " ".join(today)}
    days = sorted(day for day in _turning_days(facts, provider) if day > facts.on)
    end = next((day for day in days if refusals(day)), facts.register.expires_on + timedelta(days=1))
    midnight = datetime.combine(end, time(), ZoneInfo(TIME_ZONE)).astimezone(UTC)
    return {"until": midnight.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _turning_days(facts: Facts, provider: Provider) -> Iterator[date]:
    """Every day on which what the register says of a provider may change, or a rule begins to bind."""
    after = timedelta(days=1)
    yield facts.register.expires_on + after
    yield from (facts.rules[rule].effective_on for rule in RULES)
    for change in provider.accreditation.history:
        yield change.effective_on
        if change.valid_until:
            yield change.valid_until + after
    for audit in provider.audits:
        yield audit.held_on
        yield audit.valid_until + after
    for approval in facts.register.approvals:
        yield approval.expires_on + after
