"""Where tests keep what they share between runs; each of pytest-xdist's workers has a cluster and hosts of its own."""

from __future__ import annotations

import os
from pathlib import Path

TESTS_HOME = Path(__file__).resolve().parents[1] / ".onshore" / "tests"
WORKER_HOME = TESTS_HOME / os.environ.get("PYTEST_XDIST_WORKER", "alone")
