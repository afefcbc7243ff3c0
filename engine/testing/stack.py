"""A stack in a folder of its own, for tests: its program, its cloud, and what to read off a run."""

from __future__ import annotations

import tempfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import yaml

from engine.config import load_project
from engine.embedded import EmbeddedEngine
from engine.options import Options, RunResult
from engine.saving.backend import FileBackend
from engine.saving.json_values import decode_value
from engine.stack import open_stack
from engine.testing.cloud import Cloud, Fake
from engine.urn import is_provider_type, name_of
from engine.values import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.provider import Log, Provider
    from engine.state import ResourceState

_PASSPHRASE: Final = "for tests only"  # noqa: S105 - it guards nothing


@dataclass(frozen=True, slots=True)
class Planned:
    """One step as it was announced; a secret in `inputs` or `old_inputs` is `Secret("[secret]")`."""

    op: str
    urn: str
    type: str
    name: str
    provider: str
    inputs: Mapping[str, Any]
    old_inputs: Mapping[str, Any]
    detailed_diff: Mapping[str, str]  # property path -> add, update, delete, each also with `-replace`


@dataclass(frozen=True, slots=True)
class Finding:
    """What a policy said of a resource."""

    policy: str
    pack: str
    level: str
    urn: str
    message: str


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run. `resources`: the stack's state afterwards, decrypted (unchanged by a preview)."""

    result: RunResult
    resources: tuple[ResourceState, ...]

    @property
    def ok(self) -> bool:
        """Whether the run succeeded."""
        return self.result.ok

    @property
    def exit_code(self) -> int:
        """The Pulumi CLI's for the same end."""
        return self.result.exit_code

    @property
    def changes(self) -> dict[str, int]:
        """How many steps of each kind."""
        return dict(self.result.changes)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The stack's outputs, secrets as "[secret]"."""
        return self.result.outputs

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """Every engine event in the CLI's JSON form."""
        return self.result.events

    @property
    def planned(self) -> tuple[Planned, ...]:
        """Every step that began, in order."""
        found = (event["resourcePreEvent"]["metadata"] for event in self.events if "resourcePreEvent" in event)
        return tuple(_planned(metadata) for metadata in found)

    @property
    def steps(self) -> list[tuple[str, str]]:
        """(op, resource name) of every step that began, in order; providers are left out."""
        return [(step.op, step.name) for step in self.planned if not is_provider_type(step.type)]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the policies said."""
        found = (event["policyEvent"] for event in self.events if "policyEvent" in event)
        return tuple(
            Finding(
                one.get("policyName", ""),
                one.get("policyPackName", ""),
                one.get("enforcementLevel", ""),
                one.get("resourceUrn", ""),
                one.get("message", "").strip(),
            )
            for one in found
        )

    @property
    def errors(self) -> list[str]:
        """The texts of the error messages."""
        return self.messages("error")

    def messages(self, severity: Literal["debug", "info", "info#err", "warning", "error"]) -> list[str]:
        """The texts of the messages of one severity."""
        found = [event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event]
        return [item["message"].strip() for item in found if item["severity"] == severity]

    def resource(self, name: str) -> ResourceState:
        """The one resource of that name; raises LookupError that lists the names there are."""
        found = [state for state in self.resources if name_of(state.urn) == name and not state.delete]
        if len(found) != 1:
            there = ", ".join(sorted({name_of(state.urn) for state in self.resources})) or "nothing"
            raise LookupError(f"{len(found)} resources are called {name!r}; there is: {there}")
        return found[0]


@dataclass
class Stack:
    """A stack with its state in `folder`, to be run more than once.

    Every package is played by `engine.testing.Fake` on `cloud`, but for those `providers` names. `config`: values by
    key, of this project where a key has no namespace; an `engine.values.Secret` is stored encrypted.
    """

    folder: Path
    cloud: Cloud = field(default_factory=Cloud)
    providers: Mapping[str, Callable[[Log], Provider]] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str = "test"
    project: str = "shop"
    program: str | Callable[[], object] = ""

    def preview(self, program: str | Callable[[], object] | None = None, **options: Any) -> Ran:
        """What an up would do. `options` are those of `engine.Options`; a program that is given stays."""
        return self._run("preview", program, options)

    def up(self, program: str | Callable[[], object] | None = None, **options: Any) -> Ran:
        """Creates, updates and deletes until the stack is what its program says."""
        return self._run("up", program, options)

    def refresh(self, **options: Any) -> Ran:
        """Brings the state up to date with the cloud."""
        return self._run("refresh", None, options)

    def destroy(self, **options: Any) -> Ran:
        """Deletes everything."""
        return self._run("destroy", None, options)

    def engine(self, passphrase: str = _PASSPHRASE) -> EmbeddedEngine:
        """A new engine for the stack's project as it now stands."""
        self._write()
        return EmbeddedEngine(
            self.folder,
            backend_url=self._backend_url,
            passphrase=passphrase,
            program=self.program if callable(self.program) else None,
            make_provider=self._make_provider,
        )

    @property
    def state_file(self) -> Path:
        """Where the state stands."""
        return FileBackend.at(self._backend_url, self.project).path(self.name)

    @property
    def resources(self) -> tuple[ResourceState, ...]:
        """The recorded state, decrypted; nothing for a stack that was never deployed."""
        if not self.state_file.exists():
            return ()
        project = load_project(self.folder)
        backend = FileBackend.at(self._backend_url, self.project)
        return open_stack(project, backend, self.name, _PASSPHRASE).deployment.resources

    @property
    def _backend_url(self) -> str:
        return f"file://{self.folder / 'state'}"

    def _run(self, operation: str, program: str | Callable[[], object] | None, options: Mapping[str, Any]) -> Ran:
        if program is not None:
            self.program = program
        result: RunResult = getattr(self.engine(), operation)(self.name, Options(**options))
        return Ran(result, self.resources)

    def _make_provider(self, package: str, wanted: str, log: Log, project_dir: Path) -> Provider:
        del wanted, project_dir
        make = self.providers.get(package)
        return make(log) if make is not None else Fake(self.cloud)

    def _write(self) -> None:
        """The project's files, where they are not there or no longer true."""
        _put(self.folder / "Pulumi.yaml", yaml.safe_dump({"name": self.project, "runtime": "python"}))
        stack_file = self.folder / f"Pulumi.{self.name}.yaml"
        if not stack_file.exists():
            plain = {self._key(key): value for key, value in self.config.items() if not isinstance(value, Secret)}
            _put(stack_file, yaml.safe_dump({"config": plain}))
            engine = EmbeddedEngine(self.folder, backend_url=self._backend_url, passphrase=_PASSPHRASE)
            for key, value in self.config.items():
                if isinstance(value, Secret):
                    engine.set_config(self.name, self._key(key), str(value.value), secret=True)
        if isinstance(self.program, str):
            _put(self.folder / "__main__.py", textwrap.dedent(self.program))

    def _key(self, key: str) -> str:
        return key if ":" in key else f"{self.project}:{key}"


