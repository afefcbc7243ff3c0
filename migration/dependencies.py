"""What needs what: declared needs, and connections that were seen; a connection that nobody can explain is a fault."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from inventories.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from migration.discovery import Asset, Connection, Discovery
    from migration.questionnaire import Questionnaire

Needs = dict[str, frozenset[str]]


def needs_of(discovery: Discovery, questionnaire: Questionnaire) -> tuple[Needs, list[Fault]]:
    """The assets that each asset needs, and a fault for each connection with an end that is no asset."""
    needs: dict[str, set[str]] = {asset_id: set() for asset_id in discovery.assets}
    for answer in questionnaire.answers:
        needs.setdefault(answer.asset, set()).update(answer.needs)
    faults = []
    explained = {outside.address for outside in questionnaire.outside}
    for connection in discovery.connections:
        callers, called = _ends(discovery, connection)
        line = (
            f"{connection.from_host} ({connection.process or 'unknown process'}) -> {connection.to}:{connection.port}"
        )
        if not called and connection.to not in explained:
            fix = f"add {connection.to} to `outside` with a reason, or what it is to the discovery record"
            faults.append(Fault(line, "a connection to something that is no asset", fix=fix))
        elif called and not callers:
            what, fix = "a connection of something that is no asset", "add what it is to the discovery record"
            faults.append(Fault(line, what, fix=fix))
        for caller in callers:
            needs[caller.id].update(asset.id for asset in called if asset.id != caller.id)
    return {asset_id: frozenset(found) for asset_id, found in needs.items()}, faults


def waves_of(moving: Iterable[str], needs: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Assets in waves: nothing before what it needs, what needs each other together; each as early as it can."""
    groups: dict[str, frozenset[str]] = {asset: frozenset([asset]) for asset in moving}
    while True:
        graph = {
            group: {groups[need] for member in group for need in needs.get(member, ()) if need in groups} - {group}
            for group in set(groups.values())
        }
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            joined = frozenset(member for group in error.args[1] for member in group)
            groups |= dict.fromkeys(joined, joined)
            continue
        break
    level: dict[frozenset[str], int] = {}
    for group in order:
        level[group] = 1 + max((level[need] for need in graph[group]), default=0)
    count = max(level.values(), default=0)
    return [sorted(a for group, n in level.items() if n == number for a in group) for number in range(1, count + 1)]


def _ends(discovery: Discovery, connection: Connection) -> tuple[list[Asset], list[Asset]]:
    """The assets that may have opened a connection, and those that may answer it."""
    here = [asset for asset in discovery.assets.values() if asset.host == connection.from_host]
    named = [asset for asset in here if asset.kind == "service" and asset.name == connection.process]
    callers = named or [asset for asset in here if asset.kind == "service"] or [a for a in here if a.kind == "job"]
    host = discovery.host(connection.to)
    there = [asset for asset in discovery.assets.values() if host is not None and asset.host == host.id]
    return callers, [asset for asset in there if connection.port in asset.ports]
