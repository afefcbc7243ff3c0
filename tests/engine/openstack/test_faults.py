"""What goes wrong between here and a cloud: nothing is made twice, nothing is lost, and what failed says why."""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from engine.provider import CallOptions, InitFailedError, ProviderError
from engine.providers.openstack import wait
from engine.urn import name_of
from tests.engine.openstack.conftest import Asked
from tests.engine.openstack.fake_cloud import Fault, nothing
from tests.engine.openstack.programs import Resource, instance, machine, network, volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.testing import Stack
    from tests.engine.openstack.fake_cloud import FakeCloud

ROOT = Path(__file__).parents[3]


def there(fake: FakeCloud) -> dict[str, int]:
    return {name: len(objects) for name, objects in fake.objects.items() if objects}


def test_an_instance_that_a_killed_up_made_is_taken_over_by_the_next(stack: Stack, fake: FakeCloud) -> None:
    command = [sys.executable, "-m", "tests.engine.openstack.killed_up", str(stack.folder), json.dumps(fake.settings)]
    died = subprocess.run([*command, "/servers", "{}"], cwd=ROOT, check=False, capture_output=True, timeout=60)
    assert died.returncode == -9, died.stderr
    (made,) = fake.objects["servers"]  # and in no state
    stack.engine().cancel(stack.name)
    again = stack.up(machine)
    assert again.ok, again.errors
    assert again.resource("vm").id == made
    assert set(there(fake).values()) == {1}, there(fake)
    # what is found is dealt with, and no later run speaks of it
    quiet = stack.up()
    assert not any("interrupted while" in message for message in quiet.messages("warning"))
    assert set(quiet.changes) == {"same"}


def test_whatever_an_up_had_made_when_it_was_cut_off_is_there_once_after_the_next(
    stack: Stack, fake: FakeCloud, tmp_path: Path
) -> None:
    cut: dict[str, dict[str, Any]] = {}

    def remember(name: str, _obj: dict[str, Any]) -> None:
        # what is on disk and in the cloud at the moment at which the answer is not there yet
        copied = False
        while not copied:  # other threads put files in each other's place meanwhile
            with contextlib.suppress(OSError, shutil.Error):
                shutil.copytree(stack.folder / "state", tmp_path / "cut" / name, dirs_exist_ok=True)
                copied = True
        cut[name] = copy.deepcopy(fake.objects)

    fake.on_made = remember
    assert stack.up(machine).ok
    fake.on_made = nothing
    assert len(cut) == 9
    for name, objects in cut.items():
        shutil.rmtree(stack.folder / "state")
        shutil.copytree(tmp_path / "cut" / name, stack.folder / "state")
        fake.objects.update(copy.deepcopy(objects))
        stack.engine().cancel(stack.name)
        again = stack.up()
        assert again.ok, again.errors
        assert set(there(fake).values()) == {1}, (name, there(fake))


def test_a_copy_of_the_stack_elsewhere_is_not_taken_for_this_one(fake: FakeCloud) -> None:
    ours, theirs = Asked(fake.settings, "ours"), Asked(fake.settings, "theirs")
    first = ours.up("networking/network:Network", "net")[0]
    second = theirs.up("networking/network:Network", "net")[0]
    assert first.id != second.id
    # nor is what is replaced, which has the same mark and is in the state
    third = ours.up("networking/network:Network", "net", recorded=(first.id,))[0]
    assert third.id not in (first.id, second.id)


@pytest.mark.parametrize("token", ["networking/network:Network", "compute/instance:Instance"])
def test_a_lost_answer_is_looked_for_before_anything_is_made_again(token: str, fake: FakeCloud, asked: Asked) -> None:
    path = "/networks" if "network" in token else "/servers"
    inputs = {} if "network" in token else {"flavorId": "small", "imageId": "linux"}
    fake.faults = [Fault("POST", path, after=True)]  # done, and the connection closed
    resource, _, _ = asked.up(token, "one", **inputs)
    assert list(fake.objects[path[1:]]) == [resource.id]
    fake.faults = [Fault("POST", path, 503)]  # not done
    asked.up(token, "two", **inputs)
    assert len(fake.objects[path[1:]]) == 2


def test_a_cloud_that_is_busy_is_asked_again(fake: FakeCloud, asked: Asked) -> None:
    resource, inputs, outputs = asked.up("networking/network:Network", "net")
    fake.faults = [Fault("GET", "/networks", code) for code in (503, 502, 429)] + [Fault("GET", "/networks")]
    assert asked.provider.read(resource, inputs, outputs).id == resource.id
    fake.faults = [Fault("DELETE", "/networks", 503), Fault("DELETE", "/networks", after=True)]
    asked.provider.delete(resource, inputs, outputs, CallOptions())
    assert fake.objects["networks"] == {}


