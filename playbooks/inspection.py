"""What a playbook would touch, read from its files without running anything: refused where that is not the hosts given.

Everything that could lead elsewhere is looked for in every YAML file of the folder, roles and collections included:
plays on other hosts, tasks handed to other hosts or to this machine, connections and addresses set by hand.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import yaml

from inventories.faults import Fault
from playbooks.content import TARGETS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from playbooks.content import Content

_UNREAD: Final = frozenset({"files", "templates"})
_SELF: Final = re.compile(r"^\{\{\s*inventory_hostname\s*\}\}$")
_PLAY_KEYS: Final = ("hosts", "import_playbook", "ansible.builtin.import_playbook")
_HANDED_OVER: Final = ("delegate_to", "local_action", "connection", "add_host")
# Ansible sets a task's environment on the command line of the shell that runs its module, and of its own ssh
_SPOKEN: Final = frozenset({"command", "shell", "raw", "script", "expect", "environment"})
_TAKES_FILES: Final = frozenset(
    {
        "copy",
        "template",
        "script",
        "unarchive",
        "assemble",
        "vars_files",
        "include_vars",
        "include_tasks",
        "import_tasks",
    }
)
_UNCOVERED: Final = "what is not in the folder is in no digest, and may be anything tomorrow"
_ROLE_TASKS: Final = frozenset({"include_role", "import_role"})
_BUILTIN: Final = ("ansible.builtin.", "ansible.legacy.")
RESERVED: Final = re.compile(
    r"^ansible_(host|port|user|connection|ssh_.*|remote_.*|delegated_vars|shell_.*|.*_executable|password|paramiko_.*)$"
)
"""Variables by which a run would reach another place, or this one by another way."""
_REACH: Final = "a run reaches the hosts it was given, over the pinned connection, and nothing else (HST-001)"


class _Loader(yaml.SafeLoader):
    """Reads Ansible's own tags as plain text: nothing is decrypted or evaluated here."""


