"""A project whose cloud is a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.fakes import Cloud, FakeProvider
from tests.engine.projects import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.test.yaml").write_text("# kept\nconfig:\n  shop:size: 1 # kept too\n", encoding="utf-8")
    cloud = Cloud()
    monkeypatch.setattr("engine.operation.make_provider", lambda _package, _version, _log, _folder: FakeProvider(cloud))
    return Project(tmp_path, cloud)
