"""The forms of the files of classified types, and every fault of them with its line.

A pack reads those files without this: it is asked when one is not of its form, and by `onshore register validate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from inventories import patterns
from inventories.faults import Fault, OnshoreError
from inventories.models import Record
from inventories.yaml_source import display_name, read_parts, validate

if TYPE_CHECKING:
    from pathlib import Path

_Tests = ("refused", "lawful", "prefixes", "ranges", "regions", "listed", "unlisted", "vouched", "key")
_Names = tuple[str, ...]
_Kind = Literal["regional", "zonal", "global", "clusterless", "opaque"]


class KubernetesForm(Record):
    """`kubernetes.yaml`."""

    custom_groups: _Names
    namespaced: dict[str, _Names]
    cluster_scoped: dict[str, _Names]


class OthersForm(Record):
    """`pulumi.yaml`."""

    engine: _Names
    component_types: _Names
    component_packages: _Names
    opaque_types: _Names
    opaque_packages: _Names


class ProviderFormForm(Record):
    """`provider` of a package: what `cloud_types.ProviderForm` holds."""

    place: str = ""
    endpoint: str = ""
    authority: str = ""
    credentials: _Names = ()
    required: _Names = ()
    one_of: tuple[_Names, ...] = ()
    contents: _Names = ()
    refused: _Names = ()


class LawForm(Record):
    """One of the `laws` of a package: what `cloud_types.Law` holds."""

    rule: Annotated[str, StringConstraints(pattern=patterns.RULE)]
    types: Annotated[_Names, Field(min_length=1)]
    path: str = ""
    refused: str = ""
    lawful: tuple[Any, ...] | None = None
    prefixes: _Names = ()
    ranges: bool = False
    regions: bool = False
    listed: str = ""
    unlisted: str = ""
    vouched: str = ""
    key: bool = False
    when: dict[str, Any] = Field(default_factory=dict)
    unless_set: str | _Names = ()
    each: str = ""
    words: _Names = ()
    required: bool = False
    optional: bool = False
    unless_is: dict[str, Any] = Field(default_factory=dict)
    unless_vouched: str = ""

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if len(self.model_fields_set.intersection(_Tests)) != 1:
            raise ValueError(f"a law has exactly one test: one of {', '.join(_Tests)}")
        return self


class PackageForm(Record):
    """`<package>.yaml`, the judgement on the types of an SDK."""

    provider: ProviderFormForm = ProviderFormForm()
    classes: dict[str, _Kind]
    falls_back: _Names = ()
    zone_region: str = ""
    global_: _Names = Field(default=(), alias="global")
    opaque: _Names = ()
    uncertain: _Names = ()
    certain: _Names = ()
    within: dict[str, _Names] = Field(default_factory=dict)
    labels: _Names = ()
    services: dict[str, _Names] = Field(default_factory=dict)
    laws: tuple[LawForm, ...] = ()


def form_faults(directory: Path) -> list[Fault]:
    """Every fault of every file of classified types in a folder."""
    forms: dict[str, type[Record]] = {"kubernetes": KubernetesForm, "pulumi": OthersForm}
    packages = {path.stem for path in (directory / "sdk").glob("*.json")}
    faults: list[Fault] = []
    for name in sorted(packages | forms.keys()):
        faults += _faults(directory / f"{name}.yaml", forms.get(name, PackageForm))
    for path in sorted(directory.glob("*.yaml")):
        if path.stem not in packages | forms.keys():
            fix = f"remove it, or list its types in sdk/{path.stem}.json"
            faults.append(Fault(display_name(path), "a judgement on types of an SDK that is not listed", fix=fix))
    return faults


def not_read(directory: Path, error: Exception, path: Path) -> OnshoreError:
    """Why classified types cannot be used: all that is wrong in their folder, else what reading this file met."""
    faults = form_faults(directory)
    if not faults:
        got, fix = f"{type(error).__name__}: {error}", "restore it from its origin"
        faults = [Fault(display_name(path), "the classified types cannot be read", got, fix=fix)]
    return OnshoreError("the classified resource types cannot be used", faults)


def _faults(path: Path, form: type[Record]) -> list[Fault]:
    try:
        document = read_parts(path)
    except OnshoreError as error:
        return list(error.faults)
    return [*document.faults, *validate(form, document)[1]]
