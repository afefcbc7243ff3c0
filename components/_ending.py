"""How a component's fault ends the Pulumi program it is raised in: with its words, without a traceback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pulumi

from inventories.faults import OnshoreError

if TYPE_CHECKING:
    from collections.abc import Iterator


class ComponentError(OnshoreError, pulumi.RunError):
    """An OnshoreError that Pulumi, too, knows as an orderly end: of a RunError every engine shows the text alone."""


@contextmanager
def in_words() -> Iterator[None]:
    """Turn an OnshoreError of a component into a ComponentError."""
    try:
        yield
    except OnshoreError as error:
        raise ComponentError(error.summary, error.faults, refused=error.refused) from None
