"""`onshore new` in a copy of the project: what it writes passes there as it is, and what is taken is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from cli.main import run
from inventories import load_rules
from tests.cli.disks import small_disk

ROOT = Path(__file__).parents[2]
ROOMS = (
    "inventories",
    "components",
    "policies",
    "engine",
    "sandbox",
    "gate",
    "cli",
    "tests",
    "stacks",
    "admission",
    "docs",
)
RULE = ("new", "rule", "ZZZ-001", "--title", "A volume's café is at most 5: no more")
NEW = {
    "inventories/rules/ZZZ-001.yaml",
    "policies/checks/zzz_001.py",
    "tests/policies/checks/test_zzz_001.py",
    "components/night_job2.py",
    "tests/components/test_night_job2.py",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's tracked rooms, without what its tests of engines recorded."""
    folder = tmp_path / "onshore"
    ignore = shutil.ignore_patterns("__pycache__", "conformance", "golden")
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=ignore)
    for file in ("Pulumi.yaml", "onshore.yaml", "pyproject.toml"):
        shutil.copy2(ROOT / file, folder / file)
    return folder


def _python(folder: Path, *arguments: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONSHORE_", "PULUMI_"))}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_begun_passes_as_it_is(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _files(copy)
    assert run([*RULE, "-C", str(copy), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert run(["new", "component", "NightJob2", "-C", str(copy)]) == 0
    said = capsys.readouterr().out
    after = _files(copy)
    assert after.keys() - before.keys() == NEW
    pages = {"policies/RULES.md", "docs/admission.md"}
    assert {name for name in before if before[name] != after[name]} == {*pages, "components/args.py"}
    assert set(told["files"]) <= NEW | pages
    assert "components/night_job2.py: its children" in said
    rule = load_rules(copy / "inventories/rules")["ZZZ-001"]
    assert (rule.title, rule.source.confidence, rule.waivable) == (RULE[-1], "unknown", False)
    changed = sorted(name for name in {*NEW, "components/args.py"} if name.endswith(".py"))
    _python(copy, "ruff", "check", *changed)
    _python(copy, "ruff", "format", "--check", *changed)
    _python(copy, "mypy", *(name for name in changed if not name.startswith("tests/")))
    tests = [name for name in changed if name.startswith("tests/")]
    about = ("rules_about_rules", "every_rule_is_reached", "dispatcher", "wild_properties")
    rules = [*(f"tests/policies/test_{one}.py" for one in about), "tests/inventories/test_profiles_and_rules.py"]
    rules += ["tests/admission/test_table.py"]
    _python(copy, "pytest", "-q", "-p", "no:cacheprovider", *tests, *rules)


def test_a_longest_name_keeps_the_line_length(copy: Path) -> None:
    name = "Ab" * 15
    assert run(["new", "component", name, "-C", str(copy)]) == 0
    assert run(["new", "rule", "ZZZ-999", "--slug", "a" * 30, "--title", "A" * 80, "-C", str(copy)]) == 0
    module = "_".join(["ab"] * 15)
    made = [f"components/{module}.py", f"tests/components/test_{module}.py", "components/args.py"]
    made += [f"policies/checks/{'a' * 30}.py", f"tests/policies/checks/test_{'a' * 30}.py"]
    _python(copy, "ruff", "check", *made)
    _python(copy, "ruff", "format", "--check", *made)


TAKEN = {
    "an id that is taken": (["rule", "ACC-001"], ["inventories/rules/ACC-001.yaml: there is such a file"]),
    "an id that is retired": (
        ["rule", "OLD-001"],
        ["a rule that is no more keeps its id", "retired on 2026-01-01: folded into OPQ-001"],
    ),
    "an id in small letters": (["rule", "zzz-001"], ["not a rule id like ACC-001", "got: zzz-001"]),
    "an id that is a path": (["rule", "../../etc"], ["not a rule id like ACC-001"]),
    "a slug that is taken": (["rule", "ZZZ-001", "--slug", "exposure"], ["another rule has this slug"]),
    "a slug of another's test": (
        ["rule", "ZZZ-001", "--slug", "clouds"],
        ["tests/policies/checks/test_clouds.py: there is such a file"],
    ),
    "a slug that Python keeps": (["rule", "ZZZ-001", "--slug", "lambda"], ["--slug: not a module name"]),
    "a title that would end a docstring": (["rule", "ZZZ-001", "--title", 'A """ end'], ["--title: not one line"]),
    "a title of two lines": (["rule", "ZZZ-001", "--title", "A\nB"], ["got: 'A\\nB'"]),
    "a title with a stop": (["rule", "ZZZ-001", "--title", "A thing."], ["--title: not one line"]),
    "all at once": (
        ["rule", "ZZZ1", "--slug", "a-b", "--title", "small"],
        ["ID: not a rule id", "--slug: not a module name", "--title: not one line"],
    ),
    "a component that is taken": (
        ["component", "WebService"],
        [
            "components/web_service.py: there is such a file",
            "components/args.py: there are arguments of this name",
        ],
    ),
    "a component in small letters": (["component", "web_service"], ["NAME: not the name of a class", "WebService"]),
    "a component that is a path": (["component", "../Web"], ["NAME: not the name of a class"]),
    "a component that Python keeps": (["component", "Class"], ["a word that Python or every component uses"]),
    "a component that is used already": (["component", "Fault"], ["a word that Python or every component uses"]),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_or_malformed_is_refused_and_nothing_is_written(
    copy: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    arguments, says = TAKEN[name]
    retired = "retired:\n- {id: OLD-001, title: An old rule, retired_on: 2026-01-01, reason: folded into OPQ-001}\n"
    (copy / "inventories/rules/retired.yaml").write_text(retired, "utf-8")
    before = _files(copy)
    assert run(["new", *arguments, "-C", str(copy)]) == 2
    said = capsys.readouterr().err
    for words in says:
        assert words in said
    assert _files(copy) == before


BEGUN = {
    "rule": (RULE[1:], ("inventories/rules", "policies/checks", "tests/policies/checks", "policies")),
    "component": (("component", "NightJob2"), ("components", "tests/components")),
}


@pytest.mark.parametrize(
    ("what", "place"), [(what, at) for what, (_, ways) in BEGUN.items() for at in range(len(ways))]
)
@pytest.mark.parametrize("trouble", ["a full disk", "a folder that is read only"])
def test_what_cannot_be_written_whole_leaves_nothing(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, place: int, trouble: str
) -> None:
    command, folders = BEGUN[what]
    folder = copy / folders[place]
    aside = tmp_path / "aside"
    folder.rename(aside)
    with small_disk(folder) as disk:
        kept = {"components": ["args.py"], "policies": ["RULES.md"]}.get(folders[place], [])
        for name in kept:
            shutil.copy2(aside / name, folder / name)
        if folders[place] == "policies":
            (folder / "checks").mkdir()
        if folders[place] == "inventories/rules":
            shutil.copy2(aside / "UNK-001.yaml", folder)
        disk.fill() if trouble == "a full disk" else disk.seal()
        before = _files(copy)
        assert run(["new", *command, "-C", str(copy)]) == 2
        said = capsys.readouterr().err
        assert "nothing was begun" in said
        assert f"{folders[place]}/" in said
        assert _files(copy) == before
        if trouble == "a full disk":
            disk.empty()
            assert run(["new", *command, "-C", str(copy)]) == 0


def test_a_replacement_that_fails_takes_the_others_back(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _files(copy)
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "args.py":
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    with patch.object(Path, "replace", failing):
        assert run(["new", "component", "NightJob2", "-C", str(copy)]) == 2
    assert "components/args.py: cannot be written: Input/output error" in capsys.readouterr().err
    assert _files(copy) == before


def test_a_project_that_is_no_checkout_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in ("Pulumi.yaml", "onshore.yaml"):
        shutil.copy2(ROOT / file, tmp_path / file)
    for command in (["rule", "ZZZ-001"], ["component", "NightJob"]):
        assert run(["new", *command, "-C", str(tmp_path)]) == 2
        assert "this is not a checkout of onshore" in capsys.readouterr().err
