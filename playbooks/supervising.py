"""What stands between the provider and ansible-playbook: it ends the run and removes its folder when the provider dies.

A provider that is killed can clean nothing up, and Ansible would go on with nobody to report to. Started by path from
the run's own folder, as `start`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from playbooks.processes import end

if TYPE_CHECKING:
    from pathlib import Path

_PR_SET_PDEATHSIG: Final = 1
_GRACE_S: Final = 1.0


def main(provider: int, folder: Path, command: list[str]) -> int:
    """Run a command until it ends, or until the process `provider` does; the exit code."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    child = subprocess.Popen(command)

    def interrupted(*_: Any) -> None:
        child.send_signal(signal.SIGINT)

    def orphaned(*_: Any) -> None:
        end(folder, grace_s=_GRACE_S)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, orphaned)
    if os.getppid() != provider:  # it died before it could be asked to tell
        orphaned()
    code = child.wait()
    return code if code >= 0 else 128 - code


def script(folder: Path, ansible: str) -> str:
    """The text of `start`."""
    code = "from playbooks.supervising import main; import sys; from pathlib import Path"
    call = f"sys.exit(main({os.getpid()}, Path({str(folder)!r}), [{ansible!r}, *sys.argv[1:]]))"
    return f"#!{sys.executable}\n{code}\n{call}\n"
