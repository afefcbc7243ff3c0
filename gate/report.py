"""A receipt in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gate.plan import digest_of, plan_digest
from gate.receipt import moment
from gate.wording import shown

if TYPE_CHECKING:
    from gate.envelope import Opened


def told(opened: Opened) -> str:
    """What a receipt says, for people; nothing in it can steer a terminal."""
    receipt, coverage = opened.receipt, opened.receipt.coverage
    kinds = ", ".join(f"{count} {shown(op)}" for op, count in sorted(Counter(o.op for o in receipt.operations).items()))
    rules = f"{len(coverage.rules)} rules"
    lines = [
        f"Receipt of {shown(receipt.name)}",
        f"  gated    {moment(receipt.gated_at)}, holds until {moment(receipt.expires_at)}",
        f"  key      {shown(opened.key_id)}",
        f"  claimed  {'; '.join(f'{shown(key)}: {shown(value)}' for key, value in receipt.by.items())}",
        f"  judged   {coverage.registered} resources by {shown(coverage.pack)} {shown(coverage.pack_version)}, {rules}",
        f"  plan     {kinds} ({plan_digest(receipt.operations)[:12]})",
    ]
    lines += [f"  read     {shown(urn)} (no engine shows what is only read to a policy)" for urn in coverage.reads]
    lines += [f"  waived   {one.rule} by {shown(one.waiver) or 'a waiver'}: {shown(one.urn)}" for one in receipt.waived]
    lines += [f"  advice   {one.rule}, which does not bind yet: {shown(one.urn)}" for one in receipt.advised]
    lines.append("  bound to")
    for group, parts in receipt.materials.items():
        facts = [f"{shown(name)} {shown(value)}" for name, value in parts.items() if len(value) != 64]
        files = sum(len(value) == 64 for value in parts.values())
        counted = [f"{files} digests"] if files else []
        line = ", ".join([*facts, *counted]) or "nothing"
        lines.append(f"    {shown(group):<14} {digest_of(parts)[:12]}  {line}")
    return "\n".join(lines)
