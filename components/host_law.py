"""May these hosts hold this department's data of this category today? Every fault of every host, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components._lawfulness import host_reasons
from inventories.faults import Fault
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from components.governance import Law


def host_faults(hosts: Iterable[str], department: str, category: str, law: Law) -> Iterator[Fault]:
    """What stands against running something of a department and a category on hosts, named by register id.

    The same law as for clusters: standing, audits, site, level and model; and the host's own owner and ceiling.
    """
    register, profile = law.register, law.profile
    asked = profile.category(category)
    if asked is None:
        names = [name for one in profile.categories for name in (one.id, *one.aliases)]
        yield Fault("category", "unknown data category", category, "what is not known is refused", nearest(category, names))
    owners = [one.id for one in register.departments]
    if department not in owners:
        why = "what is not in the register is refused"
        yield Fault("department", "unknown department", department, why, nearest(department, owners))
    known = [host.id for _, host in register.hosts()]
    for index, name in enumerate(hosts):
        where = f"hosts[{index}]"
        found = register.host(name)
        if found is None:
            why = "only hosts of the register can be reached (HST-001)"
            yield Fault(where, "the register has no such host", name, why, nearest(name, known))
            continue
        provider, host = found
        if host.department != department:
            why = "a host holds one department's data (HST-001)"
            yield Fault(where, f"the host is not {department}'s", f"{name} of {host.department}", why, "name its own")
        if asked is None:
            continue
        for reason in host_reasons(provider, host, asked, law.register, profile, on=law.on):
            fault = f"{reason.what} ({reason.rule})"
            yield Fault(where, fault, f"{name}: {reason.got}", f"allowed: {reason.allowed}", reason.fix)
