"""Whole runs of real programs against a cloud in memory."""

from __future__ import annotations

import gc
import inspect
import json
import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pytest

from engine import EngineError

if TYPE_CHECKING:
    from tests.engine.projects import Project

ONE = "Thing('a', size=1)"
CHAIN = """
a = Thing('a', size=config.require_int('size'))
b = Thing('b', target=a.address)
c = Thing('c', opts=pulumi.ResourceOptions(depends_on=[b]))
pulumi.export('address', b.target)
pulumi.export('hidden', pulumi.Output.secret('s3cret'))
"""


def resources(project: Project) -> dict[str, dict]:
    latest = json.loads(project.state.read_text())["checkpoint"]["latest"]
    return {item["urn"].split("::", 3)[3]: item for item in latest.get("resources", [])}


def test_a_preview_writes_nothing(project: Project) -> None:
    project.program(CHAIN)
    result = project.run("preview")
    assert result.ok
    assert dict(result.changes) == {"create": 4}
    assert not (project.folder / "state").exists()
    assert (project.folder / "Pulumi.test.yaml").read_text().count("\n") == 3
    assert project.cloud.calls == []


def test_up_creates_in_order_and_a_second_up_finds_nothing_to_do(project: Project) -> None:
    first = project.up(CHAIN)
    assert first.ok
    assert project.cloud.calls == [("create", "a"), ("create", "b"), ("create", "c")]
    assert first.outputs == {"address": "10.0.0.1", "hidden": "[secret]"}
    again = project.run("up")
    assert dict(again.changes) == {"same": 4}
    assert len(project.cloud.calls) == 3


def test_an_up_leaves_the_stack_file_alone_and_keeps_the_salt_in_the_state(project: Project) -> None:
    project.up(ONE)
    before = (project.folder / "Pulumi.test.yaml").read_bytes()
    assert b"encryptionsalt" not in before
    project.run("up")
    assert (project.folder / "Pulumi.test.yaml").read_bytes() == before
    provider = project.engine().export_state("test")["deployment"]["secrets_providers"]
    assert provider["state"]["salt"].startswith("v1:")


def test_a_state_with_secrets_can_be_imported_where_there_was_none(project: Project) -> None:
    project.up("pulumi.export('t', pulumi.Output.secret('s3cret'))")
    exported = project.engine().export_state("test")
    shutil.rmtree(project.folder / "state")
    project.engine().import_state("test", exported)
    assert project.engine().outputs("test", show_secrets=True) == {"t": "s3cret"}


def test_secrets_are_never_in_the_state_as_they_are(project: Project) -> None:
    project.up("Thing('a', token=pulumi.Output.secret('s3cret'))\npulumi.export('t', pulumi.Output.secret('s3cret'))")
    for path in (project.folder / "state").rglob("*"):
        if path.is_file():
            assert b"s3cret" not in path.read_bytes(), path
    assert project.engine().outputs("test") == {"t": "[secret]"}
    assert project.engine().outputs("test", show_secrets=True) == {"t": "s3cret"}


def test_what_left_the_program_is_deleted_dependents_first(project: Project) -> None:
    project.up(CHAIN)
    project.cloud.calls.clear()
    result = project.up("Thing('a', size=1)")
    assert project.cloud.calls == [("delete", "c"), ("delete", "b")]
    assert dict(result.changes) == {"delete": 2, "same": 2}


def test_a_replacement_is_created_before_the_old_one_goes(project: Project) -> None:
    project.up("Thing('a', immutable='1')")
    project.cloud.calls.clear()
    result = project.up("Thing('a', immutable='2')")
    assert project.cloud.calls == [("create", "a"), ("delete", "a")]
    assert [op for op, name in result.steps if name == "a"] == ["create-replacement", "replace", "delete-replaced"]
    assert dict(result.changes) == {"replace": 1, "same": 1}


def test_a_fixed_name_is_deleted_first_and_takes_its_dependents_along(project: Project) -> None:
    body = "a = Thing('a', fixed=True, immutable='{0}')\nThing('b', immutable=a.address)"
    project.up(body.format(1))
    project.cloud.calls.clear()
    result = project.up(body.format(2))
    assert result.errors == []
    assert result.ok
    assert project.cloud.calls == [("delete", "b"), ("delete", "a"), ("create", "a"), ("create", "b")]
    assert not any(item.get("pendingReplacement") or item.get("delete") for item in resources(project).values())


