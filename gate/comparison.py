"""What is not as it was when it was gated, each difference with what, got, gated and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gate.materials import SALT
from gate.wording import shown
from inventories.faults import Fault

if TYPE_CHECKING:
    from gate.receipt import Materials, Receipt

_ABSENT: Final = "nothing"
_DIGEST_LENGTH: Final = 64
_ANYTHING_ELSE: Final = "look at the change; if it is meant, gate again"
_FIXES: Final = {
    "engine": "use the engine and versions that were gated (--engine), or gate again with these",
    SALT: "the Pulumi CLI wrote the salt of the stack's secrets into its file: keep and commit it, and gate again",
    "state": "somebody ran the stack since, perhaps with this very receipt: look at what there is, and gate again",
}


def material_faults(gated: Materials, got: Materials) -> list[Fault]:
    """Every file and fact that differs, by its group."""
    faults: list[Fault] = []
    for group in sorted(gated.keys() | got.keys()):
        then, now = gated.get(group, {}), got.get(group, {})
        for name in sorted(then.keys() | now.keys()):
            if (old := then.get(name, _ABSENT)) != (new := now.get(name, _ABSENT)):
                what = "is new" if name not in then else "is gone" if name not in now else "changed"
                fix = _FIXES.get(name if name == SALT else group, _ANYTHING_ELSE)
                where = f"{group}: {shown(name)}"
                faults.append(
                    Fault(where, f"{what} since it was gated", f"{_short(new)}, gated {_short(old)}", fix=fix)
                )
    return faults


def place_faults(receipt: Receipt, project: str, stack: str) -> list[Fault]:
    """A receipt is for one stack of one project."""
    fix = f"gate this stack: onshore gate {shown(stack)}"
    named = (("project", receipt.project, project), ("stack", receipt.stack, stack))
    return [
        Fault("receipt", f"for another {kind}", f"{shown(got)}, gated {shown(gated)}", fix=fix)
        for kind, gated, got in named
        if gated != got
    ]


def _short(value: str) -> str:
    return value[:12] if len(value) == _DIGEST_LENGTH else shown(value)
