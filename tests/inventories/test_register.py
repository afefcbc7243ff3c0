"""Loading a register: the shipped one is read, and every way it can be wrong is named with its line."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventories import OnshoreError, load_register
from inventories.models import Status
from inventories.yaml_source import read_yaml

EXAMPLE = Path("inventories/registers/example")
ALPHA = "providers/example-csp-alpha.yaml"
BETA = "providers/example-csp-beta.yaml"
OVERLAY = """\
overlay: {name}
fictional: true
clusters:
  - id: {cluster}
    server: https://127.0.0.1:{port}
    ca_sha256: {ca}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return shutil.copytree(EXAMPLE, tmp_path / "register")


def overlay(folder: Path, name: str, *, cluster: str = "example-csp-alpha-khi-1", port: int = 6443) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(OVERLAY.format(name=name, cluster=cluster, port=port, ca="a" * 64))
    return path


def faults_of(directory: Path, *overlays: Path) -> list[str]:
    with pytest.raises(OnshoreError) as raised:
        load_register(directory, overlays)
    assert not raised.value.refused
    return [str(fault) for fault in raised.value.faults]


def test_the_example_register_has_its_cast() -> None:
    register = load_register(EXAMPLE)
    on = date(2026, 6, 1)
    standing = {
        provider.id.removeprefix("example-csp-"): provider.accreditation.status(on=on)
        for provider in register.providers
    }
    assert standing == {
        "alpha": Status.ACCREDITED,
        "beta": Status.UNDER_REVIEW,
        "delta": Status.ACCREDITED,
        "epsilon": Status.ACCREDITED,
        "gamma": Status.SUSPENDED,
        "zeta": Status.ACCREDITED,
    }
    countries = {cluster.id: register.site(cluster.site).country for _, cluster in register.clusters()}
    assert [name for name, country in countries.items() if country != "PK"] == ["example-csp-delta-xa-1"]
    assert len([c for p, c in register.clusters() if p.id == "example-csp-alpha"]) == 2


def test_everything_in_the_example_register_says_that_it_is_fictional() -> None:
    register = load_register(EXAMPLE)
    records = [
        register,
        *register.providers,
        *register.departments,
        *register.approvals,
        *register.image_registries,
        *register.key_stores,
        *register.on_premises,
    ]
    records += [cluster for _, cluster in register.clusters()]
    records += [host for provider in register.providers for host in provider.hosts]
    assert all(record.fictional for record in records)
    assert all(".example:" in cluster.server for _, cluster in register.clusters())


FILES = {
    "a": ALPHA,
    "b": BETA,
    "departments": "departments.yaml",
    "approvals": "approvals.yaml",
    "registries": "image_registries.yaml",
    "keys": "key_stores.yaml",
    "own": "on_premises.yaml",
    "register": "register.yaml",
}
WRONG = read_yaml(Path(__file__).parent / "wrong_registers.yaml").data["faults"]


@pytest.mark.parametrize("row", WRONG, ids=[row["says"][0] for row in WRONG])
def test_a_fault_names_its_file_line_path_and_way_out(directory: Path, row: dict[str, Any]) -> None:
    path = directory / FILES[row["in"]]
    text = path.read_text()
    assert row["old"] in text
    path.write_text(text.replace(row["old"], row["new"], 1))
    faults = faults_of(directory)
    assert any(all(part in fault for part in row["says"]) for fault in faults), faults


def test_all_faults_of_all_files_are_named_at_once(directory: Path) -> None:
    for file, old, new in (
        (ALPHA, "country: PK", "country: pk"),
        (BETA, "country: PK", "contry: PK"),
        ("register.yaml", "id:", "ident:"),
    ):
        path = directory / file
        path.write_text(path.read_text().replace(old, new, 1))
    (directory / "departments.yaml").unlink()
    faults = faults_of(directory)
    for part in (
        "alpha.yaml:40:sites[0].country",
        "beta.yaml",
        "register.yaml",
        "departments.yaml: the file is missing",
    ):
        assert any(part in fault for fault in faults), (part, faults)


def test_a_list_of_wrong_things_is_not_called_empty(directory: Path) -> None:
    path = directory / ALPHA
    path.write_text(path.read_text().replace("    country: PK\n", ""))
    faults = faults_of(directory)
    assert len([fault for fault in faults if "`country` is missing" in fault]) == len(faults) == 2


def test_without_any_provider_only_that_is_told(directory: Path) -> None:
    shutil.rmtree(directory / "providers")
    (fault,) = faults_of(directory)
    assert "no provider is registered" in fault


def test_the_faults_of_a_file_come_in_the_order_of_its_lines(directory: Path) -> None:
    path = directory / ALPHA
    text = path.read_text().replace("country: PK", "contry: PK").replace("name: Example CSP Alpha\n", "")
    path.write_text(text.replace("id: example-csp-alpha\n", "id: example-csp-alfa\n", 1))
    lines = [int(fault.split(":")[1]) for fault in faults_of(directory)]
    assert lines == sorted(lines)
    assert len(set(lines)) > 2


