"""One run of ansible-playbook through ansible-runner, in a private folder that is gone when it ends."""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from inventories.faults import Fault, OnshoreError
from inventories.hosts import known_hosts
from inventories.hosts.rendering import host_facts
from inventories.private_dir import private_dir, write_private
from playbooks import processes
from playbooks.content import TARGETS, Content
from playbooks.outcome import Gatherer, HostOutcome, Outcome
from playbooks.pinning import connection, probe
from playbooks.supervising import script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from inventories.models import Host
    from playbooks.outcome import Report

KIND: Final = "ansible"
_GRACE_S: Final = 3.0
_LOOK_S: Final = 0.1
_FORKS: Final = 20
_SYNTAX_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Login:
    """As whom, and with which private key, a run logs in to hosts."""

    user: str
    key: Path


@dataclass(frozen=True, slots=True)
class Run:
    """What to run where; `variables` are data: nothing in them is a template. `tags` empty: all."""

    content: Content
    playbook: str
    hosts: Sequence[Host]
    groups: Mapping[str, Sequence[str]]
    variables: Mapping[str, Any]
    tags: Sequence[str] = ()
    check: bool = False
    timeout_s: float = 0.0


@dataclass(slots=True)
class Stopping:
    """How runs are told to stop, from any thread; `reason` is the first one given, empty while nobody asked."""

    reason: str = ""
    grace_s: float = _GRACE_S

    def ask(self, reason: str, grace_s: float = _GRACE_S) -> None:
        """End what runs, and let nothing more run; what goes on after `grace_s` is killed."""
        self.reason = self.reason or reason
        self.grace_s = min(self.grace_s, grace_s)


def run_playbook(run: Run, login: Login, scrub: Callable[[str], str], report: Report, stopping: Stopping) -> Outcome:
    """Run it; whatever goes wrong on hosts is in the outcome.

    Raises OnshoreError (`refused`) before anything ran, when a host shows another key than the register's.
    """
    answers = probe(run.hosts)
    if refused := [answer.refused for answer in answers if answer.refused]:
        raise OnshoreError("nothing was run", refused, refused=True)
    gone = {answer.host: answer.unreachable for answer in answers if answer.unreachable}
    outcome: Outcome | None = None
    if len(gone) < len(answers):
        with private_dir(KIND) as folder:
            _stage(folder, run)
            outcome = _run(folder, run, login, scrub, report, stopping)
    if outcome is None:
        outcome = Outcome({host.id: HostOutcome() for host in run.hosts})
    for name, why in gone.items():
        outcome.hosts[name].problem = f"unreachable: {why}"
    return outcome


def syntax_fault(content: Content, playbook: str) -> str:
    """What Ansible says against a playbook without running it; empty when nothing."""
    import subprocess  # noqa: PLC0415 - as ansible-runner below: only who runs something needs it

    with private_dir(KIND) as folder:
        content.write(folder / "project")
        write_private(folder / "ansible.cfg", "")
        write_private(folder / "inventory" / "hosts.yml", "all: {}\n")
        asked = [_ansible(), "--syntax-check", "-i", str(folder / "inventory"), playbook]
        environment = {"PATH": os.environ.get("PATH", "")} | _environment(folder, "", None)
        try:
            checked = subprocess.run(
                asked,
                cwd=folder / "project",
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_SYNTAX_S,
            )
        except subprocess.TimeoutExpired:
            return f"its syntax was not checked within {_SYNTAX_S:g} s"
        said = [line for line in checked.stderr.splitlines() if line.strip() and "[WARNING]" not in line]
        return " ".join(said).replace(f"{folder / 'project'}/", "")[:800] if checked.returncode else ""


def inventory(hosts: Sequence[Host], groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The inventory of a run: the hosts it was given by register id, where each answers, and what it is."""
    facts = {host.id: {**host_facts(host), "onshore_department": host.department} for host in hosts}
    children: dict[str, Any] = {TARGETS: {"hosts": facts}}
    children |= {group: {"hosts": {name: {} for name in members}} for group, members in groups.items()}
    return {"all": {"children": children}}


class _Data(yaml.SafeDumper):
    """Writes every text as data that Ansible never evaluates: a password may hold braces."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


_Data.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text, style='"'))


