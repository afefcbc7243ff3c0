"""A kubeconfig that leads elsewhere, or that others decide about: exit 3, every reason, before an engine starts."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.secrets import PassphraseSecrets
from tests.cli.conftest import TOKEN, authority, pem_data
from tests.cli.refusals import PHRASE, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Claimed

STACK = "health-vaccination-api"
UP = ("up", STACK, "--yes")


def _two_contexts(config: dict[str, Any]) -> None:
    config["contexts"].append({**copy.deepcopy(config["contexts"][0]), "name": "other"})


def _no_tls(config: dict[str, Any]) -> None:
    config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True


def _plugin(config: dict[str, Any]) -> None:
    config["users"][0]["user"]["exec"] = {"command": "example-login", "args": [TOKEN]}


def _other_authority(config: dict[str, Any]) -> None:
    config["clusters"][0]["cluster"]["certificate-authority-data"] = pem_data(authority())


def _all_at_once(config: dict[str, Any]) -> None:
    for spoil in (_two_contexts, _no_tls, _plugin, _other_authority):
        spoil(config)
    config["clusters"][0]["cluster"]["server"] = "https://192.0.2.1:6443"


CASES: dict[str, tuple[Callable[[dict[str, Any]], None], int, list[str]]] = {
    "two contexts": (_two_contexts, 1, ["contexts: 2 of them, not one", "--minify"]),
    "insecure-skip-tls-verify": (_no_tls, 1, ["insecure-skip-tls-verify", "whoever answers would be believed"]),
    "an exec plugin": (_plugin, 1, ["users[0].user.exec", "use a service account's token or a client certificate"]),
    "another authority": (_other_authority, 1, ["another certificate authority", "the register must say so first"]),
    "all at once": (
        _all_at_once,
        5,
        [
            "contexts: 2 of them",
            "insecure-skip-tls-verify",
            "user.exec",
            "another server",
            "another certificate authority",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_kubeconfig_that_does_not_lead_to_the_registers_cluster_is_refused(claimed: Claimed, name: str) -> None:
    spoil, faults, says = CASES[name]
    spoil(claimed.kubeconfig)
    claimed.save()
    where = ".onshore/kubeconfigs/example-csp-alpha-khi-1.yaml"
    refuse(claimed.onshore, *UP, code=3, says=[*says, where], faults=faults, secrets=[TOKEN, PHRASE])
    assert not (claimed.onshore.root / ".onshore" / "state").exists()


def test_a_kubeconfig_that_is_not_yaml_is_refused_without_showing_a_line_of_it(claimed: Claimed) -> None:
    claimed.onshore.write(".onshore/kubeconfigs/example-csp-alpha-khi-1.yaml", f"users: [{TOKEN}: [\n")
    refuse(claimed.onshore, *UP, code=3, says=["example-csp-alpha-khi-1.yaml:2: not YAML"], secrets=[TOKEN, PHRASE])


def test_a_stacks_own_secret_kubeconfig_is_judged_too(claimed: Claimed) -> None:
    _no_tls(claimed.kubeconfig)
    secrets = PassphraseSecrets.create(PHRASE)
    file = claimed.onshore.root / "stacks" / f"Pulumi.{STACK}.yaml"
    data = yaml.safe_load(file.read_text("utf-8"))
    data["encryptionsalt"] = secrets.salt
    data["config"]["onshore:kubeconfig"] = {"secure": secrets.encrypt(yaml.safe_dump(claimed.kubeconfig))}
    file.write_text(yaml.safe_dump(data), "utf-8")
    refuse(claimed.onshore, *UP, code=3, says=["onshore:kubeconfig:clusters[0].cluster"], secrets=[TOKEN, PHRASE])
    refuse(
        claimed.onshore,
        *UP,
        code=2,
        says=["incorrect passphrase"],
        secrets=["something else"],
        PULUMI_CONFIG_PASSPHRASE="something else",  # noqa: S106 - it opens nothing
    )
