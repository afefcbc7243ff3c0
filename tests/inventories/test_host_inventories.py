"""Ansible inventories are the register's word: what is written passes, and every way to stray is named."""

from __future__ import annotations

import os
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventories import OnshoreError, load_profile, load_register
from inventories.hosts import Use, check_inventory, known_hosts, read_inventory, refusals, render_inventory
from inventories.yaml_source import read_yaml

if TYPE_CHECKING:
    from inventories.models import Profile, Register

ON = date(2026, 6, 1)
WRONG = read_yaml(Path(__file__).parent / "wrong_inventories.yaml").data["faults"]


@cache
def register() -> Register:
    return load_register(Path("inventories/registers/example"))


@cache
def profile() -> Profile:
    return load_profile("pakistan-cloud-first-trial")


def use(category: str = "restricted", department: str = "health-example", on: date = ON) -> Use:
    found = profile().category(category)
    assert found is not None
    return Use(department, found, on)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in render_inventory(register(), profile(), use()).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def faults_of(folder: Path, on: date = ON) -> list[str]:
    return [str(f) for f in check_inventory(read_inventory(folder / "hosts.yaml"), register(), profile(), on=on)]


def test_what_is_written_is_lawful(folder: Path) -> None:
    assert faults_of(folder) == []


def test_a_department_may_add_groups_variables_and_users_of_its_own(folder: Path) -> None:
    with (folder / "hosts.yaml").open("a") as inventory:
        inventory.write("    web: {hosts: {example-host-khi-1: }, vars: {port: 8443, ansible_user: deploy}}\n")
    (folder / "group_vars/web.yml").write_text("ansible_become: true\nworkers: [1, 2]\n")
    (folder / "README.md").write_text("Ours.\n")
    assert faults_of(folder) == []


@pytest.mark.parametrize("row", WRONG, ids=[f"{row['in']} {row['says'][0]}" for row in WRONG])
def test_every_way_to_stray_is_named_with_its_line(folder: Path, row: dict[str, Any]) -> None:
    path = folder / row["in"]
    text = path.read_text() if path.exists() else ""
    assert row.get("old", "") in text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(row["old"], row["new"], 1) if "old" in row else text + row["new"])
    faults = faults_of(folder)
    assert len(faults) == row["faults"], "\n".join(faults)
    for said in row["says"]:
        assert said in "\n".join(faults)
    assert "nobody-may-see" not in "\n".join(faults)


def test_what_ansible_would_follow_elsewhere_is_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "web.yml").write_text("ansible_connection: local\n")
    (folder / "host_vars").symlink_to(elsewhere)
    (folder / "group_vars" / "gone.yml").symlink_to(elsewhere / "nothing")
    (folder / "group_vars" / "web.yml").symlink_to(elsewhere / "web.yml")
    os.mkfifo(folder / "group_vars" / "db.yml")
    faults = "\n".join(faults_of(folder))
    for name in ("host_vars", "group_vars/gone.yml", "group_vars/db.yml"):
        assert f"{name}: neither a file nor a folder" in faults
    assert "group_vars/web.yml:1:ansible_connection: HST-001" in faults


@pytest.mark.parametrize("department", ["health-example", "finance-example"])
def test_the_shipped_inventories_are_the_example_registers_word(department: str) -> None:
    shipped = Path("inventories/hosts") / department
    day = date(2026, 11, 25)
    for name, text in render_inventory(register(), profile(), use("confidential", department, day)).items():
        command = f"onshore hosts inventory --department {department} --category confidential --on {day} {shipped}"
        assert (shipped / name).read_text() == text, f"write it anew: {command}"
    assert faults_of(shipped, day) == []


def test_all_faults_of_all_files_are_told_at_once(folder: Path) -> None:
    (folder / "known_hosts").unlink()
    (folder / "group_vars/web.yml").write_text("ansible_connection: local\n")
    (folder / "hosts.yaml").write_text("all: {hosts: {example-host-khi-9: , example-host-lhe-1: }}\n")
    faults = "\n".join(faults_of(folder))
    for said in (
        "known_hosts: HST-001 the file is missing",
        "ansible_connection",
        "no such host",
        "another department",
    ):
        assert said in faults


def test_the_day_decides(folder: Path) -> None:
    assert any(
        "ACC-001 provider not accredited on 2024-12-31" in fault for fault in faults_of(folder, date(2024, 12, 31))
    )
    assert any("ACC-004 the register is not in force" in fault for fault in faults_of(folder, date(2037, 1, 1)))


