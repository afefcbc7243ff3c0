"""Tells what a machine runs and holds, as one line of JSON, and changes nothing.

This file is sent to a machine and run there by whatever Python 3 it has: the standard library only, and old syntax.
Arguments: folders whose sub-folders are file trees of their own. Of commands only the program is told: their arguments
may hold secrets.
"""

import glob
import json
import os
import pwd
import socket
import subprocess
import sys
from typing import Any

_IGNORED = {"sshd", "systemd", "systemd-resolve", "systemd-network", "dhclient", "chronyd", "rpcbind", "init"}
_DATABASES = """SELECT datname, pg_database_size(oid), pg_get_userbyid(datdba), current_setting('server_version')
FROM pg_database WHERE NOT datistemplate AND datallowconn AND datname <> 'postgres' ORDER BY 1"""
_TABLES = """SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint,
(SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
 AND NOT attisdropped) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2"""


def run(argv: Any, user: str = "") -> str:
    """What a program prints; nothing where it is missing or fails."""
    if user and os.getuid() == 0 and user != "root":
        argv = ["runuser", "-u", user, "--"] + argv
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def read(path: str) -> str:
    """A file's text; nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def address(text: str) -> Any:
    """(address, port) as the kernel writes them: hexadecimal, in words of the machine's own order."""
    host, _, port = text.partition(":")
    words = b"".join(bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8))
    shown = socket.inet_ntop(socket.AF_INET if len(words) == 4 else socket.AF_INET6, words)
    return shown.replace("::ffff:", ""), int(port, 16)


def sockets() -> Any:
    """inode -> (protocol, state, local, remote) of every TCP socket, and of UDP sockets that wait."""
    found = {}
    for protocol, path in (("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6")):
        for line in read("/proc/net/" + path).splitlines()[1:]:
            parts = line.split()
            state = {"0A": "listening", "01": "connected", "07": "listening"}.get(parts[3])
            if state and not (protocol == "udp" and state == "connected"):
                found[parts[9]] = (protocol, state, address(parts[1]), address(parts[2]))
    return found


def processes() -> Any:
    """(name, user, inodes of sockets, paths of Unix sockets are elsewhere) of every process that can be looked at."""
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            user = pwd.getpwuid(os.stat(folder).st_uid).pw_name
        except (OSError, KeyError):
            user = ""
        inodes = set()
        for handle in glob.glob(folder + "/fd/*"):
            try:
                target = os.readlink(handle)
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
        if inodes:
            yield read(folder + "/comm").strip(), user, inodes


def network() -> Any:
    """Services by listening process, ports, and connections that this machine opened."""
    known = sockets()
    services = {}  # type: Any
    ports, opened = [], set()
    for name, user, inodes in processes():
        for inode in inodes:
            if inode not in known:
                continue
            protocol, state, local, remote = known[inode]
            if state == "listening":
                ports.append({"port": local[1], "protocol": protocol, "address": local[0], "process": name})
                if name not in _IGNORED and protocol == "tcp":
                    services.setdefault((name, user), set()).add(local[1])
            else:
                opened.add((name, local[1], remote[0], remote[1]))
    listening = {each["port"] for each in ports}
    unique = sorted({json.dumps(each, sort_keys=True) for each in ports})
    return {
        "services": [
            {"name": name, "user": user, "command": name, "ports": sorted(found)}
            for (name, user), found in sorted(services.items())
        ],
        "ports": [json.loads(each) for each in unique],
        "connections": [
            {"process": name, "to": host, "port": port}
            for name, port, host in sorted(
                {(name, far_port, far) for name, near, far, far_port in opened if near not in listening}
            )
            if name not in _IGNORED and not host.startswith("127.") and host != "::1"
        ],
    }


def databases() -> Any:
    """Every PostgreSQL server with a Unix socket, asked as the owner of its socket."""
    found = []
    paths = {line.split()[-1] for line in read("/proc/net/unix").splitlines() if ".s.PGSQL." in line}
    for path in sorted(path for path in paths if path.startswith("/") and os.path.exists(path)):
        folder, _, port = path.rpartition("/.s.PGSQL.")
        owner = pwd.getpwuid(os.stat(path).st_uid).pw_name
        psql = ["psql", "-XAtq", "-F", "\t", "-h", folder, "-p", port, "-U", owner]
        for line in run(psql + ["-d", "postgres", "-c", _DATABASES], owner).splitlines():
            name, size, role, version = line.split("\t")
            tables = []
            for row in run(psql + ["-d", name, "-c", _TABLES], owner).splitlines():
                parts = row.split("\t")
                if len(parts) == 4:
                    columns = parts[3].split(",") if parts[3] else []
                    tables.append(
                        {"schema": parts[0], "name": parts[1], "rows_estimate": int(parts[2]), "columns": columns}
                    )
            found.append(
                {
                    "engine": "postgresql",
                    "version": version.split()[0],
                    "name": name,
                    "port": int(port),
                    "owner": role,
                    "size_bytes": int(size),
                    "tables": tables,
                }
            )
    return found


def trees(roots: Any) -> Any:
    """Each sub-folder of the roots as a tree, with its size and files."""
    found = []
    for root in roots:
        for path in sorted(glob.glob(root.rstrip("/") + "/*")):
            if not os.path.isdir(path) or os.path.islink(path):
                continue
            size = count = 0
            for folder, _, names in os.walk(path):
                for name in names:
                    try:
                        size += os.lstat(os.path.join(folder, name)).st_size
                    except OSError:
                        continue
                    count += 1
            try:
                owner = pwd.getpwuid(os.stat(path).st_uid).pw_name
            except KeyError:
                owner = ""
            found.append({"path": path, "size_bytes": size, "files": count, "owner": owner})
    return found


def packages() -> Any:
    """Installed packages by the machine's own package manager."""
    lines = run(["dpkg-query", "-W", "-f", "${Package}\t${Version}\n"]) or run(
        ["rpm", "-qa", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\n"]
    )
    pairs = (line.split("\t") for line in lines.splitlines())
    return [{"name": pair[0], "version": pair[1]} for pair in pairs if len(pair) == 2 and pair[1]]


def cron() -> Any:
    """Entries of crontabs but for those that packages bring: user, schedule and program."""
    found = []
    for path in ["/etc/crontab"] + sorted(glob.glob("/etc/cron.d/*") + glob.glob("/var/spool/cron/crontabs/*")):
        own = path.startswith("/var/spool")
        if not own and (run(["dpkg-query", "-S", path]) or run(["rpm", "-qf", path])):
            continue
        for line in read(path).splitlines():
            words = line.split()
            if not words or line.lstrip().startswith("#") or "=" in words[0]:
                continue
            fields = 1 if words[0].startswith("@") else 5
            rest = words[fields:]
            user = os.path.basename(path) if own else (rest.pop(0) if rest else "")
            if user and rest:
                found.append({"user": user, "schedule": " ".join(words[:fields]), "program": rest[0]})
    return found


def main(roots: Any) -> None:
    release = dict(line.split("=", 1) for line in read("/etc/os-release").splitlines() if "=" in line)
    memory = dict(line.split(":", 1) for line in read("/proc/meminfo").splitlines() if ":" in line)
    told = {
        "os": release.get("PRETTY_NAME", "").strip('"'),
        "vcpu": os.cpu_count() or 1,
        "memory_gib": round(int(memory["MemTotal"].split()[0]) / 2**20, 2),
        "databases": databases(),
        "files": trees(roots),
        "packages": packages(),
        "cron": cron(),
    }
    told.update(network())
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
