"""Policy packs: each runs in its own process and judges every resource before its step (`pkg/resource/analyzer`).

A pack that does not start, or a policy that raises, fails the run: nothing is planned without its judges.
"""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from engine import wire
from engine.events import shown
from engine.packs.policy_config import LEVELS, PolicySettings, read_policy_config
from engine.packs.process import PackProcess, reserved_port
from engine.planning.messages import Analyze, Analyzed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from engine.events import EventStream
    from engine.packs.messages import PackMessages
    from engine.packs.pack import Pack
    from engine.packs.process import RunFacts
    from engine.state import ResourceState
    from engine.values import PropertyMap

_ADVISORY: Final = "advisory"
# What this process needs is imported while the packs' processes import what they need. It is as much.
_MEANWHILE: Final = (
    "engine.monitor",
    "engine.program",
    "engine.program_engine",
    "engine.packs.pack",
    "engine.packs.messages",
)


class Analyzers:
    """All packs of a run. `known` finds a registered resource by URN, for the facts about its provider."""

    def __init__(self, events: EventStream, known: Callable[[str], ResourceState | None]) -> None:
        self._events = events
        self._known = known
        self._launched: tuple[PackProcess, ...] = ()
        self._packs: list[Pack] = []
        self._messages: PackMessages | None = None
        self._ending = ExitStack()
        self._connect: Callable[[], None] = lambda: None

    @property
    def summary(self) -> dict[str, str]:
        """Event name -> version of each pack."""
        return {pack.event_name: pack.version for pack in self._packs}

    def close(self) -> None:
        """Ends the packs' processes; what goes wrong is a warning, since the run's work is done."""
        try:
            self._ending.close()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong must not cost the run its record
            self._events.diagnostic("warning", f"a policy pack did not end in order: {type(error).__name__}: {error}")

    # ------------------------------------------------------------ start

    def launch(self, folders: Sequence[Path], configs: Sequence[Path], facts: RunFacts) -> None:
        """Begins every pack's process, which takes as long to start as all that this one has to do meanwhile.

        Raises EngineError for what is no pack, and for a configuration that cannot be read.
        """
        if not folders:
            return
        self._events.emit("policyLoadEvent", {})
        settings = [read_policy_config(path) for path in configs]
        port = self._ending.enter_context(reserved_port())
        for folder in folders:
            process = PackProcess(folder, f"127.0.0.1:{port}", facts, self._events.diagnostic)
            self._ending.callback(process.end)
            self._launched = (*self._launched, process)
        for module in _MEANWHILE:
            importlib.import_module(module)
        self._connect = lambda: self._connect_all(settings, port, facts)

    def connect(self) -> None:
        """Waits until every pack is ready; raises EngineError when one does not start or refuses its configuration."""
        self._connect()

    def _connect_all(self, settings: Sequence[Mapping[str, PolicySettings]], port: int, facts: RunFacts) -> None:
        from engine.engine_service import serve_engine  # noqa: PLC0415 - gRPC is needed with packs only
        from engine.packs.messages import PackMessages  # noqa: PLC0415
        from engine.packs.pack import PolicyConfigError, connect  # noqa: PLC0415

        self._messages = PackMessages(self._known)
        self._ending.enter_context(serve_engine(self._events.diagnostic, port))
        for index, process in enumerate(self._launched):
            given = settings[index] if index < len(settings) else {}
            try:
                self._packs.append(connect(process, given, facts, self._ending))
            except PolicyConfigError as error:
                self._events.diagnostic("error", error.what)
                raise

    # ------------------------------------------------------------ judging one resource

    def analyze(self, ask: Analyze) -> Analyzed:
        """Remediations first, each pack seeing what the one before made of the inputs; then every judgement."""
        inputs, refused, remediated = ask.inputs, False, False
        if not self._launched:
            return Analyzed(ask.token, inputs)
        if self._messages is None or len(self._packs) < len(self._launched):
            return Analyzed(ask.token, inputs, error="the policy packs are not ready")
        from engine.packs.pack import PolicyFaultError  # noqa: PLC0415 - gRPC is needed with packs only

        try:
            for pack in self._packs:
                changed = self._remediate(pack, self._messages, ask, inputs)
                remediated = remediated or changed is not inputs
                inputs = changed
            for pack in self._packs:
                refused = self._judge(pack, self._messages, ask, inputs) or refused
        except PolicyFaultError as error:
            return Analyzed(ask.token, inputs, error=str(error))
        return Analyzed(ask.token, inputs, refused=refused, remediated=remediated)

    def _remediate(self, pack: Pack, messages: PackMessages, ask: Analyze, inputs: PropertyMap) -> PropertyMap:
        failed: set[str] = set()
        # A pack that mends nothing is asked where it sees more than in Analyze: what the engine keeps in a provider.
        if pack.remediates or any(key.startswith("__") for key in inputs):
            response = pack.ask("Remediate", messages.resource(ask, inputs))
            for remedy in response.remediations:
                if remedy.diagnostic:
                    self._violation(pack, ask.urn, remedy.policyName, remedy.diagnostic, _ADVISORY)
                    continue
                after = wire.from_struct(remedy.properties)
                failed.add(remedy.policyName)
                body = {**_named(pack, remedy.policyName), "resourceUrn": ask.urn, "color": "never"}
                self._events.emit("policyRemediationEvent", {**body, "before": shown(inputs), "after": shown(after)})
                inputs = after
        self._summary("policyRemediateSummaryEvent", pack, pack.resource_policies, failed, ask.urn)
        return inputs

    def _judge(self, pack: Pack, messages: PackMessages, ask: Analyze, inputs: PropertyMap) -> bool:
        plain = {key: value for key, value in inputs.items() if not key.startswith("__")}
        response = pack.ask("Analyze", messages.resource(ask, plain))
        refused, failed = self._diagnosed(pack, response.diagnostics, ask.urn)
        self._summary("policyAnalyzeSummaryEvent", pack, pack.resource_policies, failed, ask.urn)
        return refused

    # ------------------------------------------------------------ judging the stack

    def analyze_stack(self, resources: Iterable[ResourceState], root: str) -> tuple[bool, str]:
        """Judges the finished stack: whether it is refused, and the text of a policy that raised."""
        if not self._launched:
            return False, ""
        if self._messages is None or len(self._packs) < len(self._launched):
            return True, "the policy packs are not ready"
        from engine.packs.pack import PolicyFaultError  # noqa: PLC0415 - gRPC is needed with packs only

        refused = False
        request = self._messages.stack(resources)
        for pack in self._packs:
            try:
                response = pack.ask("AnalyzeStack", request)
            except PolicyFaultError as error:
                return True, str(error)
            now_refused, failed = self._diagnosed(pack, response.diagnostics, root)
            refused = refused or now_refused
            self._summary("policyAnalyzeStackSummaryEvent", pack, pack.stack_policies, failed, "")
        return refused, ""

    # ------------------------------------------------------------ events

    def _diagnosed(self, pack: Pack, diagnostics: Iterable[Any], urn: str) -> tuple[bool, set[str]]:
        refused, failed = False, set()
        for diagnostic in diagnostics:
            level = LEVELS[diagnostic.enforcementLevel]
            self._violation(pack, diagnostic.urn or urn, diagnostic.policyName, diagnostic.message, level)
            failed.add(diagnostic.policyName)
            # a resource that a remediation did not mend is refused
            refused = refused or level in ("mandatory", "remediate")
        return refused, failed

    def _violation(self, pack: Pack, urn: str, policy: str, message: str, level: str) -> None:
        body = {"resourceUrn": urn, "message": f"{message}\n", "color": "never", **_named(pack, policy)}
        self._events.emit("policyEvent", {**body, "enforcementLevel": level})

    def _summary(self, event: str, pack: Pack, policies: tuple[str, ...], failed: set[str], urn: str) -> None:
        body: dict[str, Any] = {"resourceUrn": urn} if urn else {}
        body.update(policyPackName=pack.name, policyPackVersion=pack.version, policyPackVersionTag=pack.version)
        if passed := [name for name in policies if name not in failed and pack.levels[name] != "disabled"]:
            body["passed"] = passed
        if failed:
            body["failed"] = sorted(failed)
        self._events.emit(event, body)


def _named(pack: Pack, policy: str) -> dict[str, str]:
    return {
        "policyName": policy,
        "policyPackName": pack.name,
        "policyPackVersion": pack.version,
        "policyPackVersionTag": pack.version,
    }
