"""Where may this workload run, and where is it cheapest? A pure decision about every place of the register.

Places are clusters, hosts or regions: one kind for a request.

Nothing here reads a file or a clock. The same question gets the same answer, whatever the order of the register.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, get_args

from components._decision import OFFERS, WISH, WISHES, Advice, Change, Placement, Reason, Refusal, Request, Verdict
from components._host_candidates import host_candidates
from components._lawfulness import cluster_reasons, fictional_reason, model_reason, register_reasons, storage_reason
from components._region_candidates import region_candidates
from components._way_out import WayOut, cost_then_id, days_ahead, smallest
from inventories.faults import Fault
from inventories.hosts import Use
from inventories.models import DeploymentModel, Exposure
from inventories.pricing import monthly_cost_pkr, rates
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from components._host_candidates import HostCandidate
    from components._region_candidates import RegionCandidate
    from inventories.models import Category, Cluster, Profile, Provider, Register, RuleMeta, Site
    from inventories.pricing import Rates

__all__ = ["WISH", "Advice", "Change", "Placement", "Placer", "Reason", "Refusal", "Request", "Verdict", "place"]

_MODELS: Final = get_args(DeploymentModel)
_EXPOSURES: Final = get_args(Exposure)
_Wish: TypeAlias = tuple[int, str, str, Change]
"""The place of a wish among WISHES, what is wished, and what to say and do where it is not so."""
_NO_RULES: Final[Mapping[str, RuleMeta]] = MappingProxyType({})


def place(
    request: Request, register: Register, profile: Profile, *, on: date, rules: Mapping[str, RuleMeta] = _NO_RULES
) -> Placement | Refusal:
    """The cheapest lawful cluster (or host, or region) for a request on a day, or a refusal with every reason.

    Cost is the request's size at the price list, in rupees a month to the paisa; ties go by id.
    `rules` say from which day each binds: until then it advises. One that is not among them binds, and before the
    register's first day all do.
    Never raises: a request that makes no sense is a refusal with `faults`.
    """
    return Placer(register, profile, on=on, rules=rules).place(request)


class _Candidate(NamedTuple):
    """What is known of a cluster for a category before anyone asks; `places` in the order of WISHES."""

    provider: Provider
    cluster: Cluster
    site: Site | None
    places: tuple[str | None, ...]
    rates: Rates
    reasons: tuple[Reason, ...]
    model_by_department: bool
    no_storage: tuple[Reason, ...]


class Placer:
    """`place` for many requests on one register, profile and day: what does not hang on the request is found once."""

    def __init__(
        self, register: Register, profile: Profile, *, on: date, rules: Mapping[str, RuleMeta] = _NO_RULES
    ) -> None:
        self._register = register
        self._profile = profile
        self._on = on
        self._rules = rules
        later = {rule.id: rule.effective_on for rule in rules.values() if rule.effective_on > on >= register.issued_on}
        # A cluster whose site nobody knows is no place to build on, whatever binds; and a day before the register's own
        # is a wrong clock's, and excuses nothing.
        self._binds_from = {rule: day for rule, day in later.items() if rule != "RES-004"}
        self._reference = f"{register.version}@{register.digest[:12]}"
        self._later: dict[date, Placer] = {}
        self._candidates: dict[str, tuple[_Candidate, ...]] = {}
        self._sites = {provider.id: {site.id: site for site in provider.sites} for provider in register.providers}

    def place(self, request: Request) -> Placement | Refusal:
        """See `place`."""
        faults = tuple(self._faults(request))
        category = self._profile.category(request.category)
        if category is None or any(fault.where in _SIZES for fault in faults):
            return Refusal(request, self._on, self._reference, category, faults, ())
        verdicts = self._verdicts(request, category)
        lawful = [verdict for verdict in verdicts if not verdict.reasons]
        if faults or not lawful:
            found = None if faults else self._way_out(request, category, verdicts)
            changes, leads_to, day = (found.changes, found.leads_to, found.day) if found else ((), None, None)
            return Refusal(request, self._on, self._reference, category, faults, verdicts, changes, leads_to, day)
        best = min(lawful, key=cost_then_id)
        site, region = best.site, next(r for r in best.provider.regions if r.id == best.region)
        assert site is not None  # noqa: S101 - a cluster without a site has a reason (RES-004)
        return Placement(
            request=request,
            on=self._on,
            register=self._reference,
            category=category,
            provider=best.provider,
            place=best.place,
            site=site,
            region=region,
            monthly_cost_pkr=best.monthly_cost_pkr,
            verdicts=verdicts,
        )

    def _way_out(self, request: Request, category: Category, verdicts: tuple[Verdict, ...]) -> WayOut | None:
        country = self._profile.country
        found = smallest({self._on: verdicts}, self._on, country)
        if found and all(change.who == "department" for change in found.changes):
            return found  # what can be done today goes before any wait
        days = {self._on: verdicts}
        for day in days_ahead(self._register, self._on):
            if day not in self._later:
                self._later[day] = Placer(self._register, self._profile, on=day, rules=self._rules)
            days[day] = self._later[day]._verdicts(request, category)  # noqa: SLF001 - another day's self
        return smallest(days, self._on, country)

    def _verdicts(self, request: Request, category: Category) -> tuple[Verdict, ...]:
        wishes = [
            (at, value, *_wish_words(request, name, value))
            for at, name in enumerate(WISHES)
            if (value := getattr(request, name)) is not None
        ]
        asked = self._request_reasons(request, category)
        if request.kind_of_place != "cluster":
            return tuple(self._other_verdicts(request, category, wishes, asked))
        public = request.exposure == category.rule.exposure == "public"
        no_public_way = _no_public_way(request)
        size, storage = (request.vcpu, request.memory_gib, request.storage_gib), request.storage_gib
        found = []
        for provider, cluster, site, places, prices, reasons, model_by_department, no_storage in self._table(category):
            cost = monthly_cost_pkr(size, prices)
            if model_by_department:
                reasons += self._model_reasons(cluster, category, request.department)  # noqa: PLW2901 - a new tuple
            if asked:
                reasons += asked  # noqa: PLW2901 - a new tuple
            if storage and no_storage:
                reasons += no_storage  # noqa: PLW2901 - a new tuple
            if public and cluster.ingress_classes.public is None:
                reasons += (no_public_way,)  # noqa: PLW2901 - a new tuple
            for at, value, what, change in wishes:
                if places[at] != value:
                    reasons += (Reason(WISH, what, places[at] or "unknown", value, change.step, change),)  # noqa: PLW2901 - a new tuple
            advices: tuple[Advice, ...] = ()
            if self._binds_from:
                reasons, advices = self._parted(reasons)  # noqa: PLW2901 - a new tuple
            found.append(Verdict(provider, cluster, site, cost, reasons, advices))
        return tuple(found)

    def _other_verdicts(
        self, request: Request, category: Category, wishes: list[_Wish], asked: tuple[Reason, ...]
    ) -> Iterator[Verdict]:
        """The same of every host or region; none of them has a public way in."""
        public = (_no_public_way(request),) if request.exposure == category.rule.exposure == "public" else ()
        size = (request.vcpu, request.memory_gib, request.storage_gib)
        candidates: Iterable[HostCandidate | RegionCandidate]
        if request.kind_of_place == "host":
            use = Use(request.department, category, self._on)
            candidates = host_candidates(self._register, self._profile, use)
        else:
            candidates = region_candidates(self._register, self._profile, request, category, self._on)
        for provider, found, site, places, prices, law in candidates:
            unwished = [
                Reason(WISH, what, places[at] or "unknown", value, change.step, change)
                for at, value, what, change in wishes
                if places[at] != value
            ]
            reasons, advices = self._parted((*law, *asked, *public, *unwished))
            cost = None if prices is None else monthly_cost_pkr(size, prices)
            yield Verdict(provider, found, site, cost, reasons, advices)

    def _parted(self, reasons: tuple[Reason, ...]) -> tuple[tuple[Reason, ...], tuple[Advice, ...]]:
        """The reasons of rules that bind, and those of rules that do not bind yet."""
        later = self._binds_from
        advices = tuple(Advice(reason, later[reason.rule]) for reason in reasons if reason.rule in later)
        return tuple(reason for reason in reasons if reason.rule not in later), advices

    def _table(self, category: Category) -> tuple[_Candidate, ...]:
        if category.id not in self._candidates:
            self._candidates[category.id] = tuple(
                self._candidate(provider, cluster, category) for provider, cluster in self._register.clusters()
            )
        return self._candidates[category.id]

    def _candidate(self, provider: Provider, cluster: Cluster, category: Category) -> _Candidate:
        site = self._sites[provider.id].get(cluster.site)
        country = site.country if site else None
        reasons = [*register_reasons(self._register, self._on)]
        if self._profile.production:
            marked = (("register", self._register), (f"provider {provider.id}", provider), (cluster.id, cluster))
            fictional = [name for name, record in marked if record.fictional]
            reasons += [fictional_reason(fictional)] if fictional else []
        reasons += cluster_reasons(provider, cluster, site, category, self._profile, on=self._on)
        by_department = cluster.deployment_model in category.rule.models_by_approval
        if not by_department:
            reasons += self._model_reasons(cluster, category, "")
        unencrypted = storage_reason(cluster, category)
        return _Candidate(
            provider,
            cluster,
            site,
            (cluster.id, cluster.region, cluster.site, provider.id, country, cluster.deployment_model, None),
            rates(cluster.prices),
            tuple(reasons),
            by_department,
            (unencrypted,) if unencrypted else (),
        )

    def _model_reasons(self, cluster: Cluster, category: Category, department: str) -> tuple[Reason, ...]:
        approved = self._register.approved(department, category.id, cluster.deployment_model, on=self._on)
        reason = model_reason(cluster, category, department, approved=approved)
        return (reason,) if reason else ()

    def _request_reasons(self, request: Request, category: Category) -> tuple[Reason, ...]:
        """Reasons that lie in the request alone, and so hold against every cluster."""
        reasons = []
        department = self._register.department(request.department)
        if self._profile.production and department is not None and department.fictional:
            reasons.append(fictional_reason([f"department {department.id}"]))
        if request.exposure == "public" and category.rule.exposure == "internal":
            what = f"{category.id} data may not be open to the public"
            change = _keep_internal(request)
            reasons.append(Reason("EXP-001", what, "public", "internal", change.step, change))
        return tuple(reasons)

    def _faults(self, request: Request) -> Iterator[Fault]:
        """What is wrong with the request itself, whatever the law says."""
        register, profile = self._register, self._profile
        if register.country != profile.country:
            got = f"register {register.country}, profile {profile.country}"
            yield Fault("register", "register and profile are of different countries", got)
        if profile.category(request.category) is None:
            known = [name for category in profile.categories for name in (category.id, *category.aliases)]
            yield _unknown(request.place_of("category"), "data category", request.category, known)
        if register.department(request.department) is None:
            departments = sorted(department.id for department in register.departments)
            yield _unknown(request.place_of("department"), "department", request.department, departments)
        kinds: list[str] = sorted(OFFERS[request.target] if request.target else frozenset().union(*OFFERS.values()))
        if request.service_kind not in kinds:
            yield _unknown("service_kind", "kind of service that can be placed", request.service_kind, kinds)
        if request.exposure not in _EXPOSURES:
            yield _unknown(request.place_of("exposure"), "exposure", request.exposure, _EXPOSURES)
        wished = {name: value for name in WISHES if (value := getattr(request, name)) is not None}
        for name, value in wished.items():
            known = self._known_places()[name]
            if value not in known:
                yield _unknown(request.place_of(name), name.replace("_", " "), value, known)
        for name in _SIZES:
            size = getattr(request, name)
            if not 0 <= size <= _MAX_SIZE:  # false for NaN, too
                got = f"{size:g}" if isinstance(size, float) else f"a number of {size.bit_length()} bits"
                yield Fault(name, f"a size must be a number from 0 to {_MAX_SIZE}", got)

    def _known_places(self) -> dict[str, list[str]]:
        providers = self._register.providers
        return {
            "cluster": sorted(c.id for p in providers for c in p.clusters),
            "region": sorted(r.id for p in providers for r in p.regions),
            "site": sorted(s.id for p in providers for s in p.sites),
            "provider": sorted(p.id for p in providers),
            "country": sorted({s.country for p in providers for s in p.sites}),
            "deployment_model": list(_MODELS),
            "host": sorted(host.id for _, host in self._register.hosts()),
        }


_SIZES: Final = ("vcpu", "memory_gib", "storage_gib")
_MAX_SIZE: Final = 1_000_000_000


def _unknown(where: str, what: str, got: Any, known: list[str] | tuple[str, ...]) -> Fault:
    return Fault(
        where,
        f"unknown {what}",
        str(got),
        "what is not in the register or profile is refused",
        nearest(str(got), known),
    )


def _wish_words(request: Request, name: str, wished: str) -> tuple[str, Change]:
    what = f"not the {name.replace('_', ' ')} that was asked for"
    step = f"remove `{request.place_of(name)}: {wished}`" if request.from_stack else f"do not ask for {name} {wished}"
    return what, Change("department", step, name)


def _keep_internal(request: Request) -> Change:
    return Change("department", f"set `{request.place_of('exposure')}: internal`", "exposure")


def _no_public_way(request: Request) -> Reason:
    change = _keep_internal(request)
    what, got = "no way in from the public", "no public ingress class"
    return Reason(WISH, what, got, "a public ingress class", change.step, change)
