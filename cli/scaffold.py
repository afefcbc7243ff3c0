"""What a new rule or component begins with: texts by path, decided before any file is written."""

from __future__ import annotations

import keyword
import re
from contextlib import suppress
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Final

import yaml

from cli import templates
from inventories import Fault, OnshoreError, load_rules
from inventories.loader import load_retired_rules
from inventories.models import RuleMeta
from inventories.patterns import IN_WORDS, RULE, SLUG
from policies.catalogue import render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_COMPONENT: Final = re.compile(r"([A-Z][a-z0-9]+)+\Z")
_LONGEST_NAME: Final = 30
_LONGEST_TITLE: Final = 80
# the day of the policy that all rules follow from: strict until a source names a later one
_EFFECTIVE_ON: Final = "2022-02-15"
_ADMISSION: Final = "docs/admission.md"
_ROW: Final = re.compile(r"^\| ([A-Z]{3}-\d{3}) \|")


@dataclass(frozen=True, slots=True)
class Scaffold:
    """Texts by path below the checkout, and what its author does next."""

    files: dict[str, str]
    steps: tuple[str, ...]


def scaffold_rule(root: Path, rule_id: str, *, title: str, slug: str) -> Scaffold:
    """The files of a rule; raises OnshoreError with everything that stands against it."""
    _check_checkout(root, "inventories/rules", "policies/checks", "tests/policies/checks", "docs")
    rules = load_rules(root / "inventories/rules")
    faults = _id_faults(root, rule_id)
    if not faults or slug:  # a slug or title made of a wrong id is no second fault
        slug = slug or rule_id.lower().replace("-", "_")
        faults += _slug_faults(root, slug, {rule.slug for rule in rules.values()})
    faults += _title_faults(title) if title else []
    if faults:
        raise OnshoreError("the rule cannot be begun", faults)
    made = _rule(rule_id, title or f"{rule_id} is not written yet", slug)
    data, check, test = f"inventories/rules/{rule_id}.yaml", _check_file(slug), _check_test(slug)
    words = {"id": rule_id, "title": made.title, "slug": slug}
    written = made.model_dump(exclude_unset=True)
    files = {
        data: yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=1000),
        check: Template(templates.CHECK).substitute(words),
        test: Template(templates.CHECK_TEST).substitute(words),
        "policies/RULES.md": render(dict(sorted({**rules, rule_id: made}.items()))),
        _ADMISSION: _with_row((root / _ADMISSION).read_text(encoding="utf-8"), rule_id),
    }
    return Scaffold(
        files,
        (
            f"{data}: the source, its confidence, the day it binds from, the remediation",
            f"{test}: what is lawful, unlawful, malformed and unknown",
            f"{check}: what it looks at (CONCERN), then what it refuses",
            f"{_ADMISSION}: whether a cluster's API server can hold it too",
            "make docs, make test",
        ),
    )


def _with_row(page: str, rule_id: str) -> str:
    """The page on what clusters hold by themselves, with a rule that none holds yet, in order of id."""
    lines = page.splitlines(keepends=True)
    rows = [(found[1], at) for at, line in enumerate(lines) if (found := _ROW.match(line))]
    at = next((at for known, at in rows if known > rule_id), rows[-1][1] + 1)
    return "".join([*lines[:at], f"| {rule_id} | not | | it is not written yet |\n", *lines[at:]])


def write_all(root: Path, files: Mapping[str, str]) -> None:
    """Write all of the files or none of them; raises OnshoreError."""
    parts: dict[Path, Path] = {}
    made: list[Path] = []
    path = root
    try:
        for name, text in files.items():
            path = root / name
            parts[path] = path.with_name(f".{path.name}.part")
            parts[path].write_text(text, encoding="utf-8")
        # the one that is replaced comes last: after it nothing can fail
        for path in sorted(parts, key=lambda one: one.exists()):
            existed = path.exists()
            parts[path].replace(path)
            made += [] if existed else [path]
    except BaseException as error:
        for left in (*parts.values(), *made):
            with suppress(OSError):
                left.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        what = f"cannot be written: {error.strerror or type(error).__name__}"
        fix = "make room, or the folder writable, and type it again"
        raise OnshoreError("nothing was begun", [Fault(path.relative_to(root).as_posix(), what, fix=fix)]) from None


