"""The policy pack as the engine meets it: Pulumi's analyzer protocol (`pulumi/analyzer.proto`) over the dispatcher.

It speaks the protocol itself instead of going through `pulumi_policy`: there, touching an unknown value turns a
mandatory policy into an advice, a configuration file may switch policies off, and properties are converted once per
policy. Here every rule is a policy of its own name, each mandatory whatever anybody configures, and one walk over a
resource serves them all.
"""

from __future__ import annotations

import sys
from concurrent import futures
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as wire
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from inventories.faults import Fault, OnshoreError
from policies.building import Builder
from policies.dispatcher import UNKNOWN_RULE, Catalogue, Check, Finding, judge, judge_stack, load_checks
from policies.facts import load_facts, stack_facts
from policies.subject import PROVIDER_PREFIX, STACK_TYPE, Facts, StackFacts, Subject
from policies.values import MALFORMED, at
from policies.wire import plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PACK_NAME: Final = "onshore"
PACK_VERSION: Final = "0.1.0"
_THREADS: Final = 4
_MAX_MESSAGE_BYTES: Final = 400 * 1024 * 1024  # what the engine sends at most
_SEVERITIES: Final = {
    "critical": wire.POLICY_SEVERITY_CRITICAL,
    "high": wire.POLICY_SEVERITY_HIGH,
    "medium": wire.POLICY_SEVERITY_MEDIUM,
}


