"""STA-001, two-way; and what a pack can read of a stack's state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from inventories.models import Site
from inventories.settings import StateBackend
from policies.state import StateFacts, read_state
from policies.values import MALFORMED
from tests.policies.asking import STACK_TYPE, Resource, World, law, with_setting
from tests.worlds import TODAY, load_cases

if TYPE_CHECKING:
    from pathlib import Path

LAWFUL = load_cases()[0]
STACK = Resource(STACK_TYPE, {})
PK, XA = "example-site-1", "xa-site"
LISTED = (
    StateBackend(url="s3://state-pk/onshore", site=PK),
    StateBackend(url="s3://asked?endpoint=s3.example&region=pk-1", site=PK),
    StateBackend(url="s3://state-xa", site=XA),
    StateBackend(url="s3://state-nowhere", site="gone"),
    StateBackend(url="file:///srv/state", site=PK),
    StateBackend(url="postgres://db.example/state", site=PK),
)
HOME = LAWFUL.register.providers[0]
REGISTER = LAWFUL.register.model_copy(
    update={"providers": (HOME.model_copy(update={"sites": (*HOME.sites, Site(id=XA, name="x", country="XA"))}),)}
)


def world(state: StateFacts, category: str = "restricted", *, machine: Any = False, vault: Any = False) -> World:
    profile = with_setting(LAWFUL.profile, "secrets-by-vault", value=vault)
    facts = law(REGISTER, profile, TODAY)
    profile = with_setting(facts.profile, "state-on-this-machine", value=machine)
    return World(category, facts=replace(facts, profile=profile, backends=LISTED), state=state)


@pytest.mark.parametrize(
    ("backend", "lawful"),
    [
        ("s3://state-pk/onshore", True),
        ("s3://state-pk/onshore/", True),
        ("s3://state-pk/onshore/health", True),
        ("s3://asked?endpoint=s3.example&region=pk-1", True),
        ("file:///srv/state", True),
        ("file:///srv/state/deep", True),
        ("postgres://db.example/state", True),
        (None, False),
        ("", False),
        ("s3://state-pk", False),
        ("s3://state-pk/onshore-abroad", False),
        ("s3://state-pk/onshore/../abroad", False),
        ("s3://state-pk/onshore?endpoint=s3.abroad.example", False),
        ("s3://asked", False),
        ("s3://asked?endpoint=s3.example&region=pk-1&endpoint=s3.abroad.example", False),
        ("s3://state-xa", False),
        ("s3://state-nowhere", False),
        ("S3://state-pk/onshore", False),
        ("s3://state%2Dpk/onshore", False),
        ("s3://state-pk/onshore#x", False),
        ("gs://state-pk/onshore", False),
        ("azblob://state", False),
        ("https://api.pulumi.com", False),
        ("postgres://user:password@db.example/state", False),
        ("file:///srv/state-abroad", False),
        ("file:///srv/state/%2e%2e/abroad", False),
        ("file:///mnt/abroad", False),
        ("file://~", False),
        ("http://[::1/state", False),
        ("s3://state-pk/onshore\n", False),
        ("no address at all", False),
    ],
)
def test_state_lies_where_the_settings_list_it_in_the_country(backend: str | None, lawful: bool) -> None:
    asked = world(StateFacts(backend, "passphrase"))
    assert asked.refused_by(STACK) == (set() if lawful else {"STA-001"})
    assert world(StateFacts(backend, "passphrase"), "open").refused_by(STACK) == set()


@pytest.mark.parametrize(("setting", "lawful"), [(True, True), (False, False), ("yes", False), (1, False)])
def test_a_folder_of_this_machine_is_lawful_where_the_profile_says_so(setting: Any, lawful: bool) -> None:
    for url in ("file:///tmp/state", "file:///tmp/with%20space", "file:///tmp/%C3%BC", "file://~"):
        assert world(StateFacts(url, "passphrase"), machine=setting).refused_by(STACK) == (
            set() if lawful else {"STA-001"}
        )
    assert world(StateFacts("s3://elsewhere", "passphrase"), machine=setting).refused_by(STACK) == {"STA-001"}


@pytest.mark.parametrize(
    ("provider", "lawful"),
    [
        ("passphrase", True),
        (None, False),
        (MALFORMED, False),
        ("", False),
        ("service", False),
        ("awskms://alias/key?region=us-east-1", False),
        ("gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k", False),
        ("azurekeyvault://vault.example/keys/k", False),
        ("hashivault://key", False),
        ("passphrase2", False),
    ],
)
def test_secrets_are_encrypted_by_a_key_in_the_country(provider: Any, lawful: bool) -> None:
    asked = world(StateFacts("file:///srv/state", provider))
    assert asked.refused_by(STACK) == (set() if lawful else {"STA-001"})


def test_a_vault_encrypts_secrets_where_the_profile_says_so() -> None:
    for setting, refused in ((True, set()), (False, {"STA-001"}), ("true", {"STA-001"})):
        asked = world(StateFacts("file:///srv/state", "hashivault://key"), vault=setting)
        assert asked.refused_by(STACK) == refused


def test_both_faults_are_told_and_no_password_is() -> None:
    found = world(StateFacts("postgres://me:hunter2@db.example/x", "awskms://hunter2@key")).analyze(STACK)
    told = " ".join(one.message for one in found)
    assert len(found) == 2
    assert "postgres://db.example" in told
    assert "hunter2" not in told


def project(folder: Path, own: str | None = "", said: str = "name: p\n") -> Path:
    (folder / "Pulumi.yaml").write_text(said)
    if own is not None:
        (folder / "Pulumi.s.yaml").write_text(own)
    return folder


@pytest.mark.parametrize(
    ("own", "provider"),
    [
        ("", "passphrase"),
        ("config: {a: 1}\n", "passphrase"),
        ("encryptionsalt: v1:abc\n", "passphrase"),
        ("secretsprovider: default\n", "passphrase"),
        ("secretsprovider: awskms://k\nencryptedkey: abc\n", "awskms://k"),
        ("encryptedkey: abc\n", MALFORMED),
        ("secretsprovider: [passphrase]\n", MALFORMED),
        ("- a list\n", MALFORMED),
        ("a: [\n", MALFORMED),
        (None, None),
    ],
)
def test_the_stacks_file_names_its_secrets_provider(tmp_path: Path, own: str | None, provider: Any) -> None:
    told = {"PULUMI_BACKEND_URL": "file:///a"}
    assert read_state(project(tmp_path, own), "p", "s", told) == StateFacts("file:///a", provider)
    assert read_state(None, "p", "s", told | {"PULUMI_PROJECT_ROOT": str(tmp_path)}).secrets_provider == provider


def test_the_environment_goes_before_the_project_in_naming_the_backend(tmp_path: Path) -> None:
    folder = project(tmp_path, said="name: p\nbackend: {url: 's3://b'}\n")
    assert read_state(folder, "p", "s", {}).backend == "s3://b"
    assert read_state(folder, "p", "s", {"PULUMI_BACKEND_URL": "s3://c"}).backend == "s3://c"
    assert read_state(project(tmp_path, said="name: p\nbackend: [1]\n"), "p", "s", {}).backend is None
    assert read_state(project(tmp_path), "p", "s", {}).backend is None


def test_another_projects_files_and_stacks_with_strange_names_say_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path)
    assert read_state(folder, "other", "s", {}) == StateFacts()
    assert read_state(None, "p", "s", {}) == StateFacts()
    assert read_state(tmp_path / "gone", "p", "s", {}) == StateFacts()
    for name in ("../s", "", "a/b", "..", "s" * 200):
        assert read_state(folder, "p", name, {}).secrets_provider is None
    assert read_state(project(tmp_path, said="name: p\nstackConfigDir: 7\n"), "p", "s", {}).secrets_provider is None


@pytest.mark.parametrize("url", ["state", "s3://", "s3://u:p@h/x", "s3://a%2Fb", "file:///a b", "s3://a#b", "S3://a"])
def test_a_listed_backend_is_written_plainly(url: str) -> None:
    with pytest.raises(ValidationError):
        StateBackend(url=url, site=PK)