def _stage(folder: Path, run: Run) -> None:
    run.content.write(folder / "project")
    (folder / "s").mkdir(mode=0o700)
    (folder / "home").mkdir(mode=0o700)
    write_private(folder / "ansible.cfg", "")
    write_private(folder / "known_hosts", known_hosts(run.hosts))
    write_private(folder / "inventory" / "hosts.yml", json.dumps(inventory(run.hosts, run.groups)))
    if run.variables:
        # Keys are names and stay plain; what they hold is data.
        lines = [f"{json.dumps(name)}: {_dumped(value)}" for name, value in run.variables.items()]
        write_private(folder / "env" / "extravars", "\n".join(["---", *lines, ""]))
    starter = folder / "start"
    write_private(starter, script(folder, _ansible()))
    starter.chmod(0o700)


def _dumped(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Data, default_flow_style=True, width=10**9, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").removesuffix("\n")


def _ansible() -> str:
    """The ansible-playbook of this environment, not one that happens to be on PATH."""
    found = Path(sys.executable).with_name("ansible-playbook")
    if not found.exists():
        fault = Fault("ansible-playbook", "not installed beside this Python", fix="install the project's environment")
        raise OnshoreError("Ansible cannot be run", [fault])
    return str(found)


def _environment(folder: Path, ssh: str, login: Login | None) -> dict[str, str]:
    """Everything Ansible is told, so that no configuration of this machine or folder says otherwise."""
    project = folder / "project"
    told = {
        "LC_ALL": "C.UTF-8",
        "HOME": folder / "home",
        processes.MARK: folder,
        "ANSIBLE_CONFIG": folder / "ansible.cfg",
        "ANSIBLE_HOME": folder / "home" / ".ansible",
        "ANSIBLE_ROLES_PATH": project / "roles",
        "ANSIBLE_COLLECTIONS_PATH": project / "collections",
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": False,
        "ANSIBLE_INVENTORY_ENABLED": "yaml",
        "ANSIBLE_HOST_KEY_CHECKING": True,
        "ANSIBLE_PIPELINING": True,
        "ANSIBLE_NO_TARGET_SYSLOG": True,
        "ANSIBLE_DEPRECATION_WARNINGS": False,
        "ANSIBLE_LOCALHOST_WARNING": False,
        "ANSIBLE_NOCOLOR": True,
        "ANSIBLE_FORKS": _FORKS,
        "ANSIBLE_TIMEOUT": 10,
    }
    if login:
        told |= {"ANSIBLE_SSH_ARGS": ssh, "ANSIBLE_REMOTE_USER": login.user, "ANSIBLE_PRIVATE_KEY_FILE": login.key}
    return {name: str(value) for name, value in told.items()}


def _run(
    folder: Path, run: Run, login: Login, scrub: Callable[[str], str], report: Report, stopping: Stopping
) -> Outcome:
    import ansible_runner  # noqa: PLC0415 - takes a tenth of a second, and only a run needs it

    own = Stopping()
    gatherer = Gatherer([host.id for host in run.hosts], scrub, report, check=run.check, stop=own.ask)
    arguments = [run.playbook, *(["--check"] if run.check else []), "--diff"]
    arguments += ["--tags", ",".join(run.tags)] if run.tags else []
    ssh = connection(folder / "known_hosts", folder / "s", login.key)
    with _watched(folder, run.timeout_s, stopping, own) as killed:
        ended = ansible_runner.run(
            private_data_dir=str(folder),
            ident="run",
            binary=str(folder / "start"),
            cmdline=shlex.join(arguments),
            inventory=str(folder / "inventory" / "hosts.yml"),
            envvars=_environment(folder, ssh, login),
            settings={"suppress_output_file": True, "pexpect_timeout": 1},
            quiet=True,
            event_handler=gatherer.take,
            cancel_callback=killed.is_set,
        )
    if own.reason:
        during = f", during task {gatherer.task!r}" if gatherer.task else ""
        gatherer.outcome.ended = f"{own.reason}{during}"
        return gatherer.outcome
    return gatherer.finish(int(ended.rc or 0))


@contextmanager
def _watched(folder: Path, timeout_s: float, stopping: Stopping, own: Stopping) -> Iterator[threading.Event]:
    """Stop the run when anybody asks or its time is up; afterwards nothing of it is left running."""
    over, killed = threading.Event(), threading.Event()

    def watch() -> None:
        began = time.monotonic()
        while not over.wait(_LOOK_S):
            if stopping.reason:
                own.ask(stopping.reason, stopping.grace_s)
            elif timeout_s and time.monotonic() - began >= timeout_s:
                own.ask(f"not done within {timeout_s:g} s")
            if own.reason:
                processes.end(folder, grace_s=own.grace_s)
                killed.set()
                return

    thread = threading.Thread(target=watch, name="watch-ansible", daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()
        processes.end(folder, grace_s=0.0)
