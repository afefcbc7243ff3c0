"""A file tree moved with rsync: both machines speak through this one, over two pinned connections, and to no other.

rsync runs at the target and asks for its counterpart at the source by a remote shell. That shell is a relay: it tells
which counterpart is wanted and joins rsync to its own connection. So neither machine gets a key, an agent or a port of
the other, and nothing is kept here.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Final

from inventories.faults import Fault, OnshoreError
from migration.reach import LOST, bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from migration.reach import Reach

_BLOCK: Final = 1 << 18
# `--modify-window=-1`: times count to the nanosecond; else what was changed within the same second is passed over
_OPTIONS: Final = (
    "--archive", "--hard-links", "--acls", "--xattrs", "--sparse", "--numeric-ids", "--delete", "--partial",
    "--modify-window=-1",
)  # fmt: skip
# 3: from the source, 4: to it; rsync itself talks to people on standard error only
# the relay ends when the source does: rsync waits for that before it closes its own end
_RELAY: Final = """printf '%s\\n' "$*" >&4
exec 5<&0
cat <&5 >&4 3<&- & up=$!
cat <&3 4>&- 5<&-
kill $up"""
_AT_TARGET: Final = f"""
exec 3<&0 4>&1 </dev/null >&2
mkdir -p -- "$2" || exit 1
relay=$(mktemp) || exit 1
trap 'rm -f "$relay"' EXIT
cat > "$relay" <<'END'
{_RELAY}
END
directory=$2; source=$1; shift 2
# cat can write to a pipe that blocks only, which rsync makes on request
rsync --blocking-io --rsh="sh $relay" "$@" "source:$source" "$directory" || exit $?
sync -f -- "$directory"
"""
# What the target may ask of the source: to send, by options that only shape what is sent.
_ASKED: Final = re.compile(
    r"--server|--sender|-[A-Za-z.]+|--(numeric-ids|bwlimit=\d+|partial|delete|delete-\w+|checksum|modify-window=-1)"
)
_OF_THE_OTHER: Final = re.compile(rb"^rsync error:|unexpectedly closed|Broken pipe")
_WARNED: Final = 24  # files vanished while rsync ran: the source is written to, which parity will say


def move_tree(
    source: Reach,
    source_path: str,
    target: Reach,
    target_path: str,
    *,
    checksum: bool = False,
    limit_kib_s: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Make the target's tree the same as the source's; safe to repeat, and quick where little changed.

    `checksum`: read every file on both sides instead of trusting size and time. `limit_kib_s`: at most so much a
    second. Returns the bytes that crossed; raises OnshoreError in rsync's words.
    """
    options = [*_OPTIONS, *(["--checksum"] * checksum), *([f"--bwlimit={limit_kib_s}"] * bool(limit_kib_s))]
    wanted = f"{source_path.rstrip('/')}/"
    with contextlib.ExitStack() as stack:
        errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        script = ["sh", "-c", _AT_TARGET, "sh", wanted, f"{target_path.rstrip('/')}/", *options]
        receiver = _start(target.argv(script), errors[0], stack)
        asked = _out(receiver).readline().decode("utf-8", "surrogateescape")
        if not asked.endswith("\n"):
            raise _failed(target, receiver, errors[0])
        sender = _start(source.argv(["rsync", *_checked(asked, wanted, target)]), errors[1], stack)
        moved = _join(sender, receiver, progress)
        ends = (source, sender, errors[1]), (target, receiver, errors[0])
        failed = [end for end in ends if end[1].wait() not in (0, _WARNED)]
        for reach, process, said in sorted(failed, key=lambda end: not _own_words(end[2])):
            raise _failed(reach, process, said)
        return moved


def _checked(asked: str, wanted: str, target: Reach) -> list[str]:
    """The arguments of the source's rsync, none but those that read this folder."""
    words = shlex.split(asked.strip())
    program, arguments, path = words[1:2], words[2:-2], words[-1:]
    allowed = all(_ASKED.fullmatch(word) for word in arguments) and {"--server", "--sender"} <= set(arguments)
    if program != ["rsync"] or not allowed or words[-2:-1] != ["."] or path != [wanted]:
        fault = Fault(target.name, "asks the source for something else than this folder", " ".join(words))
        raise OnshoreError("the target does not behave like rsync", [fault], refused=True)
    return [*arguments, ".", wanted]


def _start(argv: list[str], errors: IO[bytes], stack: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(bound(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0)

    def stop() -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    stack.callback(stop)
    return process


def _join(sender: subprocess.Popen[bytes], receiver: subprocess.Popen[bytes], progress: Callable[[int], None]) -> int:
    """Carry what either says to the other until both are done; returns how much the sender said."""
    asking = threading.Thread(target=_carry, args=(_out(receiver), sender.stdin, lambda _: None), daemon=True)
    asking.start()
    moved = _carry(_out(sender), receiver.stdin, progress)
    asking.join()
    return moved


def _carry(source: IO[bytes], target: IO[bytes] | None, progress: Callable[[int], None]) -> int:
    assert target is not None  # noqa: S101 - a pipe was asked for
    total = 0
    with contextlib.suppress(BrokenPipeError):
        while block := os.read(source.fileno(), _BLOCK):
            view = memoryview(block)
            while view:
                view = view[os.write(target.fileno(), view) :]
            total += len(block)
            progress(total)
    # whoever still speaks to an end that is gone shall notice, instead of waiting for ever
    for pipe in (source, target):
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
    return total


def _out(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    return process.stdout


def _own_words(errors: IO[bytes]) -> bytes:
    """What an end says of itself: that the other one is gone is told by the other one better."""
    errors.seek(0)
    lines = [line for line in errors.read().splitlines() if line.strip() and not _OF_THE_OTHER.search(line)]
    full = [line for line in lines if b"No space left" in line]
    return (full or lines or [b""])[0]


def _failed(reach: Reach, process: subprocess.Popen[bytes], errors: IO[bytes]) -> OnshoreError:
    code = process.wait()
    errors.seek(0)
    return reach.failed("rsync", code, errors.read() if code == LOST else _own_words(errors))
