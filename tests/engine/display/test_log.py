"""What people read in a log."""

from __future__ import annotations

import io
import re

import pytest

from engine.display import LogDisplay, summary_text

PREVIEW = """\
  | health-health: placing clinic
  + k:core:Namespace health  create
  ± k:core:ConfigMap settings  replace
      ~ data.a: "1" => "2"  forces replacement
  ~ k:apps:Deployment clinic  update
      + labels["app.kubernetes.io/name"]: "clinic"
      ~ password: [secret] => [secret]
      ~ spec.containers[0].image: "clinic@a" => "clinic@b"
      ~ spec.replicas: 2 => 3
  + k:core:Service clinic  create
  ~ onshore:index:WebService clinic  update
  - k:batch:CronJob nightly  delete

Policies:
  k:apps:Deployment clinic
    [mandatory] ACC-001  (onshore 1.0)
        Accredited places only.
        example-csp-beta is suspended
    [advisory] POD-001  (onshore 1.0)
        Probes.
        no probe

Messages:
  the run
    warning: using a plugin from PATH  (2 times)

Outputs:
  token  [secret]
  url    "https://clinic.example"

Resources: 2 to create, 2 to update, 1 to replace, 1 to delete, 1 unchanged  (4 s)

"""
UPDATE = """\
  | health-health: placing clinic
  + k:core:Namespace health  creating
  + k:core:Namespace health  created
  ~ k:apps:Deployment clinic  updating
  ± k:core:ConfigMap settings  creating replacement
  ± k:core:ConfigMap settings  created replacement
  ~ k:apps:Deployment clinic  updated  Ready: 3 of 3 Pods
  + k:core:Service clinic  creating
  + k:core:Service clinic  create FAILED
  ~ onshore:index:WebService clinic  updated
  - k:batch:CronJob nightly  deleting
  - k:batch:CronJob nightly  deleted
  ± k:core:ConfigMap settings  deleting original
  ± k:core:ConfigMap settings  deleted original

Messages:
  k:core:Service clinic
    error: Service "clinic" is invalid: spec.ports

Outputs:
  token  [secret]
  url    "https://clinic.example"

Resources: 2 created, 2 updated, 1 replaced, 1 deleted, 1 unchanged  (4 s)  FAILED

"""


def shown(events, **options):
    stream = io.StringIO()
    display = LogDisplay(stream, **options)
    for event in events:
        display(event)
    display.close()
    return stream.getvalue()


def test_a_preview_reads_like_this(preview_events):
    assert shown(preview_events) == PREVIEW


def test_an_update_after_its_preview_repeats_neither_findings_nor_changes(preview_events, update_events):
    assert shown([*preview_events, *update_events]) == PREVIEW + UPDATE


def test_an_update_without_preview_shows_the_changes_itself(update_events):
    text = shown(update_events)
    assert "      ~ spec.replicas: 2 => 3\n" in text
    assert text.count("[mandatory] ACC-001") == 1


@pytest.mark.parametrize("op", ["create-replacement", "refresh", "read"])
def test_a_failure_is_always_shown(preview_events, op):
    metadata = next(event["resourcePreEvent"]["metadata"] for event in preview_events if "resourcePreEvent" in event)
    failed = {"resOpFailedEvent": {"metadata": {**metadata, "op": op}}}
    assert "FAILED" in shown([*preview_events[:3], failed])


def test_a_component_whose_step_ends_twice_is_one_line(preview_events):
    ended = next(
        event for event in preview_events if event.get("resOutputsEvent", {}).get("metadata", {}).get("op") == "update"
    )
    preview_events.insert(preview_events.index(ended), ended)
    assert shown(preview_events) == PREVIEW


def test_a_run_that_stops_short_still_says_what_it_knows(update_events):
    cut = [event for event in update_events if "summaryEvent" not in event]
    text = shown(cut)
    assert 'error: Service "clinic" is invalid' in text
    assert "Resources:" not in text


def test_the_real_clis_event_log_is_understood(recorded_events):
    text = shown(recorded_events)
    assert "  + kubernetes:core/v1:ConfigMap web  created\n" in text
    assert "  token  [secret]\n" in text
    assert "Resources: 4 created  (0 s)\n" in text
    assert "rpc" not in text


def test_colours_only_when_wanted(preview_events):
    coloured = shown(preview_events, color=True)
    assert "\x1b[31m[mandatory] \x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == PREVIEW


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_a_terminal_gets_colours_unless_no_color_is_set(preview_events, monkeypatch, terminal, no_color, coloured):
    class Stream(io.StringIO):
        def isatty(self):
            return terminal

    monkeypatch.setenv("NO_COLOR", no_color)
    stream = Stream()
    display = LogDisplay(stream)
    for event in preview_events:
        display(event)
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_the_summary_has_findings_once_and_the_counts_of_each_phase(preview_events, update_events):
    text = summary_text([*preview_events, *update_events])
    assert text.count("[mandatory] ACC-001") == 1
    assert "Resources: 2 to create" in text
    assert text.endswith("FAILED")
    assert "placing clinic" not in text


def test_no_secret_is_ever_shown(preview_events, update_events):
    text = shown([*preview_events, *update_events]) + summary_text([*preview_events, *update_events])
    assert "hunter" not in text


def test_many_changes_of_one_resource_end_with_a_count(preview_events):
    for event in preview_events:
        metadata = event.get("resOutputsEvent", {}).get("metadata", {})
        if metadata.get("type") == "k:apps:Deployment":
            metadata["detailedDiff"] = {f"p{n:02}": {"diffKind": "update"} for n in range(40)}
    assert "        … and 29 more\n" in shown(preview_events)