def test_a_cloud_that_stays_away_is_said_to_be(fake: FakeCloud, asked: Asked) -> None:
    resource, inputs, outputs = asked.up("networking/network:Network", "net")
    fake.faults = [Fault("GET", "/networks", 503, times=99, message="all down")]
    with pytest.raises(ProviderError, match="503: all down"):
        asked.provider.read(resource, inputs, outputs)
    fake.faults = [Fault("POST", "/networks", times=99)]
    with pytest.raises(ProviderError, match="no answer from the cloud") as lost:
        asked.up("networking/network:Network", "other")
    assert lost.value.unknown_outcome


def test_a_token_that_expires_during_an_up_is_renewed(fake: FakeCloud, stack: Stack) -> None:
    def forget(_collection: str, _obj: dict[str, Any]) -> None:
        fake.tokens.clear()  # the identity service forgot it after each thing that was made

    fake.on_made = forget
    ran = stack.up(machine)
    assert ran.ok, ran.errors
    assert set(there(fake).values()) == {1}
    assert fake.asked("POST", "/auth/tokens") > 3


def test_a_token_that_is_about_to_expire_is_not_used(fake: FakeCloud, asked: Asked) -> None:
    fake.token_lifetime_s = 5
    asked.up("networking/network:Network", "one")
    before = fake.asked("POST", "/auth/tokens")
    asked.up("networking/network:Network", "two")
    assert fake.asked("POST", "/auth/tokens") > before


def test_a_credential_that_is_refused_is_never_repeated(fake: FakeCloud) -> None:
    fake.faults = [Fault("POST", "/auth/tokens", 401, times=9, message="no such user")]
    wrong = Asked(fake.settings)
    with pytest.raises(ProviderError) as refused:
        wrong.up("networking/network:Network", "net")
    assert "no such user" in refused.value.message
    assert "secret-word" not in refused.value.message


def test_an_instance_that_fails_is_recorded_with_the_reason_and_replaced(fake: FakeCloud, stack: Stack) -> None:
    fault = {"code": 500, "message": "No valid host was found. "}
    fake.on_made = lambda name, obj: obj.update(status="ERROR", fault=fault) if name == "servers" else None
    failed = stack.up(instance)
    assert not failed.ok
    assert "is in ERROR: No valid host was found." in failed.errors[0]
    (state,) = [state for state in failed.resources if name_of(state.urn) == "vm"]
    assert state.id in fake.objects["servers"]
    assert state.init_errors
    fake.on_made = nothing
    mended = stack.up()
    assert mended.ok, mended.errors
    assert [obj["status"] for obj in fake.objects["servers"].values()] == ["ACTIVE"]
    assert mended.resource("vm").id != state.id
    assert set(stack.up().changes) == {"same"}


def test_a_volume_that_fails_leaves_nothing(fake: FakeCloud, stack: Stack) -> None:
    fake.on_made = lambda name, obj: obj.update(status="error") if name == "volumes" else None
    failed = stack.up(volume)
    assert not failed.ok
    assert "is error" in failed.errors[0]
    assert "It was deleted again" in failed.errors[0]
    assert fake.objects["volumes"] == {}


def test_a_quota_that_ends_midway_keeps_what_there_is_and_the_next_up_goes_on(fake: FakeCloud, stack: Stack) -> None:
    def program() -> None:
        for at in range(4):
            volume(f"v{at}")

    def full(_name: str, _obj: dict[str, Any]) -> None:
        if len(fake.objects["volumes"]) == 2:
            fake.faults = [Fault("POST", "/volumes", 413, times=99, message="VolumeLimitExceeded: 2 allowed")]

    fake.on_made = full
    failed = stack.up(program)
    assert not failed.ok
    assert any("413: VolumeLimitExceeded: 2 allowed" in message for message in failed.errors)
    fake.on_made, fake.faults = nothing, []
    assert stack.up().ok
    assert len(fake.objects["volumes"]) == 4


