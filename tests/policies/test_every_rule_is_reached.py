"""Every rule refuses something that the engine can send: what its check yields comes out under its id."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from inventories import load_rules
from inventories.models import Waiver
from policies.dispatcher import load_checks
from policies.state import StateFacts
from tests.policies.asking import STACK_TYPE, UNKNOWN, Provider, Resource, World, deployment, edited, made, namespace
from tests.worlds import TODAY, load_cases

if TYPE_CHECKING:
    from collections.abc import Callable

RULES: Final = load_rules()
LEGAL: Final = {rule: case for case in load_cases() for rule in sorted(case.expect)}
AWS: Final = Provider("pulumi:providers:aws", "cloud", more={"region": "xa-1"})


def _legal(rule: str) -> set[str]:
    case = LEGAL[rule]
    config: dict[str, Any] = {"onshore:exposure": case.request.exposure}
    world = World(case.request.category, register=case.register, profile=case.profile, on=case.on, config=config)
    return world.refused_by(Resource(STACK_TYPE, {})) | world.refused_by(world.provider())


def _waived() -> set[str]:
    ended = Waiver(
        id="noc-1", rule="IMG-001", stacks=("s",), urn_pattern="urn:pulumi:s::p::kubernetes:apps/v1:Deployment::*",
        owner="A person",
        reason="None",
        approving_office="Office", reference="NOC/1", starts_on=TODAY - timedelta(9), ends_on=TODAY - timedelta(1),
    )  # fmt: skip
    world = World(facts=replace(World().facts, waivers=(ended,)))
    return world.refused_by(deployment("containers", 0, "image", to="registry.example/app:1"))


def _asked(token: str, **props: Any) -> Callable[[], set[str]]:
    return lambda: World().refused_by(Resource(token, props, AWS if token.startswith("aws:") else Provider()))


REACHED: Final[dict[str, Callable[[], set[str]]]] = {
    "CAT-001": lambda: World().refused_by(made("ConfigMap", "v1", category=None)),
    "CAT-004": lambda: World().refused_by(edited(made("ConfigMap", "v1"), "metadata", "namespace", to="default")),
    "CRY-001": _asked("aws:ebs/volume:Volume", encrypted=False),
    "CRY-002": lambda: World().refused_by(
        made("Ingress", "networking.k8s.io/v1", spec={"ingressClassName": "internal", "rules": [{"host": "a.example"}]})
    ),
    "CRY-003": lambda: World().refused_by(made("StorageClass", "storage.k8s.io/v1", provisioner="x")),
    "CRY-004": _asked("aws:ec2/instance:Instance", userData="PASSWORD=not-to-be-shown"),
    "EXP-001": lambda: World().refused_by(made("Service", "v1", spec={"type": "NodePort"})),
    "FLO-001": _asked(
        "onshore:index:StackReading",
        category="restricted",
        department="health-example",
        fromStack="p/other",
        fromCategory="secret",
        fromDepartment="health-example",
        outputs=["url"],
    ),
    "HST-001": _asked("onshore:index:Fleet", category="restricted", hosts=["elsewhere"]),
    "IMG-001": lambda: World().refused_by(deployment("containers", 0, "image", to="app")),
    "NET-001": lambda: World().stack_refused_by(namespace()),
    "OPQ-001": _asked("kubernetes:helm.sh/v3:Release"),
    "OPQ-002": _asked("nobody:index:Thing"),
    "PIN-001": lambda: World().refused_by(Resource("kubernetes:core/v1:ConfigMap", made("ConfigMap", "v1").props)),
    "PIN-002": lambda: World().refused_by(Resource("pulumi:providers:kubernetes", {"kubeconfig": "a: b"})),
    "PIN-003": lambda: World().refused_by(Resource("pulumi:providers:kubernetes", {"kubeconfig": "~/.kube/config"})),
    "POD-001": lambda: World().refused_by(deployment("hostPID", to=True)),
    "RES-002": _asked("aws:rds/instance:Instance", replicateSourceDb="x"),
    "RES-003": _asked("aws:cloudfront/distribution:Distribution"),
    "STA-001": lambda: World(state=StateFacts()).refused_by(Resource(STACK_TYPE, {})),
    "UNK-001": lambda: World().refused_by(made("Service", "v1", spec={"type": UNKNOWN})),
    "WVR-001": _waived,
}


def _begun(rule: str) -> set[str]:
    """A rule that `onshore new rule` began names a type, and refuses it whatever it says."""
    concerns = [check.concern for check in load_checks(RULES) if check.rule.id == rule and check.concern]
    return {found for one in concerns for token in one.types for found in World().refused_by(Resource(token, {}))}


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_refuses_something(rule: str) -> None:
    ways = REACHED[rule]() if rule in REACHED else _legal(rule) if rule in LEGAL else _begun(rule)
    assert rule in ways


def test_every_way_to_a_rule_is_to_one_there_is() -> None:
    assert set(REACHED) <= set(RULES)
