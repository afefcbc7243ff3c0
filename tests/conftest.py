"""Fixtures for every room: the sandbox cluster, a client of it that is not ours, and projects of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import shared_cluster
from tests.hosts import Hosts, shared_hosts
from tests.project import CLUSTER_ID, Onshore, make_project
from tests.region import shared_region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox import ClusterInfo, RegionInfo

PRINTING_VERBS = {"apply", "create", "get", "label", "patch", "replace"}


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest) -> dict[str, Path]:
    """The sandbox's programs; built where they are not there yet, with the progress to be seen."""
    from sandbox import ensure_programs, programs_unavailable, shown_on

    if reason := programs_unavailable():
        pytest.skip(f"no Kubernetes control plane: {reason}, or all of its programs on PATH")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), shown_on(sys.stderr) as progress:
        return ensure_programs(progress)


@pytest.fixture(scope="session")
def cluster(programs: dict[str, Path]) -> Iterator[ClusterInfo]:
    """The sandbox cluster `tests`, kept between runs; stopped at the end unless ONSHORE_KEEP_CLUSTER is set."""
    assert programs
    with shared_cluster(lambda _: None) as info:
        yield info


@pytest.fixture(scope="session")
def kubectl(cluster: ClusterInfo, programs: dict[str, Path]) -> Callable[..., Any]:
    """`kubectl("get", "nodes")` -> parsed JSON; `stdin` is an object to apply; a failure shows what kubectl said."""

    def run(*arguments: str, stdin: object = None) -> Any:
        output = ["-o", "json"] if arguments[0] in PRINTING_VERBS else []
        common = [str(programs["kubectl"]), f"--kubeconfig={cluster.kubeconfig}"]
        ended = subprocess.run(
            [*common, f"--cache-dir={cluster.kubeconfig.parent / 'kubectl'}", *arguments, *output],
            input=None if stdin is None else json.dumps(stdin),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ended.returncode == 0, f"kubectl {' '.join(arguments)}: {ended.stderr}"
        return json.loads(ended.stdout) if output else ended.stdout

    return run


@pytest.fixture(scope="session")
def possible_hosts() -> None:
    """Skips, by name, where there can be no sandbox hosts."""
    from sandbox import hosts_unavailable

    if reasons := hosts_unavailable():
        pytest.skip(f"no sandbox hosts: {'; '.join(what for what, _ in reasons)}")


@pytest.fixture(scope="session")
def hosts(possible_hosts: None) -> Iterator[Hosts]:
    """Running sandbox hosts onprem-1, onprem-2, host-1 to host-3, with a register that lists them."""
    del possible_hosts
    with shared_hosts() as found:
        yield found


@pytest.fixture(scope="session")
def possible_region() -> None:
    """Skips, by name, where there can be no sandbox region."""
    from sandbox import region_unavailable

    if reasons := region_unavailable():
        pytest.skip(f"no sandbox region: {'; '.join(what for what, _ in reasons)}")


@pytest.fixture(scope="session")
def region(possible_region: None) -> Iterator[RegionInfo]:
    """The sandbox region `tests`, which plays the example register's example-csp-alpha-khi."""
    del possible_region
    with shared_region() as info:
        yield info


@pytest.fixture
def offline(tmp_path: Path) -> Onshore:
    """A project without any cluster."""
    return make_project(tmp_path / "project")


@pytest.fixture
def onshore(tmp_path: Path, cluster: ClusterInfo) -> Iterator[Onshore]:
    """A project whose register lists the tests' cluster; what a test leaves up is destroyed."""
    project = make_project(tmp_path / "project")
    kubeconfigs = project.root / ".onshore" / "kubeconfigs"
    kubeconfigs.mkdir(parents=True)
    shutil.copy2(cluster.kubeconfig, kubeconfigs / f"{CLUSTER_ID}.yaml")
    project.environment["ONSHORE_OVERLAYS"] = str(cluster.overlay)
    yield project
    for state in (project.root / ".onshore" / "state" / ".pulumi" / "stacks" / "onshore").glob("*.json"):
        if not state.name.startswith(".") and state.suffixes == [".json"]:
            project("destroy", state.stem, "--yes")
