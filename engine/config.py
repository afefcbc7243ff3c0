"""Project and stack files: `Pulumi.yaml`, `Pulumi.<stack>.yaml` and the configuration in them.

A program receives strings only: objects as JSON text, secrets decrypted, their keys listed apart
(`sdk/go/common/resource/config`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_STACK_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_SECURE: Final = "secure"


@dataclass(frozen=True, slots=True)
class Project:
    """What Pulumi.yaml says. `program` is the folder or file that is run, `config_dir` holds the stack files."""

    root: Path
    name: str
    program: Path
    config_dir: Path
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def stack_file(self, stack: str) -> Path:
        """The stack's configuration file."""
        return self.config_dir / f"Pulumi.{stack}.yaml"


@dataclass(frozen=True, slots=True)
class StackConfig:
    """A stack file's content: raw configuration (`ns:key` -> YAML value) and the salt."""

    path: Path
    values: Mapping[str, Any]
    salt: str
    exists: bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the program is given: every value as text, and which keys are secret."""

    values: Mapping[str, str]
    secret_keys: tuple[str, ...]


def check_stack_name(stack: str) -> str:
    """The stack's own name, also from `organization/<stack>`; raises EngineError for path characters and the like."""
    name = stack.rpartition("/")[2] if re.fullmatch(r"organization/(?:[^/]+/)?[^/]+", stack) else stack
    if not _STACK_NAME.fullmatch(name) or name in (".", ".."):
        raise EngineError(
            f"{stack!r} is not a stack name",
            fix="A stack name has letters, digits, hyphens, underscores and full stops only, at most 100.",
            exit_code=2,
        )
    return name


def load_project(folder: Path) -> Project:
    """Reads the folder's Pulumi.yaml; raises EngineError when it is absent, malformed or not a Python project."""
    path = folder / "Pulumi.yaml"
    data = _load(path, missing=f"no Pulumi.yaml project file found in {folder}")
    name = data.get("name")
    if not isinstance(name, str) or not name:
        raise EngineError(f"{path}: `name` is missing", fix="Write `name: my-project`.", exit_code=2)
    runtime = data.get("runtime")
    language = runtime.get("name") if isinstance(runtime, dict) else runtime
    if language != "python":
        raise EngineError(
            f"{path}: the runtime is {language!r}; this engine runs Python programs only",
            fix="Use the Pulumi CLI.",
            exit_code=2,
        )
    backend = data.get("backend")
    if isinstance(backend, dict) and backend.get("url"):
        raise EngineError(
            f"{path}: `backend.url` is not supported here", fix="Set PULUMI_BACKEND_URL instead.", exit_code=2
        )
    return Project(
        root=folder,
        name=name,
        program=folder / data["main"] if data.get("main") else folder,
        config_dir=folder / data["stackConfigDir"] if data.get("stackConfigDir") else folder,
        defaults=_project_defaults(name, data.get("config") or {}),
    )


