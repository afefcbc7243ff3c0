"""An input that contains itself or goes too deep is named with its resource, without the SDK's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.projects import Project

CIRCLE = "d = {}\nd['a'] = d\n"
DEEP = "d = {{}}\nfor _ in range({0}):\n    d = {{'a': d}}\n"
ENDLESS = {
    "a mapping in itself": (f"{CIRCLE}Thing('c', data=d)", "the input data of fake:index:Thing c"),
    "a list in itself": ("d = []\nd.append(d)\nThing('c', data=d)", "the input data of fake:index:Thing c"),
    "a component's": (f"{CIRCLE}Group('g', data=d)", "the input data of fake:index:Group g"),
    "a function's": (f"{CIRCLE}pulumi.runtime.invoke('fake:index:double', {{'value': d}})", "the input value"),
    "thousands of levels": (f"{DEEP.format(3000)}Thing('c', data=d)", "the input data of fake:index:Thing c"),
    "hundreds of levels": (f"{DEEP.format(400)}Thing('c', data=d)", "a value"),
    "a name on several lines": (f"{CIRCLE}Thing('c\\n\\u202ed', data=d)", "the input data of fake:index:Thing c d"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_input_without_an_end_is_named_in_words(project: Project, name: str) -> None:
    body, says = ENDLESS[name]
    project.program(body)
    result = project.run("preview")
    (error,) = result.errors
    assert error.startswith(f"{says} contains itself, or is nested too deeply"), error
    assert "\n    fix: write the value out" in error
    assert "Traceback" not in error
    assert "site-packages" not in error
    assert (result.exit_code, project.cloud.calls) == (1, [])


def test_a_program_that_calls_itself_without_end_is_shown_where(project: Project) -> None:
    project.program("def f(n):\n    return f(n + 1)\n\nf(1)")
    (error,) = project.run("preview").errors
    assert "in f\n" in error
    assert "RecursionError" in error
