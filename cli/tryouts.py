"""What try-out clusters and regions have in common: which there are, whom each plays, and copies of its login."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


def names(home: Path) -> list[str]:
    """Those of a project, in whatever state."""
    return sorted(path.name for path in home.glob("*") if path.is_dir() and not path.name.startswith("."))


def existing(kind: str, home: Path, name: str) -> str:
    """The name of one that there is; raises OnshoreError. `kind` is cluster or region, here as below."""
    from inventories import Fault, OnshoreError  # noqa: PLC0415 - `--help` needs no inventories

    known = names(home)
    if name not in known:
        fix = f"{kind}s here: {', '.join(known)}" if known else f"to make one, type: onshore {kind} up"
        raise OnshoreError(f"there is no {kind} {name}", [Fault("--name", f"no such {kind}", name, fix=fix)])
    return name


def check_role(
    kind: str, name: str, role: str, *, played: Mapping[str, str], known: Collection[str], called: str
) -> None:
    """Raise OnshoreError when the register has no such id, or another one of the project plays it.

    `played`: by name, whom each plays; `known`: the ids of the register, of what is `called` so. Two overlays for one
    id would leave the register unusable.
    """
    from inventories import Fault, OnshoreError  # noqa: PLC0415 - as above
    from inventories.yaml_source import nearest  # noqa: PLC0415

    option, summary = f"--register-{kind}", f"{kind} {name} cannot play {role}"
    if role not in known:
        fault = Fault(option, f"the register has no such {called}", role, fix=nearest(role, sorted(known)))
        raise OnshoreError(summary, [fault])
    player = next((each for each, other in played.items() if other == role and each != name), None)
    if player is None:
        return
    free = sorted(each for each in known if each not in played.values())
    ways = [f"onshore {kind} up --name {player} (to start that one)"]
    if free:
        ways.insert(0, f"onshore {kind} up --name {name} {option} {free[0]} (free: {', '.join(free)})")
    what = f"{kind} {player} of this project plays it already"
    raise OnshoreError(summary, [Fault(option, what, role, fix=f"type: {', or: '.join(ways)}")])


def withdraw(login: Path, folder: Path, *, keep: str = "") -> None:
    """Remove a login's copies from a folder (but that of the role to `keep`), and no file of anybody else."""
    try:
        own = login.read_bytes()
    except OSError:
        return
    for file in folder.glob("*.yaml"):
        if file.is_file() and file.stem != keep and file.read_bytes() == own:
            file.unlink()
