"""A database's replication as a step of a move: begun, gone on with whenever somebody is here, ended."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from inventories.faults import Fault, OnshoreError
from migration.postgres import replication
from migration.postgres.moving import copy_definitions, copy_rest
from migration.postgres.replication import Link, name_for
from migration.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migration.discovery import Asset
    from migration.postgres.replication import Lag
    from migration.postgres.server import Server
    from migration.steps import Move, Site


def begun(move: Move, asset: Asset, source: Site, target: Site, wave: int) -> None:
    """Begin a replication, or go on with one that was cut off, until the target holds what the source does."""
    try:
        _go_on(move, asset, source, target, wave)
    except replication.TornError:  # a cut may leave the target's server with a table that it cannot go on with
        _go_on(move, asset, source, target, wave, anew=True)


def _go_on(move: Move, asset: Asset, source: Site, target: Site, wave: int, *, anew: bool = False) -> None:
    ours, theirs, name = postgres_of(source), postgres_of(target), name_for(asset.id)
    with _linked(asset, source, target) as (link, _):
        is_begun = not anew and bool(move.standing(asset).slot) and replication.is_begun(link)
        if not is_begun:
            if move.standing(asset).slot:
                replication.end(ours, theirs, asset.name, name)
            copy_definitions(ours, theirs, asset.name)
            move.ledger.append("replication begun", asset=asset.id, wave=wave, details={"slot": name})
            replication.begin(link)
    with caught_up(move, asset, source, target):
        pass


@contextlib.contextmanager
def caught_up(move: Move, asset: Asset, source: Site, target: Site) -> Iterator[None]:
    """The target holds what the source held when this began, and goes on following as long as the context lasts."""
    started = time.monotonic()

    def tell(lag: Lag) -> None:
        move.progress(Rate(asset.id, str(lag), lag.held_bytes, time.monotonic() - started))

    with _linked(asset, source, target) as (link, alive):
        replication.attach(link)
        replication.catch_up(link, alive=alive, progress=tell)
        copy_rest(link.source, link.target, asset.name, limit_bytes_s=move.limit_bytes_s)
        yield


def end_replication(move: Move, asset: Asset, source: Site, target: Site, wave: int) -> None:
    """End it on both sides, and write down that it is; raises OnshoreError when a slot would be left."""
    replication.end(postgres_of(source), postgres_of(target), asset.name, move.standing(asset).slot)
    move.ledger.append("replication ended", asset=asset.id, wave=wave)


def postgres_of(site: Site) -> Server:
    """A machine's PostgreSQL server; raises OnshoreError where none is known."""
    if site.postgres is None:
        fix = "say how it is reached: `postgresql` of this host in reach.yaml"
        fault = Fault(site.reach.name, "no PostgreSQL server is known there", fix=fix)
        raise OnshoreError(f"{site.reach.name} cannot be used", [fault])
    return site.postgres


@contextlib.contextmanager
def _linked(asset: Asset, source: Site, target: Site) -> Iterator[tuple[Link, Callable[[], None]]]:
    """A way from the target's server to the source's, over this machine; and what raises once it is lost."""
    ours, theirs, name = postgres_of(source), postgres_of(target), name_for(asset.id)
    if target.tunnel is None:
        yield Link(ours, theirs, ours, asset.name, name), lambda: None
        return
    socket = f"{ours.parameters['host']}/.s.PGSQL.{ours.parameters['port']}"
    with target.tunnel.lent(socket, name) as (folder, alive):
        publisher = type(ours)(ours.name, {**ours.parameters, "host": folder})
        yield Link(ours, theirs, publisher, asset.name, name), alive
