"""YAML with positions: what is plain data is read, what is more than data is refused, secrets stay out of faults."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from inventories import OnshoreError
from inventories.models import Country
from inventories.yaml_source import nearest, parse_yaml, read_yaml, validate

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
name: web
on: 2026-06-01
8080: &port {from: 80, to: "80"}
again: *port
items:
  - one
  - deep: [1, 2.5, true, null, "null"]
"""


def test_plain_data_is_read_and_keys_stay_text() -> None:
    assert parse_yaml(TEXT.encode(), "x.yaml").data == {
        "name": "web",
        "on": date(2026, 6, 1),
        "8080": {"from": 80, "to": "80"},
        "again": {"from": 80, "to": "80"},
        "items": ["one", {"deep": [1, 2.5, True, None, "null"]}],
    }


@pytest.mark.parametrize(
    ("path", "position", "where"),
    [
        ((), (1, 1), "x.yaml:1"),
        (("on",), (2, 1), "x.yaml:2:on"),
        (("8080", "to"), (3, 24), "x.yaml:3:8080.to"),
        (("items", 1, "deep", 3), (7, 26), "x.yaml:7:items[1].deep[3]"),
        (("items", 7, "gone"), (5, 1), "x.yaml:5:items[7].gone"),
    ],
)
def test_everything_knows_its_line_and_column(
    path: tuple[str | int, ...], position: tuple[int, int], where: str
) -> None:
    document = parse_yaml(TEXT.encode(), "x.yaml")
    assert document.position(path) == position
    assert document.where(path) == where


BOMB = "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("# only a remark\n", "the file is empty"),
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:a: the same key twice"),
        ("a: {b: 1, b: 2}\n", "x.yaml:1:a.b: the same key twice"),
        ("a: !!str 5\n", "x.yaml:1:a: a tag"),
        ("a: !secret x\n", "x.yaml:1:a: a tag"),
        ("a: !!python/object/apply:os.system [ls]\n", "x.yaml:1:a: a tag"),
        ("!m {a: 1}\n", "x.yaml:1: a tag"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "x.yaml:2:c: not a key"),
        ("? [a]\n: 1\n", "x.yaml:1: not a key"),
        ("a: &x [*x]\n", "an anchor that contains itself"),
        (BOMB, "more than 200000 values"),
        ("a: 2026-02-30\n", "x.yaml:1:a: not a possible value"),
        ("a: [1\nb: 2\n", "x.yaml:2: not YAML"),
        ("a: 'open\n", "not YAML"),
        ("a: \x07\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("[" * 5000, "x.yaml"),
    ],
)  # fmt: skip
def test_what_is_more_or_less_than_data_is_refused(text: str, says: str) -> None:
    with pytest.raises(OnshoreError) as raised:
        parse_yaml(text.encode(), "x.yaml")
    assert any(says in str(fault) for fault in raised.value.faults), raised.value.faults
    assert all(fault.fix for fault in raised.value.faults), raised.value.faults


def test_all_faults_of_form_are_named_at_once() -> None:
    with pytest.raises(OnshoreError) as raised:
        parse_yaml(b"a: !x 1\na: 2\nb: 2026-13-01\n", "x.yaml")
    assert len(raised.value.faults) == 3


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "gone.yaml", "the file is missing"), (tmp_path, "the file cannot be read")):
        with pytest.raises(OnshoreError, match=says) as raised:
            read_yaml(path)
        assert "correct the path" in raised.value.faults[0].fix
    (tmp_path / "latin.yaml").write_bytes("ok: 1\nname: café\n".encode("latin-1"))
    with pytest.raises(OnshoreError, match=r"latin\.yaml:2: not UTF-8 text"):
        read_yaml(tmp_path / "latin.yaml")


@given(st.binary(max_size=60) | st.text("ab:-[]{}&*!?|>'\"#%@ \n\t1.", max_size=40).map(str.encode))
def test_any_bytes_are_either_data_or_a_fault(raw: bytes) -> None:
    try:
        document = parse_yaml(raw, "x.yaml")
    except OnshoreError as error:
        said = [str(fault) for fault in error.faults]
    else:
        said = [document.where()]
    assert said
    assert all(text.startswith("x.yaml") for text in said)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    password: str = Field(alias="passWord")


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: dict[str, tuple[Inner, ...]] = {}
    size: int | tuple[int, ...] = 0


def faults(text: str, *, hidden: tuple[str, ...] = ()) -> list[str]:
    record, found = validate(Outer, parse_yaml(text.encode(), "x.yaml"), hidden=hidden)
    assert (record is None) is bool(found)
    return [str(fault) for fault in found]


def test_faults_of_a_model_stand_at_their_lines_with_the_nearest_name() -> None:
    (fault,) = faults("inner:\n  a:\n  - passWord: x\n    pasWord: y\n")
    assert fault.startswith("x.yaml:4:inner.a[0].pasWord: unknown field")
    assert "did you mean `passWord`?" in fault
    assert faults("inner: {}\n") == []


def test_the_branches_of_a_union_complain_once() -> None:
    assert len(faults("size: abc\n")) == 1


def test_values_stay_out_of_faults_on_demand() -> None:
    text = "inner:\n  a:\n  - passWord: 12345\n"
    assert "12345" in faults(text)[0]
    (hidden,) = faults(text, hidden=("inner",))
    assert "12345" not in hidden
    assert "got: a number" in hidden


class Typed(BaseModel):
    count: Annotated[int, Field(ge=1, le=50)] = 1
    name: Annotated[str, Field(min_length=1)] = "a"
    many: tuple[str, ...] = ()
    on: date | None = None
    inner: dict[str, str] = {}
    truth: bool = True
    place: Country = "PK"


@pytest.mark.parametrize(
    ("text", "what", "got", "fix"),
    [
        ("count: two", "not a whole number", "two", "digits"),
        ("count: 2.5", "not a whole number", "2.5", "digits"),
        ("count: [1]", "not a whole number", "a list", "digits"),
        ("count: 0", "too small", "0", "at least 1"),
        ("count: 51", "too large", "51", "at most 50"),
        ("name: [a]", "not text", "a list", "one value"),
        ("name: 5", "not text", "5", "quotes"),
        ("name: ''", "nothing in it", "", "write a value"),
        ("many: x", "not a list", "x", "- value"),
        ("on: soon", "not a date", "soon", "2026-01-31"),
        ("inner: x", "not a mapping", "x", "key: value"),
        ("truth: perhaps", "not true or false", "perhaps", "`true`"),
        ("place: pk", "not a country code of two capital letters, like PK", "pk", "write a country code"),
    ],
)
def test_a_value_of_another_kind_is_told_in_words(text: str, what: str, got: str, fix: str) -> None:
    _, (fault,) = validate(Typed, parse_yaml(text.encode(), "x.yaml"))
    assert (fault.what, fault.got) == (what, got)
    assert fix in fault.fix


def test_a_part_of_a_document_is_validated_with_its_own_lines() -> None:
    document = parse_yaml(b"spec:\n  inner: 5\n", "x.yaml")
    _, (fault,) = validate(Outer, document, ("spec",))
    assert fault.where == "x.yaml:2:spec.inner"


def test_far_names_are_listed_and_long_lists_cut() -> None:
    assert nearest("q", ["alpha", "beta"]) == "known: `alpha`, `beta`"
    assert nearest("alpa", ["alpha", "beta"]) == "did you mean `alpha`?"
    assert nearest("q", [f"name-{n}" for n in range(20)]).endswith("and 8 more")
    assert nearest("q", []) == ""
