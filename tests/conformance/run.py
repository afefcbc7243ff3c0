"""Runs recorded cases on the embedded engine and compares: `python -m tests.conformance.run CASES_DIR [names…]`.

On the cluster that ONSHORE_TEST_KUBECONFIG names (one that may be written to), else on the tests' sandbox cluster,
which is started. One line a case, at the end `N passed, N failed`; exit 1 when one failed, 2 when none could be run.

Each case has a process of its own, as each command of the recorded CLI had: what an earlier case has loaded already
would otherwise be there sooner than it was in the recording.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine import EmbeddedEngine, EngineError, Options
from engine.saving.backend import FileBackend
from engine.config import load_project, load_stack_config, set_value, write_salt
from engine.secrets import PassphraseSecrets
from engine.saving.document import manifest, secrets_provider
from tests.conformance.compare import check_file_order, compare_events, compare_trees
from tests.conformance.normalise import Normaliser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PASSPHRASE = "conformance"
KINDS = "configmaps,secrets,services,serviceaccounts,networkpolicies,deployments,persistentvolumeclaims"
KUBECTL_TIMEOUT_S = 300
MORE_FLAGS = ("--exclude-protected", "--clear-pending-creates")
SHOWN_FAULTS = 12


class UnsupportedStepError(Exception):
    """A step asks for what the embedded engine does not do."""


class Case:
    """One case in a scratch project and backend."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self._folder = folder
        self._spec = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
        self._namespace = "conf-" + folder.name.split("-")[0]
        self._kubeconfig = kubeconfig
        self._root = Path(tempfile.mkdtemp(prefix="conformance-"))
        self._work = self._root / "project"
        self._exports: dict[str, dict[str, Any]] = {}
        self._normaliser = Normaliser(self._literals())

    def _literals(self) -> dict[str, str]:
        server = re.search(r"https?://([^\s\"',}]+)", self._kubeconfig.read_text(encoding="utf-8"))
        literals = {
            str(self._work): "<project>",
            str(self._root): "<scratch>",
            str(self._kubeconfig): "<kubeconfig-path>",
            sys.prefix: "<venv>",
            str(self._folder.parent): "<suite>",
            version("pulumi-kubernetes"): "<version>",
            version("pulumi-policy"): "<version>",
        }
        if server:
            literals[server[1]] = "<server>"
            literals[server[1].split(":")[0]] = "<host>"
        return literals

    def run(self) -> list[str]:
        """The differences from the recording, each with its step's number."""
        faults: list[str] = []
        try:
            self._prepare()
            for number, step in enumerate(self._spec["steps"], 1):
                faults += [f"step {number} ({step.get('operation', 'shell')}): {fault}" for fault in self._step(number, step)]
        except UnsupportedStepError as error:
            faults.append(str(error))
        finally:
            self._clean_cluster()
            shutil.rmtree(self._root, ignore_errors=True)
        return faults

    def _prepare(self) -> None:
        (self._root / "state").mkdir()
        shutil.copytree(self._folder, self._work, ignore=shutil.ignore_patterns("recorded", "__pycache__"))
        (self._work / "program.py").rename(self._work / "__main__.py")
        runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
        project = {"name": self._spec.get("project", self._folder.name), "runtime": runtime}
        (self._work / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
        for pack in self._work.glob("*/PulumiPolicy.yaml"):
            content = yaml.safe_load(pack.read_text(encoding="utf-8"))
            pack.write_text(yaml.safe_dump({**content, "runtime": runtime}), encoding="utf-8")
        self._clean_cluster()

    def _step(self, number: int, step: dict[str, Any]) -> list[str]:
        if "shell" in step:
            self._shell(number, step)
            return self._compare_cluster(number)
        stack = step.get("stack", "test")
        self._configure(stack, step.get("config") or {})
        before = self._exports.get(stack) or self._init(stack)
        run, raw = self._operate(step, stack)
        after = self._exports[stack] = self._export(stack)
        ours = [run, *self._normaliser.events(raw, before, after)]
        faults = compare_events(_lines(self._recorded(number, "events.jsonl")), ours)
        state = self._normaliser.state(after, self._export(stack, show_secrets=True))
        faults += check_file_order(after["deployment"].get("resources") or [])
        faults += compare_trees("state", json.loads(self._recorded(number, "state.json")), json.loads(json.dumps(state)))
        return faults + self._compare_cluster(number)

    def _recorded(self, number: int, name: str) -> str:
        return (self._folder / "recorded" / f"{number}.{name}").read_text(encoding="utf-8")

    # ------------------------------------------------------------ the engine

    def _engine(self) -> EmbeddedEngine:
        return EmbeddedEngine(self._work, backend_url=f"file://{self._root / 'state'}", passphrase=PASSPHRASE)

    def _operate(self, step: dict[str, Any], stack: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        engine = self._engine()
        events: list[dict[str, Any]] = []
        options = _options(step, self._work, events)
        exit_code, fault = 0, ""
        try:
            if step["operation"] == "up" and step.get("with_preview"):
                exit_code = engine.preview(stack, options).exit_code
            if exit_code == 0:
                events.clear()
                exit_code = getattr(engine, step["operation"])(stack, options).exit_code
        except EngineError as error:
            exit_code, fault = error.exit_code, error.what
        run = {
            "event": "run",
            "operation": step["operation"],
            "stack": stack,
            "exit_code": exit_code,
            "result": "ok" if exit_code == 0 else "fail",
        }
        if fault:
            run["cli_error"] = self._normaliser.text(f"error: {fault}")
        return run, events

    def _configure(self, stack: str, config: dict[str, Any]) -> None:
        project = load_project(self._work)
        stack_file = load_stack_config(project, stack)
        if stack_file.salt:
            secrets = PassphraseSecrets(PASSPHRASE, stack_file.salt)
        else:
            secrets = PassphraseSecrets.create(PASSPHRASE)
            write_salt(stack_file, secrets.salt)
        for key, value in config.items():
            full = key if ":" in key else f"{project.name}:{key}"
            if isinstance(value, dict):
                value = {"secure": secrets.encrypt(str(value["secret"]))}  # noqa: PLW2901 - as it is stored
            elif value is not None:
                value = json.dumps(value) if isinstance(value, bool) else str(value)  # noqa: PLW2901 - as it is stored
            set_value(stack_file.path, full, value)

    def _init(self, stack: str) -> dict[str, Any]:
        """What `pulumi stack init` leaves: a state without resources. Here a stack begins with its first up otherwise."""
        project = load_project(self._work)
        salt = load_stack_config(project, stack).salt
        empty = {"manifest": manifest(""), "secrets_providers": secrets_provider(salt), "metadata": {}}
        document = {"version": 3, "checkpoint": {"stack": f"organization/{project.name}/{stack}", "latest": empty}}
        backend = FileBackend.at(f"file://{self._root / 'state'}", project.name)
        backend.create()
        backend.write(stack, json.dumps(document).encode())
        return self._export(stack)

    def _export(self, stack: str, *, show_secrets: bool = False) -> dict[str, Any]:
        return self._engine().export_state(stack, show_secrets=show_secrets)

    # ------------------------------------------------------------ the cluster

    def _shell(self, number: int, step: dict[str, Any]) -> None:
        ended = _run(step["shell"], self._kubeconfig, shell=True)
        if (ended.returncode == 0) != (step.get("expect", "ok") == "ok"):
            raise UnsupportedStepError(f"step {number}: shell: {ended.stderr}")

    def _namespaces(self) -> list[str]:
        listed = _run(["kubectl", "get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}"], self._kubeconfig)
        return sorted(name for name in listed.stdout.split() if re.match(rf"{self._namespace}(-|$)", name))

    def _clean_cluster(self) -> None:
        if names := self._namespaces():
            _run(["kubectl", "delete", "namespace", *names, "--wait=true"], self._kubeconfig)

    def _compare_cluster(self, number: int) -> list[str]:
        found: list[dict[str, Any]] = []
        for namespace in self._namespaces():
            found.append({"kind": "Namespace", "name": namespace})
            listed = _run(["kubectl", "get", KINDS, "-n", namespace, "-o", "json"], self._kubeconfig)
            found += [_entry(item, namespace) for item in json.loads(listed.stdout or '{"items": []}')["items"] if not _given(item)]
        ours = sorted((self._normaliser.tree(entry) for entry in found), key=lambda entry: json.dumps(entry, sort_keys=True))
        recorded = sorted(_lines(self._recorded(number, "cluster.jsonl")), key=lambda entry: json.dumps(entry, sort_keys=True))
        return compare_trees("cluster", recorded, ours)


def _options(step: dict[str, Any], work: Path, events: list[dict[str, Any]]) -> Options:
    flags: dict[str, Any] = {}
    targets: list[str] = []
    arguments = [str(argument) for argument in step.get("args") or []]
    while arguments:
        name, _, value = arguments.pop(0).partition("=")
        if name in ("--continue-on-error", "--expect-no-changes", "--refresh", "--target-dependents", *MORE_FLAGS):
            flags[name.removeprefix("--").replace("-", "_")] = value != "false"
        elif name == "--target":
            targets.append(value or arguments.pop(0))
        elif name == "--parallel":
            flags["parallel"] = int(value or arguments.pop(0))
        else:
            raise UnsupportedStepError(f"refused: the embedded engine has no {name}")
    return Options(
        policy_packs=tuple(work / pack for pack in step.get("policy") or ()),
        policy_pack_configs=tuple(work / config for config in step.get("policy_config") or ()),
        targets=tuple(targets),
        on_event=events.append,
        **flags,
    )


def _given(item: dict[str, Any]) -> bool:
    """Objects every namespace is given by the cluster."""
    return (item["kind"], item["metadata"]["name"]) in (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"))


def _entry(item: dict[str, Any], namespace: str) -> dict[str, Any]:
    meta = item["metadata"]
    entry = {"kind": item["kind"], "namespace": namespace, "name": meta["name"]}
    entry.update({key: meta[key] for key in ("labels", "annotations") if meta.get(key)})
    entry.update({key: item[key] for key in ("data", "immutable", "type") if item.get(key)})
    return entry


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _run(command: list[str] | str, kubeconfig: Path, *, shell: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    return subprocess.run(
        command, env=environment, text=True, capture_output=True, timeout=KUBECTL_TIMEOUT_S, shell=shell, check=False
    )


@contextlib.contextmanager
def _environment(kubeconfig: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ["ONSHORE_TEST_KUBECONFIG"] = str(kubeconfig)
    os.environ["KUBECONFIG"] = str(kubeconfig)
    os.environ.pop("PULUMI_BACKEND_URL", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run_case(folder: Path, kubeconfig: Path) -> list[str]:
    """The differences between the engine and the recording of one case; empty when they agree."""
    with _environment(kubeconfig):
        return Case(folder, kubeconfig).run()


def run_case_alone(folder: Path, kubeconfig: Path) -> list[str]:
    """`run_case` in a fresh process; a case that cannot be run at all is a difference too."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(run_case, folder, kubeconfig).result()
        except Exception as error:  # noqa: BLE001 - one broken case must not hide the others
            return [f"{type(error).__name__}: {error}"]


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    if not arguments:
        print(__doc__)
        return 2
    suite = Path(arguments[0]).resolve()
    folders = sorted(path.parent for path in suite.glob("*/case.yaml"))
    if wanted := arguments[1:]:
        folders = [folder for folder in folders if any(folder.name.startswith(name) for name in wanted)]
    if not folders:
        print(f"no cases (folders with a case.yaml) in {suite}", file=sys.stderr)
        return 2
    from sandbox import SandboxError

    try:
        with _cluster() as kubeconfig:
            return _run_all(folders, kubeconfig)
    except SandboxError as error:
        print(f"no cluster: {error}", file=sys.stderr)
        return 2


@contextlib.contextmanager
def _cluster() -> Iterator[Path]:
    """The kubeconfig of the cluster to use, with kubectl on PATH."""
    from sandbox import ensure_programs
    from tests.cluster import shared_cluster

    given = os.environ.get("ONSHORE_TEST_KUBECONFIG")
    if not (given and shutil.which("kubectl")):
        programs = ensure_programs(_tell)
        os.environ["PATH"] = f"{programs['kubectl'].parent}{os.pathsep}{os.environ['PATH']}"
    if given:
        yield Path(given).resolve()
    else:
        with shared_cluster(_tell) as cluster:
            yield cluster.kubeconfig


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _run_all(folders: Sequence[Path], kubeconfig: Path) -> int:
    failed = 0
    for folder in folders:
        faults = run_case_alone(folder, kubeconfig)
        failed += bool(faults)
        print(f"{folder.name}: {'FAILED' if faults else 'ok'}", flush=True)
        for fault in faults[:SHOWN_FAULTS]:
            print(f"    {fault}", flush=True)
        if len(faults) > SHOWN_FAULTS:
            print(f"    … and {len(faults) - SHOWN_FAULTS} more", flush=True)
    print(f"{len(folders) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
