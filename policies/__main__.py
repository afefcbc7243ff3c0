"""Where the engine starts the pack: `python -u -m pulumi.policy ENGINE_ADDRESS PACK_DIRECTORY`."""

from policies.pack import serve

serve()
