"""What a program is told when it reads another stack."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.stack_reading import StackReading
from engine.testing import Stack
from inventories import Settings
from tests.worlds import TODAY

PUBLISHED: dict[str, Any] = {"category": "restricted", "department": "health-example", "url": "https://forms.example"}
DECLASSIFICATION = """\
id: dcl-1
from_stack: onshore/source
to_stack: onshore/reader
outputs: [url]
owner: A person of the department
approver: Head of the department
reason: The address of a public form is no confidential data
reference: DCL/2026/1
starts_on: 2026-05-01
ends_on: {ends_on}
"""


def read(
    settings: Settings,
    stack: Any = "source",
    outputs: Any = ("url",),
    own: str | None = "restricted",
    secret: tuple[str, ...] = (),
    published: dict[str, Any] = PUBLISHED,
) -> list[tuple[str, str, dict[str, Any]]]:
    """Everything that a program with one reading registers, beside a stack that published something."""

    def publish() -> None:
        for key, value in published.items():
            pulumi.export(key, pulumi.Output.secret(value) if key in secret else value)

    def program() -> None:
        given = list(outputs) if isinstance(outputs, tuple) else outputs
        StackReading("forms", {"stack": stack, "outputs": given}, settings=settings)

    config = {"onshore:department": "health-example"} | ({"onshore:category": own} if own is not None else {})
    with tempfile.TemporaryDirectory() as folder:
        assert Stack(Path(folder), name="source", project="onshore").up(publish).ok
        ran = Stack(Path(folder), name="reader", project="onshore", config=config).preview(program)
    made = [one for one in ran.planned if not one.type.startswith("pulumi:providers:")]
    seen = [(one.type, one.name, dict(one.inputs)) for one in made if one.type != "pulumi:pulumi:Stack"]
    if ran.result.error is not None:
        assert seen == [], "something was registered before the refusal"
        raise ran.result.error
    assert ran.ok, ran.errors
    return seen


def test_a_reading_says_what_it_reads_and_reads_through_its_own_reference(settings: Settings) -> None:
    reading, reference = read(settings, outputs=("url", "category", "url"))
    assert reading == (
        "onshore:index:StackReading",
        "forms",
        {
            "category": "restricted",
            "department": "health-example",
            "fromStack": "onshore/source",
            "fromCategory": "restricted",
            "fromDepartment": "health-example",
            "outputs": ["category", "url"],
        },
    )
    assert reference[:2] == ("pulumi:pulumi:StackReference", "forms-outputs")


@pytest.mark.parametrize(
    ("own", "lawful"), [("open", False), ("public", False), ("restricted", True), ("secret", True)]
)
def test_data_flows_to_the_same_category_or_a_stricter_one(settings: Settings, own: str, lawful: bool) -> None:
    if lawful:
        assert len(read(settings, own=own)) == 2
    else:
        with pytest.raises(Exception, match=r"FLO-001: holds restricted data") as refused:
            read(settings, own=own)
        assert "no declassification names onshore/reader" in str(refused.value)


WRONG = [
    ({"stack": "nobody"}, ["organization/onshore/nobody", "cannot be read", "unknown stack"]),
    ({"stack": "other/source"}, ["organization/other/source", "cannot be read"]),
    ({"stack": "a/b/c"}, ["not one stack", "project/stack"]),
    ({"stack": "../source"}, ["not one stack"]),
    ({"stack": ""}, ["not one stack"]),
    ({"stack": 1}, ["not one stack", "int"]),
    ({"stack": "a/b/c", "outputs": ()}, ["not one stack", "does not name outputs"]),
    ({"outputs": ()}, ["does not name outputs"]),
    ({"outputs": "url"}, ["does not name outputs"]),
    ({"outputs": (1,)}, ["does not name outputs"]),
    ({"outputs": ("urls", "other")}, ["has no such output", "did you mean `url`?", "other"]),
    ({"own": None}, ["onshore:category", "not a category"]),
    ({"own": "restrictd"}, ["onshore:category", "restrictd"]),
    ({"published": {}}, ["which category of data", "whose data", "has no such output"]),
    ({"published": PUBLISHED | {"category": "restrictd"}}, ["which category of data", "restrictd"]),
    ({"published": PUBLISHED | {"category": ["restricted"]}}, ["which category of data"]),
    ({"published": PUBLISHED | {"department": "nobody"}}, ["whose data", "nobody"]),
    ({"published": {"category": "open", "url": "u"}}, ["whose data"]),
    ({"secret": ("category",)}, ["which category of data"]),
]


@pytest.mark.parametrize(("asked", "says"), WRONG)
def test_what_cannot_be_read_is_refused_in_words(settings: Settings, asked: dict[str, Any], says: list[str]) -> None:
    with pytest.raises(Exception, match=r"fix: ") as refused:
        read(settings, **asked)
    assert [part for part in says if part not in str(refused.value)] == [], str(refused.value)
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize(("days", "lawful"), [(0, True), (1, True), (-1, False)])
def test_a_declassification_opens_what_it_names_until_it_ends(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, lawful: bool
) -> None:
    folder = tmp_path / "opened"
    folder.mkdir()
    (folder / "dcl-1.yaml").write_text(DECLASSIFICATION.format(ends_on=TODAY + timedelta(days=days)))
    monkeypatch.setenv("ONSHORE_DECLASSIFICATIONS", str(folder))
    asked = Settings.load(settings.root)
    if lawful:
        assert len(read(asked, own="open")) == 2
        with pytest.raises(Exception, match="FLO-001"):
            read(asked, own="open", outputs=("department", "url"))
    else:
        with pytest.raises(Exception, match="dcl-1: ended"):
            read(asked, own="open")
