"""What `verify` looks at in what is owed and kept back: debts stand in the accounts as they should, cycles take back
what the policy says and no more, reserves are of what was earned and come back when they are due."""

from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa

from revshare.allocation.models import PassedOn
from revshare.allocation.passing_on import SPLIT_JOURNAL
from revshare.allocation.reserves import RESERVE, RESERVE_RELEASE, due_in, reserve_key
from revshare.cycles.models import Cycle
from revshare.ledger.models import Journal, NamedLeg
from revshare.money import share_of
from revshare.policies.rules import Rulebook, parse
from revshare.pools.models import Pool
from revshare.pools.rules import Pinned
from revshare.recoupments.models import Recouped
from revshare.recoupments.queries import due
from revshare.recoupments.rules import by_reserve, taken
from revshare.verification.checks import SqlCheck
from revshare.verification.entries import Entries
from revshare.verification.findings import Finding

Amounts = dict[tuple[str, str], int]

DEBT_CHECKS = (
    SqlCheck(
        "I1", "what is owed by the debts is what the accounts `advance` and `receivable` say",
        """
        SELECT account || ' ' || currency, coalesce(stands, 0), coalesce(owed, 0)
        FROM (SELECT CASE d.kind WHEN 'advance' THEN 'advance' ELSE 'receivable' END AS account, d.currency,
                     sum(m.micros) AS owed
              FROM recoupments_debt d JOIN (
                  SELECT debt_id, CASE action WHEN 'book' THEN amount_micros ELSE -amount_micros END AS micros
                  FROM recoupments_step
                  UNION ALL SELECT debt_id, -amount_micros FROM recoupments_recouped) m ON m.debt_id = d.id
              GROUP BY 1, 2) debts
        FULL JOIN (SELECT account, currency,
                          sum(CASE side WHEN 'D' THEN amount_micros ELSE -amount_micros END) AS stands
                   FROM ledger_leg WHERE account IN ('advance', 'receivable') GROUP BY 1, 2) legs
            USING (account, currency)
        WHERE coalesce(stands, 0) <> coalesce(owed, 0)
        """,
    ),
    SqlCheck(
        "I5", "what is taken back of debts is what the cycle's own journal moves, on the statements of that cycle",
        """
        SELECT 'cycle ' || key || ' ' || account || ' ' || currency, moved, recouped
        FROM (SELECT r.cycle_id, 'payable:' || d.contributor_id AS account, d.currency,
                     -sum(r.amount_micros) AS recouped
              FROM recoupments_recouped r JOIN recoupments_debt d ON d.id = r.debt_id GROUP BY 1, 2, 3) rows
        FULL JOIN (SELECT j.cycle_id, l.account, l.currency,
                          sum(CASE l.side WHEN 'C' THEN l.amount_micros ELSE -l.amount_micros END) AS moved,
                          bool_and(j.key = c.key AND j.seq <= coalesce(c.journals_upto, j.seq)
                                   AND j.seq > coalesce(c.journals_after, 0)) AS own
                   FROM ledger_journal j JOIN ledger_leg l ON l.journal_id = j.seq
                   JOIN cycles_cycle c ON c.id = j.cycle_id
                   WHERE j.kind = 'recoupment' AND j.reverses_id IS NULL AND l.account LIKE 'payable:%%'
                   GROUP BY 1, 2, 3) legs
            USING (cycle_id, account, currency)
        JOIN cycles_cycle ON id = cycle_id
        WHERE moved IS DISTINCT FROM recouped OR NOT own
        """,
    ),
    SqlCheck(
        "I5", "a debt is booked by the journal that its step names, on the account of its contributor",
        """
        SELECT 'debt ' || d.id, coalesce(l.moved, 0), s.amount_micros
        FROM recoupments_step s JOIN recoupments_debt d ON d.id = s.debt_id
        LEFT JOIN LATERAL (
            SELECT sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END) AS moved FROM ledger_leg
            WHERE journal_id = s.journal_id AND currency = d.currency
                AND account = CASE s.action WHEN 'book' THEN 'payable:' || d.contributor_id
                    ELSE CASE d.kind WHEN 'advance' THEN 'advance' ELSE 'receivable' END END) l ON true
        WHERE s.journal_id IS NOT NULL AND l.moved IS DISTINCT FROM s.amount_micros
            OR s.action = 'book' AND s.amount_micros <> d.amount_micros
        """,
    ),
    SqlCheck(
        "I8", "of no debt more is taken back and written off than it was, or before its day",
        """
        SELECT 'debt ' || d.id, r.micros, d.amount_micros FROM recoupments_debt d
        JOIN LATERAL (SELECT coalesce(sum(r.amount_micros), 0) AS micros,
                             coalesce(bool_or(c.ends_on <= d.starts_on), false) AS early
                      FROM recoupments_recouped r JOIN cycles_cycle c ON c.id = r.cycle_id
                      WHERE r.debt_id = d.id) r ON true
        LEFT JOIN recoupments_step w ON w.debt_id = d.id AND w.action = 'write_off'
        WHERE r.micros + coalesce(w.amount_micros, 0) > d.amount_micros OR r.early
            OR r.micros > 0 AND NOT EXISTS (SELECT FROM recoupments_step s WHERE s.debt_id = d.id AND s.action = 'book')
        """,
    ),
    SqlCheck(
        "I20", "a debt moves by allowed moves, each once",
        """
        SELECT 'debt ' || debt_id, source, before FROM (
            SELECT *, coalesce(lag(target) OVER (PARTITION BY debt_id ORDER BY id), 'asked') AS before
            FROM recoupments_step) s
        WHERE source <> before
        """,
    ),
    SqlCheck(
        "I29", "nobody granted an advance or wrote off a debt that they had asked for",
        """
        SELECT 'debt ' || d.id, s.by, 'another' FROM recoupments_step s JOIN recoupments_debt d ON d.id = s.debt_id
        WHERE s.by = d.asked_by AND (d.kind = 'advance' OR s.action = 'write_off')
        """,
    ),
)  # fmt: skip


