"""The journal of a large state: what is read is what was saved; half of a state is never taken for the whole."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.saving import snapshot as snapshots
from engine.saving.backend import FileBackend
from engine.saving.document import decode_deployment, latest_of
from engine.saving.snapshot import Snapshot
from engine.state import Deployment, ResourceState

URN = "urn:pulumi:test::shop::fake:index:Thing::"


def thing(name: str, **inputs: object) -> ResourceState:
    return ResourceState(urn=f"{URN}{name}", type="fake:index:Thing", id=f"id-{name}", inputs=inputs)


def snapshot_in(folder: Path, *base: ResourceState) -> Snapshot:
    return Snapshot(
        Deployment(base),
        stack="test",
        project="shop",
        backend=FileBackend(folder, "shop"),
        secrets=None,
        rescue=folder / "rescue.json",
        on_broken=pytest.fail,
    )


def read(folder: Path) -> Deployment:
    document = FileBackend(folder, "shop").read("test")
    return decode_deployment(latest_of(document or "", "the state"), str)


def journals(folder: Path) -> list[Path]:
    return sorted(FileBackend(folder, "shop").path("test").parent.glob("*.journal"))


@pytest.fixture(autouse=True)
def every_state_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_JOURNAL_FROM_BYTES", 0)


@pytest.fixture
def begun(tmp_path: Path) -> Snapshot:
    """A run on a state of two, with one line in its journal: a third is about to be created."""
    snapshot = snapshot_in(tmp_path, thing("a", text="x" * 5000), thing("b"))
    snapshot.save(force=True)  # the state before the run
    snapshot.swap(snapshot.resources()[0], thing("a", text="y" * 5000))
    snapshot.save()
    snapshot.begin(thing("c"), "creating")
    return snapshot


KINDS = ("begin", "end", "add", "replace", "remove", "swap", "same", "forget")
ACTS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 50)))


@settings(deadline=None)
@given(ACTS, st.integers(0, 3000))
def test_what_is_read_is_what_was_saved(acts: list[tuple[str, int]], size: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        snapshot = snapshot_in(folder, *(thing(f"base-{number}", text="x" * size) for number in range(3)))
        open_ = []
        for index, (act, choice) in enumerate(acts):
            there = snapshot.resources()
            chosen = there[choice % len(there)] if there else None
            new = thing(f"new-{index}", size=index)
            match act:
                case "begin":
                    open_.append((snapshot.begin(new, "creating"), new.urn))
                case "end" if open_:
                    snapshot.end(open_.pop(choice % len(open_))[0])
                case "add":
                    snapshot.add(new)
                case "replace" | "same" if chosen:
                    snapshot.add(new, chosen, meaningful=act == "replace")
                case "remove" if chosen:
                    snapshot.remove(chosen)
                case "swap" if chosen:
                    snapshot.swap(chosen, chosen.but(inputs={"now": index}))
                case "forget":
                    snapshot.forget_pending()
            snapshot.forget_pending()  # one more change: even a resource that stayed the same is saved with it
            snapshot.save()
            found = read(folder)
            assert [(one.urn, one.inputs) for one in found.resources] == [
                (one.urn, one.inputs) for one in snapshot.resources()
            ]
            assert {one.resource.urn for one in found.pending} == {urn for _, urn in open_}


def test_the_end_of_a_run_leaves_a_whole_state_and_the_one_before(tmp_path: Path, begun: Snapshot) -> None:
    before = FileBackend(tmp_path, "shop").path("test").with_name("test.json.bak")
    assert len(journals(tmp_path)) == 1
    begun.finish()
    document = json.loads(FileBackend(tmp_path, "shop").path("test").read_text(encoding="utf-8"))
    assert (document["version"], document.get("features"), journals(tmp_path)) == (3, None, [])
    kept = json.loads(before.read_text(encoding="utf-8"))
    assert kept["version"] == 3
    assert kept["checkpoint"]["latest"]["resources"][0]["inputs"]["text"][0] == "x"


@pytest.mark.usefixtures("begun")
def test_who_does_not_know_the_journal_is_told_not_to_use_the_state(tmp_path: Path) -> None:
    document = FileBackend(tmp_path, "shop").path("test").read_text(encoding="utf-8")
    with pytest.raises(EngineError, match="written by a newer engine"):
        latest_of(document, "the state")


@pytest.mark.usefixtures("begun")
def test_a_killed_run_s_journal_goes_into_the_state_before_anything_else(tmp_path: Path) -> None:
    backend = FileBackend(tmp_path, "shop")
    wanted = read(tmp_path)
    backend.back_up("test")
    backend.sweep("test")
    (backup,) = (tmp_path / ".pulumi" / "backups" / "shop" / "test").glob("*.json")
    for path in (backend.path("test"), backup):
        found = decode_deployment(latest_of(path.read_text(encoding="utf-8"), "the state"), str)
        assert [one.urn for one in found.resources] == [one.urn for one in wanted.resources]
        assert [one.resource.urn for one in found.pending] == [f"{URN}c"]
    assert journals(tmp_path) == []


@pytest.mark.usefixtures("begun")
def test_a_line_that_was_cut_off_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    (journal,) = journals(tmp_path)
    with journal.open("ab") as file:
        file.write(b'{"records":{"0":{"urn":"hal')
    assert [one.resource.urn for one in read(tmp_path).pending] == [f"{URN}c"]


@pytest.mark.parametrize("damage", ["", "{}\n", "nonsense\n", '{"new":0,"pending":["1"]}\n', "\n\n"])
@pytest.mark.usefixtures("begun")
def test_a_damaged_journal_is_refused(tmp_path: Path, damage: str) -> None:
    (journal,) = journals(tmp_path)
    journal.write_text(damage, encoding="utf-8")
    with pytest.raises(EngineError, match="is damaged"):
        read(tmp_path)


@pytest.mark.usefixtures("begun")
def test_a_line_that_is_damaged_in_the_middle_is_refused(tmp_path: Path) -> None:
    (journal,) = journals(tmp_path)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], lines[1][:20], b"\n", *lines[1:]]))
    with pytest.raises(EngineError, match="is damaged"):
        read(tmp_path)


@pytest.mark.usefixtures("begun")
def test_a_lost_journal_is_refused_and_the_state_left_as_it_is(tmp_path: Path) -> None:
    (journal,) = journals(tmp_path)
    journal.unlink()
    before = FileBackend(tmp_path, "shop").path("test").read_bytes()
    with pytest.raises(EngineError, match="lost its journal"):
        FileBackend(tmp_path, "shop").sweep("test")
    assert FileBackend(tmp_path, "shop").path("test").read_bytes() == before


def test_a_journal_that_cannot_be_written_gives_way_to_the_whole_state(tmp_path: Path, begun: Snapshot) -> None:
    (journal,) = journals(tmp_path)
    journal.unlink()
    begun.add(thing("c"))
    begun.save()
    assert [one.urn for one in read(tmp_path).resources] == [f"{URN}{name}" for name in "cab"]
    assert begun.broken == ""
