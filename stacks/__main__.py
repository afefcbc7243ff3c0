"""One program for every department: a stack is only data (docs/first-stack.md)."""

from pathlib import Path

import pulumi

from components.deployment import Decision, build, judge, program_config, read_spec
from components.explain import as_error
from inventories import Settings

values, secret_keys = program_config()
settings = Settings.load(Path(__file__).parent)
spec = read_spec(values, where=f"Pulumi.{pulumi.get_stack()}.yaml", secret_keys=secret_keys, settings=settings)
decision = judge(spec, settings)
if not isinstance(decision, Decision):
    raise as_error(decision)
build(decision, settings, secret_keys=secret_keys)
