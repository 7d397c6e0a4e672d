"""What customers pay on plans with a quota: in two, what the quota covers and what is used beyond it."""

from revshare.policies.rules import Rulebook
from revshare.policies.terms import OVER, Rate, Terms

KEPT = "stream, model, dataset_version, currency, customer_id, day"


def rates_with_quota(rulebook: Rulebook) -> list[tuple[Terms, Rate]]:
    return [(terms, rate) for terms in rulebook.tables.values() for rate in terms.rates if rate.quota]


def uncounted_plans(rulebook: Rulebook) -> list[str]:
    """The plans of which a rate says that use does not count."""
    rates = [rate for terms in rulebook.tables.values() for rate in terms.rates]
    return sorted({rate.plan for rate in rates if not rate.counts_use})


def counted(quota: str, counts: str) -> str:
    """SQL that goes on after `sale` (`pools.sources`) with `counted`: of each sale, or of all that a customer pays for
    one target at one rate, the net, what is deducted, how many sales, the rate, and the day. `quota`: SQL of the quota
    of a sale's rate, NULL without one; `counts`: SQL of whether a row `u` of use counts. Parameters: those of `quota`,
    then the first day, the first day after, and those of `counts`.

    Of a customer who used more than the quota the part beyond it is amount × (units − quota) ÷ units, cut to whole
    micros towards zero, so that a fee and its refund cancel out.
    """
    beyond = "greatest(coalesce(u.units, 0) - quota, 0)"
    parts = (
        f"div({name} * {beyond}, greatest(coalesce(u.units, 0), 1)) AS {name}_over" for name in ("net", "deducted")
    )
    return (
        f", quoted AS (SELECT *, {quota} AS quota FROM sale), "
        "units AS (SELECT customer_id, sum(units) AS units FROM measures_usage u "
        f"WHERE day >= %s AND day < %s AND {counts} GROUP BY 1), "
        f"paid AS (SELECT {KEPT}, rate, quota, sum(net) AS net, sum(deducted) AS deducted, count(*) AS number "
        f"FROM quoted WHERE quota IS NOT NULL GROUP BY {KEPT}, rate, quota), "
        f"divided AS (SELECT p.*, {', '.join(parts)}, {beyond} > 0 AS beyond FROM paid p LEFT JOIN units u "
        "ON u.customer_id = p.customer_id AND p.customer_id <> ''), "
        f"counted AS (SELECT {KEPT}, rate, net, deducted, 1 AS number FROM quoted WHERE quota IS NULL "
        f"UNION ALL SELECT {KEPT}, rate, net - net_over, deducted - deducted_over, number FROM divided "
        f"UNION ALL SELECT {KEPT}, rate || ' {OVER}', net_over, deducted_over, 0 FROM divided WHERE beyond)"
    )


PLAIN = f", counted AS (SELECT {KEPT}, rate, net, deducted, 1 AS number FROM sale)"
"""The same where no rate has a quota."""
