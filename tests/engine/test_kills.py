"""kill -9 at any point of an up: the next ends where an undisturbed up does; nothing is lost or made twice unsaid."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.saving.backend import FileBackend
from engine.urn import name_of
from tests.engine.killed import stack_in

# the second holds an update, a replacement, a creation and a deletion
FIRST, SECOND = (
    dedent(text)
    for text in (
        """
        a = Thing('a', called='a', size=1)
        b = Thing('b', called='b', of=a.called)
        Thing('c', called='c', immutable=1, opts=pulumi.ResourceOptions(depends_on=[b]))
        Thing('gone', called='gone')
        pulumi.export('b', b.called)
        """,
        """
        a = Thing('a', called='a', size=2)
        b = Thing('b', called='b', of=a.called)
        Thing('c', called='c', immutable=2, opts=pulumi.ResourceOptions(depends_on=[b]))
        Thing('d', called='d', opts=pulumi.ResourceOptions(depends_on=[b]))
        pulumi.export('b', b.called)
        """,
    )
)
PROGRAMS = {"creates": FIRST, "changes": SECOND}
ROOT = Path(__file__).parents[2]
MAX_EXAMPLES = 30
JOURNAL_FROM = (10**9, 0)  # the state is written whole each time; what changed goes to a journal


def up_that_dies(folder: Path, program: str, at: int, journal_from: int) -> tuple[bool, int]:
    """Whether the up died at its `at`-th point, and how many points it had when it did not."""
    command = [sys.executable, "-m", "tests.engine.killed", str(folder), str(at), str(journal_from)]
    ran = subprocess.run(command, input=program, text=True, cwd=ROOT, check=False, timeout=120, capture_output=True)
    assert ran.returncode in (0, -9), ran.stderr
    return ran.returncode == -9, int(ran.stdout or 0)


@cache
def undisturbed(name: str, journal_from: int) -> tuple[dict[str, Any], int]:
    """What there is after an up that nothing disturbs, and how many points it has."""
    with TemporaryDirectory() as folder:
        begin(Path(folder), name)
        _, points = up_that_dies(Path(folder), PROGRAMS[name], 0, journal_from)
        return ended(Path(folder)), points


def begin(folder: Path, name: str) -> None:
    """What an up that only creates, or one that changes things, begins with."""
    if name == "changes":
        assert stack_in(folder, FIRST).up().ok


def latest(folder: Path) -> dict[str, Any]:
    text = FileBackend.at((folder / "state").as_uri(), "shop").read("test")
    found: dict[str, Any] = json.loads(text or "")["checkpoint"]["latest"]
    return found


def ended(folder: Path) -> dict[str, Any]:
    """State and cloud by name, without ids and times: each record with its thing, as it really is."""
    things = stack_in(folder, "").cloud.things
    records = latest(folder)["resources"]
    return {
        f"{record['urn']} {record.get('delete', False)}": (
            record.get("inputs"),
            record.get("outputs"),
            record.get("dependencies"),
            record.get("initErrors"),
            things.get(record.get("id", "none")),
        )
        for record in records
        if record["type"] != "pulumi:providers:fake"
    } | {"records": len(records)}


@settings(max_examples=MAX_EXAMPLES, deadline=None)
@given(st.sampled_from(sorted(PROGRAMS)), st.sampled_from(JOURNAL_FROM), st.data())
def test_an_up_that_was_killed_is_finished_by_the_next(name: str, journal_from: int, data: st.DataObject) -> None:
    expected, points = undisturbed(name, journal_from)
    at = data.draw(st.integers(1, points), label="point")
    with TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        begin(folder, name)
        died, _ = up_that_dies(folder, PROGRAMS[name], at, journal_from)
        stack = stack_in(folder, PROGRAMS[name])
        stack.engine().cancel(stack.name)  # the lock it left
        pending = [(one["type"], one["resource"]["urn"]) for one in pending_operations(folder)]
        again = stack.up()
        assert again.ok, again.errors
        warned = "\n".join(again.messages("warning"))
        for kind, urn in pending:
            assert f"{urn}, interrupted while {kind}" in warned
        assert ended(folder) == expected
        assert died or pending == []
        # what was made without being heard of is still said, until a refresh clears it
        unheard = {name_of(urn) for kind, urn in pending if kind == "creating"}
        assert {one["resource"]["urn"] for one in pending_operations(folder)} == {
            urn for kind, urn in pending if kind == "creating"
        }
        known = {record.get("id") for record in latest(folder)["resources"]}
        assert {thing["called"] for id_, thing in stack.cloud.things.items() if id_ not in known} <= unheard
        assert stack.refresh(clear_pending_creates=True).ok
        assert pending_operations(folder) == []
        assert set(stack.up().changes) == {"same"}


def pending_operations(folder: Path) -> list[dict[str, Any]]:
    return latest(folder).get("pending_operations") or [] if stack_in(folder, "").state_file.exists() else []


@pytest.mark.parametrize("journal_from", JOURNAL_FROM)
def test_a_run_that_is_killed_again_and_again_gets_there(tmp_path: Path, journal_from: int) -> None:
    expected, points = undisturbed("creates", journal_from)
    for at in range(7, points, 14):
        up_that_dies(tmp_path, FIRST, at, journal_from)
        stack_in(tmp_path, FIRST).engine().cancel("test")
    assert stack_in(tmp_path, FIRST).up().ok
    assert ended(tmp_path) == expected
