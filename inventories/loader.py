"""Files to records: the register with its overlays, category profiles and the rules' metadata.

Every function reports all faults of all files at once, each with file, line and path.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from inventories._consistency import (
    host_faults,
    image_registry_faults,
    key_store_faults,
    overlay_faults,
    provider_faults,
    register_faults,
)
from inventories.deviations import declassification_faults, waiver_faults
from inventories.faults import Fault, OnshoreError, by_line
from inventories.models import (
    Approval,
    Cluster,
    Declassification,
    Department,
    Host,
    HostOverlay,
    ImageRegistry,
    KeyStore,
    OnPremisesHost,
    Provider,
    Record,
    Region,
    RegionOverlay,
    Register,
    RegisterHead,
    RegisterOverlay,
    RetiredRule,
    RuleMeta,
    Waiver,
)
from inventories.yaml_source import Document, M, display_name, read_parts, readable, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inventories._consistency import PlacedHost
    from inventories.yaml_source import KeyPath

D = TypeVar("D", Waiver, Declassification)
_RULES: Final = Path(__file__).parent / "rules"
_RETIRED: Final = "retired.yaml"
_HEAD, _DEPARTMENTS, _APPROVALS = "register.yaml", "departments.yaml", "approvals.yaml"
_REGISTRIES: Final = "image_registries.yaml"
_KEY_STORES: Final = "key_stores.yaml"
_ON_PREMISES: Final = "on_premises.yaml"
_REGISTER_FILES: Final = (
    f"{_HEAD}, {_DEPARTMENTS}, {_APPROVALS}, {_REGISTRIES}, {_KEY_STORES}, {_ON_PREMISES} or providers/<id>.yaml"
)


class _Departments(Record):
    departments: tuple[Department, ...]


class _Retired(Record):
    retired: tuple[RetiredRule, ...]


class _Approvals(Record):
    approvals: tuple[Approval, ...]


class _ImageRegistries(Record):
    image_registries: tuple[ImageRegistry, ...]


class _KeyStores(Record):
    key_stores: tuple[KeyStore, ...]


class _OnPremises(Record):
    on_premises: tuple[OnPremisesHost, ...]


def load_register(directory: Path, overlays: Iterable[Path] = ()) -> Register:
    """Read a register: `register.yaml`, `departments.yaml` and `providers/*.yaml`.

    `approvals.yaml`, `image_registries.yaml`, `key_stores.yaml` and `on_premises.yaml` may be absent: what they would
    list is not there.

    Overlays replace the addresses of clusters and regions and add hosts; all are fictional. Raises OnshoreError
    with all faults.
    """
    if not directory.is_dir():
        fault = Fault(display_name(directory), "there is no register here", fix="correct `register` in onshore.yaml")
        raise OnshoreError("the register cannot be used", [fault])
    reading = _Reading(directory)
    head = reading.record(directory / _HEAD, RegisterHead)
    departments = reading.record(directory / _DEPARTMENTS, _Departments)
    has_approvals = (directory / _APPROVALS).exists()
    approvals = reading.record(directory / _APPROVALS, _Approvals) if has_approvals else None
    path = directory / _REGISTRIES
    registries = reading.record(path, _ImageRegistries) if path.exists() else None
    path = directory / _KEY_STORES
    stores = reading.record(path, _KeyStores) if path.exists() else None
    path = directory / _ON_PREMISES
    on_premises = reading.record(path, _OnPremises) if path.exists() else None
    paths = sorted((directory / "providers").glob("*.yaml"))
    if not paths:
        reading.faults.append(Fault(display_name(directory / "providers"), "no provider is registered", fix="add one"))
    providers = [found for path in paths if (found := reading.record(path, Provider))]
    reading.faults += [fault for document, provider in providers for fault in provider_faults(document, provider)]
    reading.faults += register_faults(
        providers,
        departments and (departments[0], departments[1].departments),
        approvals and (approvals[0], approvals[1].approvals),
        fictional=head is None or head[1].fictional,  # a register that cannot be read is not said to be real
    )
    if registries and providers and len(providers) == len(paths):  # else its providers would look unknown
        reading.faults += image_registry_faults(
            registries[0],
            registries[1].image_registries,
            [provider for _, provider in providers],
            fictional=head is None or head[1].fictional,
        )
    if stores and departments and providers and len(providers) == len(paths):
        reading.faults += key_store_faults(
            stores[0],
            stores[1].key_stores,
            [provider for _, provider in providers],
            departments[1].departments,
            fictional=head is None or head[1].fictional,
        )
    is_fictional = head is None or head[1].fictional
    machines = _hosts(providers), _on_premises(on_premises)
    if departments:
        reading.faults += host_faults(*machines, departments[1].departments, fictional=is_fictional)
    complete = not reading.faults
    laid = [part for path in sorted(overlays) if (part := reading.record(path, RegisterOverlay))]
    if complete:  # a provider that could not be read would make its overlay look wrong
        reading.faults += overlay_faults(laid, [provider for _, provider in providers])
        if departments and not reading.faults:
            machines = _hosts(providers, laid), _on_premises(on_premises, laid)
            reading.faults += host_faults(*machines, departments[1].departments, fictional=True)
    reading.check_leftovers()
    if reading.faults or head is None or departments is None:
        raise OnshoreError(f"the register in {display_name(directory)} cannot be used", by_line(reading.faults))
    return Register(
        **{name: getattr(head[1], name) for name in RegisterHead.model_fields},
        providers=tuple(_overlaid(provider, [o for _, o in laid], machines[0]) for _, provider in providers),
        departments=departments[1].departments,
        approvals=approvals[1].approvals if approvals else (),
        image_registries=registries[1].image_registries if registries else (),
        key_stores=stores[1].key_stores if stores else (),
        on_premises=tuple(host for _, _, host in machines[1]),
        digest=_digest(directory, reading.read, laid),
        overlays=tuple(overlay.overlay for _, overlay in laid),
    )


def load_rules(directory: Path = _RULES) -> Mapping[str, RuleMeta]:
    """The metadata of every rule, by id in order; a file bears its rule's id, and no id of `retired.yaml`."""
    rules, faults = read_rules(directory)
    if faults or not rules:
        raise OnshoreError(f"the rules in {display_name(directory)} cannot be used", by_line(faults))
    return rules


