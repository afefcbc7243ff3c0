"""What a killed run leaves on this machine is removed by the next one; what another one is using is not."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from inventories import load_register, private_dir
from migration.access import Access, open_site

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
REGISTER = load_register(ROOT / "inventories" / "registers" / "example")
ACCESS = Access.model_validate({"hosts": [{"host": "example-onprem-1", "identity": "key"}]})
SSH = f"""#!{sys.executable}
import socket, sys, time
socket.socket(socket.AF_UNIX).bind(sys.argv[sys.argv.index("-L") + 1].split(":")[0])
time.sleep(600)
"""
HELD = """
import contextlib, sys, time
from pathlib import Path
from inventories import private_dir
from tests.migration.test_left_behind import ACCESS, REGISTER, open_site
private_dir._home = lambda: Path(sys.argv[1])
with contextlib.ExitStack() as stack:
    open_site(ACCESS, Path(), REGISTER, "example-onprem-1", stack, database=True)
    print("open", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def another_run(home: Path):  # type: ignore[no-untyped-def]
    """A process that has a host open."""
    argv = [sys.executable, "-c", HELD, str(home)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def test_what_a_killed_run_left_is_swept_by_the_next_and_a_live_one_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    ssh, home = tmp_path / "bin" / "ssh", Path(tempfile.mkdtemp(prefix="left-"))  # a socket's path is short
    request.addfinalizer(lambda: shutil.rmtree(home))
    ssh.parent.mkdir()
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(private_dir, "_home", lambda: home)
    with another_run(home) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    left = set(home.iterdir())
    assert {path.name for folder in left for path in folder.iterdir()} == {"lock", "known_hosts", ".s.PGSQL.5432"}
    with another_run(home), contextlib.ExitStack() as stack:
        live = set(home.iterdir())
        assert len(live) == 2
        assert not live & left
        open_site(ACCESS, Path(), REGISTER, "example-onprem-1", stack, database=True)
        assert live < set(home.iterdir())
        stack.close()
        assert set(home.iterdir()) == live
