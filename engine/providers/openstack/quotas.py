"""Quotas of a project: they always exist; making one sets it, deleting it gives the cloud's defaults back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.providers.openstack.calls import Call, Made
from engine.providers.openstack.cloud import ApiError
from engine.providers.openstack.plain import snake

if TYPE_CHECKING:
    from engine.providers.openstack.kinds import Service
    from engine.providers.openstack.shapes import Object

_NOT_SENT: Final = frozenset({"projectId", "region", "volumeTypeQuota"})


@dataclass(frozen=True, slots=True)
class Quotas:
    """One service's; the id is `project/region`."""

    service: Service
    path: str
    key: str

    def create(self, call: Call) -> Made:
        """Set what is asked for; the rest stays as it is."""
        project = str(call.inputs["projectId"])
        self._set(call, project)
        return Made(f"{project}/{call.region}", self._outputs(call, project))

    def read(self, call: Call) -> Made | None:
        """As it is in the cloud."""
        project = call.id.partition("/")[0]
        try:
            return Made(call.id, self._outputs(call, project))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def update(self, call: Call) -> Made:
        """Set what differs."""
        project = call.id.partition("/")[0]
        self._set(call, project)
        return Made(call.id, self._outputs(call, project))

    def delete(self, call: Call) -> None:
        """Back to the defaults."""
        try:
            call.cloud.call(self.service, "DELETE", f"{self.path}/{call.id.partition('/')[0]}")
        except ApiError as error:
            if error.code != 404:
                raise

    def _set(self, call: Call, project: str) -> None:
        body: Object = {
            snake(name): value for name, value in call.inputs.items() if name not in _NOT_SENT and value is not None
        }
        body |= {key: int(value) for key, value in (call.inputs.get("volumeTypeQuota") or {}).items()}
        call.cloud.call(self.service, "PUT", f"{self.path}/{project}", {self.key: body})

    def _outputs(self, call: Call, project: str) -> dict[str, Any]:
        live = call.cloud.call(self.service, "GET", f"{self.path}/{project}").document[self.key]
        told = {name: live[snake(name)] for name in call.facts.inputs if snake(name) in live and name not in _NOT_SENT}
        typed = {**call.olds, **call.inputs}.get("volumeTypeQuota")
        if typed:
            told["volumeTypeQuota"] = {key: str(live[key]) for key in typed if key in live}
        return told | {"projectId": project, "region": call.region}
