"""Audits state files of many resources: resources a second on one core, and the peak of memory.

`python -m benchmarks.audit KIND COUNT FOLDER` audits one file in a process of its own and prints what it took.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit import audit_file
from benchmarks.decisions import DAY, ROOT
from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from policies.dispatcher import Catalogue, load_checks
from policies.facts import load_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:AAAA:BBBB"}
_START = "urn:pulumi:bench::bench::"
_PROVIDER = f"{_START}pulumi:providers:kubernetes::cluster"


def rows() -> list[tuple[str, str]]:
    """What is told of files of 100 MB, of large resources or small ones, and of one small file.

    The peak must grow slower than the file.
    """
    return [
        (
            f"audit of {count:,} {kind}s, {found['file_mb']:.0f} MB",
            f"{found['resources_a_second']:,.0f} resources/s of one core, {found['peak_mb']:.0f} MB more at the peak",
        )
        for kind, count in (("Deployment", 1_000), ("Deployment", 20_000), ("ConfigMap", 80_000))
        for found in [measured(kind, count)]
    ]


def measured(kind: str, count: int) -> dict[str, float]:
    """Seconds of one core, resources in one of them, and megabytes of the file and of the process at its peak."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.audit", kind, str(count), folder],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def _audited(kind: str, count: int, folder: Path) -> dict[str, float]:
    facts = replace(load_facts(ROOT), on=DAY)
    checks, file = Catalogue(load_checks(facts.rules)), folder / "state.json"
    made = {"Deployment": deployment, "ConfigMap": _config_map}[kind]
    state_file(file, (made(f"app-{number}") for number in range(count)))
    before = _peak_mb()
    start = time.process_time()
    found = audit_file(file, facts, checks)
    took = time.process_time() - start
    assert found.findings == (), found.findings[0].message
    return {
        "cpu_s": took,
        "resources_a_second": found.resources / took,
        "file_mb": file.stat().st_size / 1e6,
        "peak_mb": _peak_mb() - before,
    }


def state_file(file: Path, deployments: Iterable[dict[str, Any]]) -> None:
    """A state file as the engine writes it, without ever holding it."""
    with file.open("w", encoding="utf-8") as out:
        out.write('{"version": 3, "deployment": {"manifest": {}, "resources": [')
        for number, each in enumerate(_resources(deployments)):
            out.write(("," if number else "") + json.dumps(each, indent=2))
        out.write("]}}")


def _resources(deployments: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    outputs = {"category": "restricted", "department": "health-example"}
    yield {"urn": f"{_START}pulumi:pulumi:Stack::bench-bench", "type": "pulumi:pulumi:Stack", "outputs": outputs}
    inputs = {"kubeconfig": _SECRET, "clusterIdentifier": "example-csp-alpha-khi-1"}
    yield {"urn": _PROVIDER, "type": "pulumi:providers:kubernetes", "id": "1", "inputs": inputs}
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    yield _resource(_object("networking.k8s.io/v1", "NetworkPolicy", "deny", spec))
    yield from map(_resource, deployments)


def _resource(inputs: dict[str, Any]) -> dict[str, Any]:
    version, name = inputs["apiVersion"], inputs["metadata"]["name"]
    type_ = f"kubernetes:{version if '/' in version else f'core/{version}'}:{inputs['kind']}"
    return {
        "urn": f"{_START}{type_}::{name}",
        "custom": True,
        "id": f"app/{name}",
        "type": type_,
        "inputs": inputs,
        "outputs": inputs | {"status": {"replicas": 2}},
        "provider": f"{_PROVIDER}::1",
        "propertyDependencies": {"metadata": [], "spec": []},
    }


def _object(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = _metadata(name) | {"namespace": "app"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _metadata(name: str) -> dict[str, Any]:
    labels = {CATEGORY_LABEL: "restricted", DEPARTMENT_LABEL: "health-example", "app.kubernetes.io/name": name}
    return {"name": name, "labels": labels}


def deployment(name: str) -> dict[str, Any]:
    """A lawful Deployment of restricted data, whole."""
    container = {
        "name": "app",
        "image": "registry.example/app@sha256:" + "a" * 64,
        "env": [{"name": f"WORD_{n}", "value": "value"} for n in range(10)],
        "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "250m", "memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    template = {"metadata": _metadata(name), "spec": pod}
    selector = {"matchLabels": {"app.kubernetes.io/name": name}}
    return _object("apps/v1", "Deployment", name, {"replicas": 2, "selector": selector, "template": template})


def _config_map(name: str) -> dict[str, Any]:
    metadata = _metadata(name) | {"namespace": "app"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mode": "quiet"}}


def _peak_mb() -> float:
    """Of this program alone: `ru_maxrss` begins at what the process was that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1e3


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_audited(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
