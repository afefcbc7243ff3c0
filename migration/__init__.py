"""How does what runs on premises get there, provably whole? Discovery, assessment, plan, move, parity and ledger."""

from migration.costs import CostSheet, read_costs
from migration.discovery import Discovery, read_discovery
from migration.ledger import Ledger
from migration.questionnaire import Questionnaire, read_questionnaire

__all__ = [
    "CostSheet",
    "Discovery",
    "Ledger",
    "Questionnaire",
    "read_costs",
    "read_discovery",
    "read_questionnaire",
]
