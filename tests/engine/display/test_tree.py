"""The live form, drawn on a terminal of our own."""

from __future__ import annotations

import io
import re

import pytest
from rich.text import Text

from engine.display.run import Row
from engine.display.text import row_line, text_of
from engine.display.tree import TreeDisplay, _fitted, _folded


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "12")
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


def last_picture(terminal):
    """What is left on the screen: everything after the live picture was wiped for the last time."""
    text = re.split(r"\x1b\[2K", terminal.getvalue())[-1]
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", text)


def feed(display, events):
    for event in events:
        display(event)


def test_what_is_left_is_a_tree_with_findings_and_counts(terminal, preview_events):
    display = TreeDisplay(terminal)
    feed(display, preview_events)
    display.close()
    lines = last_picture(terminal).splitlines()
    assert "      ~ k:apps:Deployment clinic  update" in lines
    assert "          ~ spec.replicas: 2 => 3" in lines
    assert "    ~ onshore:index:WebService clinic  update" in lines
    assert "      ± k:core:ConfigMap settings  replace" in lines
    assert "    [mandatory] ACC-001  (onshore 1.0)" in lines
    assert lines[-2].startswith("Resources: 2 to create")


def test_while_it_runs_it_shows_running_and_failed_resources_first(terminal, update_events):
    display = TreeDisplay(terminal)
    feed(display, update_events[:9])
    with display._data:
        text = "\n".join("".join(piece for piece, _ in line) for line in display._lines(3))
    display.close()
    assert re.search(r"~ k:apps:Deployment clinic  updating.*waiting for 3 pods", text)
    assert "running" in text.splitlines()[-1]
    assert len(text.splitlines()) == 4


def test_an_interrupted_run_leaves_the_cursor_visible(terminal, update_events):
    display = TreeDisplay(terminal)
    feed(display, update_events[:6])
    display.close()
    text = terminal.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_no_colour_is_used_when_none_is_wanted(terminal, preview_events, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    display = TreeDisplay(terminal)
    feed(display, preview_events)
    display.close()
    assert not re.search(r"\x1b\[(?:\d+;)*3\d(?:;\d+)*m", terminal.getvalue())


def test_no_secret_is_ever_drawn(terminal, preview_events, update_events):
    display = TreeDisplay(terminal)
    feed(display, [*preview_events, *update_events])
    display.close()
    assert "hunter" not in terminal.getvalue()


@pytest.mark.parametrize("columns", [100, 60, 44, 36])
def test_however_narrow_the_state_is_seen(terminal, update_events, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    display = TreeDisplay(terminal)
    feed(display, update_events[:9])
    picture = [text.plain for text in display._picture().renderables]
    display.close()
    assert any("updating" in line and "~" in line for line in picture), picture
    assert all(len(line) <= columns for line in picture)


def test_a_long_name_loses_its_middle_and_a_long_type_its_package():
    row = Row("urn", "kubernetes:networking.k8s.io/v1:NetworkPolicy", "vaccination-api-from-the-ingress", op="create")
    wide, narrow, least = (_fitted(row, width, is_preview=True, now=0.0) for width in (70, 48, 24))
    assert (wide.type, wide.name) == ("NetworkPolicy", row.name)
    assert narrow.type == "NetworkPolicy"
    assert re.fullmatch("vaccination.*….*-ingress", narrow.name)
    assert least.type == ""
    for shown, width in ((wide, 70), (narrow, 48), (least, 24)):
        line = text_of(row_line(shown, is_preview=True))
        assert line.endswith("  create")
        assert len(line) <= width


def test_closing_words_break_between_words_and_a_long_one_stays_whole():
    urn = "urn:" + "x" * 60
    lines = [line.plain for line in _folded(Text(f"    put the workload onto {urn} or another one"), 30)]
    assert lines == ["    put the workload onto", f"      {urn}", "      or another one"]
    assert [line.plain for line in _folded(Text(""), 30)] == [""]
