"""Asks the pack as the engine does: protocol messages in, rule ids out; nothing between is replaced."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as wire

import inventories
from inventories.labels import CATEGORY_LABEL
from inventories.models import Setting, Source
from policies.pack import Pack
from policies.resource_types import load_resource_types
from policies.state import StateFacts
from policies.subject import Facts
from tests.worlds import DEPARTMENT, TODAY, load_cases

if TYPE_CHECKING:
    from inventories.models import Category, Profile, Register

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a wire constant
DROP: Final = object()
ENFORCE: Final = "pod-security.kubernetes.io/enforce"
DIGEST: Final = "registry.example/app@sha256:" + "a" * 64
PROVIDER_TYPE: Final = "pulumi:providers:kubernetes"
STACK_TYPE: Final = "pulumi:pulumi:Stack"
LAWFUL_STATE: Final = StateFacts("file:///srv/state", "passphrase")
PROJECT: Final = Path(__file__).resolve().parents[2]


def secret(value: Any) -> dict[str, Any]:
    """A value as the engine sends a secret."""
    return {SIGNATURE: SECRET_SIGNATURE, "value": value}


@cache
def certificate(name: str = "example-ca") -> bytes:
    """A CA certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def ca_sha256(name: str = "example-ca") -> str:
    """The digest under which a register knows that certificate."""
    parsed = x509.load_pem_x509_certificate(certificate(name))
    return hashlib.sha256(parsed.public_bytes(serialization.Encoding.DER)).hexdigest()


def access(server: str, *, ca: str = "example-ca") -> dict[str, Any]:
    """A lawful kubeconfig, as data."""
    authority = base64.b64encode(certificate(ca)).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "one", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": "me", "user": {"token": "not-to-be-shown"}}],
        "contexts": [{"name": "here", "context": {"cluster": "one", "user": "me"}}],
        "current-context": "here",
    }


def changed(value: Any, *path: Any, to: Any) -> Any:
    """A copy with one place changed; `DROP` removes it, missing mappings on the way are made."""
    made = copy.deepcopy(value)
    inner = made
    for key in path[:-1]:
        inner = inner.setdefault(key, {}) if isinstance(inner, dict) else inner[key]
    if to is DROP:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return made


@dataclass(frozen=True)
class Resource:
    """A resource as a program registers it; `provider`: its provider, None for a component."""

    type: str
    props: Any
    provider: Provider | None = None
    name: str = "it"


@dataclass(frozen=True)
class Provider:
    """A provider resource; a `kubeconfig` of None is lawful, anything else stands as given."""

    type: str = PROVIDER_TYPE
    name: str = "cluster"
    kubeconfig: Any = None
    more: Any = None


class World:
    """A stack of a category on one lawful cluster, and the pack that judges it."""

    def __init__(
        self,
        category: str = "restricted",
        *,
        register: Register | None = None,
        profile: Profile | None = None,
        on: date = TODAY,
        config: dict[str, str | None] | None = None,
        facts: Facts | None = None,
        state: StateFacts = LAWFUL_STATE,
    ) -> None:
        lawful = load_cases()[0]
        self.register = known_ca(register or lawful.register)
        told = {"onshore:category": category, "onshore:department": DEPARTMENT} | (config or {})
        self.config = {key: value for key, value in told.items() if value is not None}
        self.facts = facts or law(self.register, profile or lawful.profile, on)
        self.pack = Pack(self.facts)
        asked = wire.AnalyzerStackConfigureRequest(stack="s", project="p", config=self.config)
        with patch("policies.facts.read_state", return_value=state):
            self.pack.ConfigureStack(asked, None)

    @property
    def cluster(self) -> Any:
        return self.register.providers[0].clusters[0]

    def kubeconfig(self) -> dict[str, Any]:
        """The lawful kubeconfig of the world's cluster, as data."""
        return access(self.cluster.server)

    def analyze(self, resource: Resource) -> list[Any]:
        """The pack's diagnostics about one resource."""
        return list(self.pack.Analyze(self.request(resource), None).diagnostics)

    def refused_by(self, resource: Resource) -> set[str]:
        """The ids of the rules that refuse a resource."""
        found = self.analyze(resource)
        early = any(rule.effective_on > self.facts.on for rule in self.facts.rules.values())
        assert early or all(one.enforcementLevel == wire.MANDATORY for one in found)
        return {one.policyName for one in found}

    def stack_refused_by(
        self,
        *resources: Resource,
        sources: dict[str, dict[str, list[str]]] | None = None,
        waits: dict[str, list[str]] | None = None,
    ) -> set[str]:
        """The rules that refuse a finished stack.

        By name, the URNs that a property of a resource was computed from (`sources`), and those it waits for (`waits`).
        """
        request = wire.AnalyzeStackRequest()
        for resource in resources:
            asked = self.request(resource)
            self.pack.Analyze(asked, None)
            item = request.resources.add(type=asked.type, urn=asked.urn, name=asked.name, properties=asked.properties)
            if resource.provider:
                item.provider.CopyFrom(asked.provider)
            for key, urns in (sources or {}).get(resource.name, {}).items():
                item.propertyDependencies[key].urns.extend(urns)
            item.dependencies.extend((waits or {}).get(resource.name, []))
        return {one.policyName for one in self.pack.AnalyzeStack(request, None).diagnostics}

    def request(self, resource: Resource) -> wire.AnalyzeRequest:
        """What the engine would send."""
        made = wire.AnalyzeRequest(
            type=resource.type, urn=urn(resource), name=resource.name, properties=struct(resource.props)
        )
        if resource.provider:
            provider = resource.provider
            made.provider.CopyFrom(
                wire.AnalyzerProviderResource(
                    type=provider.type,
                    urn=f"urn:pulumi:s::p::{provider.type}::{provider.name}",
                    name=provider.name,
                    properties=struct(self.provider_props(provider)),
                )
            )
        return made

    def provider_props(self, provider: Provider) -> dict[str, Any]:
        """A provider's inputs."""
        given = secret(json.dumps(self.kubeconfig())) if provider.kubeconfig is None else provider.kubeconfig
        return {"kubeconfig": given, "version": "4.34.2"} | (provider.more or {})

    def provider(self, provider: Provider | None = None) -> Resource:
        """The provider resource itself."""
        provider = provider or Provider()
        return Resource(provider.type, self.provider_props(provider), name=provider.name)


