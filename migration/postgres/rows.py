"""Which rows of a table differ: named by key, or by digest and count where rows have none. Values are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from migration.evidence import Difference
from migration.postgres.digests import bucket, bucket_digests, row_digest, row_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psycopg

    from migration.postgres.relations import Relation

MOST_NAMED: Final = 100
_MOST_READ: Final = 20_000


def row_differences(
    source: psycopg.Connection, target: psycopg.Connection, relation: Relation, columns: Sequence[str]
) -> Iterator[Difference]:
    """The rows that differ, at most `MOST_NAMED` of them and then a line that says there are more.

    Only parts of the table whose digests differ are read, so that a few rows among millions are found quickly.
    """
    key = relation.key
    sides = [bucket_digests(session, relation, columns, key) for session in (source, target)]
    differing = sorted(number for number in sides[0].keys() | sides[1].keys() if _differs(sides, number))
    taken, size = [], 0
    for number in differing:
        taken.append(number)
        size += max(side[number].rows for side in sides if number in side)
        if size > _MOST_READ:
            break
    read = _keyed if key else _counted
    left, right = (read(session, relation, columns, taken) for session in (source, target))
    named = 0
    for name in sorted(left.keys() | right.keys(), key=str):
        ours, theirs = left.get(name), right.get(name)
        if ours == theirs:
            continue
        named += 1
        if named > MOST_NAMED:
            break
        yield _difference(source, target, relation, columns, name, ours, theirs)
    if named > MOST_NAMED or len(differing) > len(taken):
        parts = f"{len(differing)} of 4096 parts of the table differ"
        yield Difference("row", relation.label, f"more rows differ than the {MOST_NAMED} that are named", parts)


def _differs(sides: Sequence[Mapping[int, Any]], number: int) -> bool:
    return sides[0].get(number) != sides[1].get(number)


def _keyed(
    session: psycopg.Connection, relation: Relation, columns: Sequence[str], buckets: Sequence[int]
) -> dict[Any, Any]:
    """Row digests by the values of the key."""
    keys = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in relation.key)
    query = sql.SQL("SELECT ARRAY[{}], {} FROM {} WHERE {} = ANY(%s)").format(
        keys, row_digest(columns), relation.from_only, bucket(relation.key)
    )
    return {tuple(key): found for key, found in session.execute(query, [list(buckets)])}


def _counted(
    session: psycopg.Connection, relation: Relation, columns: Sequence[str], buckets: Sequence[int]
) -> dict[Any, Any]:
    """How often each row digest occurs."""
    query = sql.SQL("SELECT {d}, count(*) FROM {t} WHERE {b} = ANY(%s) GROUP BY 1").format(
        d=row_digest(columns), t=relation.from_only, b=bucket(columns)
    )
    return dict(session.execute(query, [list(buckets)]).fetchall())


def _difference(
    source: psycopg.Connection,
    target: psycopg.Connection,
    relation: Relation,
    columns: Sequence[str],
    name: Any,
    ours: Any,
    theirs: Any,
) -> Difference:
    if not relation.key:
        where = f"{relation.label} row sha256 {name[:16]}"
        counts = f"{ours or 0} times", f"{theirs or 0} times"
        return Difference("row", where, "a row without key occurs another number of times", *counts)
    where = f"{relation.label} {', '.join(f'{part}={value}' for part, value in zip(relation.key, name, strict=True))}"
    if theirs is None:
        return Difference("row", where, "a row is missing at the target", "there", "missing")
    if ours is None:
        return Difference("row", where, "a row at the target is not at the source", "missing", "there")
    sides = [_columns(session, relation, columns, name) for session in (source, target)]
    changed = [column for column, one, other in zip(columns, *sides, strict=True) if one != other]
    return Difference(
        "row", where, f"a row differs in {', '.join(changed)}", f"sha256 {ours[:16]}", f"sha256 {theirs[:16]}"
    )


def _columns(session: psycopg.Connection, relation: Relation, columns: Sequence[str], key: Sequence[str]) -> list[str]:
    """The digest of each value of one row."""
    each = sql.SQL(", ").join(sql.SQL("md5({})").format(row_text([name])) for name in columns)
    match = sql.SQL(" AND ").join(sql.SQL("{}::text = %s").format(sql.Identifier(name)) for name in relation.key)
    query = sql.SQL("SELECT {} FROM {} WHERE {}").format(each, relation.from_only, match)
    return list(session.execute(query, list(key)).fetchone() or [])
