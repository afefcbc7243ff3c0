"""EXP-001 for a kind that is no part of Kubernetes: the Gateway API, as a bare definition of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inventories.labels import CATEGORY_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.admission.conftest import Server

pytestmark = pytest.mark.cluster
_GROUP = "gateway.networking.k8s.io"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="module")
def gateways(server: Server) -> Iterator[Any]:
    """`gateways(category, class)`: the answer to the creation of a Gateway in a namespace of that category."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "metadata": {
            "name": f"gateways.{_GROUP}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests only"},
        },
        "spec": {
            "group": _GROUP,
            "scope": "Namespaced",
            "names": {"plural": "gateways", "singular": "gateway", "kind": "Gateway"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    server.client.request("POST", _DEFINITIONS, definition)

    def create(home: str, name: str | None) -> Any:
        spec = {"gatewayClassName": name} if name else {}
        space = f"{server.mark}-{home}"
        metadata = {"name": "it", "namespace": space, "labels": {CATEGORY_LABEL: home}}
        body = {"apiVersion": f"{_GROUP}/v1", "kind": "Gateway", "metadata": metadata, "spec": spec}
        return server.ask("POST", f"/apis/{_GROUP}/v1/namespaces/{space}/gateways", body)

    try:
        server.until_served(f"/apis/{_GROUP}/v1/gateways")
        yield create
    finally:
        server.client.request("DELETE", f"{_DEFINITIONS}/gateways.{_GROUP}")


def test_a_gateway_of_internal_data_is_of_the_internal_class(gateways: Any) -> None:
    assert gateways("restricted", "internal").code == 201
    assert gateways("restricted", "public").rules == {"EXP-001"}
    assert gateways("restricted", None).rules == {"EXP-001"}
    assert gateways("open", "public").code == 201
    assert "CAT-001" in gateways("none", "internal").rules
