"""OpenStack's SDK, without the notices about its own old names that it gives while it is loaded."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import pulumi_openstack as openstack

__all__ = ["openstack"]