def run(
    program: str | Callable[[], object],
    *,
    preview: bool = False,
    cloud: Cloud | None = None,
    providers: Mapping[str, Callable[[Log], Provider]] | None = None,
    config: Mapping[str, Any] | None = None,
    policy_packs: tuple[Path, ...] = (),
    **options: Any,
) -> Ran:
    """Runs a program once, as the first `up` (or `preview`) of a new stack; `Stack` runs one again and again.

    The program is a function, or source text. See `Stack` for the other arguments, `engine.Options` for the rest.
    """
    with tempfile.TemporaryDirectory(prefix="engine-testing-") as folder:
        stack = Stack(Path(folder), cloud or Cloud(), providers or {}, config or {}, program=program)
        return (stack.preview if preview else stack.up)(policy_packs=policy_packs, **options)


def _planned(metadata: Mapping[str, Any]) -> Planned:
    new, old = metadata.get("new") or {}, metadata.get("old") or {}
    diff = {path: change["diffKind"] for path, change in (metadata.get("detailedDiff") or {}).items()}
    return Planned(
        metadata["op"],
        metadata["urn"],
        metadata["type"],
        name_of(metadata["urn"]),
        metadata.get("provider") or "",
        decode_value(new.get("inputs") or {}, _hidden),
        decode_value(old.get("inputs") or {}, _hidden),
        diff,
    )


def _hidden(_sealed: str) -> str:
    return '"[secret]"'  # events never hold what is secret


def _put(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
