"""The settings of the OpenStack services: few processes, loopback only, nothing outside the region's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from sandbox.region._layout import IDENTITY, OBJECTS, RegionLayout, auth_url, base_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Sections: TypeAlias = dict[str, dict[str, str]]

PHYSICAL_NETWORK: Final = "external-{number}"
_NEVER: Final = "315360000"  # ten years, in seconds
_POOL: Final = {"max_pool_size": "5", "max_overflow": "20", "connection_recycle_time": "300"}


def compute_host(number: int) -> str:
    """The hypervisor host of the zone of that number, from 1."""
    return f"compute-{number}"


def settings(
    layout: RegionLayout,
    ports: Mapping[str, int],
    secrets: Mapping[str, str],
    environment: Path,
    *,
    region_name: str,
    zones: Sequence[str],
) -> dict[str, str]:
    """File name -> content, of every service; `environment`: where the services are installed."""
    made = _Settings(layout, ports, secrets, environment, region_name)
    files = {
        "keystone.conf": made.keystone(),
        "glance-api.conf": made.glance(),
        "placement.conf": made.placement(),
        "nova.conf": made.nova(),
        "neutron.conf": made.neutron(),
        "cinder.conf": made.cinder(zones),
        "swift.conf": {"swift-hash": {"swift_hash_path_suffix": secrets["swift"]}},
        "proxy-server.conf": made.swift_proxy(),
        **{f"{kind}-server.conf": made.swift_storage(kind) for kind in ("account", "container", "object")},
    }
    return {name: _ini(sections) for name, sections in files.items()}


class _Settings:
    """One method per service; `work` and `url` shorten what all of them say."""

    def __init__(
        self,
        layout: RegionLayout,
        ports: Mapping[str, int],
        secrets: Mapping[str, str],
        environment: Path,
        region_name: str,
    ) -> None:
        self.layout = layout
        self.ports = ports
        self.secrets = secrets
        self.installed = environment / "etc"
        self.region_name = region_name

    def work(self, *parts: str) -> str:
        return str(self.layout.work.joinpath(*parts))

    def database(self, name: str) -> dict[str, str]:
        port, password = self.ports["postgresql"], self.secrets["database"]
        return {"connection": f"postgresql+psycopg2://openstack:{password}@127.0.0.1:{port}/{name}", **_POOL}

    def login(self, user: str) -> dict[str, str]:
        """How a service proves itself to keystone."""
        return {
            "auth_url": auth_url(self.ports),
            "auth_type": "password",
            "username": user,
            "password": self.secrets["service"],
            "project_name": "service",
            "user_domain_id": "default",
            "project_domain_id": "default",
            "cafile": str(self.layout.authority),
        }

    def client(self, user: str) -> dict[str, str]:
        """How a service calls another one."""
        return {**self.login(user), "region_name": self.region_name}

    def tokens(self, user: str) -> dict[str, str]:
        """How a service checks the tokens of those who call it."""
        return {
            **self.login(user),
            "www_authenticate_uri": auth_url(self.ports),
            "service_token_roles": "service",
            "service_token_roles_required": "true",
        }

    def keystone(self) -> Sections:
        keys = self.layout.keys
        return {
            "DEFAULT": {"public_endpoint": base_url(IDENTITY, self.ports)},
            "database": self.database("keystone"),
            "fernet_tokens": {"key_repository": str(keys / "fernet")},
            # without it, keystone would look into /etc
            "fernet_receipts": {"key_repository": str(keys / "receipts")},
            "credential": {"key_repository": str(keys / "credential")},
            "auth": {"methods": "password,token,application_credential,ec2credential"},
            "token": {"expiration": "86400"},
            # a sandbox's passwords are random: the cost that protects chosen ones buys nothing
            "identity": {"password_hash_rounds": "4"},
        }

    def glance(self) -> Sections:
        here = {
            kind: {"filesystem_store_datadir": self.work("glance", kind)} for kind in ("images", "staging", "tasks")
        }
        return {
            "DEFAULT": {
                "enabled_backends": "local:file",
                "worker_self_reference_url": base_url("glance", self.ports),
            },
            "database": self.database("glance"),
            "glance_store": {"default_backend": "local"},
            "local": here["images"],
            "os_glance_staging_store": here["staging"],
            "os_glance_tasks_store": here["tasks"],
            "paste_deploy": {
                "flavor": "keystone",
                "config_file": str(self.installed / "glance" / "glance-api-paste.ini"),
            },
            "oslo_concurrency": {"lock_path": self.work("glance", "locks")},
            "keystone_authtoken": self.tokens("glance"),
        }

    def placement(self) -> Sections:
        return {
            "placement_database": self.database("placement"),
            "api": {"auth_strategy": "keystone"},
            "keystone_authtoken": self.tokens("placement"),
        }

    def nova(self) -> Sections:
        return {
            "DEFAULT": {
                "transport_url": "fake://",
                "compute_driver": "hypervisor.SandboxDriver",
                "host": "control",
                "state_path": self.work("nova"),
                "allow_resize_to_same_host": "true",
                "service_down_time": _NEVER,  # its services live and die with the process that answers
                "report_interval": "60",
                "default_availability_zone": "none",
            },
            "api": {"auth_strategy": "keystone"},
            "api_database": self.database("nova_api"),
            "database": self.database("nova_cell1"),
            "oslo_concurrency": {"lock_path": self.work("nova", "locks")},
            "glance": {"api_servers": base_url("glance", self.ports), "cafile": str(self.layout.authority)},
            "placement": self.client("placement"),
            "neutron": self.client("neutron"),
            "cinder": self.client("cinder"),
            "service_user": {"send_service_user_token": "true", **self.client("nova")},
            "vif_plug_ovs": {},
            "wsgi": {"api_paste_config": str(self.installed / "nova" / "api-paste.ini")},
            "keystone_authtoken": self.tokens("nova"),
        }

    def neutron(self) -> Sections:
        return {
            "DEFAULT": {
                "transport_url": "fake://",
                "core_plugin": "ml2",
                "service_plugins": "router,segments,qos,port_forwarding,revisions,timestamp,tag,"
                "network_ip_availability,auto_allocate",
                "state_path": self.work("neutron"),
                "api_paste_config": str(self.installed / "neutron" / "api-paste.ini"),
                "notify_nova_on_port_status_changes": "true",
                "dhcp_agent_notification": "false",
            },
            "database": self.database("neutron"),
            "oslo_concurrency": {"lock_path": self.work("neutron", "locks")},
            "nova": self.client("nova"),
            "ml2": {
                "type_drivers": "local,flat,vlan,vxlan,geneve",
                "tenant_network_types": "vxlan",
                "mechanism_drivers": "onshore_wires",
                "extension_drivers": "port_security,qos,dns",
            },
            "ml2_type_vxlan": {"vni_ranges": "1:5000"},
            "ml2_type_flat": {"flat_networks": "*"},
            "securitygroup": {"enable_security_group": "true"},
            "keystone_authtoken": self.tokens("neutron"),
        }

    def cinder(self, zones: Sequence[str]) -> Sections:
        # every zone has both kinds of disks; which one a volume lands on is its type's affair
        disks = {
            f"zone-{number}": {
                "volume_driver": "disks.SandboxDisks",
                "volume_backend_name": f"zone-{number}",
                "backend_availability_zone": zone,
            }
            for number, zone in enumerate(zones, 1)
        }
        return {
            "DEFAULT": {
                "transport_url": "fake://",
                "auth_strategy": "keystone",
                "host": "control",
                "state_path": self.work("cinder"),
                "enabled_backends": ",".join(disks),
                "default_availability_zone": zones[0] if zones else "nova",
                "storage_availability_zone": zones[0] if zones else "nova",
                "scheduler_driver_init_wait_time": "1",
                # of several services in a process, only the last one that began reports
                "service_down_time": _NEVER,
                "report_interval": "60",
                "api_paste_config": str(self.installed / "cinder" / "api-paste.ini"),
                "resource_query_filters_file": str(self.installed / "cinder" / "resource_filters.json"),
                "glance_api_servers": base_url("glance", self.ports),
                "glance_ca_certificates_file": str(self.layout.authority),
            },
            **disks,
            "database": self.database("cinder"),
            "coordination": {"backend_url": f"file://{self.work('cinder', 'coordination')}"},
            "oslo_concurrency": {"lock_path": self.work("cinder", "locks")},
            "key_manager": {
                "backend": "cinder.keymgr.conf_key_mgr.ConfKeyManager",
                "fixed_key": self.secrets["volume_key"],
            },
            "nova": self.client("nova"),
            "service_user": {"send_service_user_token": "true", **self.client("cinder")},
            "keystone_authtoken": self.tokens("cinder"),
        }

    def swift_proxy(self) -> Sections:
        pipeline = (
            "catch_errors gatekeeper healthcheck proxy-logging authtoken s3api s3token keystoneauth bulk tempurl "
            "copy slo dlo versioned_writes symlink proxy-logging proxy-server"
        )
        filters = {
            name: {"use": f"egg:swift#{egg}"}
            for name, egg in {
                "catch_errors": "catch_errors",
                "gatekeeper": "gatekeeper",
                "healthcheck": "healthcheck",
                "proxy-logging": "proxy_logging",
                "bulk": "bulk",
                "copy": "copy",
                "symlink": "symlink",
                "tempurl": "tempurl",
                "slo": "slo",
                "dlo": "dlo",
            }.items()
        }
        filters["versioned_writes"] = {
            "use": "egg:swift#versioned_writes",
            "allow_versioned_writes": "true",
            "allow_object_versioning": "true",
        }
        filters["authtoken"] = {
            "paste.filter_factory": "keystonemiddleware.auth_token:filter_factory",
            "delay_auth_decision": "true",
            **self.tokens("swift"),
        }
        filters["s3api"] = {"use": "egg:swift#s3api", "location": self.region_name, "s3_acl": "false"}
        filters["s3token"] = {
            "use": "egg:swift#s3token",
            "auth_uri": auth_url(self.ports),
            "certfile": str(self.layout.authority),
            **self.login("swift"),
        }
        filters["keystoneauth"] = {"use": "egg:swift#keystoneauth", "operator_roles": "admin, member"}
        return {
            "DEFAULT": {
                **self._swift_common(),
                "bind_port": str(self.ports[OBJECTS]),
                "cert_file": str(self.layout.pki / "server.crt"),
                "key_file": str(self.layout.pki / "server.key"),
            },
            "pipeline:main": {"pipeline": pipeline},
            "app:proxy-server": {
                "use": "egg:swift#proxy",
                "account_autocreate": "true",
                "allow_account_management": "false",
            },
            **{f"filter:{name}": options for name, options in filters.items()},
        }

    def swift_storage(self, kind: str) -> Sections:
        return {
            "DEFAULT": {
                **self._swift_common(),
                "bind_port": str(self.ports[f"swift-{kind}"]),
                "devices": self.work("swift", "devices"),
                "mount_check": "false",
                "fallocate_reserve": "0",
            },
            "pipeline:main": {"pipeline": f"{kind}-server"},
            f"app:{kind}-server": {"use": f"egg:swift#{kind}"},
        }

    def _swift_common(self) -> dict[str, str]:
        return {
            "bind_ip": "127.0.0.1",
            "swift_dir": str(self.layout.settings),
            "workers": "0",
            "log_address": "/dev/null",
            "log_level": "WARNING",
        }


def _ini(sections: Sections) -> str:
    def section(name: str, options: Mapping[str, str]) -> str:
        return "".join((f"[{name}]\n", *(f"{option} = {value}\n" for option, value in options.items())))

    return "\n".join(section(name, options) for name, options in sections.items())
