"""A project of its own on the tests' cluster: the shipped stacks, a fresh state, and `onshore` as people run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import ClusterInfo

ROOT = Path(__file__).parents[2]
CLUSTER_ID = "example-csp-alpha-khi-1"


@dataclass
class Onshore:
    """A project's folder and the command line in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from cli.main import main; main()", *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def write(self, name: str, text: str) -> None:
        """Put a file into the project."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")


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


@pytest.fixture
def offline(tmp_path: Path) -> Onshore:
    """A project without any cluster."""
    return make_project(tmp_path / "project")


@pytest.fixture
def onshore(tmp_path: Path, cluster: ClusterInfo) -> Iterator[Onshore]:
    """A project whose register lists the tests' cluster; what a test leaves up is destroyed."""
    project = make_project(tmp_path / "project")
    kubeconfigs = project.root / ".onshore" / "kubeconfigs"
    kubeconfigs.mkdir(parents=True)
    shutil.copy2(cluster.kubeconfig, kubeconfigs / f"{CLUSTER_ID}.yaml")
    project.environment["ONSHORE_OVERLAYS"] = str(cluster.overlay)
    yield project
    for state in (project.root / ".onshore" / "state" / ".pulumi" / "stacks" / "onshore").glob("*.json"):
        if not state.name.startswith(".") and state.suffixes == [".json"]:
            project("destroy", state.stem, "--yes")
