"""What a run changes in what each month costs, from an engine's events: new, changed, unchanged, gone, not priced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pulumi import CustomResource, ProviderResource, ResourceOptions

from cli.costs import Costs, as_dict, as_words, costs
from engine.testing import Cloud, Kind, Stack
from tests.components.test_costing import REGISTER

if TYPE_CHECKING:
    from pathlib import Path

CLUSTER = "example-csp-alpha-khi-1"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"


def program(cluster: str = CLUSTER, **claims: int) -> Any:
    """Claims of so many GiB, and a load balancer, which has no price."""

    def run() -> None:
        access = ProviderResource("kubernetes", "cluster", {"kubeconfig": "x", "clusterIdentifier": cluster})
        opts = ResourceOptions(provider=access)
        for name, size in claims.items():
            CustomResource(CLAIM, name, {"spec": {"resources": {"requests": {"storage": f"{size}Gi"}}}}, opts)
        CustomResource("kubernetes:core/v1:Service", "front", {"spec": {"type": "LoadBalancer"}}, opts)

    return run


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack whose claims are replaced when they change their class."""
    return Stack(tmp_path, Cloud(kinds={CLAIM: Kind(fixed=("spec",))}))


def sums(found: Costs) -> tuple[float, float, float]:
    return found.before.monthly_cost_pkr, found.after.monthly_cost_pkr, found.difference_pkr


def test_a_change_shows_before_after_and_the_difference(stack: Stack) -> None:
    planned = costs(stack.preview(program(a=10, b=5)).events, REGISTER)
    assert sums(planned) == (0, 15 * 28, 15 * 28)
    done = costs(stack.up().events, REGISTER)
    assert sums(done) == sums(planned)
    unchanged = costs(stack.preview().events, REGISTER)
    assert sums(unchanged) == (420, 420, 0)
    assert "    2 unchanged: PKR 420.00" in as_words(unchanged)
    replaced = costs(stack.preview(program(a=20, c=1)).events, REGISTER)
    assert sums(replaced) == (420, 21 * 28, 6 * 28)
    words = as_words(replaced)
    assert (
        f"  ~ a (PersistentVolumeClaim) at {CLUSTER}: PKR 280.00 before, 20 GiB of storage x PKR 28.00 = PKR 560.00"
        in words
    )
    assert [line[:5] for line in words if line.startswith("  ") and "at example" in line] == ["  ~ a", "  + c", "  - b"]
    assert "  before PKR 420.00, after PKR 588.00, difference +168.00" in words


def test_a_destroy_saves_what_was_there(stack: Stack) -> None:
    stack.up(program(a=10))
    gone = costs(stack.destroy().events, REGISTER)
    assert sums(gone) == (280, 0, -280)
    assert "  before PKR 280.00, after PKR 0.00, difference -280.00" in as_words(gone)
    assert [gap["urn"].rpartition("::")[2] for gap in as_dict(gone)["notPriced"]] == ["front"]


def test_what_is_not_priced_is_named_and_never_counted(stack: Stack) -> None:
    found = costs(stack.preview(program(cluster="elsewhere", a=10)).events, REGISTER)
    assert sums(found) == (0, 0, 0)
    words = [line for line in as_words(found) if "not priced" in line]
    assert words == [
        "  + not priced: a (PersistentVolumeClaim): its provider names no cluster of the register",
        "  + not priced: front (Service): a load balancer, which has no price",
    ]
    document = json.loads(json.dumps(as_dict(found)))
    assert [(gap["before"], gap["after"]) for gap in document["notPriced"]] == [(False, True)] * 2
    assert document["currency"] == "PKR"


def test_where_nothing_costs_nothing_is_said(stack: Stack) -> None:
    found = costs(stack.preview(lambda: None).events, REGISTER)
    assert as_words(found) == []
