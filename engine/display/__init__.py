"""What people and programs see of a run; the live form is `engine.display.tree`, apart because it imports rich."""

from engine.display.forms import EventLog, preview_json
from engine.display.log import LogDisplay
from engine.display.text import summary_text

__all__ = ["EventLog", "LogDisplay", "preview_json", "summary_text"]
