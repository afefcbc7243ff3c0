"""Values as people see them."""

from __future__ import annotations

import pytest

from engine.display.text import duration
from engine.display.values import compact, contains_secret, label, plain, printable

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hunter2"'}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        (1, "1"),
        (None, "null"),
        ({"b": [1, True], "a": "x"}, '{"a": "x", "b": [1, true]}'),
        (SECRET, "[secret]"),
        ({"a": [SECRET]}, '{"a": [[secret]]}'),
        ("04da6b54-80e4-46f7-96ec-b56ff0331ba9", "(known after up)"),
        ({SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "path": "a.txt", "text": "body"}, '"(asset a.txt)"'),
        ({SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "u", "id": "i"}, '"i"'),
        ({SIGNATURE: "of a later version", "value": "hunter2"}, "[secret]"),
        ("x" * 200, '"' + "x" * 78 + "…"),
    ],
)
def test_a_value_is_one_short_line_without_secrets(value, text):
    assert compact(value) == text


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred\x1b[0m", "re\x1b]0;title\x07d", "<{%fg 1%}>red<{%reset%}>", "r\x08e\x00d", "\u202ered", "red\r"],
)
def test_nothing_that_steers_a_terminal_is_printed(text):
    assert printable(text) == "red"


def test_text_of_any_language_is_left_alone():
    assert printable("صحت\tüber\n") == "صحت\tüber\n"


def test_a_secret_is_found_inside():
    assert contains_secret({"a": [1, {"b": SECRET}]})
    assert not contains_secret({"a": [1, {"b": "x"}]})
    assert plain({"a": [SECRET]}) == {"a": ["[secret]"]}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (0.44, "0.4 s"), (9.96, "10.0 s"), (12.3, "12 s"), (185, "3 min 5 s")]
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


def test_a_label_is_one_bearable_line():
    assert label("a\nb\u2028c\td\r\x1b[31m<b>\u202e") == "a bc d<b>"
    assert label("x" * 10_000) == "x" * 199 + "…"
