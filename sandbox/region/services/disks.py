"""A keeper of volumes that keeps no bytes; `volume_driver = disks.SandboxDisks`."""

from __future__ import annotations

from typing import Any

from cinder import interface
from cinder.volume import driver


@interface.volumedriver
class SandboxDisks(driver.VolumeDriver):
    """Says yes to everything that cinder asks of a disk."""

    VERSION = "1.0"
    CI_WIKI_NAME = "none"

    def _nothing(self, *_arguments: Any, **_named: Any) -> None:
        pass

    check_for_setup_error = _nothing
    create_volume = _nothing
    delete_volume = _nothing
    create_snapshot = _nothing
    delete_snapshot = _nothing
    create_volume_from_snapshot = _nothing
    create_cloned_volume = _nothing
    extend_volume = _nothing
    ensure_export = _nothing
    create_export = _nothing
    remove_export = _nothing
    copy_image_to_volume = _nothing
    copy_image_to_encrypted_volume = _nothing
    terminate_connection = _nothing

    def clone_image(self, *_arguments: Any) -> tuple[None, bool]:
        """As if the disks had the image already: its bytes are never fetched."""
        return None, True

    def initialize_connection(self, _volume: Any, _connector: Any) -> dict[str, Any]:
        return {"driver_volume_type": "fake", "data": {}}

    def get_volume_stats(self, refresh: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - cinder's
        name = self.configuration.safe_get("volume_backend_name")
        pool = {
            "pool_name": name,
            "total_capacity_gb": 100_000,
            "free_capacity_gb": 100_000,
            "provisioned_capacity_gb": 0,
            "reserved_percentage": 0,
            "thin_provisioning_support": True,
            "max_over_subscription_ratio": 20,
            "multiattach": True,
            "QoS_support": False,
        }
        head = {"volume_backend_name": name, "vendor_name": "onshore", "driver_version": self.VERSION}
        return {**head, "storage_protocol": "fake", "pools": [pool]}
