"""The `pulumi.com/waitFor` annotation: `jsonpath={.status.phase}=Running`, `condition=Ready`, or a list. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError
from engine.providers.kubernetes.objects import pluck
from engine.providers.kubernetes.verdict import Verdict

if TYPE_CHECKING:
    from engine.providers.kubernetes.objects import Object

_JSONPATH: Final = re.compile(r"^jsonpath=\{((?:\.[\w-]+|\[\d+\]|\['[^']+'\])+)\}(?:=(.+))?$")
_STEP: Final = re.compile(r"\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]")
_CONDITION: Final = re.compile(r"^condition=([^=]+)(?:=(.+))?$")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expression: a path that must exist or have a text, or a condition (path empty) that must have a status."""

    text: str
    path: tuple[str | int, ...] = ()
    value: str | None = None
    condition: str = ""

    def holds(self, obj: Object) -> bool:
        """Whether the object is as expected."""
        if self.condition:
            conditions = pluck(obj, "status", "conditions") or []
            found: Object = next((c for c in conditions if str(c.get("type")).lower() == self.condition.lower()), {})
            return str(found.get("status")).lower() == (self.value or "True").lower()
        value = pluck(obj, *self.path)
        return value is not None if self.value is None else _text(value) == self.value


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (bool, dict, list)) else str(value)


def parse_wait_for(annotation: str) -> tuple[Expectation, ...]:
    """The expressions of the annotation. Raises ProviderError that names what is not supported."""
    try:
        texts = json.loads(annotation)
    except ValueError:
        texts = annotation
    texts = texts if isinstance(texts, list) else [annotation]
    if not texts:
        raise ProviderError("pulumi.com/waitFor: at least one condition must be specified")
    return tuple(_parse(str(text)) for text in texts)


def _parse(text: str) -> Expectation:
    if match := _JSONPATH.match(text):
        steps = tuple(int(index) if index else name or quoted for name, index, quoted in _STEP.findall(match[1]))
        value = match[2].strip("\"'") if match[2] else None
        return Expectation(text, path=steps, value=value)
    if match := _CONDITION.match(text):
        return Expectation(text, condition=match[1], value=match[2])
    raise ProviderError(
        f"pulumi.com/waitFor: {text!r} is not supported; write jsonpath={{.path.to.field}}[=value] or "
        "condition=Type[=Status]"
    )


def judge_expectations(obj: Object, expectations: tuple[Expectation, ...]) -> Verdict:
    """Ready when all hold."""
    open_ones = tuple(f"{item.text} does not hold" for item in expectations if not item.holds(obj))
    return Verdict(ready=not open_ones, status=f"Waiting for {open_ones[0]}" if open_ones else "", reasons=open_ones)
