"""What a console tells of a new machine, and what is asked before a region is asked at all."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from playbooks.host_keys import HostKeys, replaced, told_key
from playbooks.running import Stopping
from playbooks.values import wrapped
from tests.components.conftest import certificate
from tests.hosts import EXAMPLE

if TYPE_CHECKING:
    from pathlib import Path

BEGIN, END = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"
ED, EC, RSA = (
    f"{kind} {letter * 40}" for kind, letter in (("ssh-ed25519", "A"), ("ecdsa-sha2-nistp256", "B"), ("ssh-rsa", "C"))
)
WHOSE = {"department": "health-example", "category": "restricted"}
HERE = "example-csp-alpha-khi"
CONSOLES: dict[str, tuple[list[str], str]] = {
    "nothing yet": (["booting"], ""),
    "half of it": ([BEGIN, ED], ""),
    "one key": ([BEGIN, f"{ED} root@records-0", END, "login:"], ED),
    "the best of several": ([BEGIN, RSA, EC, ED, END], ED),
    "the next best": ([BEGIN, RSA, EC, END], EC),
    "of two boots the last": ([BEGIN, ED, END, "rebooting", BEGIN, EC, END], EC),
    "only fingerprints": (
        ["-----BEGIN SSH HOST KEY FINGERPRINTS-----", ED, "-----END SSH HOST KEY FINGERPRINTS-----"],
        "",
    ),
    "no key between the lines": ([BEGIN, "ssh-dss AAAA", "ssh-ed25519", "rm -rf /", END], ""),
    "lines as a terminal ends them": ([BEGIN + "\r", ED + " root@x\r", END + "\r"], ED),
}


@pytest.mark.parametrize("name", CONSOLES)
def test_a_console_tells_a_host_key_between_the_lines_of_cloud_init(name: str) -> None:
    lines, key = CONSOLES[name]
    assert told_key("\n".join(lines)) == key


@given(st.text())
def test_no_console_tells_what_is_no_key(noise: str) -> None:
    assert told_key(noise) == ""
    found = told_key(f"{BEGIN}\n{noise}\n{END}")
    assert found == "" or (found.startswith(("ssh-", "ecdsa-")) and "\n" not in found)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The authority of the region, in a project whose register pins it."""
    made = certificate("region")
    digest = hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()
    laid = [{"id": HERE, "auth_url": "https://127.0.0.1:1/v3", "ca_sha256": digest}]
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump({"overlay": "test", "fictional": True, "regions": laid}))
    settings = {"register": str(EXAMPLE), "profile": "pakistan-cloud-first-trial"}
    (tmp_path / "onshore.yaml").write_text(json.dumps(settings))
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(tmp_path / "overlay.yaml"))
    monkeypatch.chdir(tmp_path)
    return made.public_bytes(Encoding.PEM).decode()


def faults(**inputs: Any) -> str:
    keys = HostKeys(lambda *_, **__: None, Stopping())
    return "\n".join(
        str(fault) for fault in keys.check({name: wrapped(value) for name, value in {**WHOSE, **inputs}.items()})
    )


def test_a_region_is_asked_under_the_authority_that_the_register_pins(authority: str) -> None:
    login = {"authority": authority, "user": "clinic", "password": "not-to-be-shown"}
    assert faults(region=HERE, instanceId="machine-1", login=login) == ""
    another = certificate("another").public_bytes(Encoding.PEM).decode()
    for inputs, words in (
        ({"region": "moon", "login": login}, "not an OpenStack region of the register"),
        ({"region": HERE, "login": {**login, "authority": another}}, "another certificate authority"),
        ({"region": HERE, "login": {**login, "authority": ""}}, "another certificate authority"),
        ({"region": HERE, "login": {**login, "pasword": "not-to-be-shown"}}, "login.pasword"),
        ({"region": HERE}, "login"),
        ({"login": login}, "region"),
    ):
        said = faults(instanceId="machine-1", **inputs)
        assert words in said
        assert "not-to-be-shown" not in said


def test_another_machine_has_another_key_and_another_login_does_not_make_one() -> None:
    olds = {name: wrapped(value) for name, value in {"region": HERE, "instanceId": "a", "login": {"user": "x"}}.items()}
    assert replaced(olds, {**olds, "login": wrapped({"user": "y"})}) == []
    assert replaced(olds, {**olds, "instanceId": wrapped("b")}) == ["instanceId"]
