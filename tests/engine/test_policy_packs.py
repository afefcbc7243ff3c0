"""Policy packs in their own processes: what they judge, what they change, and that nothing runs without them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from engine import EngineError
from engine.packs.policy_config import PolicySettings, merge, schema_faults

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.projects import Project

PACK = """
from pulumi_policy import EnforcementLevel, PolicyConfigSchema, PolicyPack
from pulumi_policy import ResourceValidationPolicy, StackValidationPolicy

def small(args, report):
    limit = args.get_config().get("limit", 5)
    if args.props.get("size", 0) > limit:
        report(f"{args.props['size']:g} is over {limit:g}")

def tag(args):
    if args.resource_type == "fake:index:Thing" and "tag" not in args.props:
        args.props["tag"] = "pack"
        return args.props

def few(args, report):
    things = [r for r in args.resources if r.resource_type == "fake:index:Thing"]
    if len(things) > 2:
        report(f"{len(things)} things")

PolicyPack("limits", policies=[
    ResourceValidationPolicy("small", "Small.", small, EnforcementLevel.MANDATORY,
        PolicyConfigSchema(properties={"limit": {"type": "integer", "minimum": 1}})),
    ResourceValidationPolicy("tag", "Tagged.", lambda a, r: None, EnforcementLevel.REMEDIATE, remediate=tag),
    StackValidationPolicy("few", "Few.", few, EnforcementLevel.MANDATORY),
])
"""
CHAIN = "a = Thing('a', size=1)\nb = Thing('b', size={0}, after=a.address)\nThing('c', after=b.address)"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "pack", PACK)


def write_pack(folder: Path, program: str, runtime: str = "python") -> Path:
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text(f"name: limits\nversion: 1.2.3\nruntime: {runtime}\n", encoding="utf-8")
    (folder / "__main__.py").write_text(textwrap.dedent(program), encoding="utf-8")
    return folder


def violations(result) -> list[tuple[str, str, str]]:
    found = [event["policyEvent"] for event in result.events if "policyEvent" in event]
    return [(item["policyName"], item["enforcementLevel"], item["message"].strip()) for item in found]


def test_a_mandatory_violation_stops_an_up_before_the_resource(project: Project, pack: Path) -> None:
    result = project.up(CHAIN.format(9), policy_packs=(pack,))
    assert result.exit_code == 1
    assert project.cloud.calls == [("create", "a")]
    assert violations(result) == [("small", "mandatory", "Small.\n9 is over 5")]
    assert result.errors == []


def test_a_preview_goes_on_to_the_end_and_then_fails(project: Project, pack: Path) -> None:
    project.program(CHAIN.format(9))
    result = project.run("preview", policy_packs=(pack,))
    assert result.exit_code == 1
    assert result.errors == ["preview failed"]
    assert [name for name, *_ in violations(result)] == ["small", "few"]


def test_a_remediation_is_what_goes_up(project: Project, pack: Path) -> None:
    assert project.up("Thing('a', size=1)", policy_packs=(pack,)).ok
    assert [thing["tag"] for thing in project.cloud.things.values()] == ["pack"]
    replaced = project.up("Thing('a', immutable='2')", policy_packs=(pack,))
    assert dict(replaced.changes)["replace"] == 1
    assert [thing["tag"] for thing in project.cloud.things.values()] == ["pack"]


def test_a_stack_policy_judges_what_is_there_already(project: Project, pack: Path) -> None:
    result = project.up(CHAIN.format(1), policy_packs=(pack,))
    assert result.exit_code == 1
    assert len(project.cloud.things) == 3
    assert result.errors == ["update failed"]


@pytest.mark.parametrize(
    ("config", "ok", "levels"),
    [
        ('{"small": {"limit": 20}}', True, []),
        ('{"small": "advisory"}', True, ["advisory"]),
        ('{"all": "disabled"}', True, []),
        ('{"small": {"limit": 2}}', False, ["mandatory"]),
    ],
)
def test_configuration_changes_levels_and_values(
    project: Project, pack: Path, config: str, ok: bool, levels: list[str]
) -> None:
    file = pack / "config.json"
    file.write_text(config, encoding="utf-8")
    result = project.up("Thing('a', size=9)", policy_packs=(pack,), policy_pack_configs=(file,))
    assert (result.ok, [level for _, level, _ in violations(result)]) == (ok, levels)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"small": {"limit": "two"}}', "Expected: integer, given: string"),
        ('{"small": {"limit": 0}}', "greater than or equal to 1"),
        ('{"small": "sometimes"}', "enforcement level"),
        ("{", "cannot be read"),
    ],
)
def test_a_configuration_that_does_not_fit_starts_no_run(project: Project, pack: Path, config: str, said: str) -> None:
    file = pack / "config.json"
    file.write_text(config, encoding="utf-8")
    with pytest.raises(EngineError, match=said):
        project.up("Thing('a')", policy_packs=(pack,), policy_pack_configs=(file,))
    assert project.cloud.calls == []


@pytest.mark.parametrize(
    ("program", "runtime", "said"),
    [
        ("raise RuntimeError('the pack cannot start')", "python", "not started"),
        ("print('hello')\n" + PACK, "python", "not started"),
        (PACK, "nodejs", "Python policy packs only"),
    ],
)
def test_a_pack_that_does_not_start_starts_no_run(
    project: Project, tmp_path: Path, program: str, runtime: str, said: str
) -> None:
    pack = write_pack(tmp_path / "broken", program, runtime)
    with pytest.raises(EngineError, match=said):
        project.up("Thing('a')", policy_packs=(pack,))
    assert project.cloud.calls == []


def test_a_program_that_began_while_a_pack_fails_to_start_is_not_heard(project: Project, tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "broken", "import time\ntime.sleep(1)\nraise RuntimeError('late')")
    project.program("import pulumi\npulumi.info('said')\nprint('printed')\nThing('a')")
    events: list[dict[str, object]] = []
    with pytest.raises(EngineError, match="not started"):
        project.run("up", policy_packs=(pack,), on_event=events.append)
    assert [name for event in events for name in event if name.endswith("Event")] == ["policyLoadEvent"]
    assert project.cloud.calls == []
    assert not project.state.exists()


def test_what_a_program_says_stands_after_the_start_of_its_packs(project: Project, pack: Path) -> None:
    project.program("import pulumi\npulumi.info('said')\nprint('printed')\nThing('a')")
    result = project.run("preview", policy_packs=(pack,))
    names = [name for event in result.events for name in event if name.endswith("Event")]
    assert names[:4] == ["policyLoadEvent", "preludeEvent", "diagnosticEvent", "diagnosticEvent"]
    assert result.ok


def test_a_pack_that_is_absent_starts_no_run(project: Project, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no such file or directory"):
        project.up("Thing('a')", policy_packs=(tmp_path / "absent",))
    assert project.cloud.calls == []


def test_a_policy_that_raises_fails_the_run(project: Project, tmp_path: Path) -> None:
    program = PACK.replace("limit = args", "raise KeyError('policy bug')\n    limit = args")
    result = project.up("Thing('a')", policy_packs=(write_pack(tmp_path / "raises", program),))
    assert result.exit_code == 1
    assert "policy bug" in result.errors[0]
    assert project.cloud.calls == []


@pytest.mark.parametrize("judged", ["the resource", "the stack"])
def test_a_pack_that_never_answers_fails_the_run_by_its_name(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judged: str
) -> None:
    monkeypatch.setattr("engine.packs.pack._ANSWER_TIMEOUT_S", 3.0)
    first = "limit = args" if judged == "the resource" else "things = ["
    program = "import time\n" + PACK.replace(first, f"time.sleep(600)\n    {first}")
    result = project.up("Thing('a')", policy_packs=(write_pack(tmp_path / "silent", program),))
    assert result.exit_code == 1
    assert result.errors[0] == "failed to run policy: policy pack 'limits' gave no answer in 3 s"
    assert project.cloud.calls == ([] if judged == "the resource" else [("create", "a")])


def test_a_pack_that_is_killed_in_the_middle_fails_the_run_and_says_what_to_do(
    project: Project, tmp_path: Path
) -> None:
    program = "import os\n" + PACK.replace("limit = args", "os.kill(os.getpid(), 9)\n    limit = args")
    result = project.up("Thing('a')", policy_packs=(write_pack(tmp_path / "killed", program),))
    assert result.exit_code == 1
    assert "policy pack 'limits' ended before it answered\n    fix: run it again" in result.errors[0]
    assert project.cloud.calls == []


def test_a_policys_own_entry_beats_the_one_for_all() -> None:
    given = {"all": PolicySettings("disabled"), "a": PolicySettings("advisory", {"x": 1})}
    merged = merge(["a", "b"], {"a": PolicySettings("mandatory", {"x": 0, "y": 2})}, given)
    assert merged == {"a": PolicySettings("advisory", {"x": 1, "y": 2}), "b": PolicySettings("disabled")}


def test_every_fault_of_a_configuration_is_named() -> None:
    schema = {
        "n": {"type": "number", "maximum": 3},
        "s": {"enum": ["a"]},
        "l": {"type": "array", "items": {"type": "boolean"}},
    }
    faults = schema_faults({"n": 4, "s": "b", "l": [True, 1]}, schema, ["needed"])
    assert len(faults) == 4
    assert schema_faults({"n": 3, "s": "a", "l": [False], "needed": 1}, schema, ["needed"]) == []
