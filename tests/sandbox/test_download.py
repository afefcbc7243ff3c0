"""A downloaded program is taken only whole and as published; the releases are played by a server on loopback."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import tarfile
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from sandbox._download import DownloadRefusedError, Release, download, published_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRAM = b"#!/bin/sh\necho v1\n" * 1000
DIGEST = hashlib.sha256(PROGRAM).hexdigest()


def _archive(member: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(PROGRAM)
        archive.addfile(info, io.BytesIO(PROGRAM))
    return buffer.getvalue()


ARCHIVE = _archive("etcd-v1/etcd")
FILES = {
    "/etcd": PROGRAM,
    "/etcd.sha256": f"{DIGEST}\n".encode(),
    "/altered": PROGRAM[:-1] + b"!",
    "/etcd.tar.gz": ARCHIVE,
    "/SHA256SUMS": f"{'0' * 64}  other.tar.gz\n{hashlib.sha256(ARCHIVE).hexdigest()}  etcd.tar.gz\n".encode(),
}


class _Releases(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = urlsplit(self.path).path  # a proxy is asked for whole URLs
        path = asked.removeprefix("/truncated")
        if path not in FILES or (self.path != asked and self.headers["Proxy-Authorization"] != "Basic dTpwQHc="):
            self.send_error(404)
            return
        content = FILES[path]
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if path != asked else content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[Callable[[str], str]]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Releases) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield lambda path: f"http://127.0.0.1:{server.server_port}{path}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "digest", "member"), [("/etcd", "/etcd.sha256", ""), ("/etcd.tar.gz", "/SHA256SUMS", "etcd-v1/etcd")]
)
def test_a_program_as_published_is_taken_and_made_executable(
    tmp_path: Path, url: Callable[[str], str], path: str, digest: str, member: str
) -> None:
    download(Release(url(path), url(digest), member), tmp_path / "etcd")
    assert (tmp_path / "etcd").read_bytes() == PROGRAM
    assert (tmp_path / "etcd").stat().st_mode & 0o111
    assert [path.name for path in tmp_path.iterdir()] == ["etcd"]


@pytest.mark.parametrize(
    ("path", "digest", "member", "why"),
    [
        ("/truncated/etcd", "/etcd.sha256", "", "IncompleteRead"),
        ("/altered", "/etcd.sha256", "", f"but .*etcd.sha256 says {DIGEST}"),
        ("/etcd", "/nothing.sha256", "", "404"),
        ("/nothing", "/etcd.sha256", "", "404"),
        ("/etcd", "/SHA256SUMS", "", "no single SHA-256 of etcd"),
        ("/etcd.tar.gz", "/SHA256SUMS", "etcd-v2/etcd", "not the archive it should be"),
        ("/etcd", "/etcd.sha256", "etcd-v1/etcd", "not the archive it should be"),
    ],
)
def test_anything_else_is_refused_and_leaves_nothing(
    tmp_path: Path, url: Callable[[str], str], path: str, digest: str, member: str, why: str
) -> None:
    with pytest.raises(DownloadRefusedError, match=why):
        download(Release(url(path), url(digest), member), tmp_path / "etcd")
    assert list(tmp_path.iterdir()) == []


def test_the_proxy_of_the_environment_is_used_unless_it_is_told_not_to(
    tmp_path: Path, url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", url("").replace("http://", "http://u:p%40w@"))
    release = Release("http://releases.example/etcd", "http://releases.example/etcd.sha256")
    download(release, tmp_path / "etcd")
    assert (tmp_path / "etcd").read_bytes() == PROGRAM
    monkeypatch.setenv("no_proxy", "releases.example")
    with pytest.raises(DownloadRefusedError, match="resolve"):
        download(release, tmp_path / "etcd")


def test_a_server_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadRefusedError, match=r"127\.0\.0\.1:9/"):
        download(Release("http://127.0.0.1:9/etcd", "http://127.0.0.1:9/etcd.sha256"), tmp_path / "etcd")


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        f"{DIGEST}  kwok\n",
        f"{DIGEST} *kwok\n{'1' * 64} *other\n",
        json.dumps({"assets": [{"name": "kwok", "digest": f"sha256:{DIGEST}"}, {"name": "other", "digest": None}]}),
    ],
)
def test_a_digest_is_read_in_every_form_it_is_published_in(text: str) -> None:
    assert published_digest(text, "kwok") == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>sign in</html>",
        DIGEST[:-1],
        f"{DIGEST}  other",
        f"{DIGEST}  kwok\n{'1' * 64}  kwok\n",
        "{not json",
        '{"assets": [{"name": "kwok"}]}',
        '{"assets": [{"name": "kwok", "digest": null}]}',
        '{"message": "API rate limit exceeded"}',
    ],
)
def test_a_publication_without_one_digest_is_refused(text: str) -> None:
    with pytest.raises(DownloadRefusedError, match="no single SHA-256 of kwok"):
        published_digest(text, "kwok")
