"""From what a run found to reports in files: `--report FORMAT:FILE`."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import outputs
from cli.errors import DONE, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from cli.project import Project
    from components.placement import Refusal
    from inventories.models import Profile, Register, RuleMeta
    from reports import Finding, Head, Report

WHAT: Final = "report"
FORMS: Final = ("text", "json", "sarif", "junit", "markdown")
_MANDATORY: Final = ("mandatory", "remediate")
_JUDGED: Final = "policyAnalyzeSummaryEvent"
# How the pack's messages begin (`policies.dispatcher.write`).
_MESSAGE: Final = re.compile(r"[A-Z]+-\d+ (critical|high|medium)(?: WAIVED BY (\S+) \()?")


@dataclass(frozen=True)
class Wanted:
    """A report that somebody asked for."""

    form: str
    file: Path


class _Type(click.ParamType[Wanted]):
    name = "FORMAT:FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Wanted:
        if isinstance(value, Wanted):
            return value
        form, _, file = str(value).partition(":")
        if form not in FORMS or not file:
            self.fail(f"{value!r} is not FORMAT:FILE with one of the formats {', '.join(FORMS)}", param, ctx)
        wanted = Wanted(form, Path(file))
        outputs.forget(wanted.file, WHAT)
        return wanted


REPORT = click.option(
    "--report", "reports", type=_Type(), multiple=True, help="Write a report to this file (repeatable)."
)


def write(report: Report, form: str, file: Path | None) -> None:
    """Write a report to a file, or to stdout."""
    from reports import render  # noqa: PLC0415 - most runs write none

    told = render(report, form)
    if file is None:
        sys.stdout.writelines(told)
    else:
        outputs.write(file, WHAT, told)


def head(operation: str, register: Register, profile: Profile, rules: Mapping[str, RuleMeta], on: date) -> Head:
    """Against what a run was judged."""
    from reports import Head, Rule  # noqa: PLC0415

    judged = tuple(Rule(rule.id, rule.severity, rule.title) for rule in rules.values())
    return Head(operation, version("onshore"), register.digest, f"{profile.id} {profile.version}", on, judged)


def report_run(project: Project, stack: str, operation: str, code: int, events: Sequence[Mapping[str, Any]]) -> Report:
    """What the pack said in an engine's run; one that failed for another reason has not judged everything."""
    from reports import Report, Unread  # noqa: PLC0415

    top, rules, file, department = _about(project, stack, operation)
    said = [event["policyEvent"] for event in events if "policyEvent" in event]
    findings = tuple(_finding(each, rules, stack, department, file) for each in said)
    failed = () if code in (DONE, REFUSED) else (Unread(file, f"the {operation} ended with code {code}"),)
    judged = {event[_JUDGED]["resourceUrn"] for event in events if _JUDGED in event}
    return Report(top, findings, failed, len(judged))


def report_refusal(project: Project, stack: str, operation: str, refusal: Refusal) -> Report:
    """Why placement refused, before any engine started."""
    from reports import Report, Unread  # noqa: PLC0415

    top, rules, file, department = _about(project, stack, operation)
    unread = tuple(Unread(file, f"{fault.where}: {fault.what}") for fault in refusal.faults)
    findings = tuple(_reasons(refusal, rules, stack, department, file))
    return Report(top, findings, unread, 0)


def _reasons(
    refusal: Refusal, rules: Mapping[str, RuleMeta], stack: str, department: str, file: str
) -> Iterator[Finding]:
    """Each rule against each candidate; candidates that nobody asked for only where no other is left."""
    from components.explain import reason_line, way_out  # noqa: PLC0415
    from reports import Finding  # noqa: PLC0415

    asked = [verdict for verdict in refusal.verdicts if verdict.rules <= rules.keys()]  # a wish is no rule
    for verdict in asked or refusal.verdicts:
        for reason in verdict.reasons:
            if rule := rules.get(reason.rule):
                message = f"{verdict.place.id}: {reason_line(reason)} {way_out(refusal)}"
                yield Finding(
                    rule.id,
                    rule.severity,
                    rule.title,
                    "",
                    verdict.place.id,
                    message,
                    stack=stack,
                    department=department,
                    file=file,
                )


def _about(project: Project, stack: str, operation: str) -> tuple[Head, Mapping[str, RuleMeta], str, str]:
    from engine.config import check_stack_name, load_project, load_stack_config  # noqa: PLC0415
    from inventories import load_rules, today  # noqa: PLC0415

    rules, profile = load_rules(), project.settings.load_profile()
    top = head(operation, project.settings.load_register(), profile, rules, today(profile))
    config = load_stack_config(load_project(project.root), check_stack_name(stack))
    given = config.values.get("onshore:department")
    file = project.stack_file(stack)
    shown = file.relative_to(project.root) if file.is_relative_to(project.root) else file
    return top, rules, shown.as_posix(), given if isinstance(given, str) else ""


def _finding(said: Mapping[str, Any], rules: Mapping[str, RuleMeta], stack: str, department: str, file: str) -> Finding:
    """A finding of an event; the severity is that of the message, as a finding of the pack itself has no rule."""
    from reports import Finding  # noqa: PLC0415

    name, urn, message = said.get("policyName", ""), said.get("resourceUrn", ""), str(said["message"]).rstrip("\n")
    rule, spoken, blocks = rules.get(name), _MESSAGE.match(message), said["enforcementLevel"] in _MANDATORY
    return Finding(
        name,
        rule.severity if rule else spoken[1] if spoken else "critical",
        rule.title if rule else "What cannot be judged is refused",
        urn,
        _path(message, urn),
        message,
        level="mandatory" if blocks else "advisory",
        waiver=spoken[2] or "" if spoken and not blocks else "",
        stack=stack,
        department=department,
        file=file,
    )


def _path(message: str, urn: str) -> str:
    _, found, rest = message.partition(f" · {urn} · ")
    return rest.partition(": got ")[0] if found else ""
