"""The provider `onshore-ansible`: a playbook on hosts of the register as a Pulumi resource.

Checked against the law and the playbook's own text before anything happens; compared by digest; run through
ansible-runner. A host that fails leaves the resource there with its reasons, and the next update runs again.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from components.governance import Law
from components.host_law import host_faults
from inventories.faults import Fault, OnshoreError
from inventories.settings import Settings
from playbooks import inputs as asked
from playbooks.content import PARTS
from playbooks.digests import digests_of
from playbooks.inputs import RunInputs, marked, read_inputs, scrubber, secret_names
from playbooks.inspection import content_faults
from playbooks.running import Login, Run, Stopping, run_playbook, syntax_fault
from playbooks.values import has_unknown, plain, unknown, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    from inventories.models import Host
    from playbooks.outcome import Outcome
    from playbooks.values import Properties

    class Log(Protocol):
        """Tells the engine."""

        def __call__(self, severity: str, message: str, urn: str, *, ephemeral: bool = False) -> None: ...


TYPE: Final = "onshore-ansible:index:Playbook"
_KEY_MODE: Final = 0o077


class PartlyDoneError(Exception):
    """The resource is there, and is not what was asked for: the engine keeps it, with the reasons."""

    def __init__(self, id_: str, properties: Properties, inputs: Properties, reasons: tuple[str, ...]) -> None:
        super().__init__("\n".join(reasons))
        self.id, self.properties, self.inputs, self.reasons = id_, properties, inputs, reasons


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides, read anew for each call: the law of the day, and how hosts are logged in to."""

    law: Law
    root: Path
    login: Login

    @classmethod
    def load(cls) -> Facts:
        """The facts of the project around the current folder; raises OnshoreError."""
        settings = Settings.load(Path.cwd())
        return cls(Law.load(settings), settings.root, Login(settings.ssh_user, settings.ssh_key))


