"""Sandbox clusters are real, repeatable, side by side, and leave nothing running."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml
from urllib3 import connection_from_url
from urllib3.exceptions import SSLError

from inventories.models import RegisterOverlay
from sandbox import ClusterInfo, SandboxError, cluster_down, cluster_remove, cluster_status, cluster_up
from sandbox._layout import START_ORDER
from sandbox._processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator


def _up(name: str, home: Path, **more: Any) -> ClusterInfo:
    return cluster_up(name, home=home, progress=lambda _: None, **more)


def _alive(pid: int) -> bool:
    stat_line = Path(f"/proc/{pid}/stat")
    try:
        return stat_line.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _authority(info: ClusterInfo) -> str:
    cluster = yaml.safe_load(info.kubeconfig.read_text())["clusters"][0]["cluster"]
    return base64.b64decode(cluster["certificate-authority-data"]).decode()


@pytest.fixture(scope="module")
def second(programs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Name and home of a cluster that the tests here may harm; it is brought up by each as needed."""
    assert programs
    home = tmp_path_factory.mktemp("sandbox")
    yield "second", home
    cluster_down("second", home=home)


@pytest.mark.cluster
def test_nobody_unknown_is_let_in(cluster: ClusterInfo) -> None:
    context = ssl.create_default_context(cadata=_authority(cluster))
    with connection_from_url(cluster.server, ssl_context=context) as anyone:
        assert [anyone.request("GET", path).status for path in ("/api/v1/nodes", "/version", "/readyz")] == [401] * 3


@pytest.mark.cluster
def test_up_again_changes_nothing(cluster: ClusterInfo) -> None:
    kubeconfig, overlay = cluster.kubeconfig.read_bytes(), cluster.overlay.read_bytes()
    again = _up("tests", cluster.kubeconfig.parents[1])
    assert again == cluster
    assert set(again.pids) == set(START_ORDER)
    assert (again.kubeconfig.read_bytes(), again.overlay.read_bytes()) == (kubeconfig, overlay)


@pytest.mark.cluster
def test_the_overlay_carries_the_digest_of_the_authority_in_the_live_handshake(cluster: ClusterInfo) -> None:
    parts = urlsplit(cluster.server)
    context = ssl.create_default_context(cadata=_authority(cluster))
    with (
        socket.create_connection((parts.hostname, parts.port), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=parts.hostname) as secured,
    ):
        chain = secured._sslobj.get_verified_chain()  # public only from Python 3.13 on
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(chain[-1].public_bytes())).hexdigest()
    overlay = RegisterOverlay.model_validate(yaml.safe_load(cluster.overlay.read_text()))
    assert [each.ca_sha256 for each in overlay.clusters] == [digest]
    assert [str(each.server).rstrip("/") for each in overlay.clusters] == [cluster.server]
    assert [each.id for each in overlay.clusters] == ["example-csp-alpha-khi-1"]
    assert cluster.ca_sha256 == digest


