"""Runs a stack's program in a process of its own and prints what it registers, as JSON lines.

Arguments: stack name; the configuration comes in PULUMI_CONFIG, as for any program. Outputs are the inputs.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks

PROGRAM = Path(__file__).resolve().parents[2] / "stacks" / "__main__.py"
LINES: list[str] = []
"""What is to be printed; threads register, and only one may write."""


class _Outputs(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        return dict(args.args)


class _Monitor(mocks.MockMonitor):
    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - named by the protocol
        answer = super().RegisterResource(request)
        line = {
            "type": request.type,
            "name": request.name,
            "urn": answer.urn,
            "provider": request.provider.rpartition("::")[0],
            "props": json_format.MessageToDict(request.object),
        }
        LINES.append(json.dumps(line) + "\n")
        return answer


if __name__ == "__main__":
    mocks.set_mocks(_Outputs(), project="onshore", stack=sys.argv[1], preview=True, monitor=_Monitor(_Outputs()))
    for key, value in json.loads(os.environ["PULUMI_CONFIG"]).items():
        pulumi.runtime.set_config(key, value)
    pulumi.runtime.test(lambda: runpy.run_path(str(PROGRAM), run_name="__main__") and None)()
    sys.stdout.writelines(LINES)
