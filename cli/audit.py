"""`onshore audit FILE-OR-DIR...`: what already runs, judged on a day."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.errors import DONE, REFUSED
from cli.project import json_option, project_option

if TYPE_CHECKING:
    from datetime import datetime

    from inventories import Fault


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to ask about (default: today).")
@project_option
@json_option
def audit(cwd: Path, paths: tuple[Path, ...], *, as_json: bool, on: datetime | None) -> int:
    """Judge state exports against the rules and the register, without running a program.

    Exit codes: 0 clean, 3 findings, 2 when any file cannot be read, whatever was found in the others.
    """
    from audit import audit_file  # noqa: PLC0415 - `--help` needs no inventories
    from inventories import OnshoreError  # noqa: PLC0415
    from policies.dispatcher import load_checks  # noqa: PLC0415
    from policies.facts import load_facts  # noqa: PLC0415

    facts = load_facts(cwd.resolve())
    facts = replace(facts, on=on.date()) if on else facts
    checks, found = load_checks(facts.rules), []
    faults: list[Fault] = []
    for path in paths:
        for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
            try:
                found.append(audit_file(file, facts, checks))
            except OnshoreError as error:
                faults += error.faults
    rows = [(one.rule, each.department, each, one) for each in found for one in each.findings]
    rows.sort(key=lambda row: (row[0], row[1], row[2].source))
    if as_json and not faults:
        shown = [{"source": e.source, "stack": e.stack, "department": d, **asdict(f)} for _, d, e, f in rows]
        click.echo(json.dumps({"on": facts.on.isoformat(), "findings": shown}, indent=2))
    elif not as_json:
        for _, department, _, one in rows:
            click.echo("".join(c if c.isprintable() else "?" for c in f"{department}: {one.message}")[:2000])
    if faults or not found:
        raise OnshoreError("not everything could be audited", faults)
    return REFUSED if rows else DONE
