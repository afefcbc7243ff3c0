"""One operation of the embedded engine in a process of its own.

`python -m benchmarks.engine_run OPERATION STACK yes|no` (with or without the pack).
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine import EmbeddedEngine, Options

HERE = Path(__file__).parent


def main(operation: str, stack: str, pack: str) -> None:
    """Runs it; ends with the engine's exit code."""
    packs = (HERE.parent / "policies",) if pack == "yes" else ()
    engine = EmbeddedEngine(HERE / "programs" / "configmaps")
    result = getattr(engine, operation)(stack, Options(policy_packs=packs))
    for event in result.events:
        for kind in ("diagnosticEvent", "policyEvent"):
            if kind in event and event[kind].get("severity") != "debug":
                sys.stderr.write(event[kind]["message"] + "\n")
    sys.exit(result.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:4])
