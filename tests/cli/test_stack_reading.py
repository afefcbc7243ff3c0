"""Two stacks of one project on the embedded engine: what the second may read of the first."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inventories import today
from inventories.profile import load_profile
from tests.cli.refusals import check_words

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from tests.project import Onshore

PROGRAM = """
import pulumi

class Thing(pulumi.ComponentResource):
    def __init__(self, name, **props):
        super().__init__("example:index:Thing", name, props)
        self.register_outputs({})

config = pulumi.Config("reading")
exec(config.require("program"))
"""
SOURCE = """
pulumi.export("category", pulumi.Config("onshore").require("category"))
pulumi.export("department", pulumi.Config("onshore").require("department"))
pulumi.export("url", "https://forms.example")
pulumi.export("token", pulumi.Output.secret("not-to-be-shown"))
"""
READER = """
from components.stack_reading import StackReading
reading = StackReading("forms", {"stack": STACK, "outputs": OUTPUTS})
Thing("thing", **reading.values)
for key, value in reading.values.items():
    pulumi.export(key, value)
"""
PLAIN = """
source = pulumi.StackReference("organization/onshore/source")
"""
DECLASSIFICATION = """\
id: dcl-1
from_stack: onshore/source
to_stack: onshore/reader
outputs: [url]
owner: A person of the department
approver: Head of the department
reason: The address of a public form is no confidential data
reference: DCL/2026/1
starts_on: {starts_on}
ends_on: {ends_on}
"""
TODAY = today(load_profile("pakistan-cloud-first-trial"))


def write(onshore: Onshore, stack: str, category: str, program: str) -> None:
    config = {
        "pulumi:disable-default-providers": ["*"],
        "onshore:department": "health-example",
        "onshore:category": category,
        "reading:program": program,
    }
    onshore.write(f"flows/Pulumi.{stack}.yaml", json.dumps({"config": config}, indent=1) + "\n")


def reader(stack: str = "source", outputs: tuple[str, ...] = ("url",)) -> str:
    return READER.replace("STACK", repr(stack)).replace("OUTPUTS", repr(list(outputs)))


@pytest.fixture
def project(offline: Onshore) -> Onshore:
    offline.write("flows/Pulumi.yaml", "name: onshore\nruntime: python\n")
    offline.write("flows/__main__.py", PROGRAM)
    opened = offline.root / "opened"
    opened.mkdir()
    offline.environment["ONSHORE_DECLASSIFICATIONS"] = str(opened)  # for the pack too, which is the real one
    return offline


def run(project: Onshore, command: str, stack: str) -> CompletedProcess[str]:
    return project(command, stack, "--cwd", "flows", *(["--yes"] if command == "up" else []), "--json")


def up_source(project: Onshore, category: str = "restricted", program: str = SOURCE) -> None:
    write(project, "source", category, program)
    done = run(project, "up", "source")
    assert done.returncode == 0, done.stdout + done.stderr


def declassify(project: Onshore, starts: int = -1, ends: int = 1, text: str = DECLASSIFICATION) -> None:
    days = {"starts_on": TODAY + timedelta(days=starts), "ends_on": TODAY + timedelta(days=ends)}
    project.write("opened/dcl-1.yaml", text.format(**days))


def test_a_stack_reads_one_of_its_own_category_and_keeps_its_secrets(project: Onshore) -> None:
    up_source(project)
    write(project, "reader", "restricted", reader(outputs=("url", "token")))
    previewed = run(project, "preview", "reader")
    assert previewed.returncode == 0, previewed.stdout + previewed.stderr
    done = run(project, "up", "reader")
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["outputs"] == {"url": "https://forms.example", "token": "[secret]"}
    assert "not-to-be-shown" not in previewed.stdout + previewed.stderr + done.stdout + done.stderr


def test_a_more_sensitive_stack_is_read_with_a_declassification_in_force_alone(project: Onshore) -> None:
    up_source(project)
    write(project, "reader", "open", reader())
    for starts, ends, words in ((None, None, "no declassification"), (-9, -1, "ended"), (1, 2, "not begun")):
        if starts is not None and ends is not None:
            declassify(project, starts, ends)
        check_words(run(project, "preview", "reader"), 3, ["FLO-001", "restricted", "open", words])
    declassify(project)
    done = run(project, "up", "reader")
    assert done.returncode == 0, done.stdout + done.stderr
    write(project, "reader", "open", reader(outputs=("url", "token")))
    check_words(run(project, "preview", "reader"), 3, ["FLO-001", "no declassification", "token, url"])


@pytest.mark.parametrize(
    ("stack", "outputs", "words"),
    [
        ("nobody", ("url",), ["organization/onshore/nobody", "cannot be read"]),
        ("source", ("urls",), ["has no such output", "did you mean `url`?"]),
        ("a/b/c", ("url",), ["not one stack", "project/stack"]),
        ("../x", ("url",), ["not one stack", "project/stack"]),
        ("", ("url",), ["not one stack"]),
        ("source", (), ["does not name outputs"]),
    ],
)
def test_what_is_not_there_is_refused_in_words(
    project: Onshore, stack: str, outputs: tuple[str, ...], words: list[str]
) -> None:
    up_source(project)
    write(project, "reader", "restricted", reader(stack, outputs))
    check_words(run(project, "preview", "reader"), 3, words)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("pulumi.export('url', 'x')", ["which category", "whose data"]),
        (SOURCE + "pulumi.export('category', 'restrictd')", ["which category", "restrictd"]),
        (SOURCE + "pulumi.export('category', pulumi.Output.secret('restricted'))", ["which category"]),
        (SOURCE + "pulumi.export('category', ['restricted'])", ["which category"]),
        (SOURCE + "pulumi.export('department', 'nobody-example')", ["whose data", "nobody-example"]),
    ],
)
def test_a_stack_that_does_not_say_what_it_holds_is_not_read(project: Onshore, program: str, words: list[str]) -> None:
    up_source(project, program=program)
    write(project, "reader", "secret", reader())
    check_words(run(project, "preview", "reader"), 3, words)
