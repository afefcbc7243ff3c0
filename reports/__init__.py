"""Findings in, text out: for people, for merge requests and for the machines that collect reports."""

from reports.record import Finding, Head, Report, Rule, Unread
from reports.rendering import FORMATS, render

__all__ = ["FORMATS", "Finding", "Head", "Report", "Rule", "Unread", "render"]
