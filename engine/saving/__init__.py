"""A stack's state as it lies on disk, and what is saved when."""
