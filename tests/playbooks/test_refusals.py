"""What is refused before anything runs: all of it at once, in words, from the plugin's own check."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from playbooks.content import Content, ContentFile, read_playbook, read_role
from playbooks.inspection import content_faults
from tests.playbooks.plays import said

if TYPE_CHECKING:
    from pathlib import Path

    from tests.playbooks.plays import Plays

HOSTS = ["host-1", "host-2"]
TASK = {"name": "one", "ping": {}}


def found(files: dict[str, Any], *, groups: tuple[str, ...] = (), secrets: tuple[str, ...] = ()) -> list[str]:
    """What stands against a folder whose files are these, as text or data."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in files.items()}
    content = Content({name: ContentFile(text.encode()) for name, text in texts.items()}, "site.yml")
    return [str(fault) for fault in content_faults(content, ["site.yml"], HOSTS, groups, secrets)]


def play(*tasks: Any, **fields: Any) -> list[dict[str, Any]]:
    return [{"hosts": "targets", "tasks": list(tasks), **fields}]


ROLE = {"roles/web/tasks/main.yml": [TASK]}
LAWFUL: dict[str, dict[str, Any]] = {
    "every host of the run": {"site.yml": play(TASK)},
    "one of its hosts": {"site.yml": play(TASK, hosts="host-1")},
    "several by id": {"site.yml": play(TASK, hosts=["host-1", "host-2"])},
    "several in one word": {"site.yml": play(TASK, hosts="host-1,host-2")},
    "a group of the run": {"site.yml": play(TASK, hosts="primary")},
    "a task handed to one of its hosts": {"site.yml": play({**TASK, "delegate_to": "host-2"})},
    "a task handed to itself": {"site.yml": play({**TASK, "delegate_to": "{{ inventory_hostname }}"})},
    "a role in the folder": {"site.yml": play(roles=["web"]), **ROLE},
    "a role of a collection in the folder": {
        "site.yml": play(roles=[{"role": "gov.base.web"}]),
        "collections/ansible_collections/gov/base/roles/web/tasks/main.yml": [TASK],
    },
    "an imported playbook": {"site.yml": [{"import_playbook": "inner/other.yml"}], "inner/other.yml": play(TASK)},
    "requirements that are there": {"site.yml": play(roles=["web"]), "requirements.yml": {"roles": ["web"]}, **ROLE},
    "files that are there, or on the host": {
        "site.yml": play(
            {"copy": {"src": "motd", "dest": "/etc/motd"}},
            {"copy": {"src": "/etc/motd", "dest": "/etc/issue", "remote_src": True}},
            {"template": {"src": "{{ role_path }}/templates/x.j2", "dest": "/etc/x"}},
        )
    },
    "an encrypted value": {"site.yml": play(TASK), "group_vars/all.yml": "a: !vault |\n  $ANSIBLE_VAULT;1.1\n"},
    "a template that only looks like a play": {"site.yml": play(TASK), "templates/x.yml": "hosts: {{ all }}"},
}
UNLAWFUL: dict[str, tuple[dict[str, Any], str]] = {
    "all": ({"site.yml": play(TASK, hosts="all")}, "for other hosts than those given"),
    "a star": ({"site.yml": play(TASK, hosts="*")}, "for other hosts than those given"),
    "this machine": ({"site.yml": play(TASK, hosts="localhost")}, "for other hosts than those given"),
    "a pattern": ({"site.yml": play(TASK, hosts="host-*")}, "for other hosts than those given"),
    "all but one": ({"site.yml": play(TASK, hosts="targets,!host-1")}, "for other hosts than those given"),
    "a host of the register that was not given": ({"site.yml": play(TASK, hosts="host-3")}, "for other hosts"),
    "hosts that a variable names": ({"site.yml": play(TASK, hosts="{{ where }}")}, "for other hosts than those given"),
    "no hosts": ({"site.yml": [{"tasks": [TASK]}]}, "for other hosts than those given"),
    "a second play on all": ({"site.yml": [*play(TASK), *play(TASK, hosts="all")]}, "site.yml[1]"),
    "an imported playbook on all": (
        {"site.yml": [{"import_playbook": "other.yml"}], "other.yml": play(TASK, hosts="all")},
        "other.yml[0]",
    ),
    "an imported playbook that is not there": ({"site.yml": [{"import_playbook": "no.yml"}]}, "cannot be found"),
    "a playbook that imports itself": ({"site.yml": [{"import_playbook": "site.yml"}]}, "cannot be found"),
    "a task handed to this machine": ({"site.yml": play({**TASK, "delegate_to": "localhost"})}, "delegate_to"),
    "a task handed to whatever a variable names": (
        {"site.yml": play({**TASK, "delegate_to": "{{ x }}"})},
        "delegate_to",
    ),
    "a local action": ({"site.yml": play({"local_action": "command id"})}, "local_action"),
    "a local connection": ({"site.yml": play(TASK, connection="local")}, "connection"),
    "a task deep in a block": (
        {"site.yml": play({"block": [{"rescue": [{**TASK, "delegate_to": "x"}]}]})},
        "delegate_to",
    ),
    "a role's task handed elsewhere": (
        {"site.yml": play(roles=["web"]), "roles/web/tasks/main.yml": [{**TASK, "delegate_to": "db.example"}]},
        "roles/web/tasks/main.yml",
    ),
    "a host added on the way": ({"site.yml": play({"ansible.builtin.add_host": {"name": "x"}})}, "add_host"),
    "an address in a play": ({"site.yml": play(TASK, vars={"ansible_host": "192.0.2.9"})}, "ansible_host"),
    "ssh's arguments in group_vars": (
        {"site.yml": play(TASK), "group_vars/all.yml": {"ansible_ssh_common_args": "-o StrictHostKeyChecking=no"}},
        "ansible_ssh_common_args",
    ),
    "a role that is not there": ({"site.yml": play(roles=["web"])}, "a role that is not in the folder"),
    "an included role that is not there": ({"site.yml": play({"include_role": {"name": "db"}})}, "a role that is not"),
    "requirements by version": (
        {"site.yml": play(TASK), "requirements.yml": {"collections": [{"name": "gov.base", "version": "1.2.3"}]}},
        "gov.base 1.2.3",
    ),
    "requirements without a version": ({"site.yml": play(TASK), "requirements.yml": [{"src": "web"}]}, "web"),
    "a file of this machine": (
        {"site.yml": play({"copy": {"src": "/etc/hosts", "dest": "/x"}})},
        "outside the playbook",
    ),
    "a file above the folder": ({"site.yml": play({"template": {"src": "../env/extravars", "dest": "/x"}})}, "outside"),
    "variables of this machine": ({"site.yml": play(TASK, vars_files=["~/vars.yml"])}, "outside the playbook's folder"),
    "tasks of this machine": ({"site.yml": play({"include_tasks": "/srv/tasks.yml"})}, "outside the playbook's folder"),
    "a list of nothing": ({"site.yml": []}, "not a playbook"),
    "a mapping": ({"site.yml": {"hosts": "targets"}}, "not a playbook"),
    "no YAML": ({"site.yml": "- hosts: [targets\n"}, "not readable as YAML"),
    "a task file that is no YAML": ({"site.yml": play(TASK), "tasks/x.yml": "a: b: c"}, "tasks/x.yml"),
    "no such file": ({"other.yml": play(TASK)}, "there is no such playbook"),
}


