"""The same program and plugin under the Pulumi CLI itself, where a supported one is on PATH; either engine goes on."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine import Options
from engine.pulumi_cli import PulumiCli, find_cli
from engine.testing import Ran
from tests.playbooks.plays import said

if TYPE_CHECKING:
    from tests.playbooks.plays import Plays

CLI = find_cli()
pytestmark = pytest.mark.skipif(
    CLI is None or not CLI.supported or not shutil.which("pulumi-language-python"),
    reason="needs a supported Pulumi CLI and pulumi-language-python on PATH",
)
PROJECT = {
    "name": "plays",
    "runtime": {"name": "python", "options": {"toolchain": "uv", "virtualenv": sys.prefix}},
    "plugins": {"providers": [{"name": "onshore-ansible", "path": str(Path(sys.prefix) / "bin")}]},
}


def test_what_one_engine_began_the_other_goes_on_with(plays: Plays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct horse")
    plays.write("Pulumi.yaml", json.dumps(PROJECT))
    plays.write("uv.lock", "")  # without a pyproject.toml uv leaves the environment as it is
    plays.playbook({"name": "clean", "file": {"path": "/srv/onshore", "state": "absent"}}, name="web/down.yml")
    guard = {"name": "needs a licence", "command": "test -e /srv/onshore/licence", "changed_when": False}
    plays.playbook(plays.site[0]["tasks"][0], guard)
    plays.write("Pulumi.test.yaml", f"config:\n  plays:run: {json.dumps(json.dumps(plays.spec))}\n")
    (plays.root / "state").mkdir()
    cli = PulumiCli(plays.root, backend_url=f"file://{plays.root / 'state'}")

    foreseen = Ran(cli.preview("test", Options()), ())
    assert "host-1: would change: the greeting" in said(foreseen)
    failed = Ran(cli.up("test", Options()), ())
    assert not failed.ok
    assert "host-2: task 'needs a licence' failed" in said(failed)
    assert any("needs a licence" in reason for reason in plays.resource()["initErrors"])

    for host in ("host-1", "host-2"):
        plays.hosts.ssh(host, "touch /srv/onshore/licence")
    assert ("update", "web") in plays.run("up", teardown="web/down.yml").steps
    assert Ran(cli.up("test", Options()), ()).changes == {"same": 3}
    assert plays.greeting("host-2") == "salaam on 8080"
    assert Ran(cli.destroy("test", Options()), ()).ok
    assert plays.greeting("host-2") == ""
