"""One report in each of the forms that people and machines ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reports.json_document import as_json
from reports.junit import as_junit
from reports.markdown import as_markdown
from reports.plain_text import as_text
from reports.sarif import as_sarif

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reports.record import Report

_RENDERERS: Final[Mapping[str, Callable[[Report], Iterator[str]]]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
    "markdown": as_markdown,
}
FORMATS: Final = tuple(_RENDERERS)


def render(report: Report, form: str) -> Iterator[str]:
    """The report in one of `FORMATS`, in parts: together they are the text, which ends with a newline."""
    return _RENDERERS[form](report)
