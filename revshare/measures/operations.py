"""Measures of contributors, scores of outputs and usage of customers in, by COPY."""

from datetime import timedelta
from typing import Any

from revshare.contributors.operations import except_unknown
from revshare.files.lookalikes import except_lookalikes, remember_looks
from revshare.files.models import IngestedFile
from revshare.files.row_tables import RowTable, except_bad, except_repeats, except_stored, see_stored, store_rows
from revshare.files.rules import (
    FUTURE_DAYS,
    amount_checks,
    day,
    day_checks,
    id_checks,
    micros,
    part_checks,
    period_checks,
    reason,
)
from revshare.files.work import Work
from revshare.measures.models import ROLES
from revshare.money import MICROS_PER_UNIT

UNITS_PATTERN = "[1-9][0-9]{0,11}"

MEASURES = RowTable(
    name="measures_measure",
    columns={
        "measure": "measure", "starts_on": day("start"), "ends_on": day("end"), "contributor_id": "contributor_id",
        "value_micros": micros("value"),
    },
    types={"starts_on": "DATE", "ends_on": "DATE", "value_micros": "BIGINT"},
    key=("measure", "starts_on", "ends_on", "contributor_id"),
    content=("value_micros",),
    kind="measures",
)  # fmt: skip
OUTPUTS = RowTable(
    name="measures_output",
    columns={
        "sale_id": "sale_id", "role": "CASE role WHEN '' THEN 'output' ELSE role END",
        "contributor_id": "contributor_id", "score_millionths": micros("score"),
    },
    types={"score_millionths": "BIGINT"},
    key=("sale_id", "role", "contributor_id"),
    content=("score_millionths",),
    kind="outputs",
)  # fmt: skip
USAGE = RowTable(
    name="measures_usage",
    columns={
        "customer_id": "customer_id", "model": "model", "day": day("day"), "units": "TRY_CAST(units AS BIGINT)",
    },
    types={"day": "DATE", "units": "BIGINT"},
    key=("model", "day", "customer_id"),
    content=("units",),
    kind="usage",
)  # fmt: skip


class MeasureIntake:
    """Takes measures files."""

    kind = "measures"
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        branches = (
            id_checks("contributor_id", printable=work.printable)
            + id_checks("measure", printable=work.printable)
            + period_checks("start", "end", latest=(work.act.at + timedelta(days=FUTURE_DAYS)).date())
            + amount_checks("value")
            + f"WHEN {micros('value')} < 0 THEN {reason('value_negative', 'value')} "
        )
        work.con.execute(f"CREATE OR REPLACE VIEW amounts AS SELECT row, {micros('value')} AS micros FROM raw")
        except_bad(work, MEASURES, branches)
        except_repeats(work, MEASURES)

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'measure'", column="measure", table=("measures_measure", "measure"))
        except_unknown(work)
        if see_stored(work, MEASURES, by=MEASURES.key):
            except_stored(work, MEASURES)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        remember_looks(work, kind="'measure'", column="measure")
        store_rows(work, MEASURES, file)
        return {}


class OutputIntake:
    """Takes outputs files. A sale that is not known yet is fine: it may come later than its scores."""

    kind = "outputs"
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        roles = ", ".join(f"'{role}'" for role in ("", *ROLES))
        branches = (
            id_checks("sale_id", printable=work.printable)
            + id_checks("contributor_id", printable=work.printable)
            + part_checks("score", "score_syntax", zero=True)
            + f"WHEN role NOT IN ({roles}) THEN {reason('role_unknown', 'role')} "
        )
        except_bad(work, OUTPUTS, branches)
        except_repeats(work, OUTPUTS)

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'sale'", column="sale_id", table=("sales_sale", "sale_id"))
        except_unknown(work)
        if see_stored(work, OUTPUTS, by=("sale_id",)):
            except_stored(work, OUTPUTS)
        _except_above_one(work)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        store_rows(work, OUTPUTS, file)
        return {}


def _except_above_one(work: Work) -> None:
    """All rows of a sale and role whose scores, with those `stored`, come to more than 1: none may win by standing
    first."""
    work.except_rows(
        "WITH above AS (SELECT sale_id, role FROM (SELECT sale_id, role, score_millionths FROM accepted "
        "UNION ALL SELECT sale_id, role, score_millionths FROM stored) GROUP BY sale_id, role "
        f"HAVING sum(score_millionths) > {MICROS_PER_UNIT}) "
        f"SELECT row, 'quarantined' AS outcome, {reason('scores_above_one', 'score')} AS reason "
        "FROM accepted JOIN above USING (sale_id, role)"
    )


class UsageIntake:
    """Takes usage files."""

    kind = "usage"
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        branches = (
            id_checks("customer_id", printable=work.printable)
            + id_checks("model", printable=work.printable)
            + day_checks("day", latest=(work.act.at + timedelta(days=FUTURE_DAYS)).date())
            + f"WHEN NOT regexp_full_match(units, '{UNITS_PATTERN}') THEN {reason('units_syntax', 'units')} "
        )
        except_bad(work, USAGE, branches)
        except_repeats(work, USAGE)

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'customer'", column="customer_id", table=("measures_usage", "customer_id"))
        except_lookalikes(work, kind="'model'", column="model", table=("manifests_training", "model"))
        if see_stored(work, USAGE, by=USAGE.key):
            except_stored(work, USAGE)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        remember_looks(work, kind="'customer'", column="customer_id")
        store_rows(work, USAGE, file)
        return {}
