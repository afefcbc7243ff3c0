"""What a database holds, read from its catalogue: tables and their keys, sequences, large objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

# Leaves of partitioned tables are tables of their own; parents hold no rows.
_RELATIONS: Final = """
SELECT n.nspname, c.relname, c.relkind::text, c.relispopulated, pg_relation_size(c.oid), pg_table_size(c.oid),
  ARRAY(SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
  (SELECT ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                WHERE k.n <= i.indnkeyatts ORDER BY k.n)
   FROM pg_index i
   WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
     AND i.indpred IS NULL AND i.indexprs IS NULL
     AND (i.indisprimary OR NOT EXISTS (
       SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
       WHERE k.n <= i.indnkeyatts AND NOT a.attnotnull))
   ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2"""

_SEQUENCES: Final = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema' ORDER BY 1, 2"""

_FOREIGN: Final = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'f' AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema' ORDER BY 1, 2"""

# By pages of 1 MiB, so that none is too large for one value; a page's number is part of what is digested.
_LARGE_OBJECTS: Final = """
SELECT m.oid::bigint, pg_get_userbyid(m.lomowner)::text, coalesce(m.lomacl::text, ''), s.size,
  (SELECT encode(sha256(coalesce(string_agg(sha256(lo_get(m.oid, p * 1048576, 1048576)), ''::bytea ORDER BY p),
                                 ''::bytea)), 'hex')
   FROM generate_series(0, (s.size - 1) / 1048576) p)
FROM pg_largeobject_metadata m,
  LATERAL (SELECT coalesce(max(l.pageno::bigint * 2048 + octet_length(l.data)), 0) AS size
           FROM pg_largeobject l WHERE l.loid = m.oid) s
ORDER BY 1"""

# What an index must be to tell rows apart is PostgreSQL's own rule for replica identities.
_PUBLISHED: Final = """
SELECT n.nspname, c.relname,
  c.relpersistence = 'p' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated = ''),
  CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false
    ELSE EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
                 AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END) END,
  CASE WHEN c.relreplident = 'f' THEN ARRAY(
    SELECT a.attname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND coalesce(nullif(t.typbasetype, 0), nullif(t.typelem, 0), t.oid)::regtype::text
        IN ('json', 'xml', 'jsonpath', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle')
    ORDER BY a.attnum) ELSE '{}' END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2"""


@dataclass(frozen=True, slots=True)
class Published:
    """A table as replication sees it.

    `carried`: its rows can be replicated at all (not those of an unlogged table, or of one without columns).
    `identified`: its rows can be told apart. `incomparable`: columns that keep them from it where there is no key.
    """

    schema: str
    name: str
    carried: bool
    identified: bool
    incomparable: tuple[str, ...]

    @property
    def label(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"

    @property
    def only(self) -> sql.Composed:
        """This table and no child of it."""
        return sql.SQL("ONLY {}").format(sql.Identifier(self.schema, self.name))

    @property
    def pattern(self) -> str:
        """The table as a pattern that pg_dump takes for no other."""
        doubled = [part.replace('"', '""') for part in (self.schema, self.name)]
        return ".".join(f'"{part}"' for part in doubled)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or materialised view; `key`: columns that name a row, none where rows have no key."""

    schema: str
    name: str
    kind: str
    populated: bool
    heap_bytes: int
    size_bytes: int
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"

    @property
    def from_only(self) -> sql.Composed:
        """What stands behind FROM: the rows of this relation and of no child."""
        return sql.SQL("ONLY {}").format(sql.Identifier(self.schema, self.name))


def relations(session: psycopg.Connection) -> dict[str, Relation]:
    """Every table and materialised view that holds rows of its own, by `schema.name`."""
    found = [
        Relation(schema, name, kind, populated, heap, size, tuple(columns), tuple(key or ()))
        for schema, name, kind, populated, heap, size, columns, key in session.execute(_RELATIONS).fetchall()
    ]
    return {relation.label: relation for relation in found}


def published(session: psycopg.Connection) -> tuple[Published, ...]:
    """Every table that holds rows of its own, as replication sees it."""
    rows = session.execute(_PUBLISHED).fetchall()
    return tuple(Published(schema, name, carried, ident, tuple(odd)) for schema, name, carried, ident, odd in rows)


def sequences(session: psycopg.Connection) -> dict[str, str]:
    """Where each sequence stands: `last value, called or not`."""
    found = {}
    for schema, name in session.execute(_SEQUENCES).fetchall():
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
        row: Any = session.execute(query).fetchone()
        found[f"{schema}.{name}"] = f"{row[0]}{'' if row[1] else ', not called yet'}"
    return found


def foreign_tables(session: psycopg.Connection) -> tuple[str, ...]:
    """Tables whose rows lie on another server: their definition moves, their rows do not."""
    return tuple(f"{schema}.{name}" for schema, name in session.execute(_FOREIGN).fetchall())


def large_objects(session: psycopg.Connection) -> dict[str, str]:
    """Owner, rights, size and digest of each large object, by its number."""
    rows = session.execute(_LARGE_OBJECTS).fetchall()
    return {
        f"large object {oid}": f"{size} bytes, sha256 {digest}, owner {owner}, rights {acl or 'default'}"
        for oid, owner, acl, size, digest in rows
    }
