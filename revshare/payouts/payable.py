"""What is payable of all accounts at once, as `rules.standing` says it of one: the same facts and the same arithmetic,
in the database. A million accounts take seconds; nobody's words are made. Tables of the transaction hold it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from revshare.files.queries import last_arrival
from revshare.ledger.models import AccountControl
from revshare.payouts.models import PayoutCurrency
from revshare.payouts.queries import LastPublished, balances_loaded, last_published
from revshare.payouts.rules import LIVE, minor_unit_micros, rate_missing_words
from revshare.rates.queries import rates
from revshare.rates.rules import Found, board, found_in
from revshare.statements.queries import PUBLISHED

AT_ONCE = 50_000
"""So many accounts are worked out while a page is waited for; more of them are a job's."""
NAMED = 5
REASONS = (
    "in_payment", "on_hold", "unclaimed", "no_payee", "payee_to_come", "new_payee", "negative", "rate_missing",
    "below_minor_unit", "below_minimum",
)  # fmt: skip
"""Columns of `payable_account`: the codes of `rules.Why`."""
# Micros times upper ÷ lower is what they are in the currency paid in; the same currency is 1 ÷ 1. `div` cuts, exactly.
WORKED_OUT = """
    CREATE TEMP TABLE payable_account ON COMMIT DROP AS
    WITH term AS (
        SELECT * FROM unnest(%(codes)s::text[], %(pays_in)s::text[], %(least)s::bigint[], %(units)s::bigint[],
                             %(uppers)s::numeric[], %(lowers)s::numeric[], %(ons)s::date[], %(sources)s::text[])
            AS t (currency, pays_in, least_micros, unit_micros, rate_upper, rate_lower, rate_on, rate_source)),
    fact AS (
        SELECT b.contributor_id, c.name, c.payee_id, b.currency,
               coalesce(nullif(pays.currency, ''), b.currency) AS pays_in,
               b.closing_micros + least(coalesce(moved.micros, 0), 0)::bigint AS available_micros,
               live.contributor_id IS NOT NULL AS in_payment,
               coalesce(held.currencies && ARRAY['', b.currency], false) AS on_hold,
               c.unclaimed, NOT c.unclaimed AND c.payee_id = '' AND named.contributor_id IS NULL AS no_payee,
               NOT c.unclaimed AND c.payee_id = '' AND named.contributor_id IS NOT NULL AS payee_to_come,
               %(days)s > 0 AND coalesce(%(today)s < (f.loaded_at AT TIME ZONE 'UTC')::date + %(days)s, false)
                   AS new_payee
        FROM published_balance b
        JOIN contributors_contributor c ON c.id = b.contributor_id
        LEFT JOIN files_file f ON f.id = c.file_id
        LEFT JOIN (SELECT substr(account, 9) AS contributor_id, currency,
                          sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END) AS micros
                   FROM ledger_leg WHERE journal_id > %(upto)s AND account >= 'payable:' AND account < 'payable;'
                   GROUP BY account, currency) moved
            ON moved.contributor_id = b.contributor_id AND moved.currency = b.currency
        LEFT JOIN (SELECT contributor_id, array_agg(currency::text) AS currencies FROM payouts_hold
                   WHERE released_at IS NULL GROUP BY contributor_id) held ON held.contributor_id = b.contributor_id
        LEFT JOIN (SELECT DISTINCT contributor_id FROM payouts_destination) named
            ON named.contributor_id = b.contributor_id
        LEFT JOIN payouts_payment live ON live.contributor_id = b.contributor_id
            AND live.account_currency = b.currency AND live.state = %(live)s
        LEFT JOIN (SELECT DISTINCT ON (contributor_id) contributor_id, currency FROM payouts_currency
                   ORDER BY contributor_id, id DESC) pays ON pays.contributor_id = b.contributor_id),
    told AS (
        SELECT fact.*, term.rate_upper, term.rate_lower, term.rate_on, term.rate_source, term.unit_micros, bought.minor,
               available_micros < 0 AS negative,
               available_micros >= 0 AND term.rate_upper IS NULL AS rate_missing,
               available_micros >= 0 AND fact.pays_in <> fact.currency AND coalesce(bought.minor = 0, false)
                   AS below_minor_unit,
               available_micros >= 0 AND available_micros < term.least_micros AS below_minimum
        FROM fact JOIN term ON term.currency = fact.currency AND term.pays_in = fact.pays_in
        CROSS JOIN LATERAL (SELECT div(greatest(available_micros, 0) * term.rate_upper,
                                       term.rate_lower * term.unit_micros) AS minor) bought)
    SELECT contributor_id, name, payee_id, currency, pays_in, available_micros, rate_upper, rate_lower, rate_on,
           rate_source, in_payment, on_hold, unclaimed, no_payee, payee_to_come, new_payee, negative, rate_missing,
           below_minor_unit, below_minimum, CASE WHEN is_payable THEN minor ELSE 0 END AS minor,
           CASE WHEN is_payable THEN div(minor * unit_micros * rate_lower + rate_upper - 1, rate_upper) ELSE 0 END
               AS takes_micros
    FROM told CROSS JOIN LATERAL (SELECT NOT (in_payment OR on_hold OR unclaimed OR no_payee OR payee_to_come
        OR new_payee OR negative OR rate_missing OR below_minor_unit OR below_minimum) AS is_payable) judged
"""
COUNTED = f"""
    SELECT count(*) FILTER (WHERE minor > 0), coalesce(sum(minor), 0),
           {", ".join(f"count(*) FILTER (WHERE {code})" for code in REASONS)}
    FROM payable_account WHERE pays_in = %s
"""
EACH = f"""
    SELECT contributor_id, name, currency, available_micros, minor, {", ".join(REASONS)} FROM payable_account
    WHERE pays_in = %s ORDER BY contributor_id, currency
"""
WITHOUT_A_RATE = """
    SELECT contributor_id, currency FROM payable_account WHERE rate_missing AND pays_in = %s
    ORDER BY currency, contributor_id LIMIT %s
"""


