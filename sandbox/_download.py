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
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from urllib3 import PoolManager, ProxyManager, Retry
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, parse_url

if TYPE_CHECKING:
    from pathlib import Path

    from urllib3 import BaseHTTPResponse

_CHUNK_BYTES: Final = 2**20
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
        text = _get(release.digest_url).read().decode(errors="replace")
        published = published_digest(text, PurePosixPath(urlsplit(release.url).path).name)
        got = _fetch(release.url, part)
        if got != published:
            raise DownloadRefusedError(f"{release.url} has SHA-256 {got}, but {release.digest_url} says {published}")
        _unpack(part, release.member, program)
        program.chmod(0o755)
        program.replace(target)
    except HTTPError as error:
        raise DownloadRefusedError(f"{release.url}: {error}") from error
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


def _get(url: str) -> BaseHTTPResponse:
    """The answer, its body unread, through the proxy that the environment names for it."""
    parts = urlsplit(url)
    proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
    if proxy:
        user = parse_url(proxy).auth
        manager: PoolManager = ProxyManager(proxy, proxy_headers=make_headers(proxy_basic_auth=unquote(user or "")))
    else:
        manager = PoolManager()
    answer = manager.request("GET", url, preload_content=False, timeout=60, retries=Retry(3, backoff_factor=0.2))
    if answer.status != 200:
        raise HTTPError(f"{url} is answered with {answer.status}")
    return answer


def _fetch(url: str, part: Path) -> str:
    digest = hashlib.sha256()
    with _get(url) as answer, part.open("wb") as stream:
        for chunk in answer.stream(_CHUNK_BYTES):
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
