"""What was published last, from what others have of it where the instance's own published head is lost: any statement's
proof, and what finance knows that the bank has got."""

import json

from revshare.continuity.rules import Head, HeadWrong
from revshare.proofs.models import Commitment
from revshare.proofs.signing import is_signed


def head_of_proof(text: str, batches: dict[str, str]) -> Head:
    """The head that a statement's proof names (its contributor has it too). Raises HeadWrong unless it is
    signed by the key that this instance signed with before."""
    try:
        proof = json.loads(text)
        commitment, signature, key = (str(proof[name]) for name in ("commitment", "signature", "public_key"))
    except (ValueError, KeyError, TypeError):
        raise HeadWrong("This is no statement's proof: JSON with commitment, signature and public_key.") from None
    known = set(Commitment.objects.values_list("public_key", flat=True))
    if not is_signed(text=commitment, signature=signature, public_key=key) or (known and key not in known):
        raise HeadWrong("This proof is not signed by the key that signed the cycles published here.")
    facts = dict(line.split("\t")[:2] for line in commitment.splitlines() if "\t" in line)
    return Head(journal=(0, facts["journal"]), cycles={facts["cycle"]: facts["result"]}, batches=batches)
