"""The program of every stack, run in the engine on a cloud in memory: goldens, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import uuid
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml

from components.deployment import judge, read_spec
from engine.values import UNKNOWN, Secret
from inventories import OnshoreError, load_profile, today
from inventories.yaml_source import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
STACKS = ("health-clinic-records", "health-vaccination-api", "statistics-open-data", "finance-payroll-nightly")
_REGISTER = re.compile(r"^\d+(\.\d+)*@[0-9a-f]{12}$")
_OF_THE_SDK = ("__internal", "version")  # what it adds to a provider
_MADE_UP = re.compile(r"(-config|-secret)-[0-9a-f]{8}$")


def stack_config(stack: str) -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    config: dict[str, Any] = document["config"]
    return config


def program(config: dict[str, Any], secret: tuple[str, ...] = ()) -> Callable[[], None]:
    """`stacks/__main__.py` with a configuration, as an engine hands it over: text, structured values as JSON."""
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}

    def run() -> None:
        pulumi.runtime.config.set_all_config(values, list(secret))
        runpy.run_path(str(ROOT / "stacks" / "__main__.py"), run_name="__main__")

    return run


@pytest.fixture
def run(settings, record):
    """Previews a stack's program with a configuration; returns what it registered."""
    del settings

    def start(config: dict[str, Any], stack: str = "test", secret: tuple[str, ...] = ()):
        return record(program(config, secret), stack)

    return start


def readable(value: Any) -> Any:
    """Without what differs from run to run (the register's digest, names), and numbers as they were written."""
    match value:
        case Secret():
            found: Any = "<secret>"
        case dict():
            found = {key: readable(part) for key, part in sorted(value.items()) if key not in _OF_THE_SDK}
        case list():
            found = [readable(part) for part in value]
        case float() if value.is_integer():
            found = int(value)
        case str() if value.startswith("-----BEGIN CERTIFICATE-----"):
            found = "<certificate>"
        case str():
            found = "<register>" if _REGISTER.match(value) else _MADE_UP.sub(r"\1-00000000", value)
        case _:
            found = "<unknown>" if value is UNKNOWN else value
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_registers_what_its_golden_says(run, stack: str) -> None:
    seen = [
        {
            "type": one.type,
            "name": one.name,
            "provider": one.provider.split("::")[-2] if one.provider else "",
            "inputs": readable(one.inputs),
        }
        for one in run(stack_config(stack), stack)
    ]
    text = yaml.safe_dump_all(seen, sort_keys=False, width=120)
    file = GOLDEN / f"{stack}.yaml"
    if os.environ.get("ONSHORE_UPDATE_GOLDEN"):
        file.write_text(text)
    golden = file.read_text() if file.exists() else ""
    repair = f"ONSHORE_UPDATE_GOLDEN=1 uv run pytest {Path(__file__).relative_to(ROOT)} -k {stack}"
    assert text == golden, f"{stack} registers something else than {file.name}; if that is meant: {repair}"


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_has_the_provider_of_the_registers_cluster_and_the_facts_of_law(run, stack: str) -> None:
    seen = run(stack_config(stack), stack)
    objects = [one for one in seen if one.type.startswith("kubernetes:")]
    assert len(objects) > 8
    category = {"health": "restricted", "statistics": "open", "finance": "confidential"}[stack.partition("-")[0]]
    for one in objects:
        assert "pulumi:providers:kubernetes::cluster::" in one.provider, one.name
        labels = one.inputs["metadata"]["labels"]
        assert labels["onshore.example/data-category"] == category
        assert labels["onshore.example/department"] == stack.partition("-")[0] + "-example"
    assert {one.inputs["category"] for one in seen if one.type.startswith("onshore:")} == {category}


