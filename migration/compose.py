"""Compose files (the current Compose Specification) as Score files, one a service; what could not come along is listed.

Values that come from the environment or look like secrets become keys of the stack's `onshore:environment`: no secret
of a compose file ever stands in a Score file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from components.score import parse_score
from inventories.faults import Fault, OnshoreError
from inventories.yaml_source import read_yaml
from migration._compose_words import PORT, SHAPES, VARIABLE, files_of, memory, plain, volume, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from inventories.yaml_source import Document, KeyPath

_TOP: Final = ("name", "services", "volumes", "networks", "configs", "secrets", "version")
_SECRET: Final = re.compile(r"pass|secret|token|credential|private|api_?key", re.IGNORECASE)
_LOGIN: Final = re.compile(r"://[^/\s:@]*:[^@\s]+@")
_WITHOUT_LOSS: Final = ("image", "container_name", "hostname", "restart", "networks", "init", "stdin_open", "tty")
_CONTAINER: Final = "main"
_FIXES: Final = {
    "extends": "write what it extends into the service itself, or use a merge key (`<<`)",
    "profiles": "make a stack of it where it is wanted",
    "depends_on": "have the program wait for what it needs; a stack goes up as a whole",
}


@dataclass(frozen=True, slots=True)
class Imported:
    """A service as a Score file (empty: none could be made); `environment`: the keys that its stack has to set."""

    service: str
    name: str
    score: str
    environment: tuple[str, ...]
    lost: tuple[Fault, ...]


def import_compose(path: Path) -> tuple[list[Imported], list[Fault]]:
    """Every service of a compose file, and what of its top level could not be carried over; raises OnshoreError.

    Merge keys are read; what was merged in is named by the line where it is written.
    """
    document = read_yaml(path, merges=True)
    data = document.data
    services = data.get("services") if isinstance(data, dict) else None
    if not isinstance(services, dict) or not services:
        what = "no services in it"
        raise OnshoreError(f"{document.name} is no compose file", [Fault(document.where(("services",)), what)])
    wrong = [name for name, service in services.items() if not isinstance(service, dict)]
    if wrong:
        faults = [Fault(document.where(("services", name)), "not a mapping") for name in wrong]
        raise OnshoreError(f"{document.name} is no compose file", faults)
    lost = [
        Fault(document.where((key,)), "not carried over", key)
        for key in data
        if key not in _TOP and not key.startswith("x-")
    ]
    return [_Service(document, name).imported() for name in services], lost


@dataclass
class _Service:
    """One service on its way; what is lost is collected with its line."""

    document: Document
    service: str
    lost: list[Fault] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def imported(self) -> Imported:
        given = self.given()
        name = re.sub(r"[^a-z0-9-]", "-", self.service.lower()).strip("-")
        container: dict[str, Any] = {"image": self.image(given)}
        resources: dict[str, Any] = {}
        for key, source in (("command", "entrypoint"), ("args", "command")):
            if (words := self.command(given.pop(source, None), source)) is not None:
                container[key] = words
        container["variables"] = self.variables(given.pop("environment", {}))
        container["files"] = self.files(given)
        container["volumes"] = self.volumes(given.pop("volumes", []), resources)
        container["resources"] = self.resources(given)
        container["livenessProbe"] = self.probe(given.pop("healthcheck", {}))
        ports = self.ports(given.pop("ports", []), given.pop("expose", []))
        if "build" in given and not given.get("image"):
            self.lose(
                ("build",), "an image that is built here", fix="build and push it, and name it as `image` by digest"
            )
        for key in given:
            if (
                key not in _WITHOUT_LOSS
                and not (key == "build" and not given.get("image"))
                and not key.startswith("x-")
            ):
                self.lose((key,), f"`{key}` has nothing to stand for it", fix=_FIXES.get(key, ""))
        if not container["image"]:
            return Imported(self.service, name, "", (), tuple(self.lost))
        if self.keys:
            resources["env"] = {"type": "environment"}
        score: dict[str, Any] = {
            "apiVersion": "score.dev/v1b1",
            "metadata": {"name": name},
            "containers": {_CONTAINER: {key: value for key, value in container.items() if value}},
        }
        score |= {"service": {"ports": ports}} if ports else {}
        score |= {"resources": resources} if resources else {}
        text = yaml.safe_dump(score, sort_keys=False, allow_unicode=True, width=118)
        try:
            parse_score(text, self.keys, name=f"{name}/score.yaml")
        except OnshoreError as error:
            self.lost += error.faults
            return Imported(self.service, name, "", (), tuple(self.lost))
        return Imported(self.service, name, text, tuple(sorted(self.keys)), tuple(self.lost))

    def given(self) -> dict[str, Any]:
        """What the service says, in the forms that Compose has; what says nothing is left out."""
        found = {key: value for key, value in self.document.data["services"][self.service].items() if value is not None}
        for key, shapes in SHAPES.items():
            if key in found and not isinstance(found[key], shapes):
                self.lose((key,), f"`{key}` is not written as Compose has it", type(found.pop(key)).__name__)
        return found

    def mapping(self, given: Any, path: KeyPath) -> dict[str, Any]:
        if given is not None and not isinstance(given, dict):
            self.lose(path, f"`{path[-1]}` is not written as Compose has it", type(given).__name__)
        return dict(given) if isinstance(given, dict) else {}

    def image(self, given: dict[str, Any]) -> str:
        named: str = given.get("image", "")
        if "$" not in named:
            return named
        self.lose(("image",), "an image that a variable names", named, fix="write the image itself, by digest")
        return ""

    def command(self, given: Any, key: str) -> list[str] | None:
        if given is None:
            return None
        if (words := words_of(given)) is None:
            self.lose((key,), "an open quotation", fix="write the words as a list")
            return None
        return [self.plain(word) for word in words]

    def lose(self, path: KeyPath, what: str, got: str = "", *, fix: str = "") -> None:
        self.lost.append(
            Fault(self.document.where(("services", self.service, *path)), f"not carried over: {what}", got, fix=fix)
        )

    def variables(self, given: Any) -> dict[str, str]:
        if not isinstance(given, dict):
            split = (str(each).partition("=") for each in given or ())
            given = {name: value if equals else None for name, equals, value in split}
        found = {}
        for name, value in given.items():
            looks_secret = _SECRET.search(name) or _LOGIN.search(str(value))
            if value is None:
                found[name] = self.key(name)
            elif looks_secret and "$" not in str(value):
                self.lose(("environment",), f"the value of {name}, which looks like a secret", fix=self.set_it(name))
                found[name] = self.key(name)
            else:
                found[name] = self.text(plain(value), ("environment",))
        return found

    def files(self, given: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind, folder in (("secrets", "/run/secrets/"), ("configs", "/")):
            defined = self.document.data.get(kind)
            for at, each in enumerate(given.pop(kind, [])):
                told = each if isinstance(each, dict) else {"source": each}
                source = str(told.get("source", ""))
                target = str(told.get("target", source))
                target = target if target.startswith("/") else f"{folder}{target}"
                definition = defined.get(source) if isinstance(defined, dict) else None
                if not isinstance(definition, dict):
                    self.lose((kind, at), f"no such entry among the file's `{kind}`", source)
                    continue
                for key in sorted(told.keys() - {"source", "target"}):
                    self.lose((kind, at), f"`{key}` of a file", str(told[key]))
                content = definition.get("content") if kind == "configs" else None
                if kind == "secrets":
                    found[target] = {"content": self.key(re.sub(r"\W", "_", source).upper())}
                elif content is not None:
                    found[target] = {"content": self.text(str(content), (kind,))}
                else:
                    fix = "put its text into the Score file's `files`"
                    self.lose((kind, at), f"the file of config {source}", fix=fix)
        if "env_file" in given:
            files = files_of(given.pop("env_file"))
            self.lose(("env_file",), "variables of a file", files, fix="set them in the stack's `onshore:environment`")
        return found

    def volumes(self, given: Any, resources: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for at, each in enumerate(given):
            parts = each if isinstance(each, dict) else volume(str(each))
            source, target = str(parts.get("source", "")), str(parts.get("target", ""))
            kind = parts.get("type", "volume")
            name = re.sub(r"[^a-z0-9-]", "-", source.lower()).strip("-") or f"scratch-{at + 1}"
            if kind == "bind" or source.startswith((".", "/", "~")):
                self.lose(("volumes", at), "a folder of the machine", source, fix="copy it into a volume or the image")
                continue
            if kind not in ("volume", "tmpfs"):
                self.lose(("volumes", at), f"a mount of type {kind}", source)
                continue
            resources[name] = {"type": "volume", **({} if source and kind == "volume" else {"class": "ephemeral"})}
            found[target] = {
                "source": f"${{resources.{name}}}",
                **({"readOnly": True} if parts.get("read_only") else {}),
            }
        return found

    def resources(self, given: dict[str, Any]) -> dict[str, Any]:
        deploy = dict(given.pop("deploy", None) or {})
        place: KeyPath = ("deploy", "resources")
        asked = self.mapping(deploy.pop("resources", None), place)
        found: dict[str, Any] = {}
        old = {"cpus": given.pop("cpus", None), "memory": given.pop("mem_limit", None)}
        limits = self.mapping(asked.pop("limits", None), (*place, "limits")) or old
        reserved = self.mapping(asked.pop("reservations", None), (*place, "reservations"))
        for name in sorted(asked):
            self.lose((*place, name), f"`{name}` of resources")
        for key, amounts in (("requests", reserved), ("limits", limits)):
            asks = {name: value for name, value in amounts.items() if value is not None}
            told = {"cpu": str(asks["cpus"])} if "cpus" in asks else {}
            told |= {"memory": memory(str(asks["memory"]))} if "memory" in asks else {}
            for name in sorted(asks.keys() - {"cpus", "memory"}):
                self.lose(place, f"`{name}` of {key}")
            if told:
                found[key] = told
        for key, value in deploy.items():
            fix = "write `onshore:replicas` in the stack" if key == "replicas" else ""
            self.lose(("deploy", key), f"`{key}`", str(value) if isinstance(value, int | str) else "", fix=fix)
        return found

    def probe(self, given: dict[str, Any]) -> dict[str, Any]:
        test = given.get("test")
        if not given or given.get("disable") or test == ["NONE"]:
            return {}
        for key in sorted(given.keys() - {"test"}):
            self.lose(("healthcheck", key), f"`{key}` of the health check", str(given[key]))
        if test is None:
            self.lose(("healthcheck",), "the health check that the image brings", fix="write its `test`")
            return {}
        if isinstance(test, list) and test[:1] == ["CMD"]:
            return {"exec": {"command": [self.plain(str(word)) for word in test[1:]]}}
        line = " ".join(map(str, test[1:])) if isinstance(test, list) else str(test)
        return {"exec": {"command": ["sh", "-c", self.plain(line)]}}

    def ports(self, published: Any, exposed: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for at, each in enumerate([*published, *exposed]):
            place: KeyPath = ("ports", at) if at < len(published) else ("expose", at - len(published))
            if isinstance(each, dict):
                parts = str(each.get("published") or ""), str(each.get("target") or ""), each.get("protocol", "tcp")
            else:
                match = PORT.fullmatch(str(each))
                parts = (match[1] or "", match[2], match[3] or "tcp") if match else ("", "", "tcp")
            outside, inside, protocol = parts
            if not inside.isdigit() or (outside and not outside.isdigit()):
                self.lose(place, "a range of ports, or one from the environment", str(each))
                continue
            number = int(outside or inside)
            if any(port["port"] == number for port in found.values()):
                continue
            found[f"p{number}"] = {"port": number, "targetPort": int(inside)}
            found[f"p{number}"] |= {"protocol": "UDP"} if protocol == "udp" else {}
            if str(each).count(":") > 1:
                self.lose(place, "the address that a port is bound to", str(each))
        return found

    def key(self, name: str) -> str:
        """A placeholder for what the stack sets."""
        self.keys.add(name)
        return f"${{resources.env.{name}}}"

    def set_it(self, name: str) -> str:
        return f"set `{name}` as a secret in the stack's `onshore:environment`"

    def text(self, value: str, path: KeyPath) -> str:
        """A value with compose's variables as keys of the stack's environment."""

        def replaced(match: re.Match[str]) -> str:
            name = match[1] or match[4]
            if name is None:
                return "$$"
            if match[2]:
                self.lose(path, f"what holds where {name} is not set", match[0], fix=f"set `{name}` in the stack")
            return self.key(name)

        return VARIABLE.sub(replaced, value)

    def plain(self, word: str) -> str:
        """A word of a command, in which Score resolves nothing; compose's own escape is undone."""
        if any(match[1] or match[4] for match in VARIABLE.finditer(word)):
            self.lose(("command",), "a variable of compose in a command", word, fix="use a variable of the container")
        return word.replace("$$", "$")
