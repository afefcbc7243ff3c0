"""What already runs, judged by the same checks, without running a program."""

from audit.judging import Found, audit_file

__all__ = ["Found", "audit_file"]
