"""Who may change what the policies go by: the platform's people, by whatever way a policy is asked about.

The API server asks no policy about admission policies and their bindings: those are the cluster's RBAC's to guard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admission.cel import PLATFORM, Ruling, text
from admission.parameters import DEFINITION, GROUP, PLURAL

if TYPE_CHECKING:
    from collections.abc import Iterator

_CRD, _APISERVICE = "CustomResourceDefinition", "APIService"
# An APIService of the group would have its objects read from elsewhere.
_RESOURCES: Final = {
    GROUP: (PLURAL,),
    "apiextensions.k8s.io": ("customresourcedefinitions", "customresourcedefinitions/status"),
    "apiregistration.k8s.io": ("apiservices", "apiservices/status"),
}


def rulings() -> Iterator[Ruling]:
    """The parameters, the kind they are of, and the service that serves it."""
    said = "request.kind.kind + ' ' + variables.name + ': changed by ' + request.userInfo.username + ', allowed by the platform only'"  # noqa: E501 - one CEL expression
    ours = (
        f"request.kind.group == {text(GROUP)}"
        f" || request.kind.kind == '{_CRD}' && variables.name == {text(DEFINITION)}"
        f" || request.kind.kind == '{_APISERVICE}' && variables.name.endsWith({text('.' + GROUP)})"
    )
    yield Ruling(
        "parameters",
        "ACC-004",
        _RESOURCES,
        f"{PLATFORM} || !({ours}) ? [] : [{said}]",
        {"name": "(request.operation == 'DELETE' ? oldObject : object).metadata.name"},
        exempt=(),
        when="true",
        operations=("CREATE", "UPDATE", "DELETE"),
        always=True,
    )
