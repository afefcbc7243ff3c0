"""What every rule of the catalogue owes its readers, and the pages and commands that show it."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from cli.main import run
from inventories import load_rules
from inventories.loader import load_retired_rules
from inventories.models import RuleMeta
from policies.catalogue import render

ROOT = Path(__file__).resolve().parents[2]
RULES = load_rules()
STEP = re.compile(r"^(`|[A-Z][a-z]+ )")


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_says_where_it_comes_from_and_what_to_do(rule: RuleMeta) -> None:
    assert rule.source.instrument
    assert rule.source.confidence != "official" or rule.source.url
    assert STEP.match(rule.remediation)
    assert isinstance(rule.effective_on, date)
    assert rule.title
    assert not rule.title.endswith(".")


def test_ids_and_slugs_are_used_once_and_never_again() -> None:
    assert len({rule.slug for rule in RULES.values()}) == len(RULES)
    assert not load_retired_rules().keys() & RULES.keys()


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_check_uses_the_parameters_of_its_rule(rule: RuleMeta) -> None:
    source = (ROOT / "policies" / "checks" / f"{rule.slug}.py").read_text(encoding="utf-8")
    assert [name for name in rule.params if f'"{name}"' not in source] == []


def test_the_page_of_rules_is_up_to_date() -> None:
    page = (ROOT / "policies" / "RULES.md").read_text(encoding="utf-8")
    assert page == render(RULES), "policies/RULES.md is stale: make docs"


def test_the_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in listed] == list(RULES)
    assert set(listed[0]) == {"id", "severity", "title", "waivable", "effective_on"}
    assert run(["rules", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(RULES)


def test_a_rule_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "show", "cry-002"]) == 0
    shown = capsys.readouterr().out
    rule = RULES["CRY-002"]
    for part in (rule.id, rule.title, rule.source.instrument, rule.source.confidence, rule.remediation):
        assert part in shown
    assert run(["rules", "show", "CRY-002", "--json"]) == 0
    assert RuleMeta.model_validate_json(capsys.readouterr().out) == rule


def test_a_rule_nobody_wrote_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "show", "CRY-020"]) == 2
    assert "CRY-002" in capsys.readouterr().err
