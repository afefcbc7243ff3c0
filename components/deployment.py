"""From a stack's configuration to a decision, and from the decision to components.

A stack is data: `onshore:*` keys in `Pulumi.<stack>.yaml` and a Score file. Nothing here imports Pulumi until something
is built, so that the command line can decide without it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from pydantic import Field, StringConstraints

from components.explain import as_error
from components.fitness import job_faults, most_replicas, service_faults, usual_replicas
from components.governance import Law
from components.placement import Refusal, Request, place
from components.pod import image_faults
from components.regional import build_regional, region_decisions, regional_faults, store_regions
from components.score import read_score
from inventories.faults import Fault, OnshoreError
from inventories.models import Country, DeploymentModel, Exposure, Id, Record
from inventories.questions import Questions
from inventories.yaml_source import display_name, parse_yaml, readable, validate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date
    from pathlib import Path

    from components.args import LandingZoneArgs, ScheduledJobArgs, WebServiceArgs
    from components.placement import Placement
    from components.workload import Workload
    from inventories.settings import Settings
    from inventories.yaml_source import Document

__all__ = ["Decision", "StackSpec", "build", "judge", "program_config", "read_spec"]

NAMESPACE: Final = "onshore:"
_MAX_NAMESPACE: Final = 63  # RFC 1123
_JSON_KEYS: Final = ("placement", "environment")
_MAY_BE_SECRET: Final = ("environment", "kubeconfig", "clouds")
_STRUCTURED_FIXES: Final = {
    "placement": "write `onshore:placement: {{{}: ...}}`",
    "environment": "set its keys one by one: onshore config set STACK onshore:environment.{} --path --secret",
}
_EXAMPLE_KEYS: Final = {"placement": "region", "environment": "KEY"}


class Wishes(Record):
    """`onshore:placement`: what narrows the choice of a place."""

    cluster: Id | None = None
    region: Id | None = None
    site: Id | None = None
    provider: Id | None = None
    country: Country | None = None
    deployment_model: DeploymentModel | None = None


class StackSpec(Record):
    """The `onshore:*` configuration of a stack; `workload` is a path from the folder of stacks."""

    department: str
    category: str
    workload: Annotated[str, StringConstraints(min_length=1)]
    placement: Wishes = Wishes()
    exposure: Exposure = "internal"
    environment: dict[str, str] = Field(default_factory=dict, repr=False)
    schedule: str | None = None
    replicas: Annotated[int, Field(ge=1, le=50)] | None = None
    kubeconfig: str | None = Field(default=None, repr=False)
    clouds: str | None = Field(default=None, repr=False)


@dataclass(frozen=True)
class Decision:
    """A workload and where it lawfully goes; `regional`: the same of what it has in regions."""

    spec: StackSpec
    score: Path
    workload: Workload
    placement: Placement
    law: Law
    regional: tuple[Placement, ...] = ()


def read_spec(
    config: Mapping[str, Any],
    *,
    where: str = "the stack's configuration",
    secret_keys: Iterable[str] | None = None,
    document: Document | None = None,
    settings: Settings | None = None,
) -> StackSpec:
    """The spec in a stack's configuration (all its keys, structured values as such or as JSON text).

    `secret_keys`: the keys whose values no fault may show; None hides all of them. `document`: the stack's file, for
    faults with its name and lines in place of `where`. Raises OnshoreError with every fault: a misspelt key (the
    nearest offered), a missing or unlawful value; with `settings`, what `judge` would say of the fields that are right.
    """
    given: dict[str, Any] = {}
    for key, value in config.items():
        if not key.startswith(NAMESPACE):
            continue
        name = key.removeprefix(NAMESPACE)
        given[name] = _structured(value) if name in _JSON_KEYS else value
    secret = config if secret_keys is None else secret_keys
    hidden = {*_MAY_BE_SECRET, *(key.removeprefix(NAMESPACE) for key in secret)}
    # Through the same door as files, for the same faults; lines of a text nobody wrote would only confuse.
    parsed = parse_yaml(json.dumps(given, ensure_ascii=False).encode(), where)
    spec, faults = validate(StackSpec, parsed, hidden=hidden)
    if spec is None:
        name = document.name if document else where
        questions = Questions(name)
        questions.found.append(
            OnshoreError(f"{name} cannot be used", [_in_stack(fault, where, document) for fault in faults])
        )
        if settings is not None:
            _ask_of_the_rest(questions, parsed, hidden, settings)
        questions.settle()
    return cast("StackSpec", spec)  # settle has raised


def program_config() -> tuple[dict[str, Any], set[str]]:
    """The configuration of the Pulumi program that runs, all keys of it, and which of them are secret."""
    from pulumi.runtime import config  # noqa: PLC0415 - see the top of this file

    # The SDK can be asked for a key by name only, and a misspelt key has no name to ask for.
    values = {**config.get_config_env(), **config.CONFIG.get()}
    secret = {*config.get_config_secret_keys_env(), *config._SECRET_KEYS.get()}  # noqa: SLF001 - as above
    return values, secret


def judge(spec: StackSpec, settings: Settings, *, on: date | None = None) -> Decision | Refusal:
    """Where a stack's workload goes today (or on a day) with all that is needed to build it, or why it goes nowhere.

    Raises OnshoreError on wrong input, and (`refused`) on what the category has against the workload itself.
    """
    law = Law.load(settings)
    law = law if on is None else replace(law, on=on)
    score = settings.root / "stacks" / spec.workload
    questions = Questions(spec.workload)
    workload = questions.ask(lambda: _read_workload(score, spec))
    placement = place(_request(spec, workload), law.register, law.profile, on=law.on, rules=law.rules)
    regional = tuple(region_decisions(spec, workload, law)) if workload else ()
    if workload is not None:
        questions.ask(lambda: _check_fit(spec, workload))
        if not isinstance(placement, Refusal):
            questions.faults += image_faults(workload, placement.category, law.register, law.profile.country)
        questions.faults += regional_faults(workload, regional, law)
    refusals = [found for found in (placement, *regional) if isinstance(found, Refusal)]
    if len(refusals) == 1 and not (refusals[0].faults or questions.found or questions.faults):
        return refusals[0]
    seen: dict[str, OnshoreError] = {}  # what is wrong with the stack is wrong for each of its places
    for error in map(as_error, refusals):
        seen.setdefault(str(error), error)
    questions.found += seen.values()
    questions.settle()
    placed = tuple(found for found in regional if not isinstance(found, Refusal))
    if workload is None or isinstance(placement, Refusal):
        raise AssertionError(spec.workload)  # settle has raised
    return Decision(spec, score, workload, placement, law, placed)


def build(decision: Decision, settings: Settings, *, secret_keys: Iterable[str] = ()) -> None:
    """Build a decided stack in the Pulumi program that runs; raises OnshoreError before anything is registered.

    `secret_keys`: the configuration keys that are secret; values of a secret `onshore:environment` stay so.
    """
    import pulumi  # noqa: PLC0415 - see the top of this file

    from components.cluster_access import ClusterAccess  # noqa: PLC0415 - imports Pulumi
    from components.landing_zone import LandingZone  # noqa: PLC0415 - imports Pulumi
    from components.scheduled_job import ScheduledJob  # noqa: PLC0415 - imports Pulumi
    from components.web_service import WebService  # noqa: PLC0415 - imports Pulumi

    spec, workload, placement, law = decision.spec, decision.workload, decision.placement, decision.law
    secret = NAMESPACE + "environment" in set(secret_keys)
    environment: dict[str, pulumi.Input[str]] = {
        key: pulumi.Output.secret(value) if secret else value for key, value in spec.environment.items()
    }
    facts: dict[str, Any] = {
        "department": placement.request.department,
        "category": placement.category.id,
        "cluster": placement.cluster.id,
        "namespace": namespace(decision),
    }
    access = ClusterAccess("cluster", kubeconfig=kubeconfig(decision, settings), cluster=placement.cluster)
    told, made = build_regional(decision, settings)
    environment |= told
    bounds = cast("LandingZoneArgs", {**facts, **_bounds(decision), "exposure": spec.exposure})
    zone = LandingZone("zone", bounds, pulumi.ResourceOptions(provider=access), law=law)
    opts = pulumi.ResourceOptions(provider=access, depends_on=[zone, *made])
    facts |= {"score": str(decision.score), "environment": environment, "stores": store_regions(decision)}
    if spec.schedule is not None:
        ScheduledJob(workload.name, cast("ScheduledJobArgs", {**facts, "schedule": spec.schedule}), opts, law=law)
    else:
        facts |= {"exposure": spec.exposure, "replicas": usual_replicas(workload, spec.replicas)}
        service = WebService(workload.name, cast("WebServiceArgs", facts), opts, law=law)
        pulumi.export("url", service.url)
    pulumi.export("category", placement.category.id)  # whoever reads this stack asks for these two first
    pulumi.export("department", placement.request.department)
    pulumi.export("cluster", placement.cluster.id)
    pulumi.export("namespace", namespace(decision))
    pulumi.export("country", placement.site.country)
    pulumi.export("register", placement.register)


def namespace(decision: Decision) -> str:
    """The namespace of a stack: its department and its workload."""
    return f"{decision.placement.request.department}-{decision.workload.name}"


def kubeconfig(decision: Decision, settings: Settings) -> str:
    """The kubeconfig's content: the stack's own, else the file of the cluster; raises OnshoreError."""
    if decision.spec.kubeconfig:
        return decision.spec.kubeconfig
    placement = decision.placement
    cluster = placement.cluster.id
    file = settings.kubeconfigs / f"{cluster}.yaml"
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        fix = f"save the kubeconfig of {cluster} there, or set the secret `onshore:kubeconfig`"
        if not decision.law.profile.production:
            short = cluster.removeprefix(f"{placement.provider.id}-").replace(".", "-")
            fix = f"for a try-out: onshore cluster up --name {short} --register-cluster {cluster}; else {fix}"
        fault = Fault(str(file), "the file is missing", fix=fix)
    except (OSError, UnicodeDecodeError) as error:
        fault = Fault(str(file), "the file cannot be read", got=type(error).__name__, fix="restore it")
    raise OnshoreError(f"there is no way to {cluster}", [fault])


def _read_workload(score: Path, spec: StackSpec) -> Workload:
    """The workload of a stack's Score file; raises OnshoreError."""
    if not score.exists():
        fix = "create it, or correct `onshore:workload`; its path counts from the folder `stacks`"
        fault = Fault(display_name(score), "the file is missing", got=spec.workload, fix=fix)
        raise OnshoreError(f"{display_name(score)} cannot be read", [fault])
    return read_score(score, spec.environment)


