"""What an error says: every one names a way out, and what it cannot read it still names."""

from __future__ import annotations

import ast
import errno
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import engine
from engine import EngineError
from engine.errors import LockedError
from engine.saving.backend import FileBackend

if TYPE_CHECKING:
    from tests.engine.projects import Project

SOURCES = sorted(Path(engine.__file__).parent.rglob("*.py"))
IN_ANOTHERS_WORDS = {"_failure"}  # the Pulumi CLI's own error, whole


def errors_without_a_fix() -> list[str]:
    found = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef) or function.name in IN_ANOTHERS_WORDS:
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "EngineError":
                    fix = next((keyword.value for keyword in node.keywords if keyword.arg == "fix"), None)
                    if fix is None or (isinstance(fix, ast.Constant) and not fix.value):
                        found.append(f"{path.name}:{node.lineno}")
    return found


def test_every_error_of_the_engine_says_what_to_do() -> None:
    assert errors_without_a_fix() == []


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"[]", b"{}", b"null", b'{"pid": 1}'])
def test_a_lock_that_cannot_be_read_is_named(project: Project, content: bytes) -> None:
    project.up("Thing('a')")
    lock = project.folder / "state" / ".pulumi" / "locks" / "organization" / "shop" / "test" / "held.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_bytes(content)
    with pytest.raises(LockedError, match=r"1 lock\(s\)") as caught:
        project.run("up")
    assert f"{lock}: created by somebody this engine cannot tell" in str(caught.value)
    assert lock.read_bytes() == content


def test_who_holds_a_lock_is_told_on_one_line_that_nothing_steers(project: Project) -> None:
    project.up("Thing('a')")
    lock = project.folder / "state" / ".pulumi" / "locks" / "organization" / "shop" / "test" / "held.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    who = {"pid": 7, "username": "an\x1b[31mna\n\nerror: gone", "hostname": "ho\u202est", "timestamp": "2026\r\n-01"}
    lock.write_text(json.dumps(who), encoding="utf-8")
    with pytest.raises(LockedError) as caught:
        project.run("up")
    (found,) = caught.value.locks
    assert (found.who, found.since) == ("anna error: gone@host (pid 7)", "2026 -01")
    assert f"created by {found.who} at {found.since}\n" in str(caught.value)


def test_only_the_lock_of_a_dead_process_of_this_machine_is_taken_away(tmp_path: Path) -> None:
    backend = FileBackend.at(tmp_path.as_uri(), "shop")
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "shop" / "test"
    folder.mkdir(parents=True)
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    holders = {
        "dead": {"pid": gone.pid, "hostname": socket.gethostname()},
        "another": {"pid": gone.pid, "hostname": "elsewhere"},
        "living": {"pid": os.getpid(), "hostname": socket.gethostname()},
    }
    for name, holder in holders.items():
        (folder / f"{name}.json").write_text(json.dumps(holder), encoding="utf-8")
    (folder / "unreadable.json").write_bytes(b"{}")
    assert backend.unlock_after("test", os.getpid()) == 0
    assert backend.unlock_after("test", gone.pid) == 1
    assert sorted(file.stem for file in folder.glob("*.json")) == ["another", "living", "unreadable"]


def test_a_full_disk_is_named_with_the_file_that_found_no_room(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.up("Thing('a')")

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as a write says it: without a file's name

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EngineError, match="No space left on device") as caught:
        project.run("up")
    assert "None" not in str(caught.value)
    assert str(project.folder / "state") in str(caught.value)


@pytest.mark.parametrize(
    ("program", "ends"),
    [
        ("Thing('a'\n", "SyntaxError: '(' was never closed"),
        ("x = = 1\n", "SyntaxError: invalid syntax"),
        ("x = 1\n  y = 1\n", "IndentationError: unexpected indent"),
    ],
)
def test_a_program_that_cannot_be_read_shows_its_own_line_and_none_of_ours(
    project: Project, program: str, ends: str
) -> None:
    project.stack.program = program
    result = project.run("preview")
    (error,) = result.errors
    main = project.folder / "__main__.py"
    assert error.splitlines()[1].startswith(f'  File "{main}", line ')
    assert error.splitlines()[-1] == ends
    assert "engine/" not in error
    assert "runpy" not in error


@pytest.mark.parametrize("text", ["version: [", "- 1\n", "version: 2\n", "\xff"])
def test_a_backend_whose_layout_cannot_be_told_is_refused(project: Project, text: str) -> None:
    project.up("Thing('a')")
    meta = project.folder / "state" / ".pulumi" / "meta.yaml"
    meta.write_text(text, encoding="latin-1")
    for operation in ("preview", "up"):
        with pytest.raises(EngineError, match=r"meta\.yaml"):
            project.run(operation)
    assert meta.read_text(encoding="latin-1") == text
