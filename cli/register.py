"""`onshore register show|validate`: what the register says, on a date."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from pathlib import Path

    from inventories import Settings
    from inventories.models import Cluster, Declassification, Profile, Provider, Register, RuleMeta, Waiver

    Rules: TypeAlias = Mapping[str, RuleMeta]

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def register() -> None:
    """The register of accredited providers."""


@register.command()
@project_option
@json_option
@click.option("--on", type=DAY, help="The day to ask about (default: today).")
def show(cwd: Path, *, as_json: bool, on: datetime | None) -> None:
    """List providers with their standing, sites and clusters."""
    from inventories import today  # noqa: PLC0415 - pydantic

    settings = Project.find(cwd).settings
    day = on.date() if on else today(settings.load_profile())
    loaded = settings.load_register()
    rows = [_row(loaded, provider, day) for provider in loaded.providers]
    if as_json:
        click.echo(json.dumps({**_head(loaded, day), "providers": rows}, indent=2))
        return
    head = _head(loaded, day)
    fictional = ", FICTIONAL" if loaded.fictional else ""
    click.echo(f"register {head['register']} {head['version']} on {day}, in force until {loaded.expires_on}{fictional}")
    for row in rows:
        click.echo(f"\n{row['id']}  {row['status']}  ({row['reference']})")
        for audit in row["audits"]:
            click.echo(f"  audit    {audit['kind']}: {audit['outcome']}, until {audit['valid_until']}")
        for site in row["sites"]:
            click.echo(f"  site     {site['id']}: {', '.join(filter(None, (site['city'], site['country'])))}")
        for entry in row["clusters"]:
            click.echo(
                f"  cluster  {entry['id']}: {entry['country']}, {entry['deployment_model']},"
                f" {entry['security_level']}, PKR {entry['vcpu_month_pkr']:,.0f} a vCPU a month"
            )


@register.command()
@project_option
@json_option
def validate(cwd: Path, *, as_json: bool) -> None:
    """Check register, profile, rules, waivers, declassifications and classified types; name every fault at once."""
    from inventories import today  # noqa: PLC0415

    loaded, profile, rules, waivers, opened = _facts(Project.find(cwd).settings)
    in_force = sum(waiver.state(on=today(profile)) == "in force" for waiver in waivers)
    summary = {
        "register": loaded.id,
        "version": loaded.version,
        "digest": loaded.digest,
        "overlays": list(loaded.overlays),
        "providers": len(loaded.providers),
        "clusters": len(loaded.clusters()),
        "profile": profile.id,
        "production": profile.production,
        "categories": len(profile.categories),
        "rules": len(rules),
        "waivers": len(waivers),
        "waivers_in_force": in_force,
        "declassifications": len(opened),
    }
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    width = max(map(len, summary))
    for name, value in summary.items():
        click.echo(f"{name:<{width}} {', '.join(value) or 'none' if isinstance(value, list) else value}")
    click.echo("no faults")


def _facts(settings: Settings) -> tuple[Register, Profile, Rules, tuple[Waiver, ...], tuple[Declassification, ...]]:
    """All that decides here; raises OnshoreError with the faults of everything that cannot be read."""
    from inventories import load_rules  # noqa: PLC0415
    from inventories.loader import read_rules  # noqa: PLC0415
    from inventories.questions import Questions  # noqa: PLC0415
    from policies.dispatcher import load_checks  # noqa: PLC0415
    from policies.resource_types import RESOURCE_TYPES, check_resource_types  # noqa: PLC0415

    questions = Questions("the register")
    loaded, profile = questions.ask(settings.load_register), questions.ask(settings.load_profile)
    rules = questions.ask(load_rules)
    # each rule has its check, which knows its parameters
    questions.ask(lambda: load_checks(read_rules()[0] if rules is None else rules, whole=rules is not None))
    waivers = questions.ask(lambda: settings.load_waivers(rules))
    opened = questions.ask(settings.load_declassifications)
    questions.ask(partial(check_resource_types, RESOURCE_TYPES))
    questions.settle()
    if loaded is None or profile is None or rules is None or waivers is None or opened is None:
        raise AssertionError  # settle has raised
    return loaded, profile, rules, waivers, opened


def _head(loaded: Register, day: date) -> dict[str, Any]:
    return {
        "register": loaded.id,
        "version": loaded.version,
        "on": day.isoformat(),
        "expires_on": loaded.expires_on.isoformat(),
        "fictional": loaded.fictional,
        "digest": loaded.digest,
    }


def _row(loaded: Register, provider: Provider, day: date) -> dict[str, Any]:
    return {
        "id": provider.id,
        "name": provider.name,
        "status": str(provider.accreditation.status(on=day)),
        "reference": provider.accreditation.reference,
        "fictional": provider.fictional,
        "audits": [
            {"kind": audit.kind, "outcome": audit.outcome, "valid_until": audit.valid_until.isoformat()}
            for audit in sorted(provider.audits, key=lambda audit: (audit.kind, audit.held_on))
            if audit.held_on <= day
        ],
        "sites": [{"id": site.id, "city": site.city, "country": site.country} for site in provider.sites],
        "clusters": [_cluster(loaded, cluster) for cluster in provider.clusters],
    }


def _cluster(loaded: Register, cluster: Cluster) -> dict[str, Any]:
    site = loaded.site(cluster.site)
    return {
        "id": cluster.id,
        "region": cluster.region,
        "site": cluster.site,
        "country": site.country if site else "?",
        "deployment_model": cluster.deployment_model,
        "security_level": str(cluster.security_level),
        "vcpu_month_pkr": cluster.prices.vcpu_month_pkr,
        "server": cluster.server,
        "ca_sha256": cluster.ca_sha256,
    }
