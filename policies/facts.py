"""The pack's edge to files and the clock: the facts that hold today in this checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import inventories
from inventories.questions import Questions
from policies.resource_types import RESOURCE_TYPES, load_resource_types
from policies.state import read_state
from policies.subject import Facts, StackFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def load_facts(start: Path) -> Facts:
    """Everything the checks need, by the settings nearest above `start`; raises OnshoreError with all faults."""
    settings = inventories.Settings.load(start)
    questions = Questions("the law")
    register, profile = questions.ask(settings.load_register), questions.ask(settings.load_profile)
    rules = questions.ask(inventories.load_rules)
    types = questions.ask(lambda: load_resource_types(RESOURCE_TYPES))
    waivers = questions.ask(lambda: settings.load_waivers(rules))
    opened = questions.ask(settings.load_declassifications)
    questions.settle()
    if register is None or profile is None or rules is None or types is None or waivers is None or opened is None:
        raise AssertionError(start)  # settle has raised
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
