"""What a program's SDK asks for, as goals; what this engine does not honour is refused by name (`resource.proto`)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import grpc

from engine import wire
from engine.rpc_error import MonitorError
from engine.steps import AliasSpec, Goal
from engine.urn import is_provider_type
from engine.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Positions:
    """Source positions as the state has them, relative to the project's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths: dict[str, str] = {}  # every frame of every resource names one of a few files

    def of(self, position: Any) -> str:
        """`project:///<path relative to the project>#<line>`, "" when there is none (`source_eval.go`)."""
        if not position.uri.startswith("file://"):
            return ""
        if (path := self._paths.get(position.uri)) is None:
            path = self._paths[position.uri] = os.path.relpath(unquote(urlsplit(position.uri).path), self._root)
        column = f",{position.column}" if position.column else ""
        return f"project:///{path}#{position.line}{column}"

    def trace(self, trace: Any) -> tuple[str, ...]:
        """A stack trace's positions."""
        return tuple(self.of(frame.pc) for frame in trace.frames)


def refuse_unsupported(request: Any) -> None:
    """Names the first option that would otherwise be ignored."""
    options = {
        "remote components": request.remote,
        "replacement_trigger": request.HasField("replacement_trigger"),
        "replace_with": bool(request.replace_with),
        "hooks": request.HasField("hooks") and bool(request.hooks.ListFields()),
        "env_var_mappings": bool(request.envVarMappings),
        "state_migrations": bool(request.state_migrations),
        "parameterized packages": bool(request.packageRef),
    }
    if used := [name for name, value in options.items() if value]:
        raise MonitorError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.type} {request.name!r} uses {', '.join(used)}, which the embedded engine does not support;"
            " use the Pulumi CLI on the same program and state",
        )


def goal_of(request: Any, parent: Goal | None, provider: str, positions: Positions) -> Goal:
    """The goal of a RegisterResource request; `provider` is the reference of the one that makes it."""
    inputs = wire.from_struct(request.object)
    dependencies = tuple(sorted(set(request.dependencies)))
    by_property = {key: tuple(sorted(entry.urns)) for key, entry in request.propertyDependencies.items()}
    if not by_property:
        by_property = dict.fromkeys(inputs, dependencies)
    if is_provider_type(request.type):
        inputs = _with_internal(inputs, request)
    retain = request.retainOnDelete if request.HasField("retainOnDelete") else None
    protect = request.protect if request.HasField("protect") else None
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        inputs=inputs,
        provider=provider,
        dependencies=dependencies,
        property_dependencies=by_property,
        protect=parent.protect if protect is None and parent else protect,
        retain_on_delete=parent.retain_on_delete if retain is None and parent else retain,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        deleted_with=request.deletedWith or (parent.deleted_with if parent else ""),
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        hide_diff=tuple(request.hideDiffs),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        aliases=(*request.aliasURNs, *(_alias(alias) for alias in request.aliases)),
        import_id=request.importId,
        custom_timeouts=_timeouts(request),
        source_position=positions.of(request.sourcePosition),
        stack_trace=positions.trace(request.stackTrace),
    )


def read_goal(request: Any, provider: str, positions: Positions) -> Goal:
    """The goal of a ReadResource request."""
    return Goal(
        type=request.type,
        name=request.name,
        parent=request.parent,
        inputs=wire.from_struct(request.properties),
        provider=provider,
        dependencies=tuple(request.dependencies),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        read_id=UNKNOWN if request.id in wire.UNKNOWN_SENTINELS else request.id,
        source_position=positions.of(request.sourcePosition),
        stack_trace=positions.trace(request.stackTrace),
    )


def _with_internal(inputs: Mapping[str, Any], request: Any) -> dict[str, Any]:
    """The engine's own inputs of a provider resource: its version and where it is downloaded from."""
    found = dict(inputs)
    if request.version:
        found.update(version=request.version, __internal={})
    if request.pluginDownloadURL:
        found["__internal"] = {"pluginDownloadURL": request.pluginDownloadURL}
    return found


def _alias(alias: Any) -> str | AliasSpec:
    if alias.WhichOneof("alias") == "urn":
        return str(alias.urn)
    spec = alias.spec
    return AliasSpec(
        name=spec.name or None,
        type=spec.type or None,
        stack=spec.stack or None,
        project=spec.project or None,
        parent=spec.parentUrn or None,
        no_parent=spec.noParent,
    )


def _timeouts(request: Any) -> dict[str, float]:
    given = request.customTimeouts
    kinds = ("create", "update", "delete", "read")
    whose = f"{request.type} {request.name!r}: custom_timeouts"
    return {kind: _seconds(text, f"{whose}.{kind}") for kind in kinds if (text := getattr(given, kind, ""))}


def _seconds(text: str, whose: str) -> float:
    """A Go duration such as `1h30m` in seconds."""
    parts = re.findall(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.lstrip("+-"):
        what = f"{whose}: {text!r} is not a duration such as 5m or 1h30m"
        raise MonitorError(grpc.StatusCode.INVALID_ARGUMENT, what)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
