"""How long a receipt holds and for what, and what is no receipt of the gate however well it is signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from gate.comparison import material_faults, place_faults
from gate.plan import PlannedOperation
from gate.receipt import Coverage, Receipt, age_faults, as_statement, from_statement
from inventories import OnshoreError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RECEIPT = Receipt(
    project="p",
    stack="s",
    gated_at=NOW,
    expires_at=NOW + timedelta(hours=24),
    by={"user": "example"},
    materials={"engine": {"engine": "embedded"}},
    coverage=Coverage(pack="onshore", pack_version="0.1.0", rules=("RES-001",), registered=1),
    operations=(PlannedOperation(op="create", urn="urn:pulumi:s::p::t:i:T::one"),),
)


@pytest.mark.parametrize(
    ("hours", "longest", "says"),
    [(0, 24, ""), (23, 24, ""), (24, 24, "expired"), (-1, 24, "not valid yet"), (1, 23, "lives too long")],
)
def test_a_receipt_holds_from_its_gate_to_its_end(hours, longest, says):
    faults = age_faults(RECEIPT, NOW + timedelta(hours=hours), longest_hours=longest, stack="s")
    assert [fault.what for fault in faults] == ([says] if says else [])


def test_a_receipt_is_for_one_stack_and_one_engine():
    assert place_faults(RECEIPT, "p", "s") == []
    assert len(place_faults(RECEIPT, "q", "t")) == 2
    faults = material_faults(RECEIPT.materials, {"engine": {"engine": "pulumi"}})
    assert [fault.got for fault in faults] == ["pulumi, gated embedded"]


def test_a_statement_comes_back_and_any_other_is_refused():
    assert from_statement(as_statement(RECEIPT)) == RECEIPT
    for change in ({"_type": "x"}, {"predicateType": "x"}, {"subject": []}, {"predicate": {}}):
        document = json.loads(as_statement(RECEIPT)) | change
        with pytest.raises(OnshoreError) as raised:
            from_statement(json.dumps(document).encode())
        assert raised.value.refused
    document = json.loads(as_statement(RECEIPT))
    document["predicate"]["operations"][0]["op"] = "update"
    with pytest.raises(OnshoreError, match="its subject is not the plan it holds"):
        from_statement(json.dumps(document).encode())
