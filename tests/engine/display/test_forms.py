"""What programs read."""

from __future__ import annotations

import io
import json

from engine.display import EventLog, preview_json


def test_the_event_log_is_one_event_a_line(preview_events):
    stream = io.StringIO()
    log = EventLog(stream)
    for event in preview_events:
        log(event)
    log.close()
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == preview_events


def test_preview_json_has_the_clis_steps(preview_events):
    document = preview_json(preview_events)
    assert [(step["op"], step["urn"].rpartition("::")[2]) for step in document["steps"]] == [
        ("same", "health-health"),
        ("update", "clinic"),
        ("create", "health"),
        ("update", "clinic"),
        ("replace", "settings"),
        ("create", "clinic"),
        ("delete", "nightly"),
    ]
    replaced = document["steps"][4]
    assert replaced["replaceReasons"] == ["data.a"]
    assert replaced["detailedDiff"] == {"data.a": {"kind": "update-replace", "inputDiff": False}}
    assert replaced["oldState"]["inputs"] == {"data": {"a": "1"}}
    assert document["changeSummary"] == {"create": 2, "update": 2, "replace": 1, "delete": 1, "same": 1}
    assert document["duration"] == 4_000_000_000
    assert document["diagnostics"][-1] == {"message": "using a plugin from PATH\n", "severity": "warning"}


def test_preview_json_shows_no_secret_and_keeps_unknowns(preview_events):
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    for event in preview_events:
        metadata = event.get("resOutputsEvent", {}).get("metadata", {})
        if metadata.get("op") == "create":
            metadata["new"]["outputs"] = {"uid": unknown}
    document = preview_json(preview_events)
    assert "hunter2" not in json.dumps(document)
    assert document["steps"][3]["newState"]["inputs"]["password"] == "[secret]"  # noqa: S105 - the mask
    assert document["steps"][2]["newState"]["outputs"] == {"uid": unknown}


def test_a_recorded_update_gives_the_same_states(recorded_events):
    steps = preview_json(recorded_events)["steps"]
    web = next(step for step in steps if step["urn"].endswith("::web"))
    assert web["newState"]["inputs"]["data"] == {"a": "1", "s": "[secret]"}
    assert web["newState"]["custom"] is True
    assert "oldState" not in web
