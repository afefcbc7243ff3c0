"""Tells everything of a file tree, one line of JSON an entry, in an order that is the same everywhere.

This file is sent to a machine and run there by whatever Python 3 it has: the standard library only, and old syntax.
Argument: the folder. The first line tells the machine's clock, the last one how many entries there were: without it,
the list was cut off. An entry that could not be read says so in `error`.
"""

import grp
import hashlib
import json
import os
import pwd
import stat
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_BLOCK = 1 << 20
_SMALL = 1 << 16
_AHEAD = 512
_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def walk(path: bytes, name: bytes) -> Any:
    """Every path below a folder with its status, folders before what is in them, names in order of their bytes."""
    try:
        status = os.lstat(path)
    except OSError as error:
        yield path, name, None, error
        return
    if not stat.S_ISDIR(status.st_mode):
        yield path, name, status, None
        return
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        yield path, name, status, error
        return
    yield path, name, status, None
    for each in names:
        yield from walk(os.path.join(path, each), os.path.join(name, each) if name != b"." else each)


def digest(path: bytes, size: int) -> Any:
    """(sha256, bytes read, what went wrong) of a file's content."""
    total, read = hashlib.sha256(), 0
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | getattr(os, "O_NOATIME", 0)
        try:
            descriptor = os.open(path, flags)
        except PermissionError:  # the access time may be kept by owners only
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with open(descriptor, "rb", buffering=0) as file:
            while True:
                block = file.read(_BLOCK)
                if not block:
                    break
                total.update(block)
                read += len(block)
    except OSError as error:
        return "", read, error.strerror
    return total.hexdigest(), read, "" if read == size else "it changed while it was read"


def attributes(path: bytes) -> Any:
    """Extended attributes with access control lists, as name -> sha256."""
    found = {}
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            value = os.getxattr(path, name, follow_symlinks=False)
            found[name] = hashlib.sha256(value).hexdigest()
    except OSError:
        return found
    return found


def entry(path: bytes, name: bytes, status: os.stat_result, links: Any) -> Any:
    """What is told of a path, but for its content."""
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "unknown")
    told = {
        "path": os.fsdecode(name),
        "kind": kind,
        "mode": stat.S_IMODE(status.st_mode),
        "owner": status.st_uid,
        "group": status.st_gid,
        "changed": status.st_mtime_ns,
    }
    if kind == "link":
        told["to"] = os.fsdecode(os.readlink(path))
    elif "device" in kind:
        told["device"] = [os.major(status.st_rdev), os.minor(status.st_rdev)]
    if kind == "file":
        told["size"] = status.st_size
        told["holes"] = status.st_blocks * 512 + 4096 < status.st_size
    if kind != "folder" and status.st_nlink > 1:
        told["same_as"] = links.setdefault((status.st_dev, status.st_ino), os.fsdecode(name))
    if kind != "link":
        told["attributes"] = attributes(path)
    return told


def main(root: str) -> None:
    out = sys.stdout
    links = {}  # type: Any
    waiting = deque()  # type: Any
    names = {"owner": {}, "group": {}}  # type: Any
    count, latest = 0, 0
    out.write(json.dumps({"at": time.time_ns(), "root": root}) + "\n")

    def tell_first() -> None:
        told, future = waiting.popleft()
        if future is not None:
            told["sha256"], _, problem = future.result() if hasattr(future, "result") else future
            if problem:
                told["error"] = problem
        out.write(json.dumps(told) + "\n")

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        for path, name, status, error in walk(os.fsencode(root), b"."):
            count += 1
            if status is None:
                waiting.append(({"path": os.fsdecode(name), "kind": "unknown", "error": error.strerror}, None))
            else:
                latest = max(latest, status.st_mtime_ns, status.st_ctime_ns)
                names["owner"].setdefault(status.st_uid, None)
                names["group"].setdefault(status.st_gid, None)
                told = entry(path, name, status, links)
                if error is not None:
                    told["error"] = error.strerror
                content = None
                if told["kind"] == "file" and told.get("same_as", told["path"]) == told["path"]:
                    small = status.st_size <= _SMALL
                    content = digest(path, status.st_size) if small else pool.submit(digest, path, status.st_size)
                waiting.append((told, content))
            while len(waiting) > _AHEAD:
                tell_first()
        while waiting:
            tell_first()
    out.write(json.dumps({"count": count, "last_write": latest, "names": accounts(names)}) + "\n")


def accounts(names: Any) -> Any:
    """What the machine calls each number of an owner or group."""
    for kind in names:
        for number in names[kind]:
            try:
                names[kind][number] = pwd.getpwuid(number)[0] if kind == "owner" else grp.getgrgid(number)[0]
            except KeyError:
                names[kind][number] = ""
    return names


if __name__ == "__main__":
    main(sys.argv[1])
