"""Calls to one cloud over openstacksdk: JSON in and out, what may be repeated is, what was refused says why."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from engine.provider import ProviderError
from engine.providers.openstack.lists import Lists
from engine.providers.openstack.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from engine.provider import Log
    from engine.providers.openstack.kinds import Kind, Service
    from engine.providers.openstack.settings import Settings
    from engine.providers.openstack.shapes import Object

_T = TypeVar("_T")

_BUSY: Final = frozenset({502, 503, 504})
# too many at once; a token that was forgotten between two calls (the session has asked for a new one)
_NOT_BEGUN: Final = frozenset({429, 401})
_AGAIN: Final = _BUSY | _NOT_BEGUN
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 8.0
_PAGE: Final = 1000
_MICROVERSIONED: Final = {"compute": "compute", "block_storage": "volume"}


class ApiError(ProviderError):
    """The cloud refused: `code` is HTTP's, the message its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class LostError(ProviderError):
    """No answer, or none that tells: what came of the call is unknown where it was to change something."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave: the JSON (empty where there is none) and the headers."""

    document: Object
    headers: dict[str, str] = field(default_factory=dict)


class Cloud:
    """One cloud as one project; thread-safe. `cancelled` ends every wait."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self.cancelled = threading.Event()
        self.log = log
        self.lists = Lists(self)
        self._settings = settings
        self._session: Session | None = None
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], Object] = {}

    def _connected(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = Session(self._settings)
            return self._session

    @property
    def region(self) -> str:
        """The region's name as given."""
        return self._settings.region

    def project(self) -> str:
        """The id of the project that the credential is for."""
        return str(self._guarded(self._connected().keystone.get_project_id) or "")

    def call(
        self,
        service: Service,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        data: Any = None,
        microversion: str = "",
        once: bool = False,
    ) -> Answer:
        """The answer. Raises ApiError for a refusal, LostError where there is none and the call may not be repeated.

        Calls that may be repeated are, unless `once`; so are those refused as too many, or for their token: nobody has
        begun with them.
        """
        pause, more = _FIRST_PAUSE_S, self._settings.retries
        repeatable = method in _REPEATABLE and not once
        while True:
            try:
                answer = self._once(service, method, path, body, query, headers, data, microversion)
            except LostError:
                if not more or not repeatable:
                    raise
            else:
                if not more or answer.status_code not in (_AGAIN if repeatable else _NOT_BEGUN):
                    return _read(answer, method)
                pause = max(pause, _asked_pause(answer))
            more -= 1
            if self.cancelled.wait(pause):
                raise ProviderError("cancelled")
            pause = min(_LONGEST_PAUSE_S, 2 * pause)

    def _once(
        self,
        service: Service,
        method: str,
        path: str,
        body: Any,
        query: dict[str, Any] | None,
        headers: dict[str, str] | None,
        data: Any,
        microversion: str,
    ) -> Response:
        more: dict[str, Any] = {}
        if microversion and service in _MICROVERSIONED:
            more = {"microversion": microversion}
        if data is not None:
            more["data"] = data
        elif body is not None:
            more["json"] = body

        def ask() -> Response:
            proxy = getattr(self._connected().connection, service)
            answer: Response = proxy.request(
                path, method, connect_retries=0, params=query or {}, headers=headers or {}, **more
            )
            return answer

        return self._guarded(ask)

    def _guarded(self, ask: Callable[[], _T]) -> _T:
        from keystoneauth1 import exceptions as refused  # noqa: PLC0415 - heavy, and loaded by now

        if self.cancelled.is_set():
            raise ProviderError("cancelled")
        try:
            return ask()
        except refused.SSLError as error:
            raise ProviderError(f"the cloud's certificate is not trusted: {_short(error)}. Check cacertFile") from None
        except refused.Unauthorized as error:
            raise ApiError(401, f"the cloud does not accept the credential: {_short(error)}") from None
        except refused.EndpointNotFound as error:
            raise ProviderError(f"the cloud has no such service in the region: {_short(error)}") from None
        except refused.ConnectionError as error:
            raise LostError(f"no answer from the cloud: {_short(error)}", unknown_outcome=True) from None
        except refused.ClientException as error:
            raise ProviderError(f"the cloud cannot be used: {_short(error)}") from None

    # ------------------------------------------------------------ collections

    def get(self, kind: Kind, id_: str) -> Object | None:
        """One object; None where it is gone."""
        try:
            answer = self.call(kind.service, "GET", f"{kind.path}/{id_}", microversion=kind.microversion)
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        found: Object = answer.document[kind.one]
        return found

    def list(self, kind: Kind) -> list[Object]:
        """All objects of a kind that the project has, with their details."""
        found: list[Object] = []
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            path = kind.listed or kind.path
            page = self.call(kind.service, "GET", path, query=query, microversion=kind.microversion).document
            items = [item[kind.one] if set(item) == {kind.one} else item for item in page[kind.many]]
            found += items
            more = any(link.get("rel") == "next" for link in page.get(f"{kind.many}_links") or ())
            if not more or not items:
                return found
            query = {"limit": _PAGE, "marker": items[-1]["name" if kind.by_name else "id"]}

    def detail(self, service: Service, path: str, key: str) -> Object:
        """What seldom changes (a flavor, an image, a network): asked once for each run; {} where it is gone."""
        with self._lock:
            seen = self._seen.get((service, path))
        if seen is None:
            try:
                document = self.call(service, "GET", path).document
                seen = document.get(key, {}) if key else document
            except ApiError as error:
                if error.code != 404:
                    raise
                seen = {}
            with self._lock:
                self._seen[service, path] = seen
        return seen

    def close(self) -> None:
        """Drop the connection."""
        self.cancelled.set()
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None


def _read(answer: Response, method: str) -> Answer:
    if answer.status_code < 300 or (method == "HEAD" and answer.status_code < 400):
        text = answer.headers.get("content-type", "")
        try:
            document = answer.json() if "json" in text and answer.content else {}
        except ValueError:
            raise LostError("the cloud's answer was cut short", unknown_outcome=method != "GET") from None
        return Answer(document if isinstance(document, dict) else {"items": document}, dict(answer.headers))
    message = _message(answer)
    if answer.status_code in _BUSY and method == "POST":
        raise LostError(f"the cloud answered {answer.status_code}: {message}", unknown_outcome=True)
    raise ApiError(answer.status_code, f"the cloud answered {answer.status_code}: {message}")


def _message(answer: Response) -> str:
    """The service's own words; the request's id with which an operator finds it in the logs."""
    request = answer.headers.get("x-openstack-request-id") or answer.headers.get("x-compute-request-id") or ""
    words = ""
    try:
        document = answer.json()
    except ValueError:
        document = None
    parts = document.values() if isinstance(document, dict) else ()
    for part in (document, *parts):
        if isinstance(part, dict) and isinstance(part.get("message"), str):
            words = part["message"]
            break
    words = words or answer.reason or "no reason given"
    return f"{words} ({request})" if request else words


def _asked_pause(answer: Response) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(_LONGEST_PAUSE_S, float(asked)) if asked.isdigit() else 0.0


def _short(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
