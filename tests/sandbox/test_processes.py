"""Only the cluster's own processes are ever found or signalled."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox._processes import MARK, Process, running, start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

SLEEP = shutil.which("sleep") or "/bin/sleep"


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([SLEEP, "600"]) as process:
        yield process
        process.kill()


def test_a_started_process_is_found_by_its_directory_and_stopped(tmp_path: Path) -> None:
    here, there = tmp_path / "a", tmp_path / "b"
    start("etcd", [SLEEP, "600"], here, tmp_path / "log")
    start("etcd", [SLEEP, "600"], there, tmp_path / "log")
    found = running(here)
    assert [process.component for process in found] == ["etcd"]
    stop(found, grace_s=5)
    assert running(here) == []
    assert len(running(there)) == 1
    stop(running(there), grace_s=5)


def test_a_process_counts_as_running_from_its_start_on(tmp_path: Path) -> None:
    for _ in range(20):
        start("etcd", [SLEEP, "600"], tmp_path, tmp_path / "log")
        assert len(running(tmp_path)) == 1
        stop(running(tmp_path), grace_s=5)


def test_a_process_counts_as_running_while_it_becomes_another_program(tmp_path: Path) -> None:
    script = tmp_path / "again.sh"
    script.write_text('[ "$1" -gt 0 ] && exec sh "$0" $(($1 - 1)); exec sleep 600')
    start("host", ["/bin/sh", str(script), "400"], tmp_path, tmp_path / "log")
    seen = set()
    try:
        while b"sleep" not in seen:
            (process,) = running(tmp_path)
            seen.add(Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")[0])
    finally:
        stop(running(tmp_path), grace_s=5)
    assert b"sh" in seen


def test_a_process_that_took_over_a_pid_is_left_alone(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    stop([Process("etcd", stranger.pid, tmp_path)], grace_s=5)
    assert stranger.poll() is None


def test_a_process_that_is_gone_already_is_no_error(tmp_path: Path) -> None:
    ended = subprocess.Popen([SLEEP, "0"], env=os.environ | {MARK: f"etcd@{tmp_path}"})
    ended.wait()
    stop([Process("etcd", ended.pid, tmp_path)], grace_s=5)
    assert running(tmp_path) == []


def test_a_process_that_does_not_heed_the_request_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    stubborn = f"trap '' TERM; echo > {ready}; while :; do {SLEEP} 1; done"
    start("etcd", ["/bin/sh", "-c", stubborn], tmp_path, tmp_path / "log")
    ready.read_text()
    stop([process for process in running(tmp_path) if process.component == "etcd"][:1], grace_s=0.2)
    stop(running(tmp_path), grace_s=5)
    assert running(tmp_path) == []


def test_output_goes_to_the_log_and_the_callers_environment_stays_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hidden")
    done = tmp_path / "done"
    os.mkfifo(done)
    start("kwok", ["/bin/sh", "-c", f"/usr/bin/env; echo > {done}"], tmp_path, tmp_path / "log")
    done.read_text()
    said = (tmp_path / "log").read_text()
    assert f"{MARK}=kwok@{tmp_path}" in said
    assert "hidden" not in said
