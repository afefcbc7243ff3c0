"""HTTP to the API server, against a real server on this machine that misbehaves on request."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from engine.provider import CallOptions, ProviderError, ResourceId
from engine.providers.kubernetes import KubernetesProvider
from engine.providers.kubernetes.client import ApiError, Client, UnreachableError
from engine.providers.kubernetes.discovery import Mapping
from engine.providers.kubernetes.kubeconfig import ClusterAccess
from engine.providers.kubernetes.watch import Feed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Server:
    """Answers from a list of scripts, one per request; remembers the requests."""

    def __init__(self) -> None:
        self.scripts: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.seen.append((self.command, self.path, dict(self.headers)))
                outer.scripts.pop(0)(self)

            do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the base class's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def reply(
    body: Any, status: int = 200, *, drop: bool = False, **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer; `drop` closes the connection afterwards without having said so."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)
        handler.wfile.flush()
        handler.close_connection = drop

    return script


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    connected = Client(ClusterAccess(server.address, token="t"), timeout_s=10.0)  # noqa: S106 - no real one
    yield connected
    connected.close()


def test_a_connection_is_used_again_and_replaced_when_the_server_closed_it(server: Server, client: Client) -> None:
    server.scripts = [reply({"n": 1}), reply({"n": 2}, drop=True), reply({"n": 3}), reply({"n": 4})]
    assert [client.request("GET", "/a")["n"] for _ in range(2)] == [1, 2]
    assert client.request("POST", "/a", {})["n"] == 3
    assert client.request("GET", "/a", query={"b": "c d"})["n"] == 4
    assert server.seen[-1][1] == "/a?b=c+d"
    assert server.seen[0][2]["Authorization"] == "Bearer t"


def test_a_busy_server_is_asked_again(server: Server, client: Client) -> None:
    server.scripts = [reply({}, 429, Retry_After="0"), reply({"done": True})]
    assert client.request("POST", "/a", {}) == {"done": True}


def test_a_refusal_carries_the_servers_words_or_what_it_said_instead(server: Server, client: Client) -> None:
    status = {"kind": "Status", "message": "no such thing", "reason": "NotFound", "details": {"kind": "namespaces"}}
    server.scripts = [reply(status, 404), reply(b"<html>gateway", 502), reply(b"", 500)]
    with pytest.raises(ApiError, match="no such thing") as caught:
        client.request("GET", "/a")
    assert (caught.value.code, caught.value.reason, caught.value.details) == (404, "NotFound", {"kind": "namespaces"})
    with pytest.raises(ApiError, match="gateway"):
        client.request("GET", "/a")
    with pytest.raises(ApiError, match="without a body"):
        client.request("GET", "/a")


def test_a_change_without_an_answer_is_sent_once_and_its_outcome_is_unknown(server: Server, client: Client) -> None:
    server.scripts = [hang_up, reply({})]
    with pytest.raises(UnreachableError, match="no answer") as caught:
        client.request("POST", "/a", {})
    assert caught.value.unknown_outcome
    assert len(server.seen) == 1


def test_no_proxy_is_read_from_the_environment(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.scripts = [reply({"direct": True})]
    assert client.request("GET", "/a") == {"direct": True}


def test_an_exec_plugins_token_is_renewed_when_it_is_refused(server: Server, tmp_path: Path) -> None:
    counter = tmp_path / "count"
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import json, pathlib, os, sys\n"
        "assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind'] == 'ExecCredential'\n"
        f"path = pathlib.Path({str(counter)!r})\n"
        "count = int(path.read_text()) + 1 if path.exists() else 1\n"
        "path.write_text(str(count))\n"
        "print(json.dumps({'status': {'token': f'token-{count}'}}))\n"
    )
    access = ClusterAccess(server.address, exec_plugin={"command": sys.executable, "args": [str(plugin)]})
    client = Client(access)
    server.scripts = [reply({}, 401), reply({"ok": True}), reply({"ok": True})]
    assert client.request("GET", "/a") == {"ok": True}
    client.request("GET", "/a")
    client.close()
    tokens = [headers["Authorization"] for _, _, headers in server.seen]
    assert tokens == ["Bearer token-1", "Bearer token-2", "Bearer token-2"]


def test_an_exec_plugin_that_fails_is_named_without_its_output() -> None:
    script = "print('s3cret'); raise SystemExit(1)"
    plugin = {"command": sys.executable, "args": ["-c", script], "installHint": "install it"}
    client = Client(ClusterAccess("http://127.0.0.1:9", exec_plugin=plugin))
    with pytest.raises(ProviderError, match=r"gave no credential: CalledProcessError \(install it\)") as caught:
        client.request("GET", "/a")
    assert "s3cret" not in caught.value.message


def test_a_stream_gives_its_objects_and_ends_at_once_when_stopped(server: Server, client: Client) -> None:
    released = threading.Event()

    def watch(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        line = b'{"type": "ADDED"}\n'
        handler.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        handler.wfile.flush()
        released.wait(30)
        handler.close_connection = True

    server.scripts = [watch]
    stream = client.stream("/a", {"watch": "1"}, idle_s=30.0)
    assert next(stream) == {"type": "ADDED"}
    began = time.monotonic()
    threading.Timer(0.05, client.stop_streams).start()
    assert list(stream) == []
    assert time.monotonic() - began < 10
    assert list(client.stream("/a", {}, idle_s=1.0)) == []
    released.set()


def lines(*events: Any) -> Callable[[BaseHTTPRequestHandler], None]:
    return reply(b"".join(json.dumps(event).encode() + b"\n" for event in events), drop=True)


def pod(name: str, version: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": version}, **fields}


def test_a_feed_follows_changes_and_lists_again_when_the_server_forgot(server: Server, client: Client) -> None:
    listed = {"metadata": {"resourceVersion": "5"}, "items": [pod("a", "4"), pod("b", "5")]}
    changes = lines(
        {"type": "MODIFIED", "object": pod("a", "6", status={"phase": "Running"})},
        {"type": "DELETED", "object": pod("b", "7")},
        {"type": "ERROR", "object": {"code": 410}},
    )
    server.scripts = [reply(listed), changes, reply({"metadata": {}, "items": [pod("c", "9")]})]
    feed = Feed(client, Mapping("v1", "Pod", "pods", namespaced=True), "n")
    woken = threading.Event()
    feed.subscribers.append(woken)
    assert feed.follow()
    assert woken.is_set()
    assert feed.get("a") == {"apiVersion": "v1", "kind": "Pod", **pod("a", "6", status={"phase": "Running"})}
    assert feed.get("b") is None
    assert feed.saw_end_of("uid-b")
    assert "resourceVersion=5" in server.seen[1][1]
    assert feed.follow()
    assert [found["metadata"]["name"] for found in feed.all()] == ["c"]
    assert feed.saw_end_of("uid-a")


def test_a_feed_that_may_not_be_read_says_so_instead_of_waiting(server: Server, client: Client) -> None:
    server.scripts = [reply({"message": "pods is forbidden", "reason": "Forbidden"}, 403)]
    feed = Feed(client, Mapping("v1", "Pod", "pods", namespaced=True), "n")
    assert not feed.follow()
    assert feed.synced
    assert feed.error is not None
    assert feed.error.message == "pods is forbidden"


def unreachable(**inputs: Any) -> tuple[KubernetesProvider, list[str]]:
    said: list[str] = []

    def log(severity: str, message: str, *, urn: str = "", ephemeral: bool = False) -> None:
        assert severity
        assert not ephemeral
        said.append(f"{urn}: {message}")

    kubeconfig = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "namespace": "team"}}],
        "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:9"}}],
    }
    provider = KubernetesProvider(log)
    provider.configure(
        ResourceId("urn", "cluster", "pulumi:providers:kubernetes"), {"kubeconfig": kubeconfig, **inputs}
    )
    return provider, said


CONFIG_MAP = ResourceId("urn:cm", "cm", "kubernetes:core/v1:ConfigMap", "n/cm")


def test_an_unreachable_cluster_previews_and_only_then_refuses() -> None:
    provider, _ = unreachable()
    news = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}}
    checked = provider.check(CONFIG_MAP, None, news, b"seed").inputs
    assert checked == news
    assert provider.create(CONFIG_MAP, checked, CallOptions(preview=True)).outputs == checked
    outputs = {**news, "__inputs": news}
    changed = {**news, "data": {"a": "1"}}
    assert provider.diff(CONFIG_MAP, news, outputs, changed, ()).changes
    assert provider.update(CONFIG_MAP, news, outputs, changed, CallOptions(preview=True)) == changed
    for act in (
        lambda: provider.create(CONFIG_MAP, checked, CallOptions()),
        lambda: provider.update(CONFIG_MAP, news, outputs, changed, CallOptions()),
        lambda: provider.delete(CONFIG_MAP, news, outputs, CallOptions()),
        lambda: provider.read(CONFIG_MAP, news, outputs),
    ):
        with pytest.raises(ProviderError, match="unreachable"):
            act()


def test_unreachable_resources_can_be_dropped_or_kept_on_request() -> None:
    outputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "__inputs": {}}
    provider, said = unreachable(deleteUnreachable="true")
    provider.delete(CONFIG_MAP, {}, outputs, CallOptions())
    assert provider.read(CONFIG_MAP, {}, outputs).id == ""
    assert any("unreachable" in line for line in said)
    keeping, _ = unreachable(skipUpdateUnreachable="true")
    assert keeping.read(CONFIG_MAP, {"a": 1}, outputs).outputs == outputs
    assert keeping.check(CONFIG_MAP, {"a": 1}, {}, b"").inputs == {"a": 1}


def test_an_unsupported_kubeconfig_is_the_reason_it_is_unreachable() -> None:
    provider, _ = unreachable(kubeconfig="a: [\n")
    with pytest.raises(ProviderError, match="unreachable: failed to parse kubeconfig"):
        provider.create(CONFIG_MAP, {"apiVersion": "v1", "kind": "ConfigMap"}, CallOptions())


@pytest.mark.parametrize(
    "token", ["kubernetes:helm.sh/v3:Release", "kubernetes:yaml/v2:ConfigGroup", "kubernetes:core/v1:ConfigMapList"]
)
def test_what_only_the_cli_does_is_refused_in_one_sentence(token: str) -> None:
    provider, _ = unreachable()
    with pytest.raises(ProviderError, match=token.rpartition(":")[2]):
        provider.check(ResourceId("urn:x", "x", token), None, {}, b"")


def test_functions_decode_text_and_refuse_the_rest_by_name() -> None:
    provider, _ = unreachable()
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\n"
    decoded = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]
    assert provider.invoke("kubernetes:yaml:decode", {"text": text}, preview=False).outputs == {"result": decoded}
    assert provider.invoke("kubernetes:yaml:decode", {"text": ""}, preview=True).outputs == {"result": []}
    placed = provider.invoke("kubernetes:yaml:decode", {"text": text, "defaultNamespace": "n"}, preview=False)
    assert placed.outputs["result"][0]["metadata"] == {"name": "x", "namespace": "n"}
    bare = provider.invoke("kubernetes:yaml:decode", {"text": "a: b"}, preview=True)
    assert bare.outputs == {"result": [{"a": "b"}]}
    with pytest.raises(ProviderError, match="must be a mapping"):
        provider.invoke("kubernetes:yaml:decode", {"text": "- a"}, preview=False)
    for token, told in (("kubernetes:helm:template", "Pulumi CLI"), ("kubernetes:none:such", "unknown Invoke type")):
        with pytest.raises(ProviderError, match=told):
            provider.invoke(token, {}, preview=False)
