"""onshore.yaml: found from anywhere below, overridden by the environment, refused when wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inventories import OnshoreError, Settings
from inventories.models import Profile, Register


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "onshore.yaml").write_text("register: facts\nprofile: pakistan-cloud-first\n")
    (tmp_path / "stacks/deep").mkdir(parents=True)
    for name in ("one", "two"):
        overlay = tmp_path / f".onshore/sandbox/{name}/overlay.yaml"
        overlay.parent.mkdir(parents=True)
        overlay.write_text("overlay: x\n")
    return tmp_path


def test_the_shipped_settings_lead_to_a_register_and_a_profile() -> None:
    settings = Settings.load(Path("stacks"), {"ONSHORE_OVERLAYS": ""})
    assert isinstance(settings.load_register(), Register)
    assert isinstance(settings.load_profile(), Profile)
    assert settings.profile == "pakistan-cloud-first-trial"


def test_the_nearest_file_upwards_decides_and_paths_count_from_it(project: Path) -> None:
    settings = Settings.load(project / "stacks/deep", {})
    assert settings == Settings(
        root=project,
        register=project / "facts",
        profile="pakistan-cloud-first",
        overlays=tuple(project / f".onshore/sandbox/{name}/overlay.yaml" for name in ("one", "two")),
        kubeconfigs=project / ".onshore/kubeconfigs",
        waivers=project / "inventories/waivers",
        declassifications=project / "inventories/declassifications",
        ssh_user="root",
        ssh_key=project / ".onshore/ssh/id_ed25519",
        clouds=project / ".onshore/clouds",
    )


def test_the_environment_goes_before_the_file(project: Path) -> None:
    environment = {
        "ONSHORE_REGISTER": "elsewhere",
        "ONSHORE_PROFILE": "mine.yaml",
        "ONSHORE_OVERLAYS": os.pathsep.join([".onshore/sandbox/t*/overlay.yaml", str(project / "gone.yaml")]),
        "ONSHORE_KUBECONFIGS": "/keys",
        "ONSHORE_CLOUDS": "logins",
        "ONSHORE_SSH_USER": "deploy",
        "ONSHORE_SSH_KEY": "keys/deploy",
    }
    settings = Settings.load(project, environment)
    assert settings.register == project / "elsewhere"
    assert settings.profile == str(project / "mine.yaml")
    assert settings.overlays == (project / ".onshore/sandbox/two/overlay.yaml", project / "gone.yaml")
    assert settings.kubeconfigs == Path("/keys")
    assert settings.clouds == project / "logins"
    assert (settings.ssh_user, settings.ssh_key) == ("deploy", project / "keys/deploy")


def test_an_empty_list_of_overlays_means_none(project: Path) -> None:
    assert Settings.load(project, {"ONSHORE_OVERLAYS": ""}).overlays == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("register: facts\nprofil: x\n", "did you mean `profile`?"),
        ("registr: facts\nprofile: x\n", "did you mean `register`?"),
        ("register: facts\n", "`profile` is missing"),
        ("", "the file is empty"),
        ("register: [a]\nprofile: x\n", "onshore.yaml:1:register"),
    ],
)
def test_wrong_settings_are_refused(project: Path, text: str, says: str) -> None:
    (project / "onshore.yaml").write_text(text)
    with pytest.raises(OnshoreError) as raised:
        Settings.load(project, {})
    assert says in str(raised.value)


def test_a_folder_outside_any_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OnshoreError, match=r"no onshore\.yaml here or above"):
        Settings.load(tmp_path, {})
