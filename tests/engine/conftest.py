"""A project whose cloud is a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.testing import Stack
from tests.engine.projects import Project, new_cloud

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.test.yaml").write_text("# kept\nconfig:\n  shop:size: 1 # kept too\n", encoding="utf-8")
    return Project(Stack(tmp_path, new_cloud()))
