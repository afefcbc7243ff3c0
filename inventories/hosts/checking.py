"""An Ansible inventory held against the register: every fault at once, each with file, line and path.

Closed on purpose: how hosts are reached is said as `PINNED` says it, or refused, whatever Ansible calls the variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from inventories.faults import Fault, by_line
from inventories.hosts.pinning import known_hosts
from inventories.hosts.rendering import PINNED, host_facts
from inventories.hosts.standing import Use, refusals
from inventories.yaml_source import misspelt, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from inventories.hosts.reading import Inventory, Named
    from inventories.models import Host, Profile, Register

FREE: Final = frozenset(
    {
        "ansible_user",
        "ansible_become",
        "ansible_become_method",
        "ansible_become_user",
        "ansible_python_interpreter",
        "ansible_ssh_private_key_file",
    }
)
"""Ansible's variables that an inventory may set as it likes: who logs in, as whom it works, and with which Python."""

_DEPARTMENT, _CATEGORY = "onshore_department", "onshore_category"
_ANEW: Final = "write the inventory anew: onshore hosts inventory"
_SECRET_WORDS: Final = ("pass", "secret", "token")


def check_inventory(inventory: Inventory, register: Register, profile: Profile, *, on: date) -> list[Fault]:
    """Every fault of an inventory on a day; whose data of which category it is for, it says itself."""
    if not inventory.readable:  # nothing else could be said of it that is not a consequence
        return by_line(sorted(inventory.faults))
    faults = [*inventory.faults, *_variable_faults(inventory), *_pin_faults(inventory, register)]
    department = _said(inventory, _DEPARTMENT, [each.id for each in register.departments], faults)
    category = profile.category(_said(inventory, _CATEGORY, [each.id for each in profile.categories], faults))
    if not inventory.hosts:
        faults.append(Fault(inventory.name, "no host in it", fix=_ANEW))
    for host_id, places in _by_host(inventory).items():
        found = register.host(host_id)
        if found is None:
            faults.append(_unknown(places[0], register))
            continue
        faults += _place_faults(places, found[1])
        if department and category:
            faults += [
                Fault(
                    places[0].where,
                    f"{reason.rule} {reason.what}",
                    reason.got,
                    f"allowed: {reason.allowed}",
                    "remove it",
                )
                for reason in refusals(register, profile, host_id, Use(department, category, on))
            ]
    return by_line(sorted(set(faults)))


def _variable_faults(inventory: Inventory) -> Iterator[Fault]:
    """Variables of groups, and those of hosts beside the register's facts."""
    of_hosts = [
        (where, name, value)
        for named in inventory.hosts
        for name, (where, value) in (named.facts or {}).items()
        if name != "ansible_host" and not name.startswith("onshore_")
    ]
    of_groups = [(each.where, each.name, each.value) for each in inventory.variables]
    known = [*PINNED, *sorted(FREE)]
    told = [(*each, known) for each in of_groups] + [(*each, [*known, "ansible_host"]) for each in of_hosts]
    for where, name, value, names in told:
        got = "" if any(word in name for word in _SECRET_WORDS) else str(value)
        if name in PINNED and value != PINNED[name]:
            yield Fault(where, f"HST-001 {name} decides how hosts are reached", got, fix=f"write: {PINNED[name]}")
        elif name.startswith("ansible_") and name not in PINNED and name not in FREE:
            why = "it may lead elsewhere, or weaken how a host proves itself"
            fix = _mended(name, names, "remove it")
            yield Fault(where, f"HST-001 {name} is not for an inventory to say", got, why, fix)
    for each in inventory.variables:
        if each.name.startswith("onshore_") and not (each.for_all and each.name in (_DEPARTMENT, _CATEGORY)):
            fix = f"remove it; {_DEPARTMENT} and {_CATEGORY} are said once, for all hosts"
            fix = _mended(each.name, [_DEPARTMENT, _CATEGORY], fix) if each.for_all else fix
            yield Fault(each.where, f"{each.name} does not stand here", str(each.value), fix=fix)
    absent = [name for name in PINNED if not any(each.for_all and each.name == name for each in inventory.variables)]
    if absent:
        why = "without it, what a person has set decides how hosts are reached"
        yield Fault(inventory.name, f"HST-001 not said for all hosts: {', '.join(absent)}", why=why, fix=_ANEW)


