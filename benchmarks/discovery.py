"""Discovery of many machines: `python -m benchmarks.discovery [HOSTS]` alone, or as part of `make bench`.

Each is a real one as far as a login can tell (network, file system, processes and SSH server of its own), looked at by
ansible-runner's forks as `onshore migrate discover` does; then one alone, to tell what Ansible's own start costs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.migration import BENCH_HOSTS, Row, say
from migration.access import Access
from migration.discovering import discover
from sandbox import hosts_down, hosts_unavailable, hosts_up
from tests.hosts import PLACE, in_register

USUAL_HOSTS = 100


def rows(count: int = USUAL_HOSTS) -> list[Row]:
    """Name and figure of each measurement; one row that says why where there can be no machines."""
    if reasons := hosts_unavailable():
        return [("discovery", f"not measured: {'; '.join(what for what, _ in reasons)}")]
    before, started = _used_mib(), time.perf_counter()
    try:
        info = hosts_up("many", home=BENCH_HOSTS, in_country=0, on_premises=count, **PLACE, disk_mib=64, progress=say)
        hosts, up, memory = in_register(info), time.perf_counter() - started, _used_mib() - before
        names = [host.name for host in info.hosts]
        access = Access.model_validate({"hosts": [{"host": name, "identity": str(hosts.identity)} for name in names]})
        with tempfile.TemporaryDirectory(prefix="onshore-bench-") as folder:
            seconds = []
            for asked in (names, names[:1]):
                started = time.perf_counter()
                told = discover(asked, access, Path(folder), hosts.register, who="bench")
                seconds.append(time.perf_counter() - started)
                assert [host["id"] for host in told["hosts"]] == asked
    finally:
        hosts_down("many", home=BENCH_HOSTS)
    each = f"{up / count:.2f} s and {memory / count:.0f} MiB each to bring up"
    return [
        (f"discovery of {count} hosts ({each})", f"{seconds[0]:.1f} s, {count / seconds[0]:.1f} hosts/s"),
        ("the same of one", f"{seconds[1]:.1f} s"),
    ]


def _used_mib() -> float:
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    fields = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return (fields["MemTotal"] - fields["MemAvailable"]) / 1024


if __name__ == "__main__":
    for name, figure in rows(*map(int, sys.argv[1:])):
        sys.stdout.write(f"{name}: {figure}\n")
