"""Reports in files: of what already runs, and of a run; one that is not there never looks like a clean one."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from cli.reporting import FORMS, _finding
from inventories import load_rules
from inventories.labels import CATEGORY_LABEL
from policies.dispatcher import write
from reports import FORMATS
from tests.cli.disks import small_disk
from tests.cli.refusals import check_words
from tests.policies.asking import SECRET_SIGNATURE, SIGNATURE, namespace
from tests.project import CLUSTER_ID
from tests.worlds import DEPARTMENT

if TYPE_CHECKING:
    from tests.cli.conftest import Claimed
    from tests.project import Onshore

PROVIDER = "urn:pulumi:s::p::pulumi:providers:kubernetes::cluster"
STACK, REFUSED = "health-vaccination-api", "health-vaccination-abroad"

UNLABELLED = f"""
from pathlib import Path
import pulumi
import pulumi_kubernetes as k8s
access = (Path(__file__).parents[1] / ".onshore/kubeconfigs/{CLUSTER_ID}.yaml").read_text()
there = k8s.Provider("there", kubeconfig=access)
k8s.core.v1.Namespace("n", opts=pulumi.ResourceOptions(provider=there))
"""


def state(category: str = "open", name: str = "s", **outputs: Any) -> str:
    """A state export with one namespace that is labelled open."""
    sealed = {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "ciphertext-nobody-sees"}
    outputs = {"category": category, "department": DEPARTMENT} | outputs
    start = f"urn:pulumi:{name}::p::"
    resources = [
        {"urn": f"{start}pulumi:pulumi:Stack::p-{name}", "type": "pulumi:pulumi:Stack", "outputs": outputs},
        {"urn": PROVIDER, "type": "pulumi:providers:kubernetes", "id": "1",
         "inputs": {"kubeconfig": sealed, "clusterIdentifier": CLUSTER_ID}},
        {"urn": f"{start}kubernetes:core/v1:Namespace::n", "type": "kubernetes:core/v1:Namespace",
         "provider": f"{PROVIDER}::1", "inputs": namespace(category="open").props},
    ]  # fmt: skip
    return json.dumps({"version": 3, "deployment": {"resources": resources}})


def test_the_forms_offered_are_those_of_the_reports() -> None:
    assert FORMS == FORMATS


def test_an_audit_groups_what_it_found_by_rule_and_department(offline: Onshore) -> None:
    for name, department in (("a", "tax-example"), ("b", DEPARTMENT)):
        offline.write(f"states/{name}.json", state("restricted", name, department=department))
    done = offline("audit", "states", "--on", "2026-06-01")
    assert done.returncode == 3, done.stderr
    at = [done.stdout.index(each) for each in ("CAT-001 high", f"  {DEPARTMENT}: 1", "  tax-example: 1")]
    assert at == sorted(at)
    assert "6 resources judged on 2026-06-01" in done.stdout
    assert CATEGORY_LABEL in done.stdout
    assert "ciphertext" not in done.stdout


@pytest.mark.parametrize("form", FORMS)
def test_an_audit_is_written_in_every_form(offline: Onshore, form: str) -> None:
    offline.write("s.json", state("restricted"))
    assert offline("audit", "s.json", "--format", form, "--output", "report").returncode == 3
    told = (offline.root / "report").read_text(encoding="utf-8")
    assert offline("audit", "s.json", "--format", form).stdout == told
    assert "CAT" in told


def test_lawful_files_are_clean_and_one_unreadable_one_spoils_it(offline: Onshore) -> None:
    offline.write("states/s.json", state())
    clean = offline("audit", "states", "--format", "json")
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert json.loads(clean.stdout)["clean"] is True
    offline.write("states/t.json", state()[:-20])
    spoilt = offline("audit", "states", "--format", "json")
    assert spoilt.returncode == 2
    told = json.loads(spoilt.stdout)
    assert (told["clean"], told["resources"], [one["file"] for one in told["unread"]]) == (False, 3, ["states/t.json"])
    for nothing in ("states/none.json", "stacks"):
        assert offline("audit", nothing).returncode == 2


def test_of_a_backend_the_stacks_are_judged_and_not_what_they_were(offline: Onshore) -> None:
    offline.write("state/.pulumi/stacks/p/s.json", state())
    for past in ("history/p/s/s-1.checkpoint.json", "backups/p/s/s.1.json"):
        offline.write(f"state/.pulumi/{past}", state("restricted"))
    offline.write("state/.pulumi/history/p/s/s-1.history.json", "{}")
    for folder in ("state", "state/.pulumi"):
        done = offline("audit", folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "nothing refused; 3 resources judged" in done.stdout
    assert offline("audit", "state/.pulumi/backups").returncode == 3
    offline.write("state/.pulumi/stacks/p/t.json.zst", "what cannot be read")
    spoilt = offline("audit", "state")
    assert spoilt.returncode == 2, spoilt.stdout + spoilt.stderr
    assert "t.json.zst: not complete JSON" in spoilt.stdout


def test_a_run_without_faults_is_reported_clean(claimed: Claimed) -> None:
    project = claimed.onshore
    asked = [f"--report={form}:report.{form}" for form in FORMS]
    done = project("preview", STACK, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((project.root / "report.json").read_text())
    assert told["clean"] is True
    assert told["resources"] > 1
    suites = ET.parse(project.root / "report.junit").getroot()  # noqa: S314 - our own text
    assert suites.get("failures") == "0"
    assert int(suites.get("tests", "0")) > 10


def test_a_lawful_preview_for_machines_is_clean_when_it_is_audited(claimed: Claimed) -> None:
    project = claimed.onshore
    project.write("preview.json", project("preview", STACK, "--json").stdout)
    done = project("audit", "preview.json", "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["findings"], told["clean"]) == (0, [], True)
    assert told["resources"] > 5


def test_a_refusal_before_any_engine_starts_is_reported(offline: Onshore) -> None:
    offline.write("report.json", "an earlier one")
    assert offline("up", REFUSED, "--yes", "--report", "json:report.json").returncode == 3
    told = json.loads((offline.root / "report.json").read_text())
    assert told["clean"] is False
    found = {one["rule"]: one for one in told["findings"]}
    assert "Way out" in found["RES-001"]["message"]
    assert found["RES-001"]["file"] == f"stacks/Pulumi.{REFUSED}.yaml"
    assert found["RES-001"]["department"]


def test_what_the_pack_refuses_is_reported_with_its_path(claimed: Claimed) -> None:
    project = claimed.onshore
    project.write("stacks/__main__.py", UNLABELLED)
    done = project("preview", STACK, "--report", "json:report.json")
    assert done.returncode == 3, done.stdout + done.stderr
    findings = json.loads((project.root / "report.json").read_text())["findings"]
    assert findings
    assert all(one["urn"].startswith("urn:pulumi:") and one["stack"] == STACK for one in findings)
    labelled = [one for one in findings if one["rule"] == "CAT-001"]
    assert [one["path"] for one in labelled] == [f"metadata.labels[{CATEGORY_LABEL}]"]


def test_a_waiver_that_the_pack_names_is_that_of_the_report() -> None:
    rules = load_rules()
    said = write(
        rules["CAT-001"], "urn:x", "a.b", "nothing", "a label", standing="WAIVED BY W-1 (office, ref) until 2027"
    )
    event = {"policyName": "CAT-001", "resourceUrn": "urn:x", "message": said.message + "\n"}
    for level, blocks, waiver in (("advisory", "advisory", "W-1"), ("mandatory", "mandatory", "")):
        found = _finding(event | {"enforcementLevel": level}, rules, "s", "d", "f")
        assert (found.level, found.waiver, found.path, found.severity) == (blocks, waiver, "a.b", "high")


def test_a_run_that_fails_leaves_no_report_that_looks_clean(claimed: Claimed) -> None:
    project = claimed.onshore
    project.write("stacks/__main__.py", "raise SystemExit(1)\n")
    assert project("preview", STACK, "--report", "json:report.json").returncode == 1
    assert json.loads((project.root / "report.json").read_text())["clean"] is False


@pytest.mark.parametrize("asked", ["json", "json:", "html:report", ":report", "json:nowhere/report"])
def test_a_report_that_cannot_be_written_is_named_before_anything_runs(offline: Onshore, asked: str) -> None:
    done = offline("preview", STACK, "--report", asked)
    assert done.returncode == 2
    assert re.search(r"FORMAT:FILE|cannot be written", done.stderr)


@pytest.mark.parametrize("form", FORMS)
def test_half_a_report_is_taken_away(offline: Onshore, tmp_path: Path, form: str) -> None:
    for number in range(60):
        offline.write(f"states/{number}.json", state("restricted", f"s{number}"))
    with small_disk(tmp_path / "disk") as disk:
        disk.fill(leave=8192)
        target = disk.folder / "report"
        done = offline("audit", "states", "--format", form, "-o", str(target))
        assert done.returncode == 2, done.stdout + done.stderr
        check_words(done, 2, ["the report cannot be written", "No space left on device", "fix: make room"])
        assert not target.exists()


def test_a_report_goes_to_where_a_link_leads_and_no_device_is_taken_away(offline: Onshore, tmp_path: Path) -> None:
    offline.write("states/one.json", state())
    (tmp_path / "target").write_text("another's")
    (link := tmp_path / "link").symlink_to(tmp_path / "target")
    assert offline("audit", "states", "-o", str(link)).returncode == 0
    assert link.is_symlink()
    assert link.read_text().startswith("audit: nothing refused")
    assert offline("audit", "states/none", "-o", str(link)).returncode == 2
    assert "another's" not in link.read_text()
    full = tmp_path / "full"
    try:
        os.mknod(full, stat.S_IFCHR | 0o600, Path("/dev/full").stat().st_rdev)
    except PermissionError:
        pytest.skip("a device of one's own needs root")
    for words in (("audit", "states", "-o", str(full)), ("audit", "none", "--format", "json", "-o", str(full))):
        check_words(offline(*words), 2, ["the report cannot be written", "No space left on device"])
        assert full.is_char_device()


FULL_STDOUT: tuple[tuple[str, ...], ...] = (
    ("explain", STACK),
    ("explain", STACK, "--json"),
    ("explain", "nosuch", "--json"),
    ("audit", "states", "--format", "sarif"),
    ("rules", "list"),
    ("--help",),
)


@pytest.mark.parametrize("words", FULL_STDOUT, ids=" ".join)
def test_a_full_disk_behind_stdout_is_told_in_words(offline: Onshore, words: tuple[str, ...]) -> None:
    offline.write("states/one.json", state())
    with Path("/dev/full").open("w") as full:
        done = offline(*words, stdout=full, PYTHONUNBUFFERED="")
    assert done.returncode == 2
    assert re.search(r"No space left on device|nosuch", done.stderr)
    assert "fix: " in done.stderr
    assert "Traceback" not in done.stderr