def _pin_faults(inventory: Inventory, register: Register) -> Iterator[Fault]:
    """The pinned keys are the register's, of the hosts in the inventory: no more and no fewer."""
    named = [found[1] for host_id in sorted(_by_host(inventory)) if (found := register.host(host_id))]
    wanted = known_hosts(named).splitlines()
    if inventory.known_hosts is None:
        yield Fault(inventory.known_hosts_name, "HST-001 the file is missing", fix=_ANEW)
        return
    lines = inventory.known_hosts.splitlines()
    for number, line in enumerate(lines, start=1):
        if line not in wanted:
            what = "HST-001 not the register's word on a host of this inventory"
            yield Fault(f"{inventory.known_hosts_name}:{number}", what, line.split(" ")[0], fix=_ANEW)
    for host in named:
        if known_hosts([host]).strip() not in lines:
            yield Fault(inventory.known_hosts_name, "HST-001 the key of a host is missing", host.id, fix=_ANEW)


def _said(inventory: Inventory, name: str, known: list[str], faults: list[Fault]) -> str:
    """What the inventory says once for all hosts; '' with a fault when it does not, or says what nobody knows."""
    said = [each for each in inventory.variables if each.name == name and each.for_all]
    values = {each.value for each in said if isinstance(each.value, str)}
    if len(values) != 1 or any(not isinstance(each.value, str) for each in said):
        what = f"{name} is said in two ways" if said else f"it does not say {name}"
        faults.append(
            Fault(said[-1].where if said else inventory.name, what, fix=f"say it in group_vars/all.yaml: {name}")
        )
        return ""
    value = values.pop()
    if value not in known:
        faults.append(Fault(said[0].where, "nobody knows this name", value, fix=nearest(value, known)))
        return ""
    return value


def _by_host(inventory: Inventory) -> dict[str, list[Named]]:
    """Each host with where it stands; first where it has variables."""
    found: dict[str, list[Named]] = {}
    for named in sorted(inventory.hosts, key=lambda each: not each.facts):
        found.setdefault(named.host, []).append(named)
    return found


def _unknown(named: Named, register: Register) -> Fault:
    what, known = "HST-001 the register has no such host", [host.id for _, host in register.hosts()]
    if register.on_premises_host(named.host):
        why = "a department's own machine is read, to move away what runs there; nothing is set up on it"
        return Fault(named.where, "HST-001 not a host of an accredited provider", named.host, why, "remove it")
    return Fault(named.where, what, named.host, fix=f"remove it, or have it registered; {nearest(named.host, known)}")


def _place_faults(places: list[Named], host: Host) -> Iterator[Fault]:
    """A host is described once, and as the register describes it."""
    first, *others = places
    for other in others:
        if other.facts:
            yield Fault(other.where, "this host is described twice", host.id, fix=f"keep what stands at {first.where}")
    facts: dict[str, tuple[str, Any]] = first.facts or {}
    for name, wanted in host_facts(host).items():
        where, value = facts.get(name, (first.where, None))
        if name not in facts:
            yield Fault(where, f"HST-001 {name} is missing", fix=f"write `{name}: {wanted}`")
        elif value != wanted:
            yield Fault(where, f"HST-001 not what the register says of {host.id}", str(value), fix=f"write {wanted}")
    for name, (where, _) in facts.items():
        if name.startswith("onshore_") and name not in host_facts(host):
            yield Fault(
                where, "not a fact of the register", name, fix=_mended(name, list(host_facts(host)), "remove it")
            )


def _mended(name: str, names: list[str], otherwise: str) -> str:
    """The way out for a name that is not known."""
    meant = misspelt(name, names)
    return f"{meant} Else {otherwise}" if meant else otherwise
