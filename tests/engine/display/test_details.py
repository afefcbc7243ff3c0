"""`--diff`: every property of every step, in the CLI's form."""

from __future__ import annotations

import copy
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.display import LogDisplay
from engine.display.changes import changes
from engine.display.details import Details
from engine.display.text import text_of
from engine.display.tree import TreeDisplay
from tests.engine.display.conftest import PREFIX, SECRET, STACK

REFERENCE = Path(__file__).parents[2] / "conformance" / "reference" / "text"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def recorded_text(name: str) -> str:
    """What the real CLI printed of the steps: from the first to the counts."""
    printed = (REFERENCE / name).read_text(encoding="utf-8")
    return printed.partition("Previewing update (test):\n")[2].partition("Resources:\n")[0]


def detailed(events: list[dict[str, Any]]) -> str:
    details = Details()
    return "".join(f"{text_of(line)}\n" for event in events for line in details.feed(event))


def as_preview(event: dict[str, Any]) -> dict[str, Any]:
    """An update's event as the preview before it has it: no provider has an id yet."""
    text = json.dumps(event).replace("::<uuid>", "::<unknown>").replace('"<kubeconfig>"', '"a: 1\\nb: 2\\n"')
    seen = json.loads(text)
    for body in seen.values():
        if isinstance(body, dict) and "metadata" in body:
            body["planning"] = True
    return seen


def test_a_recorded_first_preview_reads_the_same(recorded_events: list[dict[str, Any]]) -> None:
    shown = detailed([as_preview(event) for event in recorded_events])
    shown = re.sub(r"kubeconfig: \(yaml\) \{.*?\}\n", "kubeconfig: <kubeconfig>\n", shown, flags=re.DOTALL)
    assert shown == recorded_text("preview-diff.txt")


def _secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_secrets(item) for item in value]
    return copy.deepcopy(SECRET) if value == "[secret]" else value


def test_a_recorded_replacement_reads_the_same() -> None:
    document = _secrets(json.loads((REFERENCE / "preview-replace.json").read_text(encoding="utf-8")))
    events = []
    for step in document["steps"]:
        detail = step["detailedDiff"] and {
            path: {"diffKind": change["kind"], "inputDiff": change["inputDiff"]}
            for path, change in step["detailedDiff"].items()
        }
        states = {"old": step.get("oldState"), "new": step.get("newState"), "detailedDiff": detail}
        kind = step["newState"]["type"]
        metadata = {"op": step["op"], "urn": step["urn"], "type": kind, "provider": step.get("provider", ""), **states}
        events.append({"resourcePreEvent": {"metadata": metadata, "planning": True}})
    stack = copy.deepcopy(events[0]["resourcePreEvent"])
    stack["metadata"]["new"]["outputs"] = {"name": "web-2", "token": SECRET}
    shown = detailed([*events, {"resOutputsEvent": stack}]).replace('"web-2"', '"web-<auto>"')
    assert shown == recorded_text("preview-replace-diff.txt")


STACK_STEP = {
    "resourcePreEvent": {
        "metadata": {"op": "same", "urn": STACK, "type": "pulumi:pulumi:Stack", "new": {"urn": STACK, "parent": ""}}
    }
}


def step(op: str, old: Any = None, new: Any = None, detail: Any = None, **fields: Any) -> dict[str, Any]:
    urn = f"{PREFIX}k:x:Thing::one"
    states = {
        side: inputs and {"urn": urn, "type": "k:x:Thing", "custom": True, "parent": STACK, "id": "", "inputs": inputs}
        for side, inputs in (("old", old), ("new", new))
    }
    metadata = {"op": op, "urn": urn, "type": "k:x:Thing", "detailedDiff": detail, "provider": "", **states, **fields}
    return {"resourcePreEvent": {"metadata": metadata, "planning": True}}


@pytest.mark.parametrize("unseen", [["data.token"], ["data"]])
@pytest.mark.parametrize("told", [True, False])
def test_what_a_program_wants_nobody_to_see_is_named_and_not_shown(unseen: list[str], *, told: bool) -> None:
    old, new = {"data": {"token": "seven", "a": "1"}, "b": "x"}, {"data": {"token": "eight", "a": "1"}, "b": "y"}
    detail = {"data.token": {"diffKind": "update", "inputDiff": True}, "b": {"diffKind": "update", "inputDiff": True}}
    event = step("update", old, new, detail if told else None, diffs=["data", "b"])
    metadata = event["resourcePreEvent"]["metadata"]
    metadata["new"]["hideDiffs"] = unseen
    shown = detailed([STACK_STEP, event])
    compact = [f"{one.sign} {one.path} {one.text}" for one in changes(metadata)]
    assert compact == ['~ b "x" => "y"', f"~ {unseen[0]} (hidden)"]
    assert f"~ {unseen[0]} (hidden)\n" in shown
    assert '~ b: "x" => "y"' in shown.replace("b   :", "b:")
    assert not {"seven", "eight"} & {word for word in ("seven", "eight") if word in shown}


