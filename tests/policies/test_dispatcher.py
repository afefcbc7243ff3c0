"""What holds for every check: it fails closed, never shows a secret, and says the same thing in the same form."""

from __future__ import annotations

import base64
import json
import re
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import policies
from inventories import Fault, OnshoreError, load_rules
from policies import dispatcher
from policies.dispatcher import judge, load_checks
from policies.pack import Pack
from policies.subject import Subject, Violation
from tests.policies.asking import (
    STACK_TYPE,
    UNKNOWN,
    Provider,
    Resource,
    World,
    changed,
    deployment,
    edited,
    made,
    namespace,
    secret,
    text,
)
from tests.worlds import load_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parent
FORM = re.compile(
    r"[A-Z]{3}-\d{3} (critical|high|medium) · urn:\S+( · [^\n]+?)?: got [^\n]+, allowed [^\n]+\. "
    r"Why: [^\n]+\. Fix: [^\n]+\.\Z"
)
HIDDEN = "a-password-nobody-sees"


def test_every_message_has_the_one_form() -> None:
    world = World()
    bad = [
        deployment("hostPID", to=True),
        deployment("containers", 0, "image", to="app:1"),
        made("Widget", "widgets.example/v1"),
        made("ConfigMap", "v1", category=None),
        made("Service", "v1", spec={"type": UNKNOWN}),
        Resource("pulumi:providers:kubernetes", {}, name="default"),
    ]
    messages = [one.message for resource in bad for one in world.analyze(resource)]
    assert len(messages) >= len(bad)
    assert [message for message in messages if not FORM.match(message)] == []


def test_a_message_reads_as_a_person_would_want() -> None:
    (found,) = World().analyze(deployment("containers", 0, "image", to="registry.example/app:1"))
    path = "spec.template.spec.containers[0].image"
    start = f"IMG-001 medium · urn:pulumi:s::p::kubernetes:apps/v1:Deployment::deployment · {path}: got "
    rule = load_rules()["IMG-001"]
    assert found.message.replace(rule.severity, "medium", 1).startswith(
        start + "'registry.example/app:1', allowed name@sha256:<64 hex digits>. Why: "
    )
    assert found.message.endswith(f"Fix: {rule.remediation.strip().rstrip('.')}.")


@pytest.mark.parametrize(
    "resource",
    [
        deployment("containers", 0, "image", to=secret(HIDDEN)),
        deployment("containers", 0, to=secret({"name": "app", "image": HIDDEN})),
        deployment("hostPID", to=secret(HIDDEN)),
        edited(made("Service", "v1"), "spec", to=secret({"type": HIDDEN, "externalIPs": [HIDDEN]})),
        edited(namespace(), "metadata", to=secret({"labels": {"onshore.example/data-category": HIDDEN}})),
        made("Secret", "v1", category=None, stringData={"password": HIDDEN}, data=HIDDEN, type=HIDDEN),
        made("ConfigMap", "v1", category=None, data={"password": HIDDEN}),
        Resource("pulumi:providers:kubernetes", {"kubeconfig": HIDDEN, "context": secret(HIDDEN)}),
        Resource(
            "kubernetes:helm.sh/v4:Chart", {"repositoryOpts": {"password": secret(f"https://{HIDDEN}")}}, Provider()
        ),
        Resource("pulumi:providers:kubernetes", {"kubeconfig": secret(f"clusters: [\n{HIDDEN}")}),
        Resource(
            "kubernetes:core/v1:SecretList",
            {"apiVersion": "v1", "kind": "SecretList", "items": [{"data": HIDDEN, "metadata": HIDDEN}, HIDDEN]},
            Provider(),
        ),
    ],
)
def test_no_secret_is_ever_shown(resource: Resource) -> None:
    world = World()
    found = [*world.analyze(resource)]
    assert found
    shown = " ".join(str(one) for one in found)
    assert HIDDEN not in shown
    assert base64.b64encode(HIDDEN.encode()).decode() not in shown


