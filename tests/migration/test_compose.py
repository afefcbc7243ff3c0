"""Compose files become Score files that can be built; what could not be carried over is listed with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

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


MERGED = """\
x-common: &common
  restart: always
  privileged: true
  environment: &variables {LOG_LEVEL: info, DB_HOST: db}
x-limits: &limits
  mem_limit: 64m
  cap_add: [SYS_ADMIN]
services:
  portal:
    <<: [*common, *limits]
    image: registry.example/health/portal@sha256:7e6727b78f14233fefff6b7e6f1b9d7f79228bd8265ef13e132919002dc3a50e
    environment: {<<: *variables, LOG_LEVEL: debug}
"""


def test_merge_keys_are_read_and_what_was_merged_in_is_named_where_it_is_written(tmp_path: Path) -> None:
    ((portal,), lost) = import_compose(written(tmp_path, "compose.yaml", MERGED))
    assert lost == []
    main = yaml.safe_load(portal.score)["containers"]["main"]
    assert main["variables"] == {"LOG_LEVEL": "debug", "DB_HOST": "db"}, "what it says itself goes before"
    assert main["resources"] == {"limits": {"memory": "64Mi"}}
    where = {fault.what.split("`")[1]: fault.where.split("compose.yaml")[1] for fault in portal.lost}
    assert where == {"privileged": ":3:services.portal.privileged", "cap_add": ":7:services.portal.cap_add"}


@pytest.mark.parametrize(
    ("merge", "says"),
    [("<<: 7", "not a mapping to merge in"), ("<<: [{image: x}, 7]", "not a mapping"), ("<<: *nobody", "not YAML")],
)
def test_a_merge_of_what_is_no_mapping_is_refused(merge: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(OnshoreError) as error:
        import_compose(written(tmp_path, "compose.yaml", f"services:\n  web:\n    {merge}\n    image: x\n"))
    assert says in str(error.value)


def test_a_merge_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OnshoreError, match="cannot be used"):
        import_compose(written(tmp_path, "compose.yaml", "services: &a\n  web: {image: x}\n  <<: *a\n"))


IMAGE = "registry.example/health/portal@sha256:7e6727b78f14233fefff6b7e6f1b9d7f79228bd8265ef13e132919002dc3a50e"
TOP = "configs:\n  inline: {content: hi}\n  filed: {file: ./f}\nsecrets:\n  key: {file: ./key}\n"
# one key of a service, what its Score file has of it, and what is listed
KEYS: dict[str, tuple[str, str, list[str]]] = {
    "extends a service": ("extends: base", "", ["`extends` has nothing to stand for it", "write what it extends"]),
    "extends a file": ("extends: {file: x.yaml, service: y}", "", ["`extends` has nothing"]),
    "one env_file": ("env_file: .env", "", ["variables of a file", "got: .env"]),
    "many env_files": ("env_file: [a.env, {path: b.env, required: false}]", "", ["got: a.env, b.env"]),
    "a secret with a mode": (
        "secrets: [{source: key, target: signing, mode: 0400}]",
        "/run/secrets/signing",
        ["secrets[0]: not carried over: `mode` of a file"],
    ),
    "a secret that is not defined": ("secrets: [other]", "", ["no such entry among the file's `secrets`"]),
    "a config of text": ("configs: [inline]", "/inline", []),
    "a config of a file": ("configs: [inline, filed]", "/inline", ["configs[1]: not carried over: the file of config"]),
    "a config without definition": ("configs: [none]", "", ["no such entry among the file's `configs`"]),
    "profiles": ("profiles: [debug]", "", ["`profiles` has nothing to stand for it", "make a stack of it"]),
    "depends_on with conditions": (
        "depends_on: {db: {condition: service_healthy}}",
        "",
        ["`depends_on` has nothing to stand for it", "have the program wait"],
    ),
    "a health check of a shell": ("healthcheck: {test: 'wget -q x || exit 1'}", "sh", []),
    "a health check of the image's": (
        "healthcheck: {interval: 5s}",
        "",
        ["the health check that the image brings", "`interval` of the health check"],
    ),
    "no health check": ("healthcheck: {disable: true}", "", []),
    "none as a health check": ("healthcheck: {test: [NONE]}", "", []),
    "a health check in another form": ("healthcheck: /bin/true", "", ["`healthcheck` is not written as Compose has"]),
    "ports that are no list": ("ports: 80", "", ["`ports` is not written as Compose has it"]),
    "a command with an open quotation": ("command: 'a \"b'", "", ["command: not carried over: an open quotation"]),
    "an empty key": ("environment:", "", []),
}  # fmt: skip


@pytest.mark.parametrize("what", KEYS)
def test_every_key_of_a_service_is_carried_over_or_listed(what: str, tmp_path: Path) -> None:
    line, carried, says = KEYS[what]
    text = f"services:\n  portal:\n    image: {IMAGE}\n    {line}\n{TOP}"
    ((portal,), _) = import_compose(written(tmp_path, "compose.yaml", text))
    assert portal.score, portal.lost
    assert carried in portal.score
    told = "\n".join(map(str, portal.lost))
    assert all(words in told for words in says), told
    assert bool(says) == bool(portal.lost), told


def test_an_image_that_a_variable_names_makes_no_score_file(tmp_path: Path) -> None:
    ((portal,), _) = import_compose(written(tmp_path, "compose.yaml", "services: {portal: {image: 'x/${TAG}'}}\n"))
    assert portal.score == ""
    assert "an image that a variable names" in str(portal.lost[0])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 99) | st.sampled_from(["a", "1:2", "$X", "a=b", "'", "${Y:-z}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["test", "source", "limits", "resources", "cpus", "memory", "target", "published"]), inner
        )
    ),
    max_leaves=6,
)
NAMES = [
    "entrypoint", "command", "environment", "env_file", "configs", "secrets", "volumes", "ports", "expose", "deploy",
    "healthcheck", "depends_on", "build", "cpus", "mem_limit", "extends",
]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(NAMES), VALUES), st.dictionaries(st.sampled_from(["configs", "secrets"]), VALUES)
)
def test_whatever_stands_in_a_service_ends_in_words(
    tmp_path_factory: pytest.TempPathFactory, service: dict[str, object], top: dict[str, object]
) -> None:
    text = yaml.safe_dump({"services": {"portal": {"image": IMAGE, **service}}, **top})
    ((portal,), _) = import_compose(written(tmp_path_factory.getbasetemp(), "compose.yaml", text))
    assert portal.score or portal.lost
