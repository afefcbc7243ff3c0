"""The report of a move: where each asset stands, what it costs, and the evidence; as data, as text and as one page."""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any, Final

from inventories.faults import OnshoreError
from migration.drawing import as_svg
from migration.evidence import read_evidence
from migration.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migration.workspace import Workspace

_MOST_SHOWN: Final = 50
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c262b}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid #cfd8dc;vertical-align:top;overflow-wrap:anywhere}th{background:#eceff1}
code{font-size:.85em}.picture{overflow-x:auto}.bad{color:#b71c1c}.good{color:#1b5e20}"""


def report(work: Workspace) -> dict[str, Any]:
    """Everything that the report says, as data; evidence that is missing or was altered is said to be so.

    Raises OnshoreError when the forms, the plan or the ledger's chain cannot be used.
    """
    entries, states = work.ledger.entries(), work.standings()
    assessment, plan = work.assessment, work.plan_as_it_is
    assets = []
    for wave in plan.waves:
        for move in wave.moves:
            now = states.get(move.asset, Standing())
            assets.append(
                {
                    "asset": move.asset,
                    "wave": wave.number,
                    "category": move.category,
                    "to": f"{move.to} {move.target}",
                    "state": now.state,
                    "downtime_minutes": move.downtime_minutes,
                    "evidence": _evidence(work, move.asset, now),
                }
            )
    return {
        "department": plan.department,
        "on": work.on.isoformat(),
        "register": work.judge.reference,
        "assets": assets,
        "left": plan.left,
        "refused": _refused_today(work),
        "costs": {
            "before_pkr_month": assessment.before_pkr,
            "after_pkr_month": assessment.after_pkr,
            "assumptions": list(assessment.assumptions),
        },
        "ledger": {"entries": len(entries), "head": work.ledger.head, "steps": [asdict(entry) for entry in entries]},
        "drawing": as_svg(plan, {asset: now.state for asset, now in states.items()}),
    }


def as_text(data: dict[str, Any]) -> str:
    """The report for a terminal."""
    lines = [f"Move of {data['department']} on {data['on']}, register {data['register']}", ""]
    for each in data["assets"]:
        lines.append(f"wave {each['wave']}  {each['asset']}  {each['category']}  to {each['to']}: {each['state']}")
        lines += [f"    {line}" for line in _proof(each["evidence"])]
    lines += [f"not moved  {asset}: {why}" for asset, why in data["left"].items()]
    lines += [f"refused today  {line}" for line in data["refused"]]
    costs = data["costs"]
    lines += ["", _costs(costs), *(f"    {line}" for line in costs["assumptions"])]
    ledger = data["ledger"]
    lines += ["", f"Ledger: {ledger['entries']} entries, unbroken; head {ledger['head']}"]
    return "\n".join(lines) + "\n"


def as_html(data: dict[str, Any]) -> str:
    """The report as one page that loads nothing; every foreign word is escaped."""
    return "\n".join(_page(data)) + "\n"


def _page(data: dict[str, Any]) -> Iterator[str]:
    title = escape(f"Move of {data['department']}")
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
    yield f"<p>On {escape(data['on'])}, by register <code>{escape(data['register'])}</code>.</p>"
    yield f"<h2>Waves</h2><div class=picture>{data['drawing']}</div>"
    yield from _table(("wave", "asset", "category", "to", "state", "down, min"), _rows(data))
    if data["refused"]:
        yield "<h2>Refused today</h2><ul class=bad>"
        yield from (f"<li>{escape(line)}</li>" for line in data["refused"])
        yield "</ul>"
    if data["left"]:
        yield "<h2>Not moved</h2>"
        yield from _table(("asset", "why"), data["left"].items())
    costs = data["costs"]
    yield f"<h2>Costs</h2><p>{escape(_costs(costs))}</p><ul>"
    yield from (f"<li>{escape(line)}</li>" for line in costs["assumptions"])
    yield "</ul><h2>Evidence</h2>"
    for each in data["assets"]:
        good = "good" if each["evidence"].get("equal") else "bad"
        yield f"<h3>{escape(each['asset'])}</h3><ul class={good}>"
        yield from (f"<li>{escape(line)}</li>" for line in _proof(each["evidence"]))
        yield "</ul>"
    ledger = data["ledger"]
    yield f"<h2>Ledger</h2><p>{ledger['entries']} entries, unbroken; head <code>{escape(ledger['head'])}</code></p>"
    steps = ((s["number"], s["at"], s["who"], s["step"], s["asset"], s["evidence"][:12]) for s in ledger["steps"])
    yield from _table(("", "when", "who", "step", "asset", "evidence"), steps)
    yield "</body></html>"


def _rows(data: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for each in data["assets"]:
        minutes = f"{each['downtime_minutes']:g}"
        yield each["wave"], each["asset"], each["category"], each["to"], each["state"], minutes


def _table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    yield f"<table><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>"
    yield "</table>"


def _costs(costs: dict[str, Any]) -> str:
    return f"A month: PKR {costs['before_pkr_month']:,.2f} before, PKR {costs['after_pkr_month']:,.2f} after"


def _proof(evidence: dict[str, Any]) -> Iterator[str]:
    if not evidence:
        yield "no evidence"
    elif "problem" in evidence:
        yield evidence["problem"]
    else:
        verdict = "equal" if evidence["equal"] else f"{len(evidence['differences'])} differences"
        size = f"{evidence['rows']} rows or files, {evidence['bytes'] / 2**20:.1f} MiB"
        yield f"{verdict}: {size}, source read {evidence['source_at']}, evidence {evidence['digest']}"
        yield from evidence["differences"][:_MOST_SHOWN]
        yield from (f"not compared: {line}" for line in evidence["left_out"])


def _refused_today(work: Workspace) -> list[str]:
    """What a step would be refused for, if it were taken today."""
    try:
        work.plan  # noqa: B018 - read for its faults
    except OnshoreError as error:
        return [f"{fault.where}: {fault.what}: {fault.got}" for fault in error.faults]
    return []


def _evidence(work: Workspace, asset: str, now: Standing) -> dict[str, Any]:
    if not now.evidence:
        return {}
    try:
        named, parity = read_evidence(work.evidence, now.evidence)
    except OnshoreError as error:
        return {"digest": now.evidence, "problem": error.faults[0].what}
    if named != asset:
        return {"digest": now.evidence, "problem": f"the evidence is of {named}"}
    return {
        "digest": now.evidence,
        "equal": parity.equal,
        "rows": parity.rows,
        "bytes": parity.size_bytes,
        "source_at": parity.source.get("at", ""),
        "differences": [str(each) for each in parity.differences],
        "left_out": list(parity.left_out),
    }
