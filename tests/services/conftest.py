"""A project whose program sets services up on the sandbox hosts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.services.site import PROGRAM, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hosts import Hosts

HOSTS = ("host-1", "host-2", "host-3")


@pytest.fixture
def site(tmp_path: Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The project; what a test leaves up is destroyed."""
    from tests.hosts import EXAMPLE

    root = tmp_path / "project"
    root.mkdir()
    shutil.copytree(EXAMPLE, root / "register")
    (root / "onshore.yaml").write_text("register: register\nprofile: pakistan-cloud-first-trial\n", encoding="utf-8")
    (root / "Pulumi.yaml").write_text("name: site\nruntime: python\n", encoding="utf-8")
    (root / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(hosts.overlay))
    monkeypatch.setenv("ONSHORE_SSH_KEY", str(hosts.identity))
    made = Site(root, hosts)
    yield made
    if (root / "state").exists():
        made.attempt("destroy")
    for name in HOSTS:
        hosts.ssh(name, "rm -rf /var/lib/onshore-backups/*; test ! -e /etc/onshore/firewall.nft")
