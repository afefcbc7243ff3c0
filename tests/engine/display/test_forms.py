"""What programs read."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

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


# Events do not carry these; the CLI takes them from its own memory of the state.
NOT_IN_EVENTS = {"created", "modified", "dependencies", "propertyDependencies", "sourcePosition", "stackTrace"}
REFERENCE = Path(__file__).parents[2] / "conformance" / "reference" / "text"


def _carried(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _carried(item) for key, item in value.items() if key not in NOT_IN_EVENTS}
    return [_carried(item) for item in value] if isinstance(value, list) else value


def test_the_recorded_preview_is_the_same_document(recorded_events):
    recorded = json.loads((REFERENCE / "preview.json").read_text(encoding="utf-8"))
    # the update's events as its preview had them: no provider with an id, nothing computed, no debug log of the CLI
    text = json.dumps([event for event in recorded_events if "resOutputsEvent" not in event])
    document = preview_json(json.loads(text.replace("::<uuid>", "::<unknown>")))
    document["duration"] = recorded["duration"]
    assert document == _carried(recorded)


def test_a_recorded_replacement_is_the_same_step():
    recorded = json.loads((REFERENCE / "preview-replace.json").read_text(encoding="utf-8"))
    _, wanted = recorded["steps"]
    change = {"diffKind": wanted["detailedDiff"]["data.a"]["kind"], "inputDiff": False}
    metadata = {
        "op": wanted["op"],
        "urn": wanted["urn"],
        "type": wanted["newState"]["type"],
        "old": wanted["oldState"],
        "new": wanted["newState"],
        "keys": wanted["replaceReasons"],
        "detailedDiff": {"data.a": change},
        "provider": wanted["provider"],
    }
    parts = [{**metadata, "op": op} for op in ("create-replacement", "replace", "delete-replaced")]
    steps = preview_json([{"resourcePreEvent": {"metadata": part}} for part in parts])["steps"]
    assert steps == [_carried(wanted)]