def test_a_failed_create_leaves_what_came_before_and_stops(project: Project) -> None:
    project.cloud.refuse["b"] = "no capacity"
    result = project.up(CHAIN)
    assert result.exit_code == 1
    assert result.errors == ["no capacity", "update failed"]
    assert set(resources(project)) == {"shop-test", "default", "a"}


def test_a_half_created_resource_is_saved_and_mended_next_time(project: Project) -> None:
    project.cloud.half_done.add("a")
    assert not project.up(ONE).ok
    assert resources(project)["a"]["initErrors"] == ["it never became ready"]
    project.cloud.half_done.clear()
    result = project.run("up")
    assert ("update", "a") in result.steps
    assert "initErrors" not in resources(project)["a"]


def test_a_failed_check_names_the_property(project: Project) -> None:
    result = project.up("Thing('a', forbidden='x')")
    assert result.errors == [
        "fake:index:Thing resource 'a': property forbidden value {x} has a problem: is not allowed"
    ]
    assert project.cloud.calls == []


def test_a_program_that_raises_deletes_nothing(project: Project) -> None:
    project.up(CHAIN)
    project.cloud.calls.clear()
    result = project.up("raise ValueError('stop here')")
    assert result.exit_code == 1
    assert project.cloud.calls == []
    assert result.errors[0].endswith("ValueError: stop here")
    assert "engine/" not in result.errors[0]
    assert len(resources(project)) == 5


# The rest of the SDK's options is honoured; tests/engine/differential compares most of them with the CLI.
HONOURED = {
    "parent", "depends_on", "protect", "provider", "providers", "delete_before_replace", "ignore_changes", "version",
    "aliases", "id", "import_", "urn", "additional_secret_outputs", "custom_timeouts", "transformations", "transforms",
    "replace_on_changes", "plugin_download_url", "retain_on_delete", "deleted_with", "hide_diffs",
}  # fmt: skip
REFUSED = {"replacement_trigger", "replace_with", "state_migrations", "env_var_mappings", "hooks"}


def test_an_option_that_a_newer_sdk_brings_is_decided_upon() -> None:
    assert set(inspect.signature(pulumi.ResourceOptions).parameters) == HONOURED | REFUSED


def test_refresh_finds_what_was_deleted_and_what_was_changed(project: Project) -> None:
    project.up("Thing('a', size=1)\nThing('b', size=1)")
    by_name = {thing["name"][0]: id_ for id_, thing in project.cloud.things.items()}
    del project.cloud.things[by_name["a"]]
    project.cloud.things[by_name["b"]] = {**project.cloud.things[by_name["b"]], "size": 9}
    result = project.run("refresh")
    # of the providers only those that the program made are counted
    assert dict(result.changes) == {"delete": 1, "same": 1, "update": 1}
    assert resources(project)["b"]["inputs"]["size"] == 9
    assert "a" not in resources(project)


def test_a_refresh_that_finds_a_parent_gone_keeps_its_child_which_the_next_up_moves_back(project: Project) -> None:
    program = "a = Thing('a')\nThing('b', opts=pulumi.ResourceOptions(parent=a))"
    project.up(program)
    gone = next(id_ for id_, thing in project.cloud.things.items() if thing["name"].startswith("a"))
    child = next(id_ for id_ in project.cloud.things if id_ != gone)
    del project.cloud.things[gone]
    result = project.run("refresh")
    assert result.ok, result.errors
    (left,) = [one for one in resources(project).values() if one["type"] == "fake:index:Thing"]
    assert (left["id"], left.get("parent")) == (child, None)
    assert project.up(program).changes == {"create": 1, "same": 2}
    assert child in project.cloud.things
    assert {one.get("parent", "").rpartition("::")[2] for one in resources(project).values()} >= {"a"}


def test_destroy_empties_the_state(project: Project) -> None:
    project.up(CHAIN)
    project.cloud.calls.clear()
    assert project.run("destroy").ok
    assert project.cloud.calls == [("delete", "c"), ("delete", "b"), ("delete", "a")]
    assert resources(project) == {}
    assert project.cloud.things == {}


def test_a_protected_resource_is_not_destroyed(project: Project) -> None:
    project.up("Thing('a', opts=pulumi.ResourceOptions(protect=True))")
    result = project.run("destroy")
    assert result.exit_code == 1
    assert "is protected" in result.errors[0]
    assert len(project.cloud.things) == 1


