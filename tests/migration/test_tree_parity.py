"""File trees: rsync moves one faithfully, and every single change is found and named by its path."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from inventories import OnshoreError
from migration.files import moving
from migration.files.moving import _checked, move_tree
from migration.files.parity import check_tree_path, empty_or_absent, shown, tree_parity, tree_written_since
from migration.reach import Reach
from tests.migration.odd_tree import NOT_TEXT, make_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migration.evidence import Parity

pytestmark = pytest.mark.skipif(not shutil.which("rsync"), reason="no rsync (Debian: apt-get install rsync)")

SOURCE, TARGET = Reach("onprem"), Reach("incountry")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("tree") / 'a source\'s "root"')


@pytest.fixture
def moved(origin: Path, tmp_path: Path) -> Path:
    move_tree(SOURCE, str(origin), TARGET, str(tmp_path / "target"))
    return tmp_path / "target"


def parity(origin: Path, target: Path) -> Parity:
    return tree_parity(SOURCE, str(origin), TARGET, str(target))


def test_a_moved_tree_is_equal(origin: Path, moved: Path) -> None:
    found = parity(origin, moved)
    assert found.differences == ()
    assert found.equal
    assert found.rows > 300
    with open(os.path.join(os.fsencode(moved), NOT_TEXT), "rb") as file:
        assert file.read() == b"bytes"
    assert (moved / "sparse").stat().st_blocks * 512 < 2 << 20
    assert (moved / "hard-1").stat().st_ino == (moved / "hard-2").stat().st_ino


def test_a_second_move_sends_little_and_removes_what_the_source_lost(origin: Path, moved: Path) -> None:
    (moved / "left over").write_text("x")
    sent = move_tree(SOURCE, str(origin), TARGET, str(moved))
    assert sent < 100_000
    assert parity(origin, moved).differences == ()


def _flip(path: Path) -> None:
    """One byte, and nothing else about the file."""
    status = path.stat()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _break_link(root: Path) -> None:
    status = (root / "hard-2").stat()
    raw = (root / "hard-2").read_bytes()
    (root / "hard-2").unlink()
    (root / "hard-2").write_bytes(raw)
    shutil.copystat(root / "hard-1", root / "hard-2")
    os.utime(root / "hard-1", ns=(status.st_atime_ns, status.st_mtime_ns))


def _relink(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("hard-2")


def _fill_hole(root: Path) -> None:
    raw = (root / "sparse").read_bytes()
    status = (root / "sparse").stat()
    (root / "sparse").write_bytes(raw)
    os.utime(root / "sparse", ns=(status.st_atime_ns, status.st_mtime_ns))


def _replace(root: Path) -> None:
    (root / "pipe").unlink()
    (root / "pipe").write_text("")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "one flipped byte": (lambda root: _flip(root / "large"), "large: another content"),
    "one flipped byte in the middle of zeros": (lambda root: _flip(root / "sparse"), "sparse: another content"),
    "a mode": (lambda root: (root / "set-uid").chmod(0o750), "set-uid: another mode (source: 4750, target: 0750)"),
    "a folder's mode": (lambda root: (root / "closed").chmod(0o755), "closed: another mode"),
    "a lost file": (lambda root: (root / "line\nbreak").unlink(), "line\\nbreak: missing at the target"),
    "a file too many": (lambda root: (root / "more").write_text(""), "more: at the target, but not at the source"),
    "a lost folder": (lambda root: (root / "empty").rmdir(), "empty: missing at the target"),
    "a link that leads elsewhere": (_relink, "link: the link leads elsewhere (source: hard-1, target: hard-2)"),
    "a hard link that became a copy": (_break_link, "hard-2: hard links are joined in another way"),
    "a filled hole": (_fill_hole, "sparse: holes of a sparse file are filled"),
    "another kind": (_replace, "pipe: another kind of entry (source: pipe, target: file)"),
    "an attribute": (lambda root: os.setxattr(root / "large", "user.origin", b"x"), "large: other extended attributes"),
    "a time": (lambda root: os.utime(root / "hard-1", ns=(0, 1)), "hard-1: another time of last change"),
    "a truncated file": (lambda root: os.truncate(root / "large", 5), "large: another size"),
    "a name that is no text": (
        lambda root: os.unlink(os.path.join(os.fsencode(root), NOT_TEXT)),
        r"not-utf8-\udcff\udcfe: missing at the target",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_found_and_named(what: str, origin: Path, moved: Path) -> None:
    change, says = CHANGES[what]
    change(moved)
    found = parity(origin, moved)
    assert not found.equal
    assert says in "\n".join(map(str, found.differences))


@pytest.mark.skipif(os.getuid() != 0, reason="not root: owners cannot be changed")
def test_an_owner_is_compared_and_a_number_that_means_somebody_else_is_told(origin: Path, moved: Path) -> None:
    os.lchown(moved / "large", 0, 54321)
    said = "\n".join(map(str, parity(origin, moved).differences))
    assert "large: another owner (source: 12345, target: 0)" in said


def test_a_flipped_byte_behind_the_same_size_and_time_is_mended_by_a_move_that_reads(origin: Path, moved: Path) -> None:
    _flip(moved / "large")
    move_tree(SOURCE, str(origin), TARGET, str(moved))
    assert not parity(origin, moved).equal
    move_tree(SOURCE, str(origin), TARGET, str(moved), checksum=True)
    assert parity(origin, moved).equal


def test_a_write_after_the_evidence_is_noticed_and_no_write_is_not(tmp_path: Path) -> None:
    origin = make_tree(tmp_path / "origin", 20)
    move_tree(SOURCE, str(origin), TARGET, str(tmp_path / "target"))
    found = parity(origin, tmp_path / "target")
    assert tree_written_since(SOURCE, str(origin), found) == ()
    _flip(origin / "large")
    (line,) = tree_written_since(SOURCE, str(origin), found)
    assert "last written 20" in line


def test_a_byte_that_flips_on_the_way_is_found_by_rsync_and_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"one and the same line of sixty-four bytes, told again and again\n" * 4096
    (tmp_path / "origin").mkdir()
    (tmp_path / "origin" / "file").write_bytes(content)
    flipped: list[int] = []

    def write(descriptor: int, block: memoryview) -> int:
        at = bytes(block).find(b"sixty-four", 1000)
        if at > 0 and not flipped:
            flipped.append(at)
            return os.write(descriptor, bytes(block[:at]) + b"S" + bytes(block[at + 1 :]))
        return os.write(descriptor, block)

    monkeypatch.setattr(moving, "os", SimpleNamespace(read=os.read, write=write))
    move_tree(SOURCE, str(tmp_path / "origin"), TARGET, str(tmp_path / "target"))
    assert (tmp_path / "target" / "file").read_bytes() == content
    assert parity(tmp_path / "origin", tmp_path / "target").equal
    assert flipped


def test_a_write_during_the_move_is_named(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "a-first").write_text("as it was")
    (origin / "z-last").write_bytes(os.urandom(2 << 20))

    def meddle(moved: int) -> None:
        if moved > 1 << 20:
            (origin / "a-first").write_text("written during the move")

    move_tree(SOURCE, str(origin), TARGET, str(tmp_path / "target"), limit_kib_s=2048, progress=meddle)
    said = "\n".join(map(str, parity(origin, tmp_path / "target").differences))
    assert "a-first: another content" in said
    move_tree(SOURCE, str(origin), TARGET, str(tmp_path / "target"))
    assert parity(origin, tmp_path / "target").equal


def test_differences_beyond_a_limit_are_counted(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    found = parity(origin, tmp_path / "target")
    assert len(found.differences) <= 210
    assert any("more differences than are named" in each.what for each in found.differences)


def test_a_move_is_held_to_a_rate(tmp_path: Path) -> None:
    (tmp_path / "origin").mkdir()
    (tmp_path / "origin" / "file").write_bytes(os.urandom(3 << 20))
    seen: list[int] = []
    started = time.monotonic()
    move_tree(
        SOURCE, str(tmp_path / "origin"), TARGET, str(tmp_path / "target"), limit_kib_s=1024, progress=seen.append
    )
    assert time.monotonic() - started > 1.5
    assert seen == sorted(seen)
    assert seen[-1] > 3 << 20


@pytest.mark.skipif(os.getuid() != 0, reason="not root: no small disk can be mounted")
def test_a_full_disk_is_told_and_the_move_goes_on_once_there_is_room(tmp_path: Path) -> None:
    origin, disk = tmp_path / "origin", tmp_path / "disk"
    origin.mkdir()
    disk.mkdir()
    (origin / "file").write_bytes(os.urandom(3 << 20))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "small", disk], check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        with pytest.raises(OnshoreError, match="the disk there is full") as error:
            move_tree(SOURCE, str(origin), TARGET, str(disk / "target"))
        assert error.value.faults[0].where == "incountry"
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        move_tree(SOURCE, str(origin), TARGET, str(disk / "target"))
        assert parity(origin, disk / "target").equal
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_is_not_there_is_a_fault_in_words(tmp_path: Path) -> None:
    with pytest.raises(OnshoreError, match="No such file"):
        move_tree(SOURCE, str(tmp_path / "none"), TARGET, str(tmp_path / "target"))
    with pytest.raises(OnshoreError, match="not a folder that can be moved"):
        check_tree_path("/srv/a\nb")
    with pytest.raises(OnshoreError, match="not a folder that can be moved"):
        check_tree_path("/")


def test_a_tree_that_is_not_there_is_not_equal_to_another_one(tmp_path: Path) -> None:
    found = parity(tmp_path / "none", tmp_path / "none, either")
    assert not found.equal
    assert {each.what for each in found.differences} >= {"cannot be read at the source", "cannot be read at the target"}


def test_only_nothing_may_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / ".hidden").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").write_text("")
    answers = {n: empty_or_absent(TARGET, str(tmp_path / n)) for n in ("empty", "absent", "full", "link", "file")}
    assert answers == {"empty": True, "absent": True, "full": False, "link": False, "file": False}


ASKED = ["--server", "--sender", "-logDtpre.iLsfxCIvu", "--numeric-ids", ".", "/srv/a/"]


def test_a_target_may_ask_the_source_for_the_folder_and_nothing_else() -> None:
    assert _checked("source rsync " + " ".join(ASKED), "/srv/a/", TARGET) == ASKED
    wrong = [
        "source rm -rf --server --sender . /srv/a/",
        "source rsync --server --sender . /etc/",
        "source rsync --server --sender --remove-source-files . /srv/a/",
        "source rsync --server --sender --log-file=/etc/passwd . /srv/a/",
        "source rsync --server --sender . /etc/ /srv/a/",
        "source rsync --server . /srv/a/",
        "source rsync --server --daemon . /srv/a/",
        "",
    ]
    for asked in wrong:
        with pytest.raises(OnshoreError, match="does not behave like rsync"):
            _checked(asked, "/srv/a/", TARGET)


def test_paths_are_shown_so_that_they_control_nothing() -> None:
    assert shown("a\n\x1b[31m\udcff شہر") == "a\\n\\x1b[31m\\udcff شہر"
