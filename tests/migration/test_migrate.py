"""`onshore migrate` as people type it, from two machines on premises to one in the country, with real data."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import yaml

from cli.migrate_steps import _check_all
from inventories import Fault, OnshoreError
from tests.cli.refusals import check_words
from tests.migration.forms import COSTS, DISCOVERY, QUESTIONNAIRE
from tests.migration.postgres_servers import ODD
from tests.migration.test_compose import COMPOSE
from tests.migration.test_over_ssh import _FILL, _START, _STOP, put_tree
from tests.project import Onshore, make_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hosts import Hosts

COSTS_OF_ONE = COSTS.split("  - host: onprem-web-1")[0].replace("onprem-db-1", "onprem-1")


@pytest.fixture
def project(tmp_path: Path) -> Onshore:
    """A project with a sound move that was planned by nobody yet."""
    made = make_project(tmp_path / "project")
    made.environment["ONSHORE_ON"] = "2026-06-01"
    for name, text in (("discovery", DISCOVERY), ("questionnaire", QUESTIONNAIRE), ("costs", COSTS)):
        made.write(f"move/{name}.yaml", text)
    return made


@pytest.fixture
def moving(hosts: Hosts, tmp_path: Path) -> Iterator[Onshore]:
    """A project whose register lists the sandbox's hosts, with a database and a folder to move on `onprem-1`."""
    made = make_project(tmp_path / "project")
    made.environment["ONSHORE_OVERLAYS"] = str(hosts.overlay)
    homes = {name: hosts.ssh(name, _START, user="postgres").stdout.decode().strip() for name in ("onprem-1", "host-1")}
    script = b"CREATE DATABASE registry;\n\\c registry\n" + ODD.read_bytes()
    hosts.ssh("onprem-1", _FILL, user="postgres", stdin=script)
    put_tree(hosts, Path("/srv/portal"))
    named = [
        {"host": name, "identity": str(hosts.identity), "postgresql": {"socket_folder": f"{homes['onprem-1']}/socket"}}
        for name in ("onprem-1", "host-1", "host-2", "host-3")
    ]
    made.write("move/access.yaml", yaml.safe_dump({"hosts": named}))
    made.write("move/costs.yaml", COSTS_OF_ONE)
    yield made
    for name in ("onprem-1", "host-1"):
        hosts.ssh(name, "rm -rf /srv/portal")
        hosts.ssh(name, _STOP, user="postgres", check=False)


def answered(questionnaire: str) -> str:
    """A questionnaire as a department fills it in."""
    text = questionnaire.replace("answered_by:", "answered_by: Somebody").replace(
        "answered_on:", "answered_on: 2026-06-01"
    )
    text = text.replace("    category:\n    owner:\n", "    category: restricted\n    owner: Registrar\n")
    return re.sub(r'(asset: ".*/(?:service|job)/.*"\n)', r"\1    fit: retire\n    reason: of the try-out\n", text)


