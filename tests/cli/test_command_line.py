"""The command line itself: help, machine output, exit codes, terminals and how little it loads."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

from cli.main import onshore as root_command
from tests.cli.conftest import TOKEN
from tests.cli.refusals import PHRASE, check_words
from tests.project import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Claimed
    from tests.project import Onshore

STACK = "health-vaccination-api"
ESCAPE = "\x1b"


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, below in sorted(command.commands.items()):
            yield from _commands(below, (*path, name))


EVERY = dict(_commands(root_command))


@pytest.mark.parametrize("path", EVERY, ids=lambda path: "-".join(path) or "onshore")
def test_every_command_and_option_says_what_it_is_for(offline: Onshore, path: tuple[str, ...]) -> None:
    command = EVERY[path]
    done = offline(*path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert command.help
    assert " ".join(command.help.split())[:40] in " ".join(done.stdout.split())
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert all(option.opts[-1] in done.stdout for option in options)


def test_a_bare_command_shows_its_help_and_a_version_can_be_asked(offline: Onshore) -> None:
    bare = offline()
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr.startswith("Usage: onshore")
    version = offline("--version")
    assert version.returncode == 0
    assert re.fullmatch(r"onshore, version \d+\.\d+\.\d+\n", version.stdout)


MACHINE: dict[str, tuple[tuple[str, ...], int, type]] = {
    "register show": (("register", "show"), 0, dict),
    "register show on a day": (("register", "show", "--on", "2025-06-01"), 0, dict),
    "register validate": (("register", "validate"), 0, dict),
    "cluster status": (("cluster", "status"), 0, list),
    "doctor": (("doctor",), 0, list),
    "explain": (("explain", STACK), 0, dict),
    "explain a refusal": (("explain", "health-vaccination-abroad"), 3, dict),
    "up of what is refused": (("up", "health-vaccination-abroad", "--yes"), 3, dict),
    "preview": (("preview", STACK), 0, dict),
    "destroy of nothing": (("destroy", STACK, "--yes"), 2, dict),
    "stack list": (("stack", "list"), 0, list),
    "preview with every property": (("preview", STACK, "--diff"), 0, dict),
    "changes where none are expected": (("preview", STACK, "--expect-no-changes"), 1, dict),
}


@pytest.mark.parametrize("name", MACHINE)
def test_machine_output_is_one_document_and_people_get_words(claimed: Claimed, name: str) -> None:
    command, code, form = MACHINE[name]
    done = claimed.onshore(*command, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    assert isinstance(json.loads(done.stdout), form)
    words = claimed.onshore(*command)
    assert words.returncode == code, words.stdout + words.stderr
    shown = done.stdout + done.stderr + words.stdout + words.stderr
    assert ESCAPE not in shown
    assert "Traceback" not in shown
    assert TOKEN not in shown
    assert PHRASE not in shown


def test_the_register_is_shown_with_the_sites_of_each_provider(offline: Onshore) -> None:
    shown = offline("register", "show").stdout.split("\n\n")
    delta = next(part for part in shown if part.startswith("example-csp-delta "))
    assert re.search(r"^  site     xa-example-site-1: .+, XA$", delta, re.MULTILINE), delta
    providers = json.loads(offline("register", "show", "--json").stdout)["providers"]
    assert all({*site} == {"id", "city", "country"} for provider in providers for site in provider["sites"])
    assert sum(len(provider["sites"]) for provider in providers) > len(providers)


def test_a_preview_for_machines_lists_steps_and_findings(claimed: Claimed) -> None:
    document = json.loads(claimed.onshore("preview", STACK, "--json").stdout)
    assert document["changeSummary"] == {"create": len(document["steps"])}
    assert document["policyViolations"] == []
    explained = json.loads(claimed.onshore("explain", STACK, "--json").stdout)
    assert explained["monthly_cost_pkr"] == document["monthlyCost"]["difference"] > 0  # two ways to the same sum
    assert document["monthlyCost"]["notPriced"] == []
    assert (document["stack"], document["operation"], document["result"]) == (STACK, "preview", "succeeded")


def test_a_detailed_preview_shows_what_each_resource_will_be(claimed: Claimed) -> None:
    shown = claimed.onshore("preview", STACK, "--diff").stdout
    assert re.search(r"^ +\+ kubernetes:core/v1:Namespace: \(create\)\n +\[urn=urn:pulumi:", shown, re.MULTILINE), shown
    assert re.search(r'^ +pod-security.kubernetes.io/enforce *: "restricted"$', shown, re.MULTILINE), shown
    assert re.search(r"^ +kubeconfig *: \[secret\]$", shown, re.MULTILINE), shown
    assert TOKEN not in shown


def test_the_words_of_a_refusal_and_of_a_placement_name_the_candidates(offline: Onshore) -> None:
    placed = offline("explain", STACK)
    assert "example-csp-alpha-khi-1" in placed.stdout.splitlines()[0]
    refused = offline("explain", "health-vaccination-abroad")
    assert "RES-001" in refused.stdout
    assert "onshore:placement.region" in refused.stdout


def test_a_stack_can_be_asked_about_on_another_day(offline: Onshore) -> None:
    later = offline("explain", STACK, "--on", "2037-01-01", "--json")
    assert later.returncode == 3
    assert json.loads(later.stdout)["decision"] == "refused"
    check_words(offline("explain", STACK, "--on", "tomorrow"), 2, ["'tomorrow' does not match the format"])


def test_a_run_from_elsewhere_is_told_where_its_project_lies(offline: Onshore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    inside = offline("explain", STACK, "-C", str(offline.root / "stacks")).stdout
    offline_root, offline.root = offline.root, elsewhere
    check_words(offline("explain", STACK), 2, ["no Pulumi.yaml here or above", "use -C FOLDER"])
    assert offline("explain", STACK, "-C", str(offline_root)).stdout == inside


def test_doctor_with_nothing_configured_says_what_to_type(offline: Onshore, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    offline.root = tmp_path / "nothing"
    del offline.environment["PULUMI_CONFIG_PASSPHRASE"]
    done = offline("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    said = " ".join(done.stdout.split())
    assert "MISSING passphrase none export PULUMI_CONFIG_PASSPHRASE=" in said
    assert "MISSING project this is not a Pulumi project" in said
    findings: list[dict[str, Any]] = json.loads(offline("doctor", "--json").stdout)
    assert {finding["name"] for finding in findings if finding["needed"] and not finding["ok"]} == {
        "passphrase",
        "project",
    }
    assert all(finding["fix"] for finding in findings if not finding["ok"])


def test_doctor_names_the_line_of_a_project_that_cannot_be_used(offline: Onshore) -> None:
    offline.write("onshore.yaml", "register: inventories/registers/example\nprofil: pakistan-cloud-first-trial\n")
    done = offline("doctor")
    assert done.returncode == 1
    assert "onshore.yaml:2:profil" in done.stdout
    assert "did you mean `profile`?" in done.stdout


def test_help_loads_no_room() -> None:
    program = (
        "import sys; from cli.main import run; run(['--help']);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "cli" in loaded
    heavy = {"pulumi", "pulumi_kubernetes", "grpc", "rich", "pydantic", "yaml", "cryptography", "httpx", "lightkube"}
    assert loaded & (heavy | {"engine", "components", "policies", "sandbox", "inventories"}) == set()


def test_a_terminal_gets_a_live_tree_with_the_summary(claimed: Claimed) -> None:
    ours, theirs = pty.openpty()
    environment = {**claimed.onshore.environment, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "50"}
    run = subprocess.Popen(
        [*COMMAND, "preview", STACK],
        cwd=claimed.onshore.root,
        env={name: value for name, value in environment.items() if name not in {"NO_COLOR", "CI"}},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass  # Linux says so when the other end is closed
    finally:
        os.close(ours)
    text = shown.decode()
    assert run.wait(timeout=60) == 0, text
    assert ESCAPE in text
    assert "vaccination-api-deployment" in text
    assert "18 to create" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert TOKEN not in text


def test_the_preview_before_an_up_cannot_be_left_out(offline: Onshore) -> None:
    done = offline("up", "health-vaccination-api", "--yes", "--skip-preview")
    assert done.returncode == 2
    assert "--skip-preview" in done.stderr


@pytest.mark.parametrize(("refused", "code"), [(True, 3), (False, 2)])
def test_a_program_of_ones_own_that_catches_nothing_ends_in_words(offline: Onshore, refused: bool, code: int) -> None:
    offline.write("own/Pulumi.yaml", "name: own\nruntime: {name: python, options: {virtualenv: ../.venv}}\n")
    offline.write("own/Pulumi.dev.yaml", "config: {onshore:department: health-example, onshore:category: restricted}\n")
    raising = f"raise OnshoreError('the law is against it', [Fault('here', 'abroad')], refused={refused})"
    offline.write("own/__main__.py", f"import pulumi\nfrom inventories import Fault, OnshoreError\n{raising}\n")
    ended = offline("preview", "dev", "--cwd", "own")
    assert ended.returncode == code
    assert "the law is against it\n" in ended.stdout
    assert "here: abroad" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
