"""A provider plugin's process: started in its own process group, watched, and ended with everything it started.

Start-up protocol (`sdk/go/common/resource/plugin/plugin.go`): the engine's address is the only argument, the first
line on standard output is the port.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from typing import IO, TYPE_CHECKING, Final

from engine.provider import ProviderError

if TYPE_CHECKING:
    from pathlib import Path

    from engine.provider import Log

_STOP_GRACE_S: Final = 2.0
_LOOK_S: Final = 0.2  # how often somebody who waits for a port looks whether it is still wanted
_LONGEST_PORT_LINE: Final = 4096
_REMEMBERED_LINES: Final = 20


class PluginProcess:
    """One running plugin.

    `port` is where it serves. Raises ProviderError when it cannot be started, does not say its port within
    `start_timeout_s`, or is not waited for any more (`given_up`).
    """

    def __init__(
        self,
        executable: Path,
        engine_address: str,
        *,
        log: Log,
        project_dir: Path,
        start_timeout_s: float,
        given_up: threading.Event | None = None,
    ) -> None:
        self.name = executable.name
        self._given_up = given_up or threading.Event()
        self._log = log
        self._last_lines: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        self._pumps: list[threading.Thread] = []
        try:
            # A group of its own: Ctrl-C in the terminal reaches the engine alone, which then cancels in order.
            self._process = subprocess.Popen(
                [executable, engine_address],
                cwd=project_dir,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ProviderError(f"cannot start the provider plugin {executable}: {error.strerror or error}") from error
        assert self._process.stdout is not None  # noqa: S101 - both are pipes
        assert self._process.stderr is not None  # noqa: S101
        self._pump(self._process.stderr)
        try:
            self.port = self._read_port(self._process.stdout, start_timeout_s)
        except BaseException:
            self.stop()
            self._process.stdout.close()
            raise
        self._pump(self._process.stdout)

    def describe_end(self) -> str | None:
        """How the process ended and its last lines on standard error; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Its connection closes a moment before the process can be collected.
            self._process.wait(0.5)
        code = self._process.returncode
        if code is None:
            return None
        how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        self._pumps[0].join(0.5)
        return "\n".join([f"the provider plugin {self.name} ended by itself ({how})", *self._last_lines])

    def stop(self) -> None:
        """End the process and everything in its group; harmless when it has ended."""
        self._signal_group(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_GRACE_S)
        # The group may outlive its leader: a plugin behind a wrapper script, or what a plugin started itself.
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        for pump in self._pumps:
            pump.join(_STOP_GRACE_S)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read_port(self, stdout: IO[bytes], timeout_s: float) -> int:
        line = self._read_line(stdout, timeout_s)
        text = line.decode(errors="replace").strip()
        if text.isascii() and text.isdigit() and 0 < int(text) < 2**16:
            return int(text)
        if not line:
            raise ProviderError(self.describe_end() or f"the provider plugin {self.name} closed its output at start")
        raise ProviderError(
            f"the provider plugin {self.name} printed {text[:200]!r} where its port number was expected: "
            "it is broken, or no provider plugin of Pulumi"
        )

    def _read_line(self, stdout: IO[bytes], timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n") and len(line) < _LONGEST_PORT_LINE:
                if self._given_up.is_set():
                    raise ProviderError(f"the provider plugin {self.name} was given up before it said its port")
                if not selector.select(max(0.0, min(_LOOK_S, deadline - time.monotonic()))):
                    if time.monotonic() < deadline:
                        continue
                    raise ProviderError(f"the provider plugin {self.name} did not say its port within {timeout_s:g} s")
                # Byte by byte: what follows the port line belongs to the pump.
                byte = os.read(stdout.fileno(), 1)
                if not byte:
                    break
                line += byte
        return line

    def _pump(self, stream: IO[bytes]) -> None:
        """Pass what the plugin prints to the log; a full pipe would stop it."""
        remember = stream is self._process.stderr

        def run() -> None:
            with stream:
                for raw in stream:
                    line = raw.decode(errors="replace").rstrip()
                    if remember:
                        self._last_lines.append(line)
                    if line:
                        self._log("info", f"{self.name}: {line}")

        thread = threading.Thread(target=run, name=f"{self.name}-output", daemon=True)
        thread.start()
        self._pumps.append(thread)
