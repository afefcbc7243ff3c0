"""What really runs is judged by the rules that let it in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.project import CLUSTER_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Claimed
    from tests.project import Onshore

STACK, HOME = "health-vaccination-api", "health-example-vaccination-api"
STRAY = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stray", "namespace": HOME}, "data": {"a": "b"}}
HIDDEN = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "stray", "namespace": HOME},
    "stringData": {"word": "not-to-be-shown"},
}


def found(onshore: Onshore, code: int) -> dict[str, Any]:
    done = onshore("audit", "--cluster", CLUSTER_ID, "--format", "json")
    assert done.returncode in (code, 3), done.stdout + done.stderr
    assert "not-to-be-shown" not in done.stdout
    told: dict[str, Any] = json.loads(done.stdout)
    told["here"] = [one for one in told["findings"] if one["stack"] == HOME]
    return told


@pytest.mark.cluster
def test_what_went_up_lawfully_is_clean_and_what_came_by_another_way_is_found(
    onshore: Onshore, kubectl: Callable[..., Any]
) -> None:
    up = onshore("up", STACK, "--yes")
    assert up.returncode == 0, up.stdout + up.stderr
    told = found(onshore, 0)
    assert told["here"] == []
    assert told["resources"] > 5
    assert told["unread"] == []
    onshore.write("states/s.json", onshore("stack", "export", STACK).stdout)
    state = onshore("audit", "states")
    assert state.returncode == 0, state.stdout + state.stderr
    for obj in (STRAY, HIDDEN):
        kubectl("create", "-f", "-", stdin=obj)
    told = found(onshore, 3)
    stray = {one["urn"].split("::")[2] for one in told["here"] if one["rule"] == "CAT-001"}
    assert stray == {"kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:Secret"}
    assert {one["department"] for one in told["here"]} == {"health-example"}


def test_a_cluster_that_does_not_answer_or_is_not_registered_is_never_clean(claimed: Claimed) -> None:
    for cluster in (CLUSTER_ID, "example-nowhere"):
        done = claimed.onshore("audit", "--cluster", cluster, "--format", "json")
        assert done.returncode == 2, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert not told["clean"]
        assert len(told["unread"]) == 1


def test_another_clusters_kubeconfig_is_not_followed(claimed: Claimed) -> None:
    claimed.kubeconfig["clusters"][0]["cluster"]["server"] = "https://192.0.2.1:6443"
    claimed.save()
    done = claimed.onshore("audit", "--cluster", CLUSTER_ID)
    assert done.returncode == 2
    assert "another server" in done.stdout


def test_nothing_to_audit_is_wrong_input(offline: Onshore) -> None:
    assert offline("audit").returncode == 2
