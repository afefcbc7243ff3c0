"""ACC-002: the accreditation covers Kubernetes and the cluster's deployment model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """What lies outside the scope is not accredited."""
    for target in subject.targets:
        scope = target.provider.accreditation.scope
        for what, used, covered in (
            ("service kind", target.service, scope.service_kinds),
            ("deployment model", target.cluster.deployment_model, scope.deployment_models),
        ):
            if used and used not in covered:
                allowed = f"a {what} in the scope of {target.provider.id}: {', '.join(sorted(covered)) or 'none'}"
                yield Violation(f"{target.path} ({what})", used, allowed, public=True)
