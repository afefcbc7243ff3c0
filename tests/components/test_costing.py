"""Bills of planned resources: what is priced and for how much, what is not and why, what costs nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import inventories
from components.costing import Bill, Planned, bill
from inventories import load_register
from inventories.pricing import Rates, Size, in_words, items, monthly_cost_pkr

REGISTER = load_register(Path(inventories.__file__).parent / "registers" / "example")
CLUSTER = {"clusterIdentifier": "example-csp-alpha-khi-1", "kubeconfig": "[secret]"}  # 2600, 650, 28
REGION = {"authUrl": "https://identity.khi.example-csp-alpha.example:5000/v3", "region": "RegionOne"}  # 2500, 620, 26
UNKNOWN = "(known after up)"


def bill_of(*resources: Planned) -> Bill:
    return bill(resources, REGISTER)


def made(token: str, *, provider: dict[str, Any] | None = None, name: str = "it", **inputs: Any) -> Planned:
    told = {"kubernetes": CLUSTER, "openstack": REGION}.get(token.partition(":")[0], {})
    return Planned(f"urn:pulumi:s::p::{token}::{name}", token, inputs, told if provider is None else provider)


def container(cpu: Any = "250m", memory: Any = "512Mi", **more: Any) -> dict[str, Any]:
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value is not None}
    return {"name": "app", "resources": {"requests": requests}, **more}


def pods(*containers: Any, **more: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": list(containers or (container(),)), **more}}}


def claim(storage: Any = "10Gi") -> dict[str, Any]:
    return {"spec": {"resources": {"requests": {"storage": storage}}}}


def deployment(spec: Any, **more: Any) -> Planned:
    return made("kubernetes:apps/v1:Deployment", metadata={"name": "web", "namespace": "n"}, spec=spec, **more)


def scaler(fewest: Any = 3) -> Planned:
    target = {"kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target} | ({} if fewest is None else {"minReplicas": fewest})
    return made(
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", name="scaler", metadata={"namespace": "n"}, spec=spec
    )


STORE = "openstack:objectstorage/container:Container"
POD = 0.25 * 2600 + 0.5 * 650
MACHINE, VOLUME = "openstack:compute/instance:Instance", "openstack:blockstorage/volume:Volume"
BOOT = {"bootIndex": 0, "sourceType": "image", "destinationType": "volume", "volumeSize": 20}
KUBERNETES: dict[str, tuple[tuple[Planned, ...], float | str | None]] = {
    "one replica where none is said": ((deployment(pods()),), POD),
    "three replicas": ((deployment({"replicas": 3, **pods()}),), 3 * POD),
    "none": ((deployment({"replicas": 0, **pods()}),), 0.0),
    "two containers": ((deployment(pods(container(), container("1", "1Gi"))),), POD + 2600 + 650),
    "cores as a number": ((deployment(pods(container(2, "1Gi"))),), 2 * 2600 + 650),
    "limits where nothing is requested": (
        (deployment(pods({"name": "a", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}})),),
        3250.0,
    ),
    "a first step that is larger": (
        (deployment(pods(container(), initContainers=[container("1", "512Mi")])),),
        2600 + 325.0,
    ),
    "a companion that stays": (
        (deployment(pods(container(), initContainers=[container(restartPolicy="Always")])),),
        2 * POD,
    ),
    "the fewest that an autoscaler keeps": ((deployment({"replicas": 1, **pods()}), scaler()), 3 * POD),
    "an autoscaler that says nothing": ((deployment({"replicas": 4, **pods()}), scaler(None)), POD),
    "a pod": ((made("kubernetes:core/v1:Pod", spec={"containers": [container()]}),), POD),
    "a job": ((made("kubernetes:batch/v1:Job", spec={"parallelism": 2, **pods()}),), 2 * POD),
    "a job every night": ((made("kubernetes:batch/v1:CronJob", spec={"jobTemplate": {"spec": pods()}}),), POD),
    "a claim": ((made("kubernetes:core/v1:PersistentVolumeClaim", **claim()),), 280.0),
    "claims of every replica": (
        (made("kubernetes:apps/v1:StatefulSet", spec={"replicas": 2, **pods(), "volumeClaimTemplates": [claim()]}),),
        2 * POD + 2 * 280,
    ),
    "a claim of a pod's own": (
        (deployment(pods(volumes=[{"ephemeral": {"volumeClaimTemplate": claim()}}, {"emptyDir": {}}])),),
        POD + 280,
    ),
    "a namespace": ((made("kubernetes:core/v1:Namespace"),), None),
    "a service inside": ((made("kubernetes:core/v1:Service", spec={"type": "ClusterIP"}),), None),
    "a random name": ((made("random:index/randomId:RandomId"),), None),
    "a load balancer": ((made("kubernetes:core/v1:Service", spec={"type": "LoadBalancer"}),), "load balancer"),
    "a pod on every node": ((made("kubernetes:apps/v1:DaemonSet", spec=pods()),), "on every node"),
    "no request": ((deployment(pods(container(None))),), "how much cpu"),
    "memory that is no quantity": ((deployment(pods(container(memory="much"))),), "cannot be read"),
    "a claim not known yet": ((made("kubernetes:core/v1:PersistentVolumeClaim", **claim(UNKNOWN)),), "cannot be read"),
    "replicas not known yet": ((deployment({"replicas": UNKNOWN, **pods()}),), "cannot be read"),
    "replicas below nothing": ((deployment({"replicas": -1, **pods()}),), "cannot be read"),
    "no specification": ((deployment("all"),), "no containers"),
    "a chart": ((made("kubernetes:helm.sh/v3:Release"),), "no price"),
    "an object of another kind": ((made("kubernetes:x.example/v1:Database"),), "not seen here"),
    "a cluster of nobody": ((deployment(pods(), provider={}),), "names no cluster"),
    "a cluster that is another's": ((deployment(pods(), provider={"clusterIdentifier": "x"}),), "names no cluster"),
    "a service on hosts": ((made("onshore-ansible:index:Playbook"),), "on hosts"),
    "another cloud": ((made("aws:ec2/instance:Instance"),), "no price"),
}
OPENSTACK: dict[str, tuple[tuple[Planned, ...], float | str | None]] = {
    "a volume": ((made(VOLUME, size=10),), 260.0),
    "a machine": ((made(MACHINE, flavorName="gp.medium"),), 2 * 2500 + 4 * 620),
    "a machine on a volume": (
        (made(MACHINE, flavorName="gp.small", blockDevices=[BOOT]),),
        2500 + 2 * 620 + 20 * 26,
    ),
    "a volume that exists": (
        (
            made(MACHINE, flavorName="gp.small", blockDevices=[{"sourceType": "volume", "destinationType": "volume"}]),
            made(VOLUME, name="data", size=1),
        ),
        2500 + 2 * 620 + 26,
    ),
    "a network": ((made("openstack:networking/network:Network"),), None),
    "a flavor of nobody": ((made(MACHINE, flavorName="huge"),), "no flavor huge"),
    "a flavor by id": ((made(MACHINE, flavorId="1"),), "by an id"),
    "a volume of no size": ((made(VOLUME),), "size is not known"),
    "a volume not known yet": ((made(VOLUME, size=UNKNOWN),), "size is not known"),
    "a boot volume of no size": (
        (made(MACHINE, flavorName="gp.small", blockDevices=[{**BOOT, "volumeSize": None}]),),
        "a volume of it",
    ),
    "an address without a price": ((made("openstack:networking/floatingIp:FloatingIp"),), "no price for an address"),
    "objects": ((made(STORE),), "a GiB of objects is PKR 9.00"),
    "objects of a declared size": ((replace(made(STORE), parent_inputs={"sizeGib": 100}),), 900.0),
    "objects of no size": ((replace(made(STORE), parent_inputs={"sizeGib": "much"}),), "not declared"),
    "a database": ((made("openstack:database/instance:Instance"),), "no price"),
    "another region": ((made(VOLUME, size=1, region="Elsewhere"),), "no region of the register"),
    "a region from the environment": ((made(VOLUME, provider={}, size=1),), "no region of the register"),
}


@pytest.mark.parametrize(("asked", "wanted"), (KUBERNETES | OPENSTACK).values(), ids=[*KUBERNETES, *OPENSTACK])
def test_what_resources_cost(asked: tuple[Planned, ...], wanted: float | str | None) -> None:
    found = bill_of(*asked)
    if isinstance(wanted, str):
        assert [(one.resource, wanted in one.why) for one in found.unpriced] == [(asked[0], True)], found
        assert found.monthly_cost_pkr == 0
        return
    assert found.unpriced == ()
    assert bool(found.lines) is (wanted is not None)
    assert found.monthly_cost_pkr == (wanted or 0)


def test_an_address_has_a_price_where_the_register_gives_one() -> None:
    providers = []
    for provider in REGISTER.providers:
        regions = [
            region.model_copy(
                update={
                    "prices": region.prices and region.prices.model_copy(update={"public_address_month_pkr": 900.0})
                }
            )
            for region in provider.regions
        ]
        providers.append(provider.model_copy(update={"regions": tuple(regions)}))
    register = REGISTER.model_copy(update={"providers": tuple(providers)})
    found = bill([made("openstack:networking/floatingIp:FloatingIp")], register)
    assert (found.monthly_cost_pkr, found.lines[0].place) == (900.0, "example-csp-alpha-khi")


def test_a_bill_in_words_names_quantity_and_unit_price() -> None:
    assert in_words(items(Size(0.5, 0, 3), Rates(2600, 650, 28))) == (
        "0.5 vCPU x PKR 2,600.00 + 3 GiB of storage x PKR 28.00"
    )
    assert in_words(items(Size(), Rates(1, 1, 1))) == "nothing"


_AMOUNTS = st.floats(0, 1e6)


@given(st.builds(Size, _AMOUNTS, _AMOUNTS, _AMOUNTS), st.builds(Rates, _AMOUNTS, _AMOUNTS, _AMOUNTS))
def test_the_items_of_a_bill_add_up_to_its_sum(size: Size, prices: Rates) -> None:
    added = sum(item.quantity * item.unit_price_pkr for item in items(size, prices))
    assert monthly_cost_pkr(size, prices) == pytest.approx(added, abs=0.01)
