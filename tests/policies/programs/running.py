"""Runs a whole program at preview with the pack attached: the real engine, the pack behind its own protocol.

One server answers for all programs, so that a program costs hundredths of a second. The SDKs of AWS, Azure and Google
are hundreds of megabytes and no dependencies of the project: their programs register the same tokens and properties
through the SDK's own generic resource.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pulumi

from engine.testing import Ran, run
from inventories.models import KeyStore, PulumiRegion, Site
from policies.pack import Pack
from tests.policies.asking import LAWFUL_STATE, law
from tests.policies.beside import beside
from tests.policies.checks.test_clouds import AUTH, world
from tests.worlds import DEPARTMENT, TODAY, load_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inventories.models import Register

ABROAD = "https://identity.abroad.example/v3"
KEYS = {
    "aws": "arn:aws:kms:pk-1:000000000000:key/",
    "azure": "https://vault.example/keys/",
    "gcp": "projects/health/locations/pk1/keyRings/",
}


@dataclass(frozen=True)
class Program:
    """A program, the rules that refuse it, and the category of its stack."""

    body: Callable[[], object]
    refused_by: frozenset[str] = frozenset()
    category: str = "restricted"


def refused(body: Callable[[], object], *rules: str) -> Program:
    """A program that these rules refuse, and no other."""
    return Program(body, frozenset(rules))


def resource(token: str, name: str, props: dict[str, Any], provider: pulumi.ProviderResource | None) -> Any:
    """A resource of any SDK; its properties stand as given."""
    return pulumi.CustomResource(token, name, props, pulumi.ResourceOptions(provider=provider))


def register() -> Register:
    """A provider in the country with a region of each cloud, and one abroad: its OpenStack region has the same name."""
    told = world().register
    (home,) = told.providers
    region = home.regions[-1]
    everything = frozenset({"vm", "volume", "object-store", "database", "kubernetes"})
    names = {"aws": "pk-1", "azure": "pakistan", "azure-native": "pakistan", "gcp": "pk1"}
    others = tuple(
        region.model_copy(
            update={
                "id": f"region-{package}",
                "pulumi": PulumiRegion(package=package, region=name),
                "service_kinds": everything,
                "encrypted_at_rest": everything,
                "openstack": None,
            }
        )
        for package, name in names.items()
    )
    scope = home.accreditation.scope.model_copy(update={"service_kinds": everything})
    accreditation = home.accreditation.model_copy(update={"scope": scope})
    home = home.model_copy(update={"regions": (*home.regions, *others), "accreditation": accreditation})
    site = Site(id="xa-site", name="Abroad", country="XA")
    there = region.model_copy(
        update={
            "id": "region-abroad",
            "sites": (site.id,),
            "pulumi": PulumiRegion(package="openstack", region="RegionOne", endpoint=ABROAD),
        }
    )
    abroad = home.model_copy(
        update={"id": "csp-abroad", "sites": (site,), "regions": (there,), "clusters": (), "hosts": ()}
    )
    own = home.sites[0].id
    stores = tuple(KeyStore(id=id_, prefix=prefix, department=DEPARTMENT, site=own) for id_, prefix in KEYS.items())
    return told.model_copy(update={"providers": (home, abroad), "key_stores": stores})


@contextmanager
def served() -> Iterator[Callable[[Program], Ran]]:
    """How to preview a program with the pack attached."""

    def preview(program: Program) -> Ran:
        config = {"onshore:category": program.category, "onshore:department": DEPARTMENT}
        return run(program.body, preview=True, config=config, policy_packs=(Path("policies"),))

    with (
        beside(Pack(law(register(), load_cases()[0].profile, TODAY))),
        patch("policies.facts.read_state", return_value=LAWFUL_STATE),
    ):
        yield preview


__all__ = ["ABROAD", "AUTH", "KEYS", "Program", "refused", "resource", "served"]
