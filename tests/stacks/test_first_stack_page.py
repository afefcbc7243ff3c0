"""What docs/first-stack.md shows is true: its files can be built, its program runs, its table names every key."""

from __future__ import annotations

import re
from pathlib import Path

import pulumi
import pytest
import yaml

from components.deployment import StackSpec, read_spec
from components.score import parse_score

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first-stack.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}(?: \S+)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_score_file_of_the_page_can_be_built() -> None:
    assert parse_score(blocks("yaml")[0]).name == "vaccination-api"


def test_the_stack_file_of_the_page_is_the_projects_and_has_five_lines_at_most() -> None:
    shown = blocks("yaml")[1]
    assert shown == (ROOT / "stacks" / "Pulumi.health-vaccination-api.yaml").read_text(encoding="utf-8")
    assert len(shown.splitlines()) <= 5
    assert read_spec(yaml.safe_load(shown)["config"]).department == "health-example"


def test_the_program_of_the_page_builds_a_zone_and_a_service(settings, record) -> None:
    del settings
    (program,) = blocks("python")
    kinds = {one.type for one in record(lambda: exec(compile(program, "page", "exec"), {}))}  # noqa: S102 - the page's
    assert {"onshore:index:LandingZone", "onshore:index:WebService", "kubernetes:apps/v1:Deployment"} <= kinds


def test_the_program_of_the_page_refuses_in_words(settings, record) -> None:
    del settings
    program = blocks("python")[0].replace('"restricted"', '"restrictd"')
    with pytest.raises(pulumi.RunError, match="did you mean `restricted`"):
        record(lambda: exec(compile(program, "page", "exec"), {}))  # noqa: S102 - the page's


def test_the_table_of_the_page_names_every_key_and_no_other() -> None:
    assert set(re.findall(r"^\| `onshore:(\w+)`", PAGE, re.MULTILINE)) == set(StackSpec.model_fields)
