"""What every refusal must keep to, whatever was wrong: an exit code, all faults, a way out, and nothing else."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from subprocess import CompletedProcess

    from tests.project import Onshore

PHRASE = "for tests only"


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with its digest; links are not followed."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "policies" not in path.relative_to(folder).parts
    }


def refuse(
    onshore: Onshore,
    *command: str,
    code: int,
    says: Iterable[str],
    faults: int | None = None,
    secrets: Iterable[str] = (PHRASE,),
    **environment: str,
) -> dict[str, Any]:
    """Run a command for a person and for a machine; both must refuse alike, and leave every file as it was.

    Returns the machine's document.
    """
    before = contents(onshore.root)
    with ThreadPoolExecutor(2) as both:
        person = both.submit(onshore, *command, **environment)
        machine = both.submit(onshore, *command, "--json", **environment)
    check_words(person.result(), code, says, secrets)
    document = check_document(machine.result(), code, says, secrets, faults)
    assert contents(onshore.root) == before
    return document


def check_words(done: CompletedProcess[str], code: int, says: Iterable[str], secrets: Iterable[str] = ()) -> None:
    """A refusal for a person: on stderr, with the words wanted."""
    assert done.returncode == code, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    for words in says:
        assert " ".join(words.split()) in said, done.stderr
    _check_discretion(done, secrets)


def check_document(
    done: CompletedProcess[str], code: int, says: Iterable[str], secrets: Iterable[str] = (), faults: int | None = None
) -> dict[str, Any]:
    """A refusal for a machine: one JSON document on stdout."""
    assert done.returncode == code, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    _check_discretion(done, secrets)
    if "decision" in document:  # a refusal of placement has a form of its own, with verdicts and changes
        assert document["decision"] == "refused"
        return document
    assert document["exit_code"] == code
    said = " ".join([document["error"], *(" ".join(fault.values()) for fault in document["faults"])])
    for words in says:
        # what a person reads as `where: what` are two fields here
        assert all(part in said for part in words.split(": ")), document
    assert document["faults"]
    # either the next step, or what is wanted in the place of what was found
    assert all(fault["fix"] or fault["what"].startswith("not ") for fault in document["faults"]), document
    assert faults is None or len(document["faults"]) == faults, document
    return document


def _check_discretion(done: CompletedProcess[str], secrets: Iterable[str]) -> None:
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown
    assert "defect" not in shown, shown
    for secret in secrets:
        assert secret not in shown
