"""A move between real machines over SSH that knows the register's keys only: whole, cut off, and to a wrong machine."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inventories import OnshoreError
from migration.access import Access, open_site, read_access
from migration.discovering import discover
from migration.discovery import Asset
from migration.files.moving import move_tree
from migration.files.parity import tree_parity
from migration.ledger import Ledger
from migration.steps import Move, copy, cutover, verify
from tests.migration.postgres_servers import ODD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migration.rates import Rate
    from migration.reach import Reach
    from migration.steps import Site
    from tests.hosts import Hosts

_START = """
set -e; SOON="-c wal_retrieve_retry_interval=100ms"
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
test -d ~/data || $bin/initdb -D ~/data --encoding UTF8 --locale C.UTF-8 -A peer --no-sync >/dev/null
mkdir -p ~/socket
$bin/pg_ctl -D ~/data status >/dev/null ||
  $bin/pg_ctl -D ~/data -l ~/log -w \
    -o "-k $HOME/socket -c listen_addresses= -c fsync=off -c wal_level=logical $SOON" start >/dev/null
echo $HOME
"""
_STOP = """
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
$bin/pg_ctl -D ~/data -m immediate -w stop; rm -rf ~/data ~/log
"""
_CUT = """
device=$(ip -o route get 198.18.255.1 2>/dev/null | sed 's/.* dev \\([^ ]*\\).*/\\1/')
test -n "$device" || device=$(ls /sys/class/net | grep -v '^lo$' | head -1)
nohup sh -c "sleep 0.3; ip link set $device down; sleep 20; ip link set $device up" >/dev/null 2>&1 </dev/null &
"""
_LATE = "psql -q -X -h ~/socket -c \"INSERT INTO citizens (name) VALUES ('late')\" registry"
_COUNT = "psql -q -X -A -t -h ~/socket -c \"SELECT count(*) FROM citizens WHERE name = 'late'\" registry"
_LEFT = "psql -q -X -A -t -h ~/socket -c 'SELECT count(*) FROM pg_replication_slots' registry"
_FILL = "cat > ~/odd.sql; psql -q -X -h ~/socket -v ON_ERROR_STOP=1 -v rows=500 -f ~/odd.sql postgres >/dev/null"


def access(hosts: Hosts, home: str = "/var/lib/postgresql") -> Access:
    postgresql = {"socket_folder": f"{home}/socket"}
    named = [{"host": name, "identity": str(hosts.identity), "postgresql": postgresql} for name in _NAMES]
    return Access.model_validate({"hosts": named})


_NAMES = ("onprem-1", "host-1", "host-3")


@pytest.fixture
def machines(hosts: Hosts, tmp_path: Path) -> Iterator[tuple[Reach, Reach]]:
    with contextlib.ExitStack() as stack:
        ends = [
            open_site(access(hosts), tmp_path, hosts.register, name, stack, database=False).reach for name in _NAMES[:2]
        ]
        yield ends[0], ends[1]
        for name in _NAMES[:2]:
            hosts.ssh(name, "rm -rf /srv/portal /srv/cut")


@pytest.fixture
def databases(hosts: Hosts, tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """Two hosts, each with a PostgreSQL of its own, reached through tunnels."""
    homes = [hosts.ssh(name, _START, user="postgres").stdout.decode().strip() for name in _NAMES[:2]]
    try:
        with contextlib.ExitStack() as stack:
            reached = access(hosts, homes[0])
            ends = [open_site(reached, tmp_path, hosts.register, name, stack, database=True) for name in _NAMES[:2]]
            yield ends[0], ends[1]
    finally:
        for name in _NAMES[:2]:
            hosts.ssh(name, _STOP, user="postgres", check=False)


def put_tree(hosts: Hosts, folder: Path, small_files: int = 300) -> None:
    """An odd tree on the machine on premises, made there by the same program that makes it here."""
    import tests.migration.odd_tree as maker

    program = (
        Path(maker.__file__).read_text()
        + f"\nfrom pathlib import Path\nmake_tree(Path({str(folder)!r}), {small_files})\n"
    )
    hosts.ssh("onprem-1", f"rm -rf {folder}; python3 -", stdin=program.encode())


def test_a_file_tree_moves_between_two_machines_and_is_equal(hosts: Hosts, machines: tuple[Reach, Reach]) -> None:
    put_tree(hosts, Path("/srv/portal"), 2000)
    source, target = machines
    move_tree(source, "/srv/portal", target, "/srv/portal")
    found = tree_parity(source, "/srv/portal", target, "/srv/portal")
    assert found.differences == ()
    assert found.rows > 2000
    hosts.ssh("host-1", "printf x | dd of=/srv/portal/large bs=1 seek=70000 conv=notrunc status=none")
    said = "\n".join(map(str, tree_parity(source, "/srv/portal", target, "/srv/portal").differences))
    assert "large: another content" in said


def test_a_database_moves_between_two_machines_and_is_equal(
    hosts: Hosts, databases: tuple[Site, Site], tmp_path: Path
) -> None:
    source, target = databases
    script = b"CREATE DATABASE registry;\n\\c registry\n" + ODD.read_bytes()
    hosts.ssh("onprem-1", _FILL, user="postgres", stdin=script)
    asset = Asset("onprem-1/database/registry", "database", "onprem-1", "registry")
    move = Move(Ledger(tmp_path / "ledger.jsonl"), tmp_path / "evidence", tmp_path / "staging")
    assert copy(move, asset, source, target).state == "copied"
    parity, _ = verify(move, asset, source, target)
    assert parity.differences == ()
    assert parity.rows > 1000
    cutover(move, asset, source, target)
    assert move.standing(asset).state == "cut over"


def test_a_database_is_replicated_between_two_machines_and_goes_on_after_a_cut(
    hosts: Hosts, databases: tuple[Site, Site], tmp_path: Path
) -> None:
    source, target = databases
    keyed = "ALTER TABLE no_key REPLICA IDENTITY FULL; ALTER TABLE child REPLICA IDENTITY FULL;\n"
    script = b"CREATE DATABASE registry;\n\\c registry\n" + ODD.read_bytes() + keyed.encode()
    hosts.ssh("onprem-1", _FILL, user="postgres", stdin=script)
    asset = Asset("onprem-1/database/registry", "database", "onprem-1", "registry")
    folder, cut = tmp_path / "ledger.jsonl", threading.Event()

    def watch(rate: Rate) -> None:
        if "behind" in rate.phase and not cut.is_set():
            cut.set()
            hosts.ssh("host-1", "pkill -KILL -f ^sshd:.postgres; true")

    move = Move(Ledger(folder), tmp_path / "evidence", tmp_path / "staging", progress=watch)
    with pytest.raises(OnshoreError):
        copy(move, asset, source, target, method="replication")
    assert cut.is_set()
    hosts.ssh("onprem-1", _LATE, user="postgres")
    with contextlib.ExitStack() as stack:  # as the next `migrate run` does
        target = open_site(access(hosts), tmp_path, hosts.register, "host-1", stack, database=True)
        assert copy(move, asset, source, target, method="replication").state == "copied"
        hosts.ssh("onprem-1", _LATE, user="postgres")
        cutover(move, asset, source, target)
    assert verify_counts(hosts) == [b"2", b"2"]
    assert hosts.ssh("onprem-1", _LEFT, user="postgres").stdout.strip() == b"0"
    assert hosts.ssh("host-1", "ls -d .onshore_move* || true", user="postgres").stdout == b""


def test_a_copy_of_a_database_whose_target_loses_its_network_is_told_and_goes_on(
    hosts: Hosts, databases: tuple[Site, Site], tmp_path: Path
) -> None:
    source, target = databases
    script = b"CREATE DATABASE registry;\n\\c registry\n" + ODD.read_bytes()
    hosts.ssh("onprem-1", _FILL.replace("rows=500", "rows=20000"), user="postgres", stdin=script)
    asset = Asset("onprem-1/database/registry", "database", "onprem-1", "registry")
    with contextlib.ExitStack() as cable:

        def watch(rate: Rate) -> None:
            if rate.moved_bytes > 1 << 20 and not cut.is_set():
                cut.set()
                cable.enter_context(hosts.cut("host-1"))

        cut, folder = threading.Event(), tmp_path / "staging"
        move = Move(Ledger(tmp_path / "ledger.jsonl"), tmp_path / "evidence", folder, progress=watch)
        with pytest.raises(OnshoreError) as error:
            copy(move, asset, source, target)
    assert cut.is_set()
    assert "host-1" in str(error.value)
    assert move.standing(asset).dump  # what was read from the source is kept
    with contextlib.ExitStack() as stack:  # as the next `migrate run` does
        target = open_site(access(hosts), tmp_path, hosts.register, "host-1", stack, database=True)
        assert copy(move, asset, source, target).state == "copied"
        assert verify(move, asset, source, target)[0].differences == ()


def verify_counts(hosts: Hosts) -> list[bytes]:
    """How many rows there are that came late, on either machine."""
    return [hosts.ssh(name, _COUNT, user="postgres").stdout.strip() for name in _NAMES[:2]]


@pytest.mark.parametrize(
    "cut",
    ["pkill -KILL -x rsync; true", _CUT],
    ids=["rsync is killed at the target", "the target's network goes away"],
)
def test_a_copy_that_is_cut_off_is_told_and_goes_on(cut: str, hosts: Hosts, machines: tuple[Reach, Reach]) -> None:
    source, target = machines
    hosts.ssh("onprem-1", "mkdir -p /srv/cut; head -c 30000000 /dev/urandom > /srv/cut/large; echo x > /srv/cut/small")
    done = threading.Event()

    def watch(moved: int) -> None:
        if moved > 4 << 20 and not done.is_set():
            done.set()
            hosts.ssh("host-1", cut)

    with pytest.raises(OnshoreError) as error:
        move_tree(source, "/srv/cut", target, "/srv/cut", limit_kib_s=4096, progress=watch)
    assert done.is_set()
    assert "host-1" in str(error.value)
    if cut == _CUT:
        assert "the connection failed or was lost" in str(error.value)
        reachable(target)
    move_tree(source, "/srv/cut", target, "/srv/cut")
    assert tree_parity(source, "/srv/cut", target, "/srv/cut").equal


def reachable(reach: Reach) -> None:
    """Wait until a machine answers again."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OnshoreError):
            reach.run(["true"])
            return
    pytest.fail(f"{reach.name} did not come back")


