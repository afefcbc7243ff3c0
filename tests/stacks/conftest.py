"""The fixtures of the component tests serve the stacks too."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location(
    "component_fixtures", Path(__file__).parents[1] / "components/conftest.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
_FIXTURES = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _FIXTURES
_SPEC.loader.exec_module(_FIXTURES)

authority = _FIXTURES.authority
settings = _FIXTURES.settings
reached = _FIXTURES.reached
record = _FIXTURES.record
stacks = _FIXTURES.stacks