@pytest.mark.cluster
def test_the_kubeconfig_has_one_context_embedded_credentials_and_is_private(cluster: ClusterInfo) -> None:
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    assert [len(content[kind]) for kind in ("clusters", "users", "contexts")] == [1, 1, 1]
    assert set(content["clusters"][0]["cluster"]) == {"server", "certificate-authority-data"}
    assert set(content["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
    assert content["current-context"] == content["contexts"][0]["name"]
    assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600


@pytest.mark.cluster
def test_two_clusters_live_side_by_side_and_do_not_trust_each_other(
    cluster: ClusterInfo, second: tuple[str, Path]
) -> None:
    name, home = second
    other = _up(name, home, nodes=1, register_cluster_id="example-csp-alpha-isb-1")
    assert other.ready
    assert cluster_status(home=cluster.kubeconfig.parents[1]) == [cluster]
    assert other.server != cluster.server
    assert set(other.pids.values()).isdisjoint(cluster.pids.values())
    assert yaml.safe_load(other.overlay.read_text())["clusters"][0]["id"] == "example-csp-alpha-isb-1"
    context = ssl.create_default_context(cadata=_authority(cluster))
    with (
        connection_from_url(other.server, ssl_context=context, retries=False) as client,
        pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.request("GET", "/")


@pytest.mark.cluster
def test_down_ends_every_process_and_up_brings_the_same_cluster_back(second: tuple[str, Path]) -> None:
    name, home = second
    before = _up(name, home)
    cluster_down(name, home=home)
    assert [pid for pid in before.pids.values() if _alive(pid)] == []
    (down,) = cluster_status(home=home)
    assert (down.ready, down.problem, down.pids) == (False, "it is down", {})
    cluster_down(name, home=home)
    after = _up(name, home)
    assert (after.server, after.ca_sha256, after.ready) == (before.server, before.ca_sha256, True)


@pytest.mark.cluster
@pytest.mark.parametrize("component", START_ORDER)
def test_a_killed_component_is_reported_and_brought_back(second: tuple[str, Path], component: str) -> None:
    name, home = second
    before = _up(name, home)
    handle = os.pidfd_open(before.pids[component])
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(before.pids[component], 0)
    (hurt,) = cluster_status(home=home)
    assert (hurt.ready, hurt.problem) == (False, f"{component} does not run")
    after = _up(name, home)
    assert (after.ready, after.server) == (True, before.server)
    assert {each for each in START_ORDER if after.pids[each] != before.pids[each]} == {component}


@pytest.mark.cluster
def test_two_ups_at_once_start_one_cluster(second: tuple[str, Path]) -> None:
    name, home = second
    cluster_down(name, home=home)
    with ThreadPoolExecutor(2) as pool:
        first, other = pool.map(lambda _: _up(name, home), range(2))
    assert first == other
    assert first.ready
    assert len(running(first.kubeconfig.parent)) == len(START_ORDER)


@pytest.mark.cluster
def test_a_server_whose_port_was_taken_meanwhile_moves_and_says_so_in_its_files(second: tuple[str, Path]) -> None:
    name, home = second
    before = _up(name, home)
    cluster_down(name, home=home)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(before.server.rsplit(":", 1)[1])))
        taken.listen()
        after = _up(name, home)
    assert after.ready
    assert after.server != before.server
    assert after.ca_sha256 == before.ca_sha256
    assert yaml.safe_load(after.kubeconfig.read_text())["clusters"][0]["cluster"]["server"] == after.server
    assert yaml.safe_load(after.overlay.read_text())["clusters"][0]["server"] == after.server


@pytest.mark.cluster
def test_an_up_that_was_killed_half_way_is_completed_by_the_next(programs: dict[str, Path], tmp_path: Path) -> None:
    assert programs
    code = (
        "import os, sys; from pathlib import Path; from sandbox import cluster_up, _runtime\n"
        "_runtime._wait = lambda *_: os.kill(os.getpid(), 9)\n"  # at the first wait, etcd and the API server run
        "cluster_up('half', home=Path(sys.argv[1]), progress=lambda _: None)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (half,) = cluster_status(home=tmp_path)
    assert set(half.pids) == {"etcd", "kube-apiserver"}
    whole = _up("half", tmp_path)
    assert whole.ready
    assert {component: whole.pids[component] for component in half.pids} == half.pids
    cluster_down("half", home=tmp_path)
    assert [pid for pid in whole.pids.values() if _alive(pid)] == []


@pytest.mark.cluster
def test_nodes_follow_what_is_asked_for(second: tuple[str, Path]) -> None:
    name, home = second
    for nodes in (5, 2):
        info = _up(name, home, nodes=nodes)
        pki = info.kubeconfig.parent / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        with connection_from_url(info.server, ssl_context=context) as client:
            assert len(client.request("GET", "/api/v1/nodes").json()["items"]) == nodes


@pytest.mark.cluster
@pytest.mark.parametrize("content", ["", "{", "[]", '{"ports": {}}', '{"ports": {"server": "x"}}'])
def test_a_state_file_that_is_not_ours_is_refused_with_the_way_out(
    programs: dict[str, Path], tmp_path: Path, content: str
) -> None:
    assert programs
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "cluster.json").write_text(content)
    with pytest.raises(SandboxError, match="is not what a cluster writes") as refusal:
        _up("broken", tmp_path)
    assert str(tmp_path / "broken") in refusal.value.what
    assert "onshore cluster rm --name broken" in refusal.value.fix
    (info,) = cluster_status(home=tmp_path)
    assert (info.ready, "is not what a cluster writes" in info.problem) == (False, True)
    cluster_remove("broken", home=tmp_path)
    assert cluster_status(home=tmp_path) == []


@pytest.mark.cluster
def test_a_component_that_ends_by_itself_is_shown_with_its_last_words(
    programs: dict[str, Path], tmp_path: Path
) -> None:
    assert programs
    directory = tmp_path / "broken"
    directory.mkdir()
    (directory / "etcd").write_text("not a directory")
    with pytest.raises(SandboxError, match="etcd of the sandbox cluster broken ended by itself") as refusal:
        _up("broken", tmp_path)
    assert str(directory / "logs" / "etcd.log") in refusal.value.what
    cluster_down("broken", home=tmp_path)
    assert cluster_status(home=tmp_path)[0].pids == {}


@pytest.mark.cluster
@pytest.mark.parametrize("home", ["/proc/onshore", "{tmp}/file"])
def test_a_home_that_cannot_be_written_is_refused(programs: dict[str, Path], tmp_path: Path, home: str) -> None:
    assert programs
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="cannot be kept in"):
        _up("sandbox", Path(home.format(tmp=tmp_path)))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("../up", {}),
        ("", {}),
        ("A", {}),
        ("-a", {}),
        ("a" * 33, {}),
        ("a", {"nodes": 0}),
        ("a", {"nodes": 1001}),
        ("a", {"register_cluster_id": "a: b\n"}),
    ],
)
def test_arguments_that_make_no_cluster_are_refused_before_anything_is_done(
    tmp_path: Path, name: str, more: dict[str, Any]
) -> None:
    with pytest.raises(SandboxError):
        _up(name, tmp_path, **more)
    assert list(tmp_path.iterdir()) == []


def test_there_is_nothing_to_stop_or_to_list_where_nothing_is(tmp_path: Path) -> None:
    cluster_down("sandbox", home=tmp_path / "absent")
    assert cluster_status(home=tmp_path / "absent") == []
    assert list(tmp_path.iterdir()) == []
