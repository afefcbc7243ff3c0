"""`onshore receipt show|verify FILE`, and the receipt that an `up` is held to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FAILED
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.operations import Wish
    from engine.options import Engine
    from gate.coverage import Pack
    from gate.envelope import Opened
    from gate.plan import Operation
    from gate.receipt import Materials, Receipt
    from inventories import Fault

_FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.group()
def receipt() -> None:
    """What a gate's receipt says, and whether it still holds."""


@receipt.command()
@_FILE
@json_option
def show(file: Path, *, as_json: bool) -> None:
    """Print what FILE says; believe it only after `verify`."""
    from gate import envelope, report  # noqa: PLC0415 - brings in pydantic and the signing library

    opened = envelope.look_into(envelope.read(file))
    if as_json:
        document = opened.receipt.model_dump(mode="json", by_alias=True)
        click.echo(json.dumps({"keyId": opened.key_id, **document}, indent=2))
    else:
        click.echo(report.told(opened))


@receipt.command()
@_FILE
@project_option
@json_option
@click.option(
    "--engine",
    "choice",
    type=click.Choice(["auto", "embedded", "pulumi"]),
    default="auto",
    envvar="ONSHORE_ENGINE",
    show_default=True,
    help="The engine that would run.",
)
def verify(cwd: Path, file: Path, *, choice: str, as_json: bool) -> int:
    """Check FILE's signature and age, and name what differs now; the plan itself is compared by `up`."""
    from cli.operations import Wish, choose_engine, opened  # noqa: PLC0415 - it imports this module
    from gate import envelope  # noqa: PLC0415 - as above

    text = envelope.read(file)
    stack = envelope.look_into(text).receipt.stack
    wish = Wish(stack, choice=choice, receipt=file)
    project = opened(cwd, wish)
    found = _accepted(project, choose_engine(project, wish), stack, text)
    if as_json:
        until = found.receipt.expires_at.isoformat()
        click.echo(json.dumps({"stack": stack, "keyId": found.key_id, "expiresAt": until, "result": "holds"}, indent=2))
    else:
        click.echo(f"the receipt holds: {found.receipt.name}, signed by {found.key_id[:12]}")
    return DONE


@dataclass
class Held:
    """An `up` that is held to a receipt: nothing is made unless everything is as it was gated."""

    project: Project
    engine: Engine
    stack: str
    text: str
    receipt: Receipt
    plan: tuple[Operation, ...] = field(default=())

    def check_preview(self, events: Sequence[dict[str, Any]]) -> None:
        """Judge the preview as the gate does, and compare its plan; raises OnshoreError (`refused`)."""
        from gate.coverage import judged  # noqa: PLC0415 - as above
        from gate.plan import operations, plan_faults, planned  # noqa: PLC0415 - as above

        judged(events, expected_pack())
        self.plan = operations(events)
        _refuse(plan_faults(self.receipt.operations, planned(self.plan)))

    def check_still(self) -> None:
        """Compare everything once more, right before the first resource; raises OnshoreError (`refused`)."""
        _accepted(self.project, self.engine, self.stack, self.text)

    def check_deeds(self, events: Sequence[dict[str, Any]], code: int) -> int:
        """The exit code, FAILED when something else was done than previewed, or by other files; says what."""
        from gate.plan import deed_faults, operations  # noqa: PLC0415 - as above

        faults = deed_faults(self.plan, operations(events), whole=code == DONE) + self._changed_meanwhile()
        if faults:
            click.echo("error: what was done is not what was previewed and gated", err=True)
            click.echo("".join(f"  {fault}\n" for fault in faults), err=True, nl=False)
        return (code or FAILED) if faults else code

    def _changed_meanwhile(self) -> list[Fault]:
        """What a run read, the state apart, that is not what was gated: it may have been judged by something else."""
        from gate.comparison import material_faults  # noqa: PLC0415 - as above
        from inventories import OnshoreError  # noqa: PLC0415

        gated = {group: parts for group, parts in self.receipt.materials.items() if group != "state"}
        try:
            return material_faults(gated, _read(self.project, self.engine, self.stack))
        except OnshoreError as error:
            return list(error.faults)


