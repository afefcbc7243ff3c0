"""A secret whose content is not known is never taken for lawful where the law looks, and nobody minds it elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from policies.checks.network_default_deny import _narrows
from policies.checks.opaque_step import _remote
from policies.objects import read_objects
from policies.resource_types import KubeKind
from policies.values import MALFORMED, SEALED, UNKNOWN


@pytest.mark.parametrize("value", [SEALED, MALFORMED, UNKNOWN])
def test_what_cannot_be_read_is_not_held_for_local_or_for_a_selector_of_everything(value: Any) -> None:
    assert _remote({"password": value}) is value
    assert _narrows(value)
    assert _remote({"password": "word"}) is None
    assert not _narrows({})


@pytest.mark.parametrize("value", [SEALED, UNKNOWN])
def test_a_sealed_part_of_a_workload_is_named_as_what_it_is(value: Any) -> None:
    kind = KubeKind("v1", "Pod", namespaced=True)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": value}}
    (fault,) = read_objects(pod, kind)[1]
    assert (fault.path, fault.got) == ("spec.containers", value)
    assert read_objects({**pod, "spec": {"containers": [{"env": value}]}}, kind)[1] == ()
