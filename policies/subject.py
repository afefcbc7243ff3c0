"""What a check is asked about: one resource, seen whole, with the facts of the day and of its stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policies.state import StateFacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from inventories.models import Category, Cluster, Declassification, Profile, Provider, Register, RuleMeta, Waiver
    from inventories.settings import StateBackend
    from policies.kubeconfig import Access
    from policies.location import Place
    from policies.objects import KubeObject
    from policies.placed import Target
    from policies.resource_types import ResourceTypes

PROVIDER_PREFIX = "pulumi:providers:"
KUBERNETES_PROVIDER = PROVIDER_PREFIX + "kubernetes"
STACK_TYPE = "pulumi:pulumi:Stack"
OWN_TYPES = ("onshore:index:", "onshore-ansible:index:")
"""How the types of our own components and runs begin: they say their department, category and hosts themselves."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One refusal: what stands at a path, and what may stand there.

    `got` is the value itself (the dispatcher writes it, hides it where a secret stood, and turns an unknown value into
    UNK-001), or a text of the check's own with `public=True`, which holds nothing secret and is shown as it is.
    `fix`: the next step, where the rule's own does not fit.
    """

    path: str
    got: Any
    allowed: str
    public: bool = False
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Concern:
    """What a check looks at, as the module's `CONCERN`: it is not asked about anything else.

    A check that does not say is asked about everything. `placed`: resources that put data on a cluster or in a region;
    `clouds`: resources of a cloud's classified types; `providers`: providers; `objects`: all Kubernetes objects;
    `kinds`: those of these kinds; `types`: these tokens.
    """

    placed: bool = False
    clouds: bool = False
    providers: bool = False
    objects: bool = False
    kinds: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()

    def covers(self, subject: Subject) -> bool:
        """Whether the check has to see a resource; it must not depend on more than type and whether it is placed."""
        if self.placed and subject.is_placed:
            return True
        if (self.providers and subject.is_provider) or subject.type in self.types:
            return True
        if self.clouds and subject.facts.types.cloud.facts(subject.type) is not None:
            return True
        kind = subject.facts.types.kinds.get(subject.type)
        return kind is not None and (self.objects or kind.kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true on a day: register, category profile, rules, classified resource types.

    Waivers and declassifications are those of any day. `backends`: where state may lie; `root`: the folder of the
    settings, None where there is none.
    """

    register: Register
    profile: Profile
    rules: Mapping[str, RuleMeta]
    types: ResourceTypes
    on: date
    waivers: tuple[Waiver, ...] = ()
    declassifications: tuple[Declassification, ...] = ()
    backends: tuple[StateBackend, ...] = ()
    root: Path | None = None


@dataclass(frozen=True, slots=True)
class StackFacts:
    """The stack as the engine told it; `config` values are text as they stand in the stack's file.

    `state`: where its state lies; None for a record of a stack, which is no run and says nothing of that.
    """

    name: str = ""
    project: str = ""
    category: Category | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()
    state: StateFacts | None = field(default_factory=StateFacts)

    @property
    def department(self) -> str:
        return self.config.get("onshore:department", "")


@dataclass(frozen=True, slots=True)
class Destination:
    """The cluster a Kubernetes provider speaks to; `cluster` is None where the register knows none such."""

    access: Access
    provider: Provider | None = None
    cluster: Cluster | None = None


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """The provider a resource is made by."""

    type: str
    urn: str
    name: str
    destination: Destination | None = None
    place: Place | None = None
    props: Mapping[str, Any] = field(default_factory=dict)

    @property
    def package(self) -> str:
        return self.type.removeprefix(PROVIDER_PREFIX)


@dataclass(frozen=True, slots=True)
class Subject:
    """One resource; `destination` is where it (or what it configures) ends up, `objects` what it is in Kubernetes.

    `place`: where a resource of a cloud would lie. `labels`: its category labels, by path.
    `targets`: the placements it stands for (`policies.placed`). `malformed`: parts that could not be read. `secrets`:
    the paths at which secrets stood. Known to stack checks only: `sources`, by property, the URNs that it was computed
    from, and `depends_on`, URNs that anything of it was computed from or waits for. `earlier`: what a program has
    registered so far, by the names it could be found under. `custom`: whether a record does not say for certain that it
    is a component; the engine does not tell, but names the provider of all that one makes.
    """

    urn: str
    type: str
    name: str
    props: Mapping[str, Any]
    stack: StackFacts
    facts: Facts
    parent: str = ""
    provider: ProviderFacts | None = None
    destination: Destination | None = None
    objects: tuple[KubeObject, ...] = ()
    targets: tuple[Target, ...] = ()
    labels: tuple[tuple[str, Any], ...] = ()
    place: Place | None = None
    place_endpoint: str = ""
    custom: bool = False
    malformed: tuple[Violation, ...] = ()
    secrets: frozenset[str] = frozenset()
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    depends_on: frozenset[str] = frozenset()
    earlier: Mapping[str, list[Subject]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_placed(self) -> bool:
        """Whether it says where data would lie, lawfully or not."""
        return bool(self.targets) or self.place is not None

    @property
    def is_provider(self) -> bool:
        return self.type.startswith(PROVIDER_PREFIX)

    @property
    def is_stack(self) -> bool:
        return self.type == STACK_TYPE

    @property
    def package(self) -> str:
        """The package that defines it; for a provider, the package it provides."""
        return self.type.removeprefix(PROVIDER_PREFIX).partition(":")[0]
