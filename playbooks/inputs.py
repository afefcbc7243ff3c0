"""What a program asks of a run: its inputs as one record, with every fault of their form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from inventories.faults import Fault
from inventories.hosts import Machine
from inventories.models import Id, Record, Words
from playbooks.content import ROLES, TARGETS, Content, read_playbook, read_role
from playbooks.inspection import RESERVED
from playbooks.scrubbing import SHORTEST, Scrubber, looks_secret
from playbooks.values import UNKNOWN, has_unknown, holds_secret, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from pulumi.provider.experimental.property_value import PropertyValue

    from playbooks.values import Properties

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$")]


class RunInputs(Record):
    """A playbook or role on hosts of the register, and on machines of its regions; paths count from the project's root.

    `teardown`: a playbook in the same folder that undoes the run. `forget`: what was set up may be left behind.
    `digests` are the provider's own.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    department: str
    category: str
    hosts: tuple[Id, ...] = ()
    machines: tuple[Machine, ...] = ()
    playbook: Words | None = None
    role: Words | None = None
    variables: Mapping[Name, Any] = Field(default_factory=dict)
    groups: Mapping[Name, tuple[Id, ...]] = Field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    teardown: Words | None = None
    forget: bool = False
    timeout_s: Annotated[float, Field(gt=0, le=_DAY_S)] = _HOUR_S
    digests: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if bool(self.playbook) == bool(self.role):
            raise ValueError("name a playbook or a role, and only one of them")
        if not self.names:
            raise ValueError("name hosts or machines to run it on")
        if len(set(self.names)) < len(self.names):
            raise ValueError("a host is named twice")
        for group, members in self.groups.items():
            if group in (TARGETS, "all", "ungrouped", "localhost") or group in self.names:
                raise ValueError(f"a group cannot be called {group}: choose another name")
            if strangers := sorted(set(members) - set(self.names)):
                raise ValueError(f"group {group} has {', '.join(strangers)}, not among the hosts: add it there")
        for name in self.variables:
            if RESERVED.match(name):
                raise ValueError(f"variable {name} changes how hosts are reached: remove it")
        return self

    @property
    def names(self) -> tuple[Id, ...]:
        """Every host by id, the machines of regions among them."""
        return (*self.hosts, *(machine.id for machine in self.machines))

    @property
    def teardown_beside(self) -> str:
        """The teardown by its path within the folder that `content` reads; it is given from the root, as all paths."""
        folder = PurePosixPath(self.playbook or self.role or "").parent
        path = PurePosixPath(self.teardown or "")
        inner = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
        return f"{ROLES}/{inner}" if self.role else inner

    def content(self, root: Path) -> Content:
        """The folder of the playbook or role; raises OnshoreError."""
        return read_role(root, self.role) if self.role else read_playbook(root, self.playbook or "")


def read_inputs(properties: Properties) -> tuple[RunInputs | None, list[Fault]]:
    """Inputs as the program gave them; a preview may know neither `variables` nor how new machines are reached."""
    given = {key: plain(value) for key, value in properties.items() if not key.startswith("__")}
    given = {key: value for key, value in given.items() if value is not None and key in _FIELDS}
    given["machines"] = _machines(given.get("machines"))
    faults = [Fault(key, "an input that nobody reads", fix="remove it") for key in properties if _is_foreign(key)]
    unknown = [key for key, value in given.items() if key != "variables" and has_unknown(value)]
    faults += [
        Fault(key, "not known in a preview", why="it carries the law", fix="give a plain value") for key in unknown
    ]
    if given.get("variables") is UNKNOWN:
        given["variables"] = {}
    try:
        record = RunInputs.model_validate({key: value for key, value in given.items() if key not in unknown})
    except ValidationError as error:
        return None, [*faults, *form_faults(error)]
    faults += secret_faults(properties, record)
    return (None if unknown else record), faults


def form_faults(error: ValidationError) -> Iterator[Fault]:
    """What is wrong with the form of inputs; nothing of them is shown, for it may be a secret's."""
    for one in error.errors(include_input=False, include_url=False, include_context=False):
        yield Fault(".".join(map(str, one["loc"])), one["msg"])


def _machines(given: Any) -> Any:
    """Machines as they are given; one that is not made yet has neither address nor host key."""
    if not isinstance(given, list):
        return [] if given is None else given
    return [
        {key: value for key, value in one.items() if key not in _TOLD_LATER or value is not UNKNOWN}
        if isinstance(one, dict)
        else one
        for one in given
    ]


_TOLD_LATER: Final = ("address", "hostKey")
_FIELDS: Final = frozenset(field.alias or name for name, field in RunInputs.model_fields.items())


def _is_foreign(key: str) -> bool:
    return not key.startswith("__") and key not in _FIELDS


def secret_names(properties: Properties) -> set[str]:
    """The variables that are secrets: marked as such, or called like one."""
    variables = properties.get("variables")
    inner: Any = variables.value if variables else None
    if variables is None or not hasattr(inner, "items"):
        return set()
    return {
        name
        for name, value in inner.items()
        if variables.is_secret or holds_secret(value) or looks_secret({name: plain(value)})
    }


def secret_faults(properties: Properties, inputs: RunInputs) -> Iterator[Fault]:
    """Secrets that could not be told from ordinary text."""
    variables = properties.get("variables")
    for name in sorted(secret_names(properties)):
        value = inputs.variables.get(name)
        if variables is not None and not variables.is_secret and isinstance(value, str) and 0 < len(value) < SHORTEST:
            why = "so short a value cannot be kept out of messages without making them unreadable"
            yield Fault(
                f"variables.{name}", f"a secret of fewer than {SHORTEST} characters", "", why, "choose a longer one"
            )


def scrubber(properties: Properties) -> Scrubber:
    """What keeps the secrets of these inputs out of every message."""
    variables = plain(properties.get("variables")) or {}
    return Scrubber([variables[name] for name in secret_names(properties)] if isinstance(variables, dict) else [])


def marked(properties: Properties) -> dict[str, PropertyValue]:
    """The inputs with every secret variable marked, so that no engine keeps or shows one in the clear."""
    variables = properties.get("variables")
    names = secret_names(properties)
    if variables is None or not names:
        return dict(properties)
    inner: Any = variables.value
    kept = {name: value.with_secret(is_secret=True) if name in names else value for name, value in inner.items()}
    return {**properties, "variables": variables.with_value(kept)}