def hold_receipt(project: Project, engine: Engine, wish: Wish) -> Held | None:
    """The receipt of an `up`, None where none is given or needed; raises OnshoreError (`refused`) if it is not met."""
    if wish.receipt is None:
        if project.settings.load_profile().require_receipt:
            raise _missing(wish.stack)
        return None
    if wish.targets or wish.refresh_first:
        raise click.UsageError("a receipt is for the whole stack as it is recorded: no --target and no --refresh")
    from gate import envelope  # noqa: PLC0415 - as above

    text = envelope.read(wish.receipt, wish.stack)
    found = _accepted(project, engine, wish.stack, text)
    return Held(project, engine, wish.stack, text, found.receipt)


def expected_pack() -> Pack:
    """The pack that must have judged: its version, and each rule it has on single resources."""
    from gate.coverage import Pack  # noqa: PLC0415 - as above
    from inventories import load_rules  # noqa: PLC0415
    from policies.dispatcher import load_checks  # noqa: PLC0415
    from policies.pack import PACK_NAME, PACK_VERSION  # noqa: PLC0415

    checks = load_checks(load_rules())
    return Pack(PACK_NAME, PACK_VERSION, frozenset(check.rule.id for check in checks if check.judge))


def materials(project: Project, engine: Engine, stack: str) -> Materials:
    """Everything that a run of a stack is made of here and now."""
    from gate.materials import state_materials  # noqa: PLC0415 - as above

    return {**_read(project, engine, stack), "state": state_materials(_deployment(engine, stack))}


def _read(project: Project, engine: Engine, stack: str) -> Materials:
    """The files that a run reads, and what runs."""
    from gate.claims import commit  # noqa: PLC0415 - as above
    from gate.materials import collect, engine_materials  # noqa: PLC0415

    found = collect(project.sources(stack))
    return {
        **found,
        "program": {**commit(project.root), **found["program"]},
        "engine": {**engine_materials(*engine.identity), **found["engine"]},
    }


def _deployment(engine: Engine, stack: str) -> dict[str, Any]:
    from engine.errors import EngineError  # noqa: PLC0415

    try:
        deployment: dict[str, Any] = engine.export_state(stack).get("deployment") or {}
    except EngineError as error:
        if "no stack named" not in error.what:
            raise
        return {}
    return deployment


def _accepted(project: Project, engine: Engine, stack: str, text: str) -> Opened:
    """The receipt, if a trusted key signed it for this stack and all it names is as it was; raises OnshoreError."""
    from engine.config import load_project  # noqa: PLC0415
    from gate.comparison import material_faults, place_faults  # noqa: PLC0415 - as above
    from gate.envelope import verify as believe  # noqa: PLC0415
    from gate.keys import public_keys  # noqa: PLC0415
    from gate.receipt import age_faults  # noqa: PLC0415

    settings = project.settings
    opened = believe(text, public_keys(settings.trusted_keys), stack)
    misplaced = place_faults(opened.receipt, load_project(project.root).name, stack)
    hours = settings.receipt_hours
    faults = misplaced + age_faults(opened.receipt, datetime.now(UTC), longest_hours=hours, stack=stack)
    if not misplaced:  # of another stack everything differs
        faults += material_faults(opened.receipt.materials, materials(project, engine, stack))
    _refuse(faults)
    return opened


def _refuse(faults: Sequence[Fault]) -> None:
    from inventories import OnshoreError  # noqa: PLC0415

    if faults:
        raise OnshoreError("this is not what was gated; nothing was changed", faults, refused=True)


def _missing(stack: str) -> Exception:
    from inventories import Fault, OnshoreError  # noqa: PLC0415

    fix = f"onshore gate {stack} --key FILE, then: onshore up {stack} --receipt .onshore/receipts/{stack}.json"
    fault = Fault("--receipt", "not given", why="the profile says require_receipt: true", fix=fix)
    return OnshoreError("nothing goes up here without a receipt of the gate", [fault], refused=True)
