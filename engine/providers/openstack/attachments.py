"""What joins two resources: volumes and ports on instances, subnets on routers, floating IPs on ports."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError
from engine.providers.openstack.calls import Call, Made
from engine.providers.openstack.cloud import ApiError, LostError
from engine.providers.openstack.kinds import FLOATING_IP, KINDS, PORT, VOLUME
from engine.providers.openstack.wait import Picture, until_let_go, wait_for

if TYPE_CHECKING:
    from engine.providers.openstack.shapes import Object

_TIMEOUT_S: Final = 600.0
_IN_USE_S: Final = 120.0
_TAGGED, _MULTIATTACH = "2.49", "2.60"


def _pair(id_: str, what: str) -> tuple[str, str]:
    first, slash, second = id_.partition("/")
    if not slash or not first or not second:
        raise ProviderError(f"the id of {what} is INSTANCE/ATTACHMENT, got {id_!r}")
    return first, second


def _gone_is_done(call: Call, *request: Any) -> None:
    try:
        call.cloud.call(*request)
    except ApiError as error:
        if error.code != 404:
            raise


class VolumeAttachments:
    """A volume on an instance; its id is `instance/attachment`, which is the volume's."""

    def create(self, call: Call) -> Made:
        """Attach it and wait until both sides say so."""
        server, volume = call.inputs["instanceId"], call.inputs["volumeId"]
        path = f"/servers/{server}/os-volume_attachments"
        body = {key: call.inputs[key] for key in ("volumeId", "device", "tag") if call.inputs.get(key)}
        version = _MULTIATTACH if call.inputs.get("multiattach") else _TAGGED if "tag" in body else ""
        found = self._found(call, server, volume) if call.resource.interrupted is not None else None
        if found is None:
            try:
                answer = call.cloud.call("compute", "POST", path, {"volumeAttachment": body}, microversion=version)
                found = answer.document["volumeAttachment"]
            except LostError:
                found = self._found(call, server, volume)
                if found is None:
                    raise
        id_ = f"{server}/{volume}"
        try:
            if not (call.inputs.get("vendorOptions") or {}).get("ignoreVolumeConfirmation"):
                self._until(call, server, volume, attached=True)
        except ProviderError as error:
            return Made(id_, self._outputs(call, server, volume, found), failure=error.message)
        call.cloud.lists.forget(KINDS[VOLUME], volume)
        return Made(id_, self._outputs(call, server, volume, found))

    def read(self, call: Call) -> Made | None:
        """As the volume tells it."""
        server, volume = _pair(call.id, "a volume attachment")
        live = call.cloud.lists.read(KINDS[VOLUME], volume)
        found = next((each for each in (live or {}).get("attachments") or [] if each.get("server_id") == server), None)
        return None if found is None else Made(call.id, self._outputs(call, server, volume, found))

    def update(self, call: Call) -> Made:
        """Nothing of it changes in place: what the last run did not see end may have ended."""
        server, volume = _pair(call.id, "a volume attachment")
        self._until(call, server, volume, attached=True)
        found = self._found(call, server, volume) or {}
        return Made(call.id, self._outputs(call, server, volume, found))

    def delete(self, call: Call) -> None:
        """Detach it and wait until the volume is free."""
        server, volume = _pair(call.id, "a volume attachment")
        _gone_is_done(call, "compute", "DELETE", f"/servers/{server}/os-volume_attachments/{volume}")
        self._until(call, server, volume, attached=False)
        call.cloud.lists.forget(KINDS[VOLUME], volume)

    def _found(self, call: Call, server: str, volume: str) -> Object | None:
        try:
            answer = call.cloud.call("compute", "GET", f"/servers/{server}/os-volume_attachments")
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        listed = answer.document["volumeAttachments"]
        return next((each for each in listed if each.get("volumeId") == volume), None)

    def _outputs(self, call: Call, server: str, volume: str, found: Object) -> dict[str, Any]:
        kept = {key: value for key, value in {**call.olds, **call.inputs}.items() if key in call.facts.inputs}
        device = found.get("device") or kept.get("device") or ""
        return kept | {"instanceId": server, "volumeId": volume, "device": device, "region": call.region}

    def _until(self, call: Call, server: str, volume: str, *, attached: bool) -> None:
        def judge(live: Object | None) -> Picture:
            if live is None:
                return Picture("is gone", ready=not attached, failed=attached)
            status = str(live.get("status"))
            here = any(each.get("server_id") == server for each in live.get("attachments") or [])
            if attached:
                return Picture(f"is {status}", ready=here and status == "in-use", failed=status.startswith("error"))
            return Picture(f"is {status}", ready=not here and status != "detaching", failed=status == "error_detaching")

        look = lambda: call.cloud.get(KINDS[VOLUME], volume)  # noqa: E731 - what is looked at
        what, timeout = f"the volume {volume}", call.timeout_s(_TIMEOUT_S)
        wait_for(call.cloud, call.resource.urn, what, look, judge, timeout_s=timeout)


