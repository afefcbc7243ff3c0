"""Where the sandbox's programs come from. The compiler is played by a script: a real build takes minutes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from typing import TYPE_CHECKING

import pytest

from sandbox import SandboxError, ensure_programs, programs_unavailable
from sandbox._programs import GO_MOD, PROGRAMS, cache_directory, versions

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [program.name for program in PROGRAMS]
GO = """#!/bin/sh
if [ "$1" = env ]; then echo "${FAKE_GO_VERSION:-go1.26.8}"; exit; fi
echo "$@" >> "$FAKE_GO_CALLS"
while [ "$1" != -o ]; do shift; done
echo "# of $3" > "$2"
if [ -n "$FAKE_GO_BLOCKS" ]; then echo > "$FAKE_GO_BLOCKS"; read -r _ < "$FAKE_GO_BLOCKS.go"; fi
if [ -n "$FAKE_GO_SAYS" ]; then echo "$FAKE_GO_SAYS"; exit 1; fi
"""


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH; the cache is empty and beside it."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("ONSHORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_GO_CALLS", str(tmp_path / "calls"))
    return directory


@pytest.fixture
def go(bin_directory: Path) -> Path:
    _script(bin_directory / "go", GO)
    return bin_directory / "go"


def _no_progress(_: str) -> None:
    pass


def _calls(tmp_path: Path) -> list[str]:
    calls = tmp_path / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


def test_go_mod_pins_every_programs_module_and_go_sum_knows_it() -> None:
    sums = GO_MOD.with_name("go.sum").read_text()
    tools = re.findall(r"^\t(\S+)$", GO_MOD.read_text(), re.MULTILINE)
    assert sorted(program.package for program in PROGRAMS) == sorted(tools)
    assert {module for module, version in versions().items() if f"{module} {version} h1:" not in sums} == set()


def test_what_is_missing_is_built_once_and_then_taken_from_the_cache(tmp_path: Path, go: Path) -> None:
    lines: list[str] = []
    first = ensure_programs(lines.append)
    assert sorted(first) == sorted(NAMES)
    assert {path.parent for path in first.values()} == {cache_directory()}
    assert [re.findall(r"^building (\S+) \((\d) of 6\)", line) for line in lines[1:-1]] == [
        [(name, str(number))] for number, name in enumerate(NAMES, start=1)
    ]
    assert "usually 6 to 8 minutes" in lines[0]
    assert str(cache_directory() / "build.log") in lines[0]
    go.unlink()
    assert ensure_programs(_no_progress) == first
    assert len(_calls(tmp_path)) == len(NAMES)


def test_the_programs_are_told_their_version(tmp_path: Path, go: Path) -> None:
    assert go
    ensure_programs(_no_progress)
    version = versions()["k8s.io/kubernetes"]
    minor = version.split(".")[1]
    for call in _calls(tmp_path):
        assert "-trimpath -mod=readonly" in call
        assert f"-X k8s.io/component-base/version.gitVersion={version}" in call
        assert f"-X k8s.io/component-base/version.gitMinor={minor} " in call


def test_only_what_the_cache_lacks_is_built(tmp_path: Path, go: Path) -> None:
    assert go
    (ensure_programs(_no_progress)["kwok"]).unlink()
    lines: list[str] = []
    ensure_programs(lines.append)
    assert lines[1].startswith("building kwok (1 of 1)")
    assert len(_calls(tmp_path)) == len(NAMES) + 1


@pytest.mark.parametrize(
    ("said", "taken"),
    [("etcd Version: 3.6.8", True), ("etcd Version: 3.6.80", False), ("etcd Version: 3.6.8-rc.1", False), ("", False)],
)
def test_a_program_on_path_is_taken_only_in_the_pinned_version(
    tmp_path: Path, go: Path, bin_directory: Path, said: str, taken: bool
) -> None:
    assert go
    said = said.replace("3.6.8", versions()["go.etcd.io/etcd/server/v3"].removeprefix("v"))
    _script(bin_directory / "etcd", f"#!/bin/sh\necho '{said}'\n")
    found = ensure_programs(_no_progress)
    assert (found["etcd"] == bin_directory / "etcd") is taken
    assert len(_calls(tmp_path)) == len(NAMES) - taken


def test_a_failed_build_names_its_log_and_leaves_no_half_program(
    tmp_path: Path, go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert go
    monkeypatch.setenv("FAKE_GO_SAYS", "undefined: something")
    with pytest.raises(SandboxError, match="Building etcd failed") as refusal:
        ensure_programs(_no_progress)
    assert str(cache_directory() / "build.log") in refusal.value.what
    assert "undefined: something" in refusal.value.what
    assert sorted(path.name for path in cache_directory().iterdir()) == [".lock", "build.log"]
    assert len(_calls(tmp_path)) == 1


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("link: mapping output file failed: no space left on device", "Free about 6 GB"),
        ("dial tcp 192.0.2.1:443: connect: connection refused", "set GOPROXY"),
    ],
)
def test_a_build_that_fails_for_a_known_reason_says_what_to_do(
    go: Path, monkeypatch: pytest.MonkeyPatch, said: str, fix: str
) -> None:
    assert go
    monkeypatch.setenv("FAKE_GO_SAYS", said)
    with pytest.raises(SandboxError) as refusal:
        ensure_programs(_no_progress)
    assert fix in refusal.value.fix


def test_a_killed_build_leaves_no_program_and_the_next_one_completes(
    tmp_path: Path, go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert go
    block = tmp_path / "block"
    os.mkfifo(block)
    os.mkfifo(f"{block}.go")
    code = "from sandbox import ensure_programs; ensure_programs(print)"
    environment = os.environ | {"FAKE_GO_BLOCKS": str(block)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL) as build:
        block.read_text()  # the compiler has written half of etcd
        build.send_signal(signal.SIGKILL)
    (tmp_path / "block.go").write_text("\n")
    assert not (cache_directory() / "etcd").exists()
    monkeypatch.delenv("FAKE_GO_BLOCKS", raising=False)
    assert sorted(ensure_programs(_no_progress)) == sorted(NAMES)
    assert not list(cache_directory().glob(".*.part"))


def test_two_builds_at_once_build_once_and_the_second_says_that_it_waits(
    tmp_path: Path, go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert go
    block = tmp_path / "block"
    os.mkfifo(block)
    os.mkfifo(f"{block}.go")
    waits, lines = threading.Event(), []

    def second_progress(line: str) -> None:
        lines.append(line)
        waits.set()

    monkeypatch.setenv("FAKE_GO_BLOCKS", str(block))
    first = threading.Thread(target=ensure_programs, args=(_no_progress,))
    first.start()
    block.read_text()
    second = threading.Thread(target=ensure_programs, args=(second_progress,))
    second.start()
    assert waits.wait(30)
    for number in range(len(NAMES)):
        (tmp_path / "block.go").write_text("\n")
        if number + 1 < len(NAMES):
            block.read_text()
    first.join()
    second.join()
    assert [line.split(":")[0] for line in lines] == ["waiting"]
    assert len(_calls(tmp_path)) == len(NAMES)


@pytest.mark.parametrize(
    ("version", "said"),
    [(None, "no `go` is on PATH"), ("go1.25.4", "is go1.25.4"), ("devel", "is devel")],
)
def test_without_a_usable_go_and_without_a_release_one_error_says_what_to_install(
    bin_directory: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, said: str
) -> None:
    if version:
        _script(bin_directory / "go", GO)
        monkeypatch.setenv("FAKE_GO_VERSION", version)
    for proxy in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")  # nobody listens: no release within reach
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(SandboxError) as refusal:
        ensure_programs(_no_progress)
    assert said in refusal.value.what
    assert "nor downloaded (https://github.com/etcd-io/etcd/releases/download/v" in refusal.value.what
    assert refusal.value.fix.startswith("Install Go >= 1.26")
    assert said in programs_unavailable()


def test_a_disk_with_too_little_space_is_refused_before_anything_is_built(
    tmp_path: Path, go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert go
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - the shape of shutil's own answer
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(SandboxError, match=r"0\.0 GB free; the sandbox's programs need 0\.7 GB"):
        ensure_programs(_no_progress)
    assert _calls(tmp_path) == []


@pytest.mark.parametrize("cache", ["/proc/onshore", "{tmp}/file/below"])
def test_a_cache_that_cannot_be_written_is_refused(
    tmp_path: Path, go: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    assert go
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ONSHORE_CACHE", cache.format(tmp=tmp_path))
    with pytest.raises(SandboxError, match="cannot be kept in") as refusal:
        ensure_programs(_no_progress)
    assert "ONSHORE_CACHE" in refusal.value.fix


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ONSHORE_CACHE": "/c/own"}, "/c/own/control-plane"),
        ({"XDG_CACHE_HOME": "/c/xdg"}, "/c/xdg/onshore/control-plane"),
        ({"HOME": "/h"}, "/h/.cache/onshore/control-plane"),
        ({"ONSHORE_CACHE": "/c/own", "XDG_CACHE_HOME": "/c/xdg"}, "/c/own/control-plane"),
    ],
)
def test_the_cache_is_where_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("ONSHORE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(cache_directory().parent) == expected
