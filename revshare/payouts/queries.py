"""Reads: what stands on accounts by the last published cycle, and what keeps it from being paid."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db import connection, transaction

from revshare.allocation.balances import BALANCES
from revshare.errors import NotFound, Refused
from revshare.files.queries import last_arrival
from revshare.lake import check_part, copy_in, duck, literal, part, spool
from revshare.payouts.models import PaymentBatch
from revshare.payouts.rules import CYCLES_AVERAGED, LIVE, Account, PaymentLine, Period, Standing, digest, standing
from revshare.policies.payout_rules import PayoutTerms
from revshare.policies.rules import parse
from revshare.rates.queries import rates
from revshare.rates.rules import board
from revshare.statements.queries import PUBLISHED

LAST_PUBLISHED = """
    SELECT c.id, c.key, c.starts_on, c.ends_on, c.journals_upto, c.balances_sha256, p.text FROM cycles_cycle c
    JOIN policies_policy p ON p.id = c.policy_id WHERE c.state = ANY(%s) ORDER BY c.calculation DESC LIMIT 1
"""
# What is held in reserve by the last published cycle; what is owed by all that is posted.
RESERVED = """
    SELECT substr(l.account, 9) AS contributor_id, l.currency, sum(l.amount_micros)::bigint AS micros
    FROM ledger_journal j JOIN ledger_leg l ON l.journal_id = j.seq AND l.account LIKE 'payable:%%' AND l.side = 'D'
    WHERE j.kind = 'reserve' AND j.reverses_id IS NULL AND j.seq <= %(upto)s
        AND (%(own)s = '' OR l.account = 'payable:' || %(own)s)
        AND NOT EXISTS (SELECT FROM ledger_journal r WHERE r.reverses_id = j.seq AND r.seq <= %(upto)s)
    GROUP BY 1, 2
"""
OWED = """
    SELECT d.contributor_id, d.currency, sum(d.amount_micros - coalesce(r.micros, 0))::bigint AS micros
    FROM recoupments_debt d
    JOIN LATERAL (SELECT target FROM recoupments_step WHERE debt_id = d.id ORDER BY id DESC LIMIT 1) s
        ON s.target = 'booked'
    LEFT JOIN (SELECT debt_id, sum(amount_micros) AS micros FROM recoupments_recouped GROUP BY debt_id) r
        ON r.debt_id = d.id
    GROUP BY 1, 2 HAVING sum(d.amount_micros - coalesce(r.micros, 0)) > 0
"""
# Accounts without a balance that have one of these all the same.
OTHERS = f"""
    INSERT INTO published_balance
    SELECT contributor_id, currency, 0 FROM (
        SELECT contributor_id, currency FROM ({RESERVED}) reserved
        UNION SELECT contributor_id, currency FROM ({OWED}) owed) other
    WHERE (%(currency)s = '' OR currency = %(currency)s)
        AND (%(names)s::text[] IS NULL OR contributor_id = ANY(%(names)s))
        AND NOT EXISTS (SELECT FROM published_balance b WHERE b.contributor_id = other.contributor_id
                        AND b.currency = other.currency)
"""
# `published_balance` holds what accounts closed with. What left them since counts at once; what came, once published.
ACCOUNTS = f"""
    SELECT b.contributor_id, c.name, c.payee_id, b.currency, b.closing_micros,
           least(coalesce(moved.micros, 0), 0)::bigint, c.unclaimed, coalesce(held.reason, ''),
           coalesce(live.payment_key, ''), (f.loaded_at AT TIME ZONE 'UTC')::date,
           coalesce(earned.micros, ARRAY[]::bigint[]), coalesce(pays.currency, ''), coalesce(reserved.micros, 0),
           coalesce(owed.micros, 0), coalesce(kept.micros, 0), named.usable_on
    FROM published_balance b
    JOIN contributors_contributor c ON c.id = b.contributor_id
    LEFT JOIN files_file f ON f.id = c.file_id
    LEFT JOIN (SELECT account, currency, sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END) AS micros
               FROM ledger_leg WHERE journal_id > %(upto)s AND account >= 'payable:' AND account < 'payable;'
               GROUP BY account, currency) moved
        ON moved.account = 'payable:' || b.contributor_id AND moved.currency = b.currency
    LEFT JOIN LATERAL (SELECT h.reason FROM payouts_hold h WHERE h.contributor_id = b.contributor_id
                       AND h.released_at IS NULL AND h.currency IN ('', b.currency) ORDER BY h.id LIMIT 1) held ON true
    LEFT JOIN payouts_payment live ON live.contributor_id = b.contributor_id AND live.account_currency = b.currency
        AND live.state = %(live)s
    LEFT JOIN (
        SELECT contributor_id, currency, array_agg(earned_micros) AS micros FROM ledger_account
        WHERE cycle_id = ANY(%(recent)s) GROUP BY contributor_id, currency) earned
        ON earned.contributor_id = b.contributor_id AND earned.currency = b.currency
    LEFT JOIN LATERAL (SELECT currency FROM payouts_currency WHERE contributor_id = b.contributor_id
                       ORDER BY id DESC LIMIT 1) pays ON true
    LEFT JOIN ({RESERVED}) reserved ON reserved.contributor_id = b.contributor_id AND reserved.currency = b.currency
    LEFT JOIN ({OWED}) owed ON owed.contributor_id = b.contributor_id AND owed.currency = b.currency
    LEFT JOIN (SELECT contributor_id, currency, -sum(amount_micros)::bigint AS micros FROM ledger_movement
               WHERE cycle_id = ANY(%(recent)s) AND kind IN ('reserve', 'reserve_release', 'recoupment')
               GROUP BY contributor_id, currency) kept
        ON kept.contributor_id = b.contributor_id AND kept.currency = b.currency
    LEFT JOIN LATERAL (SELECT (d.usable_from AT TIME ZONE 'UTC')::date AS usable_on FROM payouts_destination d
                       WHERE d.contributor_id = b.contributor_id AND c.payee_id = ''
                       ORDER BY d.id DESC LIMIT 1) named ON true
    ORDER BY b.currency, b.contributor_id
