"""Whether a database holds anything that somebody made."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from migration.postgres.server import Server

# What a new database brings has numbers below 16384 (FirstNormalObjectId). Namespaces of sessions are nobody's work.
_MADE: Final = """
SELECT EXISTS (SELECT FROM pg_class WHERE oid >= 16384) OR EXISTS (SELECT FROM pg_proc WHERE oid >= 16384)
  OR EXISTS (SELECT FROM pg_type WHERE oid >= 16384) OR EXISTS (SELECT FROM pg_extension WHERE oid >= 16384)
  OR EXISTS (SELECT FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_(toast_)?temp_')
  OR EXISTS (SELECT FROM pg_largeobject_metadata) OR EXISTS (SELECT FROM pg_publication)
  OR EXISTS (SELECT FROM pg_foreign_data_wrapper) OR EXISTS (SELECT FROM pg_event_trigger)
  OR EXISTS (SELECT FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database())
"""


def holds_nothing(server: Server, database: str) -> bool:
    """Whether a database is as it was made: no relation, type, function, schema, extension or large object in it."""
    with contextlib.closing(server.connect(database, autocommit=True)) as session:
        row = session.execute(_MADE).fetchone()
    return row is not None and not row[0]
