"""How the Pulumi CLI is found, called and understood; a fake stands in, since no package registry has a real one."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from semver import VersionInfo

from engine.cli_command import CliCommand
from engine.cli_events import TracebackFilter
from engine.errors import EngineError
from engine.options import Options
from engine.pulumi_cli import CliInfo, PulumiCli, find_cli, select_engine

FAKE = Path(__file__).parent / "fake_pulumi.py"
STACK_URN = "urn:pulumi:test::p::pulumi:pulumi:Stack::p-test"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}


def summary(*, result="succeeded", packs=None, preview=False):
    body = {"isPreview": preview, "resourceChanges": {"create": 2}, "result": result, "PolicyPacks": packs or {}}
    return {"summaryEvent": body}


def outputs(**values):
    new = {"urn": STACK_URN, "type": "pulumi:pulumi:Stack", "parent": "", "outputs": values}
    return {"resOutputsEvent": {"metadata": {"op": "create", "urn": STACK_URN, "type": new["type"], "new": new}}}


def said(message, severity="info#err"):
    return {"diagnosticEvent": {"urn": STACK_URN, "severity": severity, "message": f"{message}\n"}}


class Fake:
    """Puts the stand-in on PATH and reads what it wrote."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        (folder / "bin").mkdir()
        self.path = folder / "bin" / "pulumi"
        self.path.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE} "$@"\n')
        self.path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{self.path.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("FAKE_PULUMI", str(folder))
        monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
        self.plays()

    def plays(self, **script):
        named = {key.replace("_", " "): part for key, part in script.items()}
        (self.folder / "script.json").write_text(json.dumps(named))

    def calls(self):
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    def arguments(self):
        """What was asked, without the parts every call has."""
        lines = []
        for call in self.calls():
            words = call["arguments"]
            assert words[:3] == ["--non-interactive", "--color", "never"]
            if words[3] in {"preview", "up", "refresh", "destroy"}:
                at = len(words) - 1 - words[::-1].index("--event-log")
                words = words[:at] + words[at + 2 :]
            lines.append(" ".join(words[3:]))
        return lines


@pytest.fixture
def fake(tmp_path, monkeypatch):
    return Fake(tmp_path, monkeypatch)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


# -- finding and choosing


def test_without_a_cli_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_cli() is None


@pytest.mark.parametrize(
    ("version", "supported"),
    [("3.208.0", True), ("3.260.1-alpha.2", True), ("3.207.9", False), ("4.0.0", False), ("", False), ("dev", False)],
)
def test_the_version_decides_what_is_supported(version, supported):
    assert CliInfo(Path("/bin/pulumi"), version).supported is supported


def test_a_cli_is_found_with_its_version(fake):
    assert find_cli() == CliInfo(fake.path, "3.260.0")


def test_a_cli_that_fails_to_say_its_version_is_unsupported(fake):
    fake.plays(**{"version-exit": 3})
    assert find_cli() == CliInfo(fake.path, "")


def test_auto_takes_a_supported_cli_and_says_so(fake, project):
    engine, sentence = select_engine("auto", project, embedded=lambda: pytest.fail("not wanted"))
    assert isinstance(engine, PulumiCli)
    assert sentence == f"Using the Pulumi CLI 3.260.0, found on PATH ({fake.path})."


def test_auto_without_a_supported_cli_takes_the_embedded_engine_and_says_why(fake, project):
    embedded = object()
    fake.plays(version="v3.100.0")
    engine, sentence = select_engine("auto", project, embedded=lambda: embedded)
    assert engine is embedded
    assert "is version 3.100.0; 3.208.0 or a later 3.x is supported" in sentence


@pytest.mark.usefixtures("fake")
def test_embedded_is_taken_whatever_is_on_path(project):
    embedded = object()
    assert select_engine("embedded", project, embedded=lambda: embedded)[0] is embedded


def test_pulumi_without_a_cli_is_refused_with_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match=r"no Pulumi CLI on PATH\n.*--engine embedded"):
        select_engine("pulumi", tmp_path, embedded=lambda: pytest.fail("not wanted"))


def test_an_unknown_engine_is_refused(tmp_path):
    with pytest.raises(EngineError, match="Choose auto, embedded or pulumi"):
        select_engine("pulmi", tmp_path, embedded=lambda: pytest.fail("not wanted"))


# -- calling


LOOK = "stack --show-name --stack test"


