"""A password among the variables reaches the host it is for, and no other place."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from playbooks.scrubbing import HIDDEN, Scrubber
from tests.playbooks.plays import said

if TYPE_CHECKING:
    from tests.playbooks.plays import Plays

TEXT = "p4ss {{ 7*7 }} 'quote\" $HOME\\n \u067e"

OTHER = "hunter-2222"


class Watch:
    """Looks for a secret in every process's arguments and environment while something runs."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._over = threading.Event()
        self.seen: set[str] = set()
        self.looked = 0
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for entry in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        content = (entry / name).read_bytes()
                    except OSError:
                        continue
                    self.looked += 1
                    if self._secret in content:
                        self.seen.add(content.replace(b"\0", b" ").decode(errors="replace")[:200])


def everything_written(plays: Plays) -> str:
    files = [path for path in (plays.root / "state").rglob("*") if path.is_file()]
    assert files
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


FORMS = [TEXT, json.dumps(TEXT)[1:-1], base64.b64encode(TEXT.encode()).decode(), repr(TEXT)[1:-1]]


def test_a_secret_is_written_on_the_host_and_nowhere_else(plays: Plays) -> None:
    plays.playbook(
        {"name": "keep it", "copy": {"dest": "/srv/onshore/secret", "content": "{{ db_password }}", "mode": "0600"}},
        {"name": "show it", "debug": {"msg": "the password is {{ db_password }}"}},
        {"name": "fail with it", "fail": {"msg": "wrong: {{ db_password | to_json }} {{ db_password | b64encode }}"}},
    )
    with Watch(TEXT) as watch:
        ran = plays.attempt("up", secret=TEXT)
    assert not ran.ok
    assert plays.hosts.ssh("host-1", "cat /srv/onshore/secret").stdout.decode() == TEXT
    assert "host-1: task 'fail with it' failed: wrong: " in said(ran)
    assert HIDDEN in said(ran)
    told = json.dumps(ran.result.events, ensure_ascii=False) + said(ran) + everything_written(plays)
    for form in FORMS:
        assert form not in told
        assert json.dumps(form)[1:-1] not in told
    assert watch.looked > 100
    assert watch.seen == set()


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"api_token": OTHER}, "api_token"),
        ({"database": {"users": [{"name": "web", "passwd": OTHER}]}}, "database.users[0].passwd"),
    ],
)
def test_a_variable_that_is_only_called_like_a_secret_is_kept_like_one(
    plays: Plays, variables: dict[str, Any], name: str
) -> None:
    plays.playbook({"name": "show it", "debug": {"msg": f"{{{{ {name} }}}}"}, "changed_when": True})
    plays.spec["variables"] = variables
    ran = plays.run("up")
    kept = json.dumps(plays.resource()) + said(ran)
    assert OTHER not in kept
    assert "ciphertext" in kept
    steps = [event for event in ran.events if "resOutputsEvent" in event or "resourcePreEvent" in event]
    assert steps
    assert OTHER not in json.dumps(steps)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_secret_is_replaced(form: str) -> None:
    assert Scrubber([TEXT])(f"before {form} after") == f"before {HIDDEN} after"


def test_a_part_of_a_secret_of_several_lines_is_replaced() -> None:
    scrub = Scrubber([{"key": "-----BEGIN\nabcdefgh\n-----END"}, 12345])
    assert scrub("abcdefgh") == HIDDEN
    assert scrub("port 12345, 12") == f"port {HIDDEN}, 12"
