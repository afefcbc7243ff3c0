"""nova's own fake hypervisor, as one of several hosts that keep their identity and their machines over a restart.

A machine that somebody can log in to (it has a key pair) has a real guest, where this machine allows that: a network
namespace with an SSH server, at the addresses of the machine's ports. The others only report.
"""

from __future__ import annotations

import io
import os
import subprocess
import uuid
from typing import Any, ClassVar, Final

from nova import context as nova_context
from nova import objects
from nova.image import glance
from nova.virt import fake, node

_NAMESPACE: Final = uuid.UUID("7b0b6d5c-3f1c-5b51-9a57-6f6e73686f72")


class SandboxDriver(fake.FakeDriver):
    """Machines that only report; `compute_driver = hypervisor.SandboxDriver`."""

    capabilities: ClassVar[dict[str, Any]] = {**fake.FakeDriver.capabilities, "supports_migrate_to_same_host": True}
    vcpus = 256
    memory_mb = 1024 * 1024
    local_gb = 100_000

    def init_host(self, host: str) -> None:
        super().init_host(host)
        # nova refuses a second start without the identity that a host writes down; ours follows from its name
        node.get_local_node_uuid()
        # what ran before the process ended runs again, as after a service's restart beside living guests
        for instance in objects.InstanceList.get_by_host(nova_context.get_admin_context(), host):
            self.instances[instance.uuid] = fake.FakeInstance(instance.name, instance.power_state, instance.uuid)
            flavor = instance.flavor
            self.resources.claim(vcpus=flavor.vcpus, mem=flavor.memory_mb, disk=flavor.root_gb)
            _begin_guest(instance, instance.get_network_info())

    def spawn(self, context: Any, instance: Any, *arguments: Any, network_info: Any = None, **more: Any) -> None:
        super().spawn(context, instance, *arguments, network_info=network_info, **more)
        _begin_guest(instance, network_info or [])

    def destroy(self, context: Any, instance: Any, *arguments: Any, **more: Any) -> None:
        _end_guest(instance)
        super().destroy(context, instance, *arguments, **more)

    def get_console_output(self, context: Any, instance: Any) -> bytes:  # noqa: ARG002 - nova's
        return _CONSOLES.get(instance.uuid, "a machine without a guest: nobody can log in to it\n").encode()

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        found: dict[str, Any] = super().get_available_resource(nodename)
        return {**found, "uuid": _identity(nodename)} if found else found

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:  # noqa: ARG002 - nova's
        return {_identity(name): name for name in self.get_available_nodes()}

    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        super().snapshot(context, instance, image_id, update_task_state)
        form = {"disk_format": "raw", "container_format": "bare"}
        glance.API().update(context, image_id, form, data=io.BytesIO(b"a disk without content"))


_GUESTS: Final = os.environ.get("ONSHORE_REGION_GUESTS", "")
"""Python, the project's folder and the guests' folder, joined by `:`; empty where there can be no guests."""
_CONSOLES: Final[dict[str, str]] = {}


def _begin_guest(instance: Any, network_info: Any) -> None:
    """Start its guest; its console tells the host key as cloud-init does on a first boot, or why there is no guest."""
    if not _GUESTS or not instance.key_data:
        return
    addresses = [
        f"{ip['address']}/{subnet['cidr'].rpartition('/')[2]}"
        for vif in network_info
        for subnet in vif["network"]["subnets"]
        for ip in subnet["ips"]
    ]
    done = _guests("up", instance.uuid, instance.hostname, *addresses, stdin=f"{instance.key_data.strip()}\n")
    told = [f"no guest: {done.stderr}"]
    if done.returncode == 0:
        told = ["-----BEGIN SSH HOST KEY KEYS-----", done.stdout.strip(), "-----END SSH HOST KEY KEYS-----"]
    _CONSOLES[instance.uuid] = "\n".join([f"{instance.hostname} login:", *told, ""])


def _end_guest(instance: Any) -> None:
    _CONSOLES.pop(instance.uuid, None)
    if _GUESTS and instance.key_data:
        _guests("down", instance.uuid)


def _guests(what: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    python, project, folder = _GUESTS.split(":")
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": project}
    command = [python, "-m", "sandbox.region.guests", what, folder, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment)


def _identity(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))
