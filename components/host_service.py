"""A program of a department on a host of the register: supervised, behind TLS and a firewall, its data backed up."""

import re
from collections.abc import Iterator
from typing import Final

import pulumi

from components._hosted import Asked, hosted, map_faults
from components.args import HostServiceArgs
from components.governance import Law
from inventories.faults import Fault

_FILE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_OWN: Final = frozenset({"PATH", "HOME", "APP", "PORT", "TLS_CERTIFICATE_FILE", "TLS_PRIVATE_KEY_FILE", "LD_PRELOAD"})
_PRIVILEGED: Final = 1024


class HostService(pulumi.ComponentResource):
    """A program that answers on one port; its name is that of the service on the host.

    It runs as an account of its own without any privilege, under systemd where that boots the host, else under runit.
    It serves TLS itself, with the files that `TLS_CERTIFICATE_FILE` and `TLS_PRIVATE_KEY_FILE` name; where it answers
    in plain text, or with another certificate, the update fails. `PORT` is where it listens, `APP` the folder of
    `files`, and the folder it starts in is that of its data: that is what goes to the backups, on another host of
    the register in the country, encrypted to a key whose secret half is on neither. `opts.providers` holds an
    `AnsibleAccess`. Raises OnshoreError with every fault before anything is registered.
    """

    url: pulumi.Output[str]

    def __init__(
        self, name: str, args: HostServiceArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        asked = Asked.of(args, port=args["port"])
        service = hosted(name, asked, opts, law, lambda _: _faults(args))
        super().__init__("onshore:index:HostService", name, service.inputs, opts)
        variables = {
            "command": list(args["command"]),
            "files": dict(args.get("files", {})),
            "environment_secrets": pulumi.Output.secret(dict(args.get("environment", {}))),
            "tls_certificate": args["tls_certificate"],
            "tls_private_key": pulumi.Output.secret(args["tls_private_key"]),
        }
        run = service.run(self, "host_service", variables, law)
        # Known once it is set up: whoever reads it comes after that.
        self.url = run.results.apply(lambda _: f"https://{service.host.address}:{asked.port}")
        self.register_outputs({"url": self.url})


def _faults(args: HostServiceArgs) -> Iterator[Fault]:
    if args["port"] < _PRIVILEGED:
        why = "the service has no privilege, and such ports ask for one"
        yield Fault("port", "not a port for a service", str(args["port"]), why, f"choose one from {_PRIVILEGED} on")
    if not args["command"] or not all(args["command"]):
        yield Fault(
            "command", "nothing that could be run", str(list(args["command"])), fix="name a program, then its arguments"
        )
    for index, word in enumerate(args["command"]):
        if not word.isprintable():
            yield Fault(f"command[{index}]", "a word that is no text in one line", repr(word[:40]))
    files, environment = args.get("files", {}), args.get("environment", {})
    if unknown := list(map_faults(files=files, environment=environment)):
        yield from unknown
        return
    for file in sorted(files):
        if not _FILE.fullmatch(file):
            yield Fault(
                f"files.{file}", "not the name of a file", file, fix="use letters, digits, _, - and ., no folders"
            )
    for variable in sorted(environment):
        if not _VARIABLE.fullmatch(variable) or variable in _OWN:
            fix = "use capital letters, digits and _, and none of those that the service is given"
            yield Fault(f"environment.{variable}", "not a variable to set", variable, fix=fix)
