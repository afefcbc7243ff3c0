"""What every record is, and the words that many of them use."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints

from inventories import patterns

if TYPE_CHECKING:
    from collections.abc import Mapping


Id = Annotated[str, StringConstraints(pattern=patterns.ID)]
Country = Annotated[str, StringConstraints(pattern=patterns.COUNTRY)]
Sha256 = Annotated[str, StringConstraints(pattern=patterns.SHA256)]
ImageHost = Annotated[str, StringConstraints(pattern=patterns.IMAGE_HOST)]
HttpsUrl = Annotated[str, StringConstraints(pattern=patterns.HTTPS_URL)]
ImageDigest = Annotated[str, StringConstraints(pattern=patterns.IMAGE_DIGEST)]
CloudName = Annotated[str, StringConstraints(pattern=patterns.CLOUD_NAME)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
DeploymentModel = Literal["public", "government", "private", "hybrid"]
ServiceKind = Literal["kubernetes", "vm", "volume", "object-store", "database"]
Exposure = Literal["internal", "public"]
Confidence = Literal["official", "reported", "inferred", "unknown", "fictional"]


class Record(BaseModel):
    """Frozen, and closed: a field it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with changes; what the original has looked up already does not come along."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


class SecurityLevel(StrEnum):
    """The Cloud Office's four levels, lowest first."""

    BASELINE = "baseline"
    INTERMEDIATE = "intermediate"
    ENHANCED = "enhanced"
    HIGHEST = "highest"

    @property
    def rank(self) -> int:
        return list(SecurityLevel).index(self)


class Source(Record):
    """Where a fact comes from; `confidence` unknown means a setting with the strict default."""

    instrument: str
    clause: str = ""
    url: str = ""
    retrieved: date | None = None
    confidence: Confidence
