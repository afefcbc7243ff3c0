"""`onshore migrate run` brings its targets up by the gate, moves the data into them, and goes on after a kill."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.migration.forms import COSTS, DISCOVERY, QUESTIONNAIRE
from tests.migration.test_migrate import COSTS_OF_ONE, answered
from tests.migration.test_over_ssh import put_tree
from tests.project import COMMAND, Onshore, make_project
from tests.services.site import CLIENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hosts import Hosts

PROGRAM = """
import json
from pathlib import Path

import pulumi

from components.ansible_run import AnsibleAccess
from components.file_store import FileStore

given = json.loads((Path(__file__).parent / "given.json").read_text())
FileStore("portal", given, pulumi.ResourceOptions(providers=[AnsibleAccess("hosts")]))
"""
SETTINGS = "name: targets\nruntime: python\nconfig:\n  pulumi:disable-default-providers: {value: ['*']}\n"
PLAIN = "name: targets\nruntime: python\n"
OWN = "register: ../inventories/registers/example\nprofile: pakistan-cloud-first-trial\n"
TRIAL = "config:\n  onshore:department: health-example\n  onshore:category: restricted\n"
FILES = "onprem-1/files/srv/portal"


@pytest.fixture
def moving(hosts: Hosts, tmp_path: Path) -> Iterator[Onshore]:
    """A planned move whose target is a stack's, which is not up."""
    made = make_project(tmp_path / "project")
    made.environment |= {"ONSHORE_OVERLAYS": str(hosts.overlay), "ONSHORE_SSH_KEY": str(hosts.identity)}
    put_tree(hosts, Path("/srv/portal"), 20)
    write_target(made, hosts)
    named = [{"host": name, "identity": str(hosts.identity)} for name in ("onprem-1", "host-1")]
    made.write("move/access.yaml", yaml.safe_dump({"hosts": named}))
    made.write("move/costs.yaml", COSTS_OF_ONE)
    assert made("migrate", "discover", "onprem-1", "--department", "health-example").returncode == 0
    file = made.root / "move" / "questionnaire.yaml"
    said = "    placement: {host: host-1}\n    stack: targets/trial\n"
    file.write_text(re.sub(r'(asset: ".*/files/srv/portal"\n)', rf"\1{said}", answered(file.read_text())))
    planned = made("migrate", "plan")
    assert planned.returncode == 0, planned.stderr
    yield made
    destroyed = made("destroy", "-C", "targets", "trial", "--yes")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    hosts.ssh("onprem-1", "rm -rf /srv/portal")
    hosts.ssh("host-2", "rm -rf /var/lib/onshore-backups/*")


def write_target(made: Onshore, hosts: Hosts) -> None:
    """The program that makes the target, in a folder of the project."""
    secret = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout
    given: dict[str, Any] = {
        "department": "health-example",
        "category": "restricted",
        "host": "host-1",
        "clients": [CLIENTS],
        "backup_host": "host-2",
        "backup_recipient": secret.split("public key: ")[1].split()[0],
        "quota_mib": 100,
        "writers": [hosts.identity.with_suffix(".pub").read_text()],
    }
    made.write("targets/Pulumi.yaml", SETTINGS)
    made.write("targets/Pulumi.trial.yaml", TRIAL)
    made.write("targets/__main__.py", PROGRAM)
    made.write("targets/given.json", json.dumps(given))


def steps(made: Onshore) -> list[tuple[str, str]]:
    ledger = made.root / "move" / "ledger.jsonl"
    lines = ledger.read_text().splitlines() if ledger.exists() else []
    return [(entry["step"], entry["asset"]) for entry in map(json.loads, lines)]


def alive(process: str) -> bool:
    try:
        return Path("/proc", process, "cmdline").read_bytes() != b""
    except OSError:
        return False


