"""Small programs made by chance: resources with mixed options, how they change, and what is done with them.

The same seed makes the same. What would be a race in either engine is left out: where something fails, each resource
depends on the one before it.
"""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any, Final

from tests.engine.differential.beside import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

World = dict[str, Any]
One = dict[str, Any]
KINDS: Final = ("thing", "group", "provider")
FAILURES: Final = ("create", "update", "delete", "check", "init", "diff")


class Maker:
    """Makes one story: the steps of a stack from its beginning to its end."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - chance that can be repeated
        self._fails = self._random.random() < 0.3
        self._pinned = {"version": "1.2.3"} if self._often(0.2) else {}
        self._names = (f"r{number}" for number in range(1000))

    def story(self) -> Iterator[Step]:
        """The steps."""
        world = self._world()
        yield from self._deployed(world)
        for _ in range(self._random.randint(1, 2)):
            world = self._changed(world)
            yield from self._deployed(world)
        if self._often(0.5):
            yield Step("refresh", swapped=self._often(0.5))
            yield Step("up")
        yield Step("destroy", flags=(("exclude_protected", True),) if self._often(0.3) else ())

    def _deployed(self, world: World) -> Iterator[Step]:
        yield Step("preview", world, swapped=self._often(0.3))
        flags: dict[str, Any] = {}
        if not self._fails:
            if self._often(0.15):
                flags["refresh"] = True
            if self._often(0.15):
                flags["expect_no_changes"] = True
            if self._often(0.15):
                name = self._random.choice(world["resources"])["name"]
                flags |= {"targets": (f"**::{name}",), "target_dependents": self._often(0.5)}
        yield Step("up", flags=tuple(flags.items()), swapped=self._often(0.3))
        if self._often(0.3):
            yield Step("up")

    # ------------------------------------------------------------ a program

    def _world(self) -> World:
        resources: list[One] = []
        for _ in range(self._random.randint(3, 8)):
            resources.append(self._one(resources))
        return self._exporting(self._in_a_row({"resources": resources}))

    def _one(self, before: list[One]) -> One:
        kind = self._random.choices(KINDS, (8, 2, 1))[0]
        one: One = {"kind": kind, "name": next(self._names), "package": self._random.choice(("fake", "fake", "plain"))}
        if kind == "group":
            one["props"] = {"silent": True} if self._fails or self._often(0.2) else {}
        elif kind == "provider":
            one["props"] = {"region": self._random.choice(("a", "b"))}
        else:
            one["props"] = self._props(before)
        one["options"] = self._options(one, before)
        if kind == "thing" and self._often(0.15):
            self._adopt(one)
        return one

    def _adopt(self, one: One) -> None:
        """It is there already: to be read, or to be taken over with the inputs the plugin finds."""
        if self._often(0.5):
            one["props"], one["options"]["id"] = {}, f"{one['name']}-id"
        else:
            one["props"], one["options"]["import_"] = {"name": one["name"], "size": 1}, f"{one['name']}-id"

    def _props(self, before: list[One]) -> dict[str, Any]:
        choices: dict[str, Any] = {
            "size": self._random.randint(1, 3),
            "fixed": self._random.randint(1, 2),
            "text": self._random.choice(("a", "b", {"$secret": "hidden"}, {"$twice": "two", **self._pinned})),
            "deep": {"x": self._random.randint(1, 2), "y": [1, self._random.randint(2, 3)]},
            "first": True,
            "name": f"named-{self._random.randint(1, 2)}",
            "read": self._random.choice(("drift", "gone")),
            "restless": True,
        }
        if things := [one["name"] for one in before if one["kind"] == "thing"]:
            source = {"$of": self._random.choice(things), "get": "address"}
            choices["from"] = self._random.choice((source, {"$text": source}, {"$secret": source}))
        if self._fails and self._often(0.3):
            choices["fails"] = self._random.choice(FAILURES)
        likely = {"size": 0.8, "from": 0.5, "fixed": 0.4, "text": 0.5, "deep": 0.3, "fails": 1.0}
        return {key: item for key, item in choices.items() if self._often(likely.get(key, 0.15))}

    def _options(self, one: One, before: list[One]) -> dict[str, Any]:
        things, groups, providers = ([other for other in before if other["kind"] == kind] for kind in KINDS)
        found = self._place([other["name"] for other in things], [other["name"] for other in groups])
        if one["kind"] == "group" and providers and self._often(0.3):
            found["providers"] = [self._random.choice(providers)["name"]]
        if one["kind"] != "group":
            found |= self._pinned
        if one["kind"] != "thing":
            return found
        fitting = [provider["name"] for provider in providers if provider["package"] == one["package"]]
        if fitting and self._often(0.5):
            found["provider"] = self._random.choice(fitting)
        if things and self._often(0.1):
            found["deleted_with"] = self._random.choice(things)["name"]
        return found | self._manner()

    def _place(self, things: list[str], groups: list[str]) -> dict[str, Any]:
        """Options of any resource: whose child it is, what it waits for, how long it stays."""
        found: dict[str, Any] = {}
        if (groups or things) and self._often(0.4):
            found["parent"] = self._random.choice(groups or things)
        if things and self._often(0.3):
            found["depends_on"] = self._random.sample(things, self._random.randint(1, min(2, len(things))))
        choices = {"protect": self._often(0.7), "retain_on_delete": True}
        return found | {key: item for key, item in choices.items() if self._often(0.12)}

    def _manner(self) -> dict[str, Any]:
        """Options of a thing alone: how it is compared, replaced, shown."""
        keys = ("size", "fixed", "text", "deep", "deep.x", "deep.y[1]", "name", "*")
        choices: dict[str, tuple[Any, float]] = {
            "delete_before_replace": (self._often(0.7), 0.15),
            "ignore_changes": (self._random.sample(keys, self._random.randint(1, 2)), 0.15),
            "replace_on_changes": (self._random.sample(keys, 1), 0.15),
            "additional_secret_outputs": (self._random.sample(("address", "size", "nothing"), 1), 0.15),
            "hide_diffs": ([self._random.choice(keys[:4])], 0.1),
            "custom_timeouts": ({"create": "5m", "delete": "1h30m"}, 0.1),
            "labelled": (True, 0.1),
        }
        return {key: item for key, (item, chance) in choices.items() if self._often(chance)}

    def _in_a_row(self, world: World) -> World:
        """Where something fails: a chain, so that what comes after a failure is no race."""
        if self._fails:
            before = ""
            for one in world["resources"]:
                if before:
                    one["options"]["depends_on"] = sorted({*one["options"].get("depends_on", ()), before})
                if one["kind"] != "group":  # to wait for a group is to wait for its children, perhaps for oneself
                    before = one["name"]
        return world

    def _exporting(self, world: World) -> World:
        things = [one["name"] for one in world["resources"] if one["kind"] == "thing"]
        world["exports"] = {f"of-{name}": {"$of": name, "get": "address"} for name in things[:2]}
        return world

    # ------------------------------------------------------------ a change

    def _changed(self, world: World) -> World:
        new = copy.deepcopy(world)
        resources: list[One] = new["resources"]
        for one in list(resources):
            chance = self._random.random()
            if chance < 0.35 and one["kind"] == "thing":
                before = resources[: resources.index(one)]
                one["props"] = {**one["props"], **self._props(before)}
                if self._often(0.3) and one["props"]:
                    one["props"].pop(self._random.choice(sorted(one["props"])))
            elif chance < 0.45:
                one["options"] = self._options(one, resources[: resources.index(one)])
            elif chance < 0.55:
                self._rename(one, resources)
            elif chance < 0.65:
                self._drop(one, resources)
        if self._often(0.4):
            resources.append(self._one(resources))
        return self._exporting(self._in_a_row(new))

    def _rename(self, one: One, resources: list[One]) -> None:
        old, one["name"] = one["name"], next(self._names)
        one["options"]["aliases"] = [{"name": old}]
        for other in resources:
            _replace_name(other, old, one["name"])

    def _drop(self, one: One, resources: list[One]) -> None:
        """Takes it out if nobody names it."""
        name = one["name"]
        if not any(_names(other, name) for other in resources if other is not one):
            resources.remove(one)

    def _often(self, chance: float) -> bool:
        return self._random.random() < chance


def _names(one: Any, name: str) -> bool:
    """Whether anything in a description is that name."""
    if isinstance(one, dict):
        return any(_names(item, name) for item in one.values())
    if isinstance(one, list):
        return any(_names(item, name) for item in one)
    return bool(one == name)


def _replace_name(one: One, old: str, new: str) -> None:
    for part in ("props", "options"):
        one[part] = _renamed(one[part], old, new)


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: item if key == "aliases" else _renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, old, new) for item in value]
    return new if value == old else value


def story(seed: int) -> list[Step]:
    """The steps of the story with that number."""
    return list(Maker(seed).story())
