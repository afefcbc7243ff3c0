"""What a provider does with a run that was checked: foresee it, make it so, look for drift, undo it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from inventories.faults import Fault, OnshoreError
from playbooks.comparing import differences, inputs_of, is_only_recorded, names_of, results_of
from playbooks.content import PARTS
from playbooks.facts import Facts
from playbooks.inputs import read_inputs, scrubber, secret_names
from playbooks.inspection import content_faults
from playbooks.running import Run, run_playbook
from playbooks.values import has_unknown, plain, unknown, wrapped

if TYPE_CHECKING:
    from collections.abc import Collection

    from pulumi.provider.experimental.property_value import PropertyValue

    from playbooks.inputs import RunInputs
    from playbooks.outcome import Outcome
    from playbooks.running import Stopping
    from playbooks.values import Properties


class Log(Protocol):
    """Tells the engine."""

    def __call__(self, severity: str, message: str, urn: str, *, ephemeral: bool = False) -> None: ...


class PartlyDoneError(Exception):
    """The resource is there, and is not what was asked for: the engine keeps it, with the reasons."""

    def __init__(self, call: Call, properties: Properties, reasons: tuple[str, ...]) -> None:
        super().__init__("\n".join(reasons))
        self.id, self.inputs, self.properties, self.reasons = call.id, call.inputs, properties, reasons


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the engine about one resource; `timeout_s` 0: the resource has none of its own."""

    urn: str
    id: str
    inputs: Properties
    timeout_s: float = 0.0


