"""The parts that the portal's pages are made of, all on one page, for whoever makes the next one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from revshare.exports.statement_document import Amount
from revshare.portal.chart import chart
from revshare.portal.guard import contained

MONTHS = ("Jan 2026", "Feb 2026", "Mar 2026", "Apr 2026", "May 2026", "Jun 2026")
COLUMNS = [{"aurora-1": 40_000_000 + 9_000_000 * at, "aurora-2": 25_000_000, "portrait": 7_000_000} for at in range(6)]


@contained
@require_safe
def components(request: HttpRequest) -> HttpResponse:
    """Made-up figures; nothing is asked of the database. There is no such address unless the settings say so."""
    drawn = chart(COLUMNS)
    shown = {
        "months": MONTHS, "first": MONTHS[0], "last": MONTHS[-1], "series": drawn.names,
        "ticks": [Amount(micros, "USD") for micros in (drawn.top, drawn.top // 2, 0)],
        "highest": Amount(drawn.highest, "USD"),
        "blocks": [
            (block, MONTHS[block.column], drawn.names[block.series],
             Amount(drawn.rows[block.column][block.series], "USD"))
            for block in drawn.blocks
        ],
        "amounts": [Amount(micros, "USD") for micros in (1_234_567_891, 12_000_000, -6_900)],
    }  # fmt: skip
    return render(request, "portal/components.html", shown)