"""


@dataclass(frozen=True)
class LastPublished:
    """The published cycle whose closing balances are paid, and its policy's terms."""

    cycle_id: int
    key: str
    period: Period
    journals_upto: int
    balances_sha256: str
    terms: PayoutTerms


def last_published() -> LastPublished | None:
    """The one calculated last: cycles are published in the order of their calculation."""
    with connection.cursor() as cursor:
        cursor.execute(LAST_PUBLISHED, [list(PUBLISHED)])
        row = cursor.fetchone()
    if row is None:
        return None
    pk, key, starts_on, ends_on, upto, balances, policy = row
    return LastPublished(pk, key, Period(starts_on, ends_on), upto, balances, parse(policy).payout)


def standings(*, today: date, currency: str = "", contributor_ids: Iterable[str] | None = None) -> list[Standing]:
    """Of every account with a balance (in one currency, of some contributors): what is payable, or why not yet, in
    order of currency, then contributor. Nothing before the first cycle is published."""
    last = last_published()
    if last is None:
        return []
    names = None if contributor_ids is None else list(contributor_ids)
    todays = board(rates(start=today, end=today + timedelta(days=1), upto_arrival=last_arrival()))
    return [
        standing(account, terms=last.terms, period=last.period, today=today, rates=todays)
        for account in _accounts(last, currency, names)
    ]


@transaction.atomic
def _accounts(last: LastPublished, currency: str, contributor_ids: list[str] | None) -> list[Account]:
    recent = recent_cycles()
    with balances_loaded(last, currency, contributor_ids), connection.cursor() as cursor:
        cursor.execute("ANALYZE published_balance")
        cursor.execute(ACCOUNTS, {"upto": last.journals_upto, "own": "", "live": LIVE, "recent": recent})
        rows = cursor.fetchall()
    accounts = (Account(**dict(zip(Account.__dataclass_fields__, row, strict=True))) for row in rows)
    # In a cycle without a statement nothing was earned.
    return [
        replace(account, earned_micros=[*account.earned_micros, *[0] * (len(recent) - len(account.earned_micros))])
        for account in accounts
    ]


@contextmanager
def balances_loaded(last: LastPublished, currency: str, contributor_ids: list[str] | None) -> Iterator[None]:
    """Inside a transaction: the table `published_balance`, of accounts that are not empty."""
    _load_balances(last, currency, contributor_ids)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE published_balance")


def _load_balances(last: LastPublished, currency: str, contributor_ids: list[str] | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            'CREATE TEMP TABLE published_balance (contributor_id text COLLATE "C", currency text COLLATE "C", '
            "closing_micros bigint) ON COMMIT DROP"
        )
    if not last.balances_sha256:
        return
    check_part(BALANCES, last.balances_sha256)
    conditions = ["closing_micros <> 0"]
    if currency:
        conditions.append(f"currency = {literal(currency)}")
    if contributor_ids is not None:
        conditions.append(f"contributor_id IN ({', '.join(map(literal, contributor_ids)) or 'NULL'})")
    with spool() as scratch, duck(scratch) as con:
        copy_in(
            con,
            "SELECT contributor_id, currency, closing_micros "
            f"FROM read_parquet({literal(part(BALANCES, last.balances_sha256))}) WHERE {' AND '.join(conditions)}",
            table="published_balance", columns="contributor_id, currency, closing_micros",
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, {"upto": last.journals_upto, "own": "", "currency": currency, "names": contributor_ids})


def recent_cycles() -> list[int]:
    """The published cycles over which earnings are averaged."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM cycles_cycle WHERE state = ANY(%s) ORDER BY calculation DESC LIMIT %s",
            [list(PUBLISHED), CYCLES_AVERAGED],
        )
        return [pk for (pk,) in cursor.fetchall()]


def reserved(contributor_id: str) -> dict[str, int]:
    """What of a contributor's money is held in reserve by the last published cycle, by currency, in micros."""
    last = last_published()
    if last is None:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(RESERVED, {"upto": last.journals_upto, "own": contributor_id})
        return {currency: micros for _, currency, micros in cursor.fetchall()}


def find_batch(batch_id: int) -> PaymentBatch:
    """Raises NotFound."""
    batch = PaymentBatch.objects.select_related("cycle").filter(pk=batch_id).first()
    if batch is None:
        raise NotFound(f"There is no payment batch {batch_id}.")
    return batch


def payment_lines(batch: PaymentBatch) -> list[PaymentLine]:
    """The payments of a batch in order of their keys."""
    names = list(PaymentLine.__dataclass_fields__)
    rows = batch.payments.order_by("payment_key").values_list(*names)
    return [PaymentLine(*row) for row in rows]


def stored_digest(batch: PaymentBatch) -> str:
    """The digest of what is stored now."""
    return digest(
        batch_id=batch.pk, currency=batch.currency, cycle=batch.cycle.key, lines=payment_lines(batch)
    )  # fmt: skip


def check_digest(batch: PaymentBatch) -> None:
    """Raises Refused if the payments are not those that the digest was taken of."""
    if stored_digest(batch) != batch.digest:
        raise Refused(f"Batch {batch.pk} is not what was prepared: run `verify`.", code="digest_differs")