def test_up_runs_with_every_pack_attached_and_every_option(fake, project):
    packs = {"a": "1", "b": "1"}
    fake.plays(up={"events": [summary(packs=packs)]})
    options = Options(
        policy_packs=(Path("policies"), Path("more")),
        policy_pack_configs=(Path("levels.json"),),
        parallel=4,
        targets=("urn:a", "urn:b"),
        target_dependents=True,
        refresh=True,
        expect_no_changes=True,
        continue_on_error=True,
        message="why",
    )
    assert PulumiCli(project).up("test", options).ok
    asked = (
        "up --yes --skip-preview --message why --expect-no-changes --target urn:a --target urn:b "
        "--policy-pack policies --policy-pack more --policy-pack-config levels.json --target-dependents --parallel 4 "
        "--continue-on-error --refresh --exec-kind auto.local --stack test"
    )
    assert fake.arguments()[:2] == [LOOK, asked]


def test_what_the_api_asks_after_an_up_shows_no_secrets(fake, project):
    fake.plays(up={"events": [summary()]})
    assert PulumiCli(project).up("test", Options()).ok
    assert fake.arguments()[2:] == [
        "stack output --json --stack test",
        "stack output --json --stack test",
        "stack history --json --page-size 1 --page 1 --stack test",
    ]


@pytest.mark.parametrize(
    ("operation", "words"),
    [("preview", "preview"), ("refresh", "refresh --skip-preview --yes"), ("destroy", "destroy --skip-preview --yes")],
)
def test_each_operation_is_its_command(fake, project, operation, words):
    fake.plays(**{operation: {"events": [summary()]}})
    result = getattr(PulumiCli(project), operation)("test", Options())
    assert (result.ok, result.exit_code, result.changes) == (True, 0, {"create": 2})
    assert fake.arguments()[:2] == [LOOK, f"{words} --exec-kind auto.local --stack test"]
    assert "--show-secrets" not in " ".join(fake.arguments())
    call = fake.calls()[1]
    assert call["cwd"] == str(project)
    assert call["environment"]["PULUMI_DEBUG_COMMANDS"] == "true"
    assert "PULUMI_BACKEND_URL" not in call["environment"]
    assert call["environment"]["PATH"].split(os.pathsep)[-1] == str(Path(sys.executable).parent)


@pytest.mark.parametrize(
    ("operation", "option", "flag"),
    [
        ("destroy", {"exclude_protected": True}, "--exclude-protected"),
        ("refresh", {"clear_pending_creates": True}, "--clear-pending-creates"),
        ("refresh", {"target_dependents": True}, "--target-dependents"),
    ],
)
def test_an_option_that_only_some_commands_know_reaches_them(fake, project, operation, option, flag):
    fake.plays(**{operation: {"events": [summary()]}})
    assert getattr(PulumiCli(project), operation)("test", Options(**option)).ok
    assert flag in fake.calls()[1]["arguments"]


@pytest.mark.parametrize("message", ["--event-log", "--show-secrets", "-", ""])
def test_a_message_may_be_any_text(fake, project, message):
    fake.plays(preview={"events": [summary()]})
    assert PulumiCli(project).preview("test", Options(message=message)).ok
    words = fake.calls()[1]["arguments"]
    assert words[4:6] == (["--message", message] if message else ["--exec-kind", "auto.local"])
    assert words[-4] == "--event-log"


@pytest.mark.parametrize("options", [Options(message="--"), Options(targets=("--",))])
def test_what_the_api_would_take_for_the_end_of_the_flags_is_refused(fake, project, options):
    with pytest.raises(EngineError, match="'--' cannot be"):
        PulumiCli(project).up("test", options)
    assert not (fake.folder / "calls.jsonl").exists()


@pytest.mark.parametrize(
    ("operation", "option", "flag"),
    [
        ("refresh", {"continue_on_error": True}, "--continue-on-error"),
        ("up", {"exclude_protected": True}, "--exclude-protected"),
        ("destroy", {"clear_pending_creates": True}, "--clear-pending-creates"),
    ],
)
def test_an_option_the_command_does_not_know_is_refused(fake, project, operation, option, flag):
    with pytest.raises(EngineError, match=f"`pulumi {operation}` has no {flag}"):
        getattr(PulumiCli(project), operation)("test", Options(**option))
    assert not (fake.folder / "calls.jsonl").exists()


def test_the_backends_folder_is_made_and_named(fake, project, tmp_path):
    url = (tmp_path / "st ate").as_uri()
    fake.plays(preview={"events": [summary()]})
    PulumiCli(project, backend_url=url).preview("test", Options())
    assert (tmp_path / "st ate").is_dir()
    assert [call["environment"]["PULUMI_BACKEND_URL"] for call in fake.calls()] == [url, url]


