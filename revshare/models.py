"""Registers every stage's tables with Django. Nothing imports this module."""

from revshare.access.models import ApiToken, FailedAttempt, User
from revshare.allocation.models import Allocation, Correction, HeldRelease, PassedOn, Release, Rest, SuspenseDecision
from revshare.audit_trail.models import Event
from revshare.claims.models import Claim, ClaimStep
from revshare.consents.models import Consent
from revshare.continuity.models import Restoration
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle, Window
from revshare.files.models import ColumnMapping, FoldedId, IngestedFile, QuarantinedRow, Upload, Void
from revshare.invitations.models import Invitation
from revshare.ledger.models import AccountControl, Journal, Leg, NamedLeg, PoolControl
from revshare.mail.models import Message, Preference, Queued
from revshare.manifests.models import Manifest, Part, PartVersion, Training, Weight
from revshare.measures.models import Measure, Output, Usage
from revshare.payouts.models import (
    Destination,
    DestinationNotice,
    Hold,
    Payment,
    PaymentBatch,
    PaymentResult,
    PayoutCurrency,
)
from revshare.personal.models import DeletionDecision, DeletionRequest
from revshare.policies.models import Policy
from revshare.pools.models import CarryCorrection, Conversion, Match, Pool
from revshare.proofs.models import Commitment
from revshare.rates.models import Rate
from revshare.recoupments.models import Debt, DebtStep, Recouped
from revshare.restatements.models import Restatement, RestatementLine, RestatementStep
from revshare.reviews.models import Decision, Finding, Review
from revshare.runs.models import Run
from revshare.sales.models import PartSum, Sale
from revshare.splits.models import Split
from revshare.statements.models import Statement
from revshare.verification.models import StoredVerdict

__all__ = [
    "AccountControl", "Allocation", "ApiToken", "CarryCorrection", "Claim", "ClaimStep", "ColumnMapping", "Commitment",
    "Consent", "Contributor", "Conversion", "Correction", "Cycle", "Debt", "DebtStep", "Decision", "DeletionDecision",
    "DeletionRequest", "Destination", "DestinationNotice", "Event", "FailedAttempt", "Finding", "FoldedId",
    "HeldRelease", "Hold", "IngestedFile", "Invitation", "Journal", "Leg", "Manifest", "Match", "Measure", "Message",
    "NamedLeg", "Output", "Part", "PartSum", "PartVersion", "PassedOn", "Payment", "PaymentBatch", "PaymentResult",
    "PayoutCurrency", "Policy", "Pool", "PoolControl", "Preference", "QuarantinedRow", "Queued", "Rate", "Recouped",
    "Release", "Rest", "Restatement", "RestatementLine", "RestatementStep", "Restoration", "Review", "Run", "Sale",
    "Split", "Statement", "StoredVerdict", "SuspenseDecision", "Training", "Upload", "Usage", "User", "Void", "Weight",
    "Window",
]  # fmt: skip
