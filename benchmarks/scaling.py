"""How cost grows with size: an up, and one that changes nothing, of 1,000 to 10,000 resources of a cloud in memory.

`python -m benchmarks.scaling COUNT` does one size in a process of its own, since peak memory is a process's, and prints
the seconds of CPU of both and the peak memory as JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).parents[1]
SIZES: Final = (1000, 5000, 10000)
_TIMEOUT_S: Final = 600.0


def rows() -> list[tuple[str, str, str, str]]:
    """Resources, CPU a resource of the up and of the one that changes nothing, peak memory."""
    found = []
    for count in SIZES:
        done = _measured(count)
        first, second = (f"{1000 * done[key] / count:.2f} ms" for key in ("up_s", "again_s"))
        found.append((f"{count:,}", first, second, f"{done['peak_mb']:.0f} MB"))
    return found


def _measured(count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scaling", str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(count: int) -> None:
    """One size, measured."""
    import pulumi  # noqa: PLC0415 - only here: the parent starts many processes

    from engine import Options  # noqa: PLC0415
    from engine.testing import Cloud, Stack  # noqa: PLC0415

    class Thing(pulumi.CustomResource):
        def __init__(self, name: str, **properties: Any) -> None:
            super().__init__("fake:index:Thing", name, properties)

    def program() -> None:
        for number in range(count):
            Thing(f"thing-{number}", number=number, labels={"department": "statistics-example"}, text="x" * 200)

    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), Cloud(), program=program)
        spent = []
        for _ in range(2):
            before = time.process_time()
            result = stack.engine().up(stack.name, Options())
            spent.append(time.process_time() - before)
            if not result.ok:
                sys.exit("the up failed")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"up_s": spent[0], "again_s": spent[1], "peak_mb": peak}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
