"""A value that contains itself, or is nested too deeply, in words: the SDK's own error is a thousand of its frames."""

from __future__ import annotations

import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.display.values import label

if TYPE_CHECKING:
    from engine.config import Project

_FIX: Final = "write the value out in fewer levels, with nothing in it that leads back to itself"


def endless_input(error: BaseException, project: Project) -> str:
    """The error about a value that the SDK could not come to the end of, empty for any other error."""
    if not isinstance(error, RecursionError):
        return ""
    import pulumi  # noqa: PLC0415 - the program that ran has imported it

    frames = list(traceback.walk_tb(error.__traceback__))
    sdk, program = str(Path(pulumi.__file__).parent), str(project.program)
    files = [frame.f_code.co_filename for frame, _ in frames]
    # a program that calls itself without end is no input's fault
    if not Counter(files).most_common(1)[0][0].startswith(sdk):
        return ""
    what = of = where = ""
    for (frame, line), file in zip(frames, files, strict=True):
        local, function = frame.f_locals, frame.f_code.co_name
        if function == "serialize_properties" and isinstance(key := local.get("k"), str):
            what = f" {label(key)}"
        if isinstance(made := local.get("res"), pulumi.Resource):  # what the SDK is registering
            of = f" of {label(made.pulumi_resource_type)} {label(made.pulumi_resource_name)}"
        elif file.startswith(program) and "site-packages" not in file:
            where = f" ({file}, line {line})"
    named = f"the input{what}{of}" if what or of else "a value"
    return f"{named} contains itself, or is nested too deeply{where}\n    fix: {_FIX}"
