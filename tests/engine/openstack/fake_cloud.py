"""A small OpenStack over HTTP for faults that a real one does not have on demand: it forgets tokens and answers.

Objects are dicts in `objects[collection]`; what a real cloud fills in is only what tests look at. `faults` are asked
before each call and may answer in its place (`Fault`); `calls` is every call, in order.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = {
    "networks": "network",
    "subnets": "subnet",
    "ports": "port",
    "security-groups": "security_group",
    "security-group-rules": "security_group_rule",
    "routers": "router",
    "floatingips": "floatingip",
    "servers": "server",
    "volumes": "volume",
    "os-keypairs": "keypair",
    "os-server-groups": "server_group",
    "flavors": "flavor",
    "images": "image",
}
SERVICES = {
    "identity": "v3",
    "compute": "v2.1",
    "network": "v2.0",
    "volumev3": "v3",
    "image": "v2",
    "object-store": "v1",
}


def nothing(_collection: str, _obj: dict[str, Any]) -> None:
    """What a cloud does with most that is made."""


@dataclass
class Fault:
    """What a call meets: an answer of `code`, or none. `after`: the call was done all the same. `times` left."""

    method: str
    path: str
    code: int = 0
    after: bool = False
    times: int = 1
    message: str = "not now"
    headers: dict[str, str] = field(default_factory=dict)


class FakeCloud:
    """One cloud on a port of loopback; `changed` is called when something was made (to die there, say)."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in ONE}
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self.token_lifetime_s = 3600.0
        self.on_made: Callable[[str, dict[str, Any]], Any] = nothing
        self.lock = threading.RLock()
        self.server = _Server(("127.0.0.1", 0), _handler_of(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def settings(self) -> dict[str, Any]:
        """A provider's configuration for it."""
        return {
            "authUrl": f"{self.url}/identity/v3",
            "region": "here",
            "userName": "someone",
            "password": "secret-word",
            "tenantName": "department",
        }

    def asked(self, method: str, path: str) -> int:
        """How often something was asked."""
        return Counter(self.calls)[method, path]

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for each in self.faults:
                if each.times and each.method == method and each.path in path:
                    each.times -= 1
                    return each
        return None

    def token(self) -> tuple[str, dict[str, Any]]:
        id_ = uuid.uuid4().hex
        self.tokens.add(id_)
        until = datetime.now(UTC) + timedelta(seconds=self.token_lifetime_s)
        catalog = [
            {
                "type": kind,
                "name": kind,
                "id": kind,
                "endpoints": [
                    {"interface": "public", "region": "here", "region_id": "here", "id": kind, "url": self.at(kind)}
                ],
            }
            for kind in SERVICES
        ]
        document = {
            "methods": ["password"],
            "expires_at": until.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "issued_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "user": {"id": "u", "name": "someone", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": "p", "name": "department", "domain": {"id": "default", "name": "Default"}},
            "catalog": catalog,
            "roles": [],
        }
        return id_, {"token": document}

    def at(self, service: str) -> str:
        return f"{self.url}/{service}/{SERVICES[service]}"

    # ------------------------------------------------------------ what it does

    def answer(
        self, method: str, service: str, parts: list[str], query: dict[str, str], body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        if service == "identity" and method == "POST":
            id_, document = self.token()
            return 201, document, {"X-Subject-Token": id_}
        if not parts or parts == [SERVICES[service]]:
            return 200, self.version(service), {}
        collection, *rest = parts[1:] if parts[0] == SERVICES[service] else parts
        if collection not in ONE:
            return 404, {"itemNotFound": {"message": "no such thing here"}}, {}
        with self.lock:
            return *self._collection(method, collection, rest, query, body), {}

    def version(self, service: str) -> Any:
        link = [{"rel": "self", "href": self.at(service)}]
        number = SERVICES[service]
        micro = {"version": "2.96", "min_version": "2.1"} if service == "compute" else {}
        micro = {"version": "3.71", "min_version": "3.0"} if service == "volumev3" else micro
        one = {"id": f"{number}.0" if number == "v2" else number, "status": "CURRENT", "links": link, **micro}
        return {"versions": [one]} if service in ("network", "image") else {"version": one}

    def _collection(self, method: str, name: str, rest: list[str], query: dict[str, str], body: Any) -> tuple[int, Any]:
        found, one, many = self.objects[name], ONE[name], name.replace("-", "_").removeprefix("os_")
        if method == "POST" and not rest:
            return 201, {one: self.make(name, body[one])}
        if rest in ([], ["detail"]):
            listed = [obj for obj in found.values() if all(obj.get(k) == v for k, v in query.items() if k in obj)]
            return 200, {many: listed}
        if rest[0] not in found:
            return 404, {"itemNotFound": {"message": f"{one} {rest[0]} could not be found."}}
        return self._single(method, name, rest, body)

    def _single(self, method: str, name: str, rest: list[str], body: Any) -> tuple[int, Any]:
        one, obj = ONE[name], self.objects[name][rest[0]]
        if method == "DELETE":
            del self.objects[name][rest[0]]
            return 204, None
        if method == "PUT" and rest[1:] == ["tags"]:
            obj["tags"] = body["tags"]
            return 200, body
        if method == "PUT":
            obj.update(body[one])
        elif rest[1:]:
            return 400, {"badRequest": {"message": f"{method} {name} {rest}"}}
        return 200, obj if name == "images" else {one: obj}

    def make(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        """A new object; an instance runs at once."""
        obj = {"id": str(uuid.uuid4()), "tags": [], **asked}
        if name == "servers":
            obj |= {"status": "ACTIVE", "addresses": {}, "flavor": {"id": asked["flavorRef"]}}
            obj |= {"image": {"id": asked["imageRef"]} if asked.get("imageRef") else ""}
        elif name == "volumes":
            obj |= {"status": "available", "attachments": []}
        elif name == "subnets":
            obj.setdefault("gateway_ip", "10.0.0.1")
        elif name == "networks":
            obj |= {"status": "ACTIVE", "admin_state_up": True}
        self.objects[name][obj["name" if name == "os-keypairs" else "id"]] = obj
        self.on_made(name, obj)
        return obj


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that die are what tests are about."""


def _handler_of(cloud: FakeCloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _do(self) -> None:
            split = urlsplit(self.path)
            service, *parts = [part for part in split.path.split("/") if part]
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = "/" + "/".join(parts[1:])
            with cloud.lock:
                cloud.calls.append((self.command, path))
            known = not parts[1:] or service == "identity" or self.headers.get("x-auth-token") in cloud.tokens
            if not known:
                self._send(401, {"error": {"message": "The request you have made requires authentication."}})
                return
            fault = cloud.fault(self.command, path)
            if fault is None or fault.after:
                query = {key: values[0] for key, values in parse_qs(split.query).items()}
                code, answer, headers = cloud.answer(self.command, service, parts, query, body)
            if fault is None:
                self._send(code, answer, headers)
            elif fault.code:
                self._send(fault.code, {"error": {"message": fault.message}}, fault.headers)
            else:
                self.close_connection = True
                self.connection.close()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _do  # noqa: N815

        def _send(self, code: int, document: Any, headers: dict[str, str] | None = None) -> None:
            payload = b"" if document is None else json.dumps(document).encode()
            self.send_response(code)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

    return Handler
