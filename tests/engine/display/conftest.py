"""A run with everything in it: a preview and the update that follows, in the CLI's event form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

PREFIX = "urn:pulumi:health::health::"
STACK = f"{PREFIX}pulumi:pulumi:Stack::health-health"
WEB = f"{PREFIX}onshore:index:WebService::clinic"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "hunter2"}
DETAILS = {
    "spec.replicas": {"diffKind": "update"},
    "spec.containers[0].image": {"diffKind": "update"},
    "password": {"diffKind": "update"},
    'labels["app.kubernetes.io/name"]': {"diffKind": "add"},
}


class Story:
    """Writes events one by one."""

    def __init__(self, *, preview: bool):
        self.preview = preview
        self.events: list[dict[str, Any]] = []

    def state(self, urn, parent, **fields):
        kind = urn.split("::")[2].rpartition("$")[2]
        state = {"urn": urn, "type": kind, "custom": kind not in {"pulumi:pulumi:Stack", "onshore:index:WebService"}}
        return {**state, "id": "", "parent": parent, "inputs": {}, "outputs": {}, "provider": "", **fields}

    def step(self, op, urn, parent=STACK, *, end="resOutputsEvent", **fields):
        kind = urn.split("::")[2].rpartition("$")[2]
        metadata = {"op": op, "urn": urn, "type": kind, "old": None, "new": None, "detailedDiff": None, **fields}
        if op.startswith("delete"):
            metadata["old"] = metadata["old"] or self.state(urn, parent)
        else:
            metadata["new"] = metadata["new"] or self.state(urn, parent)
        flags = {"planning": True} if self.preview else {}
        self.events.append({"resourcePreEvent": {"metadata": metadata, **flags}})

        def finish(**more):
            self.events.append({end: {"metadata": {**metadata, **more}, **flags}})

        return finish

    def say(self, severity, message, urn="", **fields):
        self.events.append({"diagnosticEvent": {"urn": urn, "severity": severity, "message": f"{message}\n", **fields}})

    def violate(self, level, policy, urn, message):
        body = {"resourceUrn": urn, "message": message, "policyName": policy, "enforcementLevel": level}
        self.events.append(
            {"policyEvent": {**body, "policyPackName": "onshore|local|policies", "policyPackVersion": "1.0"}}
        )


def tell(*, preview: bool) -> list[dict[str, Any]]:
    """A namespace created, a deployment updated, a map replaced, a job deleted, a service that fails in the update."""
    story = Story(preview=preview)
    deployment, service = (
        f"{PREFIX}onshore:index:WebService${kind}::clinic" for kind in ("k:apps:Deployment", "k:core:Service")
    )
    settings = f"{PREFIX}onshore:index:WebService$k:core:ConfigMap::settings"
    stack_done = story.step("same", STACK, "")
    story.say("info", "placing clinic", STACK)
    story.step("same", f"{PREFIX}pulumi:providers:k::default_1_0_0", "")()
    web_done = story.step("update", WEB)
    story.step("create", f"{PREFIX}k:core:Namespace::health")()
    old = {"spec": {"replicas": 2, "containers": [{"image": "clinic@a"}]}, "password": "hunter1"}
    new = {
        "spec": {"replicas": 3, "containers": [{"image": "clinic@b"}]},
        "password": SECRET,
        "labels": {"app.kubernetes.io/name": "clinic"},
    }
    deployment_done = story.step(
        "update",
        deployment,
        old=story.state(deployment, WEB, inputs=old),
        new=story.state(deployment, WEB, inputs=new),
        detailedDiff=DETAILS,
    )
    story.say("info", "waiting for 3 pods", deployment, ephemeral=True)
    story.say("debug", "beginning rpc")
    replacement = {
        "old": story.state(settings, WEB, inputs={"data": {"a": "1"}}),
        "new": story.state(settings, WEB, inputs={"data": {"a": "2"}}),
        "keys": ["data.a"],
        "detailedDiff": {"data.a": {"diffKind": "update-replace"}},
    }
    story.step("create-replacement", settings, **replacement)()
    story.step("replace", settings, **replacement)()
    story.say("info", "Ready: 3 of 3 Pods", deployment, ephemeral=True)
    deployment_done()
    service_done = story.step("create", service, WEB, end="resOutputsEvent" if preview else "resOpFailedEvent")
    if not preview:
        story.say("error", 'Service "clinic" is invalid\x1b[2J: spec.ports', service)
    service_done()
    web_done()
    nightly = f"{PREFIX}k:batch:CronJob::nightly"
    deleted = story.step("delete", nightly)
    story.say("info", "Waiting to be deleted: its finalizers", nightly, ephemeral=True)
    deleted()
    story.step("delete-replaced", settings, **replacement)()
    story.violate("advisory", "POD-001", deployment, "Probes.\nno probe\n")
    story.violate("mandatory", "ACC-001", deployment, "Accredited places only.\nexample-csp-beta is suspended\n")
    story.violate("mandatory", "ACC-001", deployment, "Accredited places only.\nexample-csp-beta is suspended\n")
    story.say("warning", "using a plugin from PATH")
    story.say("warning", "using a plugin from PATH")
    stack_done(new=story.state(STACK, "", outputs={"url": "https://clinic.example", "token": SECRET}))
    changes = {"create": 2, "update": 2, "replace": 1, "delete": 1, "same": 1}
    result = "succeeded" if preview else "failed"
    story.events.append(
        {"summaryEvent": {"isPreview": preview, "durationSeconds": 4, "resourceChanges": changes, "result": result}}
    )
    story.events.append({"cancelEvent": {}})
    return story.events


@pytest.fixture
def preview_events():
    return tell(preview=True)


@pytest.fixture
def update_events():
    return tell(preview=False)


@pytest.fixture
def recorded_events():
    """What the real CLI wrote for an update that creates four resources."""
    lines = (Path(__file__).parent / "recorded" / "up.event-log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
