"""Evidence of parity: what was compared, on which moments, and every difference by its name; kept as JSON."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from inventories.faults import Fault, OnshoreError
from inventories.yaml_source import display_name

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same; `where` names the row, path or object, no value of a row is ever told."""

    kind: str
    where: str
    what: str
    source: str = ""
    target: str = ""

    def __str__(self) -> str:
        sides = f" (source: {self.source}, target: {self.target})" if self.source or self.target else ""
        return f"{self.where}: {self.what}{sides}"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was compared: what either side says of it."""

    name: str
    kind: str
    rows: int
    size_bytes: int
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Parity:
    """The outcome for one asset. `source` and `target`: which side, at which moment by its own clock."""

    kind: str
    source: dict[str, str]
    target: dict[str, str]
    parts: tuple[Part, ...]
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether everything that was compared is the same; nothing compared proves nothing."""
        return bool(self.parts) and not self.differences

    @property
    def rows(self) -> int:
        """Rows, or files, that were compared."""
        return sum(part.rows for part in self.parts if part.kind != "schema")

    @property
    def size_bytes(self) -> int:
        """Bytes that were compared, as the source counts them."""
        return sum(part.size_bytes for part in self.parts)


def mirrored(parity: Parity) -> Parity:
    """The same evidence seen from the target: what that side held at its moment."""
    parts = tuple(replace(part, source=part.target, target=part.source) for part in parity.parts)
    return replace(parity, source=parity.target, target=parity.source, parts=parts)


def write_evidence(folder: Path, asset: str, parity: Parity) -> tuple[Path, str]:
    """Keep evidence as `<sha256>.json`; returns the file and its digest. It is on disk when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = json.dumps({"asset": asset, "equal": parity.equal, **asdict(parity)}, indent=1, sort_keys=True).encode()
    digest = hashlib.sha256(raw).hexdigest()
    path = folder / f"{digest}.json"
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    return path, digest


def read_evidence(folder: Path, digest: str) -> tuple[str, Parity]:
    """The asset and the evidence that a ledger's digest names; raises OnshoreError when it is gone or was altered."""
    path = folder / f"{digest}.json"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _unusable(path, "the evidence cannot be read", error.strerror or "") from None
    if hashlib.sha256(raw).hexdigest() != digest:
        raise _unusable(path, "the evidence was altered since the ledger recorded it", digest)
    data = json.loads(raw)
    asset = data.pop("asset")
    del data["equal"]
    data["parts"] = tuple(Part(**part) for part in data["parts"])
    data["differences"] = tuple(Difference(**each) for each in data["differences"])
    return asset, Parity(**data | {"left_out": tuple(data["left_out"])})


def digest_of(data: object) -> str:
    """sha256 of data in JSON, keys in order."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _unusable(path: Path, what: str, got: str) -> OnshoreError:
    fault = Fault(display_name(path), what, got, fix="verify the asset again")
    return OnshoreError("the evidence cannot be used", [fault], refused=True)
