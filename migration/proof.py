"""What a step may rely on: an asset's evidence, and whether either side still holds what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventories.faults import Fault, OnshoreError
from migration.evidence import digest_of, mirrored, read_evidence
from migration.files.parity import tree_written_since
from migration.postgres.parity import written_since
from migration.replicating import postgres_of

if TYPE_CHECKING:
    from migration.discovery import Asset
    from migration.evidence import Parity
    from migration.standing import Standing
    from migration.steps import Move, Site


def evidence_of(move: Move, asset: Asset, now: Standing) -> Parity:
    """The evidence that the ledger names; raises OnshoreError when it is gone, altered or of another asset."""
    named, parity = read_evidence(move.evidence, now.evidence)
    if named != asset.id:
        raise refused(asset, f"the ledger names evidence of {named}", "verify it again")
    return parity


def written(move: Move, asset: Asset, site: Site, parity: Parity) -> tuple[str, ...]:
    """What was written at a source since its evidence was taken, one line each."""
    if asset.kind == "database":
        return written_since(postgres_of(site), asset.name, parity, jobs=move.jobs)
    return tree_written_since(site.reach, site.tree(asset), parity)


def altered(move: Move, asset: Asset, target: Site, parity: Parity) -> tuple[str, ...]:
    """What the target does not hold as the evidence says, one line each; all of it is read anew."""
    held = mirrored(parity)
    if asset.kind != "database":
        return tree_written_since(target.reach, target.tree(asset), held)
    server = postgres_of(target)
    if not server.has(asset.name):
        return (f"database {asset.name} is there no more",)
    return written_since(server, asset.name, held, jobs=move.jobs, anew=True)


def held_at_target(parity: Parity) -> str:
    """The digest of all that evidence says of the target: what a cutover found there."""
    return digest_of({part.name: part.target for part in parity.parts})


def refused(asset: Asset, why: str, fix: str) -> OnshoreError:
    """The refusal of a step, of which nothing was done."""
    return OnshoreError(f"{asset.id} stays as it is", [Fault(asset.id, why, fix=fix)], refused=True)


def outdated(asset: Asset, late: tuple[str, ...], lost: tuple[str, ...]) -> OnshoreError:
    """The refusal of a cutover whose evidence holds no more: `late` came to the source, `lost` is not at the target."""
    sides = (
        ("written at the source after the evidence was taken", late, "run and verify it again"),
        ("altered at the target after the evidence was taken", lost, "verify it again: all that differs is named then"),
    )
    faults = [Fault(asset.id, what, line, fix=fix) for what, lines, fix in sides for line in lines[:20]]
    did = " and ".join(["it was written to"] * bool(late) + ["its target was altered"] * bool(lost))
    return _open(asset, f"{did}; {'run and verify' if late else 'verify'} it again", faults)


def differs(asset: Asset, parity: Parity) -> OnshoreError:
    """The refusal of a cutover that found differences with its source closed."""
    faults = [Fault(asset.id, "differs, with its source closed", str(each)) for each in parity.differences[:20]]
    return _open(asset, "both sides differ; run and verify it again", faults)


def _open(asset: Asset, why: str, faults: list[Fault]) -> OnshoreError:
    return OnshoreError(f"{asset.id} is not cut over, and its source is open: {why}", faults, refused=True)