def check_deductions(cycle: Cycle, entries: Entries, pinned: Pinned) -> Iterator[Finding]:
    """I22: the reserve and what is taken back of debts are what the policy gives of what the entries earned, by the
    slow exact rule; and the reserves that were due came back, whole."""
    yield from _released(cycle)
    rulebook = parse(cycle.policy.text)
    earned = _earned(cycle, entries) if rulebook.reserves or rulebook.recoupment else {}
    reserve: Amounts = defaultdict(int)
    for table, amounts in _reserved(cycle, entries, rulebook).items():
        key = reserve_key(cycle.key, table)
        stored = {at: -amount for at, amount in _moved(RESERVE, key).items()}
        if Journal.objects.filter(kind=RESERVE, key=key, cycle=None).exists():
            stored = {}  # it has the cycle's name, and is not the cycle's
        yield from _differing(cycle, f"reserve {table}".strip(), stored, amounts)
        for at, amount in amounts.items():
            reserve[at] += amount
    rows = Recouped.objects.filter(cycle=cycle).values_list("debt_id", "amount_micros", "earned_micros")
    is_taken = {("debt", str(debt)): amount for debt, amount, _ in rows}
    should: Amounts = {}
    owed = due(calculation=cycle.calculation or 0, ends_on=cycle.ends_on, upto_step=pinned.upto_debt_step)
    came_back = _came_back(cycle)
    for (name, currency), debts in owed.items() if rulebook.recoupment else ():
        micros = earned.get((name, currency), 0)
        assert rulebook.recoupment is not None
        limit = came_back.get((name, currency), 0) + min(
            rulebook.recoupment.limit_micros(earned_micros=micros, currency=currency),
            micros - reserve.get((name, currency), 0),
        )
        should |= {("debt", str(debt)): amount for debt, amount in taken(debts=debts, limit_micros=limit).items()}
    yield from _differing(cycle, "recouped of", is_taken, should)


def _differing(cycle: Cycle, what: str, stored: Amounts, should: Amounts) -> Iterator[Finding]:
    for at in sorted(stored.keys() | should.keys()):
        if stored.get(at, 0) != should.get(at, 0):
            says = f"it is {stored.get(at, 0)}, it should be {should.get(at, 0)}"
            yield Finding("I22", f"{cycle.key} {what} {' '.join(at)}", says)
            return


