"""Small worlds of one provider with one cluster, and the hand-written legal cases in `tests/cases/*.yaml`.

The default world is lawful for every category; a case says only what differs (see `tests/cases/README.md`).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from components.placement import Request
from inventories import OnshoreError, load_profile
from inventories.models import (
    Accreditation,
    Approval,
    Audit,
    AuditKind,
    Cluster,
    Department,
    DeploymentModel,
    Exposure,
    Host,
    ImageRegistry,
    IngressClasses,
    Prices,
    Profile,
    Provider,
    Record,
    Region,
    Register,
    Scope,
    SecurityLevel,
    ServiceKind,
    Site,
    Source,
    Status,
    StatusChange,
)
from inventories.yaml_source import read_yaml, validate

CASES = Path(__file__).parent / "cases"
FOUNDED = date(2025, 1, 1)
FOREVER = date(2036, 12, 31)
TODAY = date(2026, 6, 1)
DEPARTMENT = "health-example"
SOURCE = Source(instrument="made up for tests", confidence="fictional")
AUDIT_KINDS: tuple[AuditKind, ...] = ("compliance", "performance", "security")

AuditState = Literal["passed", "missing", "failed", "ran-out", "not-yet"]
Fictional = Literal["register", "provider", "cluster", "department"]


class _Approval(Record):
    deployment_model: DeploymentModel
    category: str = "secret"
    department: str = DEPARTMENT
    issued_on: date = FOUNDED
    expires_on: date = FOREVER


class _World(Record):
    """The fields of a case; every default is lawful."""

    case: str
    because: str
    category: str
    expect: Literal["allowed"] | frozenset[str]
    on: date = TODAY
    profile: str = "pakistan-cloud-first-trial"
    exposure: Exposure = "internal"
    history: tuple[StatusChange, ...] = (
        StatusChange(status=Status.ACCREDITED, effective_on=FOUNDED, valid_until=FOREVER),
    )
    service_kinds: frozenset[ServiceKind] = frozenset({"kubernetes"})
    models_in_scope: frozenset[DeploymentModel] | None = None
    audits: dict[AuditKind, AuditState] = Field(default_factory=dict)
    country: str = "PK"
    site_listed: bool = True
    model: DeploymentModel = "government"
    official_part: DeploymentModel | None = None
    level: SecurityLevel = SecurityLevel.HIGHEST
    dedicated_nodes: bool = True
    approval: _Approval | None = None
    register_from: date = FOUNDED
    register_until: date = FOREVER
    fictional: frozenset[Fictional] = frozenset()


class _HostWorld(_World):
    """A world with one host; `owner` is its department, and "cluster" among `fictional` is the host."""

    service_kinds: frozenset[ServiceKind] = frozenset({"vm"})
    ceiling: str = "secret"
    owner: str = DEPARTMENT


class _CaseFile(Record):
    cases: tuple[_World, ...]


class _HostCaseFile(Record):
    cases: tuple[_HostWorld, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One legal case: a register with one cluster, a request, and the rules that refuse it (none: allowed)."""

    id: str
    because: str
    register: Register
    profile: Profile
    request: Request
    on: date
    expect: frozenset[str]

    @property
    def cluster(self) -> Cluster:
        return self.register.providers[0].clusters[0]


@cache
def load_cases() -> tuple[Case, ...]:
    """Every case of every file, in order; raises OnshoreError where a file is not as the schema says."""
    cases = []
    for path in sorted(CASES.glob("*.yaml")):
        parsed, faults = validate(_CaseFile, read_yaml(path))
        if parsed is None:
            raise OnshoreError("the cases cannot be used", faults)
        cases += [_case(path.stem, world) for world in parsed.cases]
    return tuple(cases)


@cache
def load_host_cases() -> tuple[Case, ...]:
    """The same of `tests/cases/hosts`, where a host is asked for."""
    parsed, faults = validate(_HostCaseFile, read_yaml(CASES / "hosts" / "hosts.yaml"))
    if parsed is None:
        raise OnshoreError("the cases cannot be used", faults)
    cases = [_case("hosts", world) for world in parsed.cases]
    return tuple(replace(case, request=replace(case.request, service_kind="vm")) for case in cases)


def _case(group: str, world: _World) -> Case:
    return Case(
        id=f"{group}/{world.case}",
        because=world.because,
        register=_register(world),
        profile=load_profile(world.profile),
        request=Request(department=DEPARTMENT, category=world.category, exposure=world.exposure),
        on=world.on,
        expect=frozenset() if world.expect == "allowed" else frozenset(world.expect),
    )


