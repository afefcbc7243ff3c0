"""Waiting for an object to become what it was asked to be, saying why it is not yet."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.provider import ProviderError
from engine.providers.openstack.cloud import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.providers.openstack.cloud import Cloud
    from engine.providers.openstack.shapes import Object

_FIRST_S: Final = 0.3
_LONGEST_S: Final = 3.0
_GROWTH: Final = 1.4
_TELL_AFTER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What an object is at the moment: there yet, beyond hope, or on its way; `text` says it for people."""

    text: str
    ready: bool = False
    failed: bool = False


class NotReadyError(ProviderError):
    """The object exists and is not what was asked for; `live` as it was last seen."""

    def __init__(self, message: str, live: Object) -> None:
        super().__init__(message)
        self.live = live


def wait_for(
    cloud: Cloud,
    urn: str,
    what: str,
    look: Callable[[], Object | None],
    judge: Callable[[Object | None], Picture],
    *,
    timeout_s: float,
) -> Object:
    """The object once it is ready ({} where that means gone); raises NotReadyError with the last picture."""
    began, pause, told = time.monotonic(), _FIRST_S, False
    while True:
        live = look()
        picture = judge(live)
        waited = time.monotonic() - began
        if picture.ready:
            if told:  # what was said of it is true no more
                cloud.log("info", f"{what} is {'there' if live else 'gone'}", urn=urn, ephemeral=True)
            return live or {}
        if picture.failed:
            raise NotReadyError(f"{what}: {picture.text}", live or {})
        if waited > timeout_s:
            raise NotReadyError(f"{what}: after {waited:.0f} s {picture.text}", live or {})
        if told := waited > _TELL_AFTER_S:
            cloud.log("info", f"{what} {picture.text} ({waited:.0f} s)", urn=urn, ephemeral=True)
        if cloud.cancelled.wait(pause):
            raise NotReadyError(f"{what}: cancelled while {picture.text}", live or {})
        pause = min(_LONGEST_S, pause * _GROWTH)


def until_gone(
    cloud: Cloud,
    urn: str,
    what: str,
    look: Callable[[], Object | None],
    *,
    timeout_s: float,
    gone: Callable[[Object], bool] = lambda _: False,
) -> None:
    """Wait until nothing is left; an object in error is not going anywhere."""

    def judge(live: Object | None) -> Picture:
        if live is None or gone(live):
            return Picture("is gone", ready=True)
        status = str(live.get("status") or "there")
        return Picture(f"is still {status}", failed=status.lower() == "error_deleting")

    wait_for(cloud, urn, what, look, judge, timeout_s=timeout_s)


def until_let_go(
    cloud: Cloud, urn: str, what: str, take: Callable[[], object], cannot: str, *, timeout_s: float
) -> None:
    """Ask with `take` for something to go, again for as long as others use it (409); what is gone already is gone."""
    refused = ""

    def look() -> Object | None:
        nonlocal refused
        try:
            take()
        except ApiError as error:
            if error.code == 404:
                return None
            if error.code != 409:
                raise
            refused = error.message
            return {}
        return None

    def judge(live: Object | None) -> Picture:
        return Picture(f"{cannot}: {refused}", ready=live is None)

    wait_for(cloud, urn, what, look, judge, timeout_s=timeout_s)