def _earned(cycle: Cycle, entries: Entries) -> Amounts:
    """What the cycle earned whom, after splits: more than nothing."""
    found: Amounts = defaultdict(int, _moved(SPLIT_JOURNAL, cycle.key))
    rows = entries.con.execute(
        "SELECT contributor_id, currency, sum(earned_micros) FROM entry GROUP BY contributor_id, currency"
    ).fetchall()
    for name, currency, micros in rows:
        found[name, currency] += int(micros)
    return {at: micros for at, micros in found.items() if micros > 0}


def _reserved(cycle: Cycle, entries: Entries, rulebook: Rulebook) -> dict[str, Amounts]:
    """What the cycle should have kept, by the reserves of the policy and by account; '': also where it has none."""
    reserves = rulebook.reserves
    kept: dict[str, Amounts] = {name: {} for name in {"", *reserves}}
    if not reserves:
        return kept
    of = _earned_by_reserve(cycle, entries, rulebook)
    left = {at: sum(amounts.values()) for at, amounts in of.items()}
    sides = []
    for passed in PassedOn.objects.filter(cycle=cycle):
        at = (passed.contributor_id, passed.currency)
        left[at] = left.get(at, 0) - passed.amount_micros
        sides.append((passed.payee_id, at, passed.amount_micros))
    own: dict[tuple[str, str, str], int] = defaultdict(int)
    for name, at, micros in [*sides, *((at[0], at, micros) for at, micros in left.items())]:
        for table, amount in by_reserve(amount_micros=micros, earned_micros=of.get(at, {})).items():
            own[table, name, at[1]] += amount
    for (table, name, currency), micros in own.items():
        if table in reserves and (amount := share_of(micros, reserves[table].share)):
            kept[table][name, currency] = amount
    return kept


def _earned_by_reserve(
    cycle: Cycle, entries: Entries, rulebook: Rulebook
) -> dict[tuple[str, str], dict[str, int]]:  # fmt: skip
    """What the cycle's pools gave each account, by the reserve that it is under."""
    pools = Pool.objects.filter(cycle=cycle, kind="sales").values_list("pk", "table")
    under = {pk: table if table in rulebook.reserves else "" for pk, table in pools}
    columns = {"pool_id": pa.array([*under], pa.int32()), "reserve": pa.array([*under.values()], pa.string())}
    entries.con.register("under", pa.table(columns))
    rows = entries.con.execute(
        "SELECT contributor_id, currency, reserve, sum(amount_micros) FROM entry JOIN under USING (pool_id) "
        "WHERE amount_micros <> 0 GROUP BY ALL"
    ).fetchall()
    of: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for name, currency, reserve, micros in rows:
        of[name, currency][reserve] = int(micros)
    return of


def _moved(kind: str, key: str) -> Amounts:
    """What the journal of this kind and key moved of contributors' accounts."""
    journal = Journal.objects.filter(kind=kind, key=key).first()
    legs = journal.named_legs.filter(account__startswith="payable:") if journal else ()
    return {
        (leg.account.partition(":")[2], leg.currency): leg.amount_micros if leg.side == "C" else -leg.amount_micros
        for leg in legs
    }


def _came_back(cycle: Cycle) -> Amounts:
    """What the cycle released of reserves, by account."""
    between = {"journal_id__gt": cycle.journals_after or 0, "journal_id__lte": cycle.journals_upto or 0}
    legs = NamedLeg.objects.filter(journal__kind=RESERVE_RELEASE, account__startswith="payable:", **between)
    found: Amounts = defaultdict(int)
    for leg in legs:
        found[leg.account.partition(":")[2], leg.currency] += leg.amount_micros
    return found


def _released(cycle: Cycle) -> Iterator[Finding]:
    """Each reserve came back in the cycle that it was due in; that the mirror is exact, the database sees to."""
    kept = Journal.objects.filter(kind=RESERVE, cycle__calculation__isnull=False, reverses=None)
    for journal in kept.select_related("cycle__policy", "reversed_by").order_by("seq"):
        mirror = Journal.objects.filter(reverses=journal).first()
        back_in = mirror is not None and (cycle.journals_after or 0) < mirror.seq <= (cycle.journals_upto or 0)
        if back_in != (due_in(journal) == cycle.calculation) or (mirror and mirror.kind != RESERVE_RELEASE):
            says = "came back" if back_in else "did not come back"
            yield Finding("I22", f"{cycle.key} reserve of {journal.key}", f"it {says} in this cycle")
            return
