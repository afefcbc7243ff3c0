"""What differs between a run as it was recorded and as it is asked for (pure)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from playbooks.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi.provider.experimental.property_value import PropertyValue

    from inventories.hosts import Machine
    from inventories.models import Host
    from playbooks.values import Properties

RESULTS: Final = frozenset({"results", "drift", "problems"})
"""What a run leaves behind beside its inputs; `drift` and `problems` are reasons to run again."""
_RERUN: Final = frozenset({"hosts", "machines", "groups", "playbook", "role", "variables", "tags", "digests"})


def differences(olds: Properties, news: Properties) -> set[str]:
    """The inputs that differ, digests by their part; drift that was seen, and problems that are to be repaired."""
    before, after = ({key: plain(value) for key, value in side.items()} for side in (olds, news))
    known = {key for key in (*before, *after) if not key.startswith("__") and key not in RESULTS}
    changed = {key for key in known - {"digests"} if before.get(key) != after.get(key)}
    parts = [side.get("digests") or {} for side in (before, after)]
    changed |= {f"digests.{part}" for part in {*parts[0], *parts[1]} if parts[0].get(part) != parts[1].get(part)}
    return changed | {key for key in ("drift", "problems") if before.get(key)}


def is_only_recorded(changed: set[str]) -> bool:
    """Whether a change is one of words (a longer timeout, another teardown) that no host has to hear of."""
    return bool(changed) and not any(name.partition(".")[0] in _RERUN | RESULTS for name in changed)


def inputs_of(state: Properties) -> dict[str, PropertyValue]:
    """The inputs that a recorded run was made with."""
    return {key: value for key, value in state.items() if key not in RESULTS}


def results_of(state: Properties) -> dict[str, PropertyValue]:
    """What a recorded run left behind."""
    return {key: value for key, value in state.items() if key in RESULTS}


def names_of(state: Properties) -> list[str]:
    """Every host that a run was recorded with, the machines of regions among them."""
    return [*(plain(state.get("hosts")) or []), *(one["id"] for one in plain(state.get("machines")) or [])]


def inventory_digest(hosts: Sequence[Host], machines: Sequence[Machine], groups: Mapping[str, Sequence[str]]) -> str:
    """Where each host stands and answers, by which key, in which groups: one that moved is another host."""
    known = sorted((host.id, host.address, host.host_key_sha256, host.site, host.region) for host in hosts)
    known += sorted((one.id, one.address or "", one.host_key or "", one.zone, one.region) for one in machines)
    text = json.dumps([known, {name: sorted(members) for name, members in groups.items()}], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
