"""A project whose program runs playbooks on the sandbox hosts, through the embedded engine and the real plugin."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.playbooks.plays import PROGRAM, Plays

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hosts import Hosts


@pytest.fixture
def plays(tmp_path: Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> Plays:
    """The project; the hosts are cleaned of what earlier tests set up."""
    from tests.hosts import EXAMPLE

    root = tmp_path / "project"
    (root / "web").mkdir(parents=True)
    shutil.copytree(EXAMPLE, root / "register")
    (root / "onshore.yaml").write_text("register: register\nprofile: pakistan-cloud-first-trial\n", encoding="utf-8")
    (root / "Pulumi.yaml").write_text("name: plays\nruntime: python\n", encoding="utf-8")
    (root / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(hosts.overlay))
    monkeypatch.setenv("ONSHORE_SSH_KEY", str(hosts.identity))
    for name in ("host-1", "host-2", "host-3"):
        hosts.ssh(name, "rm -rf /srv/onshore; mkdir -p /srv/onshore")
    made = Plays(root, hosts)
    made.write("web/site.yml", json.dumps(made.site))
    return made
