"""Exchange rates in, by COPY."""

from datetime import timedelta
from typing import Any

from revshare.files.models import IngestedFile
from revshare.files.row_tables import RowTable, except_bad, except_repeats, except_stored, see_stored, store_rows
from revshare.files.rules import FUTURE_DAYS, currency_checks, day, day_checks, reason, text_checks
from revshare.files.work import Work

RATE_PATTERN = r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?"
EXACT = "DECIMAL(24, 12)"

RATES = RowTable(
    name="rates_rate",
    columns={
        "date": day("date"), "base": "base", "quote": "quote", "rate": f"TRY_CAST(rate AS {EXACT})", "source": "source",
    },
    types={"date": "DATE", "rate": EXACT},
    key=("base", "quote", "date"),
    content=("rate",),
)  # fmt: skip


class RateIntake:
    """Takes rates files. Where two sources give the same rate, the one that was told first stays."""

    kind = "rates"
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        branches = (
            day_checks("date", latest=(work.act.at + timedelta(days=FUTURE_DAYS)).date())
            + currency_checks("base")
            + currency_checks("quote")
            + f"WHEN base = quote THEN {reason('rate_same_currency', 'quote')} "
            + f"WHEN NOT regexp_full_match(rate, '{RATE_PATTERN}') OR NOT regexp_matches(rate, '[1-9]') "
            + f"THEN {reason('rate_syntax', 'rate')} "
            + f"WHEN source = '' THEN {reason('source_missing', 'source')} "
            + text_checks("source")
        )
        except_bad(work, RATES, branches)
        except_repeats(work, RATES)

    def settle(self, work: Work) -> None:
        if see_stored(work, RATES, by=RATES.key):
            except_stored(work, RATES)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        store_rows(work, RATES, file)
        return {}
