"""Pulumi's two files, looked at before an engine reads them: every fault with its line, the nearest name offered.

Their keys: `workspace.Project` and `workspace.ProjectStack` of Pulumi's Go SDK (sdk/go/common/workspace/project.go).
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from inventories import Fault, OnshoreError
from inventories.yaml_source import display_name, misspelt, nearest, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from inventories.yaml_source import Document

_PROJECT_KEYS: Final = (
    "name", "runtime", "main", "description", "author", "website", "license", "config", "stackConfigDir", "template",
    "backend", "options", "packages", "plugins", "requiredPulumiVersion",
)  # fmt: skip
_STACK_KEYS: Final = ("config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment")
_NAMESPACE: Final = "onshore"


def check_project_file(path: Path) -> None:
    """Raise OnshoreError with every misspelt key of a Pulumi.yaml; programs in YAML have keys of their own."""
    document = read_yaml(path)
    runtime = document.data.get("runtime", "python") if isinstance(document.data, dict) else ""
    language = runtime.get("name") if isinstance(runtime, dict) else runtime
    faults = _unknown(document, _PROJECT_KEYS) if language in ("python", "") else []
    required = [key for key in ("name", "runtime") if not isinstance(document.data, dict) or not document.data.get(key)]
    faults += [Fault(document.where(), f"`{key}` is missing", fix=f"add `{key}`") for key in required]
    faults += [
        Fault(document.where((key,)), "not text", fix=f"write `{key}: TEXT`")
        for key in ("name", "main", "stackConfigDir")
        if isinstance(document.data, dict) and not isinstance(document.data.get(key, ""), str)
    ]
    _refuse(document, faults)


def check_runnable(program: Path, pack: Path) -> None:
    """Raise OnshoreError when a project has no program to run, or no pack to judge it; every fault is named."""
    faults = []
    if not program.is_file() and not (program / "__main__.py").is_file():
        fix = "correct `main` in Pulumi.yaml, or restore the program"
        faults.append(Fault(display_name(program), "there is no Python program here", fix=fix))
    if not (pack / "PulumiPolicy.yaml").is_file():
        why = "nothing is deployed that no rule has judged"
        fix = "restore the folder; it belongs beside onshore.yaml"
        faults.append(Fault(display_name(pack), "there is no policy pack here", why=why, fix=fix))
    if faults:
        raise OnshoreError("this project cannot run", faults)


def check_stack_file(path: Path) -> None:
    """Raise OnshoreError with every misspelt key or namespace of a Pulumi.<stack>.yaml; a bare one is sound."""
    if not path.exists() or (path.is_file() and not said(path.read_bytes())):
        return
    document = read_yaml(path)
    faults = _unknown(document, _STACK_KEYS)
    config = document.data.get("config") if isinstance(document.data, dict) else None
    for key in config if isinstance(config, dict) else ():
        namespace, colon, rest = key.partition(":")
        if colon and namespace != _NAMESPACE and difflib.get_close_matches(namespace, [_NAMESPACE], cutoff=0.8):
            fix = f"did you mean `{_NAMESPACE}:{rest}`?"
            faults.append(Fault(document.where(("config", key)), "unknown namespace", key, fix=fix))
    _refuse(document, faults)


def check_stack_known(path: Path, stack: str) -> None:
    """Raise OnshoreError, with the stacks that there are, when a stack has no file."""
    if path.exists():
        return
    known = sorted(file.name[7:-5] for file in path.parent.glob("Pulumi.*.yaml"))
    fix = f"{misspelt(stack, known, cutoff=0.6)} stacks here: {', '.join(known)}".strip()
    fault = Fault(str(path), "there is no such stack file", got=stack, fix=fix)
    raise OnshoreError(f"stack {stack} is unknown", [fault])


def said(raw: bytes) -> bool:
    """Whether a file holds more than remarks."""
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in raw.splitlines())


def _unknown(document: Document, known: tuple[str, ...]) -> list[Fault]:
    if not isinstance(document.data, dict):
        return [Fault(document.where(), "not a mapping", fix="write `key: value` lines")]
    return [
        Fault(document.where((key,)), "unknown field", key, fix=nearest(key, known))
        for key in document.data
        if key not in known
    ]


def _refuse(document: Document, faults: list[Fault]) -> None:
    if faults:
        raise OnshoreError(f"{document.name} cannot be used", faults)
