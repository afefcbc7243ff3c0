"""Sandbox hosts are real machines to whoever logs in, and leave no trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hosts import Hosts

_SERVER = """
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
rm -rf ~/proof && $bin/initdb -D ~/proof --encoding UTF8 -A peer >/dev/null
$bin/pg_ctl -D ~/proof -l ~/proof.log -w -o "-k /tmp" start >/dev/null
psql -h /tmp -d postgres -Atc "select current_setting('server_version_num')::int >= 150000, inet_server_addr() is null"
$bin/pg_ctl -D ~/proof -w -m fast stop >/dev/null && rm -rf ~/proof ~/proof.log
"""


def test_a_host_runs_postgresql_of_its_own(hosts: Hosts) -> None:
    for name in ("onprem-1", "host-1"):
        assert hosts.ssh(name, _SERVER, user="postgres").stdout == b"t|t\n"


def test_a_host_has_the_python_that_ansible_asks_for(hosts: Hosts) -> None:
    told = hosts.ssh("host-2", "/usr/bin/python3 -c 'import json, socket; print(json.dumps(socket.gethostname()))'")
    assert json.loads(told.stdout) == "host-2"
