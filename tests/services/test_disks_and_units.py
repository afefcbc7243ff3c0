"""What hosts of a sandbox have not: encrypted disks as their tools tell them, and units as systemd reads them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

ROLES = Path(__file__).parents[2] / "playbooks" / "shipped" / "hosts" / "roles"
MACHINES = yaml.safe_load((Path(__file__).parent / "disks.yaml").read_text(encoding="utf-8"))
PLACES = ["/var/lib/postgresql", "/srv/onshore"]


def load_script() -> Any:
    spec = importlib.util.spec_from_file_location("disk_encryption", ROLES / "host_ready/files/disk_encryption.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_lsblk(device: dict[str, Any]) -> dict[str, Any]:
    """A device with everything that lsblk tells of one."""
    children = [as_lsblk(child) for child in device.get("children", ())]
    told = {"path": f"/dev/{device['kname']}", "type": "disk", "uuid": None, **device}
    return {**told, "children": children} if children else told


@pytest.mark.parametrize("machine", MACHINES, ids=[machine["id"] for machine in MACHINES])
def test_a_disk_is_encrypted_when_every_way_down_goes_through_dm_crypt(machine: dict[str, Any]) -> None:
    mounts = [dict(zip(("target", "source", "fstype"), line.split(" "), strict=True)) for line in machine["mounts"]]
    tree = {"blockdevices": [as_lsblk(device) for device in machine["devices"]]}
    assert load_script().faults(PLACES, {"filesystems": mounts}, tree, machine["ids"]) == machine["says"]


def test_this_very_machine_is_asked_without_a_fault_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    code = load_script().main(PLACES)
    said = capsys.readouterr().out
    assert (code, " lies on " in said) in {(0, False), (1, True)}


def test_the_playbook_asks_that_script_and_nothing_else() -> None:
    tasks = yaml.safe_load((ROLES / "host_ready/tasks/main.yml").read_text(encoding="utf-8"))
    asked = next(task for task in tasks if task.get("register") == "encrypted")["ansible.builtin.command"]["argv"]
    assert asked[2] == "{{ lookup('ansible.builtin.file', 'disk_encryption.py') }}"
    assert asked[3:] == PLACES


def units(**variables: str) -> dict[str, str]:
    """The units that a host gets, as Ansible writes them."""
    template = (ROLES / "supervised/templates/unit.service.j2").read_text(encoding="utf-8")
    as_ansible = {"trim_blocks": True, "keep_trailing_newline": True}
    environment = jinja2.Environment(**as_ansible, undefined=jinja2.StrictUndefined)  # noqa: S701 - not a page
    firewall = (ROLES / "firewall/files/onshore-firewall.service").read_text(encoding="utf-8")
    return {
        f"onshore-{variables['unit']}.service": environment.from_string(template).render(variables),
        "onshore-firewall.service": firewall,
    }


def verified(root: Path, texts: dict[str, str], unit: str) -> str:
    """What `systemd-analyze verify` has against units, read in a root of their own; no systemd runs for it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing (Debian: systemd)")
    shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)
    (root / "etc/systemd/system").mkdir(parents=True)
    for name, text in texts.items():
        (root / "etc/systemd/system" / name).write_text(text, encoding="utf-8")
    for program in (f"etc/onshore/sv/{unit}/run", "usr/local/lib/onshore/firewall"):
        (root / program).parent.mkdir(parents=True)
        (root / program).write_text("#!/bin/sh\n", encoding="utf-8")
        (root / program).chmod(0o755)
    command = ["systemd-analyze", "verify", "--man=no", f"--root={root}", *texts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"exit code {done.returncode}")


@pytest.mark.parametrize(("unit", "stop_signal"), [("records", "INT"), ("portal-backup", "TERM")])
def test_systemd_has_nothing_against_the_units_of_a_service(unit: str, stop_signal: str, tmp_path: Path) -> None:
    texts = units(unit=unit, stop_signal=stop_signal)
    assert f"KillSignal=SIG{stop_signal}" in texts[f"onshore-{unit}.service"]
    assert verified(tmp_path, texts, unit) == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("KillSignal=SIGTERM", "KillSignal=SIGNONE"), "Failed to parse signal name"),
        (("/etc/onshore/sv/records/run", "/etc/onshore/sv/records/ran"), "is not executable"),
        (("Restart=always", "Restrat=always"), "'Restrat'"),
    ],
)
def test_systemd_would_say_what_is_wrong_with_one(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    texts = {name: text.replace(*change) for name, text in units(unit="records", stop_signal="TERM").items()}
    assert says in verified(tmp_path, texts, "records")
