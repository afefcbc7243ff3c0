"""Judges the resources of one stack as a file shows them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import ijson

from audit.documents import MalformedError, open_document, unreadable
from audit.keeping import kept
from audit.ownership import owner
from audit.values import opened, text
from policies.building import Builder
from policies.dispatcher import Catalogue, Finding, judge, judge_stack
from policies.subject import PROVIDER_PREFIX, Facts, ProviderFacts, Subject
from policies.wire import UNKNOWNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


_SHOWN: Final = 200  # characters of a name that nobody may have meant to be read


@dataclass(frozen=True, slots=True)
class Found:
    """What the rules refuse in one file, and whose it is."""

    source: str
    stack: str
    department: str
    resources: int
    findings: tuple[Finding, ...]


def audit_file(path: Path, facts: Facts, checks: Catalogue) -> Found:
    """Judge one file; raises OnshoreError when it cannot be read to its end."""
    try:
        document = open_document(path)
        builder = Builder(facts, owner(document.records(), document.config(), facts))
        found = judge_records(str(path), document.records(), builder, checks)
        if not found.resources and not document.is_of_nothing():
            raise MalformedError("no resources")  # noqa: TRY301 - told as the others are
    except OSError as error:
        raise unreadable(path, error.strerror or "it cannot be opened") from None
    except RecursionError:
        raise unreadable(path, "nested too deeply") from None
    except MalformedError as error:
        raise unreadable(path, f"not of its form: {error}") from None
    except (ijson.JSONError, ValueError, EOFError, zlib.error) as error:
        raise unreadable(path, f"not complete JSON of its form ({type(error).__name__})") from None
    return found


def judge_records(source: str, records: Iterable[Mapping[str, Any]], builder: Builder, checks: Catalogue) -> Found:
    """Judge the resources of one stack; raises MalformedError for one that nobody can tell the type of."""
    subjects, findings = _judged(records, builder, checks)
    findings += judge_stack(subjects, checks.checks)
    stack = builder.stack
    # What stands among the resources and among the operations is said once.
    return Found(source, stack.name, stack.department, len(subjects), tuple(dict.fromkeys(findings)))


def _judged(
    records: Iterable[Mapping[str, Any]], builder: Builder, checks: Catalogue
) -> tuple[list[Subject], list[Finding]]:
    providers: dict[tuple[str, str], ProviderFacts] = {}
    subjects, findings = [], []
    for record in records:
        if record.get("external") is True:
            continue  # read, not made by this stack
        made = _subject(record, builder, providers)
        if made.is_provider:
            providers[made.urn, _identity(text(record.get("id")))] = builder.provider(made)
        findings += judge(made, checks.about(made))
        # Only what comes after a resource can lie in it.
        builder.remember(rest := kept(made))
        subjects.append(rest)
    return subjects, findings


def _subject(record: Mapping[str, Any], builder: Builder, providers: dict[tuple[str, str], ProviderFacts]) -> Subject:
    urn, _, given = text(record.get("provider")).rpartition("::")
    identity = _identity(given)
    provider = providers.get((urn, identity))
    if provider is None and given:
        provider = providers[urn, identity] = _dangling(builder, urn)
    own, type_ = text(record.get("urn")), text(record.get("type"))
    if not _is_of(own, type_):
        raise MalformedError(f"a resource whose URN and type disagree: {own[:_SHOWN]}, {type_[:_SHOWN]}")
    made = builder.recorded(
        own,
        type_,
        opened(record.get("inputs")),
        provider=provider,
        parent=text(record.get("parent")),
    )
    told = record.get("propertyDependencies")
    sources = {key: _urns(urns) for key, urns in told.items()} if isinstance(told, dict) else {}
    depends_on = _urns(record.get("dependencies")).union(*sources.values())
    custom = record.get("custom") is not False or record.get("id") not in (None, "")
    return replace(made, sources=sources, depends_on=depends_on, custom=custom)


def _is_of(urn: str, type_: str) -> bool:
    """Whether a URN (`urn:pulumi:STACK::PROJECT::PARENTS$TYPE::NAME`) is of the type: the law looks at either."""
    parts = urn.split("::", 3)
    return len(parts) == 4 and bool(type_) and parts[2].rpartition("$")[2] == type_


def _urns(value: Any) -> frozenset[str]:
    return frozenset(map(text, value)) if isinstance(value, list) else frozenset()


def _identity(given: str) -> str:
    """A provider's id in references to it; in a preview it may not have one yet."""
    return "" if given in UNKNOWNS else given


def _dangling(builder: Builder, urn: str) -> ProviderFacts:
    """A provider that the file refers to and does not hold: it reaches nothing that is known."""
    parts = urn.split("::", 3)
    type_ = parts[2].rpartition("$")[2] if len(parts) == 4 else PROVIDER_PREFIX
    return builder.provider(builder.recorded(urn, type_, {}))
