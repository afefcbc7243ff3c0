"""ACC-004: the register is in force, and a production profile rests on real records only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """Judged where a placement rests on the register."""
    register, profile, on = subject.facts.register, subject.facts.profile, subject.facts.on
    for target in subject.targets:
        if not register.issued_on <= on <= register.expires_on:
            got = f"issue {register.version}, in force {register.issued_on} to {register.expires_on}"
            yield Violation(f"{target.path} (register)", got, f"a register in force on {on}", public=True)
        if profile.production:
            records: tuple[tuple[str, Any], ...] = (
                ("register", register),
                ("provider", target.provider),
                ("cluster", target.cluster),
                ("host", target.host),
                ("department", register.department(subject.stack.department)),
            )
            for name, record in records:
                if record is not None and getattr(record, "fictional", False):
                    got = f"the fictional {name} {record.id}"
                    yield Violation(
                        f"{target.path} ({name})", got, f"real records under profile {profile.id}", public=True
                    )
