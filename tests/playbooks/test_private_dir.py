"""Private folders are private, go when their owner is done, and are swept when it was killed."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from playbooks import private_dir as module
from playbooks.private_dir import private_dir, sweep, write_private

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "_home", lambda: tmp_path)
    return tmp_path


def aged(folder: Path) -> None:
    before = time.time() - 3600
    os.utime(folder, (before, before))


def test_a_folder_is_for_its_owner_alone_and_goes_also_after_a_failure(home: Path) -> None:
    with private_dir() as folder:
        write_private(folder / "env" / "extravars", "secret")
        assert folder.parent == home
        assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "env")] == [0o700, 0o700]
        assert stat.S_IMODE((folder / "env" / "extravars").stat().st_mode) == 0o600
    assert list(home.iterdir()) == []
    with pytest.raises(KeyError), private_dir():
        raise KeyError
    assert list(home.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(home: Path) -> None:
    left = home / "onshore-ansible-left"
    left.mkdir()
    (left / "lock").touch()
    aged(left)
    young = home / "onshore-ansible-young"
    young.mkdir()
    (young / "lock").touch()
    with private_dir() as used:
        aged(used)
        sweep()
        assert sorted(home.iterdir()) == sorted([used, young])


def test_a_link_is_not_followed(home: Path) -> None:
    (home / "other").mkdir()
    (home / "other" / "lock").touch()
    (home / "onshore-ansible-link").symlink_to(home / "other")
    aged(home / "other")
    sweep()
    assert (home / "other" / "lock").exists()