MISSING = {"exit": 6, "stderr": "error: no stack named 'test' found"}


@pytest.mark.parametrize("code", [6, 255])
def test_a_stack_that_does_not_exist_is_created_for_an_up_and_not_selected(fake, project, code):
    fake.plays(**{"stack name": {**MISSING, "exit": code}, "up": {"events": [summary()]}})
    assert PulumiCli(project).up("test", Options()).ok
    assert fake.arguments()[:2] == [LOOK, "stack init --no-select --stack test"]
    assert fake.arguments()[2].startswith("up ")


def test_a_stack_that_does_not_exist_cannot_be_destroyed(fake, project):
    fake.plays(**{"stack name": MISSING})
    with pytest.raises(EngineError, match="no stack named 'test' found") as caught:
        PulumiCli(project).destroy("test", Options())
    assert caught.value.exit_code == 6
    assert fake.arguments() == [LOOK]


# -- understanding


def test_events_arrive_whole_and_outputs_without_secrets(fake, project):
    events = [outputs(url="x", token=SECRET, list=[SECRET]), summary(), {"cancelEvent": {}}]
    fake.plays(up={"events": events})
    seen = []
    result = PulumiCli(project).up("test", Options(on_event=seen.append))
    assert seen == events
    assert result.events == tuple(events)
    assert result.outputs == {"url": "x", "token": "[secret]", "list": "[secret]"}


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([said("boom", "error"), summary(result="failed")], 1),
        ([{"policyEvent": {"enforcementLevel": "mandatory"}}], 1),
        ([summary()], 7),
    ],
)
def test_a_run_that_failed_is_a_result(fake, project, events, code):
    fake.plays(preview={"events": events, "exit": code})
    result = PulumiCli(project).preview("test", Options())
    assert (result.ok, result.exit_code) == (False, code)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("warning: x\nerror: incorrect passphrase\n", "^incorrect passphrase$"),
        (
            "error: locked by 1 lock(s).\n  created by a@b (pid 1) at noon\n",
            r"^locked by 1 lock\(s\)\.\n  created by a@b",
        ),
        ("error: one\n\nerror: two", "^one\n\ntwo$"),
        ("panic: odd", "^panic: odd$"),
        ("", "said nothing"),
    ],
)
def test_a_run_that_cannot_start_is_an_error_in_the_clis_words(fake, project, stderr, message):
    fake.plays(preview={"exit": 1, "stderr": stderr})
    with pytest.raises(EngineError, match=message):
        PulumiCli(project).preview("test", Options())


def test_success_without_the_policy_pack_is_not_believed(fake, project):
    fake.plays(preview={"events": [summary(packs={})]})
    with pytest.raises(EngineError, match="ran 0 of 1 policy packs"):
        PulumiCli(project).preview("test", Options(policy_packs=(Path("policies"),)))


def test_a_preview_without_a_summary_is_not_believed(fake, project):
    fake.plays(preview={"events": [outputs()]})
    with pytest.raises(EngineError, match="cannot be understood"):
        PulumiCli(project).preview("test", Options())


def test_an_up_whose_history_cannot_be_read_is_an_error(fake, project):
    fake.plays(up={"events": [summary()]}, stack_history={"stdout": "hello s3cret"})
    with pytest.raises(EngineError, match="cannot be understood") as caught:
        PulumiCli(project).up("test", Options())
    assert "s3cret" not in str(caught.value)


def test_events_the_api_does_not_know_are_no_warning(fake, project, recwarn):
    odd = {"resourcePreEvent": {"metadata": {"op": "invented", "urn": STACK_URN, "type": "t"}}}
    fake.plays(preview={"events": [odd, summary()]})
    assert PulumiCli(project).preview("test", Options()).events == (odd, summary())
    assert not recwarn.list


def test_outputs_are_shown_in_clear_only_when_asked(fake, project):
    fake.plays(stack_output={"stdout": '{"a": "[secret]", "b": {"c": 1}}'})
    engine = PulumiCli(project)
    assert engine.outputs("test") == {"a": "[secret]", "b": {"c": 1}}
    assert fake.arguments() == ["stack output --json --stack test"] * 2
    engine.outputs("test", show_secrets=True)
    assert fake.arguments()[3] == "stack output --json --show-secrets --stack test"


def test_state_is_read_and_written_as_the_cli_keeps_it(fake, project):
    state = {"version": 3, "deployment": {"resources": []}}
    fake.plays(stack_export={"stdout": json.dumps(state)})
    engine = PulumiCli(project)
    assert engine.export_state("test") == state
    engine.import_state("test", state)
    first, second = fake.arguments()
    assert first == "stack export --stack test"
    assert second.startswith("stack import --file ")
    assert json.loads(fake.calls()[1]["file"]) == state


