"""A web service's file tree with all that is easily lost: odd names, links, holes, owners, modes, attributes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOT_TEXT = b"not-utf8-\xff\xfe"


def make_tree(root: Path, small_files: int = 300) -> Path:
    """Fill a folder; owners are set where this is root."""
    root.mkdir(parents=True)
    for number in range(small_files):
        folder = root / "many" / str(number % 100)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_bytes(b"%d " % number * (number % 40))
    (root / "line\nbreak").write_text("x")
    (root / "شہر -- 'quoted' \"twice\" $HOME `id` *?").write_text("y")
    (root / " leading and trailing ").write_text("z")
    (root / "-rf").write_text("a dash")
    with open(os.path.join(os.fsencode(root), NOT_TEXT), "wb") as file:
        file.write(b"bytes")
    with (root / "sparse").open("wb") as file:
        file.truncate(20 << 20)
        file.seek(10 << 20)
        file.write(b"in the middle")
    (root / "large").write_bytes(bytes(range(256)) * 4096 * 4)
    (root / "set-uid").write_text("#!/bin/sh\n")
    (root / "set-uid").chmod(0o4750)
    (root / "closed").mkdir(mode=0o700)
    (root / "closed" / "inside").write_text("")
    (root / "empty").mkdir()
    (root / "hard-1").write_text("the same")
    (root / "hard-2").hardlink_to(root / "hard-1")
    (root / "link").symlink_to("hard-1")
    (root / "dangling").symlink_to("no\nwhere")
    os.mkfifo(root / "pipe")
    os.setxattr(root / "large", "user.origin", b"scanner")
    if os.getuid() == 0:
        os.chown(root / "large", 12345, 54321)
        os.lchown(root / "link", 12345, 54321)
    os.utime(root / "hard-1", ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    return root
