"""Definitions and rights, as `pg_dump --schema-only` writes them: one block an object, compared by name."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Final

from inventories.faults import Fault, OnshoreError
from migration.evidence import Difference
from migration.postgres.server import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migration.postgres.server import Server

# What replication makes on either side as long as it lasts; see `replication.PREFIX`.
_OWN: Final = re.compile(r"^(PUBLICATION|PUBLICATION TABLE|SUBSCRIPTION) (\S+\.)?onshore_move_[0-9a-f]{16}( |$)")
_HEAD: Final = re.compile(r"^-- (?:Data for )?Name: (.*); Type: ([A-Z ]+); Schema: (.*); Owner: (.*)$")
# What depends on the run or the file, and on nothing that was moved. A connection limit is how a source is closed.
_PASSING: Final = re.compile(
    r"^(--|\\(un)?restrict |\\connect |SET |SELECT pg_catalog\.set_config\(|$"
    r"|ALTER DATABASE .* CONNECTION LIMIT = -?\d+;$)"
)


def definitions(server: Server, database: str, snapshot: str | None = None) -> dict[str, str]:
    """The definition of every object, its owner and the rights on it, by `TYPE schema.name`."""
    argv = [program("pg_dump"), "--schema-only", "--create", "--no-tablespaces", f"--dbname={server.dsn(database)}"]
    argv += [f"--snapshot={snapshot}"] if snapshot else []
    done = subprocess.run(argv, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        fault = Fault(f"{server.name}, database {database}", "pg_dump failed", said[0] if said else "")
        raise OnshoreError("the definitions of a database cannot be read", [fault])
    return split_definitions(done.stdout.decode("utf-8", "surrogateescape"))


def split_definitions(text: str) -> dict[str, str]:
    """The blocks of a plain dump; rights are sorted within theirs, for their order says nothing."""
    blocks: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head:
            name, kind, schema, owner = head.groups()
            label = f"{kind} {name}" if schema == "-" else f"{kind} {schema}.{name}"
            current = blocks.setdefault(label, [])
            current.append(f"owner: {owner}")
        elif not _PASSING.match(line):
            current.append(line)
    return {
        label: "\n".join(sorted(lines) if label.startswith(("ACL ", "DEFAULT ACL ")) else lines)
        for label, lines in blocks.items()
        # a block that speaks of the connection limit alone is there only while a source is closed
        if (len(lines) > 1 or not label.startswith("DATABASE PROPERTIES ")) and not _OWN.match(label)
    }


def definition_differences(source: Mapping[str, str], target: Mapping[str, str]) -> Iterator[Difference]:
    """Every object that only one side has, or that is defined another way; the first line that differs is shown."""
    for label in sorted(source.keys() | target.keys()):
        ours, theirs = source.get(label), target.get(label)
        if ours == theirs:
            continue
        kind = "grant" if label.startswith(("ACL ", "DEFAULT ACL ")) else "schema"
        if theirs is None:
            yield Difference(kind, label, "missing at the target", "there", "missing")
        elif ours is None:
            yield Difference(kind, label, "at the target, but not at the source", "missing", "there")
        else:
            left, right = ours.splitlines(), theirs.splitlines()
            one = next((line for line in left if line not in right), "another order of lines")
            other = next((line for line in right if line not in left), "another order of lines")
            yield Difference(kind, label, "defined another way", one.strip(), other.strip())