def test_a_refused_import_leaves_no_state_behind(fake, project):
    fake.plays(stack_import={"exit": 1, "stderr": "error: no"})
    with pytest.raises(EngineError, match=r"^no$"):
        PulumiCli(project).import_state("test", {"version": 3, "deployment": {}})
    words = fake.calls()[0]["arguments"]
    assert not Path(words[words.index("--file") + 1]).exists()


def test_an_answer_that_is_no_json_is_an_error(fake, project):
    fake.plays(stack_export={"stdout": "hello"})
    with pytest.raises(EngineError, match="cannot be understood"):
        PulumiCli(project).export_state("test")


def test_what_the_cli_prints_is_passed_on_line_by_line(fake, project):
    fake.plays(stack_export={"stdout": "one\ntwo", "stderr": "three"})
    out, err = [], []
    command = CliCommand(fake.path, VersionInfo(3, 260, 0))
    result = command.run(["stack", "export"], str(project), {}, out.append, err.append)
    assert (out, err) == (["one", "two"], ["three"])
    assert (result.stdout, result.stderr) == ("one\ntwo\n", "three\n")


def tell_once_it_waits(fake, number):
    def tell():
        deadline = time.monotonic() + 30
        while not (fake.folder / "waiting").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident, number)

    thread = threading.Thread(target=tell)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("result", "code"), [("failed", 1), ("succeeded", 0)])
def test_a_signal_asks_the_cli_to_stop_and_waits_for_its_end(fake, project, number, result, code):
    fake.plays(up={"events": [summary(result=result)], "wait": True, "exit": code})
    before = signal.getsignal(signal.SIGINT)
    thread = tell_once_it_waits(fake, number)
    ended = PulumiCli(project).up("test", Options(policy_packs=(Path("policies"),)))
    thread.join()
    assert (ended.ok, ended.exit_code) == (False, 128 + number)
    assert ended.events[-1] == {"cancelEvent": {}}
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_after_the_operation_is_an_interrupted_run_with_its_events(fake, project):
    fake.plays(up={"events": [summary()]}, stack_history={"wait": True, "exit": 1})
    thread = tell_once_it_waits(fake, signal.SIGINT)
    ended = PulumiCli(project).up("test", Options())
    thread.join()
    assert (ended.ok, ended.exit_code, ended.events, ended.changes) == (False, 130, (summary(),), {"create": 2})


def test_ctrl_c_before_the_operation_starts_none(fake, project):
    fake.plays(**{"stack name": {"wait": True, **MISSING}})
    thread = tell_once_it_waits(fake, signal.SIGINT)
    assert PulumiCli(project).up("test", Options()).exit_code == 130
    thread.join()
    assert fake.arguments() == [LOOK]


def test_ctrl_c_while_state_is_read_is_a_ctrl_c(fake, project):
    fake.plays(stack_export={"wait": True, "exit": 1})
    thread = tell_once_it_waits(fake, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        PulumiCli(project).export_state("test")
    thread.join()


# -- the program's KeyboardInterrupt

TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "x", line 1, in <module>',
    "    loop.run_until_complete(coro)",
    "KeyboardInterrupt",
]


def through_filter(events):
    passed = []
    noise = TracebackFilter(passed.append)
    for event in events:
        noise(event)
    noise.close()
    return passed


def test_the_interrupted_programs_traceback_is_not_shown():
    chained = [*TRACEBACK, "", "During handling of the above exception, another exception occurred:", "", *TRACEBACK]
    events = [said("before"), *map(said, chained), said("after"), summary()]
    shown = [event.get("diagnosticEvent", {}).get("message", "").strip() for event in through_filter(events)]
    assert [text for text in shown if text] == ["before", "after"]


def test_a_traceback_in_one_event_is_not_shown_either():
    assert through_filter([said("\n".join(TRACEBACK)), summary()]) == [summary()]


@pytest.mark.parametrize(
    "lines",
    [
        [*TRACEBACK[:3], "RuntimeError: stop here", "  indented output"],
        TRACEBACK[:2],
        ["KeyboardInterrupt"],
        ["  just indented", ""],
    ],
)
def test_any_other_output_passes_whole_and_in_order(lines):
    events = [*map(said, lines), summary()]
    assert sorted(map(json.dumps, through_filter(events))) == sorted(map(json.dumps, events))
    assert [event for event in through_filter(events) if "diagnosticEvent" in event] == events[:-1]
