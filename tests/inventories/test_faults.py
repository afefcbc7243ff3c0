"""The one error of the rooms that know the law, with and without Pulumi in the process."""

from __future__ import annotations

import subprocess
import sys
import traceback

import pulumi
import pytest

from inventories import Fault, OnshoreError
from inventories.questions import Questions

WITHOUT_PULUMI = """
import sys
from inventories import OnshoreError
error = OnshoreError("no", refused=True)
assert type(error) is OnshoreError
assert "pulumi" not in sys.modules
"""


def test_in_a_pulumi_program_it_ends_the_program_in_words() -> None:
    with pytest.raises(pulumi.RunError) as ended:
        raise OnshoreError("no", [Fault("here", "wrong", fix="mend it")], refused=True)
    assert isinstance(ended.value, OnshoreError)
    assert ended.value.refused
    assert str(ended.value) == "no\n  here: wrong\n    fix: mend it"


def test_whoever_prints_its_traceback_finds_none() -> None:
    with pytest.raises(OnshoreError) as ended:
        raise OnshoreError("no")
    assert traceback.format_exception(ended.value) == ["inventories.faults.OnshoreError: no\n"]


def test_without_pulumi_it_is_an_ordinary_error_and_does_not_import_it() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_PULUMI], check=True)


def test_each_fault_is_told_once_whether_one_error_was_found_or_several() -> None:
    questions = Questions("a")
    questions.faults += [Fault("region r", "no addresses"), Fault("region r", "no addresses")]
    with pytest.raises(OnshoreError) as alone:
        questions.settle()
    questions.found.append(OnshoreError("b", [Fault("else", "wrong")]))
    with pytest.raises(OnshoreError) as both:
        questions.settle()
    assert [len(error.value.faults) for error in (alone, both)] == [1, 2]
