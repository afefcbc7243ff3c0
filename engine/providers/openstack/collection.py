"""Objects of a collection: networks and what is in them, key pairs, server groups; the general case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError
from engine.providers.openstack.calls import Call, Made
from engine.providers.openstack.cloud import ApiError, LostError
from engine.providers.openstack.kinds import (
    FLOATING_IP,
    KEYPAIR,
    KINDS,
    ROUTER,
    SEC_GROUP,
    SEC_GROUP_RULE,
    SERVER_GROUP,
)
from engine.providers.openstack.marks import is_mark, marked, needs_tag
from engine.providers.openstack.plain import plain, snake
from engine.providers.openstack.shapes import body_of, gateway_of, outputs_of
from engine.providers.openstack.wait import Picture, until_let_go, wait_for

if TYPE_CHECKING:
    from engine.providers.openstack.kinds import Kind
    from engine.providers.openstack.shapes import Object

_TIMEOUT_S: Final = 600.0
_IN_USE_S: Final = 120.0  # others let go of it meanwhile, or never
_ATTEMPTS: Final = 4
_PAUSE_S: Final = 1.0
_BUILDING: Final = ("BUILD", "PENDING_CREATE", "PENDING_UPDATE")
_GROUP_WITH_RULES: Final = "2.64"
_GROUP: Final = "2.15"


class Collection:
    """One kind that needs no waiting to speak of."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._kind = KINDS[token]

    def create(self, call: Call) -> Made:
        """Make it, or take over what an interrupted run made; then what only works on an object that is there."""
        body = self._body(call)
        found = earlier(call, self._kind)
        if found is None and call.resource.interrupted is not None:
            found = self._unmarked(call, body)
        fresh = found is None
        obj = found if found is not None else self._post(call, body)
        try:
            obj = self._complete(call, obj, body)
            obj = self._settled(call, obj)
        except ProviderError as error:
            return Made(self._id(obj), self._outputs(call, obj), failure=error.message)
        return Made(self._id(obj), self._outputs(call, obj), taken_over=not fresh)

    def read(self, call: Call) -> Made | None:
        """As it is in the cloud."""
        obj = call.cloud.lists.read(self._kind, call.id)
        return None if obj is None else Made(self._id(obj), self._outputs(call, obj))

    def update(self, call: Call) -> Made:
        """Change what differs."""
        kind, cloud = self._kind, call.cloud
        body = body_of(call.facts, kind, call.inputs, call.changed)
        if body:
            path = f"{kind.path}/{call.id}"
            cloud.call(kind.service, "PUT", path, {kind.one: body}, microversion=kind.microversion)
        if "tags" in call.changed:
            old = set(call.olds.get("tags") or [])
            others = [tag for tag in call.olds.get("allTags") or [] if tag not in old]
            self._tag(call, call.id, [*others, *(call.inputs.get("tags") or [])])
        cloud.lists.forget(kind, call.id)
        obj = cloud.get(kind, call.id)
        if obj is None:
            raise ProviderError(f"the {kind.what} {call.id} is gone: refresh, and it is made again")
        obj = self._settled(call, obj)
        return Made(call.id, self._outputs(call, obj))

    def delete(self, call: Call) -> None:
        """Delete it, as soon as nothing uses it."""
        kind, path = self._kind, f"{self._kind.path}/{call.id}"

        def take() -> None:
            call.cloud.call(kind.service, "DELETE", path, microversion=kind.microversion)

        what, timeout = f"the {kind.what} {call.id}", call.timeout_s(_IN_USE_S)
        until_let_go(call.cloud, call.resource.urn, what, take, "cannot be deleted yet", timeout_s=timeout)
        call.cloud.lists.forget(kind, call.id)

    # ------------------------------------------------------------ its parts

    def _id(self, obj: Object) -> str:
        return str(obj["name" if self._kind.by_name else "id"])

    def _body(self, call: Call) -> Object:
        body = body_of(call.facts, self._kind, call.inputs)
        if self._token == FLOATING_IP:
            body["floating_network_id"] = _pool(call)
        if self._token == SERVER_GROUP:
            policy = body.pop("policies", None)
            body["policies"] = [policy] if policy else []
            if call.inputs.get("rules"):
                limit = call.inputs["rules"].get("maxServerPerHost")
                body |= {"policy": policy, "rules": {"max_server_per_host": limit}}
                del body["policies"]
        return body

    def _microversion(self, body: Object) -> str:
        if self._token == SERVER_GROUP:
            return _GROUP_WITH_RULES if "rules" in body else _GROUP
        return self._kind.microversion

    def _post(self, call: Call, body: Object) -> Object:
        if self._token == FLOATING_IP and call.inputs.get("subnetIds"):
            return self._first_with_room(call, body)
        return post(call, self._kind, body, self._microversion(body))

    def _first_with_room(self, call: Call, body: Object) -> Object:
        refused = ""
        for subnet in call.inputs["subnetIds"]:
            try:
                return post(call, self._kind, {**body, "subnet_id": subnet}, "")
            except ApiError as error:
                if error.code != 409:
                    raise
                refused = error.message
        raise ProviderError(f"none of the {len(call.inputs['subnetIds'])} subnets has room: {refused}")

    def _complete(self, call: Call, obj: Object, body: Object) -> Object:
        """Tags, and what a creation cannot say."""
        cloud, kind, id_ = call.cloud, self._kind, self._id(obj)
        tags = list(call.inputs.get("tags") or [])
        if needs_tag(kind.mark, marked(kind.mark, body, call.mark), call.mark):
            tags.append(call.mark)
        if tags:
            self._tag(call, id_, tags)
            obj = {**obj, "tags": tags}
        if self._token == SEC_GROUP and call.inputs.get("deleteDefaultRules"):
            rules = KINDS[SEC_GROUP_RULE].path
            for rule in obj.get("security_group_rules") or []:
                cloud.call("network", "DELETE", f"{rules}/{rule['id']}")
        later = (call.inputs.get("vendorOptions") or {}).get("setRouterGatewayAfterCreate")
        if self._token == ROUTER and later and call.inputs.get("externalNetworkId"):
            gateway = {"router": {"external_gateway_info": gateway_of(call.inputs)}}
            obj = cloud.call("network", "PUT", f"{kind.path}/{id_}", gateway).document["router"]
        return obj

    def _settled(self, call: Call, obj: Object) -> Object:
        if obj.get("status") not in _BUILDING:
            return obj

        def judge(live: Object | None) -> Picture:
            status = str((live or {}).get("status") or "gone")
            return Picture(f"is {status}", ready=status not in (*_BUILDING, "gone"), failed=status == "gone")

        what = f"the {self._kind.what} {call.resource.name}"
        id_, timeout = self._id(obj), call.timeout_s(_TIMEOUT_S)
        urn = call.resource.urn
        return wait_for(call.cloud, urn, what, lambda: call.cloud.get(self._kind, id_), judge, timeout_s=timeout)

    def _tag(self, call: Call, id_: str, tags: list[str]) -> None:
        call.cloud.call(self._kind.service, "PUT", f"{self._kind.path}/{id_}/tags", {"tags": sorted(set(tags))})

    def _outputs(self, call: Call, obj: Object) -> dict[str, Any]:
        if self._token == FLOATING_IP and (network := obj.get("floating_network_id")):
            obj = {**obj, "pool_name": call.cloud.detail("network", f"/networks/{network}", "network").get("name")}
        if self._token == SERVER_GROUP:
            policies = obj.get("policies") or [obj.get("policy") or ""]
            obj = {**obj, "policies": policies[0]}
        kept = {**call.olds, **call.inputs}
        if self._token == KEYPAIR and obj.get("private_key"):
            kept["privateKey"] = obj["private_key"]
        return outputs_of(call.facts, self._kind, obj, kept, call.region)

    def _unmarked(self, call: Call, body: Object) -> Object | None:
        """What carries no mark is known by what it is: the same rule, or the name an interrupted run had made up."""
        listed = call.cloud.list(self._kind)
        if self._kind.mark:
            return self._before_its_tag(call, listed)
        if self._token == SEC_GROUP_RULE:
            return next((each for each in listed if all(_alike(each.get(k), v) for k, v in body.items())), None)
        name = plain(call.resource.interrupted or {}).get("name")
        found = next((each for each in listed if each.get("name") == name), None)
        if found is None or self._id(found) in call.resource.recorded:
            return None
        public = call.inputs.get("publicKey")
        same_key = self._token != KEYPAIR or (public and str(found.get("public_key")).strip() == str(public).strip())
        if name == call.inputs.get("name") and same_key:
            return found
        # nobody uses it yet, its making was not even heard of; what is asked for now has another name or key
        path = f"{self._kind.path}/{self._id(found)}"
        call.cloud.call(self._kind.service, "DELETE", path, microversion=self._kind.microversion)
        return None

    def _before_its_tag(self, call: Call, listed: list[Object]) -> Object | None:
        """What an interrupted run had made and not yet tagged, if there is no doubt which it is."""
        asked = plain(call.resource.interrupted or {})
        keys = [key for key in ("name", "description", "networkId") if asked.get(key)]
        if "description" not in keys:
            return None  # its description would be the mark
        found = [
            each
            for each in listed
            if all(each.get(snake(key)) == asked[key] for key in keys)
            and not any(map(is_mark, each.get("tags") or ()))
            and each["id"] not in call.resource.recorded
        ]
        return found[0] if len(found) == 1 else None


