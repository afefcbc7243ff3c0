"""Where the engine starts the pack: `python -u -m pulumi.policy ENGINE_ADDRESS PACK_DIRECTORY`."""

from pathlib import Path

from policies.pack import serve

# beside the settings it judges with: those of this very folder, wherever Python found the rest of the pack
serve(Path(__file__).absolute().parent.parent)
