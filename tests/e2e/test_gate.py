"""On a real cluster: gated, up with the receipt, and the same receipt a second time is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.refusals import check_words

if TYPE_CHECKING:
    from tests.project import Onshore

STACK = "health-vaccination-api"


@pytest.mark.cluster
def test_a_receipt_takes_a_stack_up_once(onshore: Onshore) -> None:
    assert onshore("gate", "keygen", "gate.pem").returncode == 0
    settings = onshore.root / "onshore.yaml"
    settings.write_text(f"{settings.read_text('utf-8')}trusted_keys: [gate.pem.pub]\n", "utf-8")
    gated = onshore("gate", STACK, "--key", "gate.pem", "--receipt", "receipt.json")
    assert gated.returncode == 0, gated.stdout + gated.stderr
    up = onshore("up", STACK, "--yes", "--receipt", "receipt.json")
    assert up.returncode == 0, up.stdout + up.stderr
    again = onshore("up", STACK, "--yes", "--receipt", "receipt.json")
    check_words(again, 3, ["state: digest", "somebody ran the stack since"])

    # nothing to do is done once, too; and what was made and destroyed is not made again by what allowed it then
    unused = onshore("gate", STACK, "--key", "gate.pem", "--receipt", "unused.json")
    assert unused.returncode == 0, unused.stdout + unused.stderr
    for code in (0, 3):
        assert onshore("up", STACK, "--yes", "--receipt", "unused.json").returncode == code
    assert onshore("destroy", STACK, "--yes").returncode == 0
    for words in (("up", STACK, "--yes", "--receipt", "receipt.json"), ("receipt", "verify", "receipt.json")):
        check_words(onshore(*words), 3, ["state: saved", "gated never", "somebody ran the stack since"])
