"""The Pulumi CLI itself, where a supported one is on PATH, through `PulumiCli`."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time

import pytest

from engine.errors import EngineError
from engine.options import Options
from engine.pulumi_cli import PulumiCli, find_cli

CLI = find_cli()
pytestmark = pytest.mark.skipif(
    CLI is None or not CLI.supported or not shutil.which("pulumi-language-python"),
    reason="needs a supported Pulumi CLI and pulumi-language-python on PATH",
)
RUNTIME = f"runtime: {{name: python, options: {{toolchain: uv, virtualenv: {sys.prefix}}}}}\n"
PROGRAM = """
import pathlib, time
import pulumi

class Thing(pulumi.ComponentResource):
    def __init__(self, name, lawful):
        super().__init__("fake:index:Thing", name, {"lawful": lawful})

config = pulumi.Config()
if config.get_bool("waits"):
    pathlib.Path("waiting").touch()
    time.sleep(100)
Thing("thing", config.require_bool("lawful"))
pulumi.export("url", "x")
pulumi.export("token", pulumi.Output.secret("hunter2"))
"""
PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def judge(args, report):
    if args.props.get("lawful") is False:
        report("unlawful")

policy = ResourceValidationPolicy(name="law", description="the law", validate=judge)
PolicyPack("pack", enforcement_level=EnforcementLevel.MANDATORY, policies=[policy])
"""


class Folder:
    """A project, its pack and its state."""

    def __init__(self, root):
        self.project, self.pack, self.state = root / "project", root / "pack", root / "state"
        files = {
            self.project / "Pulumi.yaml": f"name: p\n{RUNTIME}",
            self.project / "__main__.py": PROGRAM,
            self.pack / "PulumiPolicy.yaml": RUNTIME,
            self.pack / "__main__.py": PACK,
        }
        for file, text in files.items():
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            (file.parent / "uv.lock").touch()  # without a pyproject.toml uv leaves the environment as it is
        self.configure()
        self.engine = PulumiCli(self.project, backend_url=self.state.as_uri())

    def configure(self, *, lawful=True, waits=False):
        values = {"lawful": lawful, "waits": waits}
        lines = [f'  p:{key}: "{str(value).lower()}"\n' for key, value in values.items()]
        file = self.project / "Pulumi.test.yaml"
        kept = [line for line in file.read_text().splitlines(keepends=True) if "salt" in line] if file.exists() else []
        file.write_text("".join([*kept, "config:\n", *lines]))

    def run(self, operation):
        return getattr(self.engine, operation)("test", Options(policy_packs=(self.pack,)))

    def urns(self):
        return [resource["urn"] for resource in self.engine.export_state("test")["deployment"]["resources"]]

    def locks(self):
        return [path for path in (self.state / ".pulumi" / "locks").rglob("*") if path.is_file()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct")
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return Folder(tmp_path)


def test_a_stack_lives_from_preview_to_destroy_and_keeps_its_secret(folder, tmp_path):
    before = folder.run("preview")
    assert (before.ok, before.exit_code, before.changes) == (True, 0, {"create": 2})
    made = folder.run("up")
    assert (made.ok, made.changes, made.outputs) == (True, {"create": 2}, {"url": "x", "token": "[secret]"})
    assert folder.engine.outputs("test") == {"url": "x", "token": "[secret]"}
    assert folder.engine.outputs("test", show_secrets=True) == {"url": "x", "token": "hunter2"}
    state = folder.engine.export_state("test")
    assert "hunter2" not in str(state)
    folder.engine.import_state("test", state)
    assert folder.run("refresh").ok
    gone = folder.run("destroy")
    assert (gone.ok, gone.changes) == (True, {"delete": 2})
    files = [path for place in ("state", "home") for path in (tmp_path / place).rglob("*") if path.is_file()]
    assert not [path for path in files if b"hunter2" in path.read_bytes()]
    assert not [path for path in (tmp_path / "home").rglob("workspaces/*") if '"stack"' in path.read_text()]


@pytest.mark.parametrize("operation", ["preview", "up"])
def test_what_the_pack_refuses_is_a_result_with_its_finding(folder, operation):
    folder.configure(lawful=False)
    result = folder.run(operation)
    assert (result.ok, result.exit_code) == (False, 1)
    levels = [event["policyEvent"]["enforcementLevel"] for event in result.events if "policyEvent" in event]
    assert levels == ["mandatory"]
    assert folder.locks() == []


def test_a_wrong_passphrase_is_an_error_in_the_clis_words(folder, monkeypatch):
    folder.run("up")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    with pytest.raises(EngineError, match="incorrect passphrase"):
        folder.run("preview")


def test_a_second_run_names_the_lock_and_ctrl_c_releases_it(folder):
    folder.run("up")
    before = folder.urns()
    folder.configure(waits=True)
    refusals = []

    def second():
        deadline = time.monotonic() + 60
        while not (folder.project / "waiting").exists():
            if time.monotonic() > deadline:
                return
            time.sleep(0.05)
        try:
            folder.run("refresh")
        except EngineError as error:
            refusals.append(str(error))
        finally:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=second)
    thread.start()
    result = folder.run("up")
    thread.join()
    assert (result.ok, result.exit_code) == (False, 130)
    assert "KeyboardInterrupt" not in str(result.events)
    assert "locked by 1 lock(s)" in refusals[0]
    assert "created by" in refusals[0]
    assert folder.locks() == []
    assert folder.urns() == before