class InterfaceAttachments:
    """A port on an instance that runs; its id is `instance/port`."""

    def create(self, call: Call) -> Made:
        """Attach it."""
        server = call.inputs["instanceId"]
        path = f"/servers/{server}/os-interface"
        body: Object = {}
        if call.inputs.get("portId"):
            body["port_id"] = call.inputs["portId"]
        else:
            body["net_id"] = call.inputs["networkId"]
        if call.inputs.get("fixedIp"):
            body["fixed_ips"] = [{"ip_address": call.inputs["fixedIp"]}]
        found = None
        if call.resource.interrupted is not None and "port_id" in body:
            found = self._found(call, server, body["port_id"])
        if found is None:
            answer = call.cloud.call("compute", "POST", path, {"interfaceAttachment": body})
            found = answer.document["interfaceAttachment"]
        return Made(f"{server}/{found['port_id']}", self._outputs(call, server, found))

    def read(self, call: Call) -> Made | None:
        """As it is in the cloud."""
        server, port = _pair(call.id, "an interface attachment")
        found = self._found(call, server, port)
        return None if found is None else Made(call.id, self._outputs(call, server, found))

    def update(self, call: Call) -> Made:
        """Nothing of it changes in place."""
        made = self.read(call)
        if made is None:
            raise ProviderError(f"the interface {call.id} is gone: refresh, and it is attached again")
        return made

    def delete(self, call: Call) -> None:
        """Detach it and wait until it is off."""
        server, port = _pair(call.id, "an interface attachment")
        _gone_is_done(call, "compute", "DELETE", f"/servers/{server}/os-interface/{port}")

        def judge(live: Object | None) -> Picture:
            return Picture("is still attached", ready=live is None)

        look = lambda: self._found(call, server, port)  # noqa: E731 - what is looked at
        what, timeout = f"the port {port}", call.timeout_s(_TIMEOUT_S)
        wait_for(call.cloud, call.resource.urn, what, look, judge, timeout_s=timeout)

    def _found(self, call: Call, server: str, port: str) -> Object | None:
        try:
            found: Object = call.cloud.call("compute", "GET", f"/servers/{server}/os-interface/{port}").document
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        return dict(found["interfaceAttachment"])

    def _outputs(self, call: Call, server: str, found: Object) -> dict[str, Any]:
        addresses = found.get("fixed_ips") or [{}]
        return {
            "instanceId": server,
            "portId": found["port_id"],
            "networkId": found.get("net_id") or "",
            "fixedIp": addresses[0].get("ip_address") or "",
            "region": call.region,
        }


