"""The sandbox cluster that all tests of a worker share, kept between runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from tests.places import WORKER_HOME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox import ClusterInfo

HOME = WORKER_HOME / "sandbox"


@contextlib.contextmanager
def shared_cluster(progress: Callable[[str], None]) -> Iterator[ClusterInfo]:
    """The sandbox cluster `tests`, running; its last user stops it unless ONSHORE_KEEP_CLUSTER is set."""
    from sandbox import cluster_down, cluster_up

    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / ".users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield cluster_up("tests", home=HOME, progress=progress)
        finally:
            # Another test run may use it at the same time: the last one stops it.
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.environ.get("ONSHORE_KEEP_CLUSTER"):
                    cluster_down("tests", home=HOME)
