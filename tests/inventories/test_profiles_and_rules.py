"""The shipped profiles say what the policy says, faulty ones are refused, and each rule is written down once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inventories import OnshoreError, load_profile, load_rules
from inventories.models import SecurityLevel

RANKED = ("open", "public", "restricted", "confidential", "secret")
ANY = {"public", "government", "hybrid"}
# provider standing, in country, models, level, exposure, digest, as the design's table has them
TABLE = {
    "open": ("accredited", False, ANY, "baseline", "public", False),
    "public": ("accredited", False, ANY, "baseline", "public", False),
    "restricted": ("accredited", True, {"government", "hybrid"}, "intermediate", "internal", True),
    "confidential": ("accredited", True, {"government"}, "enhanced", "internal", True),
    "secret": ("accredited", True, {"government"}, "highest", "internal", True),
}


def faults_of(path: Path | str) -> list[str]:
    with pytest.raises(OnshoreError) as raised:
        load_profile(path)
    return [str(fault) for fault in raised.value.faults]


@pytest.mark.parametrize("name", ["pakistan-cloud-first", "pakistan-cloud-first-trial"])
def test_the_shipped_profiles_hold_the_table_of_the_policy(name: str) -> None:
    profile = load_profile(name)
    assert tuple(category.id for category in sorted(profile.categories, key=lambda c: c.rank)) == RANKED
    for category in profile.categories:
        rule = category.rule
        asked = (rule.standing, rule.in_country, set(rule.deployment_models), rule.security_level, rule.exposure)
        assert (*asked, rule.image_digest) == TABLE[category.id]
        assert rule.image_registry_in_country is rule.image_digest
        assert rule.pod_security == "restricted"
        assert rule.dedicated_nodes is (category.id == "secret")
        assert rule.models_by_approval == ({"private"} if category.id == "secret" else frozenset())
        assert rule.hybrid_official_part == ("government" if category.id == "restricted" else None)
    assert profile.required_audits == {"security", "performance", "compliance"}
    assert profile.category("sensitive") is profile.category("confidential")
    assert profile.category("sensitve") is None
    assert profile.production is (name == "pakistan-cloud-first")
    assert profile.id == name


def test_nothing_that_no_source_says_claims_a_source() -> None:
    profile = load_profile("pakistan-cloud-first")
    for setting in profile.settings:
        assert (setting.source.instrument == "unknown") is (setting.source.confidence == "unknown")
        assert setting.note
    assert not any(
        s.confidence == "official"
        for s in (*[c.source for c in profile.categories], *[s.source for s in profile.settings])
    )


PROFILE = """\
extends: pakistan-cloud-first
id: ministry
production: false
settings:
  - {id: revocation-grace-days, value: 3, source: {instrument: Ours, confidence: inferred}}
"""
CATEGORY = """\
categories:
  - id: open
    rank: 1
    title: Open
    definition: Registered providers may hold it.
    source: {instrument: Ours, confidence: inferred}
    rule:
      standing: registered
      in_country: false
      deployment_models: [public, government, hybrid]
      security_level: baseline
      exposure: public
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ministry.yaml"


def test_a_profile_says_only_what_differs_from_the_one_it_extends(path: Path) -> None:
    path.write_text(PROFILE + CATEGORY)
    base, profile = load_profile("pakistan-cloud-first"), load_profile(path)
    assert profile.category("open").rule.standing == "registered"
    assert profile.category("secret") == base.category("secret")
    assert [setting.id for setting in profile.settings] == [setting.id for setting in base.settings]
    assert next(s.value for s in profile.settings if s.id == "revocation-grace-days") == 3
    assert (profile.version, profile.country, profile.production) == (base.version, base.country, False)


