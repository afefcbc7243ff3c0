"""A plan as a picture: Mermaid for pages that draw it, SVG for those that do not. Foreign words are escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migration.plan import Plan, PlannedMove

_WIDTH, _HEIGHT, _GAP, _COLUMN, _TOP = 300, 58, 18, 380, 56
_LONGEST: Final = 40
_COLOURS: Final = {
    "verified": "#d8f0d8",
    "cut over": "#bfe3bf",
    "retired": "#cfd8dc",
    "differs": "#f8d0d0",
    "up": "#fff2cc",
    "copying": "#fff2cc",
    "copied": "#fff2cc",
    "closing": "#fff2cc",
    "rolled back": "#ffe0b2",
}


def as_mermaid(plan: Plan) -> str:
    """A flowchart: a box a wave, an arrow from what is needed to what needs it."""
    numbers = {move.asset: f"a{at}" for at, move in enumerate(_moves(plan))}
    lines = ["flowchart LR"]
    for wave in plan.waves:
        lines.append(f'  subgraph w{wave.number}["Wave {wave.number}, down {wave.downtime_minutes:g} min"]')
        lines += [
            f'    {numbers[move.asset]}["{_mermaid(move.asset)}<br/>{_mermaid(f"{move.category} to {move.target}")}"]'
            for move in wave.moves
        ]
        lines.append("  end")
    for move in _moves(plan):
        lines += [f"  {numbers[need]} --> {numbers[move.asset]}" for need in move.needs if need in numbers]
    return "\n".join(lines) + "\n"


def as_svg(plan: Plan, states: Mapping[str, str] | None = None) -> str:
    """The same as a picture that needs nothing else; `states` colours what is under way or done."""
    place = {
        move.asset: (20 + (wave.number - 1) * _COLUMN, _TOP + row * (_HEIGHT + _GAP))
        for wave in plan.waves
        for row, move in enumerate(wave.moves)
    }
    width = 40 + max((x for x, _ in place.values()), default=0) + _WIDTH
    height = 20 + max((y for _, y in place.values()), default=0) + _HEIGHT
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' font-family="sans-serif" font-size="13" role="img" aria-label="waves of the move">'
        ),
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0 8 4 0 8z" fill="#546e7a"/></marker></defs>'
        ),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for wave in plan.waves:
        x = 20 + (wave.number - 1) * _COLUMN
        title = f"Wave {wave.number}: down {wave.downtime_minutes:g} min"
        lines.append(f'<text x="{x}" y="34" font-size="16" font-weight="bold">{title}</text>')
    for move in _moves(plan):
        lines += [_arrow(place[need], place[move.asset]) for need in move.needs if need in place]
    for move in _moves(plan):
        x, y = place[move.asset]
        state = (states or {}).get(move.asset, "planned")
        fill = _COLOURS.get(state, "#eceff1")
        lines.append(
            f"<g><title>{escape(move.asset)}: {escape(state)}</title>"
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{fill}" stroke="#546e7a"/>'
            f'<text x="{x + 10}" y="{y + 22}" font-weight="bold">{escape(_short(move.asset))}</text>'
            f'<text x="{x + 10}" y="{y + 43}">{escape(_short(f"{move.category} to {move.target}, {state}"))}</text></g>'
        )
    return "\n".join([*lines, "</svg>", ""])


def _moves(plan: Plan) -> Iterator[PlannedMove]:
    return (move for wave in plan.waves for move in wave.moves)


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = start[0] + _WIDTH, start[1] + _HEIGHT // 2, end[0], end[1] + _HEIGHT // 2
    if x2 < x1:  # of the same wave: they need each other
        x1 = x2 = start[0]
        bend = f"C{x1 - 18} {y1} {x2 - 18} {y2} {x2} {y2}"
    else:
        bend = f"C{x1 + 40} {y1} {x2 - 40} {y2} {x2} {y2}"
    return f'<path d="M{x1} {y1}{bend}" fill="none" stroke="#546e7a" stroke-width="1.5" marker-end="url(#tip)"/>'


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _mermaid(text: str) -> str:
    return "".join(char if char.isalnum() or char in " -_./,:" else f"#{ord(char)};" for char in text)
