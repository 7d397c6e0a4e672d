"""Registers every stage's tables with Django. Nothing imports this module."""

from revshare.access.models import User
from revshare.allocation.models import Allocation, Rest
from revshare.audit_trail.models import Event
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle, Window
from revshare.files.models import FoldedId, IngestedFile, QuarantinedRow, Upload
from revshare.ledger.models import AccountControl, Journal, Leg, NamedLeg, PoolControl
from revshare.manifests.models import Manifest, Part, PartVersion, Training, Weight
from revshare.payouts.models import Hold, Payment, PaymentBatch, PaymentResult
from revshare.policies.models import Policy
from revshare.pools.models import Pool
from revshare.runs.models import Run
from revshare.sales.models import Sale
from revshare.statements.models import Statement

__all__ = [
    "AccountControl", "Allocation", "Contributor", "Cycle", "Event", "FoldedId", "Hold", "IngestedFile", "Journal",
    "Leg",
    "Manifest", "NamedLeg", "Part", "PartVersion", "Payment", "PaymentBatch", "PaymentResult", "Policy",
    "Pool", "PoolControl", "QuarantinedRow", "Rest", "Run",
    "Sale", "Statement", "Training", "Upload", "User", "Weight", "Window",
]  # fmt: skip