def test_what_a_program_prints_becomes_a_message(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    result = project.up("print('hello')")
    assert result.messages("info") == ["hello"]
    assert capsys.readouterr().out == ""


def test_an_interrupt_finishes_what_runs_and_saves_it(project: Project) -> None:
    project.program(CHAIN)
    engine = project.engine()
    running = threading.Event()

    def interrupt(method: str, name: str) -> None:
        if (method, name) == ("create", "a"):
            engine.interrupt()
            running.set()
            while not engine._running._executor.planner.plan.stopped:
                pass

    project.cloud.on_call = interrupt
    from engine import Options

    result = engine.up("test", Options())
    assert running.is_set()
    assert result.exit_code == 130
    assert project.cloud.calls == [("create", "a")]
    assert "a" in resources(project)
    project.cloud.on_call = None
    assert project.run("up").ok


def test_a_backend_that_cannot_be_written_stops_the_run_and_loses_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.saving.backend import FileBackend

    real = FileBackend.write

    def full(self: FileBackend, stack: str, document: bytes) -> None:
        if ("create", "a") in project.cloud.calls:
            raise OSError(28, os.strerror(28))
        real(self, stack, document)

    monkeypatch.setattr(FileBackend, "write", full)
    result = project.up(CHAIN)
    assert result.exit_code == 2
    assert project.cloud.calls == [("create", "a")]
    assert "No space left on device" in result.errors[0]
    rescued = list((project.folder / ".onshore" / "rescue").glob("test.*.json"))
    assert len(rescued) == 1
    assert result.errors[-1].endswith(f"type: onshore stack import test --file {rescued[0]}")
    monkeypatch.setattr(FileBackend, "write", real)
    project.engine().import_state("test", json.loads(rescued[0].read_text()))
    project.cloud.calls.clear()
    assert project.run("up").ok
    assert ("create", "a") not in project.cloud.calls


def test_a_read_only_backend_is_refused_before_anything_happens(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.saving.backend import FileBackend

    def refuse(_self: FileBackend) -> None:
        raise PermissionError(13, "Permission denied", "/backend")

    monkeypatch.setattr(FileBackend, "create", refuse)
    with pytest.raises(EngineError, match="Permission denied"):
        project.up(ONE)
    assert project.cloud.calls == []


def test_a_held_lock_names_who_and_since_when(project: Project) -> None:
    project.up(ONE)
    before = project.state.read_bytes()
    from engine.saving.backend import FileBackend

    backend = FileBackend.at(f"file://{project.folder / 'state'}", "shop")
    with (
        backend.lock("test"),
        pytest.raises(EngineError, match=rf"(?s)locked by 1 lock.*\(pid {os.getpid()}\) at ") as refusal,
    ):
        project.run("up")
    assert "cancel" in str(refusal.value)
    assert project.state.read_bytes() == before
    assert project.run("up").ok


def test_a_wrong_passphrase_is_refused_and_the_state_untouched(project: Project) -> None:
    project.up("pulumi.export('t', pulumi.Output.secret('s'))")
    before = project.state.read_bytes()
    from engine import Options

    for operation in ("preview", "up", "refresh", "destroy"):
        with pytest.raises(EngineError, match="incorrect passphrase"):
            getattr(project.engine("wrong"), operation)("test", Options())
    assert project.state.read_bytes() == before


def with_latest(text: str, change) -> str:
    document = json.loads(text)
    document["checkpoint"]["latest"] = change(document["checkpoint"]["latest"])
    return json.dumps(document)


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda t: t[: len(t) // 2], "truncated or damaged"),
        (lambda t: with_latest(t, lambda _: [1]), "its deployment is no object"),
        (lambda t: with_latest(t, lambda _: ""), "its deployment is no object"),
        (lambda t: with_latest(t, lambda found: {**found, "resources": "x"}), "its resources are no list of objects"),
        (lambda t: with_latest(t, lambda found: {**found, "resources": ["x"]}), "its resources are no list of objects"),
        (lambda t: t.replace('{"version":3', '{"version":99'), "newer engine"),
        (lambda t: t.replace('{"version":3', '{"version":4,"features":["hooks"]'), "newer engine"),
        (lambda t: t.replace('"version":"onshore', '"version":"edited'), "checksum"),
        (lambda t: t.replace('"parent":"urn', '"parent":"urn:x'), "snapshot integrity failure"),
        (lambda t: t.replace('"outputs":{"address"', '"taint":true,"outputs":{"address"'), "taint"),
    ],
)
def test_a_damaged_state_file_is_refused_and_left_alone(project: Project, damage, text: str) -> None:
    project.up(ONE)
    damaged = damage(project.state.read_text())
    assert damaged != project.state.read_text()
    project.state.write_text(damaged)
    for operation in ("preview", "up", "destroy"):
        with pytest.raises(EngineError, match=text):
            project.run(operation)
    assert project.state.read_text() == damaged


@pytest.mark.parametrize("name", ["../x", "a/b", "a b", "", "..", "organization/x/../y"])
def test_a_stack_name_with_path_characters_is_refused(project: Project, name: str) -> None:
    from engine import Options

    with pytest.raises(EngineError, match="is not a stack name"):
        project.engine().up(name, Options())


def test_an_unknown_stack_is_refused_with_the_pulumi_exit_code(project: Project) -> None:
    from engine import Options

    with pytest.raises(EngineError, match="no stack named 'nobody' found") as refusal:
        project.engine().preview("nobody", Options())
    assert refusal.value.exit_code == 6


def test_other_backends_are_refused_in_one_sentence(project: Project) -> None:
    from engine import EmbeddedEngine

    with pytest.raises(EngineError, match="s3://") as refusal:
        EmbeddedEngine(project.folder, backend_url="s3://bucket")
    assert "Pulumi CLI" in refusal.value.fix


def test_the_program_leaves_the_process_as_it_was(project: Project) -> None:
    import sys

    before = (Path.cwd(), list(sys.argv), list(sys.path), sys.stdout, gc.get_threshold())
    project.up("import os, sys\nos.chdir('/')\nsys.argv.append('x')\nsys.path.append('y')")
    assert (Path.cwd(), list(sys.argv), list(sys.path), sys.stdout, gc.get_threshold()) == before


def test_an_export_can_be_imported_again(project: Project) -> None:
    project.up(CHAIN)
    exported = project.engine().export_state("test")
    assert "s3cret" not in json.dumps(exported)
    project.engine().import_state("test", exported)
    assert dict(project.run("up").changes) == {"same": 4}
    foreign = json.loads(json.dumps(exported).replace("urn:pulumi:test::shop", "urn:pulumi:test::other"))
    with pytest.raises(EngineError, match="another stack or project"):
        project.engine().import_state("test", foreign)


def test_what_was_registered_before_an_exception_in_an_apply_still_goes_up(project: Project) -> None:
    body = "a = Thing('a')\na.address.apply(lambda _: 1 / 0)\n" + "\n".join(f"Thing('t{n}')" for n in range(40))
    result = project.up(body)
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.errors[0]
    assert len(project.cloud.things) == 41


def test_an_interrupted_creation_is_warned_of_until_it_is_cleared(project: Project) -> None:
    project.up(ONE)
    document = json.loads(project.state.read_text())
    latest = document["checkpoint"]["latest"]
    lost = {**latest["resources"][-1], "urn": latest["resources"][-1]["urn"].replace("::a", "::lost"), "id": ""}
    latest["pending_operations"] = [{"resource": lost, "type": "creating"}, {"resource": lost, "type": "deleting"}]
    project.state.write_text(json.dumps(document))
    for operation in ("up", "refresh", "up"):
        (warning,) = project.run(operation).messages("warning")
        assert "interrupted while creating" in warning
        assert warning.strip().endswith("onshore refresh test --clear-pending-creates")
    kept = json.loads(project.state.read_text())["checkpoint"]["latest"]["pending_operations"]
    assert [(entry["type"], entry["resource"]["urn"]) for entry in kept] == [("creating", lost["urn"])]
    assert project.run("refresh", clear_pending_creates=True).ok
    assert "pending_operations" not in json.loads(project.state.read_text())["checkpoint"]["latest"]


def test_a_program_that_sleeps_does_not_hold_up_an_interrupt(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.program._PATIENCE_S", 0.1)
    project.program("import threading\nthreading.Event().wait(20)")
    engine = project.engine()
    from engine import Options

    timer = threading.Timer(1.0, engine.interrupt)
    timer.start()
    assert engine.up("test", Options()).exit_code == 130
    assert timer.finished.is_set()