def _ask_of_the_rest(questions: Questions, document: Document, hidden: Collection[str], settings: Settings) -> None:
    """What the register, the profile and the Score file have against those fields that are right in themselves."""
    part = readable(StackSpec, document)
    law = questions.ask(lambda: Law.load(settings))
    unsaid = {"category", "department"} - part.model_fields_set
    if law is not None and not part.model_fields_set & {"category", "department"} & set(hidden):
        department, category = ("" if name in unsaid else getattr(part, name) for name in ("department", "category"))
        wishes = part.placement.model_dump()
        request = Request(department=department, category=category, from_stack=True, **wishes)
        found = place(request, law.register, law.profile, on=law.on, rules=law.rules)
        if isinstance(found, Refusal):
            told = [fault for fault in found.faults if fault.where not in map(request.place_of, unsaid)]
            questions.found += [OnshoreError("the stack cannot be placed", told)] if told else []
    if "workload" in part.model_fields_set and (
        "environment" in part.model_fields_set or not document.holds(("environment",))
    ):
        questions.ask(lambda: _read_workload(settings.root / "stacks" / part.workload, part))


def _request(spec: StackSpec, workload: Workload | None) -> Request:
    """The request of a stack; without its size while the workload cannot be read."""
    request = Request(
        department=spec.department,
        category=spec.category,
        exposure=spec.exposure,
        from_stack=True,
        **spec.placement.model_dump(),
    )
    if workload is None:
        return request
    pods = 1 if spec.schedule is not None else usual_replicas(workload, spec.replicas)
    vcpu, memory = pods * workload.vcpu, pods * workload.memory_gib
    return replace(request, vcpu=vcpu, memory_gib=memory, storage_gib=workload.storage_gib)


