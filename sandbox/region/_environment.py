"""The Python environment that the OpenStack services run in: pinned by digest, made once, kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox._files import locked, refusing, user_cache
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
_DONE: Final = ".complete"
_ENTRY_POINTS: Final = "[neutron.ml2.mechanism_drivers]\nonshore_wires = wires:SandboxWires\n"
_BYTES: Final = 1_500_000_000


def environment_directory() -> Path:
    """Where the environment of exactly these packages, for this Python, is kept."""
    recipe = REQUIREMENTS.read_bytes() + _ENTRY_POINTS.encode() + sys.version.encode()
    return user_cache() / "region" / f"services-{hashlib.sha256(recipe).hexdigest()[:16]}"


def find_uv() -> str:
    """The program that installs Python packages: beside our own Python, else on PATH; '' when there is none."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv") or ""


def is_made() -> bool:
    """Whether the environment is there already."""
    return (environment_directory() / _DONE).exists()


def ensure_environment(progress: Callable[[str], None]) -> Path:
    """The environment's folder, installed first where it has to be. Raises SandboxError."""
    directory = environment_directory()
    advice = "Set ONSHORE_CACHE to a directory you can write to, with about 1.5 GB free."
    with refusing(f"The region's services cannot be kept in {directory.parent}", advice):
        directory.parent.mkdir(parents=True, exist_ok=True)
        waiting = f"waiting: another process is installing the region's services in {directory.parent}"
        with locked(directory.parent / f".{directory.name}.lock", lambda: progress(waiting)):
            if not is_made():
                _make(directory, progress)
    return directory


def python(environment: Path) -> str:
    """The environment's interpreter."""
    return str(environment / "bin" / "python")


def _make(directory: Path, progress: Callable[[str], None]) -> None:
    uv = find_uv()
    if not uv:
        raise SandboxError("There is no uv to install the region's services with.", "Type: make setup")
    free = shutil.disk_usage(directory.parent).free
    if free < _BYTES:
        raise SandboxError(
            f"The disk of {directory.parent} has {free / 1e9:.1f} GB free; the region's services need"
            f" {_BYTES / 1e9:.1f} GB.",
            "Free some space, or set ONSHORE_CACHE to a directory on a larger disk.",
        )
    progress("installing the region's services (keystone, nova, neutron, …), once; usually 10 to 60 seconds")
    shutil.rmtree(directory, ignore_errors=True)
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(directory)])
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    _run([*install, "--python", python(directory), "-r", str(REQUIREMENTS)])
    (packages,) = directory.glob("lib/python3*/site-packages")
    described = packages / "onshore_region-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: onshore-region\nVersion: 1\n", encoding="utf-8")
    (described / "entry_points.txt").write_text(_ENTRY_POINTS, encoding="utf-8")
    (directory / _DONE).touch()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise SandboxError(
            f"The region's services cannot be installed: {said}.",
            "They come from a Python package index (UV_INDEX_URL, else PyPI): is it in reach?",
        )
