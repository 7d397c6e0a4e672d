"""Looks at everything and changes nothing."""

from dataclasses import dataclass

from revshare.cycles.models import Cycle
from revshare.privileges import ONE_ROLE, owns_tables
from revshare.progress import Progress, no_progress
from revshare.verification.agreements import AGREEMENT_CHECKS
from revshare.verification.checks import SQL_CHECKS, WALKS, entry_sums, run_sql
from revshare.verification.classes import class_weights
from revshare.verification.conversions import CONVERSION_CHECKS
from revshare.verification.debts import DEBT_CHECKS
from revshare.verification.findings import Finding
from revshare.verification.held import HELD_CHECKS
from revshare.verification.part_sums import PART_SUM_CHECKS
from revshare.verification.payments import PAYMENT_CHECKS, batches
from revshare.verification.people import PEOPLE_CHECKS
from revshare.verification.privileges import TRIGGER_CHECKS, beyond_the_list
from revshare.verification.proofs import PROOF_CHECKS, commitments
from revshare.verification.recompute import recompute
from revshare.verification.restatements import RESTATEMENT_CHECKS, digests, recompute_restated
from revshare.verification.reviews import REVIEW_CHECKS, review_again
from revshare.verification.signals import SIGNAL_CHECKS
from revshare.verification.suspense import SUSPENSE_CHECKS

CHECKS = (
    *SQL_CHECKS,
    *PART_SUM_CHECKS,
    *SIGNAL_CHECKS,
    *SUSPENSE_CHECKS,
    *CONVERSION_CHECKS,
    *PAYMENT_CHECKS,
    *AGREEMENT_CHECKS,
    *HELD_CHECKS,
    *PROOF_CHECKS,
    *RESTATEMENT_CHECKS,
    *DEBT_CHECKS,
    *TRIGGER_CHECKS,
    *REVIEW_CHECKS,
    *PEOPLE_CHECKS,
)
CHAINS = (beyond_the_list, *WALKS, class_weights, batches, digests)


@dataclass(frozen=True)
class Verdict:
    """How many checks were made, over how many cycles, and what was found: nothing, if all is well. `notes`: what is
    no fault and yet should be known."""

    checks: int
    cycles: int
    findings: list[Finding]
    notes: list[str]


def verify(*, cycles: list[Cycle], progress: Progress = no_progress) -> Verdict:
    """Checks the invariants over all data, looks at every entry of these cycles, and computes them again from their
    stored inputs."""
    findings: list[Finding] = []
    total = len(CHECKS) + len(CHAINS) + len(cycles)
    progress("sums", 0, total)
    sums = entry_sums()
    for done, check in enumerate(CHECKS):
        progress(check.invariant, done, total)
        findings += run_sql(check, sums)
    for done, walk in enumerate(CHAINS, len(CHECKS)):
        progress("chains", done, total)
        findings += walk()
    for done, cycle in enumerate(cycles, len(CHECKS) + len(CHAINS)):
        progress(cycle.key, done, total)
        findings += recompute(cycle)
        findings += commitments(cycle)
        findings += recompute_restated(cycle)
        findings += review_again(cycle)
    progress("done", total, total)
    notes = [ONE_ROLE] if owns_tables() else []
    return Verdict(checks=total, cycles=len(cycles), findings=findings, notes=notes)
