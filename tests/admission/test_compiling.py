"""What is compiled of a register, a profile and the rules on a day, without any cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from admission.policies import compile_rules
from tests.admission.conftest import facts
from tests.worlds import TODAY

if TYPE_CHECKING:
    from admission.policies import AdmissionRules
    from policies.subject import Facts


def _compiled(known: Facts) -> AdmissionRules:
    provider = known.register.providers[0]
    return compile_rules(known, provider, provider.clusters[0])


def _parameters(rules: AdmissionRules) -> Any:
    return rules.parameters["spec"]


def _refusing(rules: AdmissionRules) -> set[str]:
    return {obj["spec"]["policyName"] for obj in rules.objects if obj["spec"].get("validationActions") == ["Deny"]}


def test_register_and_profile_stand_in_the_parameters_alone() -> None:
    """Another register, profile, cluster or day: the same policies, to the letter."""
    known = facts()
    provider = known.register.providers[0]
    other = provider.clusters[0].model_copy(update={"id": "other", "encrypted_storage_classes": frozenset({"more"})})
    stricter = tuple(
        each.model_copy(update={"rule": each.rule.model_copy(update={"image_digest": True, "exposure": "internal"})})
        for each in known.profile.categories
    )
    profile = known.profile.model_copy(update={"categories": stricter})
    rules = _compiled(known)
    for changed in (
        compile_rules(known, provider, other),
        _compiled(replace(known, profile=profile)),
        _compiled(replace(known, register=known.register.model_copy(update={"version": "later"}))),
        _compiled(facts(expires_on=TODAY + timedelta(days=1))),
    ):
        assert changed.rules == rules.rules
        assert changed.digest != rules.digest
        differing = [one["kind"] for one, two in zip(changed.objects, rules.objects, strict=True) if one != two]
        assert differing == ["AdmissionParameters"]


def test_every_policy_that_reads_parameters_refuses_without_them() -> None:
    policies, bindings = {}, []
    for obj in _compiled(facts()).objects:
        if obj["kind"] == "ValidatingAdmissionPolicy":
            policies[obj["metadata"]["name"]] = obj["spec"]
        elif obj["kind"] == "ValidatingAdmissionPolicyBinding":
            bindings.append(obj["spec"])
    assert all(policy["failurePolicy"] == "Fail" for policy in policies.values())
    for binding in bindings:
        reads = "params." in str(policies[binding["policyName"]])
        assert ("paramKind" in policies[binding["policyName"]]) == reads
        wanted = {"name": "onshore", "parameterNotFoundAction": "Deny"} if reads else None
        assert binding.get("paramRef") == wanted


def test_a_rule_that_binds_later_only_warns_until_then() -> None:
    known = facts()
    later = known.rules["EXP-001"].model_copy(update={"effective_on": TODAY + timedelta(days=1)})
    waiting = replace(known, rules={**known.rules, "EXP-001": later})
    silent = _refusing(_compiled(known)) - _refusing(_compiled(waiting))
    assert silent
    assert all(name.startswith("onshore-exp-001-") for name in silent)
    assert _refusing(_compiled(replace(waiting, on=TODAY + timedelta(days=1)))) >= silent


def test_the_registers_word_refuses_only_by_rules_that_bind() -> None:
    known = facts()
    assert "refused" in _parameters(_compiled(known))["categories"]["secret"]["here"]
    later = known.rules["CAT-003"].model_copy(update={"effective_on": TODAY + timedelta(days=1)})
    waiting = _parameters(_compiled(replace(known, rules={**known.rules, "CAT-003": later})))
    assert waiting["categories"]["secret"]["here"] == {"until": (TODAY).strftime("%Y-%m-%dT19:00:00Z")}
