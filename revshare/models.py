"""Registers every stage's tables with Django. Nothing imports this module."""

from revshare.access.models import User
from revshare.allocation.models import Allocation, Correction, HeldRelease, PassedOn, Release, Rest, SuspenseDecision
from revshare.audit_trail.models import Event
from revshare.claims.models import Claim, ClaimStep
from revshare.consents.models import Consent
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle, Window
from revshare.files.models import FoldedId, IngestedFile, QuarantinedRow, Upload, Void
from revshare.invitations.models import Invitation
from revshare.ledger.models import AccountControl, Journal, Leg, NamedLeg, PoolControl
from revshare.mail.models import Message, Preference, Queued
from revshare.manifests.models import Manifest, Part, PartVersion, Training, Weight
from revshare.measures.models import Measure, Output, Usage
from revshare.payouts.models import Hold, Payment, PaymentBatch, PaymentResult, PayoutCurrency
from revshare.personal.models import DeletionDecision, DeletionRequest
from revshare.policies.models import Policy
from revshare.pools.models import CarryCorrection, Conversion, Match, Pool
from revshare.proofs.models import Commitment
from revshare.rates.models import Rate
from revshare.recoupments.models import Debt, DebtStep, Recouped
from revshare.restatements.models import Restatement, RestatementLine, RestatementStep
from revshare.runs.models import Run
from revshare.sales.models import Sale
from revshare.splits.models import Split
from revshare.statements.models import Statement

__all__ = [
    "AccountControl",
    "Allocation",
    "CarryCorrection",
    "Claim",
    "ClaimStep",
    "Commitment",
    "Consent",
    "Contributor",
    "Conversion",
    "Correction",
    "Cycle",
    "Debt",
    "DebtStep",
    "DeletionDecision",
    "DeletionRequest",
    "Event",
    "FoldedId",
    "HeldRelease",
    "Hold",
    "IngestedFile",
    "Invitation",
    "Journal",
    "Leg",
    "Manifest",
    "Match",
    "Measure",
    "Message",
    "NamedLeg",
    "Output",
    "Part",
    "PartVersion",
    "PassedOn",
    "Payment",
    "PaymentBatch",
    "PaymentResult",
    "PayoutCurrency",
    "Policy",
    "Pool",
    "PoolControl",
    "Preference",
    "QuarantinedRow",
    "Queued",
    "Rate",
    "Recouped",
    "Release",
    "Rest",
    "Restatement",
    "RestatementLine",
    "RestatementStep",
    "Run",
    "Sale",
    "Split",
    "Statement",
    "SuspenseDecision",
    "Training",
    "Upload",
    "Usage",
    "User",
    "Void",
    "Weight",
    "Window",
]  # fmt: skip