def read_rules(directory: Path = _RULES) -> tuple[Mapping[str, RuleMeta], list[Fault]]:
    """The rules that can be read, and what is wrong with these and the others."""
    reading = _Reading(directory)
    paths = [path for path in sorted(directory.glob("*.yaml")) if path.name != _RETIRED]
    found: list[RuleMeta] = []
    retired = {rule.id: rule for rule in _retired(reading, directory / _RETIRED)}
    for document in filter(None, map(reading.document, paths)):
        whole, faults = validate(RuleMeta, document)
        reading.faults += faults
        if whole is not None:
            found.append(whole)
        rule = whole or readable(RuleMeta, document)
        if "id" not in rule.model_fields_set:
            continue
        where = document.where(("id",))
        if Path(document.name).stem != rule.id:
            reading.faults.append(Fault(where, "a rule's file bears its id", rule.id, fix=f"use {rule.id}.yaml"))
        if past := retired.get(rule.id):
            what, why = "this id is retired and never comes back", f"it was {past.title!r} until {past.retired_on}"
            reading.faults.append(Fault(where, what, rule.id, why, "give the rule an id that was never used"))
    return MappingProxyType({rule.id: rule for rule in found}), reading.faults


def load_retired_rules(directory: Path = _RULES) -> Mapping[str, RetiredRule]:
    """The rules that are no more, by id; raises OnshoreError."""
    reading = _Reading(directory)
    retired = _retired(reading, directory / _RETIRED)
    if reading.faults:
        raise OnshoreError(f"{_RETIRED} in {display_name(directory)} cannot be used", reading.faults)
    return MappingProxyType({rule.id: rule for rule in retired})


