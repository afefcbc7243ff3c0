"""Programs in a few lines, run by `engine.testing` against a cloud of things."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.provider import CheckFailure
from engine.testing import Cloud, Kind, Ran, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine import EmbeddedEngine
    from engine.values import PropertyMap

PRELUDE = """
import pulumi

class Thing(pulumi.CustomResource):
    address: pulumi.Output[str]

    def __init__(self, name, opts=None, **props):
        super().__init__("fake:index:Thing", name, {**props, "address": None}, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("fake:index:Group", name, props, opts)

config = pulumi.Config()
"""


def _forbidden(inputs: PropertyMap) -> Iterator[CheckFailure]:
    if inputs.get("forbidden"):
        yield CheckFailure("forbidden", "is not allowed")


def new_cloud() -> Cloud:
    """Things have a `name` (made up when absent), an `address`, and may be `immutable`, `forbidden` or `fixed`."""
    thing = Kind(
        fixed=("name", "immutable"),
        named="name",
        computed=lambda _inputs, count: {"address": f"10.0.0.{count}"},
        check=_forbidden,
        delete_first=lambda inputs: bool(inputs.get("fixed")),
    )
    return Cloud({"fake:index:Thing": thing}, {"fake:index:double": lambda args: {"value": args["value"] * 2}})


@dataclass
class Project:
    """A stack whose programs begin with the prelude."""

    stack: Stack

    @property
    def folder(self) -> Path:
        return self.stack.folder

    @property
    def cloud(self) -> Cloud:
        return self.stack.cloud

    @property
    def state(self) -> Path:
        return self.stack.state_file

    def program(self, body: str) -> None:
        self.stack.program = PRELUDE + textwrap.dedent(body)

    def engine(self, *passphrase: str) -> EmbeddedEngine:
        return self.stack.engine(*passphrase)

    def run(self, operation: str, **options: Any) -> Ran:
        return getattr(self.stack, operation)(**options)

    def up(self, body: str, **options: Any) -> Ran:
        self.program(body)
        return self.run("up", **options)