class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    """One run's analyzer: told the stack once, then asked about each resource, and about the stack at the end."""

    def __init__(self, facts: Facts | OnshoreError) -> None:
        self._facts, self._checks, self._fault = _ready(facts)
        self._catalogue = Catalogue(self._checks)
        self._builder = Builder(self._facts, StackFacts()) if self._facts else None

    def Handshake(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - named by the protocol
        return wire.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=PACK_VERSION)

    def GetAnalyzerInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        info = wire.AnalyzerInfo(name=PACK_NAME, version=PACK_VERSION, supportsConfig=False)
        for check in self._checks:
            stack_only = check.judge is None
            info.policies.add(
                name=check.rule.id,
                displayName=check.rule.title,
                description=check.rule.title,
                enforcementLevel=wire.MANDATORY,
                policy_type=wire.POLICY_TYPE_STACK if stack_only else wire.POLICY_TYPE_RESOURCE,
                severity=_SEVERITIES[check.rule.severity],
                remediation_steps=check.rule.remediation,
                url=check.rule.source.url,
            )
        if not self._checks:
            info.policies.add(name=UNKNOWN_RULE, description="The law is readable", enforcementLevel=wire.MANDATORY)
        return info

    def Configure(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Nothing to configure: levels are pinned, so what `--policy-pack-config` says changes nothing."""
        return empty_pb2.Empty()

    def ConfigureStack(self, request: Any, _context: Any) -> Any:  # noqa: N802
        if self._facts:
            told = stack_facts(
                self._facts, request.stack, request.project, dict(request.config), request.config_secret_keys
            )
            self._builder = Builder(self._facts, told)
        return wire.AnalyzerStackConfigureResponse()

    def Remediate(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Nothing is mended silently: people mend their programs.

        But only here, not in Analyze, a provider resource still says where its program is to be fetched from.
        """
        if self._builder and request.type.startswith(PROVIDER_PREFIX):
            try:
                url = at(plain(request.properties)[0], "__internal", "pluginDownloadURL")
            except Exception:  # noqa: BLE001 - what cannot be read has not been allowed
                url = MALFORMED
            if url is not None:
                self._builder.plugin_urls[request.urn] = url
        return wire.RemediateResponse()

    def Analyze(self, request: Any, _context: Any) -> Any:  # noqa: N802
        if self._builder is None:
            assert self._fault is not None  # noqa: S101 - there is no builder
            return _response([_unready(request.urn, self._fault, in_full=request.type == STACK_TYPE)])
        try:
            subject = self._builder.subject(request)
            self._builder.remember(subject)
            return _response(judge(subject, self._catalogue.about(subject)))
        except OnshoreError as error:  # the classified types of its package, which are read when a stack uses it
            return _response([_unready(request.urn, error, in_full=True)])
        except Exception as error:  # noqa: BLE001 - what cannot be read has not been allowed
            return _response([self._unreadable(request.urn, error)])

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:  # noqa: N802
        if self._builder is None:
            return _response([])  # every resource has been refused by now
        try:
            return _response(judge_stack([self._finished(resource) for resource in request.resources], self._checks))
        except Exception as error:  # noqa: BLE001 - what cannot be read has not been allowed
            return _response([self._unreadable("", error)])

    def Cancel(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def _finished(self, resource: wire.AnalyzerResource) -> Subject:
        """A resource at the end of the program: its inputs, which are known where outputs may not be yet."""
        assert self._builder is not None  # noqa: S101 - asked by AnalyzeStack
        subject = self._builder.seen.get(resource.urn) or self._builder.subject(resource)
        sources = {key: frozenset(found.urns) for key, found in resource.propertyDependencies.items()}
        depends_on = frozenset(resource.dependencies).union(*sources.values())
        return replace(subject, sources=sources, depends_on=depends_on)

    def _unreadable(self, urn: str, error: Exception) -> Finding:
        got = f"a resource that the pack could not read ({type(error).__name__})"
        return _plain_finding(
            urn, got, "properties of the form the engine sends", "report this with the resource's type"
        )


def serve(project: Path) -> None:
    """Serve the pack on a free local port, tell the engine which, and stay until it ends the process."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=_THREADS),
        options=[("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES), ("grpc.max_send_message_length", -1)],
    )
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(facts_or_fault(project)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(0)


def facts_or_fault(start: Path) -> Facts | OnshoreError:
    """The facts by the settings above a folder, or why there are none; a pack without facts refuses everything."""
    try:
        return load_facts(start)
    except OnshoreError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a pack that does not start says less than one that refuses
        return OnshoreError("the facts of the law cannot be read", [Fault("", type(error).__name__)])


def _ready(facts: Facts | OnshoreError) -> tuple[Facts | None, tuple[Check, ...], OnshoreError | None]:
    if isinstance(facts, OnshoreError):
        return None, (), facts
    try:
        return facts, load_checks(facts.rules), None
    except OnshoreError as error:
        return None, (), error


def _unready(urn: str, fault: OnshoreError, *, in_full: bool) -> Finding:
    summary = ", ".join(fault.summary.splitlines())
    faults = "; ".join(" ".join(str(one).split()) for one in fault.faults) or "no detail"
    got = f"{summary}: {faults}" if in_full else f"{summary} (see the stack's own finding)"
    return _plain_finding(
        urn, got, "readable facts of the law", "run `onshore register validate` and mend what it names"
    )


def _plain_finding(urn: str, got: str, allowed: str, fix: str) -> Finding:
    """A refusal that needs no rule's data, for when there is none."""
    text = f"{UNKNOWN_RULE} critical · {urn}: got {got}, allowed {allowed}."
    message = f"{text} Why: what cannot be judged is refused. Fix: {fix}."
    return Finding(UNKNOWN_RULE, "critical", "What cannot be judged is refused", urn, "", message)


def _response(findings: Iterable[Finding]) -> wire.AnalyzeResponse:
    response = wire.AnalyzeResponse()
    for finding in findings:
        response.diagnostics.add(
            policyName=finding.rule,
            policyPackName=PACK_NAME,
            policyPackVersion=PACK_VERSION,
            description=finding.title,
            message=finding.message,
            enforcementLevel=wire.MANDATORY if finding.mandatory else wire.ADVISORY,
            urn=finding.urn,
            severity=_SEVERITIES[finding.severity],
        )
    return response