def _tagged(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Loader.add_multi_constructor("!", _tagged)


def content_faults(
    content: Content,
    playbooks: Iterable[str],
    hosts: Collection[str],
    groups: Collection[str],
    secrets: Collection[str],
) -> list[Fault]:
    """Everything against running playbooks of a folder; `secrets` are the names of secret variables."""
    documents: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, file in content.files.items():
        if PurePosixPath(name).suffix in (".yml", ".yaml") and not _UNREAD & set(PurePosixPath(name).parts):
            try:
                documents[name] = list(yaml.load_all(file.data, _Loader))
            except (yaml.YAMLError, ValueError) as error:
                faults.append(Fault(name, "not readable as YAML", _where(error), fix="correct the file"))
    allowed = {TARGETS, *groups, *hosts}
    for playbook in playbooks:
        if playbook not in content.files:
            faults.append(Fault(playbook, "there is no such playbook in the folder", fix="correct the path"))
        faults += _play_faults(documents, playbook, allowed, frozenset())
    for name, document in documents.items():
        faults += _reach_faults(name, document, frozenset(hosts))
        faults += _outside(name, document)
        faults += _exposed(name, document, secrets)
        faults += _unresolved(name, document, content)
    return list(dict.fromkeys(faults))


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark else type(error).__name__


def _play_faults(
    documents: Mapping[str, Any], playbook: str, allowed: set[str], seen: frozenset[str]
) -> Iterator[Fault]:
    """The plays that a playbook consists of, imported ones included, and whom each is for."""
    plays = next(iter(documents.get(playbook) or []), None)
    if not isinstance(plays, list) or not plays:
        if playbook in documents:
            yield Fault(playbook, "not a playbook: a list of plays", fix="begin it with `- hosts: targets`")
        return
    for number, play in enumerate(plays):
        where = f"{playbook}[{number}]"
        imported = next((play[key] for key in _PLAY_KEYS[1:] if isinstance(play, dict) and key in play), None)
        if imported is not None:
            inner = str(PurePosixPath(playbook).parent / str(imported))
            if inner not in documents or inner in seen | {playbook}:
                yield Fault(where, "an imported playbook that cannot be found in the folder", str(imported))
            else:
                yield from _play_faults(documents, inner, allowed, seen | {playbook})
            continue
        asked = play.get("hosts") if isinstance(play, dict) else None
        names = asked if isinstance(asked, list) else str(asked or "").split(",")
        if not (isinstance(play, dict) and asked) or not all(str(name).strip() in allowed for name in names):
            fix = f"write `hosts: {TARGETS}`, a group of the run, or ids of its hosts"
            yield Fault(where, "a play for other hosts than those given", f"hosts: {asked}", _REACH, fix)


def _mappings(value: Any) -> Iterator[dict[Any, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _mappings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _mappings(inner)


def _short(action: Any) -> str:
    name = str(action)
    for prefix in _BUILTIN:
        name = name.removeprefix(prefix)
    return name


def _reach_faults(name: str, document: Any, hosts: frozenset[str]) -> Iterator[Fault]:
    for mapping in _mappings(document):
        for key, value in mapping.items():
            short = _short(key)
            if short == "delegate_to" and (str(value) in hosts or _SELF.match(str(value))):
                continue
            if short in _HANDED_OVER:
                fix = "remove it, or delegate to a host of the run by its id"
                yield Fault(name, f"{short} leads away from the hosts given", f"{short}: {value}", _REACH, fix)
            elif RESERVED.match(short):
                yield Fault(name, "a variable that changes how a host is reached", short, _REACH, "remove it")


def _outside(name: str, document: Any) -> Iterator[Fault]:
    """Files of this machine that are not in the folder: no digest covers them, and a run may not take them along."""
    for mapping in _mappings(document):
        for key, value in mapping.items():
            if _short(key) not in _TAKES_FILES:
                continue
            if isinstance(value, dict):
                paths = [] if value.get("remote_src") else [value.get(field) for field in ("src", "file", "dir", "cmd")]
            else:
                paths = value if isinstance(value, list) else [value]
            for path in paths:
                if isinstance(path, str) and (path.startswith(("/", "~")) or ".." in PurePosixPath(path).parts):
                    fix = "put it into the folder, and name it from there"
                    yield Fault(
                        name, f"{_short(key)} takes a file outside the playbook's folder", path, _UNCOVERED, fix
                    )


def _exposed(name: str, document: Any, secrets: Collection[str]) -> Iterator[Fault]:
    """Secret variables on a command line: every user of the host could read them in its process list."""
    if not secrets:
        return
    spoken = re.compile(rf"\b({'|'.join(re.escape(secret) for secret in sorted(secrets))})\b")
    for mapping in _mappings(document):
        for key, value in mapping.items():
            if _short(key) not in _SPOKEN:
                continue
            inner = {k: v for k, v in value.items() if k != "stdin"} if isinstance(value, dict) else value
            if found := spoken.search(str(inner)):
                why = "every user of the host can read it in the process list"
                fix = "hand it over by `stdin:`, or write a file with `template`"
                yield Fault(name, "a secret variable on a command line", f"{_short(key)} … {found[1]}", why, fix)


def _unresolved(name: str, document: Any, content: Content) -> Iterator[Fault]:
    """Roles that are not in the folder, and requirements that somebody would have to fetch."""
    if PurePosixPath(name).name in ("requirements.yml", "requirements.yaml"):
        yield from _requirements(name, document, content)
        return
    for mapping in _mappings(document):
        wanted = mapping["roles"] if "hosts" in mapping and isinstance(mapping.get("roles"), list) else []
        named = [role.get("role", role.get("name")) if isinstance(role, dict) else role for role in wanted]
        for key, value in mapping.items():
            if _short(key) in _ROLE_TASKS and isinstance(value, dict):
                named.append(value.get("name"))
        for role in named:
            if not _has_role(content, str(role)) and "{{" not in str(role):
                fix = "put the role into roles/ beside the playbook"
                yield Fault(name, "a role that is not in the folder", str(role), "nothing is fetched at a run", fix)


def _requirements(name: str, document: Any, content: Content) -> Iterator[Fault]:
    for part in document:
        listed = {"roles": part, "collections": []} if isinstance(part, list) else part
        if not isinstance(listed, dict):
            continue
        for kind, exists in (("roles", _has_role), ("collections", _has_collection)):
            for entry in listed.get(kind) or []:
                given = entry if isinstance(entry, dict) else {"name": entry}
                wanted = str(given.get("name") or given.get("src") or entry)
                if not exists(content, wanted):
                    version = f" {given['version']}" if given.get("version") else ""
                    why = "a version is a name: what is fetched under it may change, and nothing is fetched at a run"
                    fix = f"install it into {kind}/ beside the playbook, where its digest is part of every diff"
                    yield Fault(name, f"{kind} that are not in the folder", f"{wanted}{version}", why, fix)


def _has_role(content: Content, role: str) -> bool:
    if role.count(".") == 2:
        namespace, collection, inner = role.split(".")
        return _any_under(content, f"collections/ansible_collections/{namespace}/{collection}/roles/{inner}/")
    return _any_under(content, f"roles/{role}/")


def _has_collection(content: Content, collection: str) -> bool:
    return _any_under(content, f"collections/ansible_collections/{collection.replace('.', '/')}/")


def _any_under(content: Content, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in content.files)