def test_a_timeout_says_what_it_waited_for_and_the_next_up_waits_on(fake: FakeCloud, asked: Asked) -> None:
    fake.on_made = lambda _, obj: obj.update({"status": "BUILD", "OS-EXT-STS:task_state": "spawning"})
    with pytest.raises(InitFailedError, match=r"after \d+ s is BUILD \(spawning\)") as late:
        asked.up("compute/instance:Instance", "vm", CallOptions(timeout_s=0.1), flavorId="small", imageId="linux")
    fake.objects["servers"][late.value.id] |= {"status": "ACTIVE", "OS-EXT-STS:task_state": None}
    assert late.value.outputs["powerState"] == "build"


def test_the_last_word_about_a_wait_is_that_it_is_over(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "_TELL_AFTER_S", 0.0)
    looks: Iterator[dict[str, str] | None] = iter(({"status": "BUILD"}, None))
    cloud = SimpleNamespace(log=asked.log, cancelled=threading.Event())
    wait.until_gone(cloud, "urn:vm", "the instance vm", lambda: next(looks), timeout_s=9)  # type: ignore[arg-type]
    assert [text.partition(" (")[0] for _, text in asked.said] == [
        "the instance vm is still BUILD", "the instance vm is gone",
    ]  # fmt: skip


def test_what_is_in_use_is_deleted_once_it_is_not(fake: FakeCloud, asked: Asked) -> None:
    resource, inputs, outputs = asked.up("networking/network:Network", "net")
    fake.faults = [Fault("DELETE", "/networks", 409, times=2, message="one port still in use")]
    asked.provider.delete(resource, inputs, outputs, CallOptions())
    assert fake.objects["networks"] == {}
    resource, inputs, outputs = asked.up("networking/network:Network", "net")
    fake.faults = [Fault("DELETE", "/networks", 409, times=99, message="one port still in use")]
    with pytest.raises(ProviderError, match=r"cannot be deleted yet: .*one port still in use"):
        asked.provider.delete(resource, inputs, outputs, CallOptions(timeout_s=0.5))


def test_an_update_that_fails_on_its_way_records_what_had_changed(fake: FakeCloud, stack: Stack) -> None:
    assert stack.up(lambda: volume(size=1, description="a")).ok
    fake.faults = [Fault("POST", "/action", 400, message="no room to grow")]
    failed = stack.up(lambda: volume(size=2, description="b"))
    assert not failed.ok
    assert any("no room to grow" in message for message in failed.errors)
    assert failed.resource("data").outputs["size"] == 1


def test_cancelling_ends_a_wait(fake: FakeCloud, asked: Asked) -> None:
    fake.on_made = lambda _, obj: obj.update({"status": "BUILD"}) or asked.provider.cancel()
    with pytest.raises(InitFailedError, match="cancel"):
        asked.up("compute/instance:Instance", "vm", flavorId="small", imageId="linux")
    assert len(fake.objects["servers"]) == 1


def test_an_unknown_type_previews_and_is_refused_at_up_by_name(stack: Stack) -> None:
    def program() -> None:
        Resource("dns/zone:Zone", "zone", email="a@b.pk")
        network()

    assert stack.preview(program).ok
    refused = stack.up()
    assert not refused.ok
    assert any("openstack:dns/zone:Zone is not supported" in message for message in refused.errors)


def test_a_preview_of_many_asks_the_cloud_nothing_and_a_refresh_asks_for_lists(fake: FakeCloud, stack: Stack) -> None:
    def program() -> None:
        for at in range(30):
            network(f"n{at}")
            volume(f"v{at}")

    assert stack.preview(program).ok
    assert fake.calls == []
    assert stack.up().ok
    assert fake.asked("GET", "/networks") == 1  # whether an earlier run left something
    fake.calls.clear()
    assert stack.preview().ok
    assert fake.calls == []
    refreshed = stack.refresh()
    assert set(refreshed.changes) == {"same"}, refreshed.changes
    asked_for = [path for method, path in fake.calls if method == "GET" and "/networks" in path]
    assert asked_for.count("/networks") == 1
    assert len(asked_for) <= 3


def test_drift_is_found_by_a_refresh_and_repaired_by_the_next_up(fake: FakeCloud, stack: Stack) -> None:
    assert stack.up(lambda: (network(description="ours"), volume(metadata={"a": "1"}))).ok
    (net,), (data,) = fake.objects["networks"].values(), fake.objects["volumes"].values()
    net["description"], data["metadata"]["a"] = "theirs", "2"
    assert stack.refresh().changes["update"] == 2
    assert stack.up().changes["update"] == 2
    assert net["description"] == "ours"
    assert data["metadata"]["a"] == "1"
    fake.objects["networks"].clear()
    assert stack.refresh().changes["delete"] == 1
    assert stack.up().changes["create"] == 1