def test_without_a_lawful_host_nothing_is_written_and_every_host_says_why() -> None:
    with pytest.raises(OnshoreError) as raised:
        render_inventory(register(), profile(), use("secret"))
    assert raised.value.refused
    reasons = "\n".join(map(str, raised.value.faults))
    assert "example-host-khi-1: HST-001 the data is above the host's ceiling" in reasons
    assert "example-host-lhe-1: HST-001 another department's host" in reasons


def test_known_hosts_pin_each_address_to_its_key() -> None:
    (host,) = (host for _, host in register().hosts() if host.id == "example-host-khi-1")
    assert known_hosts([host]) == f"{host.address} {host.host_key}\n"


STATUSES = ("applied", "under-review", "suspended", "revoked")


@pytest.mark.parametrize("status", STATUSES)
def test_a_provider_that_is_not_accredited_has_no_hosts(status: str) -> None:
    changed = _with_provider(accreditation={"history": ({"status": status, "effective_on": "2026-01-01"},)})
    assert [r.rule for r in refusals(changed, profile(), "example-host-khi-1", use())] == ["ACC-001"]


PLACES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "as it is": ({}, set()),
    "accredited for clusters only": ({"accreditation": {"scope": {"service_kinds": {"kubernetes"}}}}, {"ACC-002"}),
    "accredited for public clouds only": ({"accreditation": {"scope": {"deployment_models": {"public"}}}}, {"ACC-002"}),
    "without audits": ({"audits": ()}, {"ACC-003"}),
    "in a public cloud": ({"region": {"deployment_model": "public"}}, {"ACC-002", "CAT-002"}),
    "in a hybrid cloud": ({"region": {"deployment_model": "hybrid"}}, {"ACC-002", "CAT-002"}),
    "in a region of a low level": ({"region": {"security_level": "baseline"}}, {"CAT-003"}),
    "abroad": ({"site": {"country": "XA"}}, {"RES-001"}),
    "of another department": ({"host": {"department": "finance-example"}}, {"HST-001"}),
    "with a low ceiling": ({"host": {"category_ceiling": "open"}}, {"HST-001"}),
    "with a ceiling nobody knows": ({"host": {"category_ceiling": "royal"}}, {"HST-001"}),
    "at a site nobody knows": ({"host": {"site": "nowhere"}}, {"RES-004"}),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_host_is_refused_for_every_reason_of_the_law(name: str) -> None:
    changes, rules = PLACES[name]
    found = refusals(_with_provider(**changes), profile(), "example-host-khi-1", use())
    assert {reason.rule for reason in found} == rules


def test_a_production_profile_knows_no_fictional_host() -> None:
    strict = load_profile("pakistan-cloud-first")
    assert [r.rule for r in refusals(register(), strict, "example-host-khi-1", use())] == ["ACC-004"]


@given(st.sampled_from(["open", "public", "restricted", "confidential", "secret"]), st.dates())
def test_a_stricter_category_never_widens_the_set_of_hosts(category: str, on: date) -> None:
    ranks = sorted(profile().categories, key=lambda one: one.rank)
    stricter = [one for one in ranks if one.rank >= use(category).category.rank]
    lawful = [
        {h.id for _, h in register().hosts() if not refusals(register(), profile(), h.id, Use(h.department, one, on))}
        for one in stricter
    ]
    assert all(later <= earlier for earlier, later in pairwise(lawful))


@given(st.dates(min_value=date(2024, 1, 1), max_value=date(2038, 1, 1)))
def test_an_inventory_is_written_on_the_days_on_which_it_is_lawful(
    tmp_path_factory: pytest.TempPathFactory, on: date
) -> None:
    if not date(2025, 1, 1) <= on <= date(2036, 12, 31):
        with pytest.raises(OnshoreError, match="no host may hold"):
            render_inventory(register(), profile(), use(on=on))
        return
    files = render_inventory(register(), profile(), use(on=on))
    folder = tmp_path_factory.mktemp("inventory")
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    assert faults_of(folder, on) == []


def _with_provider(**changes: Any) -> Register:
    """The example register with changes to Alpha: of its fields, of its first region, site and host."""
    provider = next(each for each in register().providers if each.id == "example-csp-alpha")
    told = provider.model_dump()
    for record, field in (("region", "regions"), ("site", "sites"), ("host", "hosts")):
        told[field] = ({**told[field][0], **changes.pop(record, {})}, *told[field][1:])
    accreditation = changes.pop("accreditation", {})
    scope = {**told["accreditation"]["scope"], **accreditation.pop("scope", {})}
    told["accreditation"] = {**told["accreditation"], "scope": scope, **accreditation}
    changed = type(provider).model_validate({**told, **changes})
    others = [each for each in register().providers if each.id != provider.id]
    return register().model_copy(update={"providers": (changed, *others)})