def _check_fit(spec: StackSpec, workload: Workload) -> None:
    """What the stack and its workload have against each other; raises OnshoreError."""
    if spec.schedule is None:
        faults = service_faults(workload, spec.replicas, spec.exposure)
    else:
        faults = job_faults(workload, spec.schedule)
        if spec.replicas is not None or spec.exposure != "internal":
            fix = "remove `onshore:replicas` and `onshore:exposure`"
            faults.append(Fault("onshore:schedule", "a scheduled job has neither replicas nor exposure", fix=fix))
    name = f"{spec.department}-{workload.name}"
    if len(name) > _MAX_NAMESPACE:
        fix = f"shorten it: {_MAX_NAMESPACE} characters in all"
        faults.append(Fault("metadata.name", "too long for a namespace", name, fix=fix))
    if faults:
        raise OnshoreError(f"{spec.workload} does not fit the stack", faults)


def _bounds(decision: Decision) -> dict[str, Any]:
    """The bounds of the landing zone: what the workload needs under full load, and one pod more to change it."""
    spec, workload, placement = decision.spec, decision.workload, decision.placement
    pods = 2 if spec.schedule is not None else most_replicas(workload, spec.replicas) + 1
    return {
        "pods": pods,
        "cpu": pods * workload.cpu_limit,
        "memory_gib": pods * workload.memory_limit_gib,
        "storage_gib": workload.storage_gib,
        # without its day: tomorrow's run must not change the namespace
        "placed_because": placement.because.removesuffix(f" on {placement.on}"),
    }


def _structured(value: Any) -> Any:
    """A structured value: programs get it as JSON text, files hold it as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _in_stack(fault: Fault, where: str, document: Document | None) -> Fault:
    """The fault of a spec (`where:1:placement.region`) as one of the stack's file, with the keys as they are there."""
    path = fault.where.removeprefix(where).partition(":")[2].partition(":")[2]
    key, _, rest = path.partition(".")
    place = f"{where}: {NAMESPACE}{path}" if path else where
    if document is not None:
        whole, parts = ("config", NAMESPACE + path), ("config", NAMESPACE + key, *rest.split("."))
        line, _ = document.position(whole if document.holds(whole) else parts)
        place = f"{document.name}:{line}: {NAMESPACE}{path}"
    fix = fault.fix
    if key in _STRUCTURED_FIXES and path in (key, fault.got):  # no mapping, or `placement.region` as one key
        fix = _STRUCTURED_FIXES[key].format(rest or _EXAMPLE_KEYS[key])
    elif fix == f"add `{path}`":
        fix = f"add `{NAMESPACE}{path}`"
    return Fault(place, fault.what, fault.got, fault.why, fix)