DIFFERENCES: dict[str, tuple[Any, Any, Any, str]] = {
    "an item of a list": (
        {"ports": [{"port": 80}, {"port": 81}]},
        {"ports": [{"port": 80}, {"port": 82}]},
        {"ports[1].port": {"diffKind": "update", "inputDiff": True}},
        """\
      ~ ports: [
          ~ [1]: {
                  ~ port: 81 => 82
                }
        ]
""",
    ),
    "an object that is added": (
        {},
        {"labels": {"a": "x", "list": ["y"]}},
        {"labels": {"diffKind": "add"}},
        """\
      + labels: {
          + a   : "x"
          + list: [
          +     [0]: "y"
            ]
        }
""",
    ),
    "a key that goes": (
        {"data": {"a": "1", "b": "2"}},
        {"data": {"a": "1"}},
        {"data.b": {"diffKind": "delete"}},
        """\
      ~ data: {
          - b: "2"
        }
""",
    ),
    "a value not known yet": (
        {"ip": "10.0.0.1"},
        {"ip": UNKNOWN},
        {"ip": {"diffKind": "update"}},
        '      ~ ip: "10.0.0.1" => [unknown]\n',
    ),
    "text of many lines": (
        {"script": "one\ntwo\nthree\n"},
        {"script": "one\n2\nthree\n"},
        {"script": {"diffKind": "update"}},
        """\
      ~ script:
            ...
            one
          - two
          + 2
            three
""",
    ),
    "JSON in a text": (
        {"policy": '{"allow": false}'},
        {"policy": '{"allow": true}'},
        {"policy": {"diffKind": "update"}},
        """\
      ~ policy: (json) {
          ~ allow: false => true
        }
""",
    ),
    "no details: what is the same is there as well": (
        {"a": 1, "bee": 2},
        {"a": 1, "bee": 3},
        None,
        """\
        a  : 1
      ~ bee: 2 => 3
""",
    ),
    "another type of value": (
        {"a": "x"},
        {"a": ["x"]},
        None,
        '      - a: "x"\n      + a: [\n      +     [0]: "x"\n        ]\n',
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_an_update_shows(name: str) -> None:
    old, new, detail, wanted = DIFFERENCES[name]
    shown = detailed([STACK_STEP, step("update", old or {"": None}, new, detail)])
    assert shown.partition("one]\n")[2] == wanted


SECRETS: dict[str, tuple[Any, Any, Any]] = {
    "changes": ({"p": SECRET}, {"p": SECRET}, {"p": {"diffKind": "update"}}),
    "was open": ({"p": "hunter2"}, {"p": SECRET}, {"p": {"diffKind": "update"}}),
    "becomes open": ({"p": SECRET}, {"p": "hunter2"}, {"p": {"diffKind": "update"}}),
    "lies deeper": ({"p": {"q": "hunter2"}}, {"p": SECRET}, {"p.q": {"diffKind": "update"}}),
    "is compared here": ({"p": ["hunter2"]}, {"p": SECRET}, None),
    "is of a later version": ({}, {"p": {**SECRET, "4dabf18193072939515e22adb298388d": "later"}}, None),
}


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_shown_that(name: str) -> None:
    old, new, detail = SECRETS[name]
    shown = detailed([STACK_STEP, step("update", old or {"": None}, new, detail)])
    assert "[secret]" in shown
    assert "hunter" not in shown


@pytest.mark.parametrize("op", ["create", "delete"])
def test_what_comes_and_what_goes_shows_all_it_has(op: str) -> None:
    inputs = {"a": 1.0, "nothing": None, "none": [], "token": SECRET, "__internal": {"x": 1}, "esc": "\x1b[2Jx"}
    shown = detailed([STACK_STEP, step(op, **{"new" if op == "create" else "old": inputs})])
    assert shown.partition("one]\n")[2] == (
        '        a         : 1\n        esc       : "\\u001b[2Jx"\n        none      : []\n'
        "        nothing   : <null>\n        token     : [secret]\n"
    )


def test_a_refresh_tells_what_is_different_now() -> None:
    begun = step("refresh", {"a": 1}, {"a": 1})
    ended = step("update", {"a": 1}, {"a": 1})["resourcePreEvent"]
    ended["metadata"]["old"]["outputs"], ended["metadata"]["new"]["outputs"] = {"size": 1, "x": 0}, {"size": 2, "x": 0}
    shown = detailed([STACK_STEP, begun, {"resOutputsEvent": ended}])
    assert "    ~ k:x:Thing: (update)" in shown.splitlines()
    assert shown.splitlines()[-2:] == ["        --outputs:--", "      ~ size: 1 => 2"]


def test_protection_and_retention_are_in_the_first_line() -> None:
    going = step("delete", {"a": 1})
    going["resourcePreEvent"]["metadata"]["old"] |= {"protect": True, "retainOnDelete": True}
    assert detailed([STACK_STEP, going]).splitlines()[2] == "    - k:x:Thing: (delete[retain]) 🔒"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("make", [LogDisplay, TreeDisplay])
def test_the_first_phase_is_detailed_and_the_update_after_it_is_not(
    make: Any, preview_events: Any, update_events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"COLUMNS": "120", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    display = make(stream, color=False, detailed=True)
    for event in [*preview_events, *update_events]:
        display(event)
    display.close()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", stream.getvalue())
    assert text.count("    + k:core:Namespace: (create)\n") == 1
    assert text.count("+-k:core:ConfigMap: (replace)\n") == 1
    assert f"[urn={STACK}]" in text
    assert "Resources: 2 to create" in text
    assert "k:core:Namespace health  created" in text
    assert "hunter" not in text


def test_a_failure_is_told_in_the_detailed_form_too(update_events: Any) -> None:
    stream = io.StringIO()
    display = LogDisplay(stream, detailed=True)
    for event in update_events:
        display(event)
    display.close()
    assert "+ k:core:Service clinic  create FAILED" in stream.getvalue()
    assert "hunter" not in stream.getvalue()
