"""The report tells where each asset stands and which evidence is gone, and nothing foreign gets into its page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from inventories import OnshoreError, load_profile, load_register
from migration.evidence import Difference, Parity, Part, write_evidence
from migration.plan import PlanSettings, as_yaml, make_plan
from migration.report import as_html, as_text, report
from migration.workspace import Workspace
from tests.migration.forms import COSTS, DISCOVERY, QUESTIONNAIRE, written

PORTAL = "onprem-web-1/files/srv/portal"
EVIL = "<script>alert('x')</script>"
FOUND = Parity(
    "files",
    {"server": "onprem-web-1", "at": "2026-06-01T10:00:00+05:00"},
    {"server": "host-1"},
    (Part("/srv/portal", "file tree", 100, 1 << 20, "100 entries", "100 entries"),),
    (),
)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    for name, text in (("discovery", DISCOVERY), ("questionnaire", QUESTIONNAIRE), ("costs", COSTS)):
        written(tmp_path, f"{name}.yaml", text)
    register = load_register(Path(__file__).parents[2] / "inventories" / "registers" / "example")
    made = Workspace(tmp_path, register, load_profile("pakistan-cloud-first-trial"), date(2026, 6, 1))
    plan = make_plan(made.discovery, made.questionnaire, made.assessment, made.judge, PlanSettings())
    written(tmp_path, "plan.yaml", as_yaml(plan))
    return made


def verified(work: Workspace, parity: Parity) -> str:
    """Evidence of the portal, in the ledger."""
    _, digest = write_evidence(work.evidence, PORTAL, parity)
    work.ledger.append("copy started", asset=PORTAL, details={"target": "host-1"})
    work.ledger.append("copied", asset=PORTAL)
    work.ledger.append("verified", asset=PORTAL, evidence=digest, details={"equal": parity.equal})
    return digest


def test_it_tells_states_costs_evidence_and_the_ledger_s_head(work: Workspace) -> None:
    digest = verified(work, FOUND)
    said = as_text(report(work))
    assert f"wave 1  {PORTAL}  public  to host example-host-khi-1: verified" in said
    assert f"equal: 100 rows or files, 1.0 MiB, source read 2026-06-01T10:00:00+05:00, evidence {digest}" in said
    assert "PKR 140,000.50 before" in said
    assert "Hardware is written off over five years" in said
    assert f"Ledger: 3 entries, unbroken; head {work.ledger.head}" in said


def test_evidence_that_is_gone_altered_or_another_asset_s_is_said_to_be_so(work: Workspace) -> None:
    digest = verified(work, FOUND)
    file = work.evidence / f"{digest}.json"
    raw = file.read_bytes()
    file.write_bytes(raw + b" ")
    assert "altered since the ledger recorded it" in as_text(report(work))
    file.unlink()
    assert "the evidence cannot be read" in as_text(report(work))
    _, other = write_evidence(work.evidence, "onprem-web-1/files/other", FOUND)
    work.ledger.append("verified", asset=PORTAL, evidence=other, details={"equal": True})
    assert "the evidence is of onprem-web-1/files/other" in as_text(report(work))


def test_a_broken_ledger_makes_no_report(work: Workspace) -> None:
    verified(work, FOUND)
    path = work.folder / "ledger.jsonl"
    path.write_text(path.read_text().replace("copied", "copied!", 1))
    with pytest.raises(OnshoreError, match="chain is broken"):
        report(work)


def test_foreign_words_stay_words_in_the_page(work: Workspace) -> None:
    lost = Difference("file", EVIL, EVIL, EVIL, EVIL)
    verified(work, replace(FOUND, differences=(lost,), left_out=(EVIL,)))
    work.ledger.append(EVIL, asset=EVIL)
    page = as_html(report(work))
    seen: list[str] = []

    class _Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append(tag)
            assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)

    _Tags().feed(page)
    assert "script" not in seen
    assert "svg" in seen
    assert "1 differences" in page
    assert "default-src 'none'" in page


def test_a_move_can_be_looked_at_after_its_targets_became_unlawful(work: Workspace) -> None:
    late = replace(work, on=date(2040, 1, 1))
    with pytest.raises(OnshoreError, match="no lawful target"):
        late.chosen(1)
    assert late.chosen(1, back=True)[0].number == 1
    assert "refused today" in as_text(report(late))
    assert "Refused today" in as_html(report(late))
