"""A contributor's first page: what is there, what stands between it and payment, what was earned over time."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from revshare import wording
from revshare.access.models import User
from revshare.clock import now
from revshare.exports.statement_document import Amount
from revshare.payouts.own import Own, own_standings
from revshare.portal.access import require_own
from revshare.portal.chart import FEWEST, OTHERS, chart
from revshare.portal.guard import member_page
from revshare.portal.payable import card
from revshare.recoupments.queries import owing
from revshare.statements.earnings import BY, earnings
from revshare.statements.pages import published_page

CARDS = 6
"""So many balances have a card; more currencies than that stand in a table."""
SHOWN = 3
"""Statements of the last cycle, one per currency; more than so many stand in the list."""


@member_page
def home(request: HttpRequest) -> HttpResponse:
    """Contributors' own; staff go to the console."""
    user = cast(User, request.user)
    if user.may("browse"):
        return redirect("admin:index")
    contributor_id = require_own(user)
    accounts = own_standings(contributor_id=contributor_id, today=now().date())
    accounts.sort(key=lambda own: -sum(micros > 0 for micros in own.standing.account.earned_micros))
    latest = published_page(contributor_id=contributor_id, size=SHOWN + 1).rows
    of_last = [row for row in latest if row.cycle_id == latest[0].cycle_id]
    shown: dict[str, Any] = {
        "contributor": user.contributor, "cards": [card(own) for own in accounts[:CARDS]],
        "others": [card(own) for own in accounts[CARDS:]],
        "latest": [_latest(row) for row in of_last[:SHOWN]], "more_latest": len(of_last) > SHOWN,
        "debts": [
            (debt, Amount(debt.amount_micros, debt.currency), Amount(debt.left_micros, debt.currency))
            for debt in (owing(contributor_id) if latest else ())
        ],
    }  # fmt: skip
    if accounts:
        shown |= _earned(request, contributor_id, accounts)
    return render(request, "portal/home.html", shown)


def _latest(statement: Any) -> dict[str, Any]:
    return {
        "number": statement.number, "period": wording.period(statement.cycle.starts_on, statement.cycle.ends_on),
        "earned": Amount(statement.earned_micros, statement.currency),
    }  # fmt: skip


def _earned(request: HttpRequest, contributor_id: str, accounts: list[Own]) -> dict[str, Any]:
    """The chart with its table, for the currency and the division asked for."""
    currencies = [own.standing.account.currency for own in accounts]
    currency = asked if (asked := request.GET.get("currency", "")) in currencies else currencies[0]
    by = asked if (asked := request.GET.get("by", "")) in BY else "model"
    cycles = earnings(contributor_id=contributor_id, currency=currency, by=by)
    while cycles and not cycles[0].micros:  # before one came, there is nothing to show
        cycles = cycles[1:]
    drawn = chart([cycle.micros for cycle in cycles])
    names = {"": _("All together") if drawn.names == [""] else _("Other sales"), OTHERS: _("All others")}
    kinds = {"stream": _("By stream"), "model": _("By model"), "dataset": _("By dataset")}
    months = [wording.month(cycle.starts_on, cycle.ends_on) for cycle in cycles]
    ticks = (drawn.top, drawn.top // 2, 0)
    return {
        "chart": drawn, "ticks": [Amount(micros, currency) for micros in ticks],
        "months": months + [""] * (FEWEST - len(months)),
        "blocks": [
            (block, months[block.column], names.get(name := drawn.names[block.series], name),
             Amount(drawn.rows[block.column][block.series], currency))
            for block in drawn.blocks
        ], "series": [names.get(name, name) for name in drawn.names],
        "highest": Amount(drawn.highest, currency), "currency": currency,
        "first": months[0] if months else "", "last": months[-1] if months else "",
        "earned_rows": [
            {
                "period": wording.period(cycle.starts_on, cycle.ends_on),
                "amounts": [
                    (names.get(name, name), Amount(micros, currency))
                    for name, micros in zip(drawn.names, row, strict=True)
                ],
                "total": Amount(cycle.total_micros, currency),
            }
            for cycle, row in zip(reversed(cycles), reversed(drawn.rows), strict=True)
        ],
        "currencies": [(code, urlencode({"currency": code, "by": by}), code == currency) for code in currencies],
        "kinds": [
            (words, urlencode({"currency": currency, "by": kind}), kind == by) for kind, words in kinds.items()
        ],
    }  # fmt: skip
