"""What a run refuses before or while it plans, in whose words, and that nothing is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import EngineError, Options

if TYPE_CHECKING:
    from tests.engine.projects import Project

DISABLED = "config:\n  pulumi:disable-default-providers: {0}\n"


@pytest.mark.parametrize("listed", ['["*"]', "[fake, other]"])
@pytest.mark.parametrize("operation", ["preview", "up"])
def test_a_resource_without_a_provider_is_named_where_default_ones_are_disabled(
    project: Project, listed: str, operation: str
) -> None:
    (project.folder / "Pulumi.test.yaml").write_text(DISABLED.format(listed), encoding="utf-8")
    project.program("Thing('a')")
    result = project.run(operation)
    urn = "urn:pulumi:test::shop::fake:index:Thing::a"
    errors = [
        event["diagnosticEvent"]
        for event in result.events
        if event.get("diagnosticEvent", {}).get("severity", "").startswith(("error", "info#err"))
    ]
    assert [(error["urn"], error["message"].strip()) for error in errors] == [
        (urn, f"Default provider for 'fake' disabled. '{urn}' must use an explicit provider.")
    ]
    assert result.exit_code == 1
    assert project.cloud.calls == []


def test_an_explicit_provider_serves_where_default_ones_are_disabled(project: Project) -> None:
    (project.folder / "Pulumi.test.yaml").write_text(DISABLED.format('["*"]'), encoding="utf-8")
    result = project.up(
        "own = pulumi.ProviderResource('fake', 'own', {})\nThing('a', opts=pulumi.ResourceOptions(provider=own))"
    )
    assert result.errors == []
    assert ("create", "a") in result.steps


NOT_HONOURED = {
    "replace_with": (
        "replace_with=[first]",
        "fake:index:Thing 'a' uses replace_with, which the embedded",
    ),
    "replacement_trigger": ("replacement_trigger='x'", "fake:index:Thing 'a' uses replacement_trigger, which"),
    "env_var_mappings": ("env_var_mappings={'A': 'B'}", "fake:index:Thing 'a' uses env_var_mappings, which"),
    "state_migrations": ("state_migrations=[lambda args: None]", "fake:index:Thing 'a' uses state_migrations, which"),
    "hooks": (
        "hooks=pulumi.ResourceHookBinding(before_create=[pulumi.ResourceHook('look', lambda args: None)])",
        "resource hook 'look': hooks are not supported by the embedded engine",
    ),
    "a time that is none": (
        "custom_timeouts=pulumi.CustomTimeouts(create='soon')",
        "fake:index:Thing 'a': custom_timeouts.create: 'soon' is not a duration such as 5m or 1h30m",
    ),
}


@pytest.mark.parametrize("name", NOT_HONOURED)
def test_an_option_that_is_not_honoured_is_named_with_its_resource_and_no_frame_of_the_sdk(
    project: Project, name: str
) -> None:
    option, words = NOT_HONOURED[name]
    project.program(f"first = Thing('first')\nThing('a', opts=pulumi.ResourceOptions({option}))")
    result = project.run("preview")
    assert result.exit_code == 1
    said = "\n".join(result.errors)
    assert words in said
    assert "Traceback" not in said


def test_a_function_without_a_provider_is_named_where_default_ones_are_disabled(project: Project) -> None:
    (project.folder / "Pulumi.test.yaml").write_text(DISABLED.format('["*"]'), encoding="utf-8")
    result = project.up("pulumi.runtime.invoke('fake:index:double', {'value': 1})")
    text = "Default provider for 'fake' disabled. 'fake:index:double' must use an explicit provider."
    assert text in result.errors[0]


@pytest.mark.parametrize(("call", "frames"), [("invoke_output", False), ("invoke", True)])
def test_a_function_that_fails_shows_the_programs_line_where_it_waited_and_no_frame_of_the_sdk(
    project: Project, call: str, frames: bool
) -> None:
    result = project.up(f"pulumi.runtime.{call}('fake:index:none', {{'value': 1}})")
    text = "invoke of fake:index:none failed: invocation of fake:index:none returned an error: unknown function"
    assert text in result.errors[0]
    assert ("Traceback" in result.errors[0]) is frames
    assert "site-packages" not in result.errors[0].partition("__main__")[0]


@pytest.mark.parametrize("operation", ["destroy", "refresh"])
def test_a_stack_that_was_never_deployed_is_not_found_and_not_made(project: Project, operation: str) -> None:
    before = (project.folder / "Pulumi.test.yaml").read_bytes()
    with pytest.raises(EngineError, match="no stack named 'test' found") as refusal:
        getattr(project.engine(), operation)("test", Options())
    assert refusal.value.exit_code == 6
    assert not (project.folder / "state").exists()
    assert (project.folder / "Pulumi.test.yaml").read_bytes() == before


def test_an_emptied_stack_can_be_refreshed_and_destroyed_again(project: Project) -> None:
    project.up("Thing('a')")
    assert all(project.run(operation).ok for operation in ("destroy", "refresh", "destroy"))
