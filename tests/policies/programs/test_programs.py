"""Whole programs of others, two-way: what is lawful passes, what is unlawful or unknown is refused by its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.policies.programs import aws_programs, azure_programs, google_programs, openstack_programs
from tests.policies.programs.running import Program, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.testing import Ran

MODULES = (openstack_programs, aws_programs, azure_programs, google_programs)
PROGRAMS = {
    f"{module.__name__.rpartition('.')[2].removesuffix('_programs')}: {name}": program
    for module in MODULES
    for name, program in module.PROGRAMS.items()
}


@pytest.fixture(scope="module")
def preview() -> Iterator[Callable[[Program], Ran]]:
    """How a program is previewed with the pack."""
    with served() as how:
        yield how


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_refused_by_its_rules_and_no_others(preview: Callable[[Program], Ran], name: str) -> None:
    program = PROGRAMS[name]
    ran = preview(program)
    said = [finding.message for finding in ran.findings]
    assert {finding.policy for finding in ran.findings} == program.refused_by, said
    assert [message for message in said if "not-to-be-shown" in message] == []
    assert ran.ok is not bool(program.refused_by)
    if ran.ok:
        assert ran.changes.get("create", 0) > 1  # something was planned: the pack was asked
