"""What `onshore migrate` says: assessments, plans, parity and progress, as text or as data."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from migration.assessment import Assessment
    from migration.evidence import Parity
    from migration.plan import Plan
    from migration.rates import Rate

_EVERY_S: Final = 10.0


def assessment_data(found: Assessment) -> dict[str, Any]:
    from dataclasses import asdict  # noqa: PLC0415

    return asdict(found)


def show_assessment(found: Assessment) -> None:
    for each in found.assets:
        target = each.target
        cost = (
            ""
            if target is None
            else "price unknown"
            if target.monthly_cost_pkr is None
            else f"PKR {target.monthly_cost_pkr:,.2f}"
        )
        place = f"{target.kind} {target.id}, {cost}" if target else "no lawful place" if each.refusals else each.fit
        click.echo(f"{each.asset}  {each.category}  {place}  ({each.why})")
        for hint in each.hints:
            click.echo(f"    hint, names only: {hint}")
        for fault in each.refusals:
            reason = ", ".join(filter(None, (fault.got and f"got {fault.got}", fault.why)))
            click.echo(
                f"    {fault.where}: {fault.what}{reason and f': {reason}'}{fault.fix and f'. Fix: {fault.fix}'}"
            )
    click.echo(f"A month: PKR {found.before_pkr:,.2f} before, PKR {found.after_pkr:,.2f} after")
    for line in found.assumptions:
        click.echo(f"    {line}")


def show_plan(made: Plan) -> None:
    for wave in made.waves:
        click.echo(f"Wave {wave.number}: down {wave.downtime_minutes:g} min")
        for move in wave.moves:
            needs = f", needs {', '.join(move.needs)}" if move.needs else ""
            click.echo(f"    {move.asset} ({move.category}) to {move.to} {move.target}{needs}")
    for asset, why in made.left.items():
        click.echo(f"Not moved: {asset} ({why})")


def parity_data(asset: str, parity: Parity, digest: str) -> dict[str, Any]:
    return {
        "asset": asset,
        "equal": parity.equal,
        "differences": [str(each) for each in parity.differences],
        "left_out": list(parity.left_out),
        "rows": parity.rows,
        "bytes": parity.size_bytes,
        "seconds": parity.seconds,
        "evidence": digest,
    }


def show_parity(asset: str, parity: Parity, digest: str) -> None:
    count = len(parity.differences)
    verdict = "equal" if parity.equal else f"{count} difference{'' if count == 1 else 's'}"
    unit = "rows" if parity.kind == "database" else "files"
    size = f"{parity.rows} {unit}, {parity.size_bytes / 2**20:.1f} MiB in {parity.seconds:.1f} s"
    click.echo(f"{asset}: {verdict}; {size}; evidence {digest[:12]}")
    for line in (*map(str, parity.differences), *(f"not compared: {each}" for each in parity.left_out)):
        click.echo(f"    {line}")


def tell(rows: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(list(rows))
        return
    for row in rows:
        click.echo(f"{row['asset']}: {row['state']} ({row['target']})")


def print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2))


def progress(*, as_json: bool) -> Callable[[Any], None]:
    """A line that is written over where somebody looks on; else one a step, and one every ten seconds."""
    if as_json:
        return lambda _: None
    if sys.stderr.isatty():
        return lambda rate: click.echo(f"\r\x1b[K{rate}", nl=False, err=True)
    return _now_and_then()


def _now_and_then() -> Callable[[Rate], None]:
    step, told = ("", ""), 0.0

    def tell(rate: Rate) -> None:
        nonlocal step, told
        before, step, now = step, (rate.asset, rate.phase.split(",")[0]), time.monotonic()
        if step != before or now - told >= _EVERY_S:
            told = now
            click.echo(str(rate), err=True)

    return tell
