"""`python -m tests.migration.driver FOLDER ASSET SOURCE TARGET LIMIT METHOD`: a copy in a process to be killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from migration.discovery import Asset
from migration.ledger import Ledger
from migration.postgres.server import Server
from migration.reach import Reach
from migration.steps import Move, Site, copy

if TYPE_CHECKING:
    from migration.rates import Rate
    from migration.steps import Method


def main(folder: Path, asset: str, source: str, target: str, limit: str, method: Method) -> None:
    host, kind, name = asset.split("/", 2)
    sites = [
        Site(Reach(each["name"]), Server(each["name"], each["parameters"]) if each["parameters"] else None)
        for each in map(json.loads, (source, target))
    ]

    def tell(rate: Rate) -> None:
        print(rate, flush=True)

    move = Move(Ledger(folder / "ledger.jsonl"), folder / "evidence", folder / "staging", 2, int(limit), tell)
    with move.ledger.only_one():
        copy(move, Asset(asset, kind, host, name), *sites, method=method)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])  # type: ignore[arg-type]
