"""Serves the components to programs in other languages, as the package `onshore`."""

import warnings

from pulumi.provider.experimental import component_provider_host

from components.cluster_access import SERVED
from components.file_store import FileStore
from components.host_service import HostService
from components.landing_zone import LandingZone
from components.postgres_database import PostgresDatabase
from components.scheduled_job import ScheduledJob
from components.web_service import WebService

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the first line on stdout is the port, and stderr is shown to people
    SERVED.set(True)
    served = [LandingZone, WebService, ScheduledJob, HostService, PostgresDatabase, FileStore]
    component_provider_host(served, name="onshore", version="0.1.0")
