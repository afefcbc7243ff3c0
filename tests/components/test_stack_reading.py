"""What a program is told when it reads another stack, against the SDK's recorder."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pulumi
import pytest

from components.stack_reading import StackReading
from engine.rpc_error import MonitorError
from inventories import Settings
from tests.worlds import TODAY

if TYPE_CHECKING:
    from pathlib import Path

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


class _Stacks(pulumi.runtime.Mocks):
    """Other stacks by their full names, and what a program registers."""

    def __init__(self, stacks: dict[str, Any], secret: list[str]) -> None:
        self.seen: list[tuple[str, str, dict[str, Any]]] = []
        self._stacks, self._secret = stacks, secret

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.seen.append((args.typ, args.name, dict(args.inputs)))
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {**self._read(str(args.inputs["name"])), "name": args.inputs["name"]}
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        assert args.token == "pulumi:pulumi:readStackOutputs"  # noqa: S105 - a function's name
        return self._read(str(args.args["name"]))

    def _read(self, name: str) -> dict[str, Any]:
        if name not in self._stacks:
            raise MonitorError(grpc.StatusCode.UNKNOWN, f'unknown stack "{name}"')
        return {"name": name, "outputs": self._stacks[name], "secretOutputNames": self._secret}


def read(
    settings: Settings,
    stack: Any = "source",
    outputs: Any = ("url",),
    own: str | None = "restricted",
    secret: tuple[str, ...] = (),
    published: Any = None,
) -> list[tuple[str, str, dict[str, Any]]]:
    """Everything that a program with one reading registers."""
    stacks = {"organization/onshore/source": PUBLISHED if published is None else published}
    mocks = _Stacks(stacks, list(secret))
    pulumi.runtime.set_mocks(mocks, project="onshore", stack="reader", preview=True, organization="organization")
    config = {"onshore:department": "health-example"} | ({"onshore:category": own} if own is not None else {})
    pulumi.runtime.set_all_config(config)

    def program() -> None:
        given = list(outputs) if isinstance(outputs, tuple) else outputs
        StackReading("forms", {"stack": stack, "outputs": given}, settings=settings)

    try:
        pulumi.runtime.test(program)()
    except BaseException:
        assert mocks.seen == [], "something was registered before the refusal"
        raise
    finally:
        pulumi.runtime.set_all_config({})
    return mocks.seen


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
    ({"published": "nothing"}, ["which category of data"]),
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