def test_a_machine_that_proves_itself_with_another_key_is_not_spoken_to(hosts: Hosts, tmp_path: Path) -> None:
    wrong = hosts["host-2"].host_key
    providers = tuple(
        provider.model_copy(
            update={
                "hosts": tuple(
                    host.model_copy(update={"host_key": " ".join(wrong.split()[:2])}) if host.id == "host-1" else host
                    for host in provider.hosts
                )
            }
        )
        for provider in hosts.register.providers
    )
    register = hosts.register.model_copy(update={"providers": providers})
    with contextlib.ExitStack() as stack:
        site = open_site(access(hosts), tmp_path, register, "host-1", stack, database=False)
        with pytest.raises(OnshoreError, match="HST-001"):
            site.reach.run(["true"])
        with pytest.raises(OnshoreError, match="HST-001"):
            open_site(access(hosts), tmp_path, register, "host-1", stack, database=True)
    with pytest.raises(OnshoreError, match=r"register's key \(HST-001\)") as refused:
        discover(["host-1"], access(hosts), tmp_path, register, roots=["/srv"], who="x", progress=lambda _: None)
    assert refused.value.refused


def test_a_machine_outside_the_register_is_refused(hosts: Hosts, tmp_path: Path) -> None:
    text = f"hosts:\n  - {{host: nowhere-1, identity: {hosts.identity}}}\n  - {{host: host-1, identity: none}}\n"
    (tmp_path / "access.yaml").write_text(text)
    with pytest.raises(OnshoreError) as error:
        read_access(tmp_path / "access.yaml", hosts.register)
    said = str(error.value)
    assert "nowhere-1" in said
    assert "HST-001" in said
    assert "no such key file" in said
    assert isinstance(hosts.register.host("host-1"), tuple)
    with contextlib.ExitStack() as stack, pytest.raises(OnshoreError, match="HST-001") as refused:
        open_site(access(hosts), tmp_path, hosts.register, "nowhere-1", stack, database=False)
    assert refused.value.refused


def test_a_machine_without_python_is_told_in_words(hosts: Hosts, tmp_path: Path) -> None:
    hosts.ssh("host-3", "mv /usr/bin/python3 /usr/bin/python3.away")
    try:
        with contextlib.ExitStack() as stack:
            reach = open_site(access(hosts), tmp_path, hosts.register, "host-3", stack, database=False).reach
            with pytest.raises(OnshoreError, match="python3 is missing there"):
                tree_parity(reach, "/etc", reach, "/etc")
    finally:
        hosts.ssh("host-3", "mv /usr/bin/python3.away /usr/bin/python3")
