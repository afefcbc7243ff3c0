"""`onshore.yaml`: which register and which profile decide in this project, and where clusters' kubeconfigs lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from inventories import patterns
from inventories.faults import Fault, OnshoreError
from inventories.loader import load_declassifications, load_register, load_waivers
from inventories.models import Id, Record
from inventories.profile import load_profile
from inventories.yaml_source import display_name, read_yaml, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.models import Declassification, Profile, Register, RuleMeta, Waiver
    from inventories.yaml_source import Document

FILE_NAME: Final = "onshore.yaml"
_DAY_HOURS: Final = 24
_YEAR_HOURS: Final = 365 * _DAY_HOURS


class StateBackend(Record):
    """A backend of state at a site of the register; a URL below it is meant too, a query only as it stands."""

    url: Annotated[str, StringConstraints(pattern=patterns.BACKEND_URL)]
    site: Id


class _SettingsFile(Record):
    register_: str = Field(alias="register")  # the plain name would hide a method of the base class
    profile: str
    overlays: tuple[str, ...] = (
        ".onshore/sandbox/*/overlay.yaml",
        ".onshore/hosts/*/overlay.yaml",
        ".onshore/regions/*/overlay.yaml",
    )
    kubeconfigs: str = ".onshore/kubeconfigs"
    clouds: str = ".onshore/clouds"
    waivers: str = "inventories/waivers"
    declassifications: str = "inventories/declassifications"
    trusted_keys: tuple[str, ...] = ()
    receipt_hours: Annotated[int, Field(ge=1, le=_YEAR_HOURS)] = _DAY_HOURS
    state_backends: tuple[StateBackend, ...] = ()
    ssh_user: str = "root"
    ssh_key: str = ".onshore/ssh/id_ed25519"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the facts of a project lie; all paths are absolute.

    `kubeconfigs` holds `<cluster-id>.yaml` files, `clouds` the clouds.yaml of regions as `<region-id>.yaml`.
    `trusted_keys` are the public keys whose receipts hold here, and `receipt_hours` how long one holds at most.
    `state_backends`: where state may lie (STA-001). `ssh_user` logs in to hosts, with the private key in `ssh_key`.
    """

    root: Path
    register: Path
    profile: str
    overlays: tuple[Path, ...]
    kubeconfigs: Path
    waivers: Path
    declassifications: Path
    trusted_keys: tuple[Path, ...] = ()
    receipt_hours: int = _DAY_HOURS
    state_backends: tuple[StateBackend, ...] = ()
    ssh_user: str = "root"
    ssh_key: Path = Path(".onshore/ssh/id_ed25519")
    clouds: Path = Path(".onshore/clouds")

    @classmethod
    def load(cls, start: Path, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the nearest `onshore.yaml` from a folder upwards.

        The environment goes before the file: ONSHORE_REGISTER, ONSHORE_PROFILE, ONSHORE_KUBECONFIGS, ONSHORE_CLOUDS,
        ONSHORE_WAIVERS, ONSHORE_DECLASSIFICATIONS, ONSHORE_SSH_USER, ONSHORE_SSH_KEY, and ONSHORE_OVERLAYS (paths or
        patterns, separated like PATH; empty: none). Paths count from the file's folder.
        Raises OnshoreError with all faults.
        """
        root = _find_root(start.resolve())
        document = read_yaml(root / FILE_NAME)
        record, faults = validate(_SettingsFile, document)
        if record is None:
            raise OnshoreError(f"{document.name} cannot be used", faults)
        profile = environment.get("ONSHORE_PROFILE") or record.profile
        overlays = environment.get("ONSHORE_OVERLAYS")
        patterns = record.overlays if overlays is None else tuple(filter(None, overlays.split(os.pathsep)))
        return cls(
            root=root,
            register=root / (environment.get("ONSHORE_REGISTER") or record.register_),
            profile=str(root / profile) if profile.endswith(".yaml") else profile,
            overlays=_matching(root, patterns),
            kubeconfigs=root / (environment.get("ONSHORE_KUBECONFIGS") or record.kubeconfigs),
            waivers=_named_folder(root, "waivers", environment, record, document),
            declassifications=_named_folder(root, "declassifications", environment, record, document),
            trusted_keys=tuple(root / key for key in record.trusted_keys),
            receipt_hours=record.receipt_hours,
            state_backends=record.state_backends,
            ssh_user=environment.get("ONSHORE_SSH_USER") or record.ssh_user,
            ssh_key=root / (environment.get("ONSHORE_SSH_KEY") or record.ssh_key),
            clouds=root / (environment.get("ONSHORE_CLOUDS") or record.clouds),
        )

    def load_register(self) -> Register:
        """The register with the overlays."""
        return load_register(self.register, self.overlays)

    def load_waivers(self, rules: Mapping[str, RuleMeta] | None) -> tuple[Waiver, ...]:
        """The waivers, held against the rules that they waive (None: those cannot be read)."""
        return load_waivers(self.waivers, rules)

    def load_declassifications(self) -> tuple[Declassification, ...]:
        """What may be read from a more sensitive stack into a less sensitive one."""
        return load_declassifications(self.declassifications)

    def load_profile(self) -> Profile:
        """The category profile."""
        return load_profile(self.profile)


def _find_root(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    fault = Fault(display_name(start), f"no {FILE_NAME} here or above", fix="run this inside an onshore project")
    raise OnshoreError(f"there is no {FILE_NAME}", [fault])


def _named_folder(
    root: Path, field: str, environment: Mapping[str, str], record: _SettingsFile, document: Document
) -> Path:
    """A folder of deviations: the usual one may be absent, one that somebody named has to be there."""
    variable = f"ONSHORE_{field.upper()}"
    told = environment.get(variable)
    name: str = told or getattr(record, field)
    folder = root / name
    if not folder.is_dir() and (told or field in record.model_fields_set):
        where = variable if told else document.where((field,))
        fault = Fault(where, "there is no such folder", name, fix="create it, or correct the path")
        raise OnshoreError(f"{document.name} cannot be used", [fault])
    return folder


def _matching(root: Path, patterns: tuple[str, ...]) -> tuple[Path, ...]:
    """Each pattern's files; a plain path stands for itself, so that a missing overlay is reported."""
    found: list[Path] = []
    for pattern in patterns:
        if any(sign in pattern for sign in "*?["):
            absolute = Path(pattern).is_absolute()
            found += sorted(Path("/").glob(pattern.lstrip("/")) if absolute else root.glob(pattern))
        else:
            found.append(root / pattern)
    return tuple(dict.fromkeys(found))
