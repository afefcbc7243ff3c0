"""Reading a form of a move: one YAML file to one record, with every fault of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import StringConstraints

from inventories.faults import Fault, OnshoreError
from inventories.models import Record
from inventories.yaml_source import Document, display_name, read_yaml, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from pathlib import Path

    from inventories.yaml_source import KeyPath

M = TypeVar("M", bound=Record)
AssetId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*/(service|database|files|job)/\S.*$")]
StackPath = Annotated[str, StringConstraints(pattern=r"^(([A-Za-z0-9_][\w.-]*/)*[A-Za-z0-9_][\w.-]*)?$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/")]


def read_form(
    model: type[M], path: Path, called: str, checks: Callable[[Document, M], Iterable[Fault]], *, made_by: str = ""
) -> tuple[Document, M]:
    """A record and where it stands; raises OnshoreError with the faults of form, else with those that `checks` finds.

    `made_by`: the command that writes such a file. A file that stops within a line was cut off: a figure that lost its
    last digits is a figure, too.
    """
    if made_by and not path.exists():
        fault = Fault(display_name(path), "the file is missing", fix=f"make it: {made_by}; or correct the folder (-m)")
        raise OnshoreError(f"there is no {called} yet", [fault])
    document = read_yaml(path)
    record, faults = validate(model, document)
    if not document.raw.endswith(b"\n"):
        what, fix = "the file ends within a line, it may be cut off", "restore it, or end its last line"
        faults.append(Fault(document.name, what, fix=fix))
    if record is not None:
        faults += checks(document, record)
    if record is None or faults:
        raise OnshoreError(f"the {called} {document.name} cannot be used", faults)
    return document, record


def twice(document: Document, named: Iterable[tuple[Hashable, KeyPath]], what: str) -> Iterator[Fault]:
    """A fault for each name that was there before, with the place of the first."""
    first: dict[Hashable, str] = {}
    for name, place in named:
        where = document.where(place)
        if name in first:
            shown = "/".join(map(str, name)) if isinstance(name, tuple) else str(name)
            yield Fault(where, f"the same {what} twice", shown, fix=f"the first one stands at {first[name]}")
        first.setdefault(name, where)