class AnsibleProvider(sdk.Provider):
    """Calls come from one event loop; what takes time runs in threads of their own."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._stopping = Stopping()
        self._checked: dict[tuple[str, ...], str] = {}
        self._checking = threading.Lock()

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_resources=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        _own(request.type)
        return await asyncio.to_thread(self._check, request)

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        _own(request.type)
        changed = _differences(request.old_state, request.new_inputs)
        details = {
            name: sdk.PropertyDiff(sdk.PropertyDiffKind.UPDATE, input_diff=name not in asked.RESULTS)
            for name in sorted(changed)
        }
        return sdk.DiffResponse(changes=bool(changed), diffs=sorted(changed), detailed_diff=details)

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        _own(request.type)
        id_ = "" if request.preview else f"{request.name}-{secrets.token_hex(4)}"
        call = _Call(request.urn, id_, request.properties, request.timeout, request.preview)
        return sdk.CreateResponse(id_, await asyncio.to_thread(self._apply, call, {}))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        _own(request.type)
        call = _Call(request.urn, request.resource_id, request.news, request.timeout, request.preview)
        return sdk.UpdateResponse(await asyncio.to_thread(self._apply, call, request.olds))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        _own(request.type)
        if not request.properties:
            fix = "register it in the program, and let an up run the playbook"
            raise OnshoreError("a playbook's run cannot be imported", [Fault(request.urn, "nothing tells its inputs", fix=fix)])
        return await asyncio.to_thread(self._read, request)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        _own(request.type)
        await asyncio.to_thread(self._delete, request)

    async def cancel(self) -> None:
        self.stop("cancelled")

    def stop(self, reason: str) -> None:
        """End every run; what was not finished is told as such."""
        self._stopping.ask(reason)

    # -- what takes time

    def _check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        given = {key: value for key, value in request.new_inputs.items() if key != "digests"}
        inputs, faults = read_inputs(given)
        digests: dict[str, str] = {}
        if inputs is not None:
            try:
                facts = Facts.load()
                faults += host_faults(inputs.hosts, inputs.department, inputs.category, facts.law)
                faults += _login_faults(facts.login)
                faults += _abandoned(request.old_inputs, inputs)
                content_faults_, digests = self._content(facts, inputs, secret_names(given))
                faults += content_faults_
            except OnshoreError as error:
                faults += error.faults or [Fault("", error.summary)]
        if faults:
            return sdk.CheckResponse(given, [sdk.CheckFailure(_property(one), _reason(one)) for one in faults])
        return sdk.CheckResponse({**marked(given), "digests": wrapped(digests)}, [])

    def _content(self, facts: Facts, inputs: RunInputs, secret: set[str]) -> tuple[list[Fault], dict[str, str]]:
        content = inputs.content(facts.root)
        playbooks = [content.playbook, *([_beside(inputs, inputs.teardown)] if inputs.teardown else [])]
        faults = content_faults(content, playbooks, inputs.hosts, inputs.groups, secret)
        digests = {part: content.digest(part) for part in PARTS}
        if not faults:
            faults += [
                Fault("playbook", "Ansible cannot read it", said, fix="correct it")
                for playbook in playbooks
                if (said := self._syntax(content, playbook, digests))
            ]
        here = [found[1] for name in inputs.hosts if (found := facts.law.register.host(name))]
        return faults, {**digests, "inventory": digests_of(here, inputs.groups)}

    def _syntax(self, content: Any, playbook: str, digests: Mapping[str, str]) -> str:
        key = (playbook, *digests.values())
        with self._checking:  # many resources run one playbook: Ansible is asked once
            if key not in self._checked:
                self._checked[key] = syntax_fault(content, playbook)
            return self._checked[key]

    def _apply(self, call: _Call, olds: Properties) -> dict[str, PropertyValue]:
        changed = _differences(olds, call.inputs) if olds else {"hosts"}
        left_alone = olds and not any(name.partition(".")[0] in (*asked.RERUN, *asked.RESULTS) for name in changed)
        if left_alone and changed:
            kept = {name: value for name, value in olds.items() if name in asked.RESULTS}
            return {**call.inputs, **kept}
        inputs, facts = _understood(call.inputs), Facts.load()
        if call.preview:
            self._foresee(call, inputs, facts)
            return {**call.inputs, "results": unknown(), **_results(None)}
        self._part(call, olds, inputs, facts)
        outcome = self._run(call, inputs, facts, check=False)
        properties = {**call.inputs, **_results(outcome)}
        if outcome.problems:
            raise PartlyDoneError(call.id, properties, call.inputs, outcome.problems)
        return properties

    def _foresee(self, call: _Call, inputs: RunInputs, facts: Facts) -> None:
        """What would change, as Ansible's check mode sees it; a preview does not fail for what cannot be tried yet."""
        if has_unknown(plain(call.inputs.get("variables"))):
            self._log("info", "some variables are known at the update only: not tried in check mode", call.urn)
            return
        outcome = self._run(call, inputs, facts, check=True)
        for problem in outcome.problems:
            self._log("warning", f"check mode could not tell everything: {problem}", call.urn)
        if not outcome.problems:
            self._log("info", f"check mode: {len(outcome.drift)} changes on {len(inputs.hosts)} hosts", call.urn)

    def _part(self, call: _Call, olds: Properties, inputs: RunInputs, facts: Facts) -> None:
        """Undo the run on hosts that are no longer among its hosts; raises PartlyDoneError."""
        before = read_inputs(_inputs_of(olds))[0] if olds else None
        gone = [name for name in (before.hosts if before else ()) if name not in inputs.hosts]
        if before is None or not gone or not before.teardown:
            return
        alone = before.model_copy(update={"hosts": tuple(gone), "groups": {}})
        outcome = self._run(call, alone, facts, check=False, teardown=True, given=olds)
        if outcome.problems:
            reasons = tuple(f"not undone: {problem}" for problem in outcome.problems)
            raise PartlyDoneError(call.id, {**olds, "problems": wrapped(reasons)}, call.inputs, reasons)

    def _read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        call = _Call(request.urn, request.resource_id, _inputs_of(request.properties), 0.0, preview=True)
        same = sdk.ReadResponse(request.resource_id, dict(request.properties), dict(request.inputs))
        inputs, facts = _understood(call.inputs), Facts.load()
        digests, now = inputs.digests, {part: inputs.content(facts.root).digest(part) for part in PARTS}
        if any(digests.get(part) != now[part] for part in PARTS):
            self._log("warning", "the playbook has changed since it ran: the next preview says what that means", call.urn)
            return same
        outcome = self._run(call, inputs, facts, check=True)
        if outcome.problems:
            for problem in outcome.problems:
                self._log("warning", f"not known whether the hosts are as they were left: {problem}", call.urn)
            return same
        for change in outcome.drift:
            self._log("warning", f"drift: {change}", call.urn)
        return sdk.ReadResponse(request.resource_id, {**request.properties, "drift": wrapped(outcome.drift)}, same.inputs)

    def _delete(self, request: sdk.DeleteRequest) -> None:
        call = _Call(request.urn, request.resource_id, _inputs_of(request.properties), request.timeout, preview=False)
        inputs = _understood(call.inputs)
        if not inputs.teardown:
            if inputs.forget:
                self._log("info", f"what was set up on {', '.join(inputs.hosts)} is left there: forget is set", call.urn)
                return
            what = f"what was set up on {', '.join(inputs.hosts)} would be forgotten, and stay there"
            fix = "declare `teardown` (a playbook that undoes it) or `forget: true`, run an up, and then delete it"
            raise OnshoreError("not deleted", [Fault(request.urn, what, fix=fix)], refused=True)
        outcome = self._run(call, inputs, Facts.load(), check=False, teardown=True)
        if outcome.problems:
            raise OnshoreError("not undone on every host", [Fault("", problem) for problem in outcome.problems])

    def _run(
        self,
        call: _Call,
        inputs: RunInputs,
        facts: Facts,
        *,
        check: bool,
        teardown: bool = False,
        given: Properties | None = None,
    ) -> Outcome:
        content = inputs.content(facts.root)
        playbook = _beside(inputs, inputs.teardown or "") if teardown else content.playbook
        if not (teardown or check) and any(inputs.digests.get(part) != content.digest(part) for part in PARTS):
            fix = "run the preview and the up again"
            raise OnshoreError("nothing was run", [Fault("playbook", "it changed after it was checked", fix=fix)])
        if teardown:
            faults = content_faults(content, [playbook], inputs.hosts, inputs.groups, secret_names(given or call.inputs))
            if faults:
                raise OnshoreError("nothing was run", faults, refused=True)
        run = Run(
            content,
            playbook,
            _hosts(inputs.hosts, facts),
            inputs.groups,
            inputs.variables,
            () if teardown else inputs.tags,
            check,
            min(inputs.timeout_s, call.timeout_s or inputs.timeout_s),
        )

        def report(severity: str, message: str, *, ephemeral: bool = False) -> None:
            self._log(severity, message, call.urn, ephemeral=ephemeral)

        return run_playbook(run, facts.login, scrubber(given or call.inputs), report, self._stopping)


