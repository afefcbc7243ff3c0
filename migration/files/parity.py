"""Whether two file trees hold the same: both are read where they lie, at the same time, and compared entry by entry."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from inventories.faults import Fault, OnshoreError
from migration.evidence import Difference, Parity, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migration.reach import Reach

_SCANNER: Final = Path(__file__).with_name("scan.py").read_bytes()
_MOST_NAMED: Final = 200
_COMPARED: Final = {
    "kind": "another kind of entry",
    "size": "another size",
    "sha256": "another content",
    "to": "the link leads elsewhere",
    "mode": "another mode",
    "owner": "another owner",
    "group": "another group",
    "changed": "another time of last change",
    "same_as": "hard links are joined in another way",
    "device": "another device",
    "holes": "holes of a sparse file are filled",
    "attributes": "other extended attributes or access lists",
}


class _Scan:
    """A tree as it is being read on a machine."""

    def __init__(self, reach: Reach, path: str, stack: contextlib.ExitStack) -> None:
        self.reach, self.path = reach, path
        self.count, self.files, self.size = 0, 0, 0
        self.end: dict[str, Any] = {}
        self._total = hashlib.sha256()
        # on disk, not in a pipe: a pipe that fills up while the other side is read would stop both
        self._errors: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._process = subprocess.Popen(
            reach.argv(["python3", "-I", "-", path]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        stack.callback(self._stop)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018 - both are asked for above
        self._out = stdout
        with contextlib.suppress(BrokenPipeError), stdin:
            stdin.write(_SCANNER)
        self.start = json.loads(self._line())

    def entries(self) -> Iterator[dict[str, Any]]:
        """Every entry in the scanner's order; raises OnshoreError when the list is cut off."""
        while True:
            line = self._line()
            entry = json.loads(line)
            if "count" in entry:
                self.end = entry
                if entry["count"] != self.count:
                    raise self.reach.failed("reading the files", 1, b"the list of files is not whole")
                return
            self.count += 1
            self.files += entry["kind"] == "file"
            self.size += entry.get("size", 0)
            if entry["kind"] not in ("file", "folder"):
                entry.pop("changed", None)  # rsync does not keep it everywhere, and it says nothing
            self._total.update(json.dumps(entry, sort_keys=True).encode())
            yield entry

    @property
    def says(self) -> str:
        """How many entries, and the digest over all that was told of them."""
        return f"{self.count} entries, sha256 {self._total.hexdigest()}"

    @property
    def moment(self) -> dict[str, str]:
        last = datetime.fromtimestamp(self.end["last_write"] / 1e9, UTC).isoformat()
        at = datetime.fromtimestamp(self.start["at"] / 1e9, UTC).isoformat()
        return {"server": self.reach.name, "path": self.path, "at": at, "last_write": last}

    def _line(self) -> bytes:
        line = self._out.readline()
        if not line.endswith(b"\n"):
            code = self._process.wait()
            self._errors.seek(0)
            raise self.reach.failed("python3", code, self._errors.read())
        return line

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._out.close()


