"""Compose files become Score files that can be built; what could not be carried over is listed with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from components.score import parse_score
from inventories import OnshoreError
from migration.compose import Imported, import_compose
from tests.migration.forms import written

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = """\
name: portal
services:
  web_app:
    image: registry.example/health/portal@sha256:7e6727b78f14233fefff6b7e6f1b9d7f79228bd8265ef13e132919002dc3a50e
    entrypoint: ["/bin/portal"]
    command: --listen :8080 --name "two words"
    environment:
      LOG_LEVEL: info
      DEBUG: false
      DB_PASSWORD: "hunter-two"
      DB_HOST: ${DB_HOST:-db}
      PRICE: 5$$
      DB_URL: postgres://portal:hunter-two@db/portal
    ports: ["8080:80", "127.0.0.1:9090:9090", "3000-3005:3000-3005"]
    expose: ["7000"]
    volumes:
      - data:/var/lib/portal
      - ./site:/srv/site:ro
      - {type: tmpfs, target: /tmp/cache}
    configs: [{source: settings, target: /etc/portal.ini}]
    secrets: [signing]
    healthcheck: {test: ["CMD", "portal", "check"], interval: 30s}
    deploy: {replicas: 3, resources: {limits: {cpus: "0.5", memory: 512M}, reservations: {memory: 128M}}}
    depends_on: [db]
    privileged: true
  built:
    build: .
volumes: {data: {}}
configs: {settings: {content: "[portal]\\nhost=${DB_HOST}\\n"}}
secrets: {signing: {file: ./key}}
x-anything: ignored
include: [other.yaml]
"""


@pytest.fixture
def imported(tmp_path: Path) -> tuple[list[Imported], str]:
    services, lost = import_compose(written(tmp_path, "compose.yaml", COMPOSE))
    return services, "\n".join(map(str, [*lost, *(fault for each in services for fault in each.lost)]))


def test_a_service_becomes_a_score_file_that_can_be_built(imported: tuple[list[Imported], str]) -> None:
    web = imported[0][0]
    workload = parse_score(web.score, web.environment)
    assert workload.name == "web-app"
    (container,) = workload.containers
    assert container.command == ("/bin/portal",)
    assert container.args == ("--listen", ":8080", "--name", "two words")
    assert {(port.number, port.target) for port in workload.ports} >= {(8080, 80), (9090, 9090), (7000, 7000)}
    assert {volume.name for volume in workload.volumes} == {"data", "scratch-3"}
    assert web.environment == ("DB_HOST", "DB_PASSWORD", "DB_URL", "SIGNING")
    score = yaml.safe_load(web.score)["containers"]["main"]
    assert score["variables"]["DEBUG"] == "false"
    assert score["variables"]["PRICE"] == "5$$"
    assert score["livenessProbe"] == {"exec": {"command": ["portal", "check"]}}
    assert score["resources"] == {"requests": {"memory": "128Mi"}, "limits": {"cpu": "0.5", "memory": "512Mi"}}
    assert score["files"]["/run/secrets/signing"] == {"content": "${resources.env.SIGNING}"}


def test_no_secret_of_a_compose_file_stands_in_a_score_file_or_in_what_is_told(
    imported: tuple[list[Imported], str],
) -> None:
    services, lost = imported
    assert "hunter-two" not in lost + "".join(each.score for each in services)


@pytest.mark.parametrize(
    "says",
    [
        ":services.web_app.volumes[1]: not carried over: a folder of the machine",
        "`privileged` has nothing to stand for it",
        "`depends_on` has nothing to stand for it",
        "a range of ports",
        "the value of DB_PASSWORD, which looks like a secret",
        "what holds where DB_HOST is not set",
        "write `onshore:replicas` in the stack",
        "`interval` of the health check",
        "the address that a port is bound to",
        "an image that is built here",
        "not carried over\n    got: include",
    ],
)
def test_what_could_not_be_carried_over_is_listed(says: str, imported: tuple[list[Imported], str]) -> None:
    assert says in imported[1]


def test_a_service_without_an_image_makes_no_score_file(imported: tuple[list[Imported], str]) -> None:
    assert imported[0][1].score == ""


@pytest.mark.parametrize("text", ["services: {}\n", "a: 1\n", "services: {web: 1}\n", "- x\n"])
def test_what_is_no_compose_file_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(OnshoreError, match="no compose file"):
        import_compose(written(tmp_path, "compose.yaml", text))
