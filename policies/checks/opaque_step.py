"""OPQ-001: nothing is created by a step that no check can look into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from policies.subject import Violation
from policies.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

_SEEN: Final = "resources that the engine and its checks see one by one"
_SOURCES: Final = (
    "chart",
    "repo",
    "repository",
    "repositoryOpts",
    "fetchOpts",
    "file",
    "files",
    "directory",
    "path",
    "url",
)
_REMOTE: Final = re.compile(r"[a-z][a-z0-9+.-]*://|git@|git::|github\.com/|//[^/]", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Violation]:
    """Opaque types and packages, and what is fetched from elsewhere: parts of components, programs of providers."""
    types = subject.facts.types
    facts = types.cloud.facts(subject.type)
    if (
        (facts and facts.kind == "opaque")
        or subject.type in types.opaque_types
        or subject.package in types.opaque_packages
    ):
        yield Violation("type", subject.type, _SEEN, public=True)
    elif subject.is_provider:
        url = subject.props.get("pluginDownloadURL")
        if url is not None:
            yield Violation("pluginDownloadURL", url, "a provider's program that is installed here")
    elif subject.type in types.component_types:
        for key in _SOURCES:
            fault = _remote(subject.props.get(key))
            if fault is not None:
                yield Violation(key, fault, "content of this project")


def _remote(value: Any) -> Any:
    """The first remote address or unknown value inside a value; None when there is none."""
    if value is UNKNOWN:
        return UNKNOWN
    if isinstance(value, str):
        return value if _REMOTE.search(value) else None
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((fault for item in inner if (fault := _remote(item)) is not None), None)
