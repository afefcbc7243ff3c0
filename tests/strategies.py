"""Hypothesis strategies: registers and requests as wild as the models allow, with few enough names to meet by chance.

`registers()` are consistent, as the loader lets them through; `registers(consistent=False)` also hold clusters at
sites and in regions that nobody knows.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, get_args

from hypothesis import settings
from hypothesis import strategies as st

from components.placement import Request
from inventories.models import (
    Accreditation,
    Approval,
    Audit,
    Cluster,
    Department,
    DeploymentModel,
    IngressClasses,
    Provider,
    Register,
    Scope,
    SecurityLevel,
    Site,
    Status,
    StatusChange,
)
from tests.worlds import AUDIT_KINDS, FOREVER, FOUNDED, audit, cluster, prices, region, register

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

# A busy machine is no counterexample.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

CATEGORIES = ("open", "public", "restricted", "confidential", "secret")
DEPARTMENTS = ("health-example", "finance-example")
MODELS = get_args(DeploymentModel)
# Lawful values come more often, so that lawful clusters do come up.
_MODELS = st.sampled_from(("government", "government", *MODELS))
_LEVELS = st.sampled_from((SecurityLevel.HIGHEST, SecurityLevel.HIGHEST, *SecurityLevel))
_COUNTRIES = st.sampled_from(("PK", "PK", "PK", "XA"))
_STATUSES = st.sampled_from((Status.ACCREDITED, Status.ACCREDITED, *Status))
_OUTCOMES: SearchStrategy[Any] = st.sampled_from(("passed", "passed", "failed"))
_RARELY = st.sampled_from((*[False] * 11, True))
_EVERYTHING = Scope(service_kinds=frozenset({"kubernetes"}), deployment_models=frozenset(MODELS))
_PASSED = tuple(audit(kind, FOUNDED, FOREVER, outcome="passed") for kind in AUDIT_KINDS)
_scopes = st.builds(
    Scope,
    service_kinds=st.frozensets(st.sampled_from(("kubernetes", "vm"))),
    deployment_models=st.frozensets(st.sampled_from(MODELS)),
)
_PRICES = st.builds(prices, *[st.integers(0, 30).map(lambda n: n * 100.0)] * 3)

dates = st.integers(0, 1500).map(lambda days: FOUNDED + timedelta(days=days))
"""The days on which anything begins, ends or is asked."""


@st.composite
def registers(draw: DrawFn, *, consistent: bool = True, max_providers: int = 4) -> Register:
    """A register in force or not, of some providers, with two departments and perhaps approvals."""
    sound = draw(st.booleans())
    issued, lasting = (FOUNDED, 4000) if sound else (draw(dates), draw(st.sampled_from((0, 400, 4000))))
    return register(
        *(
            draw(providers(f"csp-{number}", consistent=consistent))
            for number in range(draw(st.integers(1, max_providers)))
        ),
        departments=tuple(
            Department(id=name, name=name, group=f"onshore:{name}", fictional=not sound and draw(st.booleans()))
            for name in DEPARTMENTS
        ),
        approvals=tuple(draw(_approvals(number)) for number in range(draw(st.integers(0, 2)))),
        issued_on=issued,
        expires_on=issued + timedelta(days=lasting),
        fictional=not sound and draw(st.booleans()),
    )


@st.composite
def providers(draw: DrawFn, name: str, *, consistent: bool = True) -> Provider:
    """A provider with one to three sites, a region and perhaps clusters at each."""
    sites = [Site(id=f"{name}-site-{n}", name="Site", country=draw(_COUNTRIES)) for n in range(draw(st.integers(1, 3)))]
    regions = [region(f"{name}-region-{n}", (s.id,), draw(_MODELS), draw(_LEVELS)) for n, s in enumerate(sites)]
    # Half of them are sound in all they are asked for: faults drawn one by one would leave hardly any lawful cluster.
    sound = draw(st.booleans())
    lawful = ((StatusChange(status=Status.ACCREDITED, effective_on=FOUNDED),), _EVERYTHING, _PASSED)
    history, scope, audits = lawful if sound else (draw(_histories()), draw(_scopes), draw(_audits()))
    return Provider(
        id=name,
        name=name,
        fictional=not sound and draw(st.booleans()),
        accreditation=Accreditation(reference="EXAMPLE-ACC-0001", history=history, scope=scope),
        audits=audits,
        sites=tuple(sites),
        regions=tuple(regions),
        clusters=tuple(
            draw(_clusters(f"{name}-cluster-{n}", regions[n].id, sites[n].id, consistent=consistent))
            for n in range(draw(st.integers(0, len(sites))))
        ),
    )


@st.composite
def _clusters(draw: DrawFn, name: str, region_id: str, site_id: str, *, consistent: bool) -> Cluster:
    model = draw(_MODELS)
    official = draw(st.sampled_from((*MODELS, None, "government", "government"))) if model == "hybrid" else None
    adrift = not consistent and draw(st.booleans())
    return cluster(
        name,
        region="nowhere" if adrift and draw(st.booleans()) else region_id,
        site="nowhere" if adrift and draw(st.booleans()) else site_id,
        deployment_model=model,
        official_part=official,
        security_level=draw(_LEVELS),
        ingress_classes=IngressClasses(internal="internal", public=draw(st.sampled_from(("public", None)))),
        encrypted_storage_classes=draw(st.sampled_from(((), ("encrypted", "vault")))),
        dedicated_nodes=draw(st.booleans()),
        prices=draw(_PRICES),
        fictional=draw(_RARELY),
    )


@st.composite
def _approvals(draw: DrawFn, number: int) -> Approval:
    issued = draw(dates)
    return Approval(
        id=f"approval-{number}",
        department=draw(st.sampled_from(DEPARTMENTS)),
        category=draw(st.sampled_from(("secret", "secret", "confidential"))),
        deployment_model=draw(st.sampled_from(("private", "private", "public"))),
        office="Example Office",
        reference="EXAMPLE-APP-0001",
        issued_on=issued,
        expires_on=issued + timedelta(days=draw(st.sampled_from((0, 400, 4000)))),
    )


@st.composite
def _histories(draw: DrawFn) -> tuple[StatusChange, ...]:
    days = sorted(draw(st.sets(dates, min_size=1, max_size=3)))
    ends = draw(st.lists(st.none() | st.timedeltas(timedelta(0), timedelta(900)), min_size=3, max_size=3))
    return tuple(
        StatusChange(status=draw(_STATUSES), effective_on=day, valid_until=None if end is None else day + end)
        for day, end in zip(days, ends, strict=False)
    )


@st.composite
def _audits(draw: DrawFn) -> tuple[Audit, ...]:
    return tuple(
        audit(kind, held, held + timedelta(days=draw(st.sampled_from((5000, 100)))), outcome=draw(_OUTCOMES))
        for kind in AUDIT_KINDS
        for held in draw(st.lists(dates, max_size=2))
    )


@st.composite
def requests(draw: DrawFn, *, wishes: bool = True, public: bool = True) -> Request:
    """A sensible request of a known department; a wish now and then names something that may or may not exist."""
    wish: dict[str, Any] = {}
    if wishes and draw(st.booleans()):
        number, place = draw(st.integers(0, 4)), draw(st.integers(0, 2))
        possible = {
            "provider": f"csp-{number}",
            "region": f"csp-{number}-region-{place}",
            "site": f"csp-{number}-site-{place}",
            "cluster": f"csp-{number}-cluster-{place}",
            "country": draw(_COUNTRIES),
            "deployment_model": draw(_MODELS),
        }
        wish = {name: possible[name] for name in draw(st.sets(st.sampled_from(sorted(possible)), max_size=2))}
    return Request(
        department=draw(st.sampled_from(DEPARTMENTS)),
        category=draw(st.sampled_from((*CATEGORIES, "sensitive"))),
        exposure="public" if public and draw(st.booleans()) else "internal",
        vcpu=draw(st.sampled_from((0.5, 1.0, 4.0))),
        memory_gib=draw(st.sampled_from((0.5, 2.0))),
        storage_gib=draw(st.sampled_from((0.0, 10.0))),
        **wish,
    )


def any_day() -> SearchStrategy[date]:
    """Days far outside every record, too."""
    return dates | st.dates()
