"""What services on hosts share: the questions before anything is registered, and the run that sets them up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components.ansible_run import PACKAGE, AnsibleAccess, AnsibleRun
from components.explain import as_error
from components.given_providers import SERVED, providers_for
from components.governance import Law
from components.placement import Placement, Refusal, Request, place
from inventories.faults import Fault
from inventories.questions import Questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from components.args import OnHostArgs
    from inventories.models import Category, Host, Region

SERVICE: Final = re.compile(r"[a-z]([a-z0-9-]{0,24}[a-z0-9])?")
UNENCRYPTED: Final = "unencrypted-host-disks"
"""The setting of a profile that lets try-out hosts keep data on disks that nobody says are encrypted."""

_RECIPIENT: Final = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_PLAYBOOKS: Final = "onshore:hosts"
_SSH_PORT: Final = 22
_HOUR_S: Final = 3_600
_DAY_S: Final = 24 * _HOUR_S
_YEAR_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Asked:
    """What a component was asked for that every service on a host is: plain values, for they carry the law.

    `port` None: it is reached over SSH, and opens no port of its own.
    """

    department: str
    category: str
    host: str
    port: int | None
    clients: Sequence[str]
    backup_host: str
    backup_recipient: str
    backup_every_hours: float
    backup_keep_days: int

    @classmethod
    def of(cls, args: OnHostArgs, *, port: int | None) -> Asked:
        """What a component's arguments say of it."""
        return cls(
            department=args["department"],
            category=args["category"],
            host=args["host"],
            port=port,
            clients=args["clients"],
            backup_host=args["backup_host"],
            backup_recipient=args["backup_recipient"],
            backup_every_hours=args.get("backup_every_hours", 24),
            backup_keep_days=args.get("backup_keep_days", 30),
        )


@dataclass(frozen=True, slots=True)
class Hosted:
    """A service that may be set up: who it is, where it stands, and where its backups go."""

    name: str
    asked: Asked
    category: Category
    host: Host
    backup_host: Host
    disk_encryption: str
    access: pulumi.ProviderResource

    @property
    def inputs(self) -> dict[str, Any]:
        """For the component: plain values, seen by the policies."""
        hosts = [self.host.id, self.backup_host.id]
        return {"department": self.asked.department, "category": self.category.id, "hosts": hosts}

    def run(self, parent: pulumi.Resource, playbook: str, variables: Mapping[str, Any], law: Law | None) -> AnsibleRun:
        """Register the run of a shipped playbook and of the one that undoes it."""
        asked, target = self.asked, self.backup_host
        shared = {
            "service": self.name,
            "service_host": self.host.id,
            "port": asked.port,
            "clients": sorted(asked.clients),
            "disk_encryption": self.disk_encryption,
            "backup": {
                "address": target.address,
                "host_key": target.host_key,
                "recipient": asked.backup_recipient,
                "every_s": int(asked.backup_every_hours * _HOUR_S),
                "keep_days": asked.backup_keep_days,
            },
        }
        return AnsibleRun(
            f"{self.name}-set-up",
            **self.inputs,
            playbook=f"{_PLAYBOOKS}/{playbook}.yml",
            teardown=f"{_PLAYBOOKS}/{playbook}_down.yml",
            groups={"service": [self.host.id], "backup_target": [target.id]},
            variables={**shared, **variables},
            law=law,
            opts=pulumi.ResourceOptions(parent=parent, provider=self.access),
        )


def hosted(
    name: str,
    asked: Asked,
    opts: pulumi.ResourceOptions | None,
    law: Law | None,
    check: Callable[[Law], Iterator[Fault]],
) -> Hosted:
    """Ask all that may refuse a service on a host, `check` included; raises OnshoreError with everything found."""
    questions = Questions(name)
    law = law or questions.ask(Law.load)
    access = _access(opts)
    placements: list[Placement | None] = [None, None]
    if access is None:
        fix = "pass `ResourceOptions(providers=[AnsibleAccess(...)])`"
        questions.faults.append(
            Fault(name, "it has no access to hosts", "no AnsibleAccess among its providers", fix=fix)
        )
    if law is not None:
        questions.faults += _shape_faults(name, asked)
        placements = [questions.ask(partial(_place, host, asked, law)) for host in (asked.host, asked.backup_host)]
        questions.faults += _backup_faults(asked, law)
        questions.faults += _client_faults(asked.clients)
        questions.faults += check(law)
    questions.settle()
    there, target = placements
    if law is None or access is None or there is None or target is None:
        raise AssertionError(name)  # settle has raised
    encryption = disk_encryption(there.category, there.region, law)
    return Hosted(name, asked, there.category, there.host, target.host, encryption, access)


