"""Real plugin executables made from the providers beside this file."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.providers.plugin import launch
from engine.providers.plugin_calls import Limits

PROVIDERS = Path(__file__).parent / "providers"


class Recorder:
    """A Log that remembers its lines and lets a test wait for one."""

    def __init__(self):
        self.lines = []
        self._changed = threading.Condition()

    def __call__(self, severity, message, *, urn="", ephemeral=False):
        with self._changed:
            self.lines.append((severity, message, urn, ephemeral))
            self._changed.notify_all()

    def wait_for(self, text):
        """The first line that contains `text`."""

        def found():
            return next((message for _, message, _, _ in self.lines if text in message), None)

        with self._changed:
            assert self._changed.wait_for(found, timeout=30), f"{text!r} was never logged: {self.lines}"
            return found()


@pytest.fixture
def log():
    return Recorder()


def write_executable(folder, provider, mode):
    path = folder / f"pulumi-resource-{provider}"
    path.write_text(
        f"#!{sys.executable}\nimport os, runpy\nos.environ['PROBE_MODE'] = {mode!r}\n"
        f"runpy.run_path({str(PROVIDERS / f'{provider}.py')!r}, run_name='__main__')\n"
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def executable(tmp_path):
    """Makes `pulumi-resource-NAME` of one of our providers, with a mode."""

    def make(provider="probe", mode=""):
        return write_executable(tmp_path, provider, mode)

    return make


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """One running probe, for calls that leave it as it is."""
    folder = tmp_path_factory.mktemp("probe")
    plugin = launch(write_executable(folder, "probe", ""), log=Recorder(), project_dir=folder)
    yield plugin
    plugin.close()


@pytest.fixture
def start(executable, log, tmp_path):
    """Launches a provider; all are closed at the end."""
    with ExitStack() as running:

        def run(provider="probe", mode="", **limits):
            plugin = launch(executable(provider, mode), log=log, project_dir=tmp_path, limits=Limits(**limits))
            running.callback(plugin.close)
            return plugin

        yield run
