"""Which programs a sandbox needs, where they are kept, and the order in which they are looked for.

A program of the pinned version is taken from the user cache, else from PATH, else built from the Go modules of go.mod,
else (no usable Go) downloaded from its project's release and checked against the digest published there.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox import _build, _download
from sandbox._files import locked, refusing, user_cache
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

GO_MOD: Final = Path(__file__).with_name("go.mod")
_KUBERNETES: Final = "k8s.io/kubernetes"


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the sandbox: its Go package, how it tells its version, and where its project releases it.

    `{version}` and `{arch}` are filled in. `digest_url` answers with a bare SHA-256, with `sha256sum` lines, or with a
    GitHub release's JSON. `member` names the file in the archive; empty: not an archive.
    """

    name: str
    module: str
    package: str
    version_arguments: tuple[str, ...]
    url: str
    digest_url: str
    member: str = ""


def _of_kubernetes(name: str, *version_arguments: str) -> Program:
    url = f"https://dl.k8s.io/{{version}}/bin/linux/{{arch}}/{name}"
    package = f"{_KUBERNETES}/cmd/{name}"
    return Program(name, _KUBERNETES, package, version_arguments or ("--version",), url, f"{url}.sha256")


PROGRAMS: Final = (
    Program(
        "etcd",
        "go.etcd.io/etcd/server/v3",
        "go.etcd.io/etcd/server/v3",
        ("--version",),
        "https://github.com/etcd-io/etcd/releases/download/{version}/etcd-{version}-linux-{arch}.tar.gz",
        "https://github.com/etcd-io/etcd/releases/download/{version}/SHA256SUMS",
        "etcd-{version}-linux-{arch}/etcd",
    ),
    _of_kubernetes("kube-apiserver"),
    _of_kubernetes("kube-controller-manager"),
    _of_kubernetes("kube-scheduler"),
    _of_kubernetes("kubectl", "version", "--client"),
    Program(
        "kwok",
        "sigs.k8s.io/kwok",
        "sigs.k8s.io/kwok/cmd/kwok",
        ("--version",),
        "https://github.com/kubernetes-sigs/kwok/releases/download/{version}/kwok-linux-{arch}",
        # kwok publishes no digest file; the release's description carries the digest of each asset.
        "https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/{version}",
    ),
)


def ensure_programs(progress: Callable[[str], None]) -> dict[str, Path]:
    """The path of every program the sandbox needs, made available first where it has to be.

    `progress` receives one line per stage. Raises SandboxError when one can neither be found, built nor downloaded.
    """
    directory = cache_directory()
    found = _cached(directory)
    missing = [program for program in PROGRAMS if program.name not in found]
    found |= {program.name: path for program in missing if (path := _on_path(program)) is not None}
    if len(found) == len(PROGRAMS):
        return found
    advice = "Set ONSHORE_CACHE to a directory you can write to, with about 1 GB free."
    with refusing(f"The sandbox's programs cannot be kept in {directory}", advice):
        directory.mkdir(parents=True, exist_ok=True)
        waiting = f"waiting: another process is making the sandbox's programs in {directory}"
        with locked(directory / ".lock", lambda: progress(waiting)):
            found |= _cached(directory)
            if missing := [program for program in PROGRAMS if program.name not in found]:
                _make(missing, directory, progress)
    return found | _cached(directory)


def programs_unavailable() -> str:
    """Why the programs cannot be had without a download (no Go, and not all in the cache or on PATH); else ''."""
    found = _cached(cache_directory())
    if all(program.name in found or _on_path(program) is not None for program in PROGRAMS):
        return ""
    return _build.find_go()[1]


def cache_directory() -> Path:
    """Where the programs of exactly these versions and this build recipe are kept."""
    recipe = GO_MOD.read_bytes() + GO_MOD.with_name("go.sum").read_bytes() + _build.linker_flags(versions()).encode()
    return user_cache() / "control-plane" / f"linux-{architecture()}-{hashlib.sha256(recipe).hexdigest()[:16]}"


def versions() -> dict[str, str]:
    """Module -> the version that go.mod pins, for the modules that hold our programs."""
    pinned = dict(re.findall(r"^\t(\S+) (v\S+)", GO_MOD.read_text(encoding="utf-8"), re.MULTILINE))
    return {program.module: pinned[program.module] for program in PROGRAMS}


def architecture() -> str:
    """This machine's architecture in Go's words."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _cached(directory: Path) -> dict[str, Path]:
    return {program.name: path for program in PROGRAMS if (path := directory / program.name).is_file()}


def _on_path(program: Program) -> Path | None:
    path = shutil.which(program.name)
    if path is None:
        return None
    try:
        answer = subprocess.run(
            [path, *program.version_arguments], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = versions()[program.module].removeprefix("v")
    return Path(path) if re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.+-])", answer.stdout) else None


def _make(missing: list[Program], directory: Path, progress: Callable[[str], None]) -> None:
    free, needed = shutil.disk_usage(directory).free, _build.BINARIES_BYTES
    if free < needed:
        raise SandboxError(
            f"The disk of {directory} has {free / 1e9:.1f} GB free; the sandbox's programs need {needed / 1e9:.1f} GB.",
            "Free some space, or set ONSHORE_CACHE to a directory on a larger disk.",
        )
    go, why_not = _build.find_go()
    if go:
        packages = [(program.name, program.package) for program in missing]
        _build.build(go, packages, versions(), GO_MOD.parent, directory, progress)
        return
    for number, program in enumerate(missing, start=1):
        progress(f"downloading {program.name} ({number} of {len(missing)}), because {why_not}")
        _fetch(program, directory, why_not)


def _fetch(program: Program, directory: Path, why_not_built: str) -> None:
    version = versions()[program.module]
    parts = (program.url, program.digest_url, program.member)
    try:
        release = _download.Release(*(part.format(version=version, arch=architecture()) for part in parts))
        _download.download(release, directory / program.name)
    except _download.DownloadRefusedError as error:
        go = ".".join(map(str, _build.GO_NEEDED))
        raise SandboxError(
            f"{program.name} {version} can be neither built ({why_not_built}) nor downloaded ({error}).",
            f"Install Go >= {go} (https://go.dev/dl), or put {program.name} {version} on PATH.",
        ) from error
