"""The files of the recorded project: written alike, read, and continued from where the real engine stopped."""

from __future__ import annotations

import json
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine import EmbeddedEngine, Options
from engine.display.details import Details
from engine.display.text import text_of
from engine.secrets import PassphraseSecrets
from engine.testing import Ran
from tests.conformance.normalise import Normaliser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.cluster
REFERENCE = Path(__file__).parent / "reference"
BACKEND = REFERENCE / "backend"
PASSPHRASE = (REFERENCE / "config" / "passphrase.txt").read_text(encoding="utf-8")
# The side files of the CLI's blob library: it reads backends without them, and the embedded engine writes none.
NOT_OURS = re.compile(r"\.attrs( +x\d+)?$")
STACK_FILE = ".pulumi/stacks/reference/test.json"


class Project:
    """The recorded project with a backend folder of its own."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.folder, self.state, self.kubeconfig = folder / "project", folder / "state", kubeconfig
        self.folder.mkdir()
        self.state.mkdir()
        (self.folder / "Pulumi.yaml").write_text("name: reference\nruntime: python\n", encoding="utf-8")
        shutil.copy2(REFERENCE / "config" / "Pulumi.test.yaml", self.folder)
        shutil.copy2(REFERENCE / "project" / "program.py", self.folder / "__main__.py")
        self.engine = EmbeddedEngine(self.folder, backend_url=f"file://{self.state}", passphrase=PASSPHRASE)
        self.normaliser = Normaliser({version("pulumi-kubernetes"): "<version>", sys.prefix: "<venv>"})

    def run(self, operation: str, **options: Any) -> Ran:
        return Ran(getattr(self.engine, operation)("test", Options(**options)), ())

    def up(self) -> Ran:
        done = self.run("up")
        assert done.ok, done.errors
        return done

    def file(self, name: str) -> Any:
        """A file of the backend folder as the recordings have it."""
        (found,) = self.state.glob(name)
        return self.normaliser.tree(json.loads(found.read_text(encoding="utf-8")))

    def put(self, recorded: str) -> None:
        """Begin with a recorded state: what was blinded in it gets values of this run."""
        secrets = PassphraseSecrets(PASSPHRASE, _salt())
        document = _opened(json.loads((BACKEND / recorded).read_text(encoding="utf-8")), self, secrets)
        target = self.state / STACK_FILE
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(document), encoding="utf-8")


def _salt() -> str:
    text = (REFERENCE / "config" / "Pulumi.test.yaml").read_text(encoding="utf-8")
    return text.partition("encryptionsalt: ")[2].partition("\n")[0]


def _opened(value: Any, project: Project, secrets: PassphraseSecrets, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _opened(item, project, secrets, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_opened(item, project, secrets, key) for item in value]
    times = "2026-11-23T22:55:38.561931933Z"
    known = {
        "<kubeconfig>": project.kubeconfig.read_text(encoding="utf-8"),
        "<ciphertext>": secrets.encrypt(json.dumps("s3cret token")),
        "<salt>": secrets.salt,
        "<magic>": "",
        "<time>": times,
        "<stackTrace>": [],
        "<sourcePosition>": "project:///__main__.py#1",
        "<managedFields>": [],
    }
    if isinstance(value, str) and value not in known:
        text = value.replace("<version>", version("pulumi-kubernetes")).replace("<auto>", "c75dc483")
        return text.replace("<uuid>", "228192ac-4f0a-4495-afca-a94c73bf2c5f")
    return known[value] if isinstance(value, str) else value


@pytest.fixture
def project(tmp_path: Path, cluster: Any, kubectl: Callable[..., Any], monkeypatch: Any) -> Iterator[Project]:
    monkeypatch.setenv("ONSHORE_TEST_KUBECONFIG", str(cluster.kubeconfig))
    kubectl("delete", "namespace", "conf-00", "--ignore-not-found")
    yield Project(tmp_path, cluster.kubeconfig)
    kubectl("delete", "namespace", "conf-00", "--ignore-not-found")


def tree(root: Path) -> list[str]:
    """The folders and files, names without what differs from run to run."""
    found = [path.relative_to(root).as_posix() for path in root.rglob("*")]
    return [re.sub(r"(?<=[-.])\d{19}(?=[.-])", "<nanoseconds>", name) for name in found]


def names(lines: list[str]) -> list[str]:
    return sorted(line.split()[-1] for line in lines if not NOT_OURS.search(line))


def test_a_first_up_writes_the_recorded_files(project: Project) -> None:
    project.put("1-after-stack-init/stack.json")
    project.up()
    recorded = (BACKEND / "tree" / "2-after-first-up.txt").read_text(encoding="utf-8").splitlines()
    assert set(names(recorded)) - set(names(tree(project.state))) <= {".pulumi/locks/organization/reference/test"}
    assert set(names(tree(project.state))) <= set(names(recorded))
    for ours, theirs in {
        STACK_FILE: "stack.json",
        ".pulumi/history/reference/test/test-*.checkpoint.json": "test-<nanoseconds>.checkpoint.json",
    }.items():
        recorded_file = json.loads((BACKEND / "2-after-first-up" / theirs).read_text(encoding="utf-8"))
        assert _sealed(project.file(ours)) == _sealed(recorded_file), ours
    history = project.file(".pulumi/history/reference/test/test-*.history.json")
    recorded_history = json.loads(
        (BACKEND / "2-after-first-up" / "test-<nanoseconds>.history.json").read_text(encoding="utf-8")
    )
    same = ("kind", "message", "resourceChanges", "result", "version")
    assert {key: history.get(key) for key in same} == {key: recorded_history[key] for key in same}
    assert set(history["config"]) == set(recorded_history["config"])


def _sealed(document: Any) -> Any:
    """A state without the version of the engine that wrote it; resources by URN."""
    latest = document["checkpoint"]["latest"] if "checkpoint" in document else document["latest"]
    latest["manifest"] = sorted(latest["manifest"])
    latest["resources"].sort(key=lambda one: one["urn"])
    return document


def test_the_recorded_backend_is_continued(project: Project, kubectl: Callable[..., Any]) -> None:
    project.put("2-after-first-up/stack.raw.json")
    kubectl("create", "namespace", "conf-00")
    kubectl("create", "configmap", "web-c75dc483", "-n", "conf-00", "--from-literal=a=1")
    before = json.loads((project.state / STACK_FILE).read_text(encoding="utf-8"))["checkpoint"]["latest"]["resources"]
    assert project.engine.outputs("test", show_secrets=True) == {"name": "web-c75dc483", "token": "s3cret token"}
    assert project.up().changes == {"same": 4}
    after = json.loads((project.state / STACK_FILE).read_text(encoding="utf-8"))["checkpoint"]["latest"]["resources"]
    assert [one["urn"] for one in after] == [one["urn"] for one in before]

    project.engine.set_config("test", "reference:value", "2")
    previewed = project.run("preview")
    details = Details()
    shown = "".join(f"{text_of(line)}\n" for event in previewed.result.events for line in details.feed(event))
    recorded = (REFERENCE / "text" / "preview-replace-diff.txt").read_text(encoding="utf-8")
    wanted = recorded.partition("(test):\n")[2].partition("Resources:\n")[0]
    assert project.normaliser.text(shown) == wanted
    assert project.up().changes == {"replace": 1, "same": 3}
    (web,) = [one for one in kubectl("get", "configmap", "-n", "conf-00")["items"] if "web" in one["metadata"]["name"]]
    assert web["data"] == {"a": "2", "s": "s3cret token"}
    assert project.engine.outputs("test")["name"] == web["metadata"]["name"]


def test_what_a_killed_engine_left_is_warned_of_kept_and_cleared(project: Project, kubectl: Callable[..., Any]) -> None:
    project.put("6-after-a-kill/stack.json")
    kubectl("create", "namespace", "conf-00")
    done = project.run("up")
    assert any("Pod::slow, interrupted while creating" in said for said in done.messages("warning"))

    def pending() -> list[str]:
        found = project.engine.export_state("test")["deployment"].get("pending_operations") or []
        return [one["type"] for one in found]

    assert pending() == ["creating"]
    assert project.run("refresh", clear_pending_creates=True).ok
    assert pending() == []
    recorded = json.loads((BACKEND / "6-after-a-kill" / "stack-after-clearing.json").read_text(encoding="utf-8"))
    kinds = sorted(one["type"] for one in recorded["checkpoint"]["latest"]["resources"])
    assert sorted(one["type"] for one in project.engine.export_state("test")["deployment"]["resources"]) == kinds