def _rule(rule_id: str, title: str, slug: str) -> RuleMeta:
    return RuleMeta.model_validate(
        {
            "id": rule_id,
            "slug": slug,
            "title": title,
            "severity": "critical",
            "source": {"instrument": "Not named yet", "confidence": "unknown"},
            "effective_on": _EFFECTIVE_ON,
            "remediation": f"Write `{_check_file(slug)}`; until then it refuses whatever it looks at.",
            "waivable": False,
        }
    )


def scaffold_component(root: Path, name: str) -> Scaffold:
    """The files of a component; raises OnshoreError with everything that stands against it."""
    _check_checkout(root, "components", "tests/components")
    if not _COMPONENT.match(name) or len(name) > _LONGEST_NAME:
        what = f"not the name of a class, {_LONGEST_NAME} letters and digits at most"
        raise OnshoreError("the component cannot be begun", [Fault("NAME", what, name, fix="write it like WebService")])
    module = "_".join(re.findall(r"[A-Z][a-z0-9]+", name)).lower()
    source, test, args = f"components/{module}.py", f"tests/components/test_{module}.py", "components/args.py"
    arguments = (root / args).read_text(encoding="utf-8")
    faults = _taken(root, source, test)
    if re.search(rf"^class {name}Args\b", arguments, re.MULTILINE):
        faults.append(Fault(args, "there are arguments of this name", f"{name}Args", fix="choose another name"))
    if keyword.iskeyword(module) or re.search(rf"\b{name}\b", templates.COMPONENT):
        faults.append(Fault("NAME", "a word that Python or every component uses", name, fix="choose another name"))
    if faults:
        raise OnshoreError("the component cannot be begun", faults)
    imports = sorted((f"components.{module} import {name}", "components.cluster_access import ClusterAccess"))
    words = {"name": name, "module": module, "imports": "\n".join(f"        from {one}" for one in imports)}
    files = {
        source: Template(templates.COMPONENT).substitute(words),
        args: arguments.rstrip("\n") + "\n\n\n" + Template(templates.COMPONENT_ARGS).substitute(words),
        test: Template(templates.COMPONENT_TEST).substitute(words),
    }
    return Scaffold(
        files,
        (
            f"{args}: the arguments of {name}, each with a sentence",
            f"{test}: what it registers, and what makes it refuse",
            f"{source}: its children; take the refusal out last",
            "components/__main__.py: serve it to other languages",
            "make test",
        ),
    )


def _check_checkout(root: Path, *folders: str) -> None:
    fix = "use -C and a checkout of onshore"
    faults = [Fault(folder, "there is no such folder", fix=fix) for folder in folders if not (root / folder).is_dir()]
    if faults:
        raise OnshoreError("this is not a checkout of onshore", faults)


def _check_file(slug: str) -> str:
    return f"policies/checks/{slug}.py"


def _check_test(slug: str) -> str:
    return f"tests/policies/checks/test_{slug}.py"


def _id_faults(root: Path, rule_id: str) -> list[Fault]:
    if not re.fullmatch(RULE, rule_id):
        return [Fault("ID", f"not {IN_WORDS[RULE]}", rule_id)]
    retired = load_retired_rules(root / "inventories/rules").get(rule_id)
    if retired:
        why = f"retired on {retired.retired_on}: {retired.reason}"
        return [Fault("ID", "a rule that is no more keeps its id", rule_id, why, "take the next number")]
    return _taken(root, f"inventories/rules/{rule_id}.yaml")


def _slug_faults(root: Path, slug: str, known: set[str]) -> list[Fault]:
    if not re.fullmatch(SLUG, slug) or len(slug) > _LONGEST_NAME or keyword.iskeyword(slug):
        return [Fault("--slug", f"not {IN_WORDS[SLUG]}, {_LONGEST_NAME} at most", slug)]
    if slug in known:
        return [Fault("--slug", "another rule has this slug", slug, fix="choose another")]
    return _taken(root, _check_file(slug), _check_test(slug))


def _title_faults(title: str) -> list[Fault]:
    """A title stands in YAML, in Markdown and in a docstring."""
    plain = title.isprintable() and not set(title) & set('"\\|')
    if plain and title[0].isupper() and title[-1] not in ". " and len(title) <= _LONGEST_TITLE:
        return []
    what = f"not one line of {_LONGEST_TITLE} characters at most, with a capital first and no stop, quotes or bars"
    return [Fault("--title", what, title if title.isprintable() else repr(title), fix="write a plain sentence")]


def _taken(root: Path, *files: str) -> list[Fault]:
    return [Fault(name, "there is such a file", fix="choose another name") for name in files if (root / name).exists()]