@pytest.mark.parametrize("file", ["register.yaml", "departments.yaml", ALPHA])
def test_a_missing_file_is_named(directory: Path, file: str) -> None:
    (directory / file).unlink()
    if file == ALPHA:  # nothing says that it once was there, but what refers to it does
        faults = faults_of(directory, overlay(directory.parent, "sandbox"))
        assert any("no such provider" in fault for fault in faults)
        (directory / "image_registries.yaml").unlink()
        (directory / "key_stores.yaml").unlink()
        faults = faults_of(directory, overlay(directory.parent, "sandbox"))
        assert "the register has no such cluster" in faults[0]
    else:
        assert any(f"{file}: the file is missing" in fault for fault in faults_of(directory))


@pytest.mark.parametrize(
    "file",
    [
        "register.yaml",
        "departments.yaml",
        "approvals.yaml",
        "image_registries.yaml",
        "key_stores.yaml",
        "on_premises.yaml",
        ALPHA,
    ],
)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n# nothing\n",
        b"just text\n",
        b"- a\n- list\n",
        b"a: [1\n",
        b"\xff\xfe\x00",
        b"a: &a [*a]\n",
        b"--- {}\n--- {}\n",
    ],
)
def test_a_file_without_sense_is_refused(directory: Path, file: str, content: bytes) -> None:
    (directory / file).write_bytes(content)
    assert any(Path(file).name in fault for fault in faults_of(directory))


def test_a_file_cut_off_anywhere_within_a_line_is_refused(directory: Path) -> None:
    whole = (directory / ALPHA).read_bytes()
    for end in range(0, len(whole) - 1, 41):
        if not whole[:end].endswith(b"\n"):
            (directory / ALPHA).write_bytes(whole[:end])
            assert any("example-csp-alpha.yaml" in fault for fault in faults_of(directory)), end


def test_a_folder_that_is_no_register_is_refused(tmp_path: Path) -> None:
    assert "there is no register here" in faults_of(tmp_path / "nowhere")[0]
    assert any("no provider is registered" in fault for fault in faults_of(tmp_path))


def test_a_file_that_nobody_reads_is_refused(directory: Path) -> None:
    (directory / "providers/example-csp-eta.yml").write_text("id: example-csp-eta\n")
    assert any("example-csp-eta.yml: a file that nobody reads" in fault for fault in faults_of(directory))


def test_what_a_register_need_not_list_may_be_absent(directory: Path) -> None:
    for name in ("approvals", "image_registries", "key_stores", "on_premises"):
        (directory / f"{name}.yaml").unlink()
    register = load_register(directory)
    assert register.approvals == register.image_registries == register.key_stores == register.on_premises == ()
    assert register.image_registry("registry.example") is None


def test_an_overlay_replaces_an_address_and_makes_the_cluster_fictional(directory: Path) -> None:
    path = directory / ALPHA
    path.write_text(path.read_text().replace("    fictional: true\n", ""))
    plain = load_register(directory)
    laid = load_register(directory, [overlay(directory.parent, "sandbox", port=4711)])
    _, cluster = laid.cluster_at("https://127.0.0.1:4711", "a" * 64)
    assert (cluster.id, cluster.fictional, laid.overlays) == ("example-csp-alpha-khi-1", True, ("sandbox",))
    assert laid.digest != plain.digest
    assert plain.cluster_at("https://127.0.0.1:4711", "a" * 64) is None
    before = plain.cluster("example-csp-alpha-khi-1")[1]
    assert not before.fictional
    assert laid.cluster_at(before.server, before.ca_sha256) is None


def test_overlays_that_agree_are_fine_and_that_disagree_are_refused(directory: Path) -> None:
    one, same = overlay(directory.parent, "one"), overlay(directory.parent, "same")
    assert load_register(directory, [one, same]).overlays == ("one", "same")
    (fault,) = faults_of(directory, one, overlay(directory.parent, "other", port=1))
    assert "other.yaml:4:clusters[0].id: disagrees with" in fault


@pytest.mark.parametrize(("old", "new", "said"), [
    ("example-csp-alpha-khi-1", "example-csp-alpha-khi-2", "did you mean `example-csp-alpha-khi-1`?"),
    ("fictional: true", "fictional: false", "fictional"),
    ("ca_sha256", "ca_sha265", "did you mean `ca_sha256`?"),
    ("https://", "http://", "server"),
])  # fmt: skip
def test_an_overlay_that_is_wrong_is_refused(directory: Path, old: str, new: str, said: str) -> None:
    path = overlay(directory.parent, "sandbox")
    path.write_text(path.read_text().replace(old, new))
    assert any(said in fault for fault in faults_of(directory, path))


