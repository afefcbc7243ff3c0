"""`onshore region`: what is refused before anything starts, and what `rm` takes away; no region is needed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from sandbox.region._layout import PORTS
from tests.cli.refusals import refuse
from tests.region import ABROAD, IN_COUNTRY, role_of

if TYPE_CHECKING:
    from tests.project import Onshore


def _stopped_region(project: Onshore, name: str, role: str = IN_COUNTRY) -> None:
    """What a region that was stopped leaves behind."""
    state = {"ports": dict.fromkeys(PORTS, 1), "role": asdict(role_of(role)), "password": "not-to-be-shown"}
    project.write(f".onshore/regions/{name}/region.json", json.dumps(state))


def test_a_region_that_another_plays_is_refused_with_the_line_to_type(offline: Onshore) -> None:
    _stopped_region(offline, "first")
    says = [
        "region first of this project plays it already",
        f"onshore region up --name open --register-region {ABROAD}",
        "onshore region up --name first",
    ]
    refuse(offline, "region", "up", "--name", "open", code=2, faults=1, says=says)


@pytest.mark.parametrize("wanted", ["example-csp-alpha-khj", "example-csp-alpha-lhe"], ids=["unknown", "no OpenStack"])
def test_a_region_that_the_register_lacks_cannot_be_played(offline: Onshore, wanted: str) -> None:
    says = ["the register has no such OpenStack region", wanted, f"`{IN_COUNTRY}`"]
    refuse(offline, "region", "up", "--register-region", wanted, code=2, faults=1, says=says)


@pytest.mark.parametrize("verb", [("down",), ("rm", "--yes")], ids=["down", "rm"])
def test_a_region_that_is_not_there_is_named(offline: Onshore, verb: tuple[str, ...]) -> None:
    _stopped_region(offline, "first")
    done = offline("region", *verb, "--name", "nope")
    assert done.returncode == 2
    assert "there is no region nope" in done.stderr
    assert "regions here: first" in done.stderr


def test_status_tells_machines_of_a_stopped_region_and_no_secret(offline: Onshore) -> None:
    assert json.loads(offline("region", "status", "--json").stdout) == []
    _stopped_region(offline, "first")
    done = offline("region", "status", "--json")
    (told,) = json.loads(done.stdout)
    assert (told["name"], told["register_region"], told["ready"]) == ("first", IN_COUNTRY, False)
    assert "not-to-be-shown" not in done.stdout + done.stderr


def test_rm_deletes_a_region_whatever_state_it_is_in(offline: Onshore) -> None:
    _stopped_region(offline, "first")
    offline.write(".onshore/regions/first/region.json", '{"ports": ')
    done = offline("region", "rm", "--name", "first", "--yes")
    assert done.returncode == 0, done.stderr
    assert not (offline.root / ".onshore" / "regions" / "first").exists()