def load_waivers(directory: Path, rules: Mapping[str, RuleMeta] | None) -> tuple[Waiver, ...]:
    """The waivers of a folder, one a file that bears its id; an absent folder holds none.

    Raises OnshoreError with every fault that can be seen on any day; whether one is in force is asked on a day.
    `rules`: None where they cannot be read; what they say of a waiver is then not asked.
    """
    return _load_deviations(directory, Waiver, "waiver", lambda waiver: waiver_faults(waiver, rules))


def load_declassifications(directory: Path) -> tuple[Declassification, ...]:
    """The declassifications of a folder, one a file that bears its id; raises OnshoreError as `load_waivers` does."""
    return _load_deviations(directory, Declassification, "declassification", declassification_faults)


def _load_deviations(
    directory: Path, model: type[D], called: str, faults_of: Callable[[D], Iterable[Fault]]
) -> tuple[D, ...]:
    reading = _Reading(directory)
    found: list[D] = []
    first: dict[str, str] = {}
    for document in filter(None, map(reading.document, sorted(directory.glob("*.yaml")))):
        whole, faults = validate(model, document)
        reading.faults += faults
        record = whole or readable(model, document)  # what can be said of the fields that are right is said as well
        found.append(record)
        for fault in faults_of(record):
            reading.faults.append(Fault(document.where((fault.where,)), fault.what, fault.got, fault.why, fault.fix))
        if "id" not in record.model_fields_set:
            continue
        where = document.where(("id",))
        if record.id in first:
            fix = f"the first one stands at {first[record.id]}"
            reading.faults.append(Fault(where, f"this {called} exists already", record.id, fix=fix))
        first.setdefault(record.id, where)
        if Path(document.name).stem != record.id:
            fix = f"use {record.id}.yaml"
            reading.faults.append(Fault(where, f"a {called}'s file bears its id", record.id, fix=fix))
    reading.check_leftovers(f"one {called} a file, <id>.yaml")
    if reading.faults:
        raise OnshoreError(f"the {called}s in {display_name(directory)} cannot be used", by_line(reading.faults))
    return tuple(found)


def _retired(reading: _Reading, path: Path) -> tuple[RetiredRule, ...]:
    """The rules that are no more; without the file there are none."""
    part = reading.record(path, _Retired) if path.exists() else None
    if part is None:
        return ()
    document, record = part
    ids = [rule.id for rule in record.retired]
    for index, rule_id in enumerate(ids):
        if rule_id in ids[:index]:
            reading.faults.append(Fault(document.where(("retired", index, "id")), "retired twice", rule_id))
    return record.retired


class _Reading:
    """The files of one load: what was read, and every fault so far."""

    def __init__(self, directory: Path) -> None:
        self.faults: list[Fault] = []
        self.read: dict[Path, bytes] = {}
        self._directory = directory

    def record(self, path: Path, model: type[M]) -> tuple[Document, M] | None:
        document = self.document(path)
        if document is None:
            return None
        record, faults = validate(model, document)
        self.faults += faults
        return (document, record) if record is not None else None

    def document(self, path: Path) -> Document | None:
        self.read[path] = b""
        try:
            document = read_parts(path)
        except OnshoreError as error:
            self.faults += error.faults
            return None
        self.faults += document.faults
        self.read[path] = document.raw
        if not document.raw.endswith(b"\n"):
            # `valid_until: 2036-12-3` is a date too: a file that stops within a line was cut off.
            fix = "restore it, or end its last line"
            self.faults.append(Fault(document.name, "the file ends within a line, it may be cut off", fix=fix))
        return document

    def check_leftovers(self, known: str = _REGISTER_FILES) -> None:
        """A file that nobody reads is a fact that nobody heeds."""
        for path in sorted(self._directory.rglob("*")):
            if path.is_file() and path not in self.read and not path.name.startswith(".") and path.suffix != ".md":
                fault = Fault(display_name(path), "a file that nobody reads", fix=f"name it {known}; or remove it")
                self.faults.append(fault)


