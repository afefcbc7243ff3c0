"""The end of a run: what people are told, the summary, the exit code, the entry in the stack's history."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from engine.events import is_root_stack, visible_outputs
from engine.options import RunResult
from engine.stack import history_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.events import EventStream
    from engine.executor import Executor
    from engine.interruption import Interruption
    from engine.options import Options
    from engine.saving.backend import FileBackend
    from engine.stack import Stack

Kind = Literal["preview", "up", "refresh", "destroy"]
_HISTORY_KINDS: Final = {"up": "update", "refresh": "refresh", "destroy": "destroy"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work went. `failed`: for a reason of its own (the planner knows the others).

    `refused`: by a policy on the whole stack; `error`: the RunError by which the program ended itself.
    """

    failed: bool = False
    refused: bool = False
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What the end of a run needs to know of its beginning; `started` is in seconds since 1970."""

    kind: Kind
    options: Options
    stack: Stack
    backend: FileBackend
    events: EventStream
    interruption: Interruption
    started: int

    def conclude(self, executor: Executor, packs: Mapping[str, str], outcome: Outcome) -> RunResult:
        """Saves what is left, tells how it went and records it; `packs` are names and versions."""
        preview, snapshot, plan = self.kind == "preview", executor.snapshot, executor.planner.plan
        if not preview:
            snapshot.finish()
        failed = outcome.failed or plan.failed or bool(snapshot.broken)
        refused = (plan.refused and preview) or outcome.refused
        if plan.step_failed or (refused and not plan.bailed and not plan.program_failed):
            self.events.diagnostic("error", "preview failed" if preview else "update failed")
        self._explain(executor)
        changes = {op: count for op, count in sorted(executor.changes.items()) if count}
        self.events.emit(
            "summaryEvent",
            {
                "maybeCorrupt": executor.maybe_corrupt,
                "durationSeconds": int(time.time()) - self.started,
                "resourceChanges": changes,
                "PolicyPacks": dict(packs),
                "isPreview": preview,
                "result": "failed" if failed else "succeeded",
            },
        )
        self.events.emit("cancelEvent", {})
        exit_code = self._exit_code(changes, failed=failed, unsaved=bool(snapshot.broken))
        if not preview and not snapshot.broken:
            self._record(changes, ok=not failed)
        events = tuple(self.events.events)
        return RunResult(exit_code == 0, exit_code, changes, events, _outputs(executor), outcome.error)

    def _explain(self, executor: Executor) -> None:
        if executor.snapshot.broken:
            self.events.diagnostic(
                "error",
                f"no further step was begun. The state of everything that exists is in {executor.snapshot.rescue};"
                " once the backend can be written again, and before the next run, type:"
                f" onshore stack import {self.stack.name} --file {shlex.quote(str(executor.snapshot.rescue))}",
            )
        elif self.interruption.asked:
            self.events.diagnostic(
                "warning", "interrupted: what was running has ended and is saved; nothing new was begun"
            )

    def _exit_code(self, changes: Mapping[str, int], *, failed: bool, unsaved: bool) -> int:
        if unsaved:
            return 2  # as for a backend that could not be written from the start
        if self.interruption.asked:
            return self.interruption.exit_code
        if failed:
            return 1
        if self.options.expect_no_changes and any(op != "same" for op in changes):
            return 7
        return 0

    def _record(self, changes: Mapping[str, int], *, ok: bool) -> None:
        entry = history_entry(
            _HISTORY_KINDS[self.kind],
            started=self.started,
            ended=int(time.time()),
            message=self.options.message,
            ok=ok,
            changes=changes,
            config=self.stack.config_file.values,
        )
        try:
            self.backend.add_history(self.stack.name, entry)
        except OSError as error:
            said = error.strerror or error
            self.events.diagnostic("warning", f"the run is saved, its entry in the history is not: {said}")


def _outputs(executor: Executor) -> dict[str, Any]:
    states = (*executor.planner.plan.resources(), *executor.snapshot.resources())
    root = next((state for state in states if is_root_stack(state)), None)
    return visible_outputs(root.outputs) if root else {}
