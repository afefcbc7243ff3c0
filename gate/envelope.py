"""Signed and opened: the DSSE envelope of a receipt, one signature by one key.

DSSE: https://github.com/secure-systems-lab/dsse. The signature is checked before anything inside is believed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.exceptions import VerificationError

from gate.receipt import PAYLOAD_TYPE, UNKNOWN_STACK, Receipt, again, as_statement, from_statement
from gate.wording import shown
from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner, Key, SSlibKey

_MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """A receipt as it lies in its envelope; `key_id` is what the envelope says until `verify` has agreed."""

    receipt: Receipt
    key_id: str


def seal(receipt: Receipt, signer: CryptoSigner) -> str:
    """The receipt's envelope as JSON."""
    envelope = Envelope(as_statement(receipt), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), indent=2) + "\n"


def read(path: Path, stack: str = UNKNOWN_STACK) -> str:
    """The text of a receipt's file; raises OnshoreError (`refused`), which names the stack to gate again."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _refusal(stack, str(path), "too large for a receipt", f"{path.stat().st_size} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _refusal(stack, str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _refusal(stack, str(path), "not UTF-8, so not JSON") from None


def look_into(text: str) -> Opened:
    """What an envelope says, believed or not; raises OnshoreError (`refused`)."""
    envelope = _envelope(text, UNKNOWN_STACK)
    return Opened(from_statement(envelope.payload, UNKNOWN_STACK), next(iter(envelope.signatures)))


def verify(text: str, trusted: Sequence[SSlibKey], stack: str = UNKNOWN_STACK) -> Opened:
    """The receipt in an envelope that a trusted key has signed; raises OnshoreError (`refused`)."""
    envelope = _envelope(text, stack)
    keys: list[Key] = list(trusted)
    signed_by = next(iter(envelope.signatures))
    if signed_by not in {key.keyid for key in keys}:
        known = ", ".join(key.keyid[:12] for key in keys)
        fix = "gate with a trusted key, or let the platform team add this one to trusted_keys"
        raise _refusal(stack, "receipt", "signed by an unknown key", f"{shown(signed_by)[:12]}, trusted {known}", fix)
    try:
        envelope.verify(keys, 1)
    except (VerificationError, LibraryError, ValueError):
        what = "the signature does not fit: the receipt was changed after it was signed"
        raise _refusal(stack, "receipt", what) from None
    return Opened(from_statement(envelope.payload, stack), signed_by)


def _envelope(text: str, stack: str) -> Envelope:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise _refusal(stack, "receipt", "not JSON, or cut short") from None
    if not isinstance(document, dict) or not {"payload", "payloadType", "signatures"} <= document.keys():
        raise _refusal(stack, "receipt", "not a DSSE envelope: payload, payloadType or signatures is missing")
    if document["payloadType"] != PAYLOAD_TYPE:
        raise _refusal(stack, "receipt", f"the payload is not {PAYLOAD_TYPE}", shown(str(document["payloadType"])))
    signatures = document["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        got = f"{len(signatures)} signatures" if isinstance(signatures, list) else type(signatures).__name__
        raise _refusal(stack, "receipt", "not signed once, by one key", got)
    try:
        return Envelope.from_dict(document)
    except (LibraryError, ValueError, KeyError, TypeError, AttributeError):
        raise _refusal(stack, "receipt", "its payload or signature cannot be decoded") from None


def _refusal(stack: str, where: str, what: str, got: str = "", fix: str = "") -> OnshoreError:
    fault = Fault(where, what, got, fix=fix or again(stack))
    return OnshoreError("the receipt is not accepted", [fault], refused=True)
