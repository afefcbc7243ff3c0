"""A tree of files on a host of the register: reached by rsync over SSH alone, its backups encrypted."""

import re
from collections.abc import Iterator
from typing import Final

import pulumi

from components._hosted import Asked, hosted
from components.args import FileStoreArgs
from components.governance import Law
from inventories import patterns
from inventories.faults import Fault

_PUBLIC_KEY: Final = re.compile(
    r"(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa|sk-ssh-ed25519@openssh\.com) [A-Za-z0-9+/]{32,}={0,2}"
)
_MOST_MIB: Final = 2**30


class FileStore(pulumi.ComponentResource):
    """A folder with an owner of its own; its name is that of the service on the host.

    Whoever holds one of the keys reaches that folder by rsync over the host's SSH, from `clients`, and nothing else of
    the host: no shell, no other path. Backups go to another host of the register in the country, encrypted to a key
    whose secret half is on neither. `opts.providers` holds an `AnsibleAccess`.
    Raises OnshoreError with every fault before anything is registered.
    """

    address: pulumi.Output[str]
    account: pulumi.Output[str]
    """The user that rsync logs in as."""
    path: pulumi.Output[str]
    """The tree on the host; to rsync it is the root."""

    def __init__(
        self, name: str, args: FileStoreArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        asked = Asked.of(args, port=None)
        service = hosted(name, asked, opts, law, lambda _: _faults(args))
        super().__init__("onshore:index:FileStore", name, service.inputs, opts)
        variables = {
            "mode": args.get("mode", "0750"),
            "quota_mib": args["quota_mib"],
            "writer_keys": _keys(args.get("writers", [])),
            "reader_keys": _keys(args.get("readers", [])),
        }
        run = service.run(self, "file_store", variables, law)
        # Known once it is set up: whoever reads them comes after that.
        self.address = run.results.apply(lambda _: service.host.address)
        self.account = run.results.apply(lambda _: f"store-{name}")
        self.path = run.results.apply(lambda _: f"/srv/onshore/{name}/tree")
        self.register_outputs({"address": self.address, "account": self.account, "path": self.path})


def _keys(keys: list[str]) -> list[str]:
    return [" ".join(key.split()[:2]) for key in keys]


def _faults(args: FileStoreArgs) -> Iterator[Fault]:
    mode, quota = args.get("mode", "0750"), args["quota_mib"]
    if not re.fullmatch(patterns.FILE_MODE, mode) or int(mode, 8) & 0o007:
        fix = "write it in octal, with nothing for others, like 0750"
        yield Fault(
            "mode", "not a mode for a department's files", mode, "other accounts of the host could read them", fix
        )
    if not 1 <= quota <= _MOST_MIB:
        yield Fault("quota_mib", "not a size", str(quota), fix=f"choose from 1 to {_MOST_MIB} MiB")
    writers, readers = args.get("writers", []), args.get("readers", [])
    if not writers and not readers:
        yield Fault("writers, readers", "nobody may reach it", fix="name public SSH keys")
    for field, keys in (("writers", writers), ("readers", readers)):
        for index, key in enumerate(keys):
            if not _PUBLIC_KEY.fullmatch(" ".join(key.split()[:2])) or "\n" in key.strip():
                yield Fault(f"{field}[{index}]", "not a public SSH key", key[:40], fix="write it as in id_ed25519.pub")
