"""`objects.py SETTINGS`: an OpenStack object store (Swift, with its S3 interface) in one process.

It runs in the services' own environment. Proxy, account, container and object server are green threads of one hub; only
the proxy can be reached with anything but loopback trust, and it speaks TLS.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

_STORAGE: Final = ("account", "container", "object")
_PARTITIONS: Final = 2  # as a power of two: one disk needs no more


def main(settings: Path) -> None:
    """Serve until somebody ends the process."""
    from swift.common import utils

    # a constant of the module, else a file in /etc
    utils.SWIFT_CONF_FILE = str(settings / "swift.conf")
    utils.monkey_patch()

    import eventlet
    from swift.common import wsgi

    _write_rings(settings)
    servers = []
    for kind in (*_STORAGE, "proxy"):
        file = str(settings / f"{kind}-server.conf")
        application = wsgi.loadapp(file, global_conf={"log_name": f"{kind}-server"})
        servers.append(eventlet.spawn(_serve, wsgi.get_socket(wsgi.load_app_config(file)), application))
    for server in servers:
        server.wait()


def _serve(socket: Any, application: Any) -> None:
    """As Swift's own `run_server`, which takes the whole process for one server."""
    import eventlet.wsgi
    from swift.common import constraints
    from swift.common.http_protocol import SwiftHttpProtocol
    from swift.common.utils import NullLogger

    eventlet.wsgi.server(
        socket,
        application,
        NullLogger(),
        protocol=SwiftHttpProtocol,
        socket_timeout=60.0,
        # clients of S3 want "ETag", not "Etag"
        capitalize_response_headers=False,
        url_length_limit=constraints.MAX_REQUEST_LINE,
    )


def _write_rings(settings: Path) -> None:
    """Which storage server has what: one device, at the ports of the settings."""
    from swift.common.ring import RingBuilder
    from swift.common.wsgi import load_app_config

    for kind in _STORAGE:
        conf = load_app_config(str(settings / f"{kind}-server.conf"))
        Path(conf["devices"], "disk").mkdir(parents=True, exist_ok=True)
        builder = RingBuilder(_PARTITIONS, replicas=1, min_part_hours=0)
        builder.add_dev(
            {
                "id": 0,
                "region": 1,
                "zone": 1,
                "ip": "127.0.0.1",
                "port": int(conf["bind_port"]),
                "device": "disk",
                "weight": 1.0,
            }
        )
        builder.rebalance(seed=1)
        builder.get_ring().save(str(settings / f"{kind}.ring.gz"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
