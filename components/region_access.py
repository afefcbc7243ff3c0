"""The one way to a region: an OpenStack provider whose login was proven to lead to a region of the register."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pulumi

from components._openstack import openstack
from components.clouds_yaml import cloud_login
from components.given_providers import SERVED, providers_for
from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from inventories.models import Region

_RETRIES: Final = 3


class RegionAccess(openstack.Provider):  # type: ignore[misc] # mypy does not read the generated SDK
    """A provider pinned to one region of the register: its auth URL, its name and its certificate authority.

    `clouds` is the content of a clouds.yaml (plain, so that it is checked before anything is registered); what is
    secret in it is stored so. `folder`: see `components.clouds_yaml`.
    Raises OnshoreError (`refused`) with every reason against it, and where the environment would have a say.
    """

    def __init__(
        self,
        name: str,
        *,
        clouds: str,
        region: "Region",
        folder: Path | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        _refuse_environment(os.environ)
        login = cloud_login(clouds, region, folder)
        self.region_id, self.login = region.id, login
        if region.pulumi is None or region.openstack is None:
            raise AssertionError(region.id)  # the login has been refused
        if login.application_credential_id:
            # It is bound to its project, and the identity service refuses it together with another word for that.
            credentials = {
                "application_credential_id": login.application_credential_id,
                "application_credential_secret": pulumi.Output.secret(login.application_credential_secret),
            }
        else:
            credentials = {
                "user_name": login.user,
                "password": pulumi.Output.secret(login.password),
                "user_domain_name": login.user_domain,
                "project_domain_name": region.openstack.domain,
                "tenant_name": region.openstack.project,
            }
        super().__init__(
            name,
            **credentials,
            auth_url=region.pulumi.endpoint,
            region=region.pulumi.region,
            cacert_file=login.authority,
            # Each of these would else be taken from the environment.
            allow_reauth=True,
            delayed_auth=True,
            endpoint_type="public",
            insecure=False,
            max_retries=_RETRIES,
            opts=opts,
        )


def require_region_access(name: str, region: "Region", opts: pulumi.ResourceOptions | None) -> None:
    """Raise OnshoreError (`refused`) unless a component's provider is the access to its region.

    A provider made by a program in another language shows nothing of itself here: the policy pack judges that one.
    """
    if SERVED.get():
        return
    provider = next((one for one in providers_for(opts) if one.package == "openstack"), None)
    got = getattr(provider, "region_id", None)
    if got != region.id:
        fault = Fault(
            name,
            "its provider is not the access to its region",
            f"access to {got}" if got else "another provider" if provider else "no provider",
            f"the register's region is {region.id}",
            "pass `ResourceOptions(provider=RegionAccess(...))` of that region",
        )
        raise OnshoreError(f"{name} cannot be built", [fault], refused=True)


def _refuse_environment(environment: Mapping[str, str]) -> None:
    """The provider takes from OS_* whatever it is not told: a cloud, a project, a token of somebody's shell."""
    found = sorted(name for name, value in environment.items() if name.startswith("OS_") and value)
    if found:
        why = "OpenStack's provider takes from the environment what it is not told, and so could go elsewhere"
        faults = [Fault(name, "set in the environment", why=why, fix=f"unset {name}") for name in found]
        raise OnshoreError("the environment would have a say in which cloud is reached", faults, refused=True)
