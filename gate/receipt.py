"""The receipt: what a gated preview was made of, as the predicate of an in-toto statement (v1).

in-toto Statement: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. Its subject is the plan: the
stack's name with the digest of its operations.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from gate.coverage import Advised, Waived
from gate.plan import Plan, plan_digest
from gate.wording import shown
from inventories.faults import Fault, OnshoreError
from inventories.models import Record

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://onshore.example/gate/v1"
UNKNOWN_STACK: Final = "STACK"  # in the way out of what no receipt, and so no stack, can be read from
_CLOCK_TOLERANCE: Final = timedelta(minutes=1)  # two machines' clocks are never quite alike

Materials = dict[str, dict[str, str]]  # group -> what it is made of: file or fact -> sha256 or value


class Coverage(Record):
    """Who judged, and how much."""

    model_config = ConfigDict(alias_generator=to_camel)

    pack: str
    pack_version: str
    rules: tuple[str, ...]
    registered: int
    reads: tuple[str, ...] = ()


class Receipt(Record):
    """The predicate. `by` is what the signer's machine says of itself: a claim, of which only the key is proof."""

    model_config = ConfigDict(alias_generator=to_camel)

    project: str
    stack: str
    gated_at: AwareDatetime
    expires_at: AwareDatetime
    by: dict[str, str]
    materials: Materials
    coverage: Coverage
    operations: Plan
    waived: tuple[Waived, ...] = ()
    advised: tuple[Advised, ...] = ()

    @property
    def name(self) -> str:
        """What the statement is about."""
        return f"{self.project}/{self.stack}"


class _Subject(Record):
    name: str
    digest: dict[str, str]


class _Statement(Record):
    type: Annotated[str, Field(alias="_type")]
    subject: Annotated[tuple[_Subject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Annotated[str, Field(alias="predicateType")]
    predicate: Receipt


def as_statement(receipt: Receipt) -> bytes:
    """The receipt's statement as it is signed."""
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": receipt.name, "digest": {"sha256": plan_digest(receipt.operations)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": receipt.model_dump(mode="json", by_alias=True),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def from_statement(payload: bytes, stack: str = UNKNOWN_STACK) -> Receipt:
    """The receipt in a statement; raises OnshoreError (`refused`) for any other, or one that contradicts itself."""
    try:
        document: Any = json.loads(payload)
        for key, wanted in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
            if not isinstance(document, dict) or document.get(key) != wanted:
                got = shown(str(document.get(key))) if isinstance(document, dict) else type(document).__name__
                raise _not_ours(stack, f"`{key}` is not {wanted}", got)
        statement = _Statement.model_validate_json(payload)
    except ValidationError as error:
        places = sorted({".".join(map(str, one["loc"][:3])) for one in error.errors()})
        raise _not_ours(stack, "fields are missing, unknown or malformed", shown(", ".join(places))) from None
    except (ValueError, RecursionError):
        raise _not_ours(stack, "the statement is not JSON") from None
    receipt, subject = statement.predicate, statement.subject[0]
    if (subject.name, subject.digest) != (receipt.name, {"sha256": plan_digest(receipt.operations)}):
        raise _not_ours(stack, "its subject is not the plan it holds", shown(subject.name))
    return receipt


def age_faults(receipt: Receipt, now: datetime, *, longest_hours: int, stack: str) -> list[Fault]:
    """Whether a receipt holds at a moment, and for no longer than is allowed; `stack`: what to gate again if not."""
    gated, ends = receipt.gated_at, receipt.expires_at
    faults: list[Fault] = []
    if gated > now + _CLOCK_TOLERANCE:
        fix = "set this machine's clock, or the gate's"
        faults.append(Fault("receipt", "not valid yet", f"gated at {moment(gated)}, it is {moment(now)}", fix=fix))
    if ends <= now:
        faults.append(Fault("receipt", "expired", f"ended at {moment(ends)}, it is {moment(now)}", fix=again(stack)))
    if ends - gated > timedelta(hours=longest_hours):
        why = f"onshore.yaml allows {longest_hours} hours (receipt_hours)"
        faults.append(Fault("receipt", "lives too long", f"{moment(gated)} to {moment(ends)}", why, again(stack)))
    return faults


def again(stack: str) -> str:
    """The way out of most that is wrong with a receipt."""
    return f"gate again: onshore gate {shown(stack)}"


def moment(at: datetime) -> str:
    """A point in time for people, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _not_ours(stack: str, what: str, got: str = "") -> OnshoreError:
    fault = Fault("receipt", what, got, fix=again(stack))
    return OnshoreError("this is not a receipt of the gate", [fault], refused=True)