def _hosts(
    providers: Sequence[tuple[Document, Provider]], laid: Sequence[tuple[Document, RegisterOverlay]] = ()
) -> list[PlacedHost]:
    """Every host of providers and overlays with where it stands; those of an overlay are fictional."""
    own: list[PlacedHost] = [
        (document, ("hosts", index), provider, host)
        for document, provider in providers
        for index, host in enumerate(provider.hosts)
    ]
    by_id = {provider.id: provider for _, provider in providers}
    return own + [
        (document, ("hosts", index), by_id[host.provider], _added(host))
        for document, overlay in laid
        for index, host in enumerate(overlay.hosts)
    ]


def _added(host: HostOverlay) -> Host:
    return Host.model_validate({**host.model_dump(exclude={"provider"}), "fictional": True})


def _on_premises(
    file: tuple[Document, _OnPremises] | None, laid: Sequence[tuple[Document, RegisterOverlay]] = ()
) -> list[tuple[Document, KeyPath, OnPremisesHost]]:
    """Every machine of a department's own with where it stands; those of an overlay are fictional."""
    own: list[tuple[Document, KeyPath, OnPremisesHost]] = []
    if file:
        own = [(file[0], ("on_premises", index), host) for index, host in enumerate(file[1].on_premises)]
    return own + [
        (document, ("on_premises", index), host.model_copy(update={"fictional": True}))
        for document, overlay in laid
        for index, host in enumerate(overlay.on_premises)
    ]


def _overlaid(provider: Provider, overlays: Sequence[RegisterOverlay], hosts: Sequence[PlacedHost]) -> Provider:
    addresses = {record.id: record for overlay in overlays for record in overlay.clusters}
    regions = {record.id: record for overlay in overlays for record in overlay.regions}

    def laid(cluster: Cluster) -> Cluster:
        record = addresses.get(cluster.id)
        if record is None:
            return cluster
        return cluster.model_copy(
            update={"server": record.server, "ca_sha256": record.ca_sha256, "fictional": True},
        )

    changes = {
        "clusters": tuple(map(laid, provider.clusters)),
        "regions": tuple(_laid_region(region, regions.get(region.id)) for region in provider.regions),
        "hosts": tuple(host for _, _, keeper, host in hosts if keeper.id == provider.id),
    }
    return provider.model_copy(update=changes)


def _laid_region(region: Region, record: RegionOverlay | None) -> Region:
    """A region at the address, and with the images, that an overlay says."""
    if record is None or region.pulumi is None or region.openstack is None:
        return region
    digests = {image.name: image for image in record.images}
    store = region.openstack.object_store
    if store and record.object_store:
        store = store.model_copy(update={"endpoint": record.object_store})
    offered = region.openstack.model_copy(
        update={
            "ca_sha256": record.ca_sha256,
            "images": tuple(digests.get(image.name, image) for image in region.openstack.images),
            "object_store": store,
        }
    )
    there = region.pulumi.model_copy(update={"endpoint": record.auth_url})
    return region.model_copy(update={"pulumi": there, "openstack": offered, "fictional": True})


def _digest(directory: Path, read: Mapping[Path, bytes], overlays: Sequence[tuple[Document, RegisterOverlay]]) -> str:
    """sha256 over name and content of each file, in order of name; of an overlay, over id and content."""
    files = {str(path.relative_to(directory)): raw for path, raw in read.items() if path.is_relative_to(directory)}
    files |= {f"overlay:{o.overlay}:{hashlib.sha256(d.raw).hexdigest()}": d.raw for d, o in overlays}
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()
