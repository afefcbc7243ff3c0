"""Serves the components to programs in other languages, as the package `onshore`."""

import warnings

from pulumi.provider.experimental import component_provider_host

from components.block_volume import BlockVolume
from components.department_project import DepartmentProject
from components.file_store import FileStore
from components.given_providers import SERVED
from components.host_service import HostService
from components.landing_zone import LandingZone
from components.object_store import ObjectStore
from components.postgres_database import PostgresDatabase
from components.private_network import PrivateNetwork
from components.scheduled_job import ScheduledJob
from components.virtual_machine import VirtualMachine
from components.web_service import WebService

_IN_CLUSTERS = [LandingZone, WebService, ScheduledJob]
_IN_REGIONS = [PrivateNetwork, VirtualMachine, BlockVolume, ObjectStore, DepartmentProject]
_ON_HOSTS = [HostService, PostgresDatabase, FileStore]

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the first line on stdout is the port, and stderr is shown to people
    SERVED.set(True)
    served = [*_IN_CLUSTERS, *_IN_REGIONS, *_ON_HOSTS]
    component_provider_host(served, name="onshore", version="0.1.0")
