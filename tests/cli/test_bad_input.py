"""Whatever a person gets wrong: exit 2 or 3, all faults named, the way out printed, nothing made and nothing lost."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.cli.refusals import check_words, contents, refuse
from tests.project import ROOT

if TYPE_CHECKING:
    from tests.project import Onshore

STACK = "health-vaccination-api"


@dataclass(frozen=True)
class BadInput:
    """A case of bad_inputs.yaml."""

    title: str
    code: int
    says: list[str]
    edits: list[dict[str, Any]] = field(default_factory=list)
    command: list[str] = field(default_factory=lambda: ["up", STACK, "--yes"])
    environment: dict[str, str] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)
    faults: int | None = None


CASES = [BadInput(**case) for case in yaml.safe_load((Path(__file__).parent / "bad_inputs.yaml").read_text("utf-8"))]


def edit(root: Path, *, file: str, **how: Any) -> None:
    """Do to a file of a project what a case says."""
    path = root / file
    match how:
        case {"write": text}:
            path.write_text(text, encoding="utf-8")
        case {"bytes": digits}:
            path.write_bytes(bytes.fromhex(digits))
        case {"cut": length}:
            path.write_bytes(path.read_bytes()[:length])
        case {"remove": True}:
            path.unlink()
        case {"replace": pairs}:
            text = path.read_text(encoding="utf-8")
            for old, new in pairs.items():
                assert old in text, f"{file} holds no {old!r} any more"
                text = text.replace(old, new, 1)
            path.write_text(text, encoding="utf-8")
        case _:
            raise AssertionError(how)


@pytest.mark.parametrize("case", CASES, ids=[case.title.replace(" ", "-") for case in CASES])
def test_what_is_wrong_in_files_or_words_is_refused(offline: Onshore, case: BadInput) -> None:
    for change in case.edits:
        edit(offline.root, **change)
    for name in case.without:
        del offline.environment[name]
    refuse(offline, *case.command, code=case.code, says=case.says, faults=case.faults, **case.environment)
    assert not (offline.root / ".onshore").exists()


@pytest.mark.parametrize(
    "command", [("register", "validate"), ("explain", STACK), ("up", STACK, "--yes")], ids=lambda command: command[0]
)
def test_a_misspelt_rule_file_is_refused(offline: Onshore, tmp_path: Path, command: tuple[str, ...]) -> None:
    # rules are shipped with the program: a program of its own has the misspelt one
    rooms = tmp_path / "rooms"
    shutil.copytree(ROOT / "inventories", rooms / "inventories", ignore=shutil.ignore_patterns("__pycache__"))
    edit(rooms, file="inventories/rules/RES-001.yaml", replace={"severity:": "severty:"})
    edit(rooms, file="inventories/rules/ACC-001.yaml", replace={"title:": "titel:"})
    says = ["RES-001.yaml:4:severty", "did you mean `severity`?", "ACC-001.yaml:3:titel", "did you mean `title`?"]
    refuse(offline, *command, code=2, says=says, faults=4, PYTHONPATH=str(rooms))


def test_the_faults_of_all_kinds_of_files_are_told_at_once(offline: Onshore, tmp_path: Path) -> None:
    rooms = tmp_path / "rooms"
    shutil.copytree(ROOT / "inventories", rooms / "inventories", ignore=shutil.ignore_patterns("__pycache__"))
    edit(rooms, file="inventories/rules/PIN-001.yaml", replace={"severity": "severty"})
    edit(rooms, file="inventories/profiles/pakistan-cloud-first-trial.yaml", replace={"require_re": "reqire_re"})
    edit(offline.root, file="inventories/registers/example/departments.yaml", replace={"group:": "gruop:"})
    law = ["did you mean `group`?", "did you mean `severity`?", "did you mean `require_receipt`?"]
    refuse(offline, "explain", STACK, code=2, says=law, faults=5, PYTHONPATH=str(rooms))
    for name in ("waivers", "declassifications"):
        offline.write(f"inventories/{name}/x.yaml", f"idd: of {name}\n")
    written = [*law, "waivers/x.yaml:1:idd", "declassifications/x.yaml:1:idd"]
    refuse(offline, "up", STACK, "--yes", code=2, says=written, faults=27, PYTHONPATH=str(rooms))
    edit(rooms, file="inventories/resource_types/kubernetes.yaml", replace={"\nnamespaced:": "\nnamespacd:"})
    edit(rooms, file="inventories/resource_types/aws.yaml", replace={"classes:": "clases:"})
    edit(rooms, file="inventories/rules/CRY-003.yaml", replace={"custody_setting:": "custdy_setting:"})
    types = ["kubernetes.yaml:5:namespacd", "did you mean `namespaced`?", "did you mean `classes`?"]
    refuse(
        offline,
        "register",
        "validate",
        code=2,
        says=[*written, *types, "did you mean `custody_setting`?"],
        faults=33,
        PYTHONPATH=str(rooms),
    )
    refuse(offline, "coverage", code=2, says=types, faults=4, PYTHONPATH=str(rooms))


def test_an_audit_names_what_is_misspelt_in_the_classified_types_once(offline: Onshore, tmp_path: Path) -> None:
    rooms = tmp_path / "rooms"
    shutil.copytree(ROOT / "inventories", rooms / "inventories", ignore=shutil.ignore_patterns("__pycache__"))
    edit(rooms, file="inventories/resource_types/aws.yaml", replace={"\nclasses:": "\nclases:"})
    address = {"urn": "urn:pulumi:s::p::aws:ec2/eip:Eip::e", "type": "aws:ec2/eip:Eip", "id": "1", "custom": True}
    for name in ("one.json", "two.json"):
        offline.write(name, json.dumps({"version": 3, "deployment": {"resources": [address]}}))
    done = offline("audit", "one.json", "two.json", PYTHONPATH=str(rooms))
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout.count("aws.yaml:7:clases: unknown field: clases. Fix: did you mean `classes`?") == 1, done.stdout


@pytest.mark.parametrize("command", [("set", STACK, "onshore:replicas", "3"), ("rm", STACK, "onshore:category")])
def test_a_misspelt_stack_file_is_not_written_to(offline: Onshore, command: tuple[str, ...]) -> None:
    edit(offline.root, file=f"stacks/Pulumi.{STACK}.yaml", replace={"config:": "confg:"})
    before = contents(offline.root)
    check_words(offline("config", *command), 2, ["did you mean `config`?"])
    assert contents(offline.root) == before
