"""A move's targets, brought up as `onshore up` does it: decide, preview with the pack, ask, up."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.asking import agree
from cli.errors import DONE, REFUSED
from cli.flow import check_reads
from cli.operations import Wish, choose_engine, display, opened, operate, refused_before_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cli.project import Project
    from engine.options import Engine
    from migration.stacks import Component, Killed, Outcome

_OURS: Final = "onshore:index:"


@dataclass
class BringUp:
    """What `migration.stacks.bring_up` is handed: runs stacks of a project, or of those in its folders."""

    project: Project
    choice: str
    as_json: bool
    yes: bool
    code: int = DONE

    def __call__(
        self, stack: str, check: Callable[[Sequence[Component]], None], killed: Killed | None
    ) -> tuple[Outcome, Sequence[Component]]:
        """Preview, check, ask, up. `code` is the exit code of what ended it, where it did not come up."""
        folder, _, name = stack.rpartition("/")
        wish = Wish(name, self.choice, self.as_json)
        project = self._opened(stack, folder, wish)
        if killed is not None:
            _free(project, name, killed)
        if code := refused_before_start(project, wish):
            return self._ended(code), ()
        engine = choose_engine(project, wish)
        show = display(self.as_json)
        code, result = operate(engine, project, wish, "preview", show)
        if code != DONE:
            return self._ended(code), ()
        check(list(_components(result.events)))
        agree(f"up {stack}?", yes=self.yes)
        code, result = operate(engine, project, wish, "up", show)
        if code != DONE:
            return self._ended(code), ()
        check_reads(project, result.events)
        return "up", list(_standing(engine, name))

    def _opened(self, stack: str, folder: str, wish: Wish) -> Project:
        """The stack's project; raises OnshoreError unless it is one, under the very facts that the move has."""
        from inventories import Fault, OnshoreError  # noqa: PLC0415 - `--help` needs no inventories
        from inventories.yaml_source import display_name  # noqa: PLC0415 - as above

        root: Path = self.project.root / folder
        where = display_name(root)
        if not (root / "Pulumi.yaml").is_file():
            fault = Fault(where, "no Pulumi project there", fix="write `stack` as STACK, or as FOLDER/STACK")
            raise OnshoreError(f"stack {stack} cannot be brought up", [fault])
        found = opened(root, wish)
        if found.settings.root != self.project.settings.root:
            fault = Fault(where, "it goes by another onshore.yaml", str(found.settings.root), fix="remove that one")
            raise OnshoreError(f"stack {stack} cannot be brought up", [fault], refused=True)
        return found

    def _ended(self, code: int) -> Outcome:
        self.code = code
        return "refused" if code == REFUSED else "failed"


def _free(project: Project, stack: str, killed: Killed) -> None:
    """Take away the lock that our own process left when it was killed; nobody else's."""
    from engine import EmbeddedEngine  # noqa: PLC0415 - brings in cryptography and protobuf

    if killed.machine == socket.gethostname() and project.backend_url.startswith("file:"):
        EmbeddedEngine(project.root, backend_url=project.backend_url).cancel_killed(stack, killed.pid)


def _components(events: Sequence[dict[str, Any]]) -> Iterator[Component]:
    """The components of ours that a run would leave, with their inputs."""
    from migration.stacks import Component  # noqa: PLC0415 - brings in pydantic

    for event in events:
        metadata = event.get("resourcePreEvent", {}).get("metadata", {})
        if metadata.get("type", "").startswith(_OURS) and (new := metadata.get("new")):
            yield Component(_kind(metadata["type"]), _name(metadata["urn"]), new.get("inputs") or {}, {})


def _standing(engine: Engine, stack: str) -> Iterator[Component]:
    """The components of ours that a stack's state holds."""
    from migration.stacks import Component  # noqa: PLC0415 - as above

    for one in engine.export_state(stack)["deployment"].get("resources") or ():
        if one["type"].startswith(_OURS):
            yield Component(_kind(one["type"]), _name(one["urn"]), one.get("inputs") or {}, one.get("outputs") or {})


def _kind(token: str) -> str:
    return token.removeprefix(_OURS)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]
