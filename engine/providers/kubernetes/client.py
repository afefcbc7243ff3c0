"""HTTP to one API server over urllib3: JSON in and out, streams for watches; no proxy is read from the environment."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from urllib3 import Retry, Timeout, connection_from_url, disable_warnings
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, HTTPError, InsecureRequestWarning

from engine.provider import ProviderError
from engine.providers.kubernetes.credentials import Credentials, tls_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPHeaderDict

    from engine.providers.kubernetes.kubeconfig import ClusterAccess
    from engine.providers.kubernetes.objects import Object

_CONNECT_TIMEOUT_S: Final = 10.0
_REQUEST_TIMEOUT_S: Final = 60.0
_POOL_SIZE: Final = 32
_UNSENT: Final = (ConnectTimeoutError, ClosedPoolError)
# While the server is busy (429 or 503 with Retry-After), at most 10 s each time: it has not begun, whatever the method.
_RETRIES: Final = Retry(
    7, connect=False, other=0, allowed_methods=None, raise_on_status=False, retry_after_max=10, backoff_factor=0.1
)


class ApiError(ProviderError):
    """The API server refused: `code` and `reason` of its Status; the message is the server's own."""

    def __init__(self, code: int, status: Object) -> None:
        message = str(status.get("message") or f"the server answered {code} without a message")
        super().__init__(message)
        self.code = code
        self.reason = str(status.get("reason") or "")
        details = status.get("details")
        self.details: Object = details if isinstance(details, dict) else {}


class UnreachableError(ProviderError):
    """No answer from the API server; whether a change was made is unknown."""


class Client:
    """Thread-safe. `timeout_s`: for a whole answer other than a watch; None is the default of 60 s."""

    def __init__(self, access: ClusterAccess, *, timeout_s: float | None = None) -> None:
        self.server = access.server
        self._access = access
        self._timeout_s = timeout_s or _REQUEST_TIMEOUT_S
        self._prefix = urlsplit(access.server).path.rstrip("/")
        self._credentials = Credentials(access)
        self._certificate = self._credentials.certificate
        self._pool = self._new_pool()
        self._lock = threading.Lock()
        self._streams: set[BaseHTTPResponse] = set()
        self._stopped = False

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """The answer's JSON. Raises ApiError for a refusal, UnreachableError when there is no answer."""
        payload = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        repeatable = method == "GET" or (query or {}).get("dryRun") == "All"
        target = self._target(path, query)
        answer = self._exchange(method, target, payload, content_type, repeatable)
        if answer.status == 401 and self._credentials.renew():
            answer = self._exchange(method, target, payload, content_type, repeatable)
        document = _json(answer.data)
        if answer.status >= 300:
            raise ApiError(answer.status, document)
        return document

    def stream(self, path: str, query: dict[str, str], *, idle_s: float) -> Iterator[Object]:
        """Objects of a watch, until the server or `stop_streams` ends it; no byte for `idle_s` ends it as well."""
        if self._stopped:
            return
        pool, headers = self._ready()
        timeout = Timeout(connect=_CONNECT_TIMEOUT_S, read=idle_s)
        how: Any = {"headers": headers, "timeout": timeout, "retries": False, "redirect": False}
        try:
            with contextlib.closing(
                pool.urlopen("GET", self._target(path, query), preload_content=False, **how)
            ) as answer:
                if answer.status >= 300:
                    raise ApiError(answer.status, _json(answer.read()))
                yield from self._objects(answer)
        except (HTTPError, OSError):
            return

    def _objects(self, answer: BaseHTTPResponse) -> Iterator[Object]:
        with self._lock:
            self._streams.add(answer)
        rest = b""
        try:
            while not self._stopped and (data := answer.read1()):
                *lines, rest = (rest + data).split(b"\n")
                yield from map(_json, lines)
        finally:
            with self._lock:
                self._streams.discard(answer)

    def stop_streams(self) -> None:
        """End all watches now and start no new ones."""
        with self._lock:
            self._stopped = True
            for answer in self._streams:
                with contextlib.suppress(OSError, ValueError, RuntimeError):  # it has just ended by itself
                    answer.shutdown()

    def close(self) -> None:
        """Close every connection; nothing can be asked any more."""
        self.stop_streams()
        self._pool.close()

    def _target(self, path: str, query: dict[str, str] | None) -> str:
        return f"{self._prefix}{path}?{urlencode(query)}" if query else self._prefix + path

    def _exchange(
        self, method: str, target: str, payload: bytes | None, content_type: str, repeatable: bool
    ) -> BaseHTTPResponse:
        """The answer, asked for again while the server is busy; a lost answer only when that changes nothing."""
        pool, headers = self._ready()
        if payload is not None:
            headers["Content-Type"] = content_type
        retries = _RETRIES.new(read=1 if repeatable else False)
        timeout = Timeout(connect=_CONNECT_TIMEOUT_S, read=self._timeout_s)
        try:
            return pool.urlopen(
                method, target, payload, headers=headers, retries=retries, redirect=False, timeout=timeout
            )
        except HTTPError as error:
            cause = _innermost(error)
            unsent = isinstance(error, _UNSENT) or isinstance(cause, ssl.SSLCertVerificationError)
            reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
            message = f"no answer from {self.server}: {reason}"
            raise UnreachableError(message, unknown_outcome=not (unsent or repeatable)) from None

    def _ready(self) -> tuple[HTTPConnectionPool, HTTPHeaderDict]:
        """Connections and headers that carry the current credentials."""
        headers = self._credentials.headers()
        with self._lock:
            if self._certificate != self._credentials.certificate:  # the old connections still carry the old one
                self._certificate = self._credentials.certificate
                self._pool = self._new_pool()
            return self._pool, headers

    def _new_pool(self) -> HTTPConnectionPool:
        if not self.server.startswith("https:"):
            return connection_from_url(self.server, maxsize=_POOL_SIZE)
        if self._access.insecure:
            disable_warnings(InsecureRequestWarning)  # the kubeconfig asks for it
        return connection_from_url(
            self.server,
            maxsize=_POOL_SIZE,
            ssl_context=tls_context(self._access.authority, *self._certificate, insecure=self._access.insecure),
            server_hostname=self._access.tls_server_name or None,
        )


def _json(data: bytes) -> Object:
    try:
        document = json.loads(data)
    except ValueError:
        text = data[:200].decode(errors="replace").strip()
        return {"message": text or "the server answered without a body"}
    return document if isinstance(document, dict) else {"message": str(document)[:200]}


def _innermost(error: BaseException) -> BaseException:
    """What happened: urllib3 wraps it, as cause or as argument, in descriptions of its own objects."""
    inner = error.__cause__ or next((each for each in error.args if isinstance(each, BaseException)), None)
    return _innermost(inner) if inner else error
