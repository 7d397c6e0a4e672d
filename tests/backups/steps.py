"""What an instance does before a backup and after it, as programs of the drill: each prints what came of it."""

import json
from hashlib import sha256

from revshare.continuity.operations import NotReconciled
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.ledger.models import Journal
from revshare.payouts import operations as payouts
from revshare.payouts.models import PaymentBatch
from revshare.payouts.register import register
from revshare.periods import parse_period
from revshare.policies.operations import find
from tests.faults import month
from tests.faults.month import SALES, by

JULY = SALES + "j1,2026-07-10T00:00:00Z,generation,m,USD,60.00,\n"


def june() -> None:
    month.files_in()
    month.cycle_opened()
    month.stepped("lock", "olivia")
    month.stepped("calculate", "olivia")
    month.reviewed()
    month.stepped("publish", "adam")
    month.swept()


def july() -> None:
    month.take("sales", JULY)
    period = parse_period("2026-07-01", "2026-08-01", "Europe/Madrid")
    cycles.open_cycle(key="july", period=period, policy=find("p"), act=by("olivia"))
    month.stepped("lock", "olivia", "july")
    month.stepped("calculate", "olivia", "july")
    month.reviewed("july")
    month.stepped("publish", "adam", "july")
    month.swept("july")
    print(json.dumps(told()))


def paid() -> None:
    batch = PaymentBatch.objects.first() or payouts.prepare(currency="USD", act=by("fiona"))
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=by("adam"))
    payouts.release_to_bank(batch_id=batch.pk, act=by("fiona"))
    print(json.dumps(told()))


def told() -> dict[str, object]:
    batch = PaymentBatch.objects.filter(state="exported").first()
    return {
        "cycles": list(Cycle.objects.order_by("key").values_list("key", "state", "input_digest", "result_digest")),
        "journals": list(Journal.objects.order_by("seq").values_list("seq", "kind", "hash")),
        "register": batch and sha256(register(batch)).hexdigest(),
    }


def refused() -> None:
    """Prints what is said to whoever tries to publish and to pay."""
    said = {}
    for name, attempt in (("july", july), ("paid", paid)):
        try:
            attempt()
        except NotReconciled as error:
            said[name] = str(error)
    assert len(said) == 2, said
    print(json.dumps(said))
