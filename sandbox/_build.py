"""Build the sandbox's programs from their Go modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Final

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

GO_NEEDED: Final = (1, 26)
BINARIES_BYTES: Final = 700_000_000
"""The programs (about 430 MB) and the one that is being written."""

USUAL_TIME: Final = "usually 6 to 8 minutes for all on two cores, about 1 when Go has compiled them before"
_LOG_TAIL_LINES: Final = 8


def find_go() -> tuple[str, str]:
    """(path of a Go that is new enough, ''), else ('', why there is none)."""
    needed = f"Go >= {GO_NEEDED[0]}.{GO_NEEDED[1]}"
    path = shutil.which("go")
    if path is None:
        return "", f"{needed} is needed and no `go` is on PATH"
    try:
        # GOTOOLCHAIN=local: asking must not download a newer Go.
        answer = subprocess.run(
            [path, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env=os.environ | {"GOTOOLCHAIN": "local"},
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{needed} is needed and {path} does not answer ({error})"
    version = re.match(r"go(\d+)\.(\d+)", answer)
    if version is None or (int(version[1]), int(version[2])) < GO_NEEDED:
        return "", f"{needed} is needed and {path} is {answer or 'of unknown version'}"
    return path, ""


def linker_flags(versions: Mapping[str, str]) -> str:
    """What the programs are told about themselves: a Kubernetes without a version refuses to start."""
    kubernetes = versions["k8s.io/kubernetes"]
    major, minor, _ = kubernetes.removeprefix("v").split(".", 2)
    stamps = {
        "gitVersion": kubernetes,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "",
        "gitTreeState": "archive",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = [f"-X {package}.{name}={value}" for package in packages for name, value in stamps.items()]
    return " ".join(["-s -w", *flags])


def build(
    go: str,
    programs: Sequence[tuple[str, str]],
    versions: Mapping[str, str],
    module: Path,
    directory: Path,
    progress: Callable[[str], None],
) -> None:
    """Build each (name, Go package) into `directory`; a program appears there whole or not at all.

    Everything the compiler says goes to `build.log` in `directory`. Raises SandboxError naming that log.
    """
    log = directory / "build.log"
    settings = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    started = time.monotonic()
    progress(f"building {len(programs)} programs from their Go modules: {USUAL_TIME}; log: {log}")
    for leftover in directory.glob(".*.part"):  # of a build that was killed
        leftover.unlink(missing_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        for number, (name, package) in enumerate(programs, start=1):
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            progress(f"building {name} ({number} of {len(programs)}), {minutes}:{seconds:02} so far")
            part = directory / f".{name}.{os.getpid()}.part"
            flags = ["-trimpath", "-mod=readonly", "-buildvcs=false", f"-ldflags={linker_flags(versions)}"]
            command = [go, "build", *flags, "-o", str(part), package]
            print("$", *command, file=stream, flush=True)
            ended = subprocess.run(
                command, cwd=module, env=os.environ | settings, stdout=stream, stderr=stream, check=False
            )
            if ended.returncode != 0:
                part.unlink(missing_ok=True)
                raise _failure(name, log)
            part.replace(directory / name)
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    progress(f"built {len(programs)} programs in {minutes}:{seconds:02}")


def _failure(name: str, log: Path) -> SandboxError:
    text = log.read_text(encoding="utf-8", errors="replace")
    tail = "\n".join(f"    {line}" for line in text.splitlines()[-_LOG_TAIL_LINES:])
    what = f"Building {name} failed; the whole log is {log}. It ends with:\n{tail}\n"
    if "no space left on device" in text:
        return SandboxError(
            what, "Free about 6 GB, or set GOCACHE, GOMODCACHE and ONSHORE_CACHE to directories on a larger disk."
        )
    if re.search(r"dial tcp|proxyconnect|i/o timeout|no such host|TLS handshake", text):
        return SandboxError(
            what,
            "Go could not fetch a module: set GOPROXY (and HTTPS_PROXY) to a module proxy within reach.",
        )
    return SandboxError(what, "Try again; what was built is kept, only the rest is built.")
