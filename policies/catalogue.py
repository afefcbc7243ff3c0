"""The catalogue of rules as people read it; `make docs` writes it to RULES.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inventories import load_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.models import RuleMeta

_HEAD = """\
# The rules

Made from `inventories/rules/` by `make docs`; change the data, not this page. Each rule's check is
`policies/checks/<slug>.py`, and `onshore rules show ID` prints one of them.
"""


def render(rules: Mapping[str, RuleMeta]) -> str:
    """The page: a table of all rules, then each with its source and its next step."""
    lines = [_HEAD, "| id | severity | what holds | may be waived |", "|---|---|---|---|"]
    lines += [
        f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity} | {rule.title} | {'yes' if rule.waivable else 'no'} |"
        for rule in rules.values()
    ]
    for rule in rules.values():
        lines += ["", f"## {rule.id}", "", f"{rule.title}.", ""]
        lines += [f"- **{name}**: {value}" for name, value in words(rule).items() if name not in ("id", "title")]
    return "\n".join(lines) + "\n"


def words(rule: RuleMeta) -> dict[str, str]:
    """Everything that is written about a rule, each as one line of text."""
    source = rule.source
    origin = ": ".join(filter(None, (source.instrument, source.clause)))
    fields: dict[str, Any] = {
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity,
        "categories": ", ".join(rule.categories) or "all",
        "source": origin,
        "url": source.url,
        "confidence": source.confidence,
        "effective on": rule.effective_on,
        "parameters": ", ".join(f"{name} = {value}" for name, value in rule.params.items()),
        "remediation": rule.remediation,
        "waivable": "yes" if rule.waivable else "no",
        "check": f"policies/checks/{rule.slug}.py",
    }
    return {name: str(value) for name, value in fields.items() if value != ""}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(load_rules()), encoding="utf-8")