@dataclass(frozen=True, slots=True)
class _Call:
    urn: str
    id: str
    inputs: Properties
    timeout_s: float
    preview: bool


def _own(type_: str) -> None:
    if type_ != TYPE:
        raise OnshoreError("not this provider's", [Fault("type", "no such resource type", type_, fix=f"use {TYPE}")])


def _understood(properties: Properties) -> RunInputs:
    """Inputs that were checked before; raises OnshoreError."""
    inputs, faults = read_inputs(properties)
    if inputs is None:
        raise OnshoreError("the recorded inputs cannot be read", faults)
    return inputs


def _inputs_of(state: Properties) -> dict[str, PropertyValue]:
    return {key: value for key, value in state.items() if key not in asked.RESULTS}


def _hosts(names: Iterable[str], facts: Facts) -> list[Host]:
    """The register's hosts; raises OnshoreError for one that is not there (any more)."""
    found = {name: facts.law.register.host(name) for name in names}
    why, fix = "only hosts of the register can be reached (HST-001)", "set `forget: true` if it is gone for good"
    if faults := [Fault(name, "the register has no such host", "", why, fix) for name, known in found.items() if known is None]:
        raise OnshoreError("nothing was run", faults, refused=True)
    return [known[1] for known in found.values() if known]


def _beside(inputs: RunInputs, teardown: str) -> str:
    """A teardown by its path within the folder of the playbook; it is given like the playbook, from the root."""
    folder = Path(inputs.playbook or inputs.role or "").parent
    return Path(teardown).relative_to(folder).as_posix() if Path(teardown).is_relative_to(folder) else teardown


def _differences(olds: Properties, news: Properties) -> set[str]:
    """The inputs that differ, digests by their part; drift that was seen, and problems that are to be repaired."""
    before, after = ({key: plain(value) for key, value in side.items()} for side in (olds, news))
    known = {key for key in (*before, *after) if not key.startswith("__") and key not in asked.RESULTS}
    changed = {key for key in known - {"digests"} if before.get(key) != after.get(key)}
    parts = [side.get("digests") or {} for side in (before, after)]
    changed |= {f"digests.{part}" for part in {*parts[0], *parts[1]} if parts[0].get(part) != parts[1].get(part)}
    return changed | {key for key in ("drift", "problems") if before.get(key)}


def _results(outcome: Outcome | None) -> dict[str, PropertyValue]:
    found = outcome.hosts if outcome else {}
    results = {
        name: {"ok": host.ok, "changed": host.changed, "skipped": host.skipped, "problem": host.problem}
        for name, host in found.items()
    }
    rest = {"drift": wrapped([]), "problems": wrapped(outcome.problems if outcome else [])}
    return {**rest, "results": wrapped(results)} if outcome else rest


def _abandoned(before: Properties, inputs: RunInputs) -> list[Fault]:
    """Hosts that would drop out of the run with what it set up still on them."""
    was = before.get("hosts") if before else None
    gone = sorted(set(plain(was) or []) - set(inputs.hosts))
    if not gone or inputs.forget or plain(before.get("teardown")):
        return []
    fix = "declare `teardown` (a playbook that undoes it) first, or `forget: true`"
    return [Fault("hosts", f"{', '.join(gone)} would drop out with what was set up still there", fix=fix)]


def _login_faults(login: Login) -> list[Fault]:
    try:
        mode = login.key.stat().st_mode
    except OSError:
        fix = "set `ssh_key` in onshore.yaml, or ONSHORE_SSH_KEY"
        return [Fault("", "there is no SSH key to log in to hosts with", str(login.key), fix=fix)]
    if mode & _KEY_MODE:
        return [Fault("", "others can read the SSH key", str(login.key), fix=f"chmod 600 {login.key}")]
    return []


def _property(fault: Fault) -> str:
    return fault.where if "." not in fault.where or fault.where.startswith("variables.") else ""


def _reason(fault: Fault) -> str:
    where = "" if _property(fault) or not fault.where else f"{fault.where}: "
    parts = [f"{where}{fault.what}", *(f"{label}: {text}" for label, text in _labels(fault) if text)]
    return "; ".join(parts)


def _labels(fault: Fault) -> list[tuple[str, str]]:
    return [("got", fault.got), ("why", fault.why), ("fix", fault.fix)]