def test_a_stack_that_asks_for_a_foreign_region_is_refused_with_every_reason_and_registers_nothing(run) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        run(stack_config("health-vaccination-abroad"), "health-vaccination-abroad")
    text = str(refused.value)
    assert "RES-001" in text
    assert "example-csp-delta-xa-1" in text
    assert "Way out:" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"onshore:departmnet": "x"}, "did you mean `department`?"),
        ({"onshore:placement": {"regoin": "x"}}, "did you mean `region`?"),
        ({"onshore:category": "restrictd"}, "did you mean `restricted`?"),
        ({"onshore:exposure": "publik"}, "did you mean `public`?"),
        ({"onshore:exposure": "public"}, "EXP-001"),
        ({"onshore:replicas": "0"}, "onshore:replicas"),
        ({"onshore:schedule": "at night"}, "not five cron fields"),
        ({"onshore:workload": "workloads/none/score.yaml"}, "the file is missing"),
    ],
)
def test_wrong_configuration_is_told_in_words(run, change: dict[str, Any], said: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        run(stack_config("health-vaccination-api") | change)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"onshore:replicas": "two"}, "onshore:replicas: not a whole number\n    got: two"),
        ({"onshore:category": ["open"]}, "onshore:category: not text\n    got: a list"),
        (
            {"onshore:placement": "X"},
            "onshore:placement: not a mapping\n    got: X\n    fix: write `onshore:placement: {",
        ),
        ({"onshore:placement.site": "x"}, "fix: write `onshore:placement: {site: ...}`"),
        ({"onshore:environment": "[secret]"}, "onshore config set STACK onshore:environment.KEY --path --secret"),
    ],
)
def test_a_value_of_another_kind_is_told_in_words_with_what_to_write(change: dict[str, Any], said: str) -> None:
    with pytest.raises(OnshoreError) as wrong:
        read_spec(stack_config("health-vaccination-api") | change, secret_keys=())
    assert said in str(wrong.value)


def test_a_fault_of_a_stacks_file_stands_at_its_line_and_shows_no_secret() -> None:
    text = "config:\n  onshore:category: [hidden]\n  onshore:replicas: hidden\n  onshore:placement: {regoin: x}\n"
    config = yaml.safe_load(text)["config"]
    document = parse_yaml(text.encode(), "stacks/Pulumi.a.yaml")
    with pytest.raises(OnshoreError) as wrong:
        read_spec(config, secret_keys=["onshore:category", "onshore:replicas"], document=document)
    places = {fault.where for fault in wrong.value.faults}
    assert {f"stacks/Pulumi.a.yaml:{n}: onshore:{key}" for n, key in ((2, "category"), (3, "replicas"))} < places
    assert "stacks/Pulumi.a.yaml:4: onshore:placement.regoin" in places
    assert "hidden" not in str(wrong.value)
    with pytest.raises(OnshoreError) as unsaid:
        read_spec(config)
    assert "hidden" not in str(unsaid.value)  # what is secret is not known: nothing is shown


def test_a_field_that_is_wrong_in_itself_hides_none_of_the_others(run, settings, tmp_path: Path) -> None:
    (tmp_path / "score.yaml").write_text("apiVersion: score.dev/v1b1\nmetadata: {name: app}\ncontainers: {main: {}}")
    wrong = {
        "onshore:exposure": "publik",
        "onshore:category": "Restrcted",
        "onshore:department": "helth-example",
        "onshore:placement": {"site": "nowhere"},
        "onshore:workload": str(tmp_path / "score.yaml"),
    }
    with pytest.raises(pulumi.RunError) as refused:
        run(stack_config("health-vaccination-api") | wrong)
    said = ("`public`", "`restricted`", "`health-example`", "nowhere", "`image` is missing")
    for each in said:
        assert each in str(refused.value)
    # of what is not there, or is a secret, nothing more is said
    config = {"onshore:exposure": "publik", "onshore:category": "Restrcted"}
    for change, secret in ((config, ("onshore:category",)), ({"onshore:exposure": "publik"}, ())):
        with pytest.raises(OnshoreError) as bare:
            read_spec(change, secret_keys=secret, settings=settings)
        assert "unknown" not in str(bare.value)
        assert "Restrcted" not in str(bare.value)


def test_all_faults_of_a_configuration_are_told_at_once(run) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        run({"onshore:categry": "open", "onshore:placement": {"regoin": "x"}, "onshore:replicas": "many"})
    text = str(refused.value)
    for said in ("`category`", "`department` is missing", "`workload` is missing", "`region`", "onshore:replicas"):
        assert said in text


