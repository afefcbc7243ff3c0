"""State, secrets and configuration against files the Pulumi CLI wrote, and their laws."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import load_project, load_stack_config, resolve, set_value, write_salt
from engine.errors import EngineError
from engine.saving.document import decode_deployment, encode_deployment, latest_of, salt_of
from engine.saving.integrity import integrity_faults
from engine.secrets import PassphraseSecrets
from engine.state import Deployment, ResourceState
from engine.values import UNKNOWN, Archive, Asset, ResourceReference, Secret

REFERENCE = Path(__file__).parents[1] / "conformance" / "reference"
PASSPHRASE = (REFERENCE / "config" / "passphrase.txt").read_text(encoding="utf-8")
SECRETS = PassphraseSecrets.create("laws")
SALT = SECRETS.salt  # made now: deriving the key takes longer than an example may


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: reference\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.test.yaml").write_bytes((REFERENCE / "config" / "Pulumi.test.yaml").read_bytes())
    return tmp_path


def test_configuration_the_cli_encrypted_is_read(reference: Path) -> None:
    stack = load_stack_config(load_project(reference), "test")
    configuration = resolve(stack.values, PassphraseSecrets(PASSPHRASE, stack.salt).decrypt)
    expected = json.loads((REFERENCE / "config" / "expected.json").read_text(encoding="utf-8"))
    nested = expected.pop("reference:nested")
    assert json.loads(configuration.values["reference:nested"]) == nested
    assert {key: configuration.values[key] for key in expected} == expected
    assert set(configuration.secret_keys) == set(configuration.values) - {"other:key"}


def test_a_state_the_cli_wrote_is_read_and_written_back_alike() -> None:
    text = (REFERENCE / "backend" / "2-after-first-up" / "stack.raw.json").read_text(encoding="utf-8")
    # positions are blinded in the recording; frames of frozen modules have none
    text = text.replace('"stackTrace": "<stackTrace>"', '"stackTrace": [{"sourcePosition": "<sourcePosition>"}, {}]')
    latest = latest_of(text, "recording")
    secrets = PassphraseSecrets(PASSPHRASE, salt_of(latest))
    deployment = decode_deployment(latest, secrets.decrypt)
    root = next(state for state in deployment.resources if state.type == "pulumi:pulumi:Stack")
    assert root.outputs["token"] == Secret("s3cret token")
    again = encode_deployment(deployment, secrets.encrypt, "now")
    assert decode_deployment(again, secrets.decrypt).resources[0].outputs == root.outputs
    ours = [_without_ciphertexts(item) for item in again["resources"]]
    assert ours == [_without_ciphertexts(item) for item in latest["resources"]]
    for mine, theirs in zip(again["resources"], latest["resources"], strict=True):
        order = ["urn", "custom", "id", "type", "inputs", "outputs", "parent", "dependencies", "provider"]
        assert [key for key in mine if key in order] == [key for key in order if key in theirs]


def _without_ciphertexts(value):
    if isinstance(value, dict):
        return {key: "…" if key == "ciphertext" else _without_ciphertexts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_ciphertexts(item) for item in value]
    return value


def test_an_interrupted_creation_in_a_state_is_kept() -> None:
    latest = json.loads((REFERENCE / "backend" / "6-after-a-kill" / "stack.json").read_text(encoding="utf-8"))
    body = latest["checkpoint"]["latest"]
    body["manifest"]["magic"] = ""
    for item in [*body["resources"], *(operation["resource"] for operation in body["pending_operations"])]:
        item["stackTrace"] = []
        for outputs in (item.get("outputs") or {}, item.get("inputs") or {}):
            outputs.pop("token", None)
            outputs.pop("data", None)
            outputs.pop("__inputs", None)
    deployment = decode_deployment(body, lambda text: text)
    assert [(operation.type, operation.resource.urn.split("::")[-1]) for operation in deployment.pending] == [
        ("creating", "slow")
    ]


@pytest.mark.parametrize("wrong", ["", "Conformance-passphrase", PASSPHRASE + "\n"])
def test_a_wrong_passphrase_is_refused(wrong: str) -> None:
    salt = "v1:ESeK+JAz8ks=:v1:SRE2R+zuffSS0xv4:H/E3C4O2mu4fCXbflmE653SqdoCjRw=="
    assert PassphraseSecrets(PASSPHRASE, salt).salt == salt
    with pytest.raises(EngineError, match="incorrect passphrase"):
        PassphraseSecrets(wrong, salt)


@pytest.mark.parametrize("salt", ["", "v1:", "v2:ESeK+JAz8ks=:v1:x:y", "v1:***:v1:a:b", "nonsense"])
def test_a_salt_that_is_none_is_refused(salt: str) -> None:
    with pytest.raises(EngineError):
        PassphraseSecrets("x", salt)


@given(st.text())
def test_what_is_encrypted_can_be_decrypted_and_never_looks_the_same(text: str) -> None:
    sealed = SECRETS.encrypt(text)
    assert SECRETS.decrypt(sealed) == text
    assert SECRETS.encrypt(text) != sealed
    assert sealed.startswith("v1:")


def test_a_salt_is_made_once() -> None:
    secrets = PassphraseSecrets.create("laws")
    sealed = secrets.encrypt("x")
    assert PassphraseSecrets("laws", secrets.salt).decrypt(sealed) == "x"
    assert secrets.salt != SALT


def test_a_damaged_ciphertext_is_refused() -> None:
    sealed = SECRETS.encrypt("x")
    with pytest.raises(EngineError, match="cannot be decrypted"):
        SECRETS.decrypt(sealed[:-6] + "AAAA==")


TEXT = st.text(max_size=6)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), TEXT, st.just(UNKNOWN)
)
SPECIAL = st.one_of(
    st.builds(Asset, hash=st.just("h"), text=TEXT),
    st.builds(Archive, hash=st.just("h"), path=TEXT),
    st.builds(ResourceReference, urn=st.just("urn:pulumi:a::b::c:d:E::f"), id=st.sampled_from([None, "id", UNKNOWN])),
)
VALUES = st.recursive(
    SCALARS | SPECIAL,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3) | st.builds(Secret, inner),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.dictionaries(TEXT, VALUES, max_size=4), st.booleans(), st.lists(TEXT, max_size=2))
def test_a_state_survives_the_file(properties: dict, protect: bool, errors: list[str]) -> None:
    state = ResourceState(
        "urn:pulumi:dev::shop::a:b:C::d",
        "a:b:C",
        id="x",
        inputs=properties,
        outputs={"copy": properties},
        protect=protect,
        init_errors=tuple(errors),
        property_dependencies={"copy": ()},
        custom_timeouts={"create": 300.0},
    )
    document = json.loads(
        json.dumps(encode_deployment(Deployment((state,), salt=SECRETS.salt), SECRETS.encrypt, "now"))
    )
    read = decode_deployment(document, SECRETS.decrypt).resources[0]
    for name in type(state).__dataclass_fields__:
        assert getattr(read, name) == getattr(state, name), name


def test_contradictions_in_a_state_are_all_named() -> None:
    a = ResourceState("urn:pulumi:d::p::x:y:Z::a", "x:y:Z", id="1", dependencies=("urn:pulumi:d::p::x:y:Z::later",))
    twice = ResourceState(a.urn, "x:y:Z", id="2")
    component = ResourceState("urn:pulumi:d::p::x:y:Z::c", "x:y:Z", custom=False, id="3", provider="urn::none")
    faults = integrity_faults((a, twice, component))
    assert len(faults) == 4
    assert (
        integrity_faults((ResourceState(a.urn, "x:y:Z", id="1"), ResourceState(a.urn, "x:y:Z", id="0", delete=True)))
        == []
    )


def test_setting_a_value_leaves_other_lines_alone(reference: Path) -> None:
    path = reference / "Pulumi.test.yaml"
    path.write_text(
        "# top\nconfig:\n  reference:a: 1 # one\n  reference:b:\n    deep: [1]\n  # tail\nother: x\n", encoding="utf-8"
    )
    set_value(path, "reference:b", "text")
    set_value(path, "reference:c", True)
    set_value(path, "reference:a", None)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# top\nconfig:\n")
    stack = load_stack_config(load_project(reference), "test")
    assert stack.values == {"reference:b": "text", "reference:c": True}
    assert "other: x" in text
    write_salt(stack, "v1:salt")
    assert load_stack_config(load_project(reference), "test").salt == "v1:salt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nruntime: nodejs\n", "runs Python programs only"),
        ("runtime: python\n", "`name` is missing"),
        ("[1]", "not a mapping"),
        ("a: [", "is not YAML"),
        ("name: x\nruntime: python\nbackend: {url: 's3://b'}\n", "backend.url"),
    ],
)
def test_a_project_file_that_is_not_one_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(EngineError, match=said):
        load_project(tmp_path)


def test_main_and_stack_config_dir_and_defaults_are_honoured(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        "name: x\nruntime: {name: python}\nmain: stacks\nstackConfigDir: stacks\n"
        "config: {plain: 1, full: {type: string, default: d}, 'a:b': {value: v}, needed: {type: string}}\n",
        encoding="utf-8",
    )
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config: {plain: 2}\n", encoding="utf-8")
    project = load_project(tmp_path)
    assert project.program == tmp_path / "stacks"
    assert load_stack_config(project, "dev").values == {"x:plain": 2, "x:full": "d", "a:b": "v"}
