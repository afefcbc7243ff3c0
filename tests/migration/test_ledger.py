"""The ledger: every entry follows from the one before, and whatever was done to the file is found, by its line."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventories import OnshoreError
from migration import Ledger
from migration.ledger import START

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def filled(folder: Path, count: int = 5) -> tuple[Ledger, Path]:
    path = folder / "ledger.jsonl"
    ledger = Ledger(path, who="tester")
    for number in range(count):
        ledger.append("verify", asset=f"h/files/{number}", wave=1, evidence="0" * 64, details={"n": number})
    return ledger, path


def test_entries_say_who_when_and_what_and_follow_from_each_other(tmp_path: Path) -> None:
    ledger, _ = filled(tmp_path)
    entries = ledger.entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[0].previous == START
    assert all(later.previous == earlier.hash for earlier, later in itertools.pairwise(entries))
    assert {entry.who for entry in entries} == {"tester"}
    assert all(re.fullmatch(r"\d{4}-.*\+00:00", entry.at) for entry in entries)
    assert ledger.head == entries[-1].hash


def test_a_ledger_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "none.jsonl").entries() == ()
    assert Ledger(tmp_path / "none.jsonl").head == START


def _altered(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b'"n": 2', b'"n": 9'), *lines[3:]]


def _rehashed(lines: list[bytes]) -> list[bytes]:
    """An entry altered with its own hash made to fit: the next one gives it away."""
    import hashlib

    body = json.loads(lines[2])
    del body["hash"]
    body["details"]["n"] = 9
    body["hash"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return [*lines[:2], json.dumps(body, sort_keys=True).encode(), *lines[3:]]


# what was done to the lines, and the first line that gives it away
TAMPERED: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int]] = {
    "an altered entry": (_altered, 3),
    "an altered entry with a hash that fits": (_rehashed, 4),
    "a removed entry": (lambda lines: lines[:1] + lines[2:], 2),
    "two entries swapped": (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
    "an entry twice": (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3),
    "the first entry removed": (lambda lines: lines[1:], 1),
    "an empty line": (lambda lines: [*lines[:3], b"", *lines[3:]], 4),
    "not JSON": (lambda lines: [*lines[:4], b"{"], 5),
    "another JSON": (lambda lines: [b"[]", *lines[1:]], 1),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_done_to_the_file_is_found_at_its_first_broken_link(what: str, tmp_path: Path) -> None:
    ledger, path = filled(tmp_path)
    change, line = TAMPERED[what]
    path.write_bytes(b"\n".join([*change(path.read_bytes().splitlines()), b""]))
    before = path.read_bytes()
    for use in (ledger.entries, lambda: ledger.append("cutover")):
        with pytest.raises(OnshoreError, match="chain is broken") as error:
            use()
        assert error.value.refused
        assert error.value.faults[0].where.endswith(f"ledger.jsonl:{line}")
    assert path.read_bytes() == before


def test_a_blank_that_became_another_is_found(tmp_path: Path) -> None:
    ledger, path = filled(tmp_path, 3)
    path.write_bytes(path.read_bytes().replace(b" ", b"\t", 1))
    with pytest.raises(OnshoreError, match="chain is broken"):
        ledger.entries()


@given(data=st.data())
def test_any_one_changed_byte_is_found(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger, path = filled(folder, 3)
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 2))  # the last line end alone is an append that was cut off
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    with pytest.raises(OnshoreError):
        ledger.entries()


@given(cut=st.integers(0, 2000))
def test_an_append_cut_off_anywhere_is_as_if_never_made(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    ledger, path = filled(tmp_path_factory.mktemp("ledger"), 3)
    raw = path.read_bytes()
    kept = raw[: max(len(raw) - 1 - cut, 0)]
    path.write_bytes(kept)
    assert len(ledger.entries()) == kept.count(b"\n")
    ledger.append("verify")
    entries = ledger.entries()
    torn = len(kept) - (kept.rfind(b"\n") + 1)
    assert [entry.step for entry in entries[kept.count(b"\n") :]] == ["recovered"] * bool(torn) + ["verify"]
    if torn:
        assert entries[-2].details["bytes"] == torn


def test_many_writers_make_one_chain(tmp_path: Path) -> None:
    ledger, _ = filled(tmp_path, 0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ledger.append("run", details={"n": number}), range(40)))
    assert sorted(entry.details["n"] for entry in ledger.entries()) == list(range(40))


def test_a_kill_in_the_middle_of_writing_leaves_a_sound_chain(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    program = f"from pathlib import Path\nfrom migration import Ledger\nledger = Ledger(Path({str(path)!r}))\n"
    program += "print('up', flush=True)\nwhile True: ledger.append('run', details={'filler': 'x' * 5000})\n"
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        while not path.exists() or path.stat().st_size < 50_000:
            os.sched_yield()
        writer.kill()
    count = len(Ledger(path).entries())
    assert count > 5
    Ledger(path).append("run")
    assert len(Ledger(path).entries()) > count


def test_a_move_is_worked_on_by_one_process_at_a_time(tmp_path: Path) -> None:
    ledger, _ = filled(tmp_path, 1)
    with ledger.only_one(), pytest.raises(OnshoreError, match="in use"), ledger.only_one():
        pass
    with ledger.only_one():
        ledger.append("run")
