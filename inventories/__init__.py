"""What is true: providers, accreditations, sites, clusters, data categories and rules, as data with a date."""

from inventories.clock import today
from inventories.faults import Fault, OnshoreError
from inventories.loader import load_declassifications, load_register, load_rules, load_waivers
from inventories.profile import load_profile
from inventories.settings import Settings

__all__ = [
    "Fault",
    "OnshoreError",
    "Settings",
    "load_declassifications",
    "load_profile",
    "load_register",
    "load_rules",
    "load_waivers",
    "today",
]
