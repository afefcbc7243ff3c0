"""What every rule of the catalogue owes its readers, and the pages and commands that show it."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from inventories import OnshoreError, load_rules
from inventories.models import RuleMeta
from policies.catalogue import render
from policies.dispatcher import load_checks

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


def test_slugs_are_used_once() -> None:
    assert len({rule.slug for rule in RULES.values()}) == len(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_check_uses_the_parameters_of_its_rule(rule: RuleMeta) -> None:
    read = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "policies").rglob("*.py"))
    code = "\n".join(line for line in read.splitlines() if not line.startswith("PARAMS"))
    assert [name for name in rule.params if f'"{name}"' not in code] == []


@pytest.mark.parametrize(
    ("params", "known", "fault"),
    [
        ({"words": ("a",)}, {"words": tuple}, ""),
        ({}, {}, ""),
        ({"wrods": ("a",)}, {"words": tuple}, "params.wrods: the check knows no such parameter"),
        ({"words": ("a",)}, {}, "params.words: the check knows no such parameter"),
        ({}, {"words": tuple}, "params.words: a parameter that the check needs"),
        ({"words": "a"}, {"words": tuple}, "params.words: a parameter of the wrong form"),
        ({"days": True}, {"days": int}, "params.days: a parameter of the wrong form"),
    ],
)
def test_a_rule_with_parameters_that_its_check_does_not_know_stops_the_pack(
    params: dict[str, Any], known: dict[str, type], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from policies.checks import image_source

    monkeypatch.setattr(image_source, "PARAMS", known, raising=False)
    rules = {**RULES, "IMG-001": RULES["IMG-001"].model_copy(update={"params": params})}
    if not fault:
        assert len(load_checks(rules)) == len(RULES)
        return
    with pytest.raises(OnshoreError) as raised:
        load_checks(rules)
    assert f"inventories/rules/IMG-001.yaml:{fault}" in str(raised.value)


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
    assert run(["rules", "show", "CYR-003"]) == 2
    assert "CRY-003" in capsys.readouterr().err
