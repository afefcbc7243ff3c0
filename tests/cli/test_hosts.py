"""`onshore hosts`: try-out hosts come and go by command, and inventories are written and checked."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.main import run

if TYPE_CHECKING:
    from tests.hosts import Hosts
    from tests.project import Onshore

KEY = ".onshore/ssh/id_ed25519"
USE = ("--department", "health-example", "--category", "restricted")


@pytest.fixture
def inside(offline: Onshore, monkeypatch: pytest.MonkeyPatch) -> Onshore:
    """A project that is the current folder of this process too."""
    monkeypatch.chdir(offline.root)
    monkeypatch.setenv("ONSHORE_OVERLAYS", "")
    return offline


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_without_root_and_programs_up_says_all_that_is_missing(
    inside: Onshore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sandbox._host_needs._SEARCHED", "/nowhere")
    assert run(["hosts", "up", "--json"]) == 2
    error = told(capsys)
    assert error["error"] == "there can be no sandbox hosts here"
    assert len(error["faults"]) == 2
    assert "openssh-server" in error["faults"][1]["fix"]
    assert run(["hosts", "up"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (inside.root / ".onshore" / "hosts").exists()


def test_hosts_nobody_can_register_are_refused_before_they_start(
    inside: Onshore, capsys: pytest.CaptureFixture[str], possible_hosts: None
) -> None:
    del possible_hosts
    wrong = ["--region", "example-csp-alpha-khj", "--department", "helth-example", "--ceiling", "restrcted"]
    assert run(["hosts", "up", *wrong, "--json"]) == 2
    assert [fault["fix"] for fault in told(capsys)["faults"]] == [
        "did you mean `example-csp-alpha-khi`?",
        "did you mean `health-example`?",
        "did you mean `restricted`?",
    ]
    assert run(["hosts", "up", "--region", "example-csp-beta-isb", "--json"]) == 2
    assert "hosts stand in a region that offers vm" in told(capsys)["faults"][0]["what"]
    assert run(["hosts", "up", "--count", "101", "--json"]) == 2
    assert run(["hosts", "up", "--name", "No Name", "--json"]) == 2
    assert not list((inside.root / ".onshore").glob("hosts/*"))


def test_hosts_come_are_listed_and_go(offline: Onshore, possible_hosts: None) -> None:
    del possible_hosts
    del offline.environment["ONSHORE_OVERLAYS"]
    made = offline("hosts", "up", "--count", "1", "--on-premises", "1", "--json")
    try:
        assert made.returncode == 0, made.stderr
        assert [(host["name"], host["ready"]) for host in json.loads(made.stdout)["hosts"]] == [
            ("onprem-1", True),
            ("host-1", True),
        ]
        assert json.loads(offline("hosts", "status", "--json").stdout) == [json.loads(made.stdout)]
        assert (offline.root / KEY).read_bytes() == Path(json.loads(made.stdout)["identity"]).read_bytes()
        assert stat.S_IMODE((offline.root / KEY).stat().st_mode) == 0o600
        listed = json.loads(offline("hosts", "list", "--json").stdout)
        assert {"host-1"} < {host["id"] for host in listed["hosts"]}
        assert {"onprem-1"} < {host["id"] for host in listed["on_premises"]}
        written = offline("hosts", "inventory", *USE, "inventories/hosts/health")
        assert written.returncode == 0, written.stderr
        assert offline("hosts", "check").stdout.startswith("inventories/hosts/health/hosts.yaml: 2 hosts, no faults")
    finally:
        down = offline("hosts", "down")
    assert (down.returncode, "no host of sandbox is left" in down.stderr) == (0, True)
    assert list((offline.root / ".onshore" / "hosts").iterdir()) == []
    assert not (offline.root / KEY).exists()
    gone = offline("hosts", "check")
    assert (gone.returncode, "HST-001 the register has no such host" in gone.stderr) == (3, True)
    assert offline("hosts", "down", "--all").returncode == 0
    assert "no hosts here" in offline("hosts", "status").stderr


def test_a_key_that_somebody_put_there_is_left_alone(offline: Onshore, possible_hosts: None) -> None:
    del possible_hosts
    offline.write(KEY, "a person's key")
    try:
        assert offline("hosts", "up", "--department", "finance-example").returncode == 0
        listed = json.loads(offline("hosts", "up", "--json").stdout)["overlay"]
        assert "department: finance-example" in Path(listed).read_text()
        assert offline("hosts", "up", "--department", "health-example").returncode == 2
    finally:
        offline("hosts", "down")
    assert (offline.root / KEY).read_text() == "a person's key"


def test_list_says_what_speaks_against_a_host_on_a_day(inside: Onshore, capsys: pytest.CaptureFixture[str]) -> None:
    del inside
    assert run(["hosts", "list", "--on", "2024-12-31", "--json"]) == 0
    before = {host["id"]: host["refused"] for host in told(capsys)["hosts"]}
    assert any(reason.startswith("ACC-001") for reason in before["example-host-khi-1"])
    assert run(["hosts", "list", "--on", "2026-06-01", "--department", "health-example"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("1 host on 2026-06-01\nexample-host-khi-1 ")
    assert "example-onprem-1" in shown
    assert "ACC-" not in shown
    assert run(["hosts", "list", "--category", "secret", "--on", "2026-06-01"]) == 0
    assert "above the host's ceiling" in capsys.readouterr().out
    assert run(["hosts", "list", "--department", "nobody"]) == 2
    assert run(["hosts", "list", "--category", "nothing"]) == 2


def test_an_inventory_is_written_again_but_never_over_a_persons_file(
    inside: Onshore, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = inside.root / "inventories" / "hosts" / "health"
    command = ["hosts", "inventory", *USE, "inventories/hosts/health"]
    assert run(command) == run(command) == 0
    before = (folder / "group_vars" / "all.yaml").read_text()
    for name in ("hosts.yaml", "group_vars/all.yaml", "known_hosts"):
        (folder / name).write_text("mine: true\n")
    (folder / "hosts.yaml").write_text("all: {}\n")
    assert run(command) == 2
    error = capsys.readouterr().err
    assert error.count("somebody else's file stands here") == 3
    assert (folder / "group_vars" / "all.yaml").read_text() == "mine: true\n" != before


def test_no_inventory_is_written_where_no_host_is_lawful(inside: Onshore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hosts", "inventory", "--department", "health-example", "--category", "secret", "new"]) == 3
    assert "no host may hold secret data of health-example" in capsys.readouterr().err
    assert not (inside.root / "new").exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hosts.yaml": "all: {hosts: {elsewhere: {ansible_host: 192.0.2.9}}}\n"}, 3),
        ({"group_vars/web.yaml": "ansible_ssh_common_args: -o ProxyCommand=nc\n"}, 3),
        ({"hosts.yaml": "all: [\n"}, 2),
        ({"group_vars/web.yaml": b"\xff\xfe"}, 2),
    ],
)
def test_what_is_not_the_registers_word_is_refused_and_what_cannot_be_read_is_wrong(
    inside: Onshore, capsys: pytest.CaptureFixture[str], change: dict[str, str | bytes], code: int
) -> None:
    folder = inside.root / "inventories" / "hosts" / "health"
    assert run(["hosts", "inventory", *USE, str(folder)]) == 0
    assert run(["hosts", "check"]) == 0
    for name, content in change.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    capsys.readouterr()
    assert run(["hosts", "check", "--json"]) == code
    error = told(capsys)
    assert error["exit_code"] == code
    assert all(fault["where"].startswith("inventories/hosts/health/") for fault in error["faults"])
    assert run(["hosts", "check", "inventories/hosts/health/hosts.yaml"]) == code


def test_without_an_inventory_there_is_nothing_to_check(inside: Onshore, capsys: pytest.CaptureFixture[str]) -> None:
    del inside
    assert run(["hosts", "check"]) == 2
    assert "onshore hosts inventory" in capsys.readouterr().err


def test_an_overlay_of_hosts_is_refused_by_a_production_profile(inside: Onshore, hosts: Hosts, tmp_path: Path) -> None:
    settings = yaml.safe_load((inside.root / "onshore.yaml").read_text())
    (inside.root / "onshore.yaml").write_text(yaml.safe_dump(settings | {"profile": "pakistan-cloud-first"}))
    refused = inside("hosts", "inventory", *USE, str(tmp_path / "new"), ONSHORE_OVERLAYS=str(hosts.overlay))
    assert refused.returncode == 3
    assert "host-1: ACC-004 fictional data in production" in refused.stderr
