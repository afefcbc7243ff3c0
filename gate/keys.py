"""Ed25519 keys as PEM files: made, read and named; nothing here ever puts key material into a message."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEY_VARIABLE: Final = "ONSHORE_GATE_KEY"
KEY_FILE_VARIABLE: Final = "ONSHORE_GATE_KEY_FILE"
_MAKE_ONE: Final = "make one: onshore gate keygen FILE"


def make_key(path: Path) -> tuple[Path, str]:
    """Write a new private key (mode 0600) and `<path>.pub`; returns the latter with the key's id.

    Raises OnshoreError when a file is there already or cannot be written.
    """
    public = path.with_name(f"{path.name}.pub")
    if present := [str(file) for file in (path, public) if file.exists()]:
        fix = "name another file; a key that receipts were signed with is never overwritten"
        raise OnshoreError("no key was made", [Fault(file, "there is a file already", fix=fix) for file in present])
    signer = CryptoSigner.generate_ed25519()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(signer.private_bytes)
        public.write_bytes(_public_pem(signer.private_bytes))
    except OSError as error:
        fault = Fault(str(path), f"cannot be written: {error.strerror}", fix="choose a folder that can be written")
        raise OnshoreError("no key was made", [fault]) from None
    return public, signer.public_key.keyid


def _public_pem(private: bytes) -> bytes:
    key = load_pem_private_key(private, None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_key(path: Path | None, environment: Mapping[str, str] = os.environ) -> CryptoSigner:
    """The signing key: of a file, else of the environment, as PEM or as a file's name. Raises OnshoreError."""
    where, pem = _given(path, environment)
    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        raise _unusable(where, "the key has a passphrase", "use a key without one, and guard its file") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unusable(where, "not a private key in PEM form", _MAKE_ONE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable(where, "not an Ed25519 key", _MAKE_ONE, got=_kind(key))
    return CryptoSigner(key)


def public_keys(paths: Iterable[Path]) -> list[SSlibKey]:
    """The trusted public keys; raises OnshoreError (`refused`) unless there is one at least and all can be read."""
    keys: list[SSlibKey] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            key = load_pem_public_key(path.read_bytes())
        except OSError as error:
            faults.append(Fault(str(path), f"cannot be read: {error.strerror}", fix="correct trusted_keys"))
        except (ValueError, UnsupportedAlgorithm):
            fix = "name the .pub file; a private key is not to lie here"
            faults.append(Fault(str(path), "not a public key in PEM form", fix=fix))
        else:
            if isinstance(key, Ed25519PublicKey):
                keys.append(SSlibKey.from_crypto(key))
            else:
                faults.append(Fault(str(path), "not an Ed25519 key", _kind(key), fix=_MAKE_ONE))
    if not keys and not faults:
        fix = "the platform team names the gate's public keys in onshore.yaml: `trusted_keys: [keys/gate.pem.pub]`"
        faults.append(Fault("onshore.yaml", "no key is trusted (trusted_keys)", fix=fix))
    if faults:
        raise OnshoreError("no receipt can be believed", faults, refused=True)
    return keys


def _given(path: Path | None, environment: Mapping[str, str]) -> tuple[str, bytes]:
    text = environment.get(KEY_VARIABLE)
    if path is None and text:
        return KEY_VARIABLE, text.encode()
    named = path or (Path(name) if (name := environment.get(KEY_FILE_VARIABLE)) else None)
    if named is None:
        fix = f"use --key FILE, or set {KEY_FILE_VARIABLE} or {KEY_VARIABLE}; {_MAKE_ONE}"
        raise OnshoreError("there is no key to sign with", [Fault("--key", "not given", fix=fix)])
    try:
        return str(named), named.read_bytes()
    except OSError as error:
        raise _unusable(str(named), f"cannot be read: {error.strerror}", _MAKE_ONE) from None


def _unusable(where: str, what: str, fix: str, *, got: str = "") -> OnshoreError:
    return OnshoreError("the key cannot be used", [Fault(where, what, got, fix=fix)])


def _kind(key: object) -> str:
    return type(key).__name__.removeprefix("_").removesuffix("PrivateKey").removesuffix("PublicKey")
