"""What `verify` looks at in what cycles have committed to: the text is the signed one, and the trees over the
statements as they are now have the roots that it names."""

from collections.abc import Iterator

from django.db import transaction

from revshare.cycles.models import Cycle
from revshare.lake import LakeDamaged, check_part, spool
from revshare.proofs.models import Commitment
from revshare.proofs.operations import grow
from revshare.proofs.queries import TREES, facts_of
from revshare.proofs.rules import commitment_text
from revshare.proofs.signing import is_signed
from revshare.verification.checks import SqlCheck
from revshare.verification.findings import Finding

PROOF_CHECKS = (
    SqlCheck(
        "I24", "a commitment is named in an event of the chain",
        """
        SELECT 'commitment of cycle ' || c.key, p.sha256, coalesce(e.detail->>'commitment_sha256', 'no event')
        FROM proofs_commitment p JOIN cycles_cycle c ON c.id = p.cycle_id
        LEFT JOIN audit_event e ON e.action = 'cycle.committed' AND e.object = 'cycle:' || c.key
        WHERE p.sha256 IS DISTINCT FROM e.detail->>'commitment_sha256'
            OR p.sha256 <> encode(sha256(convert_to(p.text, 'UTF8')), 'hex')
        """,
    ),
)  # fmt: skip


@transaction.atomic
def commitments(cycle: Cycle) -> Iterator[Finding]:
    """Makes the cycle's trees again, from its statements and the secret that is kept."""
    known = Commitment.objects.filter(cycle=cycle).first()
    if known is None:
        return
    where = f"commitment of cycle {cycle.key}"
    if not is_signed(text=known.text, signature=known.signature, public_key=known.public_key):
        yield Finding("I24", where, "the signature is not over this text by this key")
    with spool() as scratch:
        facts = tuple(tree for tree, _ in grow(cycle, secret=bytes(known.secret), scratch=scratch))
    now = commitment_text(facts_of(cycle, facts))
    if now != known.text:
        lines = zip([*known.text.splitlines(), ""], [*now.splitlines(), ""], strict=False)
        old, new = next((pair for pair in lines if pair[0] != pair[1]), ("", ""))
        yield Finding("I23", where, f"it says {old!r}, the statements and pools come to {new!r}")
    for currency, digest in known.trees.items():
        try:
            check_part(TREES, digest)
        except LakeDamaged as error:
            yield Finding("I23", f"{where}, {currency}", str(error))