def test_a_secret_environment_stays_secret_and_is_kept_in_a_secret(run) -> None:
    stack = "finance-payroll-nightly"
    seen = run(stack_config(stack), stack, secret=("onshore:environment",))
    kinds = {one.type.rpartition(":")[2]: one for one in seen}
    assert isinstance(kinds["Secret"].inputs["data"], Secret)
    assert "payroll.LEDGER" not in kinds["ConfigMap"].inputs["data"]
    assert "example-ledger-1" not in str([one.inputs for one in seen])
    container = kinds["CronJob"].inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    ledger = next(entry for entry in container["env"] if entry["name"] == "LEDGER")
    assert ledger["valueFrom"]["secretKeyRef"]["name"].startswith("payroll-nightly-secret-")


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(("secret", "kind"), [((), "config"), (("onshore:environment",), "secret")])
def test_a_changed_value_makes_a_new_object_and_the_same_value_does_not(
    stacks, secret: tuple[str, ...], kind: str
) -> None:
    def valued(ledger: str) -> Callable[[], None]:
        return program(stack_config("finance-payroll-nightly") | {"onshore:environment": {"LEDGER": ledger}}, secret)

    stack = stacks("test")
    first = stack.up(valued("a")).resource(f"payroll-nightly-{kind}").inputs["metadata"]["name"]
    assert stack.preview(valued("a")).changes.keys() == {"same"}
    stack.cloud.refuse["payroll-nightly-job"] = "not now"
    assert not stack.up(valued("b")).ok
    stack.cloud.refuse.clear()
    # a change that stopped halfway can be taken back: what holds the old value anew has a name that never was
    back = stack.up(valued("a"))
    held = back.resource(f"payroll-nightly-{kind}").inputs["metadata"]["name"]
    assert (back.ok, held != first) == (True, True)
    assert held in str(back.resource("payroll-nightly-job").inputs)


def test_a_cluster_without_a_kubeconfig_is_told_with_the_place_to_put_it(run, settings) -> None:
    (settings.kubeconfigs / "example-csp-alpha-khi-1.yaml").unlink()
    with pytest.raises(pulumi.RunError) as refused:
        run(stack_config("health-vaccination-api"))
    assert "there is no way to example-csp-alpha-khi-1" in str(refused.value)
    assert "onshore:kubeconfig" in str(refused.value)


