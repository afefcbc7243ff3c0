"""Two stacks of one project on the embedded engine: what the second may read of the first."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inventories import today
from inventories.profile import load_profile
from tests.cli.refusals import check_words
from tests.project import Onshore, make_project

if TYPE_CHECKING:
    from subprocess import CompletedProcess


PROGRAM = """
import pulumi

class Thing(pulumi.ComponentResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("example:index:Thing", name, props, opts)
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


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Onshore:
    """A project in which `source`, of restricted data, is up."""
    made = make_project(tmp_path_factory.mktemp("flows") / "project")
    made.write("flows/Pulumi.yaml", "name: onshore\nruntime: python\n")
    made.write("flows/__main__.py", PROGRAM)
    opened = made.root / "opened"
    opened.mkdir()
    made.environment["ONSHORE_DECLASSIFICATIONS"] = str(opened)  # for the pack too, which is the real one
    write(made, "source", "restricted", SOURCE)
    done = run(made, "up", "source")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def run(project: Onshore, command: str, stack: str) -> CompletedProcess[str]:
    return project(command, stack, "--cwd", "flows", *(["--yes"] if command == "up" else []), "--json")


def declassify(project: Onshore, starts: int = -1, ends: int = 1, text: str = DECLASSIFICATION) -> None:
    days = {"starts_on": TODAY + timedelta(days=starts), "ends_on": TODAY + timedelta(days=ends)}
    project.write("opened/dcl-1.yaml", text.format(**days))


def test_a_stack_reads_one_of_its_own_category_and_keeps_its_secrets(project: Onshore) -> None:
    write(project, "same", "restricted", reader(outputs=("url", "token")))
    done = run(project, "up", "same")
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["outputs"] == {"url": "https://forms.example", "token": "[secret]"}
    state = next((project.root / "flows/.onshore/state").rglob("same.json")).read_text("utf-8")
    assert "not-to-be-shown" not in done.stdout + done.stderr + state


def test_a_more_sensitive_stack_is_read_with_a_declassification_in_force_alone(project: Onshore) -> None:
    write(project, "reader", "open", reader())
    check_words(run(project, "preview", "reader"), 3, ["FLO-001", "restricted", "open", "no declassification"])
    try:
        declassify(project, -9, -1)
        check_words(run(project, "preview", "reader"), 3, ["FLO-001", "dcl-1: ended"])
        declassify(project)
        done = run(project, "up", "reader")
        assert done.returncode == 0, done.stdout + done.stderr
        write(project, "reader", "open", reader(outputs=("url", "token")))
        check_words(run(project, "preview", "reader"), 3, ["FLO-001", "no declassification", "token, url"])
    finally:
        (project.root / "opened/dcl-1.yaml").unlink()


FAKE = """
class StackReading(pulumi.ComponentResource):
    def __init__(self, name, said):
        props = {"category": "open", "department": "health-example", "fromDepartment": "health-example", **said}
        super().__init__("onshore:index:StackReading", name, props)
        self.reference = pulumi.StackReference(
            f"{name}-outputs", "organization/onshore/source", pulumi.ResourceOptions(parent=self)
        )

reading = StackReading("forms", {"fromStack": "onshore/source", "fromCategory": "open", "outputs": ["url"]})
Thing("thing", url=reading.reference.get_output("url"))
"""
PLAIN = "source = pulumi.StackReference('organization/onshore/source')\n"
CALL = "pulumi.runtime.invoke('pulumi:pulumi:readStackOutputs', {'name': 'organization/onshore/source'})\n"
USED = PLAIN + "Thing('thing', url=source.get_output('url'))\n"
WAITED = PLAIN + "Thing('thing', opts=pulumi.ResourceOptions(depends_on=[source]))\n"


@pytest.mark.parametrize(
    ("category", "program", "code"),
    [
        ("restricted", PLAIN, 0),
        ("restricted", CALL, 0),
        ("restricted", USED, 3),
        ("restricted", WAITED, 3),
        ("open", PLAIN, 3),
        ("open", PLAIN + "pulumi.export('url', source.get_output('url'))", 3),
        ("open", CALL, 3),
        ("open", FAKE, 3),
    ],
)
def test_whatever_is_read_past_a_reading_is_seen(project: Onshore, category: str, program: str, code: int) -> None:
    write(project, "reader", category, program)
    previewed = run(project, "preview", "reader")
    assert previewed.returncode == code, previewed.stdout + previewed.stderr
    assert ("FLO-001 critical" in previewed.stdout + previewed.stderr) is bool(code)


def test_the_gate_writes_no_receipt_for_a_stack_that_reads_what_it_may_not(project: Onshore) -> None:
    assert project("gate", "keygen", "gate.pem").returncode == 0
    gate = ("gate", "reader", "--cwd", "flows", "--key", "gate.pem", "--receipt", "receipt.json")
    write(project, "reader", "open", PLAIN)
    check_words(project(*gate), 3, ["FLO-001", "onshore/source", "restricted"])
    assert not list(project.root.rglob("receipt.json"))
    write(project, "reader", "restricted", reader())
    gated = project(*gate)
    assert gated.returncode == 0, gated.stdout + gated.stderr
    shown = json.loads(project("receipt", "show", "receipt.json", "--json").stdout)
    assert [urn.rpartition("::")[2] for urn in shown["coverage"]["reads"]] == ["forms-outputs"]
    assert list(shown["materials"]["declassifications"]) == []


def test_a_declassification_that_cannot_be_read_stops_every_run(project: Onshore) -> None:
    declassify(project, text=DECLASSIFICATION.replace("approver", "aprover"))
    try:
        check_words(project("preview", "source", "--cwd", "flows"), 2, ["did you mean `approver`?"])
    finally:
        (project.root / "opened/dcl-1.yaml").unlink()
