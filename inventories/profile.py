"""Category profiles: the shipped ones by name, others by path; a profile may extend another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from inventories._consistency import category_faults
from inventories.faults import Fault, OnshoreError
from inventories.models import AuditKind, Category, Country, Id, Profile, Record, Setting
from inventories.yaml_source import display_name, nearest, read_yaml, validate

_SHIPPED: Final = Path(__file__).parent / "profiles"


class _ProfileFile(Record):
    """A profile as it is written: with `extends` it says only what differs.

    Settings and categories replace those of the same id in the extended profile, or join them.
    """

    extends: str | None = None
    id: Id
    version: str | None = None
    country: Country | None = None
    production: bool | None = None
    require_receipt: bool | None = None
    required_audits: frozenset[AuditKind] | None = None
    settings: tuple[Setting, ...] = ()
    categories: tuple[Category, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layered:
    fields: dict[str, Any]
    settings: dict[str, Setting]
    categories: dict[str, tuple[Category, str]]


def load_profile(name_or_path: str | Path) -> Profile:
    """Read a profile: a shipped one by its name, any other by its path (ending in .yaml).

    Raises OnshoreError with all faults, each with file, line and path.
    """
    path = _path(str(name_or_path), Path())
    layers = _layers(path, ())
    faults = list(category_faults(list(layers.categories.values())))
    if faults:
        raise OnshoreError(f"the profile {display_name(path)} cannot be used", faults)
    parts: dict[str, Any] = layers.fields | {
        "settings": tuple(layers.settings.values()),
        "categories": tuple(category for category, _ in layers.categories.values()),
    }
    try:
        return Profile(**parts)
    except ValidationError as error:
        missing = [Fault(display_name(path), f"`{'.'.join(map(str, e['loc']))}`: {e['msg']}") for e in error.errors()]
        raise OnshoreError(f"the profile {display_name(path)} cannot be used", missing) from None


def _path(name: str, base: Path) -> Path:
    if name.endswith(".yaml"):
        return base / name
    shipped = sorted(path.stem for path in _SHIPPED.glob("*.yaml"))
    if name in shipped:
        return _SHIPPED / f"{name}.yaml"
    fault = Fault("", "no such profile", name, fix=f"{nearest(name, shipped)} (or the path of a .yaml file)")
    raise OnshoreError(f"there is no profile {name!r}", [fault])


def _layers(path: Path, below: tuple[Path, ...]) -> _Layered:
    """The profile of a file on top of those it extends."""
    document = read_yaml(path)
    record, faults = validate(_ProfileFile, document)
    seen = (*below, path.resolve())
    if record is not None and record.extends is not None:
        try:
            base = _path(record.extends, path.parent)
        except OnshoreError as error:
            where = document.where(("extends",))
            faults += [Fault(where, fault.what, fault.got, fix=fault.fix) for fault in error.faults]
        else:
            if base.resolve() in seen:
                faults.append(Fault(document.where(("extends",)), "extends itself", record.extends))
    if faults or record is None:
        raise OnshoreError(f"the profile {display_name(path)} cannot be used", faults)
    under = _layers(base, seen) if record.extends is not None else _Layered({}, {}, {})
    plain = {"id", "version", "country", "production", "require_receipt", "required_audits"} & record.model_fields_set
    places = {
        category.id: (category, document.where(("categories", index)))
        for index, category in enumerate(record.categories)
    }
    return _Layered(
        fields=under.fields | {name: getattr(record, name) for name in plain},
        settings=under.settings | {setting.id: setting for setting in record.settings},
        categories=under.categories | places,
    )
