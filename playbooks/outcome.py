"""What a run did, host by host, gathered from Ansible's events; nothing in it is a secret."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_LONGEST: Final = 600
_MOST_DIFF_LINES: Final = 40
_WIDEST: Final = 200
_LAST_LINES: Final = 8
_NO_PYTHON: Final = re.compile(
    r"python[\d.]*: (command )?not found|(?=.*interpreter)(?=.*(not found|No such file|No python interpreters found))"
)


class Report(Protocol):
    """Where progress goes: severity is debug, info or warning; ephemeral lines are status."""

    def __call__(self, severity: str, message: str, *, ephemeral: bool = False) -> None: ...


@dataclass(slots=True)
class HostOutcome:
    """One host: how many tasks ended how, which changed something, and what went wrong."""

    ok: int = 0
    changed: int = 0
    skipped: int = 0
    changes: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass(slots=True)
class Outcome:
    """A whole run; `ended` says what cut it short, empty when it came to its end."""

    hosts: dict[str, HostOutcome]
    ended: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the run did not do what was asked: each host and task by name."""
        found = [f"{name}: {host.problem}" for name, host in sorted(self.hosts.items()) if host.problem]
        return tuple([self.ended, *found] if self.ended else found)

    @property
    def drift(self) -> list[str]:
        """What a run in check mode would change."""
        return [f"{name}: {task}" for name, host in sorted(self.hosts.items()) for task in host.changes]


class Gatherer:
    """Takes Ansible's events one by one."""

    def __init__(
        self,
        hosts: Collection[str],
        scrub: Callable[[str], str],
        report: Report,
        *,
        check: bool,
        stop: Callable[[str], None],
    ) -> None:
        self.outcome = Outcome({name: HostOutcome() for name in hosts})
        self._scrub = scrub
        self._report = report
        self._check = check
        self._stop = stop
        self._failures: dict[str, str] = {}
        self._last: list[str] = []
        self._tasks = 0
        self._task = ""

    @property
    def task(self) -> str:
        """The task that runs, for whoever has to say where a run was cut off."""
        return self._task

    def take(self, event: Mapping[str, Any]) -> bool:
        """One event; the answer tells the runner not to write it to a file."""
        data = event.get("event_data") or {}
        kind = event.get("event", "")
        if text := self._scrub(event.get("stdout") or "").strip():
            self._last = [*self._last, *text.splitlines()][-_LAST_LINES:]
        if kind in ("playbook_on_task_start", "playbook_on_handler_task_start"):
            self._tasks += 1
            self._task = self._scrub(str(data.get("task") or ""))
            self._report("info", f"task {self._tasks}: {self._task}", ephemeral=True)
        elif kind == "playbook_on_stats":
            self._stats(data)
        elif kind.startswith("runner_on_") and (host := data.get("host")):
            self._runner(kind, str(host), data)
        return False

    def finish(self, code: int) -> Outcome:
        """The outcome, once Ansible has ended with an exit code."""
        outcome = self.outcome
        for host, failure in self._failures.items():  # it ended before it could count
            outcome.hosts[host].problem = failure
        if code and not outcome.problems:
            said = "\n".join(self._last)
            outcome.ended = f"Ansible ended with exit code {code}: {said or 'it said nothing'}"
        elif not code and not any(host.ok or host.skipped or host.problem for host in outcome.hosts.values()):
            outcome.ended = "no task was run: no play is for these hosts, or no task bears these tags"
        return outcome

    def _runner(self, kind: str, host: str, data: Mapping[str, Any]) -> None:
        result = data.get("res") or {}
        handed = (result.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host", host)
        if elsewhere := next((name for name in (host, handed) if name not in self.outcome.hosts), None):
            self._stop(f"stopped: it turned to {self._scrub(str(elsewhere))}, which is not one of its hosts (HST-001)")
            return
        found, task = self.outcome.hosts[host], self._scrub(str(data.get("task") or ""))
        if kind == "runner_on_ok":
            found.ok += 1
            if result.get("changed"):
                found.changed += 1
                found.changes.append(task)
                verb = "would change" if self._check else "changed"
                self._report("info", f"{host}: {verb}: {task}{_shown(self._scrub(_diff(result.get('diff'))))}")
        elif kind == "runner_on_skipped":
            found.skipped += 1
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            self._failures[host] = f"task {task!r} failed: {_message(result, self._scrub)}"
        elif kind == "runner_on_unreachable":
            self._failures[host] = f"unreachable: {_message(result, self._scrub)}"

    def _stats(self, data: Mapping[str, Any]) -> None:
        """What counts in the end: a failure that a play rescued, or was told to ignore, is none."""
        for counts, words in ((data.get("failures"), "tasks failed"), (data.get("dark"), "times unreachable")):
            for host, count in (counts or {}).items():
                if host in self.outcome.hosts:
                    self.outcome.hosts[host].problem = self._failures.get(host, f"{count} {words}")
        self._failures.clear()
        for host, found in sorted(self.outcome.hosts.items()):
            verb = "would change" if self._check else "changed"
            state = found.problem or f"ok {found.ok}, {verb} {found.changed}, skipped {found.skipped}"
            self._report("warning" if found.problem else "info", f"{host}: {state}")


def _message(result: Mapping[str, Any], scrub: Callable[[str], str]) -> str:
    """A result in words: what the module says, and the first of what each item of a loop says."""
    if result.get("censored"):
        return "hidden by no_log; run it by hand on the host to see why"
    # Scrubbed before anything is cut or joined: half a secret is one, too.
    parts = [scrub(str(result[key])).strip() for key in ("msg", "reason", "module_stderr", "stderr") if result.get(key)]
    items = [item for item in result.get("results") or [] if isinstance(item, dict) and item.get("failed")]
    parts += [f"item {scrub(str(item.get('item')))}: {_message(item, scrub)}" for item in items[:5]]
    text = "; ".join(dict.fromkeys(part for part in parts if part)) or "without saying why"
    text = " ".join(text.split()).removeprefix("Task failed: ")[:_LONGEST]
    if _NO_PYTHON.search(text):
        text += (
            " (the host has no Python, which Ansible needs there: install it, on Debian `apt-get install python3`,"
            " or begin the playbook with `gather_facts: false` and a `raw` task that does)"
        )
    return text


def _diff(diffs: Any) -> str:
    """What `--diff` shows, as unified lines and in full; empty when there is nothing to show."""
    lines: list[str] = []
    for diff in diffs if isinstance(diffs, list) else [diffs]:
        if not isinstance(diff, dict):
            continue
        if diff.get("prepared"):
            lines += str(diff["prepared"]).splitlines()
        before, after = (_text(diff.get(side)) for side in ("before", "after"))
        old, new = (str(diff.get(f"{side}_header") or side) for side in ("before", "after"))
        lines += difflib.unified_diff(before, after, old, new, lineterm="", n=1)
    return "\n".join(lines)


def _shown(diff: str) -> str:
    """As much of a diff as fits under a message, once nothing in it is secret."""
    lines = [line.rstrip() for line in diff.splitlines()]
    cut = [line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…" for line in lines[:_MOST_DIFF_LINES]]
    cut += [f"… {len(lines) - _MOST_DIFF_LINES} more lines"] if len(lines) > _MOST_DIFF_LINES else []
    return "".join(f"\n  {line}" for line in cut)


def _text(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{key}: {inner}" for key, inner in sorted(value.items())]
    return str(value if value is not None else "").splitlines()
