"""Serves the components to programs in other languages, as the package `onshore`."""

import warnings

from pulumi.provider.experimental import component_provider_host

from components.cluster_access import SERVED
from components.landing_zone import LandingZone
from components.scheduled_job import ScheduledJob
from components.web_service import WebService

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the first line on stdout is the port, and stderr is shown to people
    SERVED.set(True)
    component_provider_host([LandingZone, WebService, ScheduledJob], name="onshore", version="0.1.0")
