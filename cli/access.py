"""Whether the way to a placement's cluster holds, asked before an engine starts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.project import Project
    from components.deployment import Decision


def check_access(project: Project, stack: str, decision: Decision) -> None:
    """Raise OnshoreError when there is no kubeconfig, or (`refused`) with all that speaks against it."""
    from components.deployment import NAMESPACE, kubeconfig  # noqa: PLC0415 - only runs need it
    from components.kubeconfig import check_kubeconfig  # noqa: PLC0415
    from inventories import OnshoreError  # noqa: PLC0415
    from inventories.yaml_source import display_name  # noqa: PLC0415

    cluster = decision.placement.cluster
    if decision.spec.kubeconfig is None:
        place = display_name(project.settings.kubeconfigs / f"{cluster.id}.yaml")
        content = kubeconfig(decision, project.settings)
    else:
        place = f"{NAMESPACE}kubeconfig"
        content = _own_kubeconfig(project, stack)
    try:
        check_kubeconfig(content, cluster)
    except OnshoreError as error:
        named = [replace(fault, where=f"{place}{fault.where.removeprefix('kubeconfig')}") for fault in error.faults]
        raise OnshoreError(error.summary, named, refused=error.refused) from None


def _own_kubeconfig(project: Project, stack: str) -> str:
    """The stack's `onshore:kubeconfig`, opened: what was decided with did not hold its secrets."""
    from components.deployment import NAMESPACE  # noqa: PLC0415
    from engine.config import check_stack_name, load_project, load_stack_config, resolve  # noqa: PLC0415
    from engine.secrets import PassphraseSecrets, passphrase_from  # noqa: PLC0415

    config = load_stack_config(load_project(project.root), check_stack_name(stack))

    def opened(ciphertext: str) -> str:
        return PassphraseSecrets(passphrase_from(os.environ), config.salt).decrypt(ciphertext)

    key = f"{NAMESPACE}kubeconfig"
    return resolve({key: config.values[key]}, opened).values[key]
