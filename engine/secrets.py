"""Passphrase encryption (`pkg/secrets/passphrase/manager.go`, `sdk/go/common/resource/config/crypt.go`).

AES-256-GCM under PBKDF2-HMAC-SHA256(passphrase, 8-byte salt, 1,000,000 rounds). A ciphertext reads
`v1:<base64 nonce>:<base64 ciphertext and tag>`, a salt `v1:<base64 salt>:<the word "pulumi", encrypted>`.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import os
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROUNDS: Final = 1_000_000
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_PROOF: Final = "pulumi"


@dataclass(frozen=True, slots=True)
class _Key:
    """A salt and the cipher under the key derived with it."""

    salt: str
    cipher: AESGCM


class PassphraseSecrets:
    """Encrypts and decrypts with one passphrase and one salt; wrong ones are refused at construction.

    Raises EngineError "incorrect passphrase", or that the salt is not one. `later`: a wrong passphrase is only refused
    at `check`, or when the key is needed; until then a thread derives it.
    """

    def __init__(self, passphrase: str, salt: str | None, *, later: bool = False) -> None:
        self._passphrase = passphrase
        self._salt = salt
        self._making = threading.Lock()
        self._key: _Key | None = None
        if salt is not None:
            _deriving(passphrase, _raw(salt))
            if not later:
                self.check()

    @classmethod
    def create(cls, passphrase: str) -> PassphraseSecrets:
        """A manager with a new random salt, made when it is first needed: a preview of a new stack never needs it."""
        return cls(passphrase, None)

    def check(self) -> None:
        """Raises EngineError when the passphrase is not the one of a salt that was given."""
        if self._salt is not None:
            self._made()

    @property
    def salt(self) -> str:
        """What the documents keep, to derive the same key again."""
        return self._salt or self._made().salt

    def under(self, salt: str) -> PassphraseSecrets:
        """The same passphrase under the salt of another document; itself when that has none."""
        return self if not salt or salt == self.salt else PassphraseSecrets(self._passphrase, salt)

    def _made(self) -> _Key:
        with self._making:  # two threads must not seal under two salts
            if self._key is None:
                known = self._salt
                self._key = _fresh(self._passphrase) if known is None else _opened(self._passphrase, known)
            return self._key

    def encrypt(self, plaintext: str) -> str:
        """The `v1:` ciphertext of a text; a new one at every call."""
        return _seal(self._made().cipher, plaintext)

    def decrypt(self, ciphertext: str) -> str:
        """The text of a `v1:` ciphertext; raises EngineError when this key did not make it."""
        plaintext = _open(self._made().cipher, ciphertext)
        if plaintext is None:
            raise EngineError(
                "a secret cannot be decrypted", fix="It was encrypted with another passphrase, or it was damaged."
            )
        return plaintext


def passphrase_from(environment: Mapping[str, str]) -> str:
    """The passphrase that the environment names; an empty one counts. Raises EngineError when there is none."""
    if (passphrase := environment.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
        return passphrase
    if file := environment.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise EngineError(
                f"PULUMI_CONFIG_PASSPHRASE_FILE: {file} cannot be read: {error.strerror or error}",
                fix="Name a file that who runs this may read.",
            ) from error
    raise EngineError(
        "no passphrase: the secrets in configuration and state cannot be read or written",
        fix="Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.",
    )


def _raw(salt: str) -> bytes:
    """The bytes in a salt; raises EngineError when it is none."""
    version, encoded, _ = _parts(salt)
    try:
        raw = _decode(encoded) if version == "v1" else b""
    except ValueError:
        raw = b""
    if not raw:
        raise EngineError(
            f"the encryption salt {salt[:12]!r} is not one", fix="Restore encryptionsalt in the stack file."
        )
    return raw


def _opened(passphrase: str, salt: str) -> _Key:
    cipher = AESGCM(_deriving(passphrase, _raw(salt)).result())
    if _open(cipher, _parts(salt)[2]) != _PROOF:
        raise EngineError(
            "incorrect passphrase",
            fix="Set PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE) to the stack's passphrase.",
        )
    return _Key(salt, cipher)


def _fresh(passphrase: str) -> _Key:
    raw = os.urandom(_SALT_BYTES)
    cipher = AESGCM(_deriving(passphrase, raw).result())
    return _Key(f"v1:{base64.b64encode(raw).decode()}:{_seal(cipher, _PROOF)}", cipher)


def _open(cipher: AESGCM, ciphertext: str) -> str | None:
    version, nonce, sealed = _parts(ciphertext)
    try:
        return cipher.decrypt(_decode(nonce), _decode(sealed), None).decode() if version == "v1" else None
    except (InvalidTag, ValueError):
        return None


def _parts(text: str) -> tuple[str, str, str]:
    version, _, rest = text.partition(":")
    first, _, second = rest.partition(":")
    return version, first, second


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _seal(cipher: AESGCM, plaintext: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    sealed = cipher.encrypt(nonce, plaintext.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


@functools.lru_cache(maxsize=8)
def _deriving(passphrase: str, salt: bytes) -> Future[bytes]:
    """The key, derived on a thread: a third of a second by design, in which hashlib lets other threads run.

    A preview and the run after it share one derivation.
    """
    key: Future[bytes] = Future()

    def derive() -> None:
        try:
            key.set_result(hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS, _KEY_BYTES))
        except BaseException as error:  # noqa: BLE001 - whoever waits for the key gets it
            key.set_exception(error)

    threading.Thread(target=derive, name="passphrase-key", daemon=True).start()
    return key
