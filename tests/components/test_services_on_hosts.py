"""What components of services on hosts refuse before anything is registered, and what they register."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from components._hosted import UNENCRYPTED, disk_encryption
from components._scram import scram_verifier
from components.ansible_run import AnsibleAccess
from components.file_store import FileStore
from components.governance import Law
from components.host_service import HostService
from components.postgres_database import PostgresDatabase
from inventories import OnshoreError, load_profile
from inventories.models import Site
from tests.worlds import TODAY, load_host_cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.components.conftest import Registered

PASSWORD = "a long enough password"  # noqa: S105 - a test's
KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32).decode()
SHARED: dict[str, Any] = {
    "department": "health-example",
    "category": "restricted",
    "host": "example-host-1",
    "clients": ["10.20.0.0/16"],
    "backup_host": "example-host-2",
    "backup_recipient": "age1" + "q" * 58,
}
TLS: dict[str, Any] = {"tls_certificate": "certificate", "tls_private_key": "private key"}
ARGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "database": (
        PostgresDatabase,
        {**SHARED, **TLS, "database": "clinic", "owner": "clinic_owner", "passwords": {"clinic_owner": PASSWORD}},
    ),
    "store": (FileStore, {**SHARED, "quota_mib": 100, "writers": [KEY]}),
    "service": (HostService, {**SHARED, **TLS, "command": ["serve", "--all"], "port": 8443}),
}


def law(profile: str = "pakistan-cloud-first-trial") -> Law:
    """Two hosts in the country, and one of another provider abroad."""
    case = next(case for case in load_host_cases() if case.id == "hosts/restricted-on-a-host")
    (alpha,) = case.register.providers
    (host,), (region,) = alpha.hosts, alpha.regions
    second = host.model_copy(update={"id": "example-host-2", "address": "host-2.example"})
    beta = alpha.model_copy(
        update={
            "id": "example-csp-beta",
            "sites": (Site(id="example-site-xa", name="Abroad", country="XA"),),
            "regions": (region.model_copy(update={"id": "example-region-xa", "sites": ("example-site-xa",)}),),
            "hosts": (
                host.model_copy(
                    update={"id": "example-host-xa", "site": "example-site-xa", "region": "example-region-xa"}
                ),
            ),
        }
    )
    providers = (alpha.model_copy(update={"hosts": (host, second)}), beta)
    fields = {name: getattr(case.register, name) for name in type(case.register).model_fields}
    return Law(type(case.register)(**{**fields, "providers": providers}), load_profile(profile), TODAY)


def build(kind: str, *, name: str = "records", access: bool = True, **changed: Any) -> None:
    component, args = ARGS[kind]
    wanted = {key: value for key, value in {**args, **changed}.items() if value is not None}
    opts = pulumi.ResourceOptions(providers=[AnsibleAccess("hosts")]) if access else None
    component(name, wanted, opts, law=law())


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("database", {"host": "example-host-9"}, ["unknown host", "example-host-9"]),
    ("database", {"category": "royal"}, ["unknown data category"]),
    ("database", {"department": "finance-example"}, ["unknown department"]),
    ("database", {"host": "example-host-xa"}, ["RES-001"]),
    ("database", {"backup_host": "example-host-xa"}, ["RES-001", "RES-002"]),
    ("database", {"category": "open", "backup_host": "example-host-xa"}, ["a backup target outside the country"]),
    ("database", {"backup_host": "example-host-1"}, ["a backup that stands where its source does is none"]),
    ("database", {"backup_host": "s3://bucket"}, ["unknown host"]),
    ("database", {"backup_recipient": "AGE-SECRET-KEY-1"}, ["not a public key of age"]),
    ("database", {"clients": ["0.0.0.0/0"]}, ["open to the public (EXP-001)"]),
    ("database", {"clients": ["8.8.8.0/24"]}, ["open to the public (EXP-001)"]),
    ("database", {"clients": ["10.0.0.1/8"]}, ["not a network"]),
    ("database", {"clients": []}, ["nobody may connect"]),
    ("database", {"port": 22}, ["not a port for a service"]),
    ("database", {"port": 70000}, ["not a port for a service"]),
    ("database", {"access": False}, ["it has no access to hosts"]),
    ("database", {"name": "Records; rm"}, ["not a name for a service"]),
    ("database", {"database": 'x"; drop'}, ["database", "not a name for it"]),
    ("database", {"owner": "postgres", "passwords": {"postgres": PASSWORD}}, ["not a name for it"]),
    ("database", {"readers": ["clinic_owner"]}, ["a role that is named twice"]),
    ("database", {"readers": ["report"]}, ["passwords.report", "a role without a password"]),
    ("database", {"passwords": {"clinic_owner": "short"}}, ["fewer than 12"]),
    ("database", {"passwords": {"clinic_owner": PASSWORD, "other": PASSWORD}}, ["a password of no role"]),
    ("database", {"backup_every_hours": 0}, ["not an interval of backups"]),
    ("database", {"backup_keep_days": 0}, ["not a number of days"]),
    (
        "database",
        {"passwords": pulumi.Output.from_input({"clinic_owner": PASSWORD})},
        ["passwords", "not a map that is"],
    ),
    ("service", {"environment": pulumi.Output.from_input({})}, ["environment", "not a map that is known"]),
    ("store", {"mode": "0755"}, ["not a mode for a department's files"]),
    ("store", {"mode": "rwx"}, ["not a mode for a department's files"]),
    ("store", {"quota_mib": 0}, ["not a size"]),
    ("store", {"writers": []}, ["nobody may reach it"]),
    ("store", {"readers": ['command="sh" ' + KEY]}, ["readers[0]", "not a public SSH key"]),
    ("service", {"port": 443}, ["the service has no privilege"]),
    ("service", {"command": []}, ["nothing that could be run"]),
    ("service", {"command": ["a", "b\nc"]}, ["command[1]"]),
    ("service", {"files": {"../x": ""}}, ["not the name of a file"]),
    ("service", {"environment": {"PATH": "x"}}, ["not a variable to set"]),
    ("service", {"environment": {"lower": "x"}}, ["not a variable to set"]),
    ("service", {"port": 80, "clients": ["x"], "backup_host": "y"}, ["no privilege", "not a network", "unknown host"]),
]


@pytest.mark.parametrize(("kind", "changed", "words"), REFUSED, ids=[f"{row[0]}: {row[2]}" for row in REFUSED])
def test_what_is_wrong_is_refused_before_anything_is_registered(
    record: Callable[..., list[Registered]], kind: str, changed: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(OnshoreError) as caught:
        record(lambda: build(kind, **changed))
    said = "\n".join([caught.value.summary, *map(str, caught.value.faults)])
    assert all(word in said for word in words), said
    assert PASSWORD not in said


@pytest.mark.parametrize("kind", ARGS)
def test_what_is_lawful_is_one_run_on_both_hosts(record: Callable[..., list[Registered]], kind: str) -> None:
    seen = {one.type: one for one in record(lambda: build(kind)) if not one.type.startswith("pulumi:")}
    run = seen["onshore-ansible:index:Playbook"]
    assert run.inputs["hosts"] == ["example-host-1", "example-host-2"]
    assert run.inputs["groups"] == {"service": ["example-host-1"], "backup_target": ["example-host-2"]}
    assert run.inputs["playbook"].startswith("onshore:hosts/")
    variables = run.inputs["variables"]
    assert variables.get("value", variables)["disk_encryption"] == "trial"  # `value`: it holds secrets
    assert PASSWORD not in str(run.inputs), "a host is told what proves a password, not the password"


def test_a_disk_is_encrypted_by_the_registers_word_or_by_the_hosts_own() -> None:
    trial, production = law(), law("pakistan-cloud-first")
    (region,) = trial.register.providers[0].regions
    sure = region.model_copy(update={"encrypted_at_rest": frozenset({"vm"})})
    loose = production.profile.model_copy(update={"settings": trial.profile.settings})
    assert any(one.id == UNENCRYPTED and one.value is True for one in loose.settings)
    restricted, open_data = trial.profile.category("restricted"), trial.profile.category("open")
    assert restricted is not None
    assert open_data is not None
    assert disk_encryption(restricted, sure, production) == "registered"
    assert disk_encryption(restricted, region, production) == "asserted"
    assert disk_encryption(restricted, region, Law(production.register, loose, TODAY)) == "asserted"
    assert disk_encryption(restricted, region, trial) == "trial"
    assert disk_encryption(open_data, region, production) == "not-needed"


def test_a_verifier_is_the_one_that_the_standard_computes() -> None:
    verifier = scram_verifier(PASSWORD, salted_for="a role")
    assert verifier == scram_verifier(PASSWORD, salted_for="a role")
    assert verifier != scram_verifier(PASSWORD, salted_for="another role")
    head, salted, keys = verifier.split("$")
    rounds, salt = salted.split(":")
    stored, _ = keys.split(":")
    client = hmac.digest(
        hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(salt), int(rounds)), b"Client Key", "sha256"
    )
    assert head == "SCRAM-SHA-256"
    assert base64.b64decode(stored) == hashlib.sha256(client).digest()


@pytest.mark.parametrize("password", ["", "short", "naïve but long enough", "a tab\tin a long one"])
def test_a_password_that_servers_and_clients_could_read_otherwise_is_refused(password: str) -> None:
    with pytest.raises(OnshoreError, match="the password cannot be used"):
        scram_verifier(password, salted_for="a role")
