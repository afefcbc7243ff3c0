"""The Score file as it is written: `score.dev/v1b1`, field by field.

Source: score-v1b1.json of the Score Specification. Fields that Score has and this project does not support are read
here, so that `components.score` can say so instead of calling them misspelt.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator
from pydantic.alias_generators import to_camel

from inventories import patterns
from inventories.models import Record

Name = Annotated[str, StringConstraints(pattern=patterns.WORKLOAD_NAME)]
Cpu = Annotated[str, StringConstraints(pattern=patterns.CPU)]
Memory = Annotated[str, StringConstraints(pattern=patterns.MEMORY)]
PortNumber = Annotated[int, Field(ge=1, le=65535, strict=True)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Written(Record):
    """A mapping of the file: its keys are the fields' names in camelCase."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Metadata(Written):
    """`metadata`; keys of one's own are allowed, and can be referred to."""

    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel)

    name: Name
    annotations: dict[str, str] = Field(default_factory=dict)


class ServicePort(Written):
    """`service.ports.NAME`."""

    port: PortNumber
    target_port: PortNumber | None = None
    protocol: Literal["TCP", "UDP"] = "TCP"


class Service(Written):
    """`service`."""

    ports: dict[Name, ServicePort] = Field(default_factory=dict)


class HttpHeader(Written):
    """One header of an HTTP probe."""

    name: Annotated[str, StringConstraints(pattern=patterns.HEADER)]
    value: Text


class HttpGet(Written):
    """An HTTP probe."""

    host: Text | None = None
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    path: str
    port: PortNumber
    http_headers: tuple[HttpHeader, ...] = ()


class Exec(Written):
    """A command probe."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]


class WrittenProbe(Written):
    """`livenessProbe` or `readinessProbe`."""

    http_get: HttpGet | None = None
    exec: Exec | None = None


class WrittenFile(Written):
    """`files.TARGET`."""

    mode: Annotated[str, StringConstraints(pattern=patterns.FILE_MODE)] | None = None
    source: Text | None = None
    content: str | None = None
    binary_content: str | None = None
    no_expand: bool = False


class WrittenMount(Written):
    """`volumes.TARGET`."""

    source: Text
    path: str = ""
    read_only: bool = False


class Amounts(Written):
    """`requests` or `limits`."""

    cpu: Cpu | None = None
    memory: Memory | None = None


class WrittenResources(Written):
    """`resources` of a container."""

    requests: Amounts = Amounts()
    limits: Amounts = Amounts()


class WrittenContainer(Written):
    """`containers.NAME`."""

    image: Text = ""  # without one, the reader says so beside all else
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    variables: dict[str, str] = Field(default_factory=dict)
    files: dict[str, WrittenFile] = Field(default_factory=dict)
    volumes: dict[str, WrittenMount] = Field(default_factory=dict)
    before: Any = None
    resources: WrittenResources = WrittenResources()
    liveness_probe: WrittenProbe | None = None
    readiness_probe: WrittenProbe | None = None

    @field_validator("files", "volumes", mode="before")
    @classmethod
    def _no_list(cls, value: Any) -> Any:
        if isinstance(value, list):
            raise ValueError("the list form is Score's old one: write a mapping, `TARGET: {…}` for each")  # noqa: TRY004 - pydantic reports ValueError
        return value


class WrittenResource(Written):
    """`resources.NAME`: what the workload needs of its surroundings."""

    type: str
    class_: str = Field(default="default", alias="class")
    id: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)


class VolumeParams(Written):
    """`params` of a volume; its size is the most it may hold."""

    size: Memory = "1Gi"


class RouteParams(Written):
    """`params` of a route; `port` names a service port or gives its number."""

    host: Text
    path: Annotated[str, StringConstraints(pattern=patterns.URL_PATH)] = "/"
    port: PortNumber | Name


class Score(Written):
    """The whole file."""

    api_version: Literal["score.dev/v1b1"]
    metadata: Metadata
    service: Service = Service()
    containers: Annotated[dict[Name, WrittenContainer], Field(min_length=1)]
    resources: dict[Name, WrittenResource] = Field(default_factory=dict)
