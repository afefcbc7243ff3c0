"""Judges one state file (`pulumi stack export`, or a checkpoint of the file backend), resource by resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ijson

from inventories.faults import Fault, OnshoreError
from policies.building import Builder
from policies.dispatcher import Catalogue, Finding, judge, judge_stack
from policies.subject import KUBERNETES_PROVIDER, STACK_TYPE, Facts, ProviderFacts, StackFacts
from policies.values import MALFORMED, SEALED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a wire constant
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_DEEPEST: Final = 250
_FORMS: Final = {"deployment": "deployment.resources.item", "checkpoint": "checkpoint.latest.resources.item"}
_NEWEST: Final = 4


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
        prefix = _form(path)
        stack = _stack(path, prefix, facts)
        return _judged(path, prefix, Builder(facts, stack), checks)
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be opened") from None
    except (ijson.JSONError, ValueError, RecursionError) as error:
        raise _unreadable(path, f"not complete JSON ({type(error).__name__})") from None


def _judged(path: Path, prefix: str, builder: Builder, checks: Catalogue) -> Found:
    providers: dict[str, ProviderFacts] = {}
    subjects, findings = [], []
    for item in _resources(path, prefix):
        urn, type_ = str(item.get("urn") or ""), str(item.get("type") or "")
        if item.get("external") is True:
            continue  # read, not made by this stack
        props = opened(item.get("inputs"))
        reference = str(item.get("provider") or "")
        provider = providers.get(reference) or _dangling(builder, reference)
        made = builder.recorded(urn, type_, props, provider=provider, parent=str(item.get("parent") or ""))
        if type_.startswith("pulumi:providers:"):
            providers[f"{urn}::{item.get('id')}"] = ProviderFacts(type_, urn, made.name, made.destination)
        findings += judge(made, checks.about(made))
        subjects.append(made)
    if not subjects:
        raise _unreadable(path, "it holds no resources")
    findings += judge_stack(subjects, checks.checks)
    stack = builder.stack
    return Found(str(path), stack.name, stack.department, len(subjects), tuple(findings))


def _dangling(builder: Builder, reference: str) -> ProviderFacts | None:
    """A provider that the file refers to and does not hold: it reaches no cluster that is known."""
    if not reference:
        return None
    parts = reference.rpartition("::")[0].split("::", 3)
    type_ = parts[2].rpartition("$")[2] if len(parts) == 4 else "pulumi:providers:unknown"
    destination = builder.destination({}) if type_ == KUBERNETES_PROVIDER else None
    return ProviderFacts(type_, reference, parts[-1], destination)


def _stack(path: Path, prefix: str, facts: Facts) -> StackFacts:
    """The stack by the outputs of its root resource; without a category every rule takes the strictest."""
    for item in _resources(path, prefix):
        if item.get("type") != STACK_TYPE:
            continue
        parts, outputs = str(item.get("urn") or "").split("::"), opened(item.get("outputs"))
        config = {
            f"onshore:{key}": value for key in ("category", "department") if isinstance(value := outputs.get(key), str)
        }
        name = parts[0].removeprefix("urn:pulumi:")
        category = facts.profile.category(config.get("onshore:category", ""))
        return StackFacts(name, parts[1] if len(parts) > 1 else "", category, config)
    return StackFacts()


def _form(path: Path) -> str:
    found, version = "", 0
    with path.open("rb") as file:
        for prefix, event, value in ijson.parse(file):
            if (prefix, event) == ("", "map_key") and value in _FORMS:
                found = _FORMS[value]
            if (prefix, event) == ("version", "number"):
                version = int(value)
            if found and version:
                break
    if not found:
        raise _unreadable(path, "neither a state export nor a checkpoint")
    if not 0 < version <= _NEWEST:
        raise _unreadable(path, f"a document of version {version}")
    return found


def _resources(path: Path, prefix: str) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for item in ijson.items(file, prefix, use_float=True):
            if not isinstance(item, dict):
                raise ValueError("a resource that is no mapping")  # noqa: TRY004 - what ijson raises
            yield item


def opened(value: Any) -> dict[str, Any]:
    """The properties as checks see them: secrets stay sealed, whatever stands beside them."""
    made = _value(value if value is not None else {}, 0)
    return made if isinstance(made, dict) else {"": MALFORMED}


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        if depth > _DEEPEST:
            return MALFORMED
        if _SIGNATURE in value:
            return SEALED if value[_SIGNATURE] == _SECRET else MALFORMED
        return {key: _value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, depth + 1) for item in value] if depth <= _DEEPEST else MALFORMED
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == _UNKNOWN else value


def _unreadable(path: Path, what: str) -> OnshoreError:
    fix = "give the output of `pulumi stack export` or `onshore stack export`, whole"
    return OnshoreError("a file cannot be audited", [Fault(str(path), what, fix=fix)])
