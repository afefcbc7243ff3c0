"""The command line: `onshore …`, thin commands over the rooms.

Exit codes: 0 done, 1 failed, 2 wrong input, 3 refused by placement or policy, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

import click

from cli.admission import admission
from cli.audit import audit
from cli.cluster import cluster
from cli.config import config
from cli.coverage import coverage
from cli.declassifications import declassifications
from cli.doctor import doctor
from cli.errors import report
from cli.explain import explain
from cli.gate import gate
from cli.hosts import hosts
from cli.migrate import migrate
from cli.new import new
from cli.operations import destroy, preview, refresh, up
from cli.receipt import receipt
from cli.region import region
from cli.register import register
from cli.rules import rules
from cli.stack import stack
from cli.waivers import waivers


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("onshore"), prog_name="onshore")
def onshore() -> None:
    """Deploy government workloads onto accredited in-country clusters, and nowhere else.

    Exit codes: 0 done, 1 failed, 2 wrong input, 3 refused by placement or policy.
    """


for _command in (
    preview,
    up,
    refresh,
    destroy,
    audit,
    explain,
    gate,
    receipt,
    register,
    waivers,
    declassifications,
    rules,
    coverage,
    new,
    cluster,
    hosts,
    region,
    admission,
    migrate,
    stack,
    config,
    doctor,
):
    onshore.add_command(_command)


def run(argv: list[str]) -> int:
    """Run one command line; returns the exit code and never raises for what a person can cause."""
    try:
        code = onshore.main(args=argv, prog_name="onshore", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the one border where every error becomes words and a code
        return report(error, as_json="--json" in argv)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the `onshore` script."""
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # told already, and Python would try once more at its end, and set a code of its own
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)