def tree_parity(
    source: Reach,
    source_path: str,
    target: Reach,
    target_path: str,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Parity:
    """Compare two trees: content, kinds, modes, owners, times, links, holes, attributes. Raises OnshoreError."""
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        ours, theirs = _Scan(source, source_path, stack), _Scan(target, target_path, stack)
        differences: list[Difference] = []
        unnamed = 0
        for one, other in _merged(ours.entries(), theirs.entries()):
            for found in _entry_differences(one, other):
                if len(differences) < _MOST_NAMED:
                    differences.append(found)
                else:
                    unnamed += 1
            if ours.count % 10_000 == 0:
                progress(f"{ours.count} entries, {ours.size >> 20} MiB")
        if unnamed:
            differences.append(Difference("file", source_path, f"{unnamed} more differences than are named"))
        differences += _account_differences(ours, theirs)
        part = Part(source_path, "file tree", ours.files, ours.size, ours.says, theirs.says)
        seconds = round(time.monotonic() - started, 3)
        return Parity("files", ours.moment, theirs.moment, (part,), tuple(differences), seconds=seconds)


def tree_written_since(reach: Reach, path: str, evidence: Parity) -> tuple[str, ...]:
    """What was written since the evidence was taken: read anew and compared; none: nothing was."""
    with contextlib.ExitStack() as stack:
        scan = _Scan(reach, path, stack)
        for _ in scan.entries():
            pass
        before = evidence.parts[0].source if evidence.parts else "nothing"
        if scan.says == before:
            return ()
        return (f"{path} was {before}, is {scan.says}, last written {scan.moment['last_write']}",)


def shown(path: str) -> str:
    """A path as one can read it: what controls a terminal, breaks a line or is no text is written as its number."""
    return "".join(
        char if char.isprintable() and not 0xDC80 <= ord(char) <= 0xDCFF else char.encode("unicode_escape").decode()
        for char in path
    )


def empty_or_absent(reach: Reach, path: str) -> bool:
    """Whether nothing lies at a path that could be overwritten."""
    script = """
if [ -d "$1" ] && [ -z "$(ls -A -- "$1")" ]; then echo empty; fi
if [ ! -e "$1" ] && [ ! -L "$1" ]; then echo empty; fi"""
    return reach.run(["sh", "-c", script, "sh", path]).strip() == b"empty"


def check_tree_path(path: str) -> None:
    """Raise OnshoreError for a path that cannot be told to a shell and to rsync alike."""
    if "\n" in path or not path.startswith("/") or path.rstrip("/") == "":
        fault = Fault(shown(path), "not a folder that can be moved", fix="name a folder below /, without line breaks")
        raise OnshoreError("this folder cannot be moved", [fault])


def _key(entry: dict[str, Any]) -> tuple[bytes, ...]:
    path = entry["path"]
    return () if path == "." else tuple(path.encode("utf-8", "surrogateescape").split(b"/"))


def _merged(
    ours: Iterator[dict[str, Any]], theirs: Iterator[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Entries of both sides in step, by path; both come in the same order."""
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and _key(one) < _key(other)):
            yield one, None
            one = next(ours, None)
        elif one is None or _key(other) < _key(one):
            yield None, other
            other = next(theirs, None)
        else:
            yield one, other
            one, other = next(ours, None), next(theirs, None)


def _entry_differences(one: dict[str, Any] | None, other: dict[str, Any] | None) -> Iterator[Difference]:
    if one is None or other is None:
        path = shown((one or other or {})["path"])
        if other is None:
            yield Difference("file", path, "missing at the target", "there", "missing")
        else:
            yield Difference("file", path, "at the target, but not at the source", "missing", "there")
        return
    path = shown(one["path"])
    for side, entry in (("source", one), ("target", other)):
        if "error" in entry:
            yield Difference("file", path, f"cannot be read at the {side}", entry["error"])
    if one["kind"] != other["kind"]:
        yield Difference("file", path, _COMPARED["kind"], one["kind"], other["kind"])
        return
    for name, what in _COMPARED.items():
        left, right = one.get(name), other.get(name)
        if left != right and not _of_no_meaning(name, one):
            yield Difference("file", path, what, _value(name, left), _value(name, right))


def _of_no_meaning(name: str, one: dict[str, Any]) -> bool:
    """A target that is sparse where the source is not has lost nothing."""
    return name == "holes" and not one.get("holes")


def _value(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name == "mode":
        return f"{value:04o}"
    if name == "changed":
        return datetime.fromtimestamp(value / 1e9, UTC).isoformat()
    if name == "attributes":
        return ", ".join(f"{shown(key)} {digest[:12]}" for key, digest in sorted(value.items())) or "none"
    return shown(str(value))


def _account_differences(ours: _Scan, theirs: _Scan) -> Iterator[Difference]:
    """Numbers of owners and groups that mean somebody else at the target."""
    for kind in ("owner", "group"):
        for number, name in ours.end["names"][kind].items():
            other = theirs.end["names"][kind].get(number)
            if other is not None and other != name:
                yield Difference("owner", f"{kind} {number}", "is somebody else", name or "nobody", other or "nobody")
