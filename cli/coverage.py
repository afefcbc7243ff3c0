"""`onshore coverage`: how many resource types of each Pulumi package somebody has classified."""

from __future__ import annotations

import json

import click

from cli.project import json_option


@click.command()
@json_option
def coverage(*, as_json: bool) -> None:
    """Count the classified types of each package; the others are refused (OPQ-002)."""
    from policies.resource_types import RESOURCE_TYPES, load_resource_types  # noqa: PLC0415 - yaml

    types = load_resource_types(RESOURCE_TYPES)
    kinds = len(types.kinds)
    rows = [{"package": "kubernetes", "classified": kinds, "types": kinds, "unclassified": []}]
    for name in types.cloud.names():
        package = types.cloud.package(name)
        listed = package.types if package else {}
        left = sorted(f"{name}:{token}" for token, facts in listed.items() if facts.kind == "unclassified")
        row = {"package": name, "classified": len(listed) - len(left), "types": len(listed), "unclassified": left}
        rows.append({**row, "sdk": package.sdk} if package else row)
    if as_json:
        click.echo(json.dumps({"packages": rows}, indent=2))
        return
    for row in rows:
        click.echo(f"{row['package']:<14}{row['classified']:>6} of {row['types']:>5}  {row.get('sdk', '')}".rstrip())
