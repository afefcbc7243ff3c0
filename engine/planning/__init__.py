"""The decisions: what happens to each resource. Pure: events in, instructions out, no I/O, no thread, no clock."""