WRONG = [
    ("cloud-first\n", "cloud-frist\n", [":1:extends: no such profile", "did you mean `pakistan-cloud-first`?"]),
    ("extends: pakistan-cloud-first", "extends: ministry.yaml", [":1:extends: extends itself"]),
    ("extends: pakistan-cloud-first\n", "", ["`version`"]),
    ("production: false", "producton: false", [":3:producton: unknown field", "did you mean `production`?"]),
    ("production: false", "production: perhaps", [":3:production", "got: perhaps"]),
    ("id: open", "id: sensitive", [":7:categories[0]: this category name exists already", "sensitive"]),
    ("rank: 1", "rank: 2", [": this category rank exists already"]),
    ("standing: registered", "standing: registred", [":13:categories[0].rule.standing", "did you mean `registered`?"]),
    ("    rule:\n", "    rule:\n      dedicated_nodes: true\n", ["public: dedicated_nodes", "asks for less"]),
    ("in_country: false", "in_country: true", ["ranks above open but asks for less", "public: in_country"]),
    ("security_level: baseline", "security_level: enhanced", ["public: security_level"]),
    ("exposure: public", "exposure: internal", ["public: exposure"]),
    ("[public, government, hybrid]", "[government]", ["public: deployment_models"]),
    ("inferred}\n    rule", "sure}\n    rule", [":11:categories[0].source.confidence", "known: `official`"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG, ids=[row[1].strip() or "no base" for row in WRONG])
def test_a_faulty_profile_is_refused_with_the_place_and_the_way_out(
    path: Path, old: str, new: str, says: list[str]
) -> None:
    text = PROFILE + CATEGORY
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert any(all(part in fault for part in says) for fault in faults_of(path)), faults_of(path)


def test_an_unknown_profile_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    assert "did you mean `pakistan-cloud-first`?" in faults_of("pakistan-cloud-frst")[0]
    assert "the file is missing" in faults_of(tmp_path / "gone.yaml")[0]


def test_every_rule_of_the_first_milestone_is_written_down() -> None:
    rules = load_rules()
    assert rules.keys() >= {
        "ACC-001", "ACC-002", "ACC-003", "ACC-004",
        "RES-001", "RES-002", "RES-003", "RES-004",
        "CAT-001", "CAT-002", "CAT-003", "CAT-004",
        "CRY-001", "CRY-002", "CRY-003",
        "FLO-001", "EXP-001", "NET-001", "POD-001", "IMG-001",
        "PIN-001", "PIN-002", "PIN-003",
        "OPQ-001", "OPQ-002", "UNK-001",
        "HST-001", "STA-001", "WVR-001",
    }  # fmt: skip
    assert len({rule.slug for rule in rules.values()}) == len(rules)
    for rule in rules.values():
        assert set(rule.categories) <= set(RANKED)
        assert rule.source.confidence != "official"
        assert re.match(r"[A-Z`].*\.$", rule.remediation)


def test_a_rule_that_is_not_named_like_its_file_is_refused(tmp_path: Path) -> None:
    text = Path("inventories/rules/ACC-001.yaml").read_text()
    (tmp_path / "ACC-009.yaml").write_text(text)
    with pytest.raises(OnshoreError, match="a rule's file bears its id"):
        load_rules(tmp_path)
    (tmp_path / "ACC-009.yaml").write_text(text.replace("ACC-001", "ACC9").replace("critical", "criticl"))
    with pytest.raises(OnshoreError, match="a rule id like ACC-001") as raised:
        load_rules(tmp_path)
    assert "did you mean `critical`?" in str(raised.value)
    (tmp_path / "ACC-009.yaml").write_text(text.replace("critical", "criticl"))
    with pytest.raises(OnshoreError, match="`critical`") as hidden:
        load_rules(tmp_path)
    assert "a rule's file bears its id" in str(hidden.value)


RETIRED = "- {id: ACC-001, title: Something else, retired_on: 2026-01-01, reason: Merged into another}\n"


@pytest.mark.parametrize(
    ("retired", "fault"),
    [
        ("retired: []\n", ""),
        ("retired:\n" + RETIRED.replace("ACC-001", "ACC-099"), ""),
        ("retired:\n" + RETIRED, "this id is retired and never comes back"),
        ("retired:\n" + RETIRED.replace("ACC-001", "ACC-099") * 2, "retired twice"),
        ("retired:\n" + RETIRED.replace("ACC-001", "acc1"), "retired.yaml:2:retired[0].id"),
        ("retired:\n" + RETIRED.replace("Merged into another", "''"), "retired[0].reason"),
        ("retired: [\n", "retired.yaml"),
        ("gone: []\n", "gone"),
    ],
)
def test_the_id_of_a_retired_rule_never_comes_back(tmp_path: Path, retired: str, fault: str) -> None:
    (tmp_path / "ACC-001.yaml").write_text(Path("inventories/rules/ACC-001.yaml").read_text())
    (tmp_path / "retired.yaml").write_text(retired)
    if not fault:
        assert list(load_rules(tmp_path)) == ["ACC-001"]
        return
    with pytest.raises(OnshoreError) as raised:
        load_rules(tmp_path)
    assert fault in str(raised.value)


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OnshoreError, match="cannot be used"):
        load_rules(tmp_path)


def test_security_levels_are_ranked_lowest_first() -> None:
    assert [level.rank for level in SecurityLevel] == [0, 1, 2, 3]
