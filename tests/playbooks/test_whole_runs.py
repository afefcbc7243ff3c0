"""From preview to destroy: a playbook on real hosts, by the real plugin, through the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.playbooks.plays import said

if TYPE_CHECKING:
    from tests.playbooks.plays import Plays

CLEAN = {"name": "clean", "file": {"path": "/srv/onshore/greeting", "state": "absent"}}


def test_a_playbook_is_foreseen_run_compared_and_undone(plays: Plays) -> None:
    plays.playbook(CLEAN, name="web/down.yml")
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

    changed = {"greeting": "khush amdeed", "port": 8080}
    foreseen = plays.run("preview", variables=changed)
    assert ("update", "web") in foreseen.steps
    assert "-salaam on 8080" in said(foreseen)
    assert "+khush amdeed on 8080" in said(foreseen)
    plays.run("up", variables=changed)
    assert plays.greeting("host-2") == "khush amdeed on 8080"

    recorded = plays.run("up", variables=changed, timeout_s=90)
    assert ("update", "web") in recorded.steps
    assert "ok 1" not in said(recorded), "a longer timeout is nothing that hosts have to hear of"

    destroyed = plays.run("destroy")
    assert ("delete", "web") in destroyed.steps
    assert plays.greeting("host-1") == plays.greeting("host-2") == ""


def test_a_role_runs_on_groups_and_by_tags_and_its_files_count(plays: Plays) -> None:
    copy = {"copy": {"dest": "/srv/onshore/greeting", "content": "{{ inventory_hostname in groups.primary }}\n"}}
    plays.playbook(CLEAN, name="web/roles/greet/teardown.yml")
    task = {"name": "greet", "tags": ["greet"], **copy}
    other = {"name": "never", "tags": ["other"], "fail": {"msg": "this has another tag"}}
    plays.tasks("web/roles/greet/tasks/main.yml", task, other)
    plays.spec |= {
        "playbook": None,
        "role": "web/roles/greet",
        "teardown": "web/roles/greet/teardown.yml",
        "groups": {"primary": ["host-2"]},
        "tags": ["greet"],
    }
    plays.run("up")
    assert [plays.greeting(host) for host in ("host-1", "host-2")] == ["False", "True"]
    plays.tasks("web/roles/greet/tasks/main.yml", {**task, "copy": {**copy["copy"], "content": "changed\n"}})
    updated = plays.run("up")
    (step,) = [step for step in updated.planned if step.name == "web"]
    assert set(step.detailed_diff) == {"digests.roles"}
    assert plays.greeting("host-1") == "changed"
    plays.run("destroy")
    assert plays.greeting("host-2") == ""


def test_what_is_known_at_the_update_only_is_not_tried_in_a_preview(plays: Plays) -> None:
    plays.write(
        "__main__.py",
        (plays.root / "__main__.py").read_text(encoding="utf-8")
        + "\nsecond = {**spec, 'variables': {'greeting': run.results.apply(lambda r: r['host-1']['ok']), 'port': 1}}\n"
        "AnsibleRun('second', **second, law=law, opts=pulumi.ResourceOptions(provider=access))\n",
    )
    foreseen = plays.run("preview")
    assert "some variables are known at the update only" in said(foreseen)
    plays.run("up")
    assert plays.greeting("host-2") == "1 on 1"