def _register(world: _World) -> Register:
    approvals: tuple[Approval, ...] = ()
    if world.approval is not None:
        given: dict[str, Any] = dict(world.approval)
        approvals = (Approval(id="example-approval-1", office="Example Office", reference="EXAMPLE-APP-0001", **given),)
    department = Department(
        id=DEPARTMENT, name="Example Health", group="onshore:health-example", fictional="department" in world.fictional
    )
    return register(
        _provider(world),
        departments=(department,),
        approvals=approvals,
        fictional="register" in world.fictional,
        issued_on=world.register_from,
        expires_on=world.register_until,
    )


def _provider(world: _World) -> Provider:
    scope = world.models_in_scope if world.models_in_scope is not None else frozenset({world.model})
    return Provider(
        id="example-csp-alpha",
        name="Example CSP Alpha",
        fictional="provider" in world.fictional,
        accreditation=Accreditation(
            reference="EXAMPLE-ACC-0001",
            history=world.history,
            scope=Scope(service_kinds=world.service_kinds, deployment_models=scope),
        ),
        audits=tuple(
            audit for kind in AUDIT_KINDS for audit in _audits(kind, world.audits.get(kind, "passed"), world.on)
        ),
        sites=(Site(id="example-site-1", name="Example Site 1", country=world.country),),
        regions=(region("example-region-1", ("example-site-1",), world.model, world.level, world.official_part),),
        hosts=(_host(world),) if isinstance(world, _HostWorld) else (),
        clusters=()
        if isinstance(world, _HostWorld)
        else (
            cluster(
                "example-cluster-1",
                region="example-region-1",
                site="example-site-1" if world.site_listed else "example-site-9",
                deployment_model=world.model,
                official_part=world.official_part,
                security_level=world.level,
                dedicated_nodes=world.dedicated_nodes,
                fictional="cluster" in world.fictional,
            ),
        ),
    )


def _host(world: _HostWorld) -> Host:
    return Host(
        id="example-host-1",
        address="host-1.example",
        host_key="ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32).decode(),
        department=world.owner,
        site="example-site-1" if world.site_listed else "example-site-9",
        region="example-region-1",
        category_ceiling=world.ceiling,
        fictional="cluster" in world.fictional,
    )


def _audits(kind: AuditKind, state: AuditState, on: date) -> tuple[Audit, ...]:
    if state == "missing":
        return ()
    held, until = FOUNDED, FOREVER
    if state == "ran-out":
        held, until = on.replace(year=on.year - 2), on.replace(year=on.year - 1)
    if state == "not-yet":
        held = on.replace(year=on.year + 1)
    return (audit(kind, held, until, outcome="failed" if state == "failed" else "passed"),)


def register(provider: Provider, *more: Provider, **fields: Any) -> Register:
    """A register of these providers; other fields have lawful values unless given."""
    head = {"id": "example-register", "version": "test", "country": "PK", "source": SOURCE, "digest": "0" * 64}
    dates = {"issued_on": FOUNDED, "expires_on": FOREVER}
    images = ImageRegistry(
        id="example-images", host="registry.example", office="Example Office", site=provider.sites[0].id
    )
    lawful = {**head, **dates, "image_registries": (images,)}
    return Register.model_validate({**lawful, **fields, "providers": (provider, *more)})


def region(
    name: str,
    sites: tuple[str, ...],
    model: DeploymentModel,
    level: SecurityLevel,
    official_part: DeploymentModel | None = None,
) -> Region:
    """A region that offers Kubernetes and machines."""
    return Region(
        id=name,
        sites=sites,
        service_kinds=frozenset({"kubernetes", "vm"}),
        deployment_model=model,
        official_part=official_part,
        security_level=level,
    )


def cluster(name: str, **fields: Any) -> Cluster:
    """A cluster with an address made from its name; other fields as given, prices and ingress classes if not."""
    given = {
        "id": name,
        "server": f"https://{name}.example:6443",
        "ca_sha256": name.encode().hex().ljust(64, "0")[-64:],
        "ingress_classes": IngressClasses(internal="internal", public="public"),
        "encrypted_storage_classes": ("encrypted",),
        "prices": prices(1000, 500, 10),
    }
    return Cluster.model_validate(given | fields)


def prices(vcpu: float, memory: float, storage: float) -> Prices:
    """A price list in rupees a month."""
    return Prices(effective_on=FOUNDED, vcpu_month_pkr=vcpu, memory_gib_month_pkr=memory, storage_gib_month_pkr=storage)


def audit(kind: AuditKind, held_on: date, valid_until: date, *, outcome: Literal["passed", "failed"]) -> Audit:
    """One audit by an example auditor."""
    return Audit(
        kind=kind,
        held_on=held_on,
        valid_until=max(held_on, valid_until),
        outcome=outcome,
        auditor="Example Auditor",
        reference="EXAMPLE-AUD-0001",
    )
