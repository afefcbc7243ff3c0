"""May these hosts hold this department's data of this category today? Every fault of every host, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inventories.faults import Fault
from inventories.hosts import Use, machine_refusals, refusals
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from components.governance import Law
    from inventories.hosts import Machine, Refusal

_REFUSED: Final = "what is not known is refused"
OTHER_HOST: Final = "choose a host that `onshore hosts list` shows for this department and category"


def host_faults(
    hosts: Iterable[str], department: str, category: str, law: Law, machines: Iterable[Machine] = ()
) -> Iterator[Fault]:
    """What stands against running something of a department and a category on hosts, named by register id.

    `machines`: those that the same program makes in regions.
    """
    register, profile = law.register, law.profile
    asked = profile.category(category)
    if asked is None:
        names = [name for one in profile.categories for name in (one.id, *one.aliases)]
        yield Fault("category", "unknown data category", category, _REFUSED, nearest(category, names))
    owners = [one.id for one in register.departments]
    if department not in owners:
        yield Fault("department", "unknown department", department, _REFUSED, nearest(department, owners))
    known = [host.id for _, host in register.hosts()]
    use = Use(department, asked or max(profile.categories, key=lambda one: one.rank), law.on)
    for index, name in enumerate(hosts):
        fix = OTHER_HOST if register.host(name) else nearest(name, known)
        for reason in refusals(register, profile, name, use):
            yield _fault(f"hosts[{index}]", name, reason, fix)
    for index, machine in enumerate(machines):
        for reason in machine_refusals(register, profile, machine, use):
            fix = "make it in a region that `onshore explain` names"
            yield _fault(f"machines[{index}]", machine.id, reason, fix)


def _fault(where: str, name: str, reason: Refusal, fix: str) -> Fault:
    got = reason.got if reason.got.startswith(name) else f"{name}: {reason.got}"
    return Fault(where, f"{reason.what} ({reason.rule})", got, f"allowed: {reason.allowed}", fix)
