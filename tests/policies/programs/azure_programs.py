"""Programs for Azure, native and classic: their region in the country is made up, as all of the register is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pulumi

from tests.policies.programs.running import KEYS, Program, refused, resource

_KEY = KEYS["azure"] + "a"
_ABROAD = {"ACC-001", "RES-001"}


def access(package: str = "azure-native", **changes: Any) -> pulumi.ProviderResource:
    told = {"clientSecret": "not-to-be-shown", **changes}
    return pulumi.ProviderResource(package, "cloud", {key: value for key, value in told.items() if value is not None})


def native(token: str, provider: Any = access, **props: Any) -> Any:
    """A program of one resource, in the country."""
    told = {"location": "pakistan", "resourceGroupName": "group", **props}
    return lambda: resource(f"azure-native:{token}", "it", told, provider())


def account(sku: Any = "Standard_ZRS", **changes: Any) -> Any:
    held = {"keyVaultProperties": {"keyVaultUri": _KEY}}
    props = {"sku": {"name": sku}, "allowBlobPublicAccess": False, "encryption": held, **changes}
    return native("storage:StorageAccount", **props)


def classic(kind: Any = "LRS", **changes: Any) -> Any:
    props = {
        "location": "pakistan",
        "accountReplicationType": kind,
        "allowNestedItemsToBePublic": False,
        "customerManagedKey": {"keyVaultKeyId": _KEY},
        **changes,
    }
    return lambda: resource("azure:storage/account:Account", "it", props, access("azure"))


def rule(**changes: Any) -> Any:
    props = {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "10.0.0.0/8", **changes}
    return native("network:NetworkSecurityGroup", securityRules=[props])


PROGRAMS: dict[str, Program] = {
    "an account of the zone": Program(account()),
    "a classic account": Program(classic()),
    "a group inside": Program(rule()),
    "an account copied afar": refused(account("Standard_GRS"), "RES-002"),
    "an account read afar": refused(account("Standard_RAGRS"), "RES-002"),
    "an account of zones copied afar": refused(account("Standard_GZRS"), "RES-002"),
    "an account of no kind": refused(account(None), "RES-002"),
    "a classic account copied afar": refused(classic("RAGZRS"), "RES-002"),
    "an account abroad": refused(account(location="xa"), "CRY-001", *_ABROAD),
    "an account nowhere": refused(account(location=None), "CRY-001", "RES-004"),
    "credentials of the machine": refused(
        native("network:VirtualNetwork", partial(access, clientSecret=None)), "PIN-003"
    ),
    "a public account": refused(account(allowBlobPublicAccess=True), "EXP-001"),
    "an account of the vendor's key": refused(account(encryption=None), "CRY-003"),
    "an anybody rule": refused(rule(sourceAddressPrefix="*"), "EXP-001"),
    "a public address": refused(native("network:PublicIPAddress"), "EXP-001"),
    "a front door": refused(native("cdn:Profile"), "ACC-001", "RES-003"),
    "a classic front door": refused(
        lambda: resource("azure:frontdoor/frontdoor:Frontdoor", "it", {}, access("azure")), "ACC-001", "RES-003"
    ),
    "a traffic manager": refused(native("trafficmanager:Profile"), "ACC-001", "RES-003"),
    "a database of two regions": refused(
        native(
            "cosmosdb:DatabaseAccount",
            publicNetworkAccess="Disabled",
            locations=[{"locationName": "pakistan"}, {"locationName": "xa"}],
        ),
        "RES-002",
    ),
    "backups afar": refused(native("sql:Database", requestedBackupStorageRedundancy="Geo", serverName="s"), "RES-002"),
    "an image sent to two regions": refused(
        native(
            "compute:GalleryImageVersion",
            publishingProfile={"targetRegions": [{"name": "pakistan"}, {"name": "xa"}]},
        ),
        "RES-002",
    ),
    "a failover group": refused(native("sql:FailoverGroup"), "OPQ-002"),
}
