"""`onshore config`: values and secrets in a stack's file, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cli.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Onshore

STACK = "finance-payroll-nightly"
ENVIRONMENT = "onshore:environment.DB_LOGIN"


def _file(project: Onshore) -> Path:
    return project.root / "stacks" / f"Pulumi.{STACK}.yaml"


def test_a_secret_is_encrypted_inside_a_structured_value_and_read_back(offline: Onshore) -> None:
    before = yaml.safe_load(_file(offline).read_text(encoding="utf-8"))["config"]
    done = offline("config", "set", STACK, ENVIRONMENT, "not-to-be-shown", "--path", "--secret")
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"set {ENVIRONMENT} of {STACK} (encrypted)\n"
    text = _file(offline).read_text(encoding="utf-8")
    assert "not-to-be-shown" not in text
    assert yaml.safe_load(text)["encryptionsalt"].startswith("v1:")
    blinded = json.loads(offline("config", "show", STACK, "--json").stdout)
    assert json.loads(blinded["onshore:environment"])["DB_LOGIN"] == "[secret]"
    shown = json.loads(offline("config", "show", STACK, "--json", "--show-secrets").stdout)
    assert json.loads(shown["onshore:environment"])["DB_LOGIN"] == "not-to-be-shown"
    assert offline("config", "rm", STACK, ENVIRONMENT, "--path").returncode == 0
    assert yaml.safe_load(_file(offline).read_text(encoding="utf-8"))["config"] == before


def test_a_value_is_set_and_comments_stay(offline: Onshore) -> None:
    file = _file(offline)
    file.write_text(file.read_text(encoding="utf-8") + "  # a comment\n", encoding="utf-8")
    assert offline("config", "set", STACK, "onshore:schedule", "5 2 * * *").returncode == 0
    text = file.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["config"]["onshore:schedule"] == "5 2 * * *"
    assert "# a comment" in text


@pytest.mark.parametrize("key", ["no-namespace", "onshore:", "a b:c"])
def test_a_key_that_cannot_be_is_refused_and_nothing_is_written(key: str, offline: Onshore) -> None:
    before = _file(offline).read_bytes()
    done = offline("config", "set", STACK, key, "x")
    assert done.returncode == 2
    assert "namespace:name" in done.stderr
    assert _file(offline).read_bytes() == before


@pytest.mark.parametrize(("key", "path"), [("onshore:shedule", []), ("onshore:enviroment.LEDGER", ["--path"])])
def test_a_misspelt_key_is_refused_with_the_nearest_one(key: str, path: list[str], offline: Onshore) -> None:
    before = _file(offline).read_bytes()
    done = offline("config", "set", STACK, key, "x", *path)
    assert done.returncode == 2
    assert "did you mean `schedule`?" in done.stderr or "did you mean `environment`?" in done.stderr
    assert _file(offline).read_bytes() == before


def test_setting_a_value_of_an_unknown_stack_makes_no_stack(offline: Onshore) -> None:
    done = offline("config", "set", "finance-payrol", "onshore:schedule", "5 2 * * *")
    assert done.returncode == 2
    assert f"stacks here: {STACK}" in done.stderr
    assert not (offline.root / "stacks" / "Pulumi.finance-payrol.yaml").exists()


def test_a_secret_is_asked_for_twice_in_a_terminal_and_never_shown(offline: Onshore) -> None:
    with Terminal(offline, "config", "set", STACK, ENVIRONMENT, "--path", "--secret") as terminal:
        terminal.wait_for(":")
        terminal.type("typed-in-secret\n")
        terminal.wait_for("Repeat for confirmation")
        terminal.type("typed-in-secret\n")
        assert terminal.ends() == 0, terminal.text
    assert "(encrypted)" in terminal.text
    assert "typed-in-secret" not in terminal.text
    shown = json.loads(offline("config", "show", STACK, "--json", "--show-secrets").stdout)
    assert json.loads(shown["onshore:environment"])["DB_LOGIN"] == "typed-in-secret"