def region_overlay(folder: Path, name: str, **changes: Any) -> Path:
    region = {
        "id": "example-csp-alpha-khi",
        "auth_url": "https://127.0.0.1:4712/identity/v3",
        "ca_sha256": "b" * 64,
        "images": [{"name": "debian-12", "digest": "sha256:" + "c" * 64}],
    } | changes
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"overlay": name, "fictional": True, "regions": [region]}), encoding="utf-8")
    return path


def test_an_overlay_says_where_a_region_answers_and_what_its_images_are(directory: Path) -> None:
    plain = load_register(directory)
    path = region_overlay(directory.parent, "region", object_store="https://127.0.0.1:4712/objects")
    laid = load_register(directory, [path])
    _, region = laid.region_at("openstack", "RegionOne", "https://127.0.0.1:4712/identity/v3")
    assert (region.id, region.fictional, region.openstack.ca_sha256) == ("example-csp-alpha-khi", True, "b" * 64)
    assert [image.digest for image in region.openstack.images] == ["sha256:" + "c" * 64]
    assert region.openstack.object_store.endpoint == "https://127.0.0.1:4712/objects"
    before = plain.region("example-csp-alpha-khi")[1]
    assert region.openstack.flavors == before.openstack.flavors
    assert region.openstack.zones == before.openstack.zones
    assert laid.region_at("openstack", "RegionOne", before.pulumi.endpoint) is None
    assert laid.digest != plain.digest


def test_one_region_name_at_two_providers_is_told_apart_by_its_auth_url() -> None:
    register = load_register(EXAMPLE)
    found = {r.pulumi.endpoint: (p.id, register.site(r.sites[0]).country) for p, r in register.regions() if r.pulumi}
    assert sorted(found.values()) == [("example-csp-alpha", "PK"), ("example-csp-delta", "XA")]
    for endpoint, (provider, _) in found.items():
        assert register.region_at("openstack", "RegionOne", endpoint)[0].id == provider
    assert register.region_at("openstack", "RegionOne") is None


@pytest.mark.parametrize(("changes", "said"), [
    ({"id": "example-csp-alpha-khj"}, "regions[0].id: the register has no such OpenStack region"),
    ({"id": "example-csp-alpha-lhe"}, "regions[0].id: the register has no such OpenStack region"),
    ({"auth_url": "http://127.0.0.1:4712/v3"}, "regions[0].auth_url"),
    ({"ca_sha256": "B" * 64}, "regions[0].ca_sha256"),
    ({"password": "not-to-be-shown"}, "regions[0].password"),
    ({"images": [{"name": "debian-13", "digest": "sha256:" + "c" * 64}]}, "the region has no such image"),
])  # fmt: skip
def test_a_region_overlay_that_is_wrong_is_refused(directory: Path, changes: dict[str, Any], said: str) -> None:
    faults = faults_of(directory, region_overlay(directory.parent, "region", **changes))
    assert any(said in fault for fault in faults), faults


def test_region_overlays_that_disagree_are_refused(directory: Path) -> None:
    one, same = (region_overlay(directory.parent, name) for name in ("one", "same"))
    assert load_register(directory, [one, same]).overlays == ("one", "same")
    (fault,) = faults_of(directory, one, region_overlay(directory.parent, "two", ca_sha256="d" * 64))
    assert "two.yaml" in fault
    assert "disagrees with" in fault
    assert "onshore region rm" in fault


def test_a_missing_overlay_is_refused(directory: Path) -> None:
    assert "the file is missing" in faults_of(directory, directory.parent / "gone.yaml")[0]


def test_the_digest_hangs_on_every_overlay_also_on_those_of_one_name(tmp_path: Path) -> None:
    def overlay(cluster: str, port: int) -> Path:
        path = tmp_path / f"{cluster}-{port}.yaml"
        where = {"id": cluster, "server": f"https://127.0.0.1:{port}", "ca_sha256": "a" * 64}
        path.write_text(
            yaml.safe_dump({"overlay": "sandbox", "fictional": True, "clusters": [where]}), encoding="utf-8"
        )
        return path

    first = overlay("example-csp-alpha-khi-1", 6443)
    second, moved = overlay("example-csp-zeta-mux-1", 6444), overlay("example-csp-zeta-mux-1", 6445)
    assert load_register(EXAMPLE, [first, second]).digest == load_register(EXAMPLE, [second, first]).digest
    assert load_register(EXAMPLE, [first, second]).digest != load_register(EXAMPLE, [first, moved]).digest


def test_the_digest_hangs_on_content_and_names_not_on_the_folder(directory: Path) -> None:
    digest = load_register(directory).digest
    assert digest == load_register(EXAMPLE).digest
    assert len(digest) == 64
    (directory / "departments.yaml").write_text((directory / "departments.yaml").read_text() + "# a word\n")
    assert load_register(directory).digest != digest
