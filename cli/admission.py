"""`onshore admission render`: the rules that a cluster's own API server checks."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine.providers.kubernetes.client import Client
    from inventories import Settings


@click.group()
def admission() -> None:
    """The rules that a cluster's own API server checks."""


@admission.command()
@project_option
@json_option
def render(cwd: Path, *, as_json: bool) -> None:
    """Write the admission policies of this project's profile: POD-001, for every pod and pod template."""
    import yaml  # noqa: PLC0415 - `--help` needs none of it

    from admission.pod_security import render as compiled  # noqa: PLC0415 - as above
    from inventories import load_rules  # noqa: PLC0415 - as above

    objects = list(compiled(Project.find(cwd).settings.load_profile(), load_rules()["POD-001"]))
    if as_json:
        click.echo(json.dumps(objects, indent=2))
    else:
        click.echo(yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True), nl=False)


@admission.command()
@project_option
@click.argument("cluster")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def apply(cwd: Path, cluster: str, *, yes: bool) -> None:
    """Put the admission policies in force on a CLUSTER of the register; safe to repeat."""
    from admission.pod_security import render as compiled  # noqa: PLC0415 - `--help` needs none of it
    from cli.asking import agree, check_askable  # noqa: PLC0415 - as above
    from inventories import load_rules  # noqa: PLC0415 - as above

    settings, client = _way_to(Project.find(cwd), cluster)
    check_askable(f"apply changes what {cluster} admits", yes=yes)
    agree(f"put the admission policies in force on {cluster}?", yes=yes)
    with _in_words(cluster), closing(client):
        for obj in compiled(settings.load_profile(), load_rules()["POD-001"]):
            how = {"fieldManager": "onshore-admission", "force": "true"}
            live = client.request("PATCH", _path(obj), obj, query=how, content_type="application/apply-patch+yaml")
            click.echo(f"{obj['kind']} {obj['metadata']['name']}: generation {live['metadata'].get('generation', 1)}")


def _way_to(project: Project, cluster: str) -> tuple[Settings, Client]:
    """A client of a cluster of the register, by a kubeconfig that leads to that very cluster; raises OnshoreError."""
    from components.kubeconfig import check_kubeconfig  # noqa: PLC0415 - `--help` needs none of it
    from engine.providers.kubernetes.client import Client  # noqa: PLC0415 - as above
    from engine.providers.kubernetes.kubeconfig import cluster_access, read_kubeconfig  # noqa: PLC0415 - as above
    from inventories import Fault, OnshoreError  # noqa: PLC0415 - as above
    from inventories.yaml_source import nearest  # noqa: PLC0415 - as above

    settings = project.settings
    register = settings.load_register()
    if (found := register.cluster(cluster)) is None:
        known = sorted(each.id for _, each in register.clusters())
        raise OnshoreError(
            f"there is no cluster {cluster} in the register",
            [Fault("CLUSTER", "the register has no such cluster", cluster, fix=nearest(cluster, known))],
        )
    file = settings.kubeconfigs / f"{cluster}.yaml"
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        fault = Fault(str(file), "no kubeconfig that can be read", fix=f"put the kubeconfig of {cluster} there")
        raise OnshoreError(f"there is no way to {cluster}", [fault]) from None
    check_kubeconfig(content, found[1])
    with _in_words(cluster):
        return settings, Client(cluster_access(*read_kubeconfig(content)))


@contextmanager
def _in_words(cluster: str) -> Iterator[None]:
    """What the API server answers, or that it does not, as faults of the cluster."""
    from engine.provider import ProviderError  # noqa: PLC0415 - `--help` needs none of it
    from engine.providers.kubernetes.client import ApiError  # noqa: PLC0415 - as above
    from inventories import Fault, OnshoreError  # noqa: PLC0415 - as above

    try:
        yield
    except ApiError as error:
        fix = "use a kubeconfig whose user may change admission policies" if error.code in (401, 403) else ""
        fault = Fault(cluster, "the API server refuses", error.message, fix=fix)
        raise OnshoreError(f"{cluster} does not do what was asked", [fault]) from None
    except ProviderError as error:
        fix = "see that the cluster runs and can be reached, and do it again: it is safe to repeat"
        raise OnshoreError(f"{cluster} cannot be asked", [Fault(cluster, error.message, fix=fix)]) from None


def _path(obj: Mapping[str, Any]) -> str:
    plural = "validatingadmissionpolicies" if obj["kind"].endswith("Policy") else "validatingadmissionpolicybindings"
    return f"/apis/{obj['apiVersion']}/{plural}/{obj['metadata']['name']}"
