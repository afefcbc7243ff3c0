"""Turns a Score file as it is written into a workload, and collects the faults that single fields do not show."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from operator import eq
from typing import TYPE_CHECKING, Final

from components._score_model import RouteParams, Score, VolumeParams
from components._score_regional import machines, stores
from components._score_text import RESOURCE_TYPES, PlaceholderError, Surroundings
from components.workload import (
    Container,
    ExecProbe,
    File,
    HttpProbe,
    Mount,
    Port,
    Resources,
    Route,
    Volume,
    Workload,
    quantity,
)
from inventories.faults import Fault
from inventories.labels import GOVERNANCE_LABEL_PREFIX
from inventories.yaml_source import nearest, validate

if TYPE_CHECKING:
    from pathlib import Path

    from components._score_model import WrittenContainer, WrittenFile, WrittenProbe, WrittenResources
    from components.workload import Probe, Template
    from inventories.yaml_source import Document, KeyPath

_INSTEAD: Final = {
    "dns": "name the host itself in the route, or take it from an `environment` resource",
}
_VARIABLE: Final = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")
_HOST: Final = re.compile(r"^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_REFERENCE: Final = re.compile(r"\$\{(metadata|resources)\.")
_RESERVED: Final = (GOVERNANCE_LABEL_PREFIX, "pulumi.com/", "kubernetes.io/", "k8s.io/")
# A ConfigMap or Secret holds at most this much: validation.go `MaxSecretSize` of Kubernetes.
_MAX_CONFIGURATION_BYTES: Final = 1024 * 1024


@dataclass
class Reader:
    """Turns what is written into what is built; collects the faults that single fields do not show.

    `left_out`: what is wrong in itself, and told already; of it nothing more is said, nor of what refers to it.
    """

    document: Document
    folder: Path
    surroundings: Surroundings
    left_out: frozenset[KeyPath] = frozenset()
    faults: list[Fault] = field(default_factory=list)

    def fault(self, path: KeyPath, what: str, got: object = "", *, why: str = "", fix: str = "") -> None:
        if not any(all(map(eq, path, told)) for told in self.left_out):
            self.faults.append(Fault(self.document.where(path), what, str(got), why, fix))

    def dangling(self, path: KeyPath, what: str, got: object, fix: str) -> None:
        """The fault of what refers to nothing, if all is there that could be referred to."""
        if all(told[0] == "containers" for told in self.left_out):
            self.fault(path, what, got, fix=fix)

    def text(self, path: KeyPath, text: str) -> Template:
        def tell(fault: PlaceholderError) -> None:
            self.dangling(path, str(fault), fault.name, fault.fix)

        return self.surroundings.expand(text, tell)

    def workload(self, score: Score) -> Workload:
        name = score.metadata.name
        if not name[0].isalpha():
            self.fault(
                ("metadata", "name"), "a name that starts with a digit", name, why="services are named by letters first"
            )
        for key in score.metadata.annotations:
            prefix = key.partition("/")[0] + "/" if "/" in key else ""
            if any(prefix == reserved or prefix.endswith("." + reserved) for reserved in _RESERVED):
                path = ("metadata", "annotations", key)
                self.fault(path, "an annotation that is not the workload's to set", key, fix="remove it")
        return Workload(
            name=name,
            annotations=tuple(sorted(score.metadata.annotations.items())),
            volumes=self.volumes(score),
            machines=tuple(machines(self, score)),
            stores=tuple(stores(self, score)),
            ports=self.ports(score),
            routes=self.routes(score),
            containers=tuple(self.container(name, written) for name, written in score.containers.items()),
        )

    def ports(self, score: Score) -> tuple[Port, ...]:
        ports = tuple(
            Port(name, port.port, port.target_port or port.port, port.protocol)
            for name, port in score.service.ports.items()
        )
        seen: dict[tuple[int, str], str] = {}
        for port in ports:
            other = seen.setdefault((port.number, port.protocol), port.name)
            if other != port.name:
                path = ("service", "ports", port.name, "port")
                self.fault(path, f"the port of `{other}` too", port.number, fix="give each service port its own number")
        return ports

    def volumes(self, score: Score) -> tuple[Volume, ...]:
        volumes = []
        for name, resource in score.resources.items():
            path: KeyPath = ("resources", name)
            if resource.type not in RESOURCE_TYPES:
                fix = _INSTEAD.get(resource.type) or nearest(resource.type, RESOURCE_TYPES)
                self.fault((*path, "type"), "a resource type that is not supported", resource.type, fix=fix)
            elif resource.type == "volume":
                params, faults = (
                    validate(VolumeParams, self.document, (*path, "params"))
                    if resource.params
                    else (VolumeParams(), [])
                )
                self.faults.extend(faults)
                if resource.class_ not in ("default", "ephemeral"):
                    fix = nearest(resource.class_, ("default", "ephemeral"))
                    self.fault((*path, "class"), "a class of volume that is not supported", resource.class_, fix=fix)
                if params is not None:
                    volumes.append(Volume(name, _kubernetes(params.size), ephemeral=resource.class_ == "ephemeral"))
            elif resource.type == "environment" and resource.params:
                fix = "set the values in the stack's `onshore:environment`"
                self.fault((*path, "params"), "an environment takes no params", fix=fix)
        return tuple(volumes)

    def routes(self, score: Score) -> tuple[Route, ...]:
        routes = []
        for name, resource in score.resources.items():
            if resource.type != "route":
                continue
            path: KeyPath = ("resources", name, "params")
            if not resource.params:
                self.fault(("resources", name), "a route without params", fix="add params: {host, path, port}")
                continue
            params, faults = validate(RouteParams, self.document, path)
            self.faults.extend(faults)
            if params is None:
                continue
            named = {port: port for port in score.service.ports}
            numbered = {port.port: port_name for port_name, port in score.service.ports.items()}
            port = named.get(str(params.port)) or numbered.get(params.port if isinstance(params.port, int) else 0)
            if port is None:
                fix = nearest(str(params.port), list(score.service.ports)) or "declare it in service.ports"
                self.dangling((*path, "port"), "a route to no service port", params.port, fix)
                continue
            host = self.text((*path, "host"), params.host)
            if all(isinstance(part, str) for part in host) and not _HOST.match("".join(map(str, host))):
                self.fault((*path, "host"), "not the name of a host", params.host, fix="write it as `name.example`")
            routes.append(Route(name, host, params.path, port))
        return tuple(routes)

    def container(self, name: str, written: WrittenContainer) -> Container:
        path: KeyPath = ("containers", name)
        if not written.image:
            self.fault((*path, "image"), "`image` is missing", fix="add `image`")
        elif written.image == ".":
            why = "`.` stands for an image that a build fills in, and this project builds none"
            self.fault((*path, "image"), "no image", ".", why=why, fix="write the image with its digest")
        if written.before is not None:
            fix = "start the containers side by side, and let the later one wait for the earlier"
            self.fault((*path, "before"), "an order of containers is not supported", fix=fix)
        for key, words in (("command", written.command), ("args", written.args)):
            for index, word in enumerate(words):
                if _REFERENCE.search(word):
                    fix = "put it in a variable, and use the variable here"
                    self.fault((*path, key, index), "placeholders are not resolved here", word, fix=fix)
        for variable in written.variables:
            if not _VARIABLE.match(variable):
                self.fault(
                    (*path, "variables", variable),
                    "not a name of a variable",
                    variable,
                    fix="letters, digits, `_`, `-`, `.`",
                )
        files = tuple(self.file((*path, "files", target), target, file) for target, file in written.files.items())
        size = sum(len(part) for file in files for part in file.content if isinstance(part, str))
        size += sum(len(file.content) for file in files if isinstance(file.content, bytes))
        if size > _MAX_CONFIGURATION_BYTES:
            self.fault(
                (*path, "files"),
                "more than 1 MiB of files",
                f"{size} bytes",
                fix="put large files in the image or a volume",
            )
        return Container(
            name=name,
            image=written.image,
            written=self.document.where((*path, "image")),
            command=written.command,
            args=written.args,
            variables=tuple(
                (key, self.text((*path, "variables", key), value)) for key, value in written.variables.items()
            ),
            files=files,
            mounts=self.mounts((*path, "volumes"), written),
            resources=self.resources((*path, "resources"), written.resources),
            liveness=self.probe((*path, "livenessProbe"), written.liveness_probe),
            readiness=self.probe((*path, "readinessProbe"), written.readiness_probe),
        )

    def target(self, path: KeyPath, target: str) -> None:
        if not target.startswith("/") or ":" in target or ".." in target.split("/") or target.rstrip("/") == "":
            self.fault(
                path, "not an absolute path in the container", target, fix="write it from the root, without `..`"
            )

    def mounts(self, path: KeyPath, written: WrittenContainer) -> tuple[Mount, ...]:
        mounts = []
        for target, mount in written.volumes.items():
            self.target((*path, target), target)
            try:
                volume = self.surroundings.volume(mount.source)
            except PlaceholderError as fault:
                self.dangling((*path, target, "source"), str(fault), fault.name, fault.fix)
                continue
            if ".." in mount.path.split("/"):
                self.fault((*path, target, "path"), "a path that leaves the volume", mount.path, fix="remove `..`")
            mounts.append(Mount(target, volume, mount.path.lstrip("/"), mount.read_only))
        return tuple(mounts)

    def file(self, path: KeyPath, target: str, written: WrittenFile) -> File:
        self.target(path, target)
        mode = int(written.mode, 8) if written.mode else None
        given = [x for x in (written.source, written.content, written.binary_content) if x is not None]
        if len(given) != 1:
            fix = "give one of `content`, `binaryContent` or `source`"
            self.fault(path, "a file needs one content", f"{len(given)} of them", fix=fix)
            return File(target, (), mode)
        if written.binary_content is not None:
            try:
                return File(target, base64.b64decode(written.binary_content, validate=True), mode)
            except binascii.Error:
                self.fault((*path, "binaryContent"), "not base64", fix="encode it with standard base64")
                return File(target, b"", mode)
        content = (
            written.content if written.content is not None else self.source((*path, "source"), written.source or "")
        )
        if isinstance(content, bytes):
            return File(target, content, mode)
        where = (*path, "content" if written.content is not None else "source")
        return File(target, (content,) if written.no_expand else self.text(where, content), mode)

    def source(self, path: KeyPath, source: str) -> str | bytes:
        folder = self.folder.resolve()
        file = (folder / source).resolve()
        if not file.is_relative_to(folder):
            why = "a workload may not carry files of the machine that deploys it"
            self.fault(
                path,
                "a file outside the folder of the Score file",
                source,
                why=why,
                fix="copy it beside the Score file",
            )
            return ""
        try:
            content = file.read_bytes()
        except OSError as error:
            self.fault(path, "the file cannot be read", source, why=error.strerror or "", fix="correct the path")
            return ""
        try:
            return content.decode()
        except UnicodeDecodeError:
            return content

    def resources(self, path: KeyPath, written: WrittenResources) -> Resources:
        usual = Resources()
        amounts: dict[str, str] = {}
        for kind in ("cpu", "memory"):
            request, limit = (_kubernetes(getattr(part, kind)) for part in (written.requests, written.limits))
            if request and limit and quantity(request) > quantity(limit):
                fix = f"lower the request to {limit} or raise the limit"
                self.fault((*path, "requests", kind), f"a request above its limit of {limit}", request, fix=fix)
            usual_request, usual_limit = getattr(usual, f"{kind}_request"), getattr(usual, f"{kind}_limit")
            amounts[f"{kind}_request"] = request or min(usual_request, limit or usual_request, key=quantity)
            amounts[f"{kind}_limit"] = limit or max(usual_limit, request or usual_limit, key=quantity)
        return Resources(**amounts)

    def probe(self, path: KeyPath, written: WrittenProbe | None) -> Probe | None:
        if written is None:
            return None
        if written.exec is not None:  # the Score Specification prefers it where both are given
            return ExecProbe(written.exec.command)
        if written.http_get is None:
            self.fault(path, "a probe without a question", fix="give it `httpGet` or `exec`")
            return None
        get = written.http_get
        if get.host is not None:
            why = "a probe of another host is below the baseline Pod Security Standard"
            self.fault(
                (*path, "httpGet", "host"), "a probe asks its own container only", get.host, why=why, fix="remove it"
            )
        return HttpProbe(get.path, get.port, get.scheme, tuple((h.name, h.value) for h in get.http_headers))


def _kubernetes(amount: str | None) -> str:
    """Score writes a thousand bytes `K`, Kubernetes `k`."""
    return f"{amount[:-1]}k" if amount and amount.endswith("K") else amount or ""