def test_a_run_that_was_killed_brings_its_target_up_and_moves_the_data_into_it(moving: Onshore, hosts: Hosts) -> None:
    argv = [*COMMAND, "migrate", "run", "1", "--yes"]
    told = moving.root / "told"
    with told.open("w") as output:
        process = subprocess.Popen(argv, cwd=moving.root, env=moving.environment, stdout=output, stderr=output)
        deadline = time.monotonic() + 280
        while "-set-up  creating" not in told.read_text() and process.poll() is None:
            assert time.monotonic() < deadline, told.read_text()
            time.sleep(0.1)
        packs = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "pulumi.policy"], capture_output=True, text=True, check=True
        )
        os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, told.read_text()
    deadline = time.monotonic() + 60
    while any(alive(pack) for pack in packs.stdout.split()):  # the policy packs end by themselves
        assert time.monotonic() < deadline, "a policy pack outlives its engine"
        time.sleep(0.1)
    assert steps(moving) == [("target begun", FILES)]
    assert list((moving.root / "targets" / ".onshore" / "state" / ".pulumi" / "locks").rglob("*.json")), (
        told.read_text()
    )
    ran = moving("migrate", "run", "1", "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{FILES}: copied (host-1)" in ran.stdout
    assert [step for step, asset in steps(moving) if asset == FILES] == [
        "target begun", "target begun", "target up", "copy started", "copied",
    ]  # fmt: skip
    assert moving("migrate", "run", "1").returncode == 0  # nobody has to say yes: nothing is to be brought up
    verified = moving("migrate", "verify", "1")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert hosts.ssh("host-1", "ls /srv/portal", check=False).stdout == b""
    assert hosts.ssh("host-1", "ls /srv/onshore/portal/tree").stdout != b""


PIECES = {
    "nothing": "import pulumi\npulumi.export('a', 1)\n",
    "another department's host": """
from components.ansible_run import AnsibleAccess, AnsibleRun
import pulumi
opts = pulumi.ResourceOptions(provider=AnsibleAccess("hosts"))
named = {"department": "health-example", "category": "restricted", "hosts": ["example-host-lhe-1"]}
AnsibleRun("x", **named, playbook="x.yml", opts=opts)
""",
    "unclassified": """
import pulumi
pulumi.CustomResource("nobody:index/knows:Thing", "thing", {})
""",
    "a mistake": "raise ValueError('a mistake')\n",
}
# what stands in the stack's program, files beside it, options, the exit code, what is said, and the ledger's last step
REFUSALS: dict[str, tuple[str, dict[str, str], list[str], int, str, str]] = {
    "nobody says yes": ("nothing", {}, [], 2, "add --yes", ""),
    "nothing of ours in it": ("nothing", {}, ["-y"], 3, "does not bring up what the plan says", "target refused"),
    "a component refuses": ("another department's host", {}, ["-y"], 3, "HST-001", "target refused"),
    "the pack refuses": ("unclassified", {"targets/Pulumi.yaml": PLAIN}, ["-y"], 3, "OPQ-002", "target refused"),
    "the program fails": ("a mistake", {}, ["-y"], 1, "a mistake", "target failed"),
    "facts of its own": ("nothing", {"targets/onshore.yaml": OWN}, ["-y"], 3, "by another onshore", "target refused"),
    "no project there": ("nothing", {"targets/Pulumi.yaml": ""}, ["-y"], 2, "no Pulumi project there", "target failed"),
}  # fmt: skip


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Onshore:
    """A planned move, on machines that nobody reaches, whose database's target is a stack's."""
    made = make_project(tmp_path_factory.mktemp("planned") / "project")
    made.environment["ONSHORE_ON"] = "2026-06-01"
    for name, text in (("discovery", DISCOVERY), ("costs", COSTS)):
        made.write(f"move/{name}.yaml", text)
    made.write("move/questionnaire.yaml", QUESTIONNAIRE.replace("Registrar}", "Registrar, stack: targets/trial}"))
    made.write("key", "")
    made.write("move/access.yaml", "hosts: [{host: example-host-khi-1, identity: ../key}]\n")
    assert made("migrate", "plan").returncode == 0
    return made


@pytest.mark.parametrize("what", REFUSALS)
def test_nothing_moves_where_the_gate_does_not_let_the_target_up(what: str, planned: Onshore) -> None:
    program, files, options, code, says, step = REFUSALS[what]
    shutil.rmtree(planned.root / "targets", ignore_errors=True)
    (planned.root / "move" / "ledger.jsonl").unlink(missing_ok=True)
    shipped = {
        "targets/Pulumi.yaml": SETTINGS,
        "targets/Pulumi.trial.yaml": TRIAL,
        "targets/__main__.py": PIECES[program],
    }
    for name, text in {**shipped, **files}.items():
        if text:
            planned.write(name, text)
    ran = planned("migrate", "run", "1", "--asset", "onprem-db-1/database/registry", *options)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert says in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert [name for name, _ in steps(planned)][1:] == ([step] if step else [])
