"""Which day it is, where the law holds."""

from __future__ import annotations

import os
from datetime import date, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.models import Profile

TIME_ZONE: Final = "Asia/Karachi"
_VARIABLE: Final = "ONSHORE_ON"


def today(profile: Profile, environment: Mapping[str, str] = os.environ) -> date:
    """The day in Pakistan; a profile that is not production may be asked about another (ONSHORE_ON=YYYY-MM-DD).

    Raises OnshoreError when the environment names no day.
    """
    asked = environment.get(_VARIABLE)
    if asked and not profile.production:
        try:
            return date.fromisoformat(asked)
        except ValueError:
            fault = Fault(_VARIABLE, "not a date", asked, fix="write it as YYYY-MM-DD, or unset it")
            raise OnshoreError("the environment cannot be used", [fault]) from None
    return datetime.now(ZoneInfo(TIME_ZONE)).date()
