"""What already runs, judged by the same checks, without running a program."""

from audit.judging import Found, audit_file
from audit.live import audit_namespace

__all__ = ["Found", "audit_file", "audit_namespace"]