def test_a_department_moves_from_its_machine_to_one_in_the_country(moving: Onshore, hosts: Hosts) -> None:
    found = moving("migrate", "discover", "onprem-1", "--department", "health-example")
    assert found.returncode == 0, found.stderr
    assets = found.stdout.split("\n")
    assert "onprem-1/database/registry" in assets
    assert "onprem-1/files/srv/portal" in assets
    refused = moving("migrate", "assess")
    assert refused.returncode == 2
    assert "`category`" in refused.stderr or "category: not text" in refused.stderr
    file = moving.root / "move" / "questionnaire.yaml"
    assert "# hint, names only:" in file.read_text()
    file.write_text(answered(file.read_text()))
    assessed = moving("migrate", "assess")
    assert assessed.returncode == 0, assessed.stdout + assessed.stderr
    assert "onprem-1/database/registry  restricted  host example-host-khi-1" in assessed.stdout
    assert "PKR 87,000.00 before" in assessed.stdout
    planned = moving("migrate", "plan")
    assert planned.returncode == 0, planned.stderr
    assert "Wave 1" in planned.stdout
    plan = moving.root / "move" / "plan.yaml"
    plan.write_text(plan.read_text().replace("target: example-host-khi-1", "target: host-1"))
    checked = moving("migrate", "plan", "--check")
    assert checked.returncode == 0, checked.stderr
    assert "onprem-1/database/registry (restricted) to host host-1" in checked.stdout
    assert moving("migrate", "verify", "1").returncode == 3
    ran = moving("migrate", "run", "1")
    assert ran.returncode == 0, ran.stderr
    assert "onprem-1/files/srv/portal: copied (host-1)" in ran.stdout
    assert "onprem-1/files/srv/portal: copying, " in ran.stderr
    verified = moving("migrate", "verify", "1", "--json")
    assert verified.returncode == 0, verified.stdout
    assert all(row["equal"] and row["rows"] > 100 for row in json.loads(verified.stdout))
    hosts.ssh("onprem-1", "echo late > /srv/portal/late")
    late = moving("migrate", "cutover", "1", "--yes")
    assert late.returncode == 3
    assert "/srv/portal was" in late.stderr
    differs = moving("migrate", "verify", "1", "--asset", "onprem-1/files/srv/portal")
    assert differs.returncode == 1
    assert "onshore migrate run 1, then onshore migrate verify 1" in differs.stderr
    assert moving("migrate", "run", "1").returncode == 0
    assert moving("migrate", "verify", "1").returncode == 0
    cut = moving("migrate", "cutover", "1", "--yes")
    assert cut.returncode == 0, cut.stderr
    retire_and_report(moving)


def retire_and_report(moving: Onshore) -> None:
    gone = moving("migrate", "retire", "1", "--yes")
    assert gone.returncode == 3
    assert "no retention copy is on record" in gone.stderr
    copies = [
        {
            "asset": asset,
            "site": "pk-example-site-2",
            "reference": "TAPE",
            "sha256": "0" * 64,
            "keep_until": "2040-01-01",
        }
        for asset in ("onprem-1/database/registry", "onprem-1/files/srv/portal")
    ]
    moving.write("move/retention.yaml", yaml.safe_dump({"copies": copies}))
    gone = moving("migrate", "retire", "1", "--yes")
    assert gone.returncode == 0, gone.stderr
    told = moving("migrate", "report", "--html", "report.html")
    assert told.returncode == 0, told.stderr
    page = (moving.root / "report.html").read_text()
    assert "<svg" in page
    assert page.count("retired") >= 2
    assert "SCRAM-SHA-256" not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_discovery_changes_nothing_and_names_every_host_that_cannot_be_looked_at(moving: Onshore, hosts: Hosts) -> None:
    watch = "find / -xdev -newer /tmp/before -type f ! -path '/run/*' ! -path '/var/lib/postgresql/*' 2>/dev/null; true"
    hosts.ssh("host-2", "touch /tmp/before")
    said = moving("migrate", "discover", "onprem-1", "host-2", "--json")
    assert said.returncode == 0, said.stderr
    assert hosts.ssh("host-2", watch).stdout == b""
    hosts.ssh("host-3", "mv /usr/bin/python3 /usr/bin/python3.away")
    try:
        said = moving("migrate", "discover", "host-2", "host-3", "--force")
    finally:
        hosts.ssh("host-3", "mv /usr/bin/python3.away /usr/bin/python3")
    check_words(said, 2, ["host-3: could not be looked at", "fix: install it there"])
    said = moving("migrate", "discover", "nowhere", "example-host-khi-1", "--force")
    assert said.returncode == 3
    assert "nowhere: not a host of the register (HST-001)" in said.stderr
    assert "example-host-khi-1: nothing says how it is reached" in said.stderr


