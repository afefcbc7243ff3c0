"""A policy pack's own process: how it is started, where it listens, what it prints, how it ends.

Arguments and environment are those of the Pulumi CLI (`sdk/python/cmd/pulumi-language-python`).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.config import Configuration
    from engine.provider import Log

START_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a pack is told about the run; where state lies and the project's folder by its environment only."""

    project: str
    stack: str
    preview: bool
    config: Configuration
    backend_url: str
    root: Path


class PackProcess:
    """One pack's process, begun; raises EngineError when it is no pack that this engine can run.

    It will call the engine at `address`, where nobody needs to listen yet.
    """

    def __init__(self, folder: Path, address: str, facts: RunFacts, log: Log) -> None:
        self.folder = folder.resolve()
        self.manifest = _manifest(self.folder)
        self._log = log
        self._pumps: list[threading.Thread] = []
        program = self.folder / self.manifest["main"] if self.manifest.get("main") else self.folder
        self._process = subprocess.Popen(
            [str(_interpreter(self.folder, self.manifest)), "-u", "-m", "pulumi.policy", address, str(program)],
            cwd=self.folder,
            env=_environment(facts),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a Ctrl-C at the terminal is for the engine: it ends its packs itself
            start_new_session=True,
        )
        self._timer = threading.Timer(START_TIMEOUT_S, self._process.kill)
        self._timer.start()

    @property
    def event_name(self) -> str:
        """What a summary calls a pack from a folder, after the pack's own name."""
        home, folder = str(Path.home()), str(self.folder)
        return f"local|~{folder.removeprefix(home)}" if folder.startswith(f"{home}/") else f"local|{folder}"

    def port(self) -> int:
        """Where it listens, once it does: the first line it prints; what comes after is its log."""
        process = self._process
        line = process.stdout.readline() if process.stdout else ""
        self._timer.cancel()
        try:
            port = int(line)
        except ValueError:
            process.kill()
            said = f"{line}{process.communicate()[1]}".strip().splitlines()
            reason = said[-1] if said else "it ended without a word"
            raise EngineError(
                f"policy pack {self.folder} not started: could not read policy pack port: {reason}",
                fix="A pack must print nothing before it is up, and must load without an error.",
            ) from None
        for stream in (process.stdout, process.stderr):
            self._pumps.append(threading.Thread(target=self._pump, args=(stream,), daemon=True))
            self._pumps[-1].start()
        return port

    def _pump(self, stream: Iterable[str]) -> None:
        for line in stream:
            self._log("debug", f"{self.folder.name}: {line}")

    def end(self) -> None:
        """Ends it now; what it printed until then has been read when this returns."""
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        for pump in self._pumps:
            pump.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def reserved_port() -> Iterator[int]:
    """A loopback port that nobody else gets; gRPC, which shares ports, can serve on it later."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def _environment(facts: RunFacts) -> dict[str, str]:
    """What its process starts with; whoever may see the machine's processes sees this, so that no secret is in it."""
    secret = frozenset(facts.config.secret_keys)
    open_values = {key: value for key, value in facts.config.values.items() if key not in secret}
    return {
        **os.environ,
        "PULUMI_ORGANIZATION": "organization",
        "PULUMI_PROJECT": facts.project,
        "PULUMI_STACK": facts.stack,
        "PULUMI_DRY_RUN": "true" if facts.preview else "false",
        "PULUMI_CONFIG": json.dumps(open_values),
        "PULUMI_BACKEND_URL": facts.backend_url,
        "PULUMI_PROJECT_ROOT": str(facts.root),
    }


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "PulumiPolicy.yaml"
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EngineError(
            f'failed to load Pulumi policy project located at "{folder}": open {path}: no such file or directory',
            fix="Name a pack's folder: the one that holds its PulumiPolicy.yaml.",
        ) from None
    except (OSError, yaml.YAMLError) as error:
        raise EngineError(
            f'failed to load Pulumi policy project located at "{folder}": {error}', fix="Mend its PulumiPolicy.yaml."
        ) from error
    runtime = data.get("runtime") if isinstance(data, dict) else None
    if (runtime.get("name") if isinstance(runtime, dict) else runtime) != "python":
        raise EngineError(f"{path}: this engine runs Python policy packs only", fix="Use the Pulumi CLI.")
    return dict(data)


def _interpreter(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """The Python of the pack's own virtual environment when it declares one that exists, else ours."""
    runtime = manifest["runtime"]
    declared = (runtime.get("options") or {}).get("virtualenv") if isinstance(runtime, dict) else None
    own = folder / str(declared) / "bin" / "python"
    return own if declared and own.exists() else Path(sys.executable)
