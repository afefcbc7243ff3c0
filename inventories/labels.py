"""The names under which governance facts stand on Kubernetes objects.

The prefix is a reserved example domain: a ministry puts its own here, in this one place.
"""

from __future__ import annotations

from typing import Final

GOVERNANCE_LABEL_PREFIX: Final = "onshore.example/"
CATEGORY_LABEL: Final = GOVERNANCE_LABEL_PREFIX + "data-category"
CATEGORY_TAG: Final = "data-category"
"""The same on resources of clouds whose labels allow no prefix."""
DEPARTMENT_TAG: Final = "department"
DEPARTMENT_LABEL: Final = GOVERNANCE_LABEL_PREFIX + "department"
CLUSTER_LABEL: Final = GOVERNANCE_LABEL_PREFIX + "cluster"
DEDICATED_LABEL: Final = GOVERNANCE_LABEL_PREFIX + "dedicated-to"
"""Label and taint of nodes that are set apart; its value is a department's id."""
REGISTER_ANNOTATION: Final = GOVERNANCE_LABEL_PREFIX + "register"
PLACEMENT_ANNOTATION: Final = GOVERNANCE_LABEL_PREFIX + "placed-because"
