"""The table of docs/admission.md says of every rule what the code does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from admission import lawful
from admission.category import OBJECTS
from admission.cel import POD_RESOURCES
from admission.policies import all_rulings
from inventories import load_rules

_PAGE: Final = (Path(__file__).parents[2] / "docs" / "admission.md").read_text(encoding="utf-8")
_GROUPS: Final = {
    "objects": {each for kinds in OBJECTS.values() for each in kinds},
    "workloads": {each for kinds in POD_RESOURCES.values() for each in kinds if "/" not in each},
}


def _compiled() -> dict[str, set[str]]:
    """Rule -> the kinds that its policies are asked about; the register's word stands for several rules."""
    found: dict[str, set[str]] = {}
    for ruling in all_rulings(load_rules()):
        kinds = {each for resources in ruling.resources.values() for each in resources if "/" not in each}
        for rule in lawful.RULES if ruling.whole else (ruling.rule,):
            found[rule] = found.get(rule, set()) | kinds
    return found


def _table() -> dict[str, tuple[str, set[str], str]]:
    """Rule -> the row's words: how far, which kinds (written out), what or why not."""
    lines = _PAGE.partition("## What is checked")[2].partition("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][1:]
    return {
        rule: (how, {kind for name in kinds.split(", ") if name for kind in _GROUPS.get(name, {name})}, why)
        for rule, how, kinds, why in rows
    }


def test_every_rule_of_the_catalogue_has_its_row() -> None:
    assert list(_table()) == sorted(load_rules())


def test_the_table_says_what_is_compiled_for_which_kinds() -> None:
    said = {rule: kinds for rule, (how, kinds, _) in _table().items() if how in ("compiled", "in part")}
    assert said == _compiled()


def test_what_is_not_compiled_has_its_reason_and_no_kinds() -> None:
    rest = {rule: row for rule, row in _table().items() if row[0] not in ("compiled", "in part")}
    assert {how for how, _, _ in rest.values()} == {"not"}
    assert all(why and not kinds for _, kinds, why in rest.values())


def test_the_page_lists_the_kinds_that_it_speaks_of_as_groups() -> None:
    words = " ".join(_PAGE.split())
    for name, kinds in _GROUPS.items():
        *rest, last = sorted(kinds)
        assert f"*{name}* are {', '.join(rest)} and {last}" in words
