"""A plugin that starts badly is reported clearly and leaves nothing running."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from engine.engine_service import serve_engine
from engine.provider import ProviderError
from engine.providers import find_plugin
from engine.providers.plugin import launch


def is_running(pid):
    with suppress(FileNotFoundError):
        # A killed process whose new parent has not collected it yet is a zombie.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("garbage", "printed 'Welcome to the probe!' where its port number was expected"),
        ("endless", "where its port number was expected"),
        ("exit", r"ended by itself \(exit code 1\)\nprobe: no licence found"),
        ("close-output", "closed its output at start"),
        ("hang", "did not say its port within 8 s"),
        ("mute", "did not answer Handshake within 8 s"),
        ("deaf", "the connection to pulumi-resource-probe broke in Handshake"),
    ],
)
def test_a_plugin_that_starts_badly_is_reported(start, mode, message):
    with pytest.raises(ProviderError, match=message):
        start(mode=mode, start_s=8)


def test_a_start_that_is_given_up_is_waited_for_no_longer(executable, log, tmp_path):
    given_up = threading.Event()
    given_up.set()
    with pytest.raises(ProviderError, match="was given up before it said its port"):
        launch(executable(mode="hang"), log=log, project_dir=tmp_path, given_up=given_up)


@pytest.mark.parametrize("how", ["missing", "not executable", "not a program"])
def test_what_cannot_be_started_is_named(executable, log, tmp_path, how):
    path = executable()
    if how == "missing":
        path.unlink()
    elif how == "not executable":
        path.chmod(0o644)
    else:
        path.write_bytes(b"\x7fnot ELF")
    with pytest.raises(ProviderError, match=r"cannot start the provider plugin .*pulumi-resource-probe: "):
        launch(path, log=log, project_dir=tmp_path)


def test_close_ends_the_plugin_and_what_it_started(start, log):
    plugin = start(mode="child")
    child = int(log.wait_for("child").split()[-1])
    assert is_running(child)
    plugin.close()
    assert not is_running(child)
    plugin.close()  # twice is harmless


def test_a_plugin_that_ignores_the_polite_request_is_ended(start):
    plugin = start(mode="stubborn")
    pid = plugin._calls._process._process.pid
    plugin.close()
    assert not is_running(pid)


def test_what_the_plugin_prints_goes_to_the_log(start, log):
    start(mode="child")
    assert log.wait_for("a line after the port") == "pulumi-resource-probe: a line after the port"
    assert log.wait_for("child").startswith("pulumi-resource-probe: child")


def test_the_plugin_reaches_the_engine_it_was_given(executable, log, tmp_path):
    with serve_engine(log) as address:
        plugin = launch(executable(), log=log, project_dir=tmp_path, engine_address=address)
        try:
            plugin.invoke("probe:index:ask", {}, preview=False)
        finally:
            plugin.close()
    assert ("warning", "asked", "urn:x", False) in log.lines


def test_a_plugin_without_an_engine_gets_one(start, log):
    start().invoke("probe:index:ask", {}, preview=False)
    assert ("warning", "asked", "urn:x", False) in log.lines


def test_a_proxy_in_the_environment_is_not_asked_for_the_plugin(start, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert os.environ["http_proxy"]
    assert start(start_s=20)


def test_a_plugin_is_found_on_the_path_then_beside_this_python_then_in_the_pulumi_home(tmp_path, monkeypatch):
    places = [tmp_path / "path", tmp_path / "scripts", tmp_path / "home" / "plugins" / "resource-one-v1.2.0"]
    for place in places:
        place.mkdir(parents=True)
        (place / "pulumi-resource-one").write_text("#!/bin/sh\n", encoding="utf-8")
        (place / "pulumi-resource-one").chmod(0o755)
    monkeypatch.setenv("PATH", str(places[0]))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(places[1]) if name == "scripts" else "")
    for place in places:
        assert find_plugin("one") == place / "pulumi-resource-one"
        (place / "pulumi-resource-one").chmod(0o644)
    assert find_plugin("one") is None
