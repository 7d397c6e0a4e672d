"""Splits in, by COPY. On no day may more than all of a contributor's money be split, over all files."""

from typing import Any

from revshare.contributors.operations import except_unknown
from revshare.files.models import IngestedFile
from revshare.files.row_tables import RowTable, except_bad, see_stored, store_rows
from revshare.files.rules import day, id_checks, micros, part_checks, period_checks, reason
from revshare.files.work import Work
from revshare.money import MICROS_PER_UNIT
from revshare.splits.models import REASONS

SPLIT = ("contributor_id", "payee_id", "starts_on")
SPLITS = RowTable(
    name="splits_split",
    columns={
        "contributor_id": "contributor_id", "payee_id": "payee_id", "share_millionths": micros("share"),
        "starts_on": day("start"), "ends_on": day("end"), "reason": "reason",
    },
    types={"share_millionths": "BIGINT", "starts_on": "DATE", "ends_on": "DATE"},
    key=SPLIT,
    content=("share_millionths", "ends_on", "reason"),
)  # fmt: skip


class SplitIntake:
    """Takes splits files."""

    kind = "splits"
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        reasons = ", ".join(f"'{name}'" for name in REASONS)
        branches = (
            id_checks("contributor_id", printable=work.printable)
            + id_checks("payee_id", printable=work.printable)
            + f"WHEN payee_id = contributor_id THEN {reason('split_to_self', 'payee_id')} "
            + part_checks("share", "split_syntax", zero=False)
            + period_checks("start", "end", open_end=True)
            + f"WHEN reason NOT IN ({reasons}) THEN {reason('split_reason_unknown', 'reason')} "
        )
        except_bad(work, SPLITS, branches)

    def settle(self, work: Work) -> None:
        except_unknown(work)
        except_unknown(work, "payee_id")
        see_stored(work, SPLITS, by=("contributor_id",))
        # The row that opened a split and the one that ended it are one.
        work.con.execute(
            "CREATE OR REPLACE VIEW split AS SELECT contributor_id, payee_id, starts_on, max(ends_on) AS ends_on, "
            "max(share_millionths) AS share_millionths, bool_or(stored AND ends_on IS NULL) AS was_opened, "
            "bool_or(stored AND ends_on IS NOT NULL) AS was_ended, count(DISTINCT ends_on) > 1 "
            "OR count(DISTINCT (share_millionths, reason)) > 1 AS disputed "
            "FROM (SELECT false AS stored, * EXCLUDE (row) FROM accepted UNION ALL BY NAME "
            f"SELECT true AS stored, * FROM stored) GROUP BY {', '.join(SPLIT)}"
        )
        _except_told_before(work)
        _except_above_one(work)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        store_rows(work, SPLITS, file)
        return {}


def _except_told_before(work: Work) -> None:
    """Rows that say again what another one or a stored one says, and rows that contradict each other."""
    work.except_rows(
        "SELECT row, CASE WHEN disputed THEN 'quarantined' ELSE 'duplicate' END AS outcome, "
        f"CASE WHEN disputed THEN {reason('conflicting_duplicate', 'payee_id')} ELSE '' END AS reason "
        f"FROM (SELECT *, row_number() OVER (PARTITION BY {', '.join(SPLIT)}, ends_on IS NULL ORDER BY row) AS nth "
        f"FROM accepted) told JOIN split USING ({', '.join(SPLIT)}) "
        "WHERE disputed OR nth > 1 OR CASE WHEN told.ends_on IS NULL THEN was_opened ELSE was_ended END"
    )


def _except_above_one(work: Work) -> None:
    """All rows of the file that are in force on a day on which a contributor's splits come to more than 1; but for
    those that end a stored split, or tell how an ended one began: they add nothing."""
    work.except_rows(
        "WITH change AS ("
        "SELECT contributor_id, starts_on AS day, share_millionths AS change FROM split UNION ALL "
        "SELECT contributor_id, ends_on, -share_millionths FROM split WHERE ends_on IS NOT NULL), "
        "days AS (SELECT contributor_id, day, sum(change) AS change FROM change GROUP BY contributor_id, day), "
        "total AS (SELECT contributor_id, day, sum(change) OVER days_of AS total, "
        "coalesce(lead(day) OVER days_of, DATE 'infinity') AS next_day FROM days "
        "WINDOW days_of AS (PARTITION BY contributor_id ORDER BY day)) "
        f"SELECT row, 'quarantined' AS outcome, {reason('split_above_one', 'share')} AS reason "
        f"FROM accepted JOIN split USING ({', '.join(SPLIT)}) JOIN total USING (contributor_id) "
        f"WHERE total.total > {MICROS_PER_UNIT} AND NOT was_opened AND NOT was_ended "
        "AND total.day < coalesce(split.ends_on, DATE 'infinity') AND total.next_day > starts_on"
    )
