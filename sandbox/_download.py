"""Download a released program and take it only when its SHA-256 is the published one."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from pathlib import Path

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class DownloadRefusedError(Exception):
    """A download that did not arrive, or did not arrive as published; the message says which."""


@dataclass(frozen=True, slots=True)
class Release:
    """Where a program is released, where its digest is published, and its name in the archive ('': no archive)."""

    url: str
    digest_url: str
    member: str = ""


def download(release: Release, target: Path) -> None:
    """Put the released program at `target`, executable; it appears there checked and whole, or not at all.

    Raises DownloadRefusedError.
    """
    part, program = target.with_name(f".{target.name}.download"), target.with_name(f".{target.name}.part")
    try:
        with httpx.Client(follow_redirects=True, timeout=60) as client:
            answer = client.get(release.digest_url)
            answer.raise_for_status()
            published = published_digest(answer.text, PurePosixPath(urlsplit(release.url).path).name)
            got = _fetch(client, release.url, part)
        if got != published:
            raise DownloadRefusedError(f"{release.url} has SHA-256 {got}, but {release.digest_url} says {published}")
        _unpack(part, release.member, program)
        program.chmod(0o755)
        program.replace(target)
    except httpx.HTTPError as error:
        raise DownloadRefusedError(f"{release.url}: {error or type(error).__name__}") from error
    except (tarfile.TarError, KeyError) as error:
        raise DownloadRefusedError(f"{release.url} is not the archive it should be: {error}") from error
    finally:
        part.unlink(missing_ok=True)
        program.unlink(missing_ok=True)


def published_digest(text: str, asset: str) -> str:
    """The SHA-256 that a publication gives for an asset: a bare digest, `sha256sum` lines, or a GitHub release's JSON.

    Raises DownloadRefusedError when it gives none, or more than one.
    """
    if text.lstrip().startswith("{"):
        try:
            listed = json.loads(text)["assets"]
            found = {str(item["digest"]).removeprefix("sha256:") for item in listed if item["name"] == asset}
        except (ValueError, KeyError, TypeError):
            found = set()
    else:
        lines = [line.split() for line in text.splitlines() if line.strip()]
        found = {words[0] for words in lines if len(words) == 1 or words[1].lstrip("*") == asset}
    digests = {digest for digest in found if _SHA256.fullmatch(digest)}
    if len(digests) != 1 or digests != found:
        raise DownloadRefusedError(f"no single SHA-256 of {asset} is published")
    return digests.pop()


def _fetch(client: httpx.Client, url: str, part: Path) -> str:
    digest = hashlib.sha256()
    with client.stream("GET", url) as answer, part.open("wb") as stream:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest()


def _unpack(part: Path, member: str, program: Path) -> None:
    if not member:
        part.replace(program)
        return
    with tarfile.open(part) as archive:
        source = archive.extractfile(member)
        if source is None:
            raise KeyError(member)
        with source, program.open("wb") as stream:
            shutil.copyfileobj(source, stream)
