"""One report in five forms: whole where a machine reads it, harmless wherever a person does."""

from __future__ import annotations

import json
import re
import tracemalloc
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from reports import FORMATS, Finding, Head, Report, Rule, Unread
from reports import render as parts
from reports.streaming import written

RULES = (Rule("CAT-001", "high", "Every resource declares a category"), Rule("RES-001", "critical", "In the country"))
HEAD = Head("audit", "0.1.0", "f" * 64, "pakistan-cloud-first 1", date(2026, 6, 1), RULES)
FOUND = Finding(
    "RES-001",
    "critical",
    "In the country",
    "urn:pulumi:s::p::a:b:C::n",
    "spec.place",
    "RES-001 critical: got 'abroad', allowed 'PK'. Fix: move it.",
    stack="s",
    department="health-example",
    file="states/s.json",
)
WAIVED = replace(FOUND, urn="urn:waived", waiver="WVR-2026-1")
ADVICE = replace(FOUND, urn="urn:advice", level="advisory")
MIXED = Report(HEAD, (FOUND, WAIVED, ADVICE), (Unread("states/broken.json", "not complete JSON"),), 7)
HOSTILE = {
    "newline": "a\nCAT-001 high: forged\r\n## forged",
    "long": "x" * 10_000,
    "right to left": "abc\u202egnp.exe\u200f\u2066",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "markdown": "`](https://evil.example) | @everyone `` **x** <!-- ",
    "xml": "]]>&amp;\x00\x1b[31m\ufffe",
    "half": "\ud800",
    "link": "[press](https://evil.example)",
}


def render(report: Report, form: str) -> str:
    return "".join(parts(report, form))


