"""Two PostgreSQL servers for a test run: `onprem` is moved from, `incountry` is moved to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.migration.postgres_servers import Cluster, running

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGICAL = "-c wal_level=logical"
_SOON = "-c wal_retrieve_retry_interval=100ms"  # a worker that failed is started again at once


@pytest.fixture(scope="session")
def two_servers() -> Iterator[tuple[Cluster, Cluster]]:
    """Both servers, as long as the run lasts."""
    with running("onprem", 54101, more=_LOGICAL) as source, running("incountry", 54102, more=_SOON) as target:
        yield source, target


@pytest.fixture
def servers(two_servers: tuple[Cluster, Cluster]) -> Iterator[tuple[Cluster, Cluster]]:
    """Both servers, empty again after the test."""
    yield two_servers
    for cluster in two_servers:
        cluster.wipe()