@dataclass(frozen=True)
class Preview:
    """What a batch in a currency would pay, and of the other accounts paid in it, how many wait for each reason (one
    may wait for several). `cycle`: the key of the last published one; blank if there is none."""

    cycle: str
    payments: int
    total_minor: int
    reasons: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Waiting:
    """An account of which nothing is payable now. `reasons`: codes of `rules.Why`."""

    contributor_id: str
    name: str
    currency: str
    available_micros: int
    reasons: tuple[str, ...]


def is_many() -> bool:
    """Whether there are so many accounts that a job works out what is payable: by the largest published cycle."""
    most = AccountControl.objects.filter(cycle__state__in=PUBLISHED).aggregate(most=Max("accounts"))["most"]
    return (most or 0) > AT_ONCE


@transaction.atomic
def preview(*, currency: str, today: date) -> Preview:
    """What a batch prepared now would pay in this currency."""
    last = last_published()
    if last is None:
        return Preview("", 0, 0, {})
    with worked_out(last, currency=currency, today=today):
        return counted(last, currency=currency)


@transaction.atomic
def preview_and_waiting(*, currency: str, today: date) -> tuple[Preview, list[Waiting]]:
    """The same, and each account of which nothing would be paid, by contributor. For no more than `AT_ONCE`."""
    last = last_published()
    if last is None:
        return Preview("", 0, 0, {}), []
    with worked_out(last, currency=currency, today=today), connection.cursor() as cursor:
        cursor.execute(EACH, [currency])
        rows = cursor.fetchall()
    amounts: list[int] = []
    waiting: list[Waiting] = []
    for pk, name, code, micros, minor, *flags in rows:
        if minor:
            amounts.append(int(minor))
        else:
            why = tuple(why for why, holds in zip(REASONS, flags, strict=True) if holds)
            waiting.append(Waiting(pk, name, code, micros, why))
    reasons = Counter(why for item in waiting for why in item.reasons)
    return Preview(last.key, len(amounts), sum(amounts), dict(reasons)), waiting


def counted(last: LastPublished, *, currency: str) -> Preview:
    """What stands in the table `payable_account`."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [currency])
        payments, total, *counts = cursor.fetchone()
    reasons = {code: count for code, count in zip(REASONS, counts, strict=True) if count}
    return Preview(cycle=last.key, payments=payments, total_minor=int(total), reasons=reasons)


@contextmanager
def worked_out(last: LastPublished, *, currency: str, today: date) -> Iterator[None]:
    """Inside a transaction: the table `payable_account`, of every account that is paid in this currency, and others."""
    # Nobody has counted rows that were written a moment ago: a plan for a handful would look at all rows for each.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
    # Balances in another currency count if anybody ever chose to be paid in this one.
    chosen = set(PayoutCurrency.objects.order_by().values_list("currency", flat=True).distinct()) - {""}
    with balances_loaded(last, "" if currency in chosen else currency, None), connection.cursor() as cursor:
        codes = [currency]
        if currency in chosen:
            cursor.execute("SELECT DISTINCT currency FROM published_balance")
            codes = [code for (code,) in cursor.fetchall()]
        terms = _terms(last, codes, chosen, today)
        cursor.execute(
            WORKED_OUT,
            {"upto": last.journals_upto, "live": LIVE, "today": today, "days": last.terms.hold_new_payee_days, **terms},
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE payable_account; SET LOCAL enable_nestloop TO DEFAULT")


def _terms(last: LastPublished, codes: list[str], chosen: set[str], today: date) -> dict[str, list[Any]]:
    """Of each currency of a balance and each that it may be paid in: the least balance, and the rate of today."""
    todays = (
        board(rates(start=today, end=today + timedelta(days=1), upto_arrival=last_arrival())) if chosen else board([])
    )
    columns: dict[str, list[Any]] = {
        name: [] for name in ("codes", "pays_in", "least", "units", "uppers", "lowers", "ons", "sources")
    }
    for code in codes:
        for to in {code, *chosen}:
            rate = found_in(todays, base=code, quote=to) if to != code else None
            least = max(last.terms.minimum_micros(code), minor_unit_micros(code))
            row = (code, to, least, minor_unit_micros(to), *_rate_columns(rate, same=to == code))
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return columns


def _rate_columns(rate: Found | None, *, same: bool) -> tuple[Decimal | None, Decimal | None, date | None, str]:
    if same:
        return Decimal(1), Decimal(1), None, ""
    if rate is None:
        return None, None, None, ""
    return Decimal(rate.rate.numerator), Decimal(rate.rate.denominator), rate.on, rate.source


def without_a_rate(*, currency: str, today: date) -> list[tuple[str, str]]:
    """Some of those who only wait for a rate, and the words: that can be mended at once."""
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_A_RATE, [currency, NAMED])
        rows = cursor.fetchall()
    return [(name, rate_missing_words(base=code, quote=currency, day=today)) for name, code in rows]
