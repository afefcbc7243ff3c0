"""Asks an evaluator of Rego about each object of a file: `python rego_run.py POLICY OBJECTS`; prints refused names.

Runs in an environment of its own, with regopy or regorus and nothing of the project's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_QUERY = "data.pods.deny"


def _regopy(policy: str) -> Callable[[str], bool]:
    from regopy import Interpreter  # noqa: PLC0415

    engine = Interpreter()
    engine.add_module("pods", policy)
    # compiled once, asked many times
    bundle = engine.build(_QUERY)

    def refused(text: str) -> bool:
        engine.set_input_term(text)
        (found,) = json.loads(str(engine.query_bundle(bundle)))["expressions"]
        return bool(found)

    return refused


def _regorus(policy: str) -> Callable[[str], bool]:
    from regorus import Engine  # noqa: PLC0415

    engine = Engine()
    engine.add_policy("pods.rego", policy)

    def refused(text: str) -> bool:
        engine.set_input_json(text)
        return len(engine.eval_rule(_QUERY)) > 0

    return refused


def main(policy: Path, objects: Path) -> None:
    """Whichever of the two there is."""
    try:
        refused = _regopy(policy.read_text())
    except ModuleNotFoundError:
        refused = _regorus(policy.read_text())
    with objects.open() as file:
        names = [json.loads(line)["metadata"]["name"] for line in file if refused(line)]
    sys.stdout.write("\n".join(names))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
