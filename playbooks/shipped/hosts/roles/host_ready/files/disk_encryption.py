"""`disk_encryption.py PLACE…`: says which of these places do not lie on a disk that dm-crypt encrypts, and why.

It runs on the host, with nothing but Python and util-linux. What it cannot follow down to a disk is not encrypted.
"""

import json
import os
import subprocess
import sys
from typing import Any

# dm-verity and dm-integrity are called `crypt` by lsblk, too: the device mapper's own id tells them apart
ENCRYPTS = ("CRYPT-LUKS1-", "CRYPT-LUKS2-", "CRYPT-PLAIN-", "CRYPT-BITLK-", "CRYPT-TCRYPT-", "CRYPT-FVAULT2-")
SPANNING = ("btrfs", "bcachefs")


def faults(places: Any, mounts: Any, tree: Any, ids: Any) -> Any:
    """Pure: `mounts` of findmnt, `tree` of lsblk (both JSON), `ids` of the device mapper by kernel name."""
    effective = {
        mount["target"]: mount for mount in mounts["filesystems"]
    }  # the last one over a folder is what is seen
    devices: Any = {}
    below: Any = {}
    waiting = [(device, None) for device in tree["blockdevices"]]
    while waiting:
        device, parent = waiting.pop()
        devices[device["kname"]] = device
        below.setdefault(device["kname"], set()).update({parent} - {None})
        waiting += [(child, device["kname"]) for child in device.get("children", ())]
    found = []
    for place in places:
        for mount in mounted(place, effective):
            used = devices_of(mount, devices)
            bare = sorted(name for name in used if not encrypted(name, below, ids))
            if not used:
                found.append(f"{mount['target']} lies on {mount['source']} ({mount['fstype']}), which is no disk")
            elif bare:
                found.append(f"{mount['target']} lies on {', '.join(bare)}, not wholly on dm-crypt")
    return sorted(set(found))


def mounted(place: Any, effective: Any) -> Any:
    """The file system that a place lies in, and those that are mounted within it."""
    around = [target for target in effective if place == target or place.startswith(target.rstrip("/") + "/")]
    within = [target for target in effective if target.startswith(place.rstrip("/") + "/")]
    return [effective[target] for target in [*sorted(around, key=len)[-1:], *within]]


def devices_of(mount: Any, devices: Any) -> Any:
    """The kernel names of the devices that a file system is made of; none where it is on no device."""
    source = mount["source"].split("[")[0]
    first = [name for name, device in devices.items() if source in (device["path"], "/dev/" + name)]
    if not first or mount["fstype"] not in SPANNING:
        return first
    uuid = devices[first[0]]["uuid"]
    return [name for name, device in devices.items() if uuid and device["uuid"] == uuid]


def encrypted(name: Any, below: Any, ids: Any) -> Any:
    """Whether every way from a device down to the disks goes through dm-crypt."""
    if ids.get(name, "").startswith(ENCRYPTS):
        return True
    return bool(below[name]) and all(encrypted(parent, below, ids) for parent in below[name])


def main(places: Any) -> int:
    """Ask this machine; returns the exit code."""

    def told(*command: str) -> Any:
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    mounts = told("findmnt", "--json", "--list", "--output", "TARGET,SOURCE,FSTYPE")
    tree = told("lsblk", "--json", "--output", "KNAME,PATH,TYPE,UUID")
    ids = {}
    for name in os.listdir("/sys/class/block"):
        if os.path.exists(f"/sys/class/block/{name}/dm/uuid"):
            with open(f"/sys/class/block/{name}/dm/uuid", encoding="ascii") as file:
                ids[name] = file.read().strip()
    found = faults([os.path.realpath(place) for place in places], mounts, tree, ids)
    print("\n".join(found) or "encrypted")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
