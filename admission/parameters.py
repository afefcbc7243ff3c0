"""The parameters of the policies: what register and profile say of one cluster, as one object of a kind of its own.

A kind of its own, and no ConfigMap: the API server finds its objects also after all policies have gone and come again,
checks their form, and few people may write them (`docs/decisions/2026-11-25-rules-in-the-cluster.md`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from admission.lawful import said_of
from inventories.labels import GOVERNANCE_LABEL_PREFIX
from policies.checks.image_source import hosts_in_country

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.models import Cluster, Profile, Provider
    from policies.subject import Facts

GROUP: Final = GOVERNANCE_LABEL_PREFIX.rstrip("/")
PLURAL: Final = "admissionparameters"
KIND: Final = "AdmissionParameters"
API_VERSION: Final = f"{GROUP}/v1"
NAME: Final = "onshore"
DEFINITION: Final = f"{PLURAL}.{GROUP}"


def definition() -> dict[str, Any]:
    """The kind; an object that lacks a field cannot be written."""
    names = {"plural": PLURAL, "singular": "admissionparameter", "kind": KIND, "listKind": f"{KIND}List"}
    schema = _mapping(spec=_spec()) | {"required": ["spec"]}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": DEFINITION},
        "spec": {"group": GROUP, "scope": "Cluster", "names": names, "versions": [version]},
    }


def parameters(facts: Facts, provider: Provider, cluster: Cluster) -> dict[str, Any]:
    """The object's spec, without its digest. Categories stand under their ids and under their aliases."""
    profile = facts.profile
    return {
        "cluster": cluster.id,
        "register": f"{facts.register.version}@{facts.register.digest[:12]}",
        "order": [each.id for each in sorted(profile.categories, key=lambda each: each.rank)],
        "categories": _categories(profile, facts, provider, cluster),
        "ingressClass": cluster.ingress_classes.internal,
        "encryptedStorageClasses": sorted(cluster.encrypted_storage_classes),
        "imageRegistries": sorted(hosts_in_country(facts)),
    }


def _categories(profile: Profile, facts: Facts, provider: Provider, cluster: Cluster) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for category in profile.categories:
        rule = category.rule
        asked = {
            "id": category.id,
            "rank": category.rank,
            "exposure": rule.exposure,
            "podSecurity": rule.pod_security,
            "imageDigest": rule.image_digest,
            "imageRegistryInCountry": rule.image_registry_in_country,
            "encryptionAtRest": rule.encryption_at_rest,
            "dedicatedNodes": rule.dedicated_nodes,
            **said_of(facts, provider, cluster, category),
        }
        found |= dict.fromkeys((category.id, *category.aliases), asked)
    return found


def _spec() -> dict[str, Any]:
    text, flag = {"type": "string"}, {"type": "boolean"}
    verdict = _mapping(until=text | {"format": "date-time"}, refused=text)
    verdict |= {"minProperties": 1, "maxProperties": 1}
    category = _mapping(
        id=text,
        rank={"type": "integer"},
        exposure=text,
        podSecurity=text,
        imageDigest=flag,
        imageRegistryInCountry=flag,
        encryptionAtRest=flag,
        dedicatedNodes=flag,
        here=verdict,
    )
    category["required"] = sorted(category["properties"])
    category["properties"]["departments"] = _map_of(verdict)
    spec = _mapping(
        digest=text,
        cluster=text,
        register=text,
        order={"type": "array", "items": text, "minItems": 1},
        categories=_map_of(category),
        ingressClass=text,
        encryptedStorageClasses={"type": "array", "items": text},
        imageRegistries={"type": "array", "items": text},
    )
    return spec | {"required": sorted(spec["properties"])}


def _mapping(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties)}


def _map_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": dict(schema)}
