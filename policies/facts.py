"""The pack's edge to files and the clock: the facts that hold today in this checkout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import inventories
from inventories.faults import Fault, OnshoreError
from policies.resource_types import load_resource_types
from policies.state import read_state
from policies.subject import Facts, StackFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


T = TypeVar("T")


def load_facts(start: Path) -> Facts:
    """Everything the checks need, by the settings nearest above `start`; raises OnshoreError with all faults."""
    settings = inventories.Settings.load(start)
    faults: list[Fault] = []

    def attempt(load: Callable[[], T]) -> T | None:
        try:
            return load()
        except OnshoreError as error:
            faults.extend(error.faults or (Fault("", error.summary),))
            return None

    register = attempt(settings.load_register)
    profile = attempt(settings.load_profile)
    rules = attempt(inventories.load_rules)
    types = attempt(lambda: load_resource_types(Path(inventories.__file__).parent / "resource_types"))
    waivers = None if rules is None else attempt(lambda: settings.load_waivers(rules))
    opened = attempt(settings.load_declassifications)
    if register is None or profile is None or rules is None or types is None or waivers is None or opened is None:
        raise OnshoreError("the facts of the law cannot be read", faults)
    return Facts(
        register,
        profile,
        rules,
        types,
        inventories.today(profile),
        waivers,
        opened,
        settings.state_backends,
        settings.root,
    )


def stack_facts(
    facts: Facts, name: str, project: str, config: Mapping[str, str], secret_keys: Iterable[str]
) -> StackFacts:
    """The stack as the engine tells it: its own configuration, which no environment variable can change.

    Of its state the protocol says nothing: that is read from the pack's environment and the project's files.
    """
    category = facts.profile.category(config.get("onshore:category", ""))
    state = read_state(facts.root, project, name)
    return StackFacts(name, project, category, dict(config), frozenset(secret_keys), state)