def earlier(call: Call, kind: Kind) -> Object | None:
    """What a run that was interrupted made for this resource, and nobody recorded."""
    if not kind.mark:
        return None
    found = call.cloud.lists.left(kind, call.mark, call.resource.recorded)
    if found is not None:
        what = f"the {kind.what} {found['id']} was made by a run that was interrupted: it is taken over"
        call.cloud.log("info", what, urn=call.resource.urn)
    return found


def post(call: Call, kind: Kind, body: Object, microversion: str, beside: Object | None = None) -> Object:
    """Make an object once: where the answer is lost it is looked for before it is made again."""
    content = {kind.one: marked(kind.mark, body, call.mark), **(beside or {})}
    for attempt in range(_ATTEMPTS):
        try:
            answer = call.cloud.call(kind.service, "POST", kind.path, content, microversion=microversion)
        except LostError as error:
            if not kind.mark or attempt == _ATTEMPTS - 1:
                raise
            call.cloud.log("warning", f"{error.message}; looking whether it was made", urn=call.resource.urn)
            if call.cloud.cancelled.wait(_PAUSE_S * 2**attempt):
                raise
            call.cloud.lists.forget(kind)
            found = call.cloud.lists.left(kind, call.mark, call.resource.recorded)
            if found is not None:
                return found
        except ApiError as error:
            # the answer may have been lost on the way, and this is its echo
            found = None
            if attempt and error.code == 409 and kind.mark:
                call.cloud.lists.forget(kind)
                found = call.cloud.lists.left(kind, call.mark, call.resource.recorded)
            if found is None:
                raise
            return found
        else:
            obj: Object = answer.document[kind.one]
            return obj
    raise ProviderError(f"the {kind.what} could not be made")  # pragma: no cover - the last attempt raises


def _pool(call: Call) -> str:
    """The id of the external network that the pool names."""
    pool = str(call.inputs.get("pool") or "")
    found = call.cloud.call("network", "GET", "/networks", query={"name": pool}).document["networks"]
    if len(found) > 1:
        raise ProviderError(f"{len(found)} networks are named {pool!r}: give the floating IP's pool by id")
    if found:
        return str(found[0]["id"])
    if pool and call.cloud.detail("network", f"/networks/{pool}", "network"):
        return pool
    raise ProviderError(f"there is no network named {pool!r} to take a floating IP from")


def _alike(live: Any, asked: Any) -> bool:
    return live == asked or (not live and not asked)
