"""The tables of money, one file for each subject. Their columns cannot be changed cheaply later.

Django owns the schema and the pages' reads; every write that concerns money goes through
`acceptance`, `moves`, `settlement`, `relayer` and `ledger` in plain SQL on these tables.
"""

from payments.models.answers import Answer, AnswerBody, StreamPart
from payments.models.audit_log import AuditEntry, AuditHead
from payments.models.caps import Cap, Loss
from payments.models.disputes import Case, Dispute, DisputeStep, Reason, Refund, Side
from payments.models.earnings import BuyerDay, BuyersLook, Counted, EarningsDay, EarningsVersion
from payments.models.health import ChainHealth, Heartbeat
from payments.models.ledger import Receipt, Transfer
from payments.models.limits import AlertWish, Limit, LimitAlert, LimitGroup
from payments.models.offers import ChallengeCount, ChallengeDay, OpenOffer
from payments.models.payment import Money, Payment, Progress, Step, StepMark, Work
from payments.models.reconciliation import LostPayment, Reconciliation
from payments.models.settling import Broadcast, FailedSend, GasUse, Relayer, Submission
from payments.models.tries import Tries, UsedNonce

__all__ = [
    "AlertWish",
    "Answer",
    "AnswerBody",
    "AuditEntry",
    "AuditHead",
    "Broadcast",
    "BuyerDay",
    "BuyersLook",
    "Cap",
    "Case",
    "ChainHealth",
    "ChallengeCount",
    "ChallengeDay",
    "Counted",
    "Dispute",
    "DisputeStep",
    "EarningsDay",
    "EarningsVersion",
    "FailedSend",
    "GasUse",
    "Heartbeat",
    "Limit",
    "LimitAlert",
    "LimitGroup",
    "Loss",
    "LostPayment",
    "Money",
    "OpenOffer",
    "Payment",
    "Progress",
    "Reason",
    "Receipt",
    "Reconciliation",
    "Refund",
    "Relayer",
    "Side",
    "Step",
    "StepMark",
    "StreamPart",
    "Submission",
    "Transfer",
    "Tries",
    "UsedNonce",
    "Work",
]
