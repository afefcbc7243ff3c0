"""The digest of what a run knows of its hosts: where each stands and answers, by which key, in which groups."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inventories.models import Host


def digests_of(hosts: Sequence[Host], groups: Mapping[str, Sequence[str]]) -> str:
    """A host that moved, or was given a new key, is another host: the playbook runs again."""
    known = sorted((host.id, host.address, host.host_key_sha256, host.site, host.region) for host in hosts)
    text = json.dumps([known, {name: sorted(members) for name, members in groups.items()}], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
