"""`onshore doctor`: what is installed, what is missing, what to type."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import click

from cli.errors import DONE, FAILED
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import ClusterInfo, RegionInfo

_PACKAGES = ("pulumi", "pulumi-kubernetes", "pulumi-policy", "pydantic")


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `needed` false means the project works without it."""

    name: str
    ok: bool
    found: str
    needed: bool = True
    fix: str = ""


@click.command()
@project_option
@json_option
def doctor(cwd: Path, *, as_json: bool) -> int:
    """Say what is installed, what is missing, and what to type."""
    findings = [_python(), *map(_package, _PACKAGES), _go(), _pulumi(), _hosts(), _region()]
    findings += [_passphrase(cwd), *_project(cwd)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = "ok" if finding.ok else "MISSING" if finding.needed else "absent"
            click.echo(f"{mark:<8} {finding.name:<18} {finding.found}")
            if not finding.ok and finding.fix:
                click.echo(f"{'':<8} {'':<18} {finding.fix}")
    return DONE if all(finding.ok or not finding.needed for finding in findings) else FAILED


def _python() -> Finding:
    return Finding("python", ok=True, found=platform.python_version())


def _package(name: str) -> Finding:
    try:
        return Finding(name, ok=True, found=version(name))
    except PackageNotFoundError:
        return Finding(name, ok=False, found="not installed", fix="type: make setup")


def _go() -> Finding:
    found = _version_of("go", "version")
    fix = "only a sandbox cluster needs it: install Go >= 1.26"
    return Finding("go", ok=bool(found), found=found or "not on PATH", needed=False, fix=fix)


def _pulumi() -> Finding:
    found = _version_of("pulumi", "version")
    fix = "not needed: the embedded engine takes its place"
    return Finding("pulumi CLI", ok=bool(found), found=found or "not on PATH", needed=False, fix=fix)


def _hosts() -> Finding:
    from sandbox import hosts_unavailable  # noqa: PLC0415 - `--help` needs no sandbox

    reasons = hosts_unavailable()
    found = "; ".join(what for what, _ in reasons) or "can be made here"
    fix = f"only try-out hosts need it: {'; '.join(fix for _, fix in reasons)}"
    return Finding("sandbox hosts", ok=not reasons, found=found, needed=False, fix=fix)


def _region() -> Finding:
    from sandbox import region_unavailable  # noqa: PLC0415 - as above

    reasons = region_unavailable()
    found = "; ".join(what for what, _ in reasons) or "can be made here"
    fix = f"only a try-out region needs it: {'; '.join(fix for _, fix in reasons)}"
    return Finding("sandbox region", ok=not reasons, found=found, needed=False, fix=fix)


def _passphrase(cwd: Path) -> Finding:
    from inventories import OnshoreError  # noqa: PLC0415 - `--help` needs no inventories

    names = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
    given = next((name for name in names if name in os.environ), "")
    try:
        tryout = Project.find(cwd).passphrase_file.is_file()
    except OnshoreError:
        tryout = False
    found = f"from {given}" if given else "the try-out's own" if tryout else "none"
    fix = "export PULUMI_CONFIG_PASSPHRASE=…; it encrypts secrets in config and state"
    return Finding("passphrase", ok=bool(given) or tryout, found=found, fix=fix)


def _project(cwd: Path) -> list[Finding]:
    from inventories import OnshoreError  # noqa: PLC0415 - as above

    try:
        project = Project.find(cwd)
    except OnshoreError as error:
        fix = "; ".join(f"{fault.where}: {fault.what}; {fault.fix}" for fault in error.faults)
        return [Finding("project", ok=False, found=error.summary, fix=fix)]
    findings = [Finding("project", ok=True, found=str(project.root))]
    try:
        register = project.settings.load_register()
        profile = project.settings.load_profile()
        found = f"{register.id} {register.version}, profile {profile.id}"
        findings.append(Finding("register", ok=True, found=found))
    except OnshoreError as error:
        findings.append(Finding("register", ok=False, found=error.summary, fix="type: onshore register validate"))
    kubeconfigs = sorted(file.stem for file in project.settings.kubeconfigs.glob("*.yaml"))
    fix = f"for a try-out: onshore cluster up; else put CLUSTER-ID.yaml into {project.settings.kubeconfigs}"
    findings.append(Finding("kubeconfigs", ok=bool(kubeconfigs), found=", ".join(kubeconfigs) or "none", fix=fix))
    return findings + _clusters(project.sandbox) + _regions(project.regions)


def _clusters(home: Path) -> list[Finding]:
    if not home.is_dir():
        return []
    from sandbox import cluster_status  # noqa: PLC0415 - only a project that has a cluster needs it

    return [_tried_out("cluster", info, info.server) for info in cluster_status(home=home)]


def _regions(home: Path) -> list[Finding]:
    if not home.is_dir():
        return []
    from sandbox import region_status  # noqa: PLC0415 - only a project that has a region needs it

    return [_tried_out("region", info, info.auth_url) for info in region_status(home=home)]


def _tried_out(kind: str, info: ClusterInfo | RegionInfo, address: str) -> Finding:
    """What is found of a try-out place; one that is down is no fault, for it may be down on purpose."""
    return Finding(
        f"{kind} {info.name}",
        ok=info.ready,
        found=f"ready at {address}" if info.ready else info.problem,
        needed=False,
        fix=f"to start it, type: onshore {kind} up --name {info.name}",
    )


def _version_of(program: str, *arguments: str) -> str:
    """The first line a program prints of its version; empty when it is not there or does not answer."""
    path = shutil.which(program)
    if not path:
        return ""
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(done.stdout.splitlines()), "")
