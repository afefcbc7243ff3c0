"""`onshore cluster`: what is refused before anything starts, and what `rm` takes away; no control plane is needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cli.refusals import refuse
from tests.cli.terminal import Terminal
from tests.project import CLUSTER_ID

if TYPE_CHECKING:
    from tests.project import Onshore

OTHER = "example-csp-alpha-lhe-1"


def _stopped_cluster(project: Onshore, name: str, role: str = CLUSTER_ID) -> None:
    """What a cluster that was stopped leaves behind."""
    folder = f".onshore/sandbox/{name}"
    ports = {"server": 1, "etcd": 2, "etcd_peer": 3}
    project.write(f"{folder}/cluster.json", json.dumps({"ports": ports, "nodes": 3, "register_cluster_id": role}))
    project.write(f"{folder}/kubeconfig", f"kubeconfig of {name}")
    project.write(f".onshore/kubeconfigs/{role}.yaml", f"kubeconfig of {name}")
    address = {"id": role, "server": "https://127.0.0.1:1", "ca_sha256": "0" * 64}
    overlay = {"overlay": "sandbox", "fictional": True, "clusters": [address]}
    project.write(f"{folder}/overlay.yaml", yaml.safe_dump(overlay))
    project.environment.pop("ONSHORE_OVERLAYS", None)


def test_a_cluster_that_another_plays_is_refused_with_the_line_to_type(offline: Onshore) -> None:
    _stopped_cluster(offline, "first")
    says = [
        "cluster first of this project plays it already",
        "onshore cluster up --name open --register-cluster example-csp-",
        OTHER,
    ]
    refuse(offline, "cluster", "up", "--name", "open", code=2, faults=1, says=says)


def test_a_cluster_that_the_register_lacks_cannot_be_played(offline: Onshore) -> None:
    command = ("cluster", "up", "--register-cluster", "example-csp-alpha-khi-2")
    refuse(offline, *command, code=2, faults=1, says=["no such cluster", f"did you mean `{CLUSTER_ID}`?"])


@pytest.mark.parametrize("verb", [("down",), ("rm", "--yes")], ids=["down", "rm"])
def test_a_cluster_that_is_not_there_is_named(offline: Onshore, verb: tuple[str, ...]) -> None:
    _stopped_cluster(offline, "first")
    done = offline("cluster", *verb, "--name", "nope")
    assert done.returncode == 2
    assert "there is no cluster nope" in done.stderr
    assert "clusters here: first" in done.stderr


def test_a_stopped_cluster_says_what_it_keeps(offline: Onshore) -> None:
    _stopped_cluster(offline, "first")
    for wanted in (["--all"], ["--name", "first"]):
        done = offline("cluster", "down", *wanted)
        assert done.returncode == 0, done.stderr
        assert "its data and address stay" in done.stderr
        assert "onshore cluster rm --name first" in done.stderr


def test_rm_cures_a_register_that_an_overlay_made_unusable(offline: Onshore) -> None:
    _stopped_cluster(offline, "lost", "example-csp-gone-1")
    offline.write(f".onshore/kubeconfigs/{OTHER}.yaml", "a person's own")
    broken = offline("register", "validate")
    assert broken.returncode == 2
    assert "onshore cluster rm --name lost" in broken.stderr
    unasked = offline("cluster", "rm", "--name", "lost")
    assert unasked.returncode == 2
    assert "add --yes" in unasked.stderr
    done = offline("cluster", "rm", "--name", "lost", "--yes")
    assert done.returncode == 0, done.stderr
    assert not (offline.root / ".onshore/sandbox/lost").exists()
    kubeconfigs = offline.root / ".onshore/kubeconfigs"
    assert [file.name for file in kubeconfigs.iterdir()] == [f"{OTHER}.yaml"]
    assert offline("register", "validate").returncode == 0


def test_a_no_at_the_question_does_nothing_and_says_so(offline: Onshore) -> None:
    _stopped_cluster(offline, "first")
    with Terminal(offline, "cluster", "rm", "--name", "first") as terminal:
        terminal.wait_for("[y/N]")
        terminal.type("n\n")
        assert terminal.ends() == 1
    assert "nothing was done" in terminal.text
    assert "error" not in terminal.text
    assert (offline.root / ".onshore/sandbox/first").exists()


def test_doctor_names_a_cluster_that_is_down_with_the_line_to_type(offline: Onshore) -> None:
    assert "cluster first" not in offline("doctor").stdout
    _stopped_cluster(offline, "first")
    done = offline("doctor")
    assert done.returncode == 0, done.stdout
    said = " ".join(done.stdout.split())
    assert "absent cluster first" in said
    assert "to start it, type: onshore cluster up --name first" in said
