"""A project of its own on the tests' cluster: the shipped stacks, a fresh state, and `onshore` as people run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
COMMAND = [str(Path(sys.executable).with_name("onshore"))]
CLUSTER_ID = "example-csp-alpha-khi-1"


@dataclass
class Onshore:
    """A project's folder and the command line in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, *arguments: str, stdout: IO[str] | int = subprocess.PIPE, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )

    def write(self, name: str, text: str) -> None:
        """Put a file into the project."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")


def linked_project(folder: Path) -> Path:
    """A new folder for an engine to run the project's program in; what is the project's own is linked."""
    folder.mkdir()
    for name in ("onshore.yaml", "inventories", "stacks"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def make_project(folder: Path) -> Onshore:
    """A copy of what is the project's own: stacks are copied, rooms are the real ones."""
    folder.mkdir()
    for name in ("Pulumi.yaml", "onshore.yaml"):
        shutil.copy2(ROOT / name, folder / name)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "stacks", folder / "stacks", ignore=ignore)
    shutil.copytree(ROOT / "inventories" / "registers", folder / "inventories" / "registers", ignore=ignore)
    (folder / "policies").symlink_to(ROOT / "policies")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONSHORE_", "PULUMI_"))}
    environment = {"PULUMI_CONFIG_PASSPHRASE": "for tests only", "ONSHORE_OVERLAYS": "", "ONSHORE_ENGINE": "embedded"}
    return Onshore(folder, kept | environment)
