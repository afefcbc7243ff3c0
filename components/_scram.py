"""What a PostgreSQL server keeps of a password: a host never learns the password itself (RFC 5802, RFC 7677)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import Final

from inventories.faults import Fault, OnshoreError

LEAST_LENGTH: Final = 12
_ROUNDS: Final = 4096
_SALT_BYTES: Final = 16


def scram_verifier(password: str, *, salted_for: str) -> str:
    """The SCRAM-SHA-256 verifier of a password, as `CREATE ROLE … PASSWORD` takes it.

    The same password gives the same verifier, so that nothing changes where nothing changed. A salt has to be another
    one for every role, and need not be a secret: it follows from `salted_for`. It must never follow from the password,
    for whoever begins to log in is told it. Raises OnshoreError for a password that is too short or not ASCII, which
    PostgreSQL and its clients would have to normalise alike.
    """
    if not password.isascii() or not password.isprintable() or len(password) < LEAST_LENGTH:
        fault = Fault(
            salted_for, f"a password of fewer than {LEAST_LENGTH} printable ASCII characters", fix="choose another"
        )
        raise OnshoreError("the password cannot be used", [fault])
    salt = hashlib.sha256(f"onshore scram {salted_for}".encode()).digest()[:_SALT_BYTES]
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ROUNDS}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
