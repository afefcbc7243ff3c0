"""Private folders are private, go when their owner is done, and are swept when it was killed."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from typing import IO, TYPE_CHECKING

import pytest

from inventories import private_dir as module
from inventories.private_dir import private_dir, sweep, write_private

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
    with private_dir("try") as folder:
        write_private(folder / "env" / "extravars", "secret")
        assert folder.parent == home
        assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "env")] == [0o700, 0o700]
        assert stat.S_IMODE((folder / "env" / "extravars").stat().st_mode) == 0o600
    assert list(home.iterdir()) == []
    with pytest.raises(KeyError), private_dir("try"):
        raise KeyError
    assert list(home.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(home: Path) -> None:
    killed, young, old, other = (home / f"onshore-{name}" for name in ("try-killed", "try-young", "try-old", "else-x"))
    for folder in (killed, young, old, other):
        folder.mkdir()
    for folder in (killed, other):
        (folder / "lock").touch()
    aged(old)  # killed before it was locked, but for the young one, which may just be about to
    with private_dir("try") as used:
        aged(used)
        sweep("try")
        assert sorted(home.iterdir()) == sorted([used, young, other])


def test_a_folder_that_is_swept_before_it_is_locked_is_made_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, swept = fcntl.flock, []

    def late(lock: IO[str], how: int) -> None:
        if not swept:
            swept.append(home)
            sweep("try")
        flock(lock, how)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with private_dir("try") as folder:
        assert swept
        assert (folder / "lock").exists()


def test_a_link_is_not_followed(home: Path) -> None:
    (home / "other").mkdir()
    (home / "other" / "lock").touch()
    (home / "onshore-try-link").symlink_to(home / "other")
    aged(home / "other")
    sweep("try")
    assert (home / "other" / "lock").exists()
