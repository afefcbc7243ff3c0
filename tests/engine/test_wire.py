"""Property maps survive the wire; everything the protocol can say is understood, anything else is refused."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from engine.values import SECRET_SIGNATURE, SIGNATURE_KEY, UNKNOWN, Archive, Asset, ResourceReference, Secret
from engine.wire import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    OUTPUT_SIGNATURE,
    REFERENCE_SIGNATURE,
    UNKNOWN_SENTINELS,
    contains_secret,
    contains_unknown,
    from_struct,
    to_struct,
    without_secrets,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = TEXT.filter(lambda key: key != SIGNATURE_KEY)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
ASSETS = st.builds(Asset, hash=TEXT, text=TEXT) | st.builds(Asset, hash=TEXT, path=TEXT)
ARCHIVES = st.builds(Archive, hash=TEXT, assets=st.dictionaries(KEYS, ASSETS, max_size=3))
REFERENCES = st.builds(
    ResourceReference, urn=TEXT, id=st.none() | TEXT.filter(bool) | st.just(UNKNOWN), package_version=TEXT
)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXT | st.just(UNKNOWN) | ASSETS | ARCHIVES | REFERENCES
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4) | st.builds(Secret, inner),
    max_leaves=20,
)
PROPERTY_MAPS = st.dictionaries(KEYS, VALUES, max_size=5)


def wire(plain: dict[str, Any]) -> struct_pb2.Struct:
    """The Struct another implementation would send for plain JSON."""
    return json_format.ParseDict(plain, struct_pb2.Struct())


@given(PROPERTY_MAPS)
def test_every_property_map_survives_the_wire(props):
    assert from_struct(struct_pb2.Struct.FromString(to_struct(props).SerializeToString())) == props


@given(st.dictionaries(KEYS, st.recursive(st.none() | st.booleans() | TEXT, st.lists, max_leaves=9), max_size=5))
def test_plain_json_is_encoded_as_protobuf_itself_encodes_it(props):
    assert to_struct(props) == wire(props)


@given(PROPERTY_MAPS)
def test_with_secrets_bared_no_secret_signature_is_left(props):
    assert SECRET_SIGNATURE not in str(to_struct(props, secrets=False))


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.0, "1"), (-3.0, "-3"), (0.5, "0.5"), (1e20, "100000000000000000000"), (1e21, "1e+21"), (2.0**53, str(2**53))],
)
def test_an_integral_number_prints_without_a_fraction(number, text):
    assert json.dumps(from_struct(wire({"n": number}))["n"]) == text


@pytest.mark.parametrize("sentinel", sorted(UNKNOWN_SENTINELS))
def test_every_typed_unknown_is_the_one_unknown(sentinel):
    assert from_struct(wire({"a": sentinel, "b": [sentinel]})) == {"a": UNKNOWN, "b": [UNKNOWN]}


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({SIGNATURE_KEY: SECRET_SIGNATURE, "value": {"a": 1}}, Secret({"a": 1})),
        ({SIGNATURE_KEY: SECRET_SIGNATURE, "value": min(UNKNOWN_SENTINELS)}, Secret(UNKNOWN)),
        ({SIGNATURE_KEY: ASSET_SIGNATURE, "text": ""}, Asset(text="")),
        ({SIGNATURE_KEY: ASSET_SIGNATURE, "hash": "ab"}, Asset("ab")),
        (
            {SIGNATURE_KEY: ARCHIVE_SIGNATURE, "assets": {"f": {SIGNATURE_KEY: ASSET_SIGNATURE, "uri": "u"}}},
            Archive(assets={"f": Asset(uri="u")}),
        ),
        ({SIGNATURE_KEY: REFERENCE_SIGNATURE, "urn": "u", "name": "n", "type": "t"}, ResourceReference("u")),
        ({SIGNATURE_KEY: REFERENCE_SIGNATURE, "urn": "u", "id": ""}, ResourceReference("u", UNKNOWN)),
        (
            {SIGNATURE_KEY: REFERENCE_SIGNATURE, "urn": "u", "id": "i", "packageVersion": "1.2.3"},
            ResourceReference("u", "i", "1.2.3"),
        ),
        ({SIGNATURE_KEY: OUTPUT_SIGNATURE, "dependencies": ["u"]}, UNKNOWN),
        ({SIGNATURE_KEY: OUTPUT_SIGNATURE, "value": None}, None),
        ({SIGNATURE_KEY: OUTPUT_SIGNATURE, "value": 1, "secret": True}, Secret(1)),
        ({SIGNATURE_KEY: OUTPUT_SIGNATURE, "value": 1, "secret": False}, 1),
    ],
)
def test_a_signed_object_is_what_it_stands_for(sent, meant):
    assert from_struct(wire({"p": sent, "q": [sent]})) == {"p": meant, "q": [meant]}


@pytest.mark.parametrize(
    "malformed",
    [
        {SIGNATURE_KEY: "8ad145fe"},
        {SIGNATURE_KEY: 7},
        {SIGNATURE_KEY: SECRET_SIGNATURE},
        {SIGNATURE_KEY: REFERENCE_SIGNATURE, "id": "i"},
    ],
)
def test_a_malformed_signed_object_is_refused(malformed):
    with pytest.raises(ValueError, match=r"signature|malformed"):
        from_struct(wire({"p": malformed}))


def test_a_provider_without_resource_support_gets_the_id_or_the_urn():
    props = {"custom": ResourceReference("u1", "i1"), "component": ResourceReference("u2")}
    assert to_struct(props, references=False) == wire({"custom": "i1", "component": "u2"})


@pytest.mark.parametrize("props", [{"a": UNKNOWN}, {"a": [{"b": Secret(UNKNOWN)}]}])
def test_an_unknown_is_refused_where_none_may_be(props):
    with pytest.raises(ValueError, match="unknown"):
        to_struct(props, unknowns=False)


def test_a_value_without_wire_form_is_refused_by_its_type():
    with pytest.raises(TypeError, match="set is not"):
        to_struct({"a": {1}})


def test_an_enumeration_member_travels_as_its_value():
    class Colour(StrEnum):
        RED = "red"

    assert to_struct({"a": Colour.RED}) == wire({"a": "red"})


@given(PROPERTY_MAPS)
def test_bared_secrets_leave_no_secret_and_everything_else(props):
    assert contains_secret(props) == (without_secrets(props) != props)


@pytest.mark.parametrize(
    ("props", "inside"),
    [
        ({"a": [{"b": UNKNOWN}]}, True),
        ({"a": Secret(UNKNOWN)}, True),
        ({"a": ResourceReference("u", UNKNOWN)}, True),
        ({"a": ResourceReference("u")}, False),
        ({"a": [1, "x", None, {}]}, False),
    ],
)
def test_an_unknown_is_found_wherever_it_stands(props, inside):
    assert contains_unknown(props) is inside
