"""Walks all checks over one resource, and writes what they refuse. A check that fails refuses too."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from inventories.deviations import waiver_faults
from inventories.faults import Fault, OnshoreError
from inventories.yaml_source import nearest
from policies import checks as checks_package
from policies.subject import Concern, Subject, Violation
from policies.values import UNKNOWN, Marker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from inventories.models import RuleMeta, Waiver

UNKNOWN_RULE: Final = "UNK-001"
WAIVER_RULE: Final = "WVR-001"
_IN_WORDS: Final = {tuple: "a list", str: "text", int: "a whole number", bool: "`true` or `false`"}
_LONGEST_GOT: Final = 160
_LONGEST_PLACE: Final = 500
_HOLDERS: Final = re.compile(r"(^|[.\]])(data|stringData|binaryData)\b")

ResourceCheck = Callable[[Subject], Iterable[Violation]]
StackCheck = Callable[[Sequence[Subject]], Iterable[tuple[str, Violation]]]


@dataclass(frozen=True, slots=True)
class Check:
    """A rule with its check: of one resource (`judge`), of the finished stack (`judge_stack`), or both."""

    rule: RuleMeta
    judge: ResourceCheck | None
    judge_stack: StackCheck | None
    concern: Concern | None = None


class Catalogue:
    """All checks, found by what they look at: a resource costs what concerns it, however many rules there are."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self.checks = tuple(checks)
        self._by_kind: dict[tuple[str, bool], tuple[Check, ...]] = {}

    def about(self, subject: Subject) -> tuple[Check, ...]:
        """The checks that have to see a resource; worked out once for each type, placed or not."""
        key = (subject.type, subject.is_placed)
        found = self._by_kind.get(key)
        if found is None:
            found = self._by_kind[key] = tuple(
                check
                for check in self.checks
                if check.judge is not None and (check.concern is None or check.concern.covers(subject))
            )
        return found


@dataclass(frozen=True, slots=True)
class Finding:
    """One refusal, ready for people: `message` holds nothing secret.

    `waiver`: the id of the waiver in force that covers it; `binds`: whether its rule binds already. Where either speaks
    for the resource it is an advice, told but no refusal.
    """

    rule: str
    severity: str
    title: str
    urn: str
    path: str
    message: str
    waiver: str = ""
    binds: bool = True

    @property
    def mandatory(self) -> bool:
        return self.binds and not self.waiver


def load_checks(rules: Mapping[str, RuleMeta], *, whole: bool = True) -> tuple[Check, ...]:
    """The check of every rule, found by its slug in `policies/checks`; raises OnshoreError unless they pair up.

    `whole`: whether these are all rules; of some, it is not told which checks are without one.
    A check names the parameters that it reads as its module's `PARAMS`, name -> type; the rule's data gives just those.
    """
    files = {found.name for found in pkgutil.iter_modules(checks_package.__path__)}
    slugs = {rule.slug for rule in rules.values()}
    faults = [Fault(f"policies/checks/{slug}.py", "a rule without its check") for slug in sorted(slugs - files)]
    lonely = sorted(files - slugs) if whole else []
    faults += [Fault(f"policies/checks/{name}.py", "a check without a rule") for name in lonely]
    loaded: list[Check] = []
    for rule in sorted(rules.values(), key=lambda rule: rule.id):
        if rule.slug not in files:
            continue
        try:
            module = importlib.import_module(f"{checks_package.__name__}.{rule.slug}")
        except Exception as error:  # noqa: BLE001 - whatever a check file does, the pack refuses
            faults.append(Fault(f"policies/checks/{rule.slug}.py", "cannot be loaded", got=type(error).__name__))
            continue
        check = Check(
            rule, getattr(module, "check", None), getattr(module, "check_stack", None), getattr(module, "CONCERN", None)
        )
        if not (check.judge or check.judge_stack):
            faults.append(Fault(f"policies/checks/{rule.slug}.py", "defines neither check nor check_stack"))
        faults += _param_faults(rule, getattr(module, "PARAMS", {}))
        loaded.append(check)
    if whole and UNKNOWN_RULE not in rules:
        faults.append(Fault(f"inventories/rules/{UNKNOWN_RULE}.yaml", "the rule on unknown values is missing"))
    if faults:
        raise OnshoreError("the policy pack is incomplete", faults)
    return tuple(loaded)