def test_strange_names_cannot_forge_or_flood_a_message() -> None:
    image = "app:1\n[mandatory] all is well \x1b[31m" + "x" * 5000
    (found,) = World().analyze(deployment("containers", 0, "image", to=image))
    assert FORM.match(found.message)
    assert len(found.message) < 1500
    assert "\x1b" not in found.message


def _crashes(_subject: Subject) -> Iterator[Violation]:
    yield Violation("first", None, "something")
    raise KeyError(HIDDEN)


@pytest.mark.parametrize("path", ["data.password", "items[0].stringData", "binaryData"])
def test_no_check_can_show_what_a_config_map_or_secret_holds(path: str) -> None:
    world = World()
    subject = world.pack._builder.subject(world.request(made("ConfigMap", "v1")))
    (check,) = [check for check in load_checks(world.facts.rules) if check.rule.id == "CAT-001"]
    (found,) = judge(subject, [replace(check, judge=lambda _: [Violation(path, HIDDEN, "something")])])
    assert HIDDEN not in found.message
    assert "[secret]" in found.message


def test_a_crashed_check_refuses_and_tells_nothing_it_saw() -> None:
    world = World()
    checks = load_checks(world.facts.rules)
    broken = [replace(check, judge=_crashes) if check.rule.id == "ACC-001" else check for check in checks]
    subject = world.pack._builder.subject(world.request(made("ConfigMap", "v1")))
    found = judge(subject, broken)
    assert [one.rule for one in found] == ["ACC-001", "ACC-001"]
    assert "check provider_accredited: got a fault of the check itself (KeyError)" in found[1].message
    assert HIDDEN not in str(found)


def test_a_crashed_stack_check_refuses_the_stack() -> None:
    def crash(_subjects: Any) -> Any:
        raise RuntimeError(HIDDEN)

    world = World()
    checks = [replace(check, judge_stack=crash) for check in load_checks(world.facts.rules)][:1]
    subjects = [world.pack._builder.subject(world.request(Resource(STACK_TYPE, {})))]
    (found,) = dispatcher.judge_stack(subjects, checks)
    assert found.urn == subjects[0].urn
    assert HIDDEN not in found.message


def test_a_value_nobody_asked_the_truth_of_is_not_passed_over() -> None:
    from policies.values import MALFORMED
    from policies.values import UNKNOWN as MARKER

    for marker in (MARKER, MALFORMED):
        with pytest.raises(TypeError, match="neither true nor false"):
            bool(marker)


def test_without_readable_facts_everything_is_refused_and_the_stack_says_why() -> None:
    fault = Fault("inventories/registers/x/register.yaml:3:issued_on", "no date", "yesterday", fix="write YYYY-MM-DD")
    pack = Pack(OnshoreError("the register cannot be used", [fault, Fault("b", "also wrong")]))
    pack.ConfigureStack(None, None)
    world = World()
    stack = pack.Analyze(world.request(Resource(STACK_TYPE, {})), None).diagnostics
    other = pack.Analyze(world.request(made("ConfigMap", "v1")), None).diagnostics
    assert len(stack) == len(other) == 1
    assert "register.yaml:3:issued_on" in stack[0].message
    assert "also wrong" in stack[0].message
    assert "register.yaml:3" not in other[0].message
    assert "see the stack's own finding" in other[0].message
    assert FORM.match(stack[0].message)
    assert pack.GetAnalyzerInfo(None, None).policies


def test_a_pack_that_was_never_told_its_stack_takes_it_for_undeclared() -> None:
    world = World()
    pack = Pack(world.facts)
    found = pack.Analyze(world.request(Resource(STACK_TYPE, {})), None).diagnostics
    assert {one.policyName for one in found} == {"CAT-001", "STA-001"}