def urn(resource: Resource) -> str:
    return f"urn:pulumi:s::p::{resource.type}::{resource.name}"


def struct(value: Any) -> struct_pb2.Struct:
    """Properties as they travel."""
    return json_format.ParseDict(value, struct_pb2.Struct())


def known_ca(register: Register) -> Register:
    """The register with clusters that answer under a certificate the tests have."""
    providers = tuple(
        provider.model_copy(
            update={"clusters": tuple(c.model_copy(update={"ca_sha256": ca_sha256()}) for c in provider.clusters)}
        )
        for provider in register.providers
    )
    return register.model_copy(update={"providers": providers})


@cache
def _rules_and_types() -> Any:
    return inventories.load_rules(), load_resource_types(Path(inventories.__file__).parent / "resource_types")


def law(register: Register, profile: Profile, on: date) -> Facts:
    """The shipped rules and types over a register and profile; state may lie on this machine."""
    rules, types = _rules_and_types()
    return Facts(register, with_setting(profile, "state-on-this-machine", value=True), rules, types, on)


def with_setting(profile: Profile, name: str, *, value: Any) -> Profile:
    """A profile with one setting of another value."""
    others = tuple(one for one in profile.settings if one.id != name)
    source = Source(instrument="made up for tests", confidence="fictional")
    return profile.model_copy(update={"settings": (*others, Setting(id=name, value=value, source=source))})


def with_rule(profile: Profile, category: str, **rule: Any) -> Profile:
    """A profile in which one category asks for something else."""

    def one(found: Category) -> Category:
        return found.model_copy(update={"rule": found.rule.model_copy(update=rule)}) if found.id == category else found

    return profile.model_copy(update={"categories": tuple(map(one, profile.categories))})


def made(kind: str, api_version: str, *, category: str | None = "restricted", **fields: Any) -> Resource:
    """A lawful Kubernetes resource with these fields."""
    group = api_version if "/" in api_version else f"core/{api_version}"
    metadata: dict[str, Any] = {"name": kind.lower(), "namespace": "app", "labels": {}}
    if category is not None:
        metadata["labels"][CATEGORY_LABEL] = category
    props = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
    return Resource(f"kubernetes:{group}:{kind}", props, Provider(), kind.lower())


def pod_spec() -> dict[str, Any]:
    """A pod spec that keeps the level restricted."""
    return {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "app",
                "image": DIGEST,
                "ports": [{"containerPort": 8080}],
                "env": [{"name": "WORD", "value": secret("not-to-be-shown")}],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def deployment(*path: Any, to: Any = None, category: str = "restricted") -> Resource:
    """A lawful Deployment, or one with a place in its pod spec changed."""
    spec = changed(pod_spec(), *path, to=to) if path else pod_spec()
    template = {"metadata": {"labels": {CATEGORY_LABEL: category}}, "spec": spec}
    return made("Deployment", "apps/v1", category=category, spec={"replicas": 2, "template": template})


def namespace(name: str = "app", *, category: str = "restricted", level: str = "restricted") -> Resource:
    """A lawful Namespace."""
    labels = {CATEGORY_LABEL: category, ENFORCE: level}
    props = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    return Resource("kubernetes:core/v1:Namespace", props, Provider(), name)


def edited(resource: Resource, *path: Any, to: Any) -> Resource:
    """A resource with one place in its properties changed."""
    return Resource(resource.type, changed(resource.props, *path, to=to), resource.provider, resource.name)


def table(rows: dict[str, tuple[Any, ...]]) -> Any:
    """A test's table: the name of a row -> what is asked, and the rules that refuse it."""
    return pytest.mark.parametrize(
        ("asked", "refusing"), [(row[0], set(row[1:])) for row in rows.values()], ids=list(rows)
    )


def text(kubeconfig: dict[str, Any]) -> str:
    """A kubeconfig as YAML."""
    return yaml.safe_dump(kubeconfig)
