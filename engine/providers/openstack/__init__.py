"""The OpenStack provider in Python: what pulumi-openstack does for the types our components use, over openstacksdk."""

from engine.providers.openstack.provider import OpenStackProvider

__all__ = ["OpenStackProvider"]