class RouterInterfaces:
    """A subnet or a port on a router; its id is the port's. One router takes one interface at a time."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def create(self, call: Call) -> Made:
        """Add it."""
        router, subnet = call.inputs["routerId"], call.inputs.get("subnetId")
        body = {"port_id": call.inputs["portId"]} if call.inputs.get("portId") else {"subnet_id": subnet}
        port = ""
        with self._locks[router]:
            if call.resource.interrupted is not None:
                port = self._found(call, router, body)
            if not port:
                path = f"/routers/{router}/add_router_interface"
                try:
                    port = str(call.cloud.call("network", "PUT", path, body, once=True).document["port_id"])
                except LostError:
                    port = self._found(call, router, body)
                    if not port:
                        raise
        call.cloud.lists.forget(KINDS[PORT], port)
        given = {key: call.inputs[key] for key in ("subnetId", "forceDestroy") if key in call.inputs}
        live = {} if subnet else call.cloud.get(KINDS[PORT], port) or {}
        return Made(port, self._outputs(call, port, router, live) | given)

    def read(self, call: Call) -> Made | None:
        """As its port tells it."""
        live = call.cloud.lists.read(KINDS[PORT], call.id)
        if live is None:
            return None
        kept = {key: value for key, value in {**call.olds, **call.inputs}.items() if key == "forceDestroy"}
        return Made(call.id, kept | self._outputs(call, call.id, str(live.get("device_id") or ""), live))

    def update(self, call: Call) -> Made:
        """Only how it is to be deleted changes in place."""
        given = {key: call.inputs[key] for key in ("forceDestroy",) if key in call.inputs}
        return Made(call.id, {**call.olds, **given})

    def delete(self, call: Call) -> None:
        """Take it off, as soon as nothing needs it."""
        router = str(call.olds.get("routerId") or "")

        def take() -> None:
            with self._locks[router]:
                call.cloud.call("network", "PUT", f"/routers/{router}/remove_router_interface", {"port_id": call.id})

        what, timeout = f"the interface {call.id} of the router {router}", call.timeout_s(_IN_USE_S)
        until_let_go(call.cloud, call.resource.urn, what, take, "cannot be taken off yet", timeout_s=timeout)
        call.cloud.lists.forget(KINDS[PORT], call.id)

    def _found(self, call: Call, router: str, body: Object) -> str:
        ports = call.cloud.call("network", "GET", "/ports", query={"device_id": router}).document["ports"]
        for each in ports:
            subnets = [fixed.get("subnet_id") for fixed in each.get("fixed_ips") or []]
            if each["id"] == body.get("port_id") or body.get("subnet_id") in subnets:
                return str(each["id"])
        return ""

    def _outputs(self, call: Call, port: str, router: str, live: Object) -> dict[str, Any]:
        subnets = [fixed.get("subnet_id") for fixed in live.get("fixed_ips") or []]
        told = {"subnetId": subnets[0]} if len(subnets) == 1 else {}
        return told | {"routerId": router, "portId": port, "region": call.region}


class FloatingIpAssociations:
    """A floating IP, named by its address, on a port; its id is the floating IP's."""

    def create(self, call: Call) -> Made:
        """Point it at the port; doing so twice is doing it once."""
        address = call.inputs["floatingIp"]
        query = {"floating_ip_address": address}
        found = call.cloud.call("network", "GET", "/floatingips", query=query).document["floatingips"]
        if not found:
            raise ProviderError(f"this project has no floating IP {address}")
        return self._point(call, str(found[0]["id"]))

    def read(self, call: Call) -> Made | None:
        """As it is in the cloud."""
        live = call.cloud.lists.read(KINDS[FLOATING_IP], call.id)
        return None if live is None else Made(call.id, self._outputs(call, live))

    def update(self, call: Call) -> Made:
        """Point it somewhere else."""
        return self._point(call, call.id)

    def delete(self, call: Call) -> None:
        """Point it nowhere."""
        _gone_is_done(call, "network", "PUT", f"/floatingips/{call.id}", {"floatingip": {"port_id": None}})
        call.cloud.lists.forget(KINDS[FLOATING_IP], call.id)

    def _point(self, call: Call, id_: str) -> Made:
        body = {"port_id": call.inputs["portId"]}
        if call.inputs.get("fixedIp"):
            body["fixed_ip_address"] = call.inputs["fixedIp"]
        live = call.cloud.call("network", "PUT", f"/floatingips/{id_}", {"floatingip": body}).document["floatingip"]
        call.cloud.lists.forget(KINDS[FLOATING_IP], id_)
        return Made(id_, self._outputs(call, live))

    def _outputs(self, call: Call, live: Object) -> dict[str, Any]:
        return {
            "floatingIp": live.get("floating_ip_address") or "",
            "portId": live.get("port_id") or "",
            "fixedIp": live.get("fixed_ip_address") or "",
            "region": call.region,
        }
