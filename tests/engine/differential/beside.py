"""One project under both engines, step by step: what each did, its state afterwards, and where they differ."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine import EmbeddedEngine, EngineError, Options
from engine.display.forms import preview_json
from engine.secrets import PassphraseSecrets
from tests.conformance.compare import check_file_order, compare_events, compare_trees
from tests.conformance.normalise import SECRET_SIG, SECRET_VALUE, Normaliser

HERE = Path(__file__).parent
PASSPHRASE: Final = "differential"  # noqa: S105 - a test's
PROJECT: Final = f"name: p\nruntime: {{name: python, options: {{toolchain: uv, virtualenv: {sys.prefix}}}}}\n"
_UNHEARD: Final = (
    "dependencies", "propertyDependencies", "sourcePosition", "stackTrace", "created", "modified", "aliases",
    "additionalSecretOutputs", "customTimeouts", "deletedWith", "importID", "ignoreChanges", "hideDiff",
    "replaceOnChanges", "pendingReplacement", "deleteBeforeReplace",
)  # fmt: skip
_TIMEOUT_S: Final = 120


@dataclass(frozen=True)
class Step:
    """One command: `up`, `preview`, `refresh` or `destroy`, with flags as `engine.Options` names them.

    `world`: what the program makes from now on. `swapped`: each engine goes on from the other's state.
    """

    operation: str
    world: dict[str, Any] | None = None
    flags: tuple[tuple[str, Any], ...] = ()
    swapped: bool = False


def write_plugins(folder: Path) -> None:
    """The plugins of the packages, as executables."""
    for package in ("fake", "plain"):
        path = folder / f"pulumi-resource-{package}"
        script = f"#!/bin/sh\nexec {sys.executable} -W ignore {HERE / 'plugin.py'} {package}\n"
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)


class Beside:
    """A project `work` in `root`, `states` of the CLI and ours; the plugins are on PATH."""

    def __init__(self, root: Path, home: Path) -> None:
        self.work, self.states = root / "project", (root / "theirs", root / "ours")
        for folder in (self.work, *self.states):
            folder.mkdir(parents=True)
        self._secrets = PassphraseSecrets.create(PASSPHRASE)
        (self.work / "Pulumi.yaml").write_text(PROJECT, encoding="utf-8")
        configuration = f"encryptionsalt: {self._secrets.salt}\nconfig:\n  p:a: b\n"
        (self.work / "Pulumi.test.yaml").write_text(configuration, encoding="utf-8")
        (self.work / "uv.lock").touch()  # without a pyproject.toml uv leaves the environment as it is
        shutil.copy(HERE / "program.py", self.work / "__main__.py")
        self._normaliser = Normaliser({str(self.work): "<project>", sys.prefix: "<venv>"})
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": self.states[0].as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_HOME": str(home),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
            "PULUMI_DEBUG_COMMANDS": "1",
            "NO_COLOR": "1",
        }
        self.pulumi("stack", "init", "--stack", "test")
        shutil.copytree(self.states[0], self.states[1], dirs_exist_ok=True)
        self._before = [self._export(folder) for folder in self.states]

    def run(self, step: Step) -> list[str]:
        """Where the engines differ in one step; empty when they agree."""
        if step.world is not None:
            (self.work / "world.json").write_text(json.dumps(step.world), encoding="utf-8")
        if step.swapped:
            self._swap()
        theirs, their_document = self._theirs(step)
        ours, our_document = self._ours(step)
        self._before = [self._export(folder) for folder in self.states]
        # a command that finds nothing to do ends in the CLI before there is an event
        faults = compare_events(theirs, ours if theirs[1:] else ours[:1])
        states = [self._normaliser.state(each, self._opened(each)) for each in self._before]
        faults += compare_trees("state", *states)
        faults += check_file_order(self._before[1]["deployment"].get("resources") or [])
        if their_document is not None and our_document is not None:
            faults += compare_trees("preview --json", self._told(their_document), self._told(our_document))
        return faults

    # ------------------------------------------------------------ the engines

    def _theirs(self, step: Step) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        log = self.work.parent / "theirs.jsonl"
        log.unlink(missing_ok=True)
        flags = ["--event-log", str(log), *_flags(step)]
        flags += ["--json"] if step.operation == "preview" else ["--yes", "--skip-preview"]
        done = self.pulumi(step.operation, "--stack", "test", *flags, check=False)
        raw = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        after = self._export(self.states[0])
        document = json.loads(done.stdout) if step.operation == "preview" and done.stdout.startswith("{") else None
        return [_run(done.returncode), *self._events(step, raw, self._before[0], after)], document

    def _ours(self, step: Step) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        raw: list[dict[str, Any]] = []
        try:
            options = Options(on_event=raw.append, **dict(step.flags))
            code = getattr(self._engine(), step.operation)("test", options).exit_code
        except EngineError as error:
            code = error.exit_code
        lines = [json.dumps(event) for event in raw]
        (self.work.parent / "ours.jsonl").write_text("\n".join(lines), encoding="utf-8")
        document = preview_json(raw) if step.operation == "preview" else None
        after = self._export(self.states[1])
        events = [json.loads(line) for line in lines]
        return [_run(code), *self._events(step, events, self._before[1], after)], document

    def _events(self, step: Step, raw: Any, before: Any, after: Any) -> list[dict[str, Any]]:
        """What happened. An order that only what is recorded asks for, not the program, is kept by chance if at all."""
        gone = step.operation == "destroy"
        made = step.operation == "up"
        return self._normaliser.events(raw, before if gone else None, after if made else None)

    def _engine(self) -> EmbeddedEngine:
        return EmbeddedEngine(self.work, backend_url=self.states[1].as_uri(), passphrase=PASSPHRASE)

    def pulumi(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the CLI on its own state."""
        command = ["pulumi", *words, "--non-interactive", "--color", "never"]
        done = subprocess.run(
            command, cwd=self.work, env=self.environment, capture_output=True, text=True, check=False,
            timeout=_TIMEOUT_S,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done

    # ------------------------------------------------------------ files

    def _file(self, state: Path) -> Path:
        return state / ".pulumi" / "stacks" / "p" / "test.json"

    def _export(self, state: Path) -> dict[str, Any]:
        """As `pulumi stack export` has it."""
        file = self._file(state)
        latest = json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"] if file.exists() else {}
        return {"version": 3, "deployment": latest}

    def _opened(self, value: Any) -> Any:
        """As `--show-secrets` has it."""
        if isinstance(value, dict):
            if value.get(SECRET_SIG) == SECRET_VALUE and "ciphertext" in value:
                return {SECRET_SIG: SECRET_VALUE, "plaintext": self._secrets.decrypt(value["ciphertext"])}
            return {key: self._opened(item) for key, item in value.items()}
        return [self._opened(item) for item in value] if isinstance(value, list) else value

    def _swap(self) -> None:
        files = [self._file(state) for state in self.states]
        if not all(file.exists() for file in files):
            return
        texts = [file.read_bytes() for file in files]
        for file, text in zip(files, reversed(texts), strict=True):
            file.write_bytes(text)
            file.with_name("test.json.attrs").unlink(missing_ok=True)  # the checksum of what was there
        self._before.reverse()

    def _told(self, document: dict[str, Any]) -> Any:
        """What of a `preview --json` both can say; steps by URN, since their order is chance."""
        steps = sorted(document["steps"], key=lambda step: (step["urn"], step["op"]))
        plain = [{key: _without(item) for key, item in step.items()} for step in steps]
        for step in plain:  # the CLI has them in no order
            step["replaceReasons"] = sorted(step.get("replaceReasons") or ())
        return self._normaliser.tree({"steps": plain, "changeSummary": document["changeSummary"]})


def _without(value: Any) -> Any:
    """A step's state without what events do not carry (docs/engine.md)."""
    return {key: item for key, item in value.items() if key not in _UNHEARD} if isinstance(value, dict) else value


def _run(code: int) -> dict[str, Any]:
    return {"event": "run", "exit_code": code, "result": "ok" if code == 0 else "fail"}


def _flags(step: Step) -> list[str]:
    found = []
    for name, value in step.flags:
        flag = f"--{name.removesuffix('s') if name == 'targets' else name}".replace("_", "-")
        if isinstance(value, tuple):
            found += [word for one in value for word in (flag, one)]
        else:
            found += [f"{flag}={value}".lower()]
    return found
