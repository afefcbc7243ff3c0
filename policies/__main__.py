"""Where the engine starts the pack: `python -u -m pulumi.policy ENGINE_ADDRESS PACK_DIRECTORY`."""

import os
import threading
import time
from pathlib import Path

from policies.pack import serve

_WATCH_S = 1.0


def _end_with(parent: int) -> None:
    """An engine that died asks nothing any more, and nobody else ends the pack."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(0)


threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
# beside the settings it judges with: those of this very folder, wherever Python found the rest of the pack
serve(Path(__file__).absolute().parent.parent)
