"""The forms of a move: lawful ones are read, and every fault of a wrong one is named at once with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inventories import OnshoreError, load_profile
from migration import read_costs, read_discovery, read_questionnaire
from migration.questionnaire import blank_questionnaire, hints
from tests.migration.forms import COSTS, DISCOVERY, QUESTIONNAIRE, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROFILE = load_profile("pakistan-cloud-first-trial")
FORMS = {"discovery": DISCOVERY, "questionnaire": QUESTIONNAIRE, "costs": COSTS}


def faults(folder: Path, name: str, text: str) -> list[str]:
    """What is wrong with a form, each fault on its own."""
    _, discovery = read_discovery(written(folder, "found.yaml", DISCOVERY))
    readers: dict[str, Callable[[Path], object]] = {
        "discovery": read_discovery,
        "questionnaire": lambda path: read_questionnaire(path, discovery, PROFILE),
        "costs": lambda path: read_costs(path, discovery),
    }
    try:
        readers[name](written(folder, f"{name}.yaml", text))
    except OnshoreError as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize("name", FORMS)
def test_a_sound_form_is_read(name: str, tmp_path: Path) -> None:
    assert faults(tmp_path, name, FORMS[name]) == []


# form, what is replaced by what, and what each fault says (one line a fault)
_OF_NO_USE = "fit: retire, reason: of no use"
_NEEDS = "needs: [onprem-web-1/files/srv/portal]"
WRONG: list[tuple[str, dict[str, str], list[str]]] = [
    ("questionnaire", {"category: restricted, owner: Registrar}": "owner: Registrar}"}, ["5:", "`category` is"]),
    ("questionnaire", {"category: public": "category: null"}, ["8:", "not text", "got: nothing"]),
    ("questionnaire", {"owner: Web}": "owner: Web, stack: ../elsewhere/trial}"}, ["answers[3].stack"]),
    ("questionnaire", {"owner: Web}": "owner: Web, component: x}"}, ["a `component` is one of a `stack`"]),
    ("questionnaire", {"owner: Web}": "owner: Web, placement: {cluster: x-1}}"}, ["its `placement` is no host"]),
    ("questionnaire", {"owner: Web}": "owner: Web, placement: {hots: x-1}}"}, ["unknown field", "`host`"]),
    ("questionnaire", {"of no use": "of no use, stack: a"}, ["what does not move has no `placement`"]),
    ("questionnaire", {"category: public": "category: publik"}, ["unknown data category", "did you mean `public`?"]),
    ("questionnaire", {"registry, category": "registri, category"}, ["did you mean", "without an answer"]),
    ("questionnaire", {_OF_NO_USE: "fit: retire"}, ["what is retired without a move has a `reason`"]),
    ("questionnaire", {_OF_NO_USE: "fit: stay"}, ["what stays has a `waiver`"]),
    ("questionnaire", {_OF_NO_USE: "fit: cluster"}, ["names its Score file as `workload`"]),
    ("questionnaire", {_OF_NO_USE: "fit: moon"}, ["not one of the known values"]),
    ("questionnaire", {_NEEDS: "needs: [onprem-web-1/files/x]"}, ["not another asset"]),
    ("questionnaire", {_NEEDS: "neds: []"}, ["unknown field", "did you mean `needs`?"]),
    ("costs", {"hardware_pkr: 30000": "hardware_pkr: -1"}, ["7:hosts[0].hardware_pkr", "too small", "at least 0"]),
    ("costs", {"    licences_pkr: 0\n": ""}, ["`licences_pkr` is missing", "`licences_pkr` is missing"]),
    ("costs", {"hardware_pkr: 30000": "hardware_pkr: .nan"}, ["hardware_pkr"]),
    ("costs", {"hardware_pkr: 30000": "hardware_pkr: .inf"}, ["hardware_pkr"]),
    ("costs", {"hardware_pkr: 30000": "hardware_pkr:"}, ["not a number", "got: nothing"]),
    ("costs", {"currency: PKR": "currency: USD"}, ["not one of the known values", "got: USD"]),
    ("costs", {"host: onprem-web-1": "host: onprem-web-2"}, ["no such host", "a host without figures", "onprem-web-1"]),
    ("costs", {"host: onprem-web-1": "host: onprem-db-1"}, ["the same host twice", "a host without figures"]),
    ("costs", {"assumptions: [Hardware is written off over five years]": "assumptions: []"}, ["nothing in it"]),
    ("discovery", {"size_bytes: 734003200": "size_bytes: -5"}, ["too small"]),
    ("discovery", {"2026-06-01T09:30:00+05:00": "2026-06-01T09:30:00"}, ["timezone"]),
    ("discovery", {"id: onprem-web-1": "id: onprem-db-1"}, ["the same host twice", "found.yaml"]),
    ("discovery", {"path: /srv/portal": "path: srv/portal"}, ["path"]),
    ("discovery", {"port: 5432}": "port: 99999}"}, ["too large"]),
    ("costs", {"hardware_pkr: 30000": "hardware_pkr: .nan"}, ["hardware_pkr: not a number", "write digits"]),
    ("costs", {"hardware_pkr: 30000": "hardware_pkr: 1e999"}, ["hardware_pkr: not a number", "got: 1e999"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edits", "says"), WRONG, ids=[f"{n}-{list(e.values())}"[:60] for n, e, _ in WRONG])
def test_a_wrong_form_is_refused_in_words(name: str, edits: dict[str, str], says: list[str], tmp_path: Path) -> None:
    text = FORMS[name]
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    said = "\n".join(faults(tmp_path, name, text)).replace(f"{name}.yaml", "found.yaml")
    assert said
    missing = [words for words in says if words not in said]
    assert not missing, said


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    text = COSTS.replace("30000", "-1").replace("12000", "-2").replace("    staff_pkr: 40000\n", "")
    assert len(faults(tmp_path, "costs", text)) == 3


@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_was_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    assert any("cut off" in fault for fault in faults(tmp_path, name, FORMS[name].rstrip("\n}")))


def test_a_database_is_an_asset_and_its_server_is_none(tmp_path: Path) -> None:
    _, found = read_discovery(written(tmp_path, "found.yaml", DISCOVERY))
    assert list(found.assets) == [
        "onprem-db-1/database/registry",
        "onprem-db-1/job/nightly-56b778bc",
        "onprem-web-1/service/portal",
        "onprem-web-1/files/srv/portal",
    ]


def test_hints_name_columns_and_decide_nothing(tmp_path: Path) -> None:
    _, found = read_discovery(written(tmp_path, "found.yaml", DISCOVERY))
    said = " ".join(hints(found.assets["onprem-db-1/database/registry"]))
    assert "identity numbers (citizens.cnic)" in said
    assert hints(found.assets["onprem-web-1/files/srv/portal"]) == ()
    blank = blank_questionnaire(found, "health-example")
    assert "# hint, names only: identity numbers (citizens.cnic)" in blank
    refused = faults(tmp_path, "questionnaire", blank)
    assert sum("category" in fault for fault in refused) == len(found.assets)
