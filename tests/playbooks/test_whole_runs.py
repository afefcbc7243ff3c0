"""From preview to destroy: a playbook on real hosts, by the real plugin, through the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.playbooks.plays import said

if TYPE_CHECKING:
    from tests.playbooks.plays import Plays


def test_a_playbook_is_foreseen_run_compared_and_undone(plays: Plays) -> None:
    plays.write("web/down.yml", '[{"hosts": "targets", "gather_facts": false, "tasks": [{"name": "clean", "file": {"path": "/srv/onshore/greeting", "state": "absent"}}]}]')
    plays.spec["teardown"] = "web/down.yml"
    foreseen = plays.run("preview")
    assert "host-1: would change: the greeting" in said(foreseen)
    assert "+salaam on 8080" in said(foreseen)
    assert plays.greeting("host-1") == ""

    created = plays.run("up")
    assert ("create", "web") in created.steps
    assert plays.greeting("host-1") == plays.greeting("host-2") == "salaam on 8080"
    assert plays.outputs()["results"]["host-2"] == {"ok": 1, "changed": 1, "skipped": 0, "problem": ""}

    assert ("same", "web") in plays.run("up").steps

    foreseen = plays.run("preview", variables={"greeting": "khush amdeed", "port": 8080})
    assert ("update", "web") in foreseen.steps
    assert "-salaam on 8080" in said(foreseen)
    assert "+khush amdeed on 8080" in said(foreseen)
    plays.run("up", variables={"greeting": "khush amdeed", "port": 8080})
    assert plays.greeting("host-2") == "khush amdeed on 8080"

    destroyed = plays.run("destroy")
    assert ("delete", "web") in destroyed.steps
    assert plays.greeting("host-1") == plays.greeting("host-2") == ""
