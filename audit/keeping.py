"""What stays of a judged resource for the rules on a whole stack: names, labels, networks, and what it came from.

Everything else would grow with the file. That these rules find the same as with everything there is a law of the tests.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any, Final

from inventories.labels import CATEGORY_LABEL
from policies.objects import KubeObject, Part, Pod, labels_of
from policies.reading import is_reference
from policies.values import MALFORMED, Marker, at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.resource_types import KubeKind
    from policies.subject import Subject

_DENYING: Final = ("podSelector", "policyTypes", "ingress", "egress")
_LONGEST: Final = 1000  # characters that a name may have; an id of Azure has some hundreds
_NOTHING: Final[Mapping[str, Any]] = {}
_A_POD: Final = (Pod("", _NOTHING, Part("", _NOTHING), (), ()),)


def kept(subject: Subject) -> Subject:
    """A subject about which `judge_stack` finds the same, without what it does not look at."""
    return replace(
        subject,
        name="",
        parent="",
        props=_props(subject),
        objects=tuple(map(_object, subject.objects)),
        targets=(),
        malformed=(),
        sources=_sources(subject) or _NOTHING,
        depends_on=_same(frozenset(filter(is_reference, subject.depends_on))),
    )


def _sources(subject: Subject) -> Mapping[str, frozenset[str]]:
    """Of an object those of a namespace that is not known; of a cloud's resource those of all its properties."""
    told = subject.sources.items()
    if subject.objects:
        unknown = any(isinstance(_namespace(found), Marker) for found in subject.objects)
        return {key: urns for key, urns in told if unknown and key == "metadata"}
    props = subject.props
    return {intern(key): _same(urns) for key, urns in told if urns or isinstance(props.get(key), Marker)}


@lru_cache(maxsize=1024)
def _same(urns: frozenset[str]) -> frozenset[str]:
    """Of equal sets the first: thousands of resources come from the same few."""
    return urns


def _props(subject: Subject) -> Mapping[str, Any]:
    """Of a cloud's type: what it could be named by and lie in; in full where rules open ranges together."""
    facts = subject.facts.types.cloud.facts(subject.type)
    if facts is None:
        return _NOTHING
    if any(law.ranges for law in facts.laws):
        return subject.props
    return {intern(key): value if key in facts.parents else _short(value) for key, value in subject.props.items()}


def _short(value: Any) -> Any:
    if isinstance(value, dict | list):
        return type(value)()
    return MALFORMED if isinstance(value, str) and len(value) > _LONGEST else value


def _object(found: KubeObject) -> KubeObject:
    expected, name = found.expected, _namespace(found)
    label = labels_of(found.body.get("metadata")).get(CATEGORY_LABEL)
    if expected.kind != "NetworkPolicy":
        return _shared(expected, found.path, _plain(name), _plain(label), pods=bool(found.pods))
    spec = found.body.get("spec")
    said = {key: spec[key] for key in _DENYING if key in spec} if isinstance(spec, dict) else spec
    return replace(found, body={**_body(expected, name, label), "spec": said})


@lru_cache(maxsize=1024)
def _shared(expected: KubeKind, path: str, name: Any, label: Any, *, pods: bool) -> KubeObject:
    """Thousands of objects of a kind in one namespace are one."""
    return KubeObject(path, None, None, expected, _body(expected, name, label), _A_POD if pods else ())


def _body(expected: KubeKind, name: Any, label: Any) -> Mapping[str, Any]:
    return {"metadata": {_key(expected): name, "labels": {CATEGORY_LABEL: label}}}


def _namespace(found: KubeObject) -> Any:
    return at(found.body, "metadata", _key(found.expected))


def _key(expected: KubeKind) -> str:
    """The field that names the namespace that an object is, or is in."""
    return "name" if expected.kind == "Namespace" else "namespace"


def _plain(value: Any) -> Any:
    """A value that can be looked up; one that is no text names nothing, whatever it holds."""
    return value if isinstance(value, str | Marker | None) else ()
