"""What a run read from other stacks, held against the rules: no policy is shown it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.project import Project


def check_reads(project: Project, events: Sequence[dict[str, Any]]) -> None:
    """Raise OnshoreError (`refused`) when a run read what it may not."""
    from inventories import Fault, OnshoreError  # noqa: PLC0415 - `--help` needs no inventories
    from policies import flow  # noqa: PLC0415 - as above

    if not flow.reads(events):
        return
    from policies.facts import load_facts  # noqa: PLC0415 - most runs read no other stack

    found = flow.findings(events, load_facts(project.settings.root))
    if found:
        faults = [Fault("", one.message) for one in found]
        raise OnshoreError("another stack was read that may not be", faults, refused=True)
