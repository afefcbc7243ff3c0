"""nova's own fake hypervisor, as one of several hosts that keep their identity and their machines over a restart."""

from __future__ import annotations

import io
import uuid
from typing import Any, Final

from nova import context as nova_context
from nova import objects
from nova.image import glance
from nova.virt import fake, node

_NAMESPACE: Final = uuid.UUID("7b0b6d5c-3f1c-5b51-9a57-6f6e73686f72")


class SandboxDriver(fake.FakeDriver):
    """Machines that only report; `compute_driver = hypervisor.SandboxDriver`."""

    capabilities = {**fake.FakeDriver.capabilities, "supports_migrate_to_same_host": True}
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

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        found: dict[str, Any] = super().get_available_resource(nodename)
        return {**found, "uuid": _identity(nodename)} if found else found

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:  # noqa: ARG002, FBT001, FBT002 - nova's
        return {_identity(name): name for name in self.get_available_nodes()}

    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        super().snapshot(context, instance, image_id, update_task_state)
        form = {"disk_format": "raw", "container_format": "bare"}
        glance.API().update(context, image_id, form, data=io.BytesIO(b"a disk without content"))


def _identity(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))