class Applier:
    """Runs playbooks for the engine's calls; raises OnshoreError where nothing, or not all, was done."""

    def __init__(self, log: Log, stopping: Stopping) -> None:
        self._log = log
        self._stopping = stopping

    def foresee(self, call: Call, olds: Properties) -> dict[str, PropertyValue]:
        """What would change, as check mode sees it; a preview does not fail for what cannot be tried yet."""
        if is_only_recorded(differences(olds, call.inputs)):
            return {**call.inputs, **results_of(olds)}
        inputs, facts = _understood(call.inputs), Facts.load()
        if gone := [name for name in names_of(olds) if name not in inputs.names]:
            self._log("info", f"{', '.join(gone)}: would be torn down, or left as it is", call.urn)
        if has_unknown(plain(call.inputs.get("variables"))):
            self._log("info", "some variables are known at the update only: not tried in check mode", call.urn)
        elif later := [one.id for one in inputs.machines if not one.is_there]:
            self._log("info", f"{', '.join(later)}: not there yet, so not tried in check mode", call.urn)
        else:
            outcome = self._run(call, inputs, facts, _unchanged(inputs, facts), check=True)
            for problem in outcome.problems:
                self._log("warning", f"check mode could not tell everything: {problem}", call.urn)
            if not outcome.problems:
                self._log("info", f"check mode: {len(outcome.drift)} changes on {len(inputs.names)} hosts", call.urn)
        return {**call.inputs, "results": unknown(), "drift": wrapped([])}

    def apply(self, call: Call, olds: Properties) -> dict[str, PropertyValue]:
        """Run it, after undoing it where it is no longer wanted; raises PartlyDoneError when a host is not done."""
        if is_only_recorded(differences(olds, call.inputs)):
            return {**call.inputs, **results_of(olds)}
        inputs, facts = _understood(call.inputs), Facts.load()
        playbook = _unchanged(inputs, facts)
        if olds:
            self._part(call, olds, inputs, facts)
        outcome = self._run(call, inputs, facts, playbook)
        properties = {**call.inputs, **_results(outcome)}
        if outcome.problems:
            raise PartlyDoneError(call, properties, outcome.problems)
        return properties

    def drifted(self, call: Call, olds: Properties) -> dict[str, PropertyValue]:
        """The recorded outputs with what check mode would change now; as they were, where nobody can tell."""
        inputs, facts = _understood(call.inputs), Facts.load()
        if not _is_unchanged(inputs, facts):
            said = "the playbook has changed since it ran: the next preview says what that means"
            self._log("warning", said, call.urn)
            return dict(olds)
        outcome = self._run(call, inputs, facts, inputs.content(facts.root).playbook, check=True)
        for problem in outcome.problems:
            self._log("warning", f"not known whether the hosts are as they were left: {problem}", call.urn)
        if outcome.problems:
            return dict(olds)
        for change in outcome.drift:
            self._log("warning", f"drift: {change}", call.urn)
        return {**olds, "drift": wrapped(outcome.drift)}

    def delete(self, call: Call) -> None:
        """Run the teardown; without one nothing is deleted, unless what was set up may be left behind."""
        inputs = _understood(call.inputs)
        if not inputs.teardown:
            if not inputs.forget:
                what = f"what was set up on {', '.join(inputs.names)} would be forgotten, and stay there"
                fix = "declare `teardown` (a playbook that undoes it) or set `forget`, run an up, and then delete it"
                raise OnshoreError("not deleted", [Fault(call.urn, what, fix=fix)], refused=True)
            self._log("info", f"what was set up on {', '.join(inputs.names)} is left there: forget is set", call.urn)
            return
        outcome = self._tear_down(call, inputs, inputs.names, Facts.load(), forget=inputs.forget)
        if outcome and outcome.problems:
            raise OnshoreError("not undone on every host", [Fault("", problem) for problem in outcome.problems])

    def _part(self, call: Call, olds: Properties, inputs: RunInputs, facts: Facts) -> None:
        """Undo the run on hosts that are no longer among its hosts, as it was recorded."""
        gone = [name for name in names_of(olds) if name not in inputs.names]
        if not gone:
            return
        before = _understood(inputs_of(olds))
        if not before.teardown:
            self._log("info", f"what was set up on {', '.join(gone)} is left there: forget is set", call.urn)
            return
        recorded = Call(call.urn, call.id, inputs_of(olds), call.timeout_s)
        outcome = self._tear_down(recorded, before, gone, facts, forget=inputs.forget)
        if outcome and outcome.problems:
            reasons = tuple(f"not undone: {problem}" for problem in outcome.problems)
            raise PartlyDoneError(call, {**olds, "problems": wrapped(reasons)}, reasons)

    def _tear_down(
        self, call: Call, inputs: RunInputs, hosts: Collection[str], facts: Facts, *, forget: bool
    ) -> Outcome | None:
        """Run the teardown on hosts; those that the register has no more are left out where `forget` allows it."""
        machines = tuple(one for one in inputs.machines if one.id in hosts)
        there = {one.id for one in machines}
        reached = [name for name in hosts if name in there or facts.law.register.host(name) or not forget]
        if left := [name for name in hosts if name not in reached]:
            self._log("info", f"{', '.join(left)}: no longer in the register, and left: forget is set", call.urn)
        if not reached:
            return None
        groups = {name: tuple(one for one in members if one in reached) for name, members in inputs.groups.items()}
        named = tuple(name for name in reached if name not in there)
        alone = inputs.model_copy(update={"hosts": named, "machines": machines, "groups": groups, "tags": ()})
        content, playbook = alone.content(facts.root), alone.teardown_beside
        faults = content_faults(content, [playbook], alone.names, alone.groups, secret_names(call.inputs))
        if faults:
            raise OnshoreError("nothing was torn down", faults, refused=True)
        return self._run(call, alone, facts, playbook)

    def _run(self, call: Call, inputs: RunInputs, facts: Facts, playbook: str, *, check: bool = False) -> Outcome:
        run = Run(
            inputs.content(facts.root),
            playbook,
            facts.hosts(inputs),
            inputs.groups,
            inputs.variables,
            inputs.tags,
            check,
            min(inputs.timeout_s, call.timeout_s or inputs.timeout_s),
        )

        def report(severity: str, message: str, *, ephemeral: bool = False) -> None:
            self._log(severity, message, call.urn, ephemeral=ephemeral)

        return run_playbook(run, facts.login, scrubber(call.inputs), report, self._stopping)


def _understood(properties: Properties) -> RunInputs:
    """Inputs that were checked before; raises OnshoreError."""
    inputs, faults = read_inputs(properties)
    if inputs is None:
        raise OnshoreError("the recorded inputs cannot be read", faults)
    return inputs


def _is_unchanged(inputs: RunInputs, facts: Facts) -> bool:
    content = inputs.content(facts.root)
    return all(inputs.digests.get(part) == content.digest(part) for part in PARTS)


def _unchanged(inputs: RunInputs, facts: Facts) -> str:
    """The playbook to run; raises OnshoreError when it is not the one that was checked."""
    if not _is_unchanged(inputs, facts):
        fix = "run the preview and the up again"
        raise OnshoreError("nothing was run", [Fault("playbook", "it changed after it was checked", fix=fix)])
    return inputs.content(facts.root).playbook


def _results(outcome: Outcome) -> dict[str, PropertyValue]:
    results = {
        name: {"ok": host.ok, "changed": host.changed, "skipped": host.skipped, "problem": host.problem}
        for name, host in outcome.hosts.items()
    }
    return {"results": wrapped(results), "drift": wrapped([]), "problems": wrapped(outcome.problems)}
