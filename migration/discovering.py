"""Discovery: a playbook that only reads, run by ansible-runner on all hosts at once, and the record of what it told."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from inventories.faults import Fault, OnshoreError
from inventories.hosts import known_hosts, ssh_arguments
from inventories.yaml_source import parse_yaml, validate
from migration.discovery import Discovery
from migration.reach import another_key, shows_another_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inventories.models import Host, OnPremisesHost, Register
    from migration.access import Access

_PROBE: Final = Path(__file__).with_name("probe.py")
_FORKS: Final = 20
_TASK: Final = "probe"
_PYTHON: Final = "/usr/bin/python3"
_NO_PYTHON_FIX: Final = "install it there, on Debian: apt-get install python3"
_UNSEEN_FIX: Final = "see whether it is up and takes the login of access.yaml, and discover again"
_UNHEARD: Final = "nothing was heard of it"
USUAL_ROOTS: Final = ("/srv", "/var/www")


def discover(
    hosts: Iterable[str],
    access: Access,
    folder: Path,
    register: Register,
    *,
    roots: Sequence[str] = USUAL_ROOTS,
    who: str,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """What the hosts run and hold, in the form of a discovery record; raises OnshoreError naming all that failed."""
    machines, faults = [], []
    for name in dict.fromkeys(hosts):
        found = register.host(name)
        machine = found[1] if found else register.on_premises_host(name)
        if machine is None:
            faults.append(Fault(name, "not a host of the register (HST-001)", fix="see onshore hosts list"))
        elif access.host(name) is None:
            faults.append(Fault(name, "nothing says how it is reached", fix="add it to `hosts` of access.yaml"))
        else:
            machines.append(machine)
    if faults or not machines:
        raise OnshoreError("these hosts cannot be looked at", faults, refused=True)
    told, failed = _run(machines, access, folder, roots, progress)
    if failed:
        faults = [
            another_key(name, why)
            if shows_another_key(why)
            else Fault(name, "could not be looked at", why, fix=_NO_PYTHON_FIX if _PYTHON in why else _UNSEEN_FIX)
            for name, why in sorted(failed.items())
        ]
        refused = any(map(shows_another_key, failed.values()))
        raise OnshoreError("some hosts could not be looked at, so nothing was recorded", faults, refused=refused)
    return _record(machines, told, who)


def as_yaml(record: Mapping[str, Any]) -> str:
    """A discovery record as a file; raises OnshoreError when what hosts told makes none."""
    text = yaml.safe_dump(dict(record), sort_keys=False, allow_unicode=True, width=118)
    document = parse_yaml(text.encode(), "what the hosts told")
    found, faults = validate(Discovery, document)
    if found is None:
        raise OnshoreError("what the hosts told makes no discovery record", faults)
    return text


def _record(machines: Sequence[Host | OnPremisesHost], told: Mapping[str, dict[str, Any]], who: str) -> dict[str, Any]:
    names = {machine.address: machine.id for machine in machines}
    connections = [
        {"from_host": machine.id, **each, "to": names.get(each["to"], each["to"])}
        for machine in machines
        for each in told[machine.id].pop("connections")
    ]
    return {
        "discovered_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "discovered_by": who,
        "hosts": [{"id": machine.id, "address": machine.address, **told[machine.id]} for machine in machines],
        "connections": connections,
    }


def _run(
    machines: Sequence[Host | OnPremisesHost],
    access: Access,
    folder: Path,
    roots: Sequence[str],
    progress: Callable[[str], None],
) -> tuple[dict[str, Any], dict[str, str]]:
    """What each host told, and why others could not."""
    import ansible_runner  # noqa: PLC0415 - slow to import, and of this one function

    told: dict[str, Any] = {}
    spoken: list[str] = []
    failed = {machine.id: _UNHEARD for machine in machines}

    def hear(event: dict[str, Any]) -> None:
        spoken.extend(line for line in event.get("stdout", "").splitlines() if line.strip())
        data = event.get("event_data", {})
        host, result = data.get("host", ""), data.get("res", {})
        if event["event"] == "runner_on_ok" and data.get("task") == _TASK:
            told[host] = json.loads(result["stdout"])
            failed.pop(host, None)
            progress(f"{host}: looked at")
        elif event["event"] in ("runner_on_failed", "runner_on_unreachable"):
            failed[host] = _said(result)

    with tempfile.TemporaryDirectory(prefix="onshore-discover-") as name:
        private = Path(name)
        pins = private / "known_hosts"
        pins.write_text(known_hosts(machines), encoding="utf-8")
        argv = ["python3", "-I", "-", *roots]
        stdin = f"{{{{ lookup('file', '{_PROBE}') }}}}"
        task = {"name": _TASK, "ansible.builtin.command": {"argv": argv, "stdin": stdin}, "changed_when": False}
        playbook = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
        inventory = {"all": {"hosts": {machine.id: _variables(machine, access, folder) for machine in machines}}}
        (private / "ansible.cfg").touch()
        for file, content in (("look.yaml", playbook), ("hosts.yaml", inventory)):
            (private / file).write_text(yaml.safe_dump(content), encoding="utf-8")
        ended = ansible_runner.run(
            private_data_dir=name,
            binary=str(Path(sys.executable).with_name("ansible-playbook")),
            cmdline=str(private / "look.yaml"),
            inventory=str(private / "hosts.yaml"),
            envvars=_environment(private, pins),
            quiet=True,
            event_handler=hear,
            settings={"suppress_output_file": True, "pexpect_timeout": 1},
        )
    if ended.rc and spoken:
        failed |= {machine: spoken[-1] for machine in failed if failed[machine] == _UNHEARD}
    return told, failed


def _environment(private: Path, pins: Path) -> dict[str, str]:
    """Everything Ansible is told, so that no configuration of this machine says otherwise."""
    return {
        "LC_ALL": "C.UTF-8",
        "HOME": str(private),
        "ANSIBLE_CONFIG": str(private / "ansible.cfg"),
        "ANSIBLE_HOME": str(private / "ansible"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": shlex.join(ssh_arguments(str(pins))),
        "ANSIBLE_PIPELINING": "True",  # nothing is written there, not even for a moment
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_FORKS": str(_FORKS),
        "ANSIBLE_TIMEOUT": "15",
    }


def _variables(machine: Host | OnPremisesHost, access: Access, folder: Path) -> dict[str, str]:
    wanted = access.host(machine.id)
    assert wanted is not None  # noqa: S101 - asked before
    return {
        "ansible_host": machine.address,
        "ansible_user": wanted.login,
        "ansible_ssh_private_key_file": str((folder / Path(wanted.identity).expanduser()).resolve()),
        "ansible_python_interpreter": _PYTHON,
    }


def _said(result: Mapping[str, Any]) -> str:
    """A host's own words, one line of them."""
    lines = [str(result.get(name, "")).strip() for name in ("stderr", "msg", "module_stderr")]
    return next((line.splitlines()[-1] for line in lines if line), "no reason given")