def _place(host: str, asked: Asked, law: Law) -> Placement:
    """The placement on a host that was named; raises OnshoreError, `refused` when the law forbids it."""
    request = Request(department=asked.department, category=asked.category, service_kind="vm", host=host)
    decision = place(request, law.register, law.profile, on=law.on, rules=law.rules)
    if isinstance(decision, Refusal):
        raise as_error(decision, law.rules)
    return decision


def disk_encryption(category: Category, region: Region, law: Law) -> str:
    """Who says that a host's disk is encrypted: nobody has to, the register does, or the host is asked when set up.

    `trial`: nobody does, and the profile lets that pass. What the host cannot assert is refused there.
    """
    if not category.rule.encryption_at_rest:
        return "not-needed"
    if "vm" in region.encrypted_at_rest:
        return "registered"
    permits = any(one.id == UNENCRYPTED and one.value is True for one in law.profile.settings)
    return "trial" if permits and not law.profile.production else "asserted"


def _access(opts: pulumi.ResourceOptions | None) -> pulumi.ProviderResource | None:
    """The access that a component was given, itself or by its parent.

    One that a program in another language made is known by its package.
    """
    given = providers_for(opts)
    served = (one for one in given if SERVED.get() and one.package == PACKAGE)
    return next((one for one in given if isinstance(one, AnsibleAccess)), None) or next(served, None)


def _shape_faults(name: str, asked: Asked) -> Iterator[Fault]:
    if not SERVICE.fullmatch(name):
        yield Fault("name", "not a name for a service", name, fix="use 1 to 26 of a-z, 0-9 and -, a letter first")
    if asked.port is not None and (not 0 < asked.port < 2**16 or asked.port == _SSH_PORT):
        yield Fault("port", "not a port for a service", str(asked.port), fix="choose one of 1 to 65535 but 22")
    if not _RECIPIENT.fullmatch(asked.backup_recipient):
        why, fix = "backups are encrypted to it before they leave the host", "make a pair with `age-keygen`"
        yield Fault("backup_recipient", "not a public key of age", asked.backup_recipient, why, fix)
    if not 1 / 60 <= asked.backup_every_hours <= _DAY_S / _HOUR_S * 7:
        yield Fault(
            "backup_every_hours", "not an interval of backups", str(asked.backup_every_hours), fix="use up to 168"
        )
    if not 1 <= asked.backup_keep_days <= 10 * _YEAR_DAYS:
        yield Fault("backup_keep_days", "not a number of days to keep backups", str(asked.backup_keep_days))


def map_faults(**given: object) -> Iterator[Fault]:
    """Maps whose names are not known before anything is made, as a program in another language can hand them in."""
    for field, value in given.items():
        if not isinstance(value, Mapping):
            why, fix = "the names in it are plain, its values may be secrets", "write the map out, and seal its values"
            yield Fault(field, "not a map that is known in a preview", "an output", why, fix)


def _backup_faults(asked: Asked, law: Law) -> Iterator[Fault]:
    """Backups go to another host, and stay in the country whatever the category."""
    if asked.backup_host == asked.host:
        fix = "name another host of the register"
        yield Fault("backup_host", "a backup that stands where its source does is none", asked.host, fix=fix)
    found = law.register.host(asked.backup_host)
    site = law.register.site(found[1].site) if found else None
    if found and (site is None or site.country != law.profile.country):
        got = f"{asked.backup_host} in {site.country if site else 'an unknown country'}"
        fix = f"name a host in {law.profile.country}"
        yield Fault("backup_host", "a backup target outside the country (RES-002)", got, law.profile.country, fix)


def _client_faults(clients: Sequence[str]) -> Iterator[Fault]:
    """Who may connect: networks that are somebody's own, never everybody."""
    if not clients:
        yield Fault("clients", "nobody may connect", fix="name the networks of those who do, like 10.20.0.0/16")
    for index, text in enumerate(clients):
        where = f"clients[{index}]"
        try:
            network = ip_network(text)
        except ValueError:
            yield Fault(where, "not a network", text, fix="write it like 10.20.0.0/16, without bits beyond the mask")
            continue
        if not network.is_private or network.prefixlen == 0:
            why = "a host's service is for the department's own networks"
            yield Fault(
                where,
                "open to the public (EXP-001)",
                text,
                why,
                "name a private network, or put a web service in front",
            )
