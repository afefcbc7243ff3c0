"""The program of these tests, and what they ask of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine import Options
from engine.testing import Ran
from tests.embedded import Embedded

if TYPE_CHECKING:
    from tests.hosts import Hosts

PROGRAM = """
import json
from pathlib import Path

import pulumi

from components.ansible_run import AnsibleAccess, AnsibleRun
from components.governance import Law
from inventories import Settings

law = Law.load(Settings.load(Path(__file__).parent))
config = pulumi.Config()
spec = json.loads(config.require("run"))
secret = config.get("secret")
if secret:
    spec["variables"] = {**spec.get("variables", {}), "db_password": pulumi.Output.secret(secret)}
if spec:
    access = AnsibleAccess("access")
    run = AnsibleRun("web", **spec, law=law, opts=pulumi.ResourceOptions(provider=access))
    pulumi.export("results", run.results)
    pulumi.export("drift", run.drift)
"""


@dataclass
class Plays(Embedded):
    """The project and its engine; `site` is its usual playbook."""

    hosts: Hosts
    spec: dict[str, Any] = field(
        default_factory=lambda: {
            "department": "health-example",
            "category": "restricted",
            "hosts": ["host-1", "host-2"],
            "playbook": "web/site.yml",
            "variables": {"greeting": "salaam", "port": 8080},
            "timeout_s": 120,
        }
    )

    @property
    def site(self) -> list[dict[str, Any]]:
        content = "{{ greeting }} on {{ port }}\n"
        task = {"name": "the greeting", "copy": {"dest": "/srv/onshore/greeting", "content": content}}
        return [{"hosts": "targets", "gather_facts": False, "tasks": [task]}]

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def playbook(self, *tasks: dict[str, Any], name: str = "web/site.yml", **play: Any) -> None:
        """Replace the playbook."""
        self.write(name, json.dumps([{"hosts": "targets", "gather_facts": False, "tasks": list(tasks), **play}]))

    def tasks(self, name: str, *tasks: dict[str, Any]) -> None:
        """Write a role's tasks."""
        self.write(name, json.dumps(list(tasks)))

    def attempt(self, operation: str, *, secret: str = "", spec: dict[str, Any] | None = None, **changed: Any) -> Ran:
        """An operation with changed inputs (None: left out); it may fail."""
        wanted = {key: value for key, value in {**self.spec, **changed}.items() if value is not None}
        configuration = {"plays:run": json.dumps(wanted if spec is None else spec), "plays:secret": secret}
        text = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in configuration.items() if value)
        self.write("Pulumi.test.yaml", f"config:\n{text}")
        return Ran(getattr(self.engine(), operation)("test", Options()), ())

    def run(self, operation: str, **changed: Any) -> Ran:
        """An operation that has to succeed."""
        ran = self.attempt(operation, **changed)
        assert ran.errors == [], [e["diagnosticEvent"]["message"] for e in ran.events if "diagnosticEvent" in e]
        assert ran.result.ok
        return ran

    def outputs(self) -> dict[str, Any]:
        return self.engine().outputs("test", show_secrets=True)

    def resource(self) -> dict[str, Any]:
        """The run as the state has it."""
        resources = self.engine().export_state("test")["deployment"]["resources"]
        (found,) = [one for one in resources if one["type"] == "onshore-ansible:index:Playbook"]
        return found

    def greeting(self, host: str) -> str:
        found = self.hosts.ssh(host, "cat /srv/onshore/greeting 2>/dev/null || true")
        return found.stdout.decode().strip()


def said(ran: Ran, severity: str = "") -> str:
    """Everything a run said about resources."""
    events = [event["diagnosticEvent"] for event in ran.result.events if "diagnosticEvent" in event]
    return "\n".join(event["message"] for event in events if not severity or event["severity"] == severity)