def _param_faults(rule: RuleMeta, known: Mapping[str, type]) -> list[Fault]:
    """Where a rule's data and its check do not speak of the same parameters."""
    file = f"inventories/rules/{rule.id}.yaml"
    none = "remove it: this check takes no parameters"
    faults = [
        Fault(
            f"{file}:params.{name}", "the check knows no such parameter", name, fix=nearest(name, sorted(known)) or none
        )
        for name in sorted(rule.params.keys() - known.keys())
    ]
    for name, form in sorted(known.items()):
        value = rule.params.get(name)
        if type(value) is not form:
            wanted = _IN_WORDS[form]
            what = "a parameter of the wrong form" if name in rule.params else "a parameter that the check needs"
            got = "" if value is None else str(value)
            faults.append(Fault(f"{file}:params.{name}", what, got, fix=f"write {wanted}"))
    return faults


def judge(subject: Subject, checks: Iterable[Check]) -> list[Finding]:
    """Everything the checks refuse about one resource, each path once per rule."""
    found: dict[tuple[str, str], Finding] = {}
    for check in checks:
        if check.judge is None:
            continue
        try:
            for violation in check.judge(subject):
                _note(found, check.rule, subject, violation)
        except Exception as error:  # noqa: BLE001 - a check that fails has not allowed anything
            _note(found, check.rule, subject, _crash(check.rule, error), crashed=True)
    return list(found.values())


def judge_stack(subjects: Sequence[Subject], checks: Iterable[Check]) -> list[Finding]:
    """Everything the checks refuse about a stack as a whole, each under the URN it concerns."""
    by_urn = {subject.urn: subject for subject in subjects}
    found: dict[tuple[str, str], Finding] = {}
    for check in checks:
        if check.judge_stack is None:
            continue
        try:
            for urn, violation in check.judge_stack(subjects):
                _note(found, check.rule, by_urn[urn], violation)
        except Exception as error:  # noqa: BLE001 - a check that fails has not allowed anything
            blamed = next((subject for subject in subjects if subject.is_stack), subjects[0])
            _note(found, check.rule, blamed, _crash(check.rule, error), crashed=True)
    return list(found.values())


def write(
    rule: RuleMeta, urn: str, path: str, got: str, allowed: str, fix: str = "", standing: str = "", beside: str = ""
) -> Finding:
    """A finding in the one form that all messages have.

    `fix` in place of the rule's own, `standing`: why it is an advice only, `beside`: sentences more.
    """
    why = f"{rule.source.instrument}, {rule.source.clause}" if rule.source.clause else rule.source.instrument
    where = " · ".join(_clean(part, _LONGEST_PLACE) for part in (urn, path) if part)
    head = f"{rule.id} {rule.severity} {standing}".rstrip()
    text = f"{head} · {where}: got {_clean(got)}, allowed {_clean(allowed)}.{beside}"
    fix = (_clean(fix, _LONGEST_PLACE) or rule.remediation).strip().rstrip(".")
    return Finding(rule.id, rule.severity, rule.title, urn, path, f"{text} Why: {why.rstrip('.')}. Fix: {fix}.")


