"""`onshore gate STACK`: a judged preview and its signed receipt; `onshore gate keygen FILE` makes a key for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import outputs
from cli.errors import DONE
from cli.operations import ENGINE, EVENT_LOG, PARALLEL, Wish, choose_engine, display, opened, operate
from cli.operations import refused_before_start as refused_by_placement
from cli.project import Project, json_option, project_option
from cli.receipt import expected_pack, materials

if TYPE_CHECKING:
    from engine.options import Engine, RunResult
    from gate.receipt import Receipt

_STACK = "STACK"
_WHAT = "receipt"


class _GateGroup(click.Group):
    """`gate STACK` beside `gate keygen`: the first word is a stack unless it names a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if (args and args[0] not in {*self.commands, *ctx.help_option_names}) or args[:1] == [_STACK] != args[:2]:
            args = [_STACK, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_GateGroup, subcommand_metavar="STACK|keygen [OPTIONS]...")
def gate() -> None:
    """Judge a preview of STACK and write the receipt that `up` asks for; `gate STACK --help` names its options."""


@gate.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def keygen(file: Path, *, as_json: bool) -> None:
    """Make an Ed25519 key in FILE, for its owner alone, and FILE.pub for onshore.yaml."""
    from gate.keys import make_key  # noqa: PLC0415 - brings in the signing library

    public, key_id = make_key(file)
    pem = public.read_text(encoding="utf-8")
    if as_json:
        click.echo(json.dumps({"private": str(file), "public": str(public), "keyId": key_id, "pem": pem}, indent=2))
    else:
        click.echo(f"{pem}key id {key_id}\nname it in onshore.yaml: `trusted_keys: [{public}]`")


@gate.command(_STACK)
@click.argument("stack")
@click.option(
    "--receipt", type=click.Path(dir_okay=False, path_type=Path), help="Default: .onshore/receipts/STACK.json."
)
@click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The private key, in place of ONSHORE_GATE_KEY (PEM) and ONSHORE_GATE_KEY_FILE.",
)
@click.option(
    "--valid-hours", type=click.IntRange(min=1), help="How long it holds; at most `receipt_hours` of onshore.yaml."
)
@ENGINE
@PARALLEL
@EVENT_LOG
@project_option
@json_option
def gate_stack(
    cwd: Path, stack: str, *, receipt: Path | None, key: Path | None, valid_hours: int | None, **wish: Any
) -> int:
    """Judge a preview of STACK whole, and write what it was made of into a signed receipt."""
    from gate.envelope import seal  # noqa: PLC0415 - brings in the signing library
    from gate.keys import private_key  # noqa: PLC0415

    asked = Wish(stack, **wish)
    project = opened(cwd, asked)
    hours = _hours(project, valid_hours)
    target = _target(project, stack, receipt)
    outputs.forget(target, _WHAT)  # of a gate that fails nothing may lie there that looks like its own
    signer = private_key(key)
    if refused := refused_by_placement(project, asked):
        return refused
    engine = choose_engine(project, asked)
    before = materials(project, engine, stack)
    code, result = operate(engine, project, asked, "preview", display(asked.as_json))
    if code != DONE:
        return code
    made = _receipt(project, engine, stack, before, result, hours)
    outputs.write(target, _WHAT, [seal(made, signer)])
    _tell(made, target, signer.public_key.keyid, as_json=asked.as_json)
    return DONE


def _hours(project: Project, asked: int | None) -> int:
    longest = project.settings.receipt_hours
    if asked is not None and asked > longest:
        raise click.UsageError(f"--valid-hours {asked}: onshore.yaml allows {longest} (receipt_hours)")
    return asked or longest


def _target(project: Project, stack: str, asked: Path | None) -> Path:
    from gate.materials import holds  # noqa: PLC0415 - brings in pydantic

    own = project.root / ".onshore" / "receipts"
    target = asked or own / f"{stack.rpartition('/')[2]}.json"
    if holds(project.sources(stack), target):
        raise click.UsageError(f"the receipt {target} would lie among the files it binds: write it elsewhere")
    if not asked:
        own.mkdir(parents=True, exist_ok=True)
    return target


def _receipt(
    project: Project, engine: Engine, stack: str, before: dict[str, dict[str, str]], result: RunResult, hours: int
) -> Receipt:
    """What the preview was made of; raises OnshoreError unless it is judged whole and nothing changed meanwhile."""
    from engine.config import load_project  # noqa: PLC0415
    from gate.claims import signer as claims  # noqa: PLC0415
    from gate.comparison import material_faults  # noqa: PLC0415
    from gate.coverage import judged  # noqa: PLC0415
    from gate.plan import operations, planned  # noqa: PLC0415
    from gate.receipt import Coverage, Receipt  # noqa: PLC0415
    from inventories import OnshoreError  # noqa: PLC0415

    pack = expected_pack()
    judgement = judged(result.events, pack)
    if changed := material_faults(before, materials(project, engine, stack)):
        raise OnshoreError("something changed while it was gated, so there is no receipt", changed, refused=True)
    now = datetime.now(UTC).replace(microsecond=0)
    return Receipt(
        project=load_project(project.root).name,
        stack=stack,
        gated_at=now,
        expires_at=now + timedelta(hours=hours),
        by=claims(project.root),
        materials=before,
        coverage=Coverage(
            pack=pack.name,
            pack_version=pack.version,
            rules=tuple(sorted(pack.rules)),
            registered=judgement.registered,
            reads=judgement.reads,
        ),
        operations=planned(operations(result.events)),
        waived=judgement.waived,
        advised=judgement.advised,
    )


def _tell(made: Receipt, target: Path, key_id: str, *, as_json: bool) -> None:
    from gate.plan import plan_digest  # noqa: PLC0415
    from gate.receipt import moment  # noqa: PLC0415

    if as_json:
        document = {
            "stack": made.stack,
            "receipt": str(target),
            "keyId": key_id,
            "expiresAt": made.expires_at.isoformat(),
            "registered": made.coverage.registered,
            "plan": plan_digest(made.operations),
            "waived": [one.model_dump() for one in made.waived],
            "advised": [one.model_dump() for one in made.advised],
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"\ngated: {made.coverage.registered} resources, each judged by {len(made.coverage.rules)} rules")
    for one in made.waived:
        click.echo(f"  waived: {one.rule} by {one.waiver or 'a waiver'}")
    for later in made.advised:
        click.echo(f"  advice: {later.rule}, which does not bind yet")
    click.echo(f"receipt {target}, holds until {moment(made.expires_at)}, key {key_id[:12]}")
