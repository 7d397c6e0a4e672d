"""What `verify` looks at in what contributors pass on by their splits: it is what the splits in force say of what was
earned, and the journal of each cycle moves just that."""

from collections.abc import Iterator

import pyarrow as pa

from revshare.allocation.models import PassedOn
from revshare.cycles.models import Cycle
from revshare.cycles.queries import last_day
from revshare.pools.rules import Pinned
from revshare.splits.queries import in_force
from revshare.splits.rules import divide
from revshare.verification.checks import SqlCheck
from revshare.verification.entries import Entries
from revshare.verification.findings import Finding

FIELDS = ("contributor_id", "payee_id", "currency", "earned_micros", "share_millionths", "amount_micros")
AGREEMENT_CHECKS = (
    SqlCheck(
        "I5", "what is passed on by splits is what the cycle's own journal moves, on the statements of that cycle",
        """
        SELECT 'cycle ' || key || ' ' || coalesce(account, '') || ' ' || coalesce(currency, ''), moved, passed_on
        FROM (SELECT cycle_id, 'payable:' || person AS account, currency, sum(amount) AS passed_on
              FROM (SELECT cycle_id, payee_id AS person, currency, amount_micros AS amount FROM allocation_passed_on
                    UNION ALL
                    SELECT cycle_id, contributor_id, currency, -amount_micros FROM allocation_passed_on) sides
              GROUP BY 1, 2, 3 HAVING sum(amount) <> 0) passed
        FULL JOIN (SELECT j.cycle_id, l.account, l.currency,
                          sum(CASE l.side WHEN 'C' THEN l.amount_micros ELSE -l.amount_micros END) AS moved,
                          bool_and(j.key = c.key AND j.seq <= coalesce(c.journals_upto, j.seq)
                                   AND j.seq > coalesce(c.journals_after, 0)) AS own
                   FROM ledger_journal j JOIN ledger_leg l ON l.journal_id = j.seq
                   JOIN cycles_cycle c ON c.id = j.cycle_id
                   WHERE j.kind = 'split' AND j.reverses_id IS NULL GROUP BY 1, 2, 3) legs
            USING (cycle_id, account, currency)
        JOIN cycles_cycle ON id = cycle_id
        WHERE moved IS DISTINCT FROM passed_on OR NOT own
        """,
    ),
)  # fmt: skip


def check_passed_on(cycle: Cycle, entries: Entries, pinned: Pinned) -> Iterator[Finding]:
    """I22: what is passed on is what the splits in force give of what the entries earned, by the slow exact rule."""
    shares: dict[str, dict[str, int]] = {}
    for part in in_force(day=last_day(cycle), upto_arrival=pinned.upto_arrival):
        own = shares.setdefault(part.contributor_id, {})
        own[part.payee_id] = own.get(part.payee_id, 0) + part.share_millionths
    entries.con.register("giver", pa.table({"contributor_id": pa.array(sorted(shares), pa.string())}))
    earned = entries.con.execute(
        "SELECT contributor_id, currency, sum(earned_micros) FROM entry SEMI JOIN giver USING (contributor_id) "
        "GROUP BY contributor_id, currency HAVING sum(earned_micros) > 0"
    ).fetchall()
    should = {
        (name, payee, currency, int(micros), shares[name][payee], amount)
        for name, currency, micros in earned
        for payee, amount in divide(earned_micros=int(micros), contributor_id=name, shares=shares[name]).items()
        if payee != name
    }
    stored = set(PassedOn.objects.filter(cycle=cycle).values_list(*FIELDS))
    if wrong := sorted(stored ^ should):
        what = "should not be there" if wrong[0] in stored else "is missing"
        giver, payee, currency, *_ = wrong[0]
        yield Finding("I22", f"{cycle.key} split of {giver} to {payee} in {currency}", f"{wrong[0][3:]} {what}")
