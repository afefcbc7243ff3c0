"""`serve.py PROJECT SETTINGS CERTIFICATES PORT`: the whole of one OpenStack project in one process, behind TLS.

It runs in the services' own environment. What a project needs beside its API (conductor, scheduler, hypervisors, disks)
are threads of the same process, so their messages need no broker.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any, Final

_THREADS: Final = 8
_API: Final = {
    "keystone": "keystone.wsgi.api",
    "glance": "glance.wsgi.api",
    "placement": "placement.wsgi.api",
    "nova": "nova.wsgi.osapi_compute",
    "neutron": "neutron.wsgi.api",
    "cinder": "cinder.wsgi.api",
}
# Each loads its rules with the first request that asks for them; a second one meanwhile would find none, and be denied.
_POLICIES: Final = {"neutron": ("neutron_lib.policy._engine", "neutron.policy"), "cinder": ("cinder.policy",)}


def main(project: str, settings: Path, certificates: Path, port: int) -> None:
    """Serve until somebody ends the process."""
    # what these libraries call themselves by default are files of other places
    os.environ["REQUESTS_CA_BUNDLE"] = str(certificates / "ca.crt")
    _prepare(project, settings)
    application = importlib.import_module(_API[project]).application
    for module in _POLICIES.get(project, ()):
        importlib.import_module(module).init()
    beside = {"nova": _begin_nova, "cinder": _begin_cinder}.get(project)
    kept = beside() if beside else []
    _serve(application, certificates, port)
    del kept


def _prepare(project: str, settings: Path) -> None:
    """Tell the project where its settings are, each in the way it asks for, before any of it is imported."""
    given: list[str] = []
    os.environ[f"OS_{project.upper()}_CONFIG_DIR"] = str(settings)
    if project in ("keystone", "cinder"):
        given = ["--config-file", str(settings / f"{project}.conf")]
    if project == "neutron":
        os.environ["OS_NEUTRON_CONFIG_FILES"] = "neutron.conf"
    sys.argv = [f"{project}-api", *given]
    if project == "nova":
        os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "1"
        importlib.import_module("nova.monkey_patch").patch(backend="threading")
    if project == "cinder":
        os.environ["OS_CINDER_DISABLE_EVENTLET_PATCHING"] = "1"
        importlib.import_module("cinder.monkey_patch").patch()


def _begin_nova() -> list[Any]:
    """The conductor, the scheduler, and one hypervisor host for each zone."""
    import nova.conf
    import nova.virt
    import os_brick
    import os_vif
    from nova import context, service
    from nova.compute import rpcapi as compute
    from nova.conductor import rpcapi as conductor
    from nova.objects import host_mapping
    from nova.scheduler import rpcapi as scheduler

    os_brick.setup(nova.conf.CONF)
    os_vif.initialize()
    # nova takes drivers from its own package only
    nova.virt.__path__.append(str(Path(__file__).parent))
    hypervisor = {"binary": "nova-compute", "topic": compute.RPC_TOPIC, "topic_alt": compute.RPC_TOPIC_ALT}
    hosts = [f"compute-{number}" for number in range(1, int(os.environ["ONSHORE_REGION_ZONES"]) + 1)]
    wanted = [
        {"binary": "nova-conductor", "topic": conductor.RPC_TOPIC},
        {"binary": "nova-scheduler", "topic": scheduler.RPC_TOPIC},
        *({**hypervisor, "host": host} for host in hosts),
    ]
    begun = []
    for arguments in wanted:
        each = service.Service.create(**arguments)
        each.start()
        begun.append(each)
    # else the scheduler would find new hosts only with its next period
    host_mapping.discover_hosts(context.get_admin_context())
    return begun


def _begin_cinder() -> list[Any]:
    """The scheduler, and one keeper of volumes for each zone."""
    import os_brick
    from cinder import service
    from cinder.common import constants
    from oslo_config import cfg

    os_brick.setup(cfg.CONF)
    begun = [service.Service.create(binary="cinder-scheduler")]
    begun[0].start()
    for backend in cfg.CONF.enabled_backends:
        cfg.CONF.register_opt(cfg.StrOpt("backend_host"), group=backend)
        keeper = service.Service.create(
            host=f"{cfg.CONF.host}@{backend}",
            service_name=backend,
            binary=constants.VOLUME_BINARY,
            coordination=True,
        )
        keeper.start()
        begun.append(keeper)
    return begun


def _serve(application: Any, certificates: Path, port: int) -> None:
    from cheroot.ssl.builtin import BuiltinSSLAdapter
    from cheroot.wsgi import Server

    server = Server(("127.0.0.1", port), application, numthreads=_THREADS, request_queue_size=128, timeout=60)
    server.ssl_adapter = BuiltinSSLAdapter(str(certificates / "server.crt"), str(certificates / "server.key"))
    server.start()


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    except BaseException:  # noqa: BLE001 - the one border of the process
        traceback.print_exc()
        # threads that were begun would keep half a service alive
        os._exit(1)