def test_a_plan_is_made_once_and_re_checked_after_changes_by_hand(project: Onshore) -> None:
    assert project("migrate", "plan").returncode == 0
    again = project("migrate", "plan")
    assert again.returncode == 2
    assert "may have been changed by hand" in again.stderr
    assert project("migrate", "plan", "--check").returncode == 0
    assert (project.root / "move" / "plan.svg").read_text().startswith("<svg")
    assert (project.root / "move" / "plan.mmd").read_text().startswith("flowchart")
    file = project.root / "move" / "plan.yaml"
    file.write_text(file.read_text().replace("target: example-host-khi-1", "target: example-host-lhe-1"))
    wrong = project("migrate", "plan", "--check")
    assert wrong.returncode == 2
    assert "another department's host" in wrong.stderr


def test_json_is_all_that_stands_on_stdout(project: Onshore) -> None:
    assert json.loads(project("migrate", "assess", "--json").stdout)["before_pkr"] == 140_000.50
    assert json.loads(project("migrate", "plan", "--json").stdout)["waves"][0]["number"] == 1
    report = json.loads(project("migrate", "report", "--json").stdout)
    assert [each["state"] for each in report["assets"]] == ["planned"] * 3
    assert report["ledger"]["entries"] == 0


def test_a_compose_file_becomes_score_files(project: Onshore) -> None:
    project.write("compose.yaml", COMPOSE)
    made = project("migrate", "compose", "compose.yaml")
    assert made.returncode == 0, made.stderr
    assert "web_app: stacks/workloads/web-app/score.yaml" in made.stdout
    assert "built: no Score file could be made" in made.stdout
    assert (project.root / "stacks" / "workloads" / "web-app" / "score.yaml").is_file()
    assert project("migrate", "compose", "compose.yaml").returncode == 2
    assert len(json.loads(project("migrate", "compose", "compose.yaml", "--force", "--json").stdout)["services"]) == 2


WRONG: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "no folder of a move": (["assess", "-m", "nowhere"], {}, 2, "the file is missing"),
    "no such wave": (["run", "9"], {}, 2, "not in the plan"),
    "no such asset": (["run", "1", "--asset", "x"], {}, 2, "not in wave 1"),
    "no access record": (["run", "1"], {}, 2, "access.yaml"),
    "a cutover that nobody agreed to": (["cutover", "1"], {}, 2, "add --yes"),
    "a broken ledger": (["report"], {"move/ledger.jsonl": "{}\n"}, 3, "chain is broken"),
    "a negative cost": (["assess"], {"move/costs.yaml": COSTS.replace("30000", "-1")}, 2, "too small"),
    "another currency": (["report"], {"move/costs.yaml": COSTS.replace("PKR", "USD")}, 2, "not one of the known"),
}  # fmt: skip


def test_who_has_no_plan_or_record_yet_is_told_what_makes_one(project: Onshore) -> None:
    for name, made_by in (("plan", "onshore migrate plan"), ("discovery", "onshore migrate discover HOSTS")):
        ended = project("migrate", "run", "1")
        assert ended.returncode == 2
        assert f"{name}.yaml: the file is missing" in ended.stderr
        assert f"make it: {made_by}" in ended.stderr
        (project.root / "move" / "discovery.yaml").unlink(missing_ok=True)


@pytest.mark.parametrize("what", WRONG)
def test_what_people_get_wrong_is_told_in_words(what: str, project: Onshore) -> None:
    command, files, code, says = WRONG[what]
    assert project("migrate", "plan").returncode == 0
    for name, text in files.items():
        project.write(name, text)
    ended = project("migrate", *command)
    assert ended.returncode == code, ended.stderr
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_stands_against_a_wave_is_told_of_all_its_assets_at_once() -> None:
    def check(asset: str, *_: object) -> None:
        if asset != "sound":
            raise OnshoreError(f"{asset} stays", [Fault(asset, "not verified")], refused=asset == "first")

    work = SimpleNamespace(sites=lambda *_: contextlib.nullcontext((None, None)))
    with pytest.raises(OnshoreError) as error:
        _check_all(work, [("first", None), ("sound", None), ("second", None)], check)  # type: ignore[arg-type]
    assert [fault.where for fault in error.value.faults] == ["first", "second"]
    assert error.value.refused
    _check_all(work, [("sound", None)], check)  # type: ignore[arg-type]