@cache
def schema() -> Draft4Validator:
    text = (Path(__file__).parent / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8")
    return Draft4Validator(json.loads(text))


def sarif(report: Report) -> Any:
    log = json.loads(render(report, "sarif"))
    schema().validate(log)
    return log["runs"][0]


def junit(report: Report) -> ET.Element:
    return ET.fromstring(render(report, "junit"))  # noqa: S314 - our own text


def test_the_schema_refuses_what_is_no_sarif() -> None:
    assert list(schema().iter_errors({"version": "2.1.0", "runs": [{"results": []}]}))


def test_sarif_says_what_blocks_and_what_is_suppressed() -> None:
    run = sarif(MIXED)
    assert [one["level"] for one in run["results"]] == ["error", "error", "note"]
    assert ["suppressions" in one for one in run["results"]] == [False, True, False]
    assert run["results"][1]["suppressions"][0]["kind"] == "external"
    rules = run["tool"]["driver"]["rules"]
    assert {rules[one["ruleIndex"]]["id"] for one in run["results"]} == {"RES-001"}
    assert len({one["partialFingerprints"]["resource/v1"] for one in run["results"]}) == 3
    assert run["invocations"][0]["executionSuccessful"] is False
    assert sarif(replace(MIXED, unread=()))["invocations"][0]["executionSuccessful"] is True


def test_junit_fails_what_blocks_skips_what_is_waived_and_passes_the_rest() -> None:
    root = junit(MIXED)
    told = {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert told == {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}
    assert [suite.get("failures") for suite in root] == ["0", "1", "0"]
    assert root.find(".//testcase[@name='nothing found']") is not None


def test_json_holds_every_finding_whole() -> None:
    long = replace(FOUND, urn=HOSTILE["long"], message=HOSTILE["newline"])
    told = json.loads(render(replace(MIXED, findings=(long, WAIVED)), "json"))
    assert told["findings"][0]["urn"] == HOSTILE["long"]
    assert told["findings"][0]["message"] == HOSTILE["newline"]
    assert [one["waiver"] for one in told["waived"]] == ["WVR-2026-1"]
    assert told["summary"] == [{"rule": "RES-001", "department": "health-example", "refused": 1}]
    assert told["clean"] is False


def test_people_read_it_under_rule_and_department() -> None:
    other = replace(FOUND, department="tax-example")
    text = render(Report(HEAD, (other, FOUND), (), 2), "text")
    assert re.search(r"^RES-001.*\n  health-example: 1\n(.*\n){2}  tax-example: 1\n", text)
    assert text.endswith(
        "audit: 2 refused; 2 resources judged on 2026-06-01, register ffffffffffff, profile pakistan-cloud-first 1\n"
    )
    markdown = render(MIXED, "markdown")
    assert markdown.index("### RES\\-001") < markdown.index("### Not read") < markdown.index("### Waived")


@pytest.mark.parametrize("form", FORMATS)
def test_clean_is_only_what_was_read_and_blocks_nothing(form: str) -> None:
    clean = render(Report(HEAD, (WAIVED, ADVICE), (), 2), form)
    for spoilt in (Report(HEAD, (FOUND,), (), 2), Report(HEAD, (), (Unread("f", "not JSON"),), 2)):
        assert render(spoilt, form) != clean
    assert clean.endswith("\n")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_a_name_cannot_write_the_report(name: str) -> None:
    fields = dict.fromkeys(("urn", "path", "message", "stack", "department", "file", "waiver"), name)
    shown = [replace(FOUND, **fields | {"waiver": waiver}) for waiver in ("", name)]  # type: ignore[arg-type]
    report = Report(HEAD, tuple(shown), (Unread(name, name),), 2)
    plain = Report(HEAD, (FOUND, WAIVED), (Unread("f", "w"),), 2)
    for form in ("text", "markdown"):
        told = render(report, form)
        assert told.count("\n") == render(plain, form).count("\n")
        assert all(c.isprintable() or c == "\n" for c in told)
        assert max(map(len, told.splitlines())) < 3100
    for line in render(report, "markdown").splitlines():
        outside = re.sub(r"`[^`]*`", "", line)
        assert not re.search(r"(?<!\\)[<>@`|\[]", outside)
    assert len(list(junit(report).iter("testcase"))) == 4
    assert "](" not in "".join(one["message"]["text"] for one in sarif(report)["results"])
    assert json.loads(render(report, "json"))["findings"][0]["urn"] == name


@given(st.builds(Finding, *[st.text()] * 6, st.sampled_from(["mandatory", "advisory"]), *[st.text()] * 4))
def test_any_words_make_a_readable_report(finding: Finding) -> None:
    report = Report(HEAD, (finding,), (Unread(finding.file, finding.message),), 1)
    sarif(report)
    junit(report)
    for form in FORMATS:
        render(report, form).encode()


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(VALUES, st.lists(VALUES))
def test_what_is_written_in_parts_is_what_is_written_at_once(value: Any, items: list[Any]) -> None:
    assert "".join(written(value)) == json.dumps(value, indent=2)
    streamed = {"runs": [{"before": value, "results": iter(items), "after": value}]}
    whole = {"runs": [{"before": value, "results": items, "after": value}]}
    assert "".join(written(streamed)) == json.dumps(whole, indent=2)


def test_a_report_is_not_held_as_text() -> None:
    many = tuple(replace(FOUND, urn=f"urn:{n}", message="x" * 900) for n in range(5_000))
    report = Report(HEAD, many, (), len(many))
    for form in FORMATS:
        tracemalloc.start()
        try:
            size = sum(map(len, parts(report, form)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert form == "markdown" or size > 4_500_000
        assert peak < 1_500_000, form


def test_a_comment_on_a_merge_request_is_never_too_long() -> None:
    many = tuple(replace(FOUND, urn=f"urn:{n}", message=HOSTILE["long"]) for n in range(500))
    told = render(Report(HEAD, many, (), 500), "markdown")
    assert len(told) < 65_536
    shown, left_out = told.count("- `s`"), re.search(r"and (\d+) more", told)
    assert left_out
    assert shown + int(left_out[1]) == 500
