"""The sandbox region that a worker's tests share, kept between runs; and clients of it that are not ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.places import WORKER_HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import RegionInfo, RegionRole

HOME = WORKER_HOME / "regions"
EXAMPLE = Path(__file__).resolve().parents[1] / "inventories" / "registers" / "example"
IN_COUNTRY, ABROAD = "example-csp-alpha-khi", "example-csp-delta-xa"


def role_of(region_id: str = IN_COUNTRY) -> RegionRole:
    """What a region of the example register offers."""
    from cli.region import offered
    from inventories import load_register

    return offered(load_register(EXAMPLE).region(region_id)[1])


def connect(info: RegionInfo, *, admin: bool = False) -> Any:
    """OpenStack's own client, as who deploys or as the administrator, by the region's clouds.yaml and nothing else."""
    from keystoneauth1.identity.v3 import Password
    from keystoneauth1.session import Session
    from openstack.connection import Connection

    entry = yaml.safe_load(info.clouds.read_text())["clouds"][f"{info.name}-admin" if admin else info.name]
    session = Session(Password(**entry["auth"]), verify=entry["cacert"])
    return Connection(session=session, region_name=entry["region_name"])


@contextlib.contextmanager
def shared_region() -> Iterator[RegionInfo]:
    """The sandbox region `tests`, running; its last user stops it unless ONSHORE_KEEP_REGION is set."""
    from sandbox import region_down, region_up

    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / ".users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield region_up("tests", home=HOME, role=role_of(), progress=lambda _: None)
        finally:
            # Another test run may use it at the same time: the last one stops it.
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.environ.get("ONSHORE_KEEP_REGION"):
                    region_down("tests", home=HOME)