def _note(
    found: dict[tuple[str, str], Finding],
    asked: RuleMeta,
    subject: Subject,
    violation: Violation,
    *,
    crashed: bool = False,
) -> None:
    """Write a violation down; a value that is not known yet is the business of the rule on unknown values.

    What a crashed check would have said nobody knows: no waiver and no date speaks for it.
    """
    facts = subject.facts
    rule = facts.rules[UNKNOWN_RULE] if violation.got is UNKNOWN else asked
    key = (rule.id + subject.urn, violation.path)
    if key in found and found[key].mandatory:
        return
    got = violation.got if violation.public else _shown(subject, violation)
    later = max(rule.effective_on, asked.effective_on)
    # A day before the register's own is a wrong clock's, and excuses nothing.
    binds = crashed or later <= facts.on or facts.on < facts.register.issued_on
    waiver, relied = (None, []) if crashed or not binds else _waivers(rule, subject)
    standing = "" if binds else f"BINDS FROM {later}"
    if waiver:
        standing = f"WAIVED BY {_said(waiver)} until {waiver.ends_on}"
    beside = "".join(f" The waiver {_said(other)} {_when(other, facts.on)}." for other in relied)
    finding = write(rule, subject.urn, violation.path, str(got), violation.allowed, violation.fix, standing, beside)
    found[key] = replace(finding, waiver=waiver.id if waiver else "", binds=binds)
    for other in relied:
        _note_reliance(found, subject, other)


def _waivers(rule: RuleMeta, subject: Subject) -> tuple[Waiver | None, list[Waiver]]:
    """The waiver in force that covers what a rule says of a resource; without one, those that are not in force."""
    facts = subject.facts
    if not facts.waivers or not rule.waivable:
        return None, []
    covering = [
        waiver
        for waiver in facts.waivers
        if waiver.covers(rule.id, subject.stack.name, subject.urn) and not waiver_faults(waiver, facts.rules)
    ]
    in_force = next((waiver for waiver in covering if waiver.state(on=facts.on) == "in force"), None)
    return in_force, [] if in_force else covering


def _note_reliance(found: dict[tuple[str, str], Finding], subject: Subject, waiver: Waiver) -> None:
    """A resource that would need a waiver which is not in force."""
    rule, on = subject.facts.rules.get(WAIVER_RULE), subject.facts.on
    if rule is not None:
        path = f"waiver {waiver.id}"
        got = f"{waiver.id}, which {_when(waiver, on)}"
        finding = write(rule, subject.urn, path, got, f"a waiver of {waiver.rule} in force on {on}")
        found[rule.id + subject.urn, path] = finding


def _said(waiver: Waiver) -> str:
    return _clean(f"{waiver.id} ({waiver.approving_office}, {waiver.reference})")


def _when(waiver: Waiver, on: date) -> str:
    return f"ended on {waiver.ends_on}" if waiver.state(on=on) == "ended" else f"begins on {waiver.starts_on}"


def _crash(rule: RuleMeta, error: Exception) -> Violation:
    path = f"check {rule.slug}"
    return Violation(path, f"a fault of the check itself ({type(error).__name__})", "a finished check", public=True)


def _shown(subject: Subject, violation: Violation) -> str:
    """A value as a message may show it: short, and never one that came as, or beside, a secret."""
    got: Any = violation.got
    if isinstance(got, Marker):
        return repr(got)
    if _is_hidden(subject, violation.path):
        return "[secret]"
    if got is None:
        return "nothing"
    if isinstance(got, bool):
        return str(got).lower()
    if isinstance(got, str | int | float):
        return repr(got)
    return "a list" if isinstance(got, list) else "a mapping"


def _is_hidden(subject: Subject, path: str) -> bool:
    if _HOLDERS.search(path):  # what a Secret or ConfigMap holds
        return True
    return any(path.startswith(secret) or secret.startswith(path) for secret in subject.secrets)


def _clean(text: str, longest: int = _LONGEST_GOT) -> str:
    """One printable line of bearable length: names and values are not ours and may hold anything."""
    line = "".join(c if c.isprintable() else "?" for c in text)
    return line if len(line) <= longest else line[: longest - 1] + "…"
