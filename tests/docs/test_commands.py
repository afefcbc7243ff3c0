"""Every command block in README and docs runs, in order, in a fresh clone.

A text block after it is what it printed; a block that names a file is that file, written before the next commands.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", *(p for p in (ROOT / "docs").rglob("*.md") if "decisions" not in p.parts)],
    key=lambda page: (page.name != "README.md", page.as_posix()),
)
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# `make test` is what runs this very test: it is held to be the target that is being made
_RUNNING = {"make test"}


@dataclass(frozen=True)
class Block:
    """Commands with the files they need and what the page says they print."""

    page: str
    line: int
    commands: str
    files: dict[str, str]
    printed: str = ""


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    files: dict[str, str] = {}
    for match in _BLOCK.finditer(text):
        language, name, body = match.groups()
        if name:
            files[name] = body
        elif language == "sh":
            line = text[: match.start()].count("\n") + 1
            found.append(Block(page.relative_to(ROOT).as_posix(), line, body, dict(files)))
        elif language == "text" and found:
            found[-1] = replace(found[-1], printed=found[-1].printed + body)
    return found


_ALL = [block for page in PAGES for block in _blocks(page)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, cluster: object) -> Path:
    """What a new user has: the tracked files in an empty folder (`cluster` has built the binaries already)."""
    del cluster
    folder = tmp_path_factory.mktemp("clone") / "onshore"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    yield folder
    subprocess.run([folder / ".venv/bin/onshore", "cluster", "down", "--all"], cwd=folder, check=False)
    subprocess.run([folder / ".venv/bin/onshore", "hosts", "down"], cwd=folder, check=False)


def _environment(folder: Path) -> dict[str, str]:
    ours = ("ONSHORE_", "PULUMI_", "VIRTUAL_", "MAKE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    kept |= {name: os.environ[name] for name in ("ONSHORE_CACHE",) if name in os.environ}
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != str(ROOT / ".venv/bin")]
    return kept | {"PATH": os.pathsep.join([str(folder / ".venv/bin"), *path])}


@pytest.mark.cluster
@pytest.mark.parametrize("block", _ALL, ids=[f"{block.page}:{block.line}" for block in _ALL])
def test_a_command_block_does_what_the_page_says(block: Block, clone: Path, request: pytest.FixtureRequest) -> None:
    if "onshore hosts up" in (ROOT / block.page).read_text(encoding="utf-8"):
        request.getfixturevalue("possible_hosts")
    if block.page != "README.md" and not (clone / ".venv").exists():
        # a page that runs alone begins where README's first block, `make up`, would have left it
        subprocess.run(["make", "setup"], cwd=clone, env=_environment(clone), check=True, capture_output=True)
    for name, content in block.files.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(content, encoding="utf-8")
    script = "".join(line + "\n" for line in block.commands.splitlines() if line.split("#")[0].strip() not in _RUNNING)
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=clone,
        env=_environment(clone),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{block.commands}\n{done.stdout}"
    printed = iter(_plain(line) for line in done.stdout.splitlines())
    for line in block.printed.splitlines():
        wanted = _plain(line)
        if wanted not in ("", "…"):
            assert any(wanted == got for got in printed), f"not printed: {line}\n{done.stdout}"


def _plain(line: str) -> str:
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line.strip())
    line = re.sub(r"@[0-9a-f]{12}\b", "@DIGEST", line)
    return re.sub(r"\b\d+(\.\d+)? ?s\b", "N s", line)


def test_the_pages_have_commands() -> None:
    assert any("make up" in block.commands for block in _ALL)
    assert any("make test" in block.commands for block in _ALL)