def _project_defaults(project: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Project-level configuration: a bare value, `{value: …}`, or `{type:, default: …}`."""
    found: dict[str, Any] = {}
    for key, entry in config.items():
        full = key if ":" in key else f"{project}:{key}"
        if isinstance(entry, dict) and ("default" in entry or "value" in entry or "type" in entry):
            if "value" in entry or "default" in entry:
                found[full] = entry.get("value", entry.get("default"))
        else:
            found[full] = entry
    return found


def load_stack_config(project: Project, stack: str) -> StackConfig:
    """Reads the stack's file, empty when there is none; raises EngineError when it is malformed."""
    path = project.stack_file(stack)
    if not path.exists():
        return StackConfig(path, dict(project.defaults), "", exists=False)
    data = _load(path)
    if (provider := data.get("secretsprovider", "passphrase")) not in ("passphrase", "", "default"):
        raise EngineError(
            f"{path}: the secrets provider {provider!r} is not supported", fix="Use the Pulumi CLI.", exit_code=2
        )
    if data.get("environment"):
        raise EngineError(
            f"{path}: `environment` (Pulumi ESC) is not supported", fix="Use the Pulumi CLI.", exit_code=2
        )
    own = data.get("config") or {}
    if not isinstance(own, dict):
        raise EngineError(f"{path}: `config` is not a mapping", fix="Write `key: value` lines.", exit_code=2)
    full = {key if ":" in key else f"{project.name}:{key}": value for key, value in own.items()}
    return StackConfig(path, {**project.defaults, **full}, str(data.get("encryptionsalt", "")), exists=True)


def _load(path: Path, missing: str = "") -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EngineError(
            missing or f"{path} does not exist", fix="Write it, or name the folder it is in.", exit_code=2
        ) from None
    except OSError as error:
        said = error.strerror or error
        raise EngineError(f"{path} cannot be read: {said}", fix="Let who runs this read it.", exit_code=2) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EngineError(f"{path} is not YAML: {error}", fix="Mend the line that is named.", exit_code=2) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise EngineError(f"{path} is not a mapping", fix="Write `key: value` lines.", exit_code=2)
    return data


def has_secure(value: Any) -> bool:
    """Whether a configuration value holds an encrypted part."""
    if isinstance(value, dict):
        return _is_secure(value) or any(has_secure(item) for item in value.values())
    return isinstance(value, list) and any(has_secure(item) for item in value)


def _is_secure(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and isinstance(value.get(_SECURE), str)


def resolve(values: Mapping[str, Any], decrypt: Callable[[str], str]) -> Configuration:
    """The configuration a program receives; `decrypt` opens a `secure:` text."""
    return Configuration(
        values={key: _text(_opened(value, decrypt)) for key, value in values.items() if value is not None},
        secret_keys=tuple(sorted(key for key, value in values.items() if has_secure(value))),
    )


def blinded(values: Mapping[str, Any]) -> dict[str, str]:
    """The configuration for people: secrets read `[secret]`."""
    return {
        key: _text(_opened(value, lambda _: "[secret]")) for key, value in sorted(values.items()) if value is not None
    }


def _opened(value: Any, decrypt: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return (
            decrypt(value[_SECURE]) if _is_secure(value) else {k: _opened(v, decrypt) for k, v in sorted(value.items())}
        )
    if isinstance(value, list):
        return [_opened(item, decrypt) for item in value]
    return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def write_salt(config: StackConfig, salt: str) -> None:
    """Records a salt in the stack file, leaving every other line and comment as it is."""
    _edit(config.path, "encryptionsalt", lambda lines: [f"encryptionsalt: {salt}\n", *lines])


def set_value(path: Path, key: str, value: Any) -> None:
    """Sets one `ns:key` of a stack file (None removes it); comments outside the value's own lines stay."""
    rendered = (
        []
        if value is None
        else yaml.safe_dump({key: value}, allow_unicode=True, sort_keys=False).splitlines(keepends=True)
    )

    def edit(lines: list[str]) -> list[str]:
        start = next((n for n, line in enumerate(lines) if re.match(r"config:\s*(#.*)?$", line.rstrip("\n"))), None)
        if start is None:
            return [*lines, "config:\n", *("  " + line for line in rendered)] if rendered else lines
        end = _block_end(lines, start + 1, 1)
        quoted = re.compile(rf"""\s+['"]?{re.escape(key)}['"]?:(\s|$)""")
        found = next((n for n in range(start + 1, end) if quoted.match(lines[n])), None)
        new = ["  " + line for line in rendered]
        if found is None:
            return [*lines[:end], *new, *lines[end:]]
        indent = len(lines[found]) - len(lines[found].lstrip())
        return [*lines[:found], *new, *lines[_block_end(lines, found + 1, indent + 1) :]]

    _edit(path, "", edit)


def _block_end(lines: list[str], start: int, indent: int) -> int:
    """The first line from `start` that is indented less than `indent`."""
    for number in range(start, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            return number
    return len(lines)


def _edit(path: Path, replaced_key: str, edit: Callable[[list[str]], list[str]]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if replaced_key:
        lines = [line for line in lines if not line.startswith(f"{replaced_key}:")]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(edit(lines)), encoding="utf-8")
