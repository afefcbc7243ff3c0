"""What an engine starts as `pulumi-resource-onshore-ansible`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

_FOREIGN: Final = ("ANSIBLE_", "SSH_", "PULUMI_", "AWX_", "RUNNER_")


def main() -> None:
    """Serve the provider to the engine whose address is the first argument."""
    if len(sys.argv) < 2:
        sys.exit("pulumi-resource-onshore-ansible is started by a Pulumi engine, with its address")
    # What is meant for Ansible, ssh or the engine by this machine is meant for nobody here, passphrases least of all.
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        del os.environ[name]
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # what is started here never calls back through gRPC

    from inventories.private_dir import sweep  # noqa: PLC0415 - gRPC reads the environment when it is imported
    from playbooks.running import KIND  # noqa: PLC0415
    from playbooks.server import serve  # noqa: PLC0415

    sweep(KIND)
    asyncio.run(serve(sys.argv[1]))


if __name__ == "__main__":
    main()