@pytest.mark.parametrize("name", LAWFUL)
def test_what_stays_on_the_hosts_given_is_let_through(name: str) -> None:
    assert found(LAWFUL[name], groups=("primary",)) == []


@pytest.mark.parametrize("name", UNLAWFUL)
def test_what_could_lead_elsewhere_is_refused(name: str) -> None:
    files, words = UNLAWFUL[name]
    assert any(words in fault for fault in found(files, groups=("primary",))), found(files)


def test_all_faults_are_told_at_once() -> None:
    faults = found({"site.yml": play({**TASK, "delegate_to": "x"}, {"local_action": "ping"}, hosts="all")})
    assert len(faults) == 3


def test_a_folder_has_a_digest_a_part_and_a_name_or_mode_counts(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    (folder / "roles" / "r" / "tasks").mkdir(parents=True)
    (folder / "site.yml").write_text("- hosts: targets\n", encoding="utf-8")
    script = folder / "roles" / "r" / "run.sh"
    script.write_text("id\n", encoding="utf-8")
    before = read_playbook(tmp_path, "web/site.yml")
    script.chmod(0o755)
    after = read_playbook(tmp_path, "web/site.yml")
    assert before.digest("playbook") == after.digest("playbook")
    assert before.digest("roles") != after.digest("roles")
    script.rename(script.with_name("go.sh"))
    assert read_playbook(tmp_path, "web/site.yml").digest("roles") != after.digest("roles")
    role = read_role(tmp_path, "web/roles/r")
    assert [str(one) for one in content_faults(role, [role.playbook], HOSTS, (), ())] == []


@pytest.mark.parametrize("name", ["../outside.yml", "/etc/passwd", "web/none.yml", "web/link.yml", "web"])
def test_a_playbook_outside_the_project_is_not_read(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    (root / "web").mkdir(parents=True)
    (tmp_path / "outside.yml").write_text("secret", encoding="utf-8")
    (root / "web" / "link.yml").symlink_to(tmp_path / "outside.yml")
    with pytest.raises(Exception, match="cannot be used"):
        read_playbook(root, name)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a host nobody knows": ({"hosts": ["host-1", "host-77"]}, "not a host of the register (HST-001)"),
    "a department's own machine": ({"hosts": ["onprem-1"]}, "not a host of the register (HST-001)"),
    "another department's host": ({"hosts": ["example-host-lhe-1"]}, "another department's host"),
    "data above the ceiling": ({"category": "secret"}, "above the host's ceiling"),
    "a category nobody knows": ({"category": "cosmic"}, "unknown data category"),
    "a department nobody knows": ({"department": "moon"}, "unknown department"),
    "no hosts": ({"hosts": []}, "hosts"),
    "a host twice": ({"hosts": ["host-1", "host-1"]}, "a host is named twice"),
    "a playbook and a role": ({"role": "web/roles/x"}, "name a playbook or a role"),
    "neither": ({"playbook": None}, "name a playbook or a role"),
    "a playbook that is not there": ({"playbook": "web/none.yml"}, "there is no such playbook"),
    "a teardown that is not there": ({"teardown": "web/none.yml"}, "there is no such playbook in the folder"),
    "a group with a stranger": ({"groups": {"db": ["host-3"]}}, "group db has host-3"),
    "a group called all": ({"groups": {"all": ["host-1"]}}, "a group cannot be called all"),
    "a variable that leads elsewhere": ({"variables": {"ansible_host": "192.0.2.9"}}, "changes how hosts are reached"),
    "a secret that is too short": ({"variables": {"db_password": "abc"}}, "a secret of fewer than 4 characters"),
    "a time that is none": ({"timeout_s": -1}, "timeoutS"),
    "a module nobody has": ({"playbook": "web/odd.yml"}, "Ansible cannot read odd.yml"),
}


@pytest.mark.parametrize("name", WRONG)
def test_inputs_that_make_no_sense_are_refused_in_words(plays: Plays, name: str) -> None:
    plays.playbook({"name": "odd", "gov.nowhere.thing": {}}, name="web/odd.yml")
    changed, words = WRONG[name]
    refused = plays.attempt("preview", **changed)
    assert not refused.ok
    assert words in said(refused)
    assert "Traceback" not in said(refused)


def test_the_plugin_refuses_what_a_program_did_not_check(plays: Plays) -> None:
    """A program may register the resource itself: the provider asks the same questions."""
    plays.write(
        "__main__.py",
        "import pulumi\nfrom components.ansible_run import AnsibleAccess\n"
        "inputs = {'department': 'finance-example', 'category': 'restricted', 'hosts': ['host-1', 'host-9'],"
        " 'playbook': 'web/site.yml', 'colour': 'red'}\n"
        "pulumi.CustomResource('onshore-ansible:index:Playbook', 'raw', inputs,"
        " pulumi.ResourceOptions(provider=AnsibleAccess('access')))\n",
    )
    plays.playbook(TASK, hosts="all")
    refused = plays.attempt("preview")
    for words in (
        "another department's host (HST-001)",
        "not a host of the register (HST-001)",
        "a play for other hosts than those given",
        "an input that nobody reads",
    ):
        assert words in said(refused)


def test_a_key_that_is_missing_or_open_to_others_is_said(plays: Plays, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("ONSHORE_SSH_KEY", str(tmp_path / "none"))
    assert "there is no SSH key to log in to hosts with" in said(plays.attempt("preview"))
    (tmp_path / "none").write_bytes(plays.hosts.identity.read_bytes())
    (tmp_path / "none").chmod(0o644)
    assert "others can read the SSH key" in said(plays.attempt("preview"))
