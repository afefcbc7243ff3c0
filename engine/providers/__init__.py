"""Where the provider of a package comes from: a plugin executable, or a provider in Python (Kubernetes, OpenStack)."""

from __future__ import annotations

import os
import re
import shutil
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from engine.provider import MissingProviderError

if TYPE_CHECKING:
    import threading

    from engine.provider import Log, Provider


def find_plugin(package: str, version: str = "") -> Path | None:
    """The plugin executable of a package: on PATH, else installed beside this Python, else in the Pulumi home.

    In the home it is the version asked for, else the newest.
    """
    name = f"pulumi-resource-{package}"
    # An environment that is used without being activated is not on PATH, and what it brings was still meant.
    if found := shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts")):
        return Path(found)
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    folders = sorted((home / "plugins").glob(f"resource-{package}-v*"), key=_version_key)
    wanted = [folder for folder in folders if folder.name == f"resource-{package}-v{version}"]
    for folder in [*wanted, *reversed(folders)]:
        if os.access(folder / name, os.X_OK):
            return folder / name
    return None


def _version_key(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.name.rpartition("-v")[2]))


def installed_version(package: str) -> str:
    """The version of a package's Python SDK, which is its provider's; "" when there is none."""
    try:
        return version(f"pulumi-{package}")
    except PackageNotFoundError:
        return ""


def make_provider(
    package: str, wanted: str, log: Log, project_dir: Path, given_up: threading.Event | None = None
) -> Provider:
    """An unconfigured provider of a package; raises MissingProviderError, ProviderError where its plugin is broken.

    `given_up`: once it is set, a plugin that has not started yet is waited for no longer.
    """
    if executable := find_plugin(package, wanted):
        from engine.providers.plugin import launch  # noqa: PLC0415 - gRPC is needed for plugins only

        return launch(executable, log=log, project_dir=project_dir, given_up=given_up)
    if package == "kubernetes":
        from engine.providers.kubernetes import KubernetesProvider  # noqa: PLC0415 - needed for its package only

        return KubernetesProvider(log)
    if package == "openstack":
        from engine.providers.openstack import OpenStackProvider  # noqa: PLC0415 - needed for its package only

        return OpenStackProvider(log)
    which = f"{package} {wanted}".strip()
    raise MissingProviderError(
        f"no provider for the package {package!r}: install the plugin pulumi-resource-{package} on PATH or in the"
        f" Pulumi home (`pulumi plugin install resource {which}`)"
    )
