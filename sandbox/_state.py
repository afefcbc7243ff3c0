"""What a cluster remembers from one `up` to the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sandbox._files import write_whole
from sandbox._layout import PORTS
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox._layout import Layout


@dataclass(frozen=True, slots=True)
class State:
    """The ports (those of `PORTS`; empty: not chosen yet), the number of nodes, the register's id of the cluster."""

    ports: Mapping[str, int]
    nodes: int
    register_cluster_id: str


def write_state(layout: Layout, state: State) -> None:
    """Write the cluster's state."""
    write_whole(layout.state, json.dumps(asdict(state), indent=1))


def read_state(layout: Layout) -> State | None:
    """The cluster's state; None before its first `up`. Raises SandboxError when the file is not what was written."""
    try:
        content = json.loads(layout.state.read_text(encoding="utf-8"))
        ports = {port: int(content["ports"][port]) for names in PORTS.values() for port in names}
        return State(ports, int(content["nodes"]), str(content["register_cluster_id"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(f"{layout.state} is not what a cluster writes ({error!r}).", start_anew(layout)) from error


def start_anew(layout: Layout) -> str:
    """What a person does when a cluster cannot be brought back."""
    return f"To start anew: `onshore cluster rm --name {layout.directory.name}`, and bring it up again."