def test_rules_checks_and_tests_pair_up() -> None:
    rules = load_rules()
    files = {path.stem for path in (Path(policies.__file__).parent / "checks").glob("*.py")} - {"__init__"}
    assert {rule.slug for rule in rules.values()} == files
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (TESTS / "checks").glob("test_*.py"))
    cases = frozenset[str]().union(*(case.expect for case in load_cases()))
    assert {rule for rule in rules if f'"{rule}"' not in tests and rule not in cases} == set()


def test_a_rule_without_a_check_or_a_check_without_a_rule_stops_the_pack() -> None:
    rules = dict(load_rules())
    lost = rules.pop("IMG-001")
    with pytest.raises(OnshoreError, match="a check without a rule"):
        load_checks(rules)
    rules["IMG-001"] = lost
    rules["IMG-002"] = lost.model_copy(update={"id": "IMG-002", "slug": "not_written"})
    with pytest.raises(OnshoreError, match="a rule without its check"):
        load_checks(rules)


def test_a_parameter_of_the_wrong_form_is_told_in_words() -> None:
    rules = dict(load_rules())
    rules["CRY-003"] = rules["CRY-003"].model_copy(update={"params": {"custody_setting": 3, "storage_class_keys": "a"}})
    with pytest.raises(OnshoreError) as raised:
        load_checks(rules)
    assert [fault.fix for fault in raised.value.faults] == ["write text", "write a list", "write a list"]


def test_a_rule_is_added_by_its_two_files_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from policies import checks

    readme = (Path(policies.__file__).parent / "README.md").read_text(encoding="utf-8")
    shown = textwrap.dedent(readme.partition("```python\n")[2].partition("```")[0])
    head = (
        "from policies.subject import Subject, Violation\nfrom policies.values import at\nfrom typing import Iterator\n"
    )
    (tmp_path / "sticky_sessions.py").write_text(head + shown, encoding="utf-8")
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path)])
    rule = load_rules()["EXP-001"].model_copy(update={"id": "ZZZ-999", "slug": "sticky_sessions"})
    facts = World().facts
    world = World(facts=replace(facts, rules={**facts.rules, "ZZZ-999": rule}))
    assert world.refused_by(made("Service", "v1", spec={"sessionAffinity": "None"})) == set()
    assert world.refused_by(made("Service", "v1", spec={"sessionAffinity": "ClientIP"})) == {"ZZZ-999"}
    assert world.refused_by(made("Service", "v1", spec={"sessionAffinity": 1})) == {"ZZZ-999"}
    assert world.refused_by(made("Service", "v1", spec={"sessionAffinity": UNKNOWN})) == {"UNK-001"}


def test_every_rule_is_a_mandatory_policy_of_its_own_name() -> None:
    info = World().pack.GetAnalyzerInfo(None, None)
    assert {policy.name for policy in info.policies} == set(load_rules())
    assert {policy.enforcementLevel for policy in info.policies} == {1}
    assert not info.supportsConfig


def test_a_kubeconfig_is_read_once_for_all_its_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    from policies import building

    reads: list[Any] = []
    monkeypatch.setattr(building, "read", lambda value, read=building.read: reads.append(value) or read(value))
    world = World()
    for i in range(20):
        assert world.refused_by(edited(made("ConfigMap", "v1"), "metadata", "name", to=f"c{i}")) == set()
    assert len(reads) == 1


def test_two_kubeconfigs_are_not_taken_for_one() -> None:
    world = World()
    assert world.refused_by(made("ConfigMap", "v1")) == set()
    wrong = text(changed(world.kubeconfig(), "current-context", to="there"))
    lawful = json.dumps(world.kubeconfig())
    lost = text(changed(world.kubeconfig(), "clusters", 0, "cluster", "server", to="https://192.0.2.9:6443"))
    for kubeconfig, refusing in ((lawful, set()), (lost, {"PIN-002"}), (lawful, set())):
        resource = made("ConfigMap", "v1")
        asked = Resource(resource.type, resource.props, Provider(kubeconfig=secret(kubeconfig)))
        assert world.refused_by(asked) == refusing
    assert world.refused_by(world.provider(Provider(kubeconfig=wrong))) == {"PIN-002"}
