"""Digests of tables, computed by the server itself: which order rows lie in makes no difference, nothing else may.

A row's text is that of ROW(columns), in which NULL and the empty string differ and every value has its canonical form
(see `Server.connect`). Of its sha256, two 64-bit numbers are summed over all rows, without overflow: sums do not know
an order, and count doubled rows (XOR would lose them in pairs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from migration.postgres.relations import Relation

_BLOCK: Final = 8192
_CHUNK_BLOCKS: Final = 16_384
_RANGE_SCANS_SINCE: Final = 140_000
_SUMS: Final[LiteralString] = (
    "count(*), coalesce(sum(('x' || substr(d, 1, 16))::bit(64)::bigint), 0)::text,"
    " coalesce(sum(('x' || substr(d, 17, 16))::bit(64)::bigint), 0)::text"
)


@dataclass(frozen=True, slots=True)
class TableDigest:
    """How many rows, and two sums over their sha256; digests of parts of a table add up."""

    rows: int = 0
    first: int = 0
    second: int = 0

    def __add__(self, other: TableDigest) -> TableDigest:
        return TableDigest(self.rows + other.rows, self.first + other.first, self.second + other.second)

    def __str__(self) -> str:
        return f"{self.first % 2**96:024x}{self.second % 2**96:024x}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a table: blocks from `start` to before `end`; None: to its end."""

    relation: Relation
    start: int = 0
    end: int | None = None


def chunks(relation: Relation, session: psycopg.Connection) -> Iterator[Chunk]:
    """A table in parts of 128 MiB, so that one large table, too, keeps all connections busy."""
    blocks = relation.heap_bytes // _BLOCK
    if session.info.server_version < _RANGE_SCANS_SINCE or blocks <= _CHUNK_BLOCKS:
        yield Chunk(relation)
        return
    starts = list(range(0, blocks, _CHUNK_BLOCKS))
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        yield Chunk(relation, start, end)


def digest(session: psycopg.Connection, chunk: Chunk, columns: Sequence[str]) -> TableDigest:
    """The digest of a part of a table; its columns are taken by name, for a dump may bring them in another order."""
    limits = [sql.SQL("ctid >= {}::tid").format(f"({chunk.start},0)")] if chunk.start else []
    limits += [sql.SQL("ctid < {}::tid").format(f"({chunk.end},0)")] if chunk.end is not None else []
    where = sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(limits)) if limits else sql.SQL("")
    query = sql.SQL("SELECT {} FROM (SELECT {} AS d FROM {}{} OFFSET 0) r").format(
        sql.SQL(_SUMS), row_digest(sorted(columns)), chunk.relation.from_only, where
    )
    return _table_digest(session.execute(query).fetchone())


def fresh_digest(session: psycopg.Connection, view: Relation, columns: Sequence[str]) -> TableDigest:
    """The digest that a materialised view would have if it were refreshed now."""
    name = sql.Literal(sql.Identifier(view.schema, view.name).as_string(session))
    (definition,) = session.execute(sql.SQL("SELECT pg_get_viewdef({}::regclass)").format(name)).fetchone() or ("",)
    inner = sql.SQL(definition.rstrip().rstrip(";"))
    query = sql.SQL("SELECT {} FROM (SELECT {} AS d FROM ({}) v OFFSET 0) r")
    return _table_digest(session.execute(query.format(sql.SQL(_SUMS), row_digest(sorted(columns)), inner)).fetchone())


def bucket_digests(
    session: psycopg.Connection, relation: Relation, columns: Sequence[str], key: Sequence[str]
) -> dict[int, TableDigest]:
    """Digests of 4,096 parts of a table, by the digest of the key; without a key by that of the whole row."""
    query = sql.SQL("SELECT b, {} FROM (SELECT {} AS d, {} AS b FROM {} OFFSET 0) r GROUP BY b").format(
        sql.SQL(_SUMS), row_digest(columns), bucket(key or columns), relation.from_only
    )
    return {row[0]: _table_digest(row[1:]) for row in session.execute(query).fetchall()}


def bucket(columns: Sequence[str]) -> sql.Composed:
    """An expression for the bucket of a row, 0 to 4095."""
    value = sql.SQL("sha256(textsend({}))").format(row_text(columns))
    return sql.SQL("(get_byte({v}, 0) * 16 + get_byte({v}, 1) / 16)").format(v=value)


def row_digest(columns: Sequence[str]) -> sql.Composed:
    """An expression for the sha256 of a row, in hexadecimal."""
    return sql.SQL("encode(sha256(textsend({})), 'hex')").format(row_text(columns))


def row_text(columns: Sequence[str]) -> sql.Composed:
    """An expression for the text of a row: NULL and the empty string differ in it."""
    return sql.SQL("ROW({})::text").format(sql.SQL(", ").join(sql.Identifier(name) for name in columns))


def _table_digest(row: Any) -> TableDigest:
    return TableDigest(row[0], int(row[1]), int(row[2]))
