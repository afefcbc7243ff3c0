"""`onshore config`: values and secrets in a stack's file, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

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
