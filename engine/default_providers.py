"""The providers that a program uses without making them: one for each package, version and place to get it from."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

from engine.providers import installed_version
from engine.steps import Goal
from engine.values import UNKNOWN_SENTINEL, Secret, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.config import Configuration
    from engine.state import ResourceState

_DISABLED_KEY: Final = "pulumi:disable-default-providers"


class DefaultProviders:
    """Those of one program, configured as the stack says; `register` makes the resource of one."""

    def __init__(self, configuration: Configuration, register: Callable[[Goal], ResourceState]) -> None:
        self._configuration = configuration
        self._register = register
        self._made: dict[tuple[str, str, str], str] = {}
        self._lock = threading.Lock()

    def reference(self, package: str, version: str, url: str) -> str:
        """The package's default provider, registered when there is none yet; "" when the stack disables it."""
        denied = self._configuration.values.get(_DISABLED_KEY)
        listed = json.loads(denied) if denied else []
        if package != "pulumi" and ("*" in listed or package in listed):
            return ""
        key = ("pulumi", "", "") if package == "pulumi" else (package, version or installed_version(package), url)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(*key)
            return self._made[key]

    def _make(self, package: str, version: str, url: str) -> str:
        secret = set(self._configuration.secret_keys)
        inputs: dict[str, Any] = {
            key.partition(":")[2]: Secret(value) if key in secret else value
            for key, value in self._configuration.values.items()
            if package != "pulumi" and key.partition(":")[0] == package
        }
        if version:
            inputs.update(version=version, __internal={})
        if url:
            inputs["__internal"] = {"pluginDownloadURL": url}
        suffix = f"_{version.replace('.', '_').replace('-', '_').replace('+', '_')}" if version else ""
        goal = Goal(
            type=f"pulumi:providers:{package}",
            name=f"default{suffix}",
            inputs=inputs,
        )
        state = self._register(goal)
        return f"{state.urn}::{UNKNOWN_SENTINEL if isinstance(state.id, Unknown) else state.id}"
