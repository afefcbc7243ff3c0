"""An up in a process of its own that dies as soon as the cloud has made something: `... FOLDER SETTINGS COLLECTION
INSTANCE`, settings and the instance's inputs being JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from engine.providers.openstack import OpenStackProvider, cloud
from engine.testing import Stack
from tests.engine.openstack.programs import machine


def main(folder: str, settings: str, path: str, instance: str) -> None:
    """Dies when a POST to `path` was answered, before anybody hears of it."""
    answer = cloud.Cloud._once

    def once(self: Any, service: Any, method: str, asked: str, *rest: Any) -> Any:
        given = answer(self, service, method, asked, *rest)
        if (method, asked) == ("POST", path):
            os.kill(os.getpid(), signal.SIGKILL)
        return given

    cloud.Cloud._once = once  # type: ignore[method-assign]
    config = {f"openstack:{key}": value for key, value in json.loads(settings).items()}
    Stack(Path(folder), providers={"openstack": OpenStackProvider}, config=config).up(
        lambda: machine(**json.loads(instance))
    )


if __name__ == "__main__":
    main(*sys.argv[1:5])
