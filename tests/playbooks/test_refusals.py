"""What is refused before anything runs: all of it at once, in words, from the plugin's own check."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from components.ansible_run import AnsibleRun
from inventories.faults import OnshoreError
from playbooks.checking import Checker
from playbooks.content import Content, ContentFile, read_playbook, read_role
from playbooks.inspection import content_faults
from playbooks.values import plain, wrapped
from tests.hosts import EXAMPLE
from tests.playbooks.plays import said

if TYPE_CHECKING:
    from pathlib import Path

    from tests.playbooks.plays import Plays

HOSTS = ["host-1", "host-2"]
TASK = {"name": "one", "ping": {}}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


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


SPOKEN: dict[str, tuple[dict[str, Any], bool]] = {
    "a command": ({"command": "login --password {{ db_password }}"}, True),
    "a shell": ({"shell": {"cmd": "echo {{ db_password | quote }}"}}, True),
    "a list of arguments": ({"ansible.builtin.command": {"argv": ["login", "{{ db_password }}"]}}, True),
    "raw": ({"raw": "echo {{ db_password }} > /x"}, True),
    "standard input": ({"command": {"cmd": "login", "stdin": "{{ db_password }}"}}, False),
    "the environment": ({"command": "true", "environment": {"PGPASSWORD": "{{ db_password }}"}}, True),
    "an environment without secrets": ({"command": "true", "environment": {"PGHOST": "{{ greeting }}"}}, False),
    "a file": ({"copy": {"content": "{{ db_password }}", "dest": "/x"}}, False),
    "a variable that is none": ({"command": "echo {{ greeting }}"}, False),
    "a longer name": ({"command": "test -e {{ db_password_file }}"}, False),
}


@pytest.mark.parametrize("name", SPOKEN)
def test_a_secret_on_a_command_line_is_refused(name: str) -> None:
    task, refused = SPOKEN[name]
    faults = found({"site.yml": play({"name": "one", **task})}, secrets=("db_password",))
    assert any("a secret variable on a command line" in fault for fault in faults) is refused, faults


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


HOST = "example-host-khi-1"
ASKED: dict[str, Any] = {
    "department": "health-example",
    "category": "restricted",
    "hosts": [HOST],
    "playbook": "web/site.yml",
    "variables": {"port": 8080},
}
MACHINE: dict[str, Any] = {
    "id": "records-0",
    "region": "example-csp-alpha-khi",
    "zone": "khi-a",
    "address": "10.60.0.10",
}
ABROAD = {"id": "records-0", "region": "example-csp-delta-xa", "zone": "xa-a"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a host nobody knows": ({"hosts": [HOST, "host-77"]}, "not a host of the register (HST-001)"),
    "a department's own machine": ({"hosts": ["example-onprem-1"]}, "not a host of the register (HST-001)"),
    "another department's host": ({"hosts": ["example-host-lhe-1"]}, "another department's host"),
    "data above the ceiling": ({"category": "secret"}, "above the host's ceiling"),
    "a category nobody knows": ({"category": "cosmic"}, "unknown data category"),
    "a department nobody knows": ({"department": "moon"}, "unknown department"),
    "hosts that are text": ({"hosts": HOST}, "hosts"),
    "a host twice": ({"hosts": [HOST, HOST]}, "a host is named twice"),
    "a playbook and a role": ({"role": "web/roles/x"}, "name a playbook or a role"),
    "neither": ({"playbook": None}, "name a playbook or a role"),
    "a playbook that is not there": ({"playbook": "web/none.yml"}, "there is no such playbook"),
    "a role that is not there": ({"playbook": None, "role": "web/roles/none"}, "there is no such role"),
    "a teardown that is not there": ({"teardown": "web/none.yml"}, "there is no such playbook in the folder"),
    "a group with a stranger": ({"groups": {"db": ["host-3"]}}, "group db has host-3"),
    "a group called all": ({"groups": {"all": [HOST]}}, "a group cannot be called all"),
    "a variable that leads elsewhere": ({"variables": {"ansible_host": "192.0.2.9"}}, "changes how hosts are reached"),
    "a secret that is too short": ({"variables": {"db_password": "abc"}}, "a secret of fewer than 4 characters"),
    "a time that is none": ({"timeoutS": -1}, "timeoutS"),
    "a tag that is an option": ({"tags": ["--become"]}, "tags"),
    "a module nobody has": ({"playbook": "web/odd.yml"}, "Ansible cannot read odd.yml"),
    "an input nobody reads": ({"colour": "red"}, "an input that nobody reads"),
    "hosts that are not known yet": ({"hosts": UNKNOWN}, "not known in a preview"),
    "a machine in a region nobody knows": ({"machines": [{**MACHINE, "region": "moon"}]}, "of the register (HST-001)"),
    "a machine in a zone nobody knows": ({"machines": [{**MACHINE, "zone": "khi-z"}]}, "of the register (HST-001)"),
    "a machine of a region abroad": ({"machines": [ABROAD]}, "restricted data must stay in the country (RES-001)"),
    "a machine whose region is not known yet": (
        {"machines": [{**MACHINE, "region": UNKNOWN}]},
        "not known in a preview",
    ),
    "machines that are not known yet": ({"machines": UNKNOWN}, "not known in a preview"),
    "a machine that is text": ({"machines": ["records-0"]}, "machines.0"),
    "a machine called like a host": ({"machines": [{**MACHINE, "id": HOST}]}, "a host is named twice"),
    "a machine with half a key": ({"machines": [{**MACHINE, "hostKey": "ssh-dss AAAA"}]}, "machines.0.hostKey"),
    "neither hosts nor machines": ({"hosts": []}, "name hosts or machines to run it on"),
    "a category that is not known yet": ({"category": UNKNOWN}, "not known in a preview"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on the example register; nothing answers at the addresses of its hosts."""
    shutil.copytree(EXAMPLE, tmp_path / "register")
    (tmp_path / "onshore.yaml").write_text(
        "register: register\nprofile: pakistan-cloud-first-trial\n", encoding="utf-8"
    )
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "site.yml").write_text(json.dumps(play(TASK)), encoding="utf-8")
    (tmp_path / "web" / "odd.yml").write_text(json.dumps(play({"gov.nowhere.thing": {}})), encoding="utf-8")
    (tmp_path / "key").touch(0o600)
    monkeypatch.setenv("ONSHORE_OVERLAYS", "")
    monkeypatch.setenv("ONSHORE_SSH_KEY", str(tmp_path / "key"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(olds: dict[str, Any] | None = None, **changed: Any) -> tuple[dict[str, Any], list[str]]:
    """What the provider makes of inputs, and what it has against them."""
    given = {name: wrapped(value) for name, value in {**ASKED, **changed}.items() if value is not None}
    inputs, faults = Checker().check({name: wrapped(value) for name, value in (olds or {}).items()}, given)
    return {name: plain(value) for name, value in inputs.items()}, [str(fault) for fault in faults]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", WRONG)
def test_inputs_that_make_no_sense_are_refused_in_words(name: str) -> None:
    changed, words = WRONG[name]
    _, faults = checked(**changed)
    assert any(words in fault for fault in faults), faults


@pytest.mark.usefixtures("project")
def test_inputs_that_make_sense_get_their_digests() -> None:
    inputs, faults = checked()
    assert faults == []
    assert set(inputs["digests"]) == {"playbook", "roles", "collections", "inventory"}
    assert {name: inputs[name] for name in ASKED} == ASKED
    assert checked(variables=UNKNOWN)[1] == []


@pytest.mark.usefixtures("project")
def test_a_machine_of_a_region_is_a_host_and_one_that_was_made_anew_is_another() -> None:
    key, other = (f"ssh-ed25519 {'A' * 20}{letter}" for letter in "BC")
    said = [
        checked(hosts=hosts, machines=[{**MACHINE, "hostKey": key}])
        for hosts, key in (([HOST], key), ([], key), ([], other), ([], UNKNOWN))
    ]
    assert [faults for _, faults in said] == [[], [], [], []]
    assert len({inputs["digests"]["inventory"] for inputs, _ in said}) == 4
    gone = checked({**ASKED, "machines": [MACHINE]})[1]
    assert "records-0 would drop out with what was set up still there" in gone[0]


@pytest.mark.usefixtures("project")
def test_a_host_drops_out_only_with_a_word_about_what_is_on_it() -> None:
    before = {**ASKED, "hosts": [HOST, "host-8"]}
    assert "host-8 would drop out with what was set up still there" in checked(before)[1][0]
    assert checked(before, forget=True)[1] == []
    assert checked({**before, "teardown": "web/site.yml"})[1] == []


@pytest.mark.usefixtures("project")
def test_a_program_is_told_of_every_host_before_anything_is_registered() -> None:
    asked = {"department": "health-example", "category": "restricted", "playbook": "web/site.yml"}
    with pytest.raises(OnshoreError, match="web cannot be run on these hosts") as raised:
        AnsibleRun("web", hosts=[HOST, "host-77", "example-host-lhe-1"], **asked)
    assert raised.value.refused
    assert [fault.where for fault in raised.value.faults] == ["hosts[1]", "hosts[2]"]


def test_a_key_that_is_missing_or_open_to_others_is_said(project: Path) -> None:
    (project / "key").chmod(0o644)
    assert any("others can read the SSH key" in fault for fault in checked()[1])
    (project / "key").unlink()
    assert any("there is no SSH key to log in to hosts with" in fault for fault in checked()[1])


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