def test_a_store_that_no_rule_could_let_pods_reach_is_refused_before_anything_is_made(
    run, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = tmp_path / "register"
    shutil.copytree(settings.register, register)
    alpha = register / "providers" / "example-csp-alpha.yaml"
    alpha.write_text(alpha.read_text().replace("        networks: [192.0.2.16/28]\n", ""))
    monkeypatch.setenv("ONSHORE_REGISTER", str(register))
    with pytest.raises(pulumi.RunError) as refused:
        run(stack_config("health-clinic-records"), "health-clinic-records")
    assert "region example-csp-alpha-khi: its object store has no addresses" in str(refused.value)
    name, address = "objects.khi.example-csp-alpha.example", "192.0.2.17:6780"
    alpha.write_text(alpha.read_text().replace(name, address))
    seen = run(stack_config("health-clinic-records"), "health-clinic-records")
    (ways,) = [one.inputs["spec"]["egress"] for one in seen if one.name == "clinic-records-regions"]
    assert ways[1] == {"to": [{"ipBlock": {"cidr": "192.0.2.17/32"}}], "ports": [{"port": 6780, "protocol": "TCP"}]}


def test_what_stands_against_a_region_and_against_the_workload_is_told_at_once(
    run, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register, score = tmp_path / "register", tmp_path / "score.yaml"
    shutil.copytree(settings.register, register)
    for provider in (register / "providers").iterdir():
        provider.write_text(provider.read_text().replace("object-store, ", ""))
    monkeypatch.setenv("ONSHORE_REGISTER", str(register))
    config = stack_config("health-clinic-records")
    text = (ROOT / "stacks" / config["onshore:workload"]).read_text()
    score.write_text(re.sub(r"@sha256:[0-9a-f]{64}", ":1", text))
    with pytest.raises(pulumi.RunError) as refused:
        run(config | {"onshore:workload": str(score)}, "health-clinic-records")
    assert "an image without digest" in str(refused.value)
    assert "no lawful place for restricted data of health-example (object-store)" in str(refused.value)


@pytest.mark.parametrize("place", [{}, {"region": "example-csp-delta-xa"}])
def test_all_that_a_region_cannot_make_is_told_before_anything_is_registered(
    settings, tmp_path: Path, place: dict[str, str]
) -> None:
    config = stack_config("health-clinic-records")
    text = (ROOT / "stacks" / config["onshore:workload"]).read_text()
    for right, wrong in (
        ("image: debian-12", "image: debian-99"),
        ("cpu: 2\n", "cpu: 64\n"),
        ("[10.20.0.0/16]", "[10.20.0.0/16, 0.0.0.0/1]"),
        ("department-wan", "department-wam"),
        ("packages: [postgresql]", "password: not-a-real-one"),
        ("versioned: true", "expireAfterDays: 3"),
    ):
        assert right in text
        text = text.replace(right, wrong)
    score = tmp_path / "score.yaml"
    score.write_text(text)
    spec = read_spec(config | {"onshore:workload": str(score), "onshore:placement": place})
    with pytest.raises(OnshoreError) as refused:
        judge(spec, settings)
    where = {fault.where for fault in refused.value.faults}
    anywhere = {"resources.records: clients[1]", "resources.records: user_data"}
    here = {
        "resources.records: image",
        "resources.records: vcpu, memory_gib",
        "resources.records: external_network",
        "resources.exports: expire_after_days",
    }
    assert anywhere <= where
    assert here & where == (set() if place else here)
    assert refused.value.refused
    assert "not-a-real-one" not in str(refused.value)


def test_another_clusters_kubeconfig_in_the_stack_is_refused_and_its_token_never_shown(run, reached) -> None:
    content = yaml.safe_dump(reached.kubeconfig()).replace(reached.server, "https://192.0.2.1:6443")
    config = stack_config("health-vaccination-api") | {"onshore:kubeconfig": content}
    with pytest.raises(pulumi.RunError) as refused:
        run(config, secret=("onshore:kubeconfig",))
    assert "another server" in str(refused.value)
    assert "a-secret-token" not in str(refused.value)


@pytest.mark.cluster
@pytest.mark.parametrize("stack", STACKS)
def test_the_api_server_accepts_every_object(kubectl, stack: str) -> None:
    namespace = f"comp-{uuid.uuid4().hex[:8]}"
    home, *objects = [
        {**one, "metadata": {**one["metadata"], "namespace": namespace}} for one in manifests(GOLDEN / f"{stack}.yaml")
    ]
    assert home["kind"] == "Namespace"
    home["metadata"] = {**home["metadata"], "name": namespace}
    del home["metadata"]["namespace"]
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    kubectl("create", "-f", "-", stdin=home)
    try:
        applied = kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=listed)
        assert sorted(one["kind"] for one in applied["items"]) == sorted(one["kind"] for one in objects)
    finally:
        kubectl("delete", "namespace", namespace, "--wait=false")


def manifests(golden: Path) -> list[dict[str, Any]]:
    """The Kubernetes objects of a golden, the namespace first."""
    documents = list(yaml.safe_load_all(golden.read_text()))
    found = [one["inputs"] for one in documents if one["type"].startswith("kubernetes:")]
    return sorted(found, key=lambda one: one["kind"] != "Namespace")


def test_faults_of_the_stack_its_workload_and_its_place_are_told_at_once(run, tmp_path: Path) -> None:
    (tmp_path / "score.yaml").write_text(
        "apiVersion: score.dev/v1b1\nmetadata: {name: app}\ncontainers: {main: {image: .}}"
    )
    config = stack_config("health-vaccination-abroad") | {"onshore:workload": str(tmp_path / "score.yaml")}
    with pytest.raises(pulumi.RunError) as refused:
        run(config)
    assert "no image" in str(refused.value)
    assert "RES-001" in str(refused.value)
    config |= {"onshore:category": "restrictd"}
    with pytest.raises(pulumi.RunError) as wrong:
        run(config)
    assert "no image" in str(wrong.value)
    assert "did you mean `restricted`?" in str(wrong.value)


def test_an_image_without_digest_is_refused_for_restricted_data_before_any_engine_starts(
    settings, tmp_path: Path
) -> None:
    file = tmp_path / "score.yaml"
    file.write_text(
        "apiVersion: score.dev/v1b1\nmetadata: {name: app}\ncontainers: {main: {image: 'registry.example/a:1'}}"
    )
    spec = read_spec(stack_config("health-vaccination-api") | {"onshore:workload": str(file)})
    with pytest.raises(OnshoreError, match="an image without digest") as refused:
        judge(spec, settings)
    assert refused.value.refused
    (fault,) = refused.value.faults
    assert fault.where.endswith("score.yaml:3:containers.main.image")


def test_deciding_needs_no_pulumi() -> None:
    """The command line decides before it loads an engine: the SDK takes a second to import."""
    code = "import sys, components.deployment; sys.exit('pulumi' in sys.modules or 'pulumi_kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_only_a_try_out_may_ask_about_another_day(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONSHORE_ON", "2031-02-03")
    assert today(settings.load_profile()) == date(2031, 2, 3)
    assert today(load_profile("pakistan-cloud-first")) != date(2031, 2, 3)
