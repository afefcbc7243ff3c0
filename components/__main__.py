"""Serves the components to programs in other languages, as the package `onshore`.

What `pulumi.provider.experimental.component_provider_host` does, but for refusals: those reach people as they are
written, without the traceback that the SDK puts under every exception of a component.
"""

import sys
import warnings
from typing import Any

import pulumi
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from components.cluster_access import SERVED
from components.landing_zone import LandingZone
from components.scheduled_job import ScheduledJob
from components.web_service import WebService
from inventories.faults import OnshoreError


class _Host(ComponentProvider):
    def construct(
        self, name: str, resource_type: str, inputs: Any, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        served = SERVED.set(True)
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, OnshoreError):
                raise pulumi.InputPropertiesError(str(error.inner), []) from None
            raise
        finally:
            SERVED.reset(served)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the first line on stdout is the port, and stderr is shown to people
    main(_Host([LandingZone, WebService, ScheduledJob], "onshore", version="0.1.0"), sys.argv[1:])
