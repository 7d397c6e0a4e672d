"""Sums of a cycle's sales by all that a policy asks of them: rates, deductions, customers' use, attributed outputs.

A plain policy needs none of it, and takes `sales.queries.sums_by_target`, which says the same in less time. A refund
stands for its sale: it has that sale's stream, target, plan, customer, day of rates and attributions, so that a sale
and its full refund cancel out wherever they went.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection

from revshare.bulk import copied_out
from revshare.periods import first_instant
from revshare.policies.rules import DEFAULT, Rulebook
from revshare.policies.terms import MEASURE
from revshare.pools.quotas import PLAIN, counted, rates_with_quota, uncounted_plans
from revshare.pools.rated_days import rated_day
from revshare.pools.routing import by_usage
from revshare.pools.rules import Attributed
from revshare.sales.queries import Range, Sum, refunded, sums_by_target, within


@dataclass(frozen=True)
class Sources:
    """Where the sums of a cycle come from. `days`: first day, and first day after. `upto_arrival`: the last file of
    measures, outputs and use that counts. `known`: the sums of the ranges by target, if they are."""

    ranges: tuple[Range, ...]
    rulebook: Rulebook
    days: tuple[date, date]
    zone: str
    upto_arrival: int
    voided: tuple[int, ...] = ()  # files whose rows do not count
    also: tuple[int, ...] = ()  # files that came later, and count
    known: tuple[Sum, ...] | None = None
    read_all: bool = False  # sums that are kept of sales are not taken for these

    def arrived(self, row: str) -> tuple[str, list[Any]]:
        """SQL of whether a row of a file (the table's name in the query) counts, and its parameters."""
        counts, params = f"{row}.arrival <= %s", list[Any]([self.upto_arrival])
        if self.also:
            counts, params = f"({counts} OR {row}.file_id = ANY(%s))", [*params, list(self.also)]
        if self.voided:
            counts, params = f"{counts} AND {row}.file_id <> ALL(%s)", [*params, list(self.voided)]
        return counts, params


def sums_of(sources: Sources) -> list[Sum]:
    """Net sales by stream, target, currency, rate and day of the exchange rate; customers' fees with the models they
    used."""
    tables = sources.rulebook.tables.values()
    plain = not any(terms.rates or terms.base == "net" or terms.is_routed for terms in tables)
    if plain and sources.rulebook.currency is None:
        if sources.known is not None:
            return list(sources.known)
        return sums_by_target(sources.ranges, read_all=sources.read_all)
    centric = _streams(sources.rulebook, lambda terms: terms.allocation == "user_centric")
    sale = _Sale(sources)
    query = (
        f"{sale.counted}, item AS (SELECT *, {centric.sql} AS centric FROM counted) "
        "SELECT stream, model, dataset_version, currency, sum(net)::text, sum(deducted)::text, sum(number)::bigint, "
        "rate, day FROM item WHERE NOT centric GROUP BY 1, 2, 3, 4, 8, 9 ORDER BY 1, 2, 3, 4, 8, 9"
    )
    rows = _rows(query, sale.counted_params + centric.params)
    sums = [Sum(s, m, v, c, int(net), count, int(less), rate, day) for s, m, v, c, net, less, count, rate, day in rows]
    if not any(terms.is_routed for terms in tables):
        return sums
    by_customer, others = _customers(sources, sale, centric)
    return by_customer + by_usage(sums=sums + others, used=used(sources), rulebook=sources.rulebook)


def used(sources: Sources) -> dict[str, int]:
    """Units by model that all customers used in the days of the cycle, but for those on plans whose use does not count
    and on no other."""
    counts, arrival = sources.arrived("u")
    params, except_these = [*sources.days, *arrival], ""
    if plans := uncounted_plans(sources.rulebook):
        where, ranges = within(sources.ranges)
        except_these = (
            f"AND customer_id NOT IN (SELECT s.customer_id FROM sales_sale s WHERE {where} AND s.refund_of = '' "
            "GROUP BY 1 HAVING bool_and(s.plan = ANY(%s))) "
        )
        params += [*ranges, plans]
    query = (
        f"SELECT model, sum(units)::text FROM measures_usage u WHERE day >= %s AND day < %s AND {counts} "
        f"{except_these}GROUP BY model ORDER BY model"
    )
    return {model: int(units) for model, units in _rows(query, params)}


def models_followed(sources: Sources) -> set[str]:
    """The models that customers' fees may go to: those that all customers used (`used`), and those used by customers
    whose fees go by their own use, also on plans whose use does not count for others. None if no fee goes by use."""
    tables = sources.rulebook.tables.values()
    if not any(terms.is_routed for terms in tables):
        return set()
    models = {*used(sources)}
    centric = _streams(sources.rulebook, lambda terms: terms.allocation == "user_centric")
    if centric.any:
        sale = _Sale(sources)
        counts, arrival = sources.arrived("u")
        query = (
            f"{sale.sql} SELECT DISTINCT model FROM measures_usage u WHERE day >= %s AND day < %s AND {counts} "
            f"AND customer_id IN (SELECT customer_id FROM sale WHERE {centric.sql} AND customer_id <> '')"
        )
        models |= {model for (model,) in _rows(query, [*sale.params, *sources.days, *arrival, *centric.params])}
    return models


def dated_currencies(sources: Sources) -> list[tuple[date, str]]:
    """The days of exchange rates that the cycle's sales need, each with a currency, in this order. The policy must have
    a currency."""
    sale = _Sale(sources)
    rows = _rows(f"{sale.sql} SELECT DISTINCT day, currency FROM sale ORDER BY 1, 2", sale.params)
    return [(day, currency) for day, currency in rows]


def attributed_query(sources: Sources) -> tuple[str, list[Any]] | None:
    """SQL of what sales are attributed to contributors: stream, model, dataset_version, currency, rate, day, role,
    contributor_id, micros. None if the policy asks for none of it.

    Of each sale: the directed parts of its base, truncated; then the outputs' parts of what is left of it.
    """
    directed = [(terms, role, part) for terms in sources.rulebook.tables.values() for role, part in terms.directed]
    outputs = _streams(sources.rulebook, lambda terms: terms.allocation == "per_output")
    if not directed and not outputs.any:
        return None
    sale = _Sale(sources)
    counts, arrival = sources.arrived("o")
    branches, values = "", list[Any]()
    for terms, role, part in directed:
        streams = _streams(sources.rulebook, lambda other, terms=terms: other is terms)
        scored = f"(net - deducted)::numeric * o.score_millionths * {part.numerator}"
        branches += f" WHEN o.role = %s AND {streams.sql} THEN div({scored}, 1000000 * {part.denominator}::numeric)"
        values += [role, *streams.params]
    share = f"CASE{branches} ELSE 0 END" if branches else "0::numeric"
    query = (
        f"{sale.sql}, scored AS (SELECT sale.*, o.role, o.contributor_id, o.score_millionths, {share} AS directed "
        f"FROM sale JOIN measures_output o ON o.sale_id = sale.sale_id AND {counts}), "
        "left_over AS (SELECT *, net - deducted - sum(directed) OVER (PARTITION BY seq) AS rest FROM scored), "
        "part AS (SELECT *, CASE WHEN role <> 'output' THEN directed WHEN "
        f"{outputs.sql} THEN div(rest * score_millionths, 1000000) ELSE 0 END AS micros FROM left_over) "
        "SELECT stream, model, dataset_version, currency, rate, day, role, contributor_id, "
        "sum(micros)::bigint AS micros FROM part GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 "
        "HAVING count(*) FILTER (WHERE micros <> 0) > 0"
    )
    return query, [*sale.params, *values, *arrival, *outputs.params]


def canonical_lines(sources: Sources) -> Iterator[bytes]:
    """What the policy asks of a cycle besides sales and manifests, as bytes that depend on nothing but that: CSV, every
    value quoted, each kind in code-point order. Nothing, for a plain policy."""
    tables = sources.rulebook.tables.values()
    counts, arrival = sources.arrived("u")
    if any(terms.rates or terms.base == "net" or terms.is_routed for terms in tables):
        where, params = within(sources.ranges)
        yield from _csv(
            "SELECT 'sale', s.sale_id, s.fees_micros, s.tax_micros, s.plan, s.customer_id FROM sales_sale s "
            f"WHERE {where} ORDER BY s.sale_id",
            params,
        )
    if any(terms.is_routed for terms in tables) or rates_with_quota(sources.rulebook):
        yield from _csv(
            "SELECT 'use', customer_id, model, day, units FROM measures_usage u WHERE day >= %s AND day < %s "
            f'AND {counts} ORDER BY customer_id COLLATE "C", model, day',
            [*sources.days, *arrival],
        )
    if found := attributed_query(sources):
        order = 'stream, model, dataset_version, currency, rate COLLATE "C", day, role, contributor_id'
        yield from _csv(f"SELECT 'attributed', * FROM ({found[0]}) found ORDER BY {order}", found[1])
    if found := measured_query(sources):
        yield from _csv(f"SELECT 'measured', * FROM ({found[0]}) found ORDER BY measure, contributor_id", found[1])


def measured_query(sources: Sources) -> tuple[str, list[Any]] | None:
    """SQL of the measures that the policy's factors name, within the days of the cycle: measure, contributor_id,
    units. None if there are none."""
    names = {
        name for terms in sources.rulebook.tables.values() for name, _ in terms.factors if name.startswith(MEASURE)
    }
    if not names:
        return None
    counts, arrival = sources.arrived("m")
    query = (
        "SELECT measure, contributor_id, sum(value_micros)::bigint AS units FROM measures_measure m "
        f"WHERE measure = ANY(%s) AND starts_on >= %s AND ends_on <= %s AND {counts} GROUP BY 1, 2"
    )
    return query, [sorted(name.removeprefix(MEASURE) for name in names), *sources.days, *arrival]


def attributed_sums(sources: Sources) -> list[Attributed]:
    """What is attributed, summed over contributors."""
    found = attributed_query(sources)
    if found is None:
        return []
    query, params = found
    grouped = (
        "SELECT stream, model, dataset_version, currency, rate, role, sum(micros)::text, day "
        f"FROM ({query}) attributed GROUP BY 1, 2, 3, 4, 5, 6, 8 ORDER BY 1, 2, 3, 4, 5, 6, 8"
    )
    return [
        Attributed(stream, model, version, currency, rate, role, int(micros), day)
        for stream, model, version, currency, rate, role, micros, day in _rows(grouped, params)
    ]


@dataclass(frozen=True)
class _Condition:
    sql: str
    params: list[Any]
    any: bool


def _streams(rulebook: Rulebook, wanted: Any) -> _Condition:
    """Whether a row's stream falls under a table for which `wanted` is true."""
    named = sorted(name for name in rulebook.tables if name != DEFAULT)
    chosen = [name for name in named if wanted(rulebook.tables[name])]
    default = rulebook.tables.get(DEFAULT)
    if default is not None and wanted(default):
        return _Condition("(stream = ANY(%s) OR stream <> ALL(%s))", [chosen, named], True)
    return _Condition("stream = ANY(%s)", [chosen], bool(chosen))


class _Sale:
    """SQL of the sales of a cycle, refunds in the place of what they refund: seq, sale_id, stream, model,
    dataset_version, currency, customer_id, rate, day, net, deducted. `day`: of the exchange rate; NULL if the policy
    has none. `counted` goes on with the same by quotas of plans (`pools.quotas`)."""

    def __init__(self, sources: Sources) -> None:
        where, ranges = within(sources.ranges)
        beside, _ = within(sources.ranges, "t")  # the sale that is refunded is in the cycle as well
        net_of = _streams(sources.rulebook, lambda terms: terms.base == "net")
        rate, rates = _rate(sources)
        day, days = rated_day(
            sources.rulebook.currency, ranges=sources.ranges, zone_name=sources.zone,
            last=sources.days[1] - timedelta(days=1),
        )  # fmt: skip
        own = "coalesce(s.fees_micros, 0) + coalesce(s.tax_micros, 0)"
        there, known = refunded(sources.ranges)
        unlinked = f"s.refund_of = '' OR NOT EXISTS (SELECT FROM sales_sale t WHERE {there})"
        columns = "s.seq, {0}.sale_id, {0}.stream, {0}.model, {0}.dataset_version, s.currency, {0}.customer_id, "
        columns += "{0}.plan, {0}.sold_at, s.gross_micros AS net, "
        self.sql = (
            f"WITH found AS (SELECT {columns.format('s')}{own} AS deductible, s.sold_at AS rated_at FROM sales_sale s "
            f"WHERE ({unlinked}) AND {where} "
            f"UNION ALL SELECT {columns.format('t')}CASE WHEN s.fees_micros IS NULL AND s.tax_micros IS NULL THEN "
            "coalesce(div(s.gross_micros::numeric * (coalesce(t.fees_micros, 0) + coalesce(t.tax_micros, 0)), "
            f"nullif(t.gross_micros, 0)), 0)::bigint ELSE {own} END, CASE WHEN {beside} THEN t.sold_at ELSE s.sold_at "
            f"END FROM sales_sale s JOIN sales_sale t ON {there} WHERE s.refund_of <> '' AND {where}), "
            f"sale AS (SELECT *, CASE WHEN {net_of.sql} THEN deductible ELSE 0 END AS deducted, {rate} AS rate, "
            f"{day} AS day FROM found)"
        )
        self.params = [*known, *ranges, *ranges, *known, *ranges, *net_of.params, *rates, *days]
        quota, quotas = _quota(sources)
        counts, arrival = sources.arrived("u")
        self.counted = self.sql + (counted(quota, counts) if quota else PLAIN)
        self.counted_params = self.params + ([*quotas, *sources.days, *arrival] if quota else [])


def _quota(sources: Sources) -> tuple[str, list[Any]]:
    """SQL of the quota of a sale's rate, NULL if it has none; blank if none has."""
    branches: list[str] = []
    params: list[Any] = []
    for terms, rate in rates_with_quota(sources.rulebook):
        streams = _streams(sources.rulebook, lambda other, terms=terms: other is terms)
        branches.append(f"WHEN {streams.sql} AND rate = %s THEN %s::bigint")
        params += [*streams.params, rate.label, rate.quota]
    return (f"CASE {' '.join(branches)} END" if branches else ""), params


def _rate(sources: Sources) -> tuple[str, list[Any]]:
    """SQL of the rate of a sale: the label of the first that fits, '' for the table's own share."""
    branches: list[str] = []
    params: list[Any] = []
    for terms in sources.rulebook.tables.values():
        streams = _streams(sources.rulebook, lambda other, terms=terms: other is terms)
        for rate in sorted(terms.rates, key=lambda r: (r.plan != "", r.starts_on or date.min), reverse=True):
            condition = streams.sql
            params += streams.params
            if rate.plan:
                condition += " AND plan = %s"
                params.append(rate.plan)
            if rate.starts_on:
                condition += " AND sold_at >= %s"
                params.append(first_instant(rate.starts_on, sources.zone))
            branches.append(f"WHEN {condition} THEN %s::text")
            params.append(rate.label)
    return (f"CASE {' '.join(branches)} ELSE '' END" if branches else "''::text"), params


def _customers(sources: Sources, sale: _Sale, centric: _Condition) -> tuple[list[Sum], list[Sum]]:
    """Fees divided by each customer's own use; and those of customers who used nothing, by what they name."""
    counts, arrival = sources.arrived("u")
    fees = (
        f"{sale.counted}, fee AS (SELECT stream, currency, rate, day, customer_id, sum(net) AS net, "
        f"sum(deducted) AS deducted, sum(number) AS number FROM counted WHERE {centric.sql} AND customer_id <> '' "
        "GROUP BY 1, 2, 3, 4, 5), "
        "own AS (SELECT customer_id, model, sum(units) AS units, "
        "sum(sum(units)) OVER (PARTITION BY customer_id) AS total, "
        "row_number() OVER (PARTITION BY customer_id ORDER BY model) AS place "
        f"FROM measures_usage u WHERE day >= %s AND day < %s AND {counts} GROUP BY 1, 2), "
    )
    params = [*sale.counted_params, *centric.params, *sources.days, *arrival]
    split = (
        fees + f"quota AS (SELECT fee.*, own.model, own.place, {_quotas('net')}, {_quotas('deducted')} "
        "FROM fee JOIN own USING (customer_id)) "
        f"SELECT stream, model, currency, sum({_given('net')})::text, sum({_given('deducted')})::text, "
        "(sum(number) FILTER (WHERE place = 1))::bigint, rate, day "
        f"FROM (SELECT *, {_ranks('net')}, {_ranks('deducted')} FROM quota) ranked "
        "GROUP BY stream, model, currency, rate, day ORDER BY stream, model, currency, rate, day"
    )
    rows = _rows(split, params)
    divided = [
        Sum(s, m, "", c, int(net), int(n or 0), int(less), rate, day) for s, m, c, net, less, n, rate, day in rows
    ]
    rest = (
        fees.rstrip(", ") + " SELECT stream, model, dataset_version, currency, sum(net)::text, sum(deducted)::text, "
        f"sum(number)::bigint, rate, day FROM counted WHERE {centric.sql} "
        "AND customer_id NOT IN (SELECT customer_id FROM own) "
        "GROUP BY 1, 2, 3, 4, 8, 9 ORDER BY 1, 2, 3, 4, 8, 9"
    )
    rows = _rows(rest, [*params, *centric.params])
    others = [Sum(s, m, v, c, int(net), n, int(less), rate, day) for s, m, v, c, net, less, n, rate, day in rows]
    return divided, others


def _quotas(amount: str) -> str:
    dividend = f"abs({amount})::numeric * units"
    return f"div({dividend}, total) AS {amount}_floor, mod({dividend}, total) AS {amount}_remainder"


def _ranks(amount: str) -> str:
    fee = "PARTITION BY stream, currency, rate, day, customer_id"
    return (
        f"row_number() OVER ({fee} ORDER BY {amount}_remainder DESC, model) AS {amount}_rank, "
        f"abs({amount}) - sum({amount}_floor) OVER ({fee}) AS {amount}_left"
    )


def _given(amount: str) -> str:
    return f"sign({amount}) * ({amount}_floor + CASE WHEN {amount}_rank <= {amount}_left THEN 1 ELSE 0 END)"


def _csv(query: str, params: Sequence[Any]) -> Iterator[bytes]:
    return (rows.data for rows in copied_out(query, params, options=", FORCE_QUOTE *"))


def _rows(query: str, params: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        yield from cursor.fetchall()
