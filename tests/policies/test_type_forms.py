"""The files of classified types: every misspelling is named with its line and way out, whoever reads them."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inventories import OnshoreError
from inventories.yaml_source import read_yaml
from policies import cloud_types, type_forms
from policies.resource_types import RESOURCE_TYPES, check_resource_types, load_resource_types
from tests.policies.asking import Provider, Resource, World

if TYPE_CHECKING:
    from inventories.models import Record

WRONG = read_yaml(Path(__file__).parent / "wrong_types.yaml").data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(RESOURCE_TYPES, tmp_path / "types")


def misspell(folder: Path, row: dict[str, str]) -> None:
    path = folder / row["in"]
    text = path.read_text("utf-8")
    assert row["old"] in text
    path.write_text(text.replace(row["old"], row["new"], 1), "utf-8")


@pytest.mark.parametrize("row", WRONG, ids=[row["says"] for row in WRONG])
def test_what_is_wrong_is_named_by_whoever_reads_it(folder: Path, row: dict[str, str]) -> None:
    misspell(folder, row)
    for reader in (check_resource_types, _read_all):
        with pytest.raises(OnshoreError) as raised:
            reader(folder)
        assert any(row["says"] in str(one) and row["fix"] in one.fix for one in raised.value.faults), raised.value


def _read_all(folder: Path) -> None:
    cloud = load_resource_types(folder).cloud
    for name in cloud.names():
        cloud.package(name)


def test_the_faults_of_all_files_are_told_at_once(folder: Path) -> None:
    for row in (WRONG[0], WRONG[3], WRONG[9]):
        misspell(folder, row)
    (folder / "awz.yaml").write_text("classes: {}\n")
    for reader in (check_resource_types, load_resource_types):
        with pytest.raises(OnshoreError) as raised:
            reader(folder)
        assert [Path(one.where.split(":")[0]).name for one in raised.value.faults] == [
            "http.yaml", "kubernetes.yaml", "kubernetes.yaml", "pulumi.yaml", "pulumi.yaml", "awz.yaml",
        ]  # fmt: skip


def test_the_pack_names_what_is_wrong_with_the_types_of_a_resource(folder: Path) -> None:
    misspell(folder, WRONG[5])
    facts = World().facts
    world = World(facts=replace(facts, types=replace(facts.types, cloud=cloud_types.CloudTypes(folder))))
    (found,) = world.analyze(Resource("aws:ec2/eip:Eip", {}, Provider("pulumi:providers:aws", "cloud")))
    assert "aws.yaml:7:clases: unknown field got: clases fix: did you mean `classes`?" in found.message
    assert "`onshore register validate`" in found.message


@pytest.mark.parametrize(
    ("form", "read"),
    [(type_forms.LawForm, cloud_types.Law), (type_forms.ProviderFormForm, cloud_types.ProviderForm)],
)
def test_a_form_has_the_fields_of_what_is_read(form: type[Record], read: type) -> None:
    assert list(form.model_fields) == [field.name for field in fields(read)]


def test_a_form_of_a_package_has_the_fields_that_are_read() -> None:
    names = {info.alias or name for name, info in type_forms.PackageForm.model_fields.items()}
    assert names == cloud_types._FIELDS
