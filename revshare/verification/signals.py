"""What `verify` looks at in the rows of files that are kept as they came: none is missing, each has its file and its
contributor, and nothing is given away more than once."""

from revshare.files.voiding import IS_VOID
from revshare.money import MICROS_PER_UNIT
from revshare.verification.checks import SqlCheck

# Kinds of files whose accepted rows are the rows of one table.
TABLES = {
    "models": "manifests_training", "measures": "measures_measure", "outputs": "measures_output",
    "usage": "measures_usage", "consents": "consents_consent", "rates": "rates_rate", "splits": "splits_split",
}  # fmt: skip
# Written by the million, so that the database itself does not look up what their rows name.
BULK = {kind: TABLES[kind] for kind in ("measures", "outputs", "usage")}
OF_CONTRIBUTORS = (BULK["measures"], BULK["outputs"])

SIGNAL_CHECKS = (
    *(
        SqlCheck(
            "I12", f"the rows of {kind} that were accepted are stored",
            f"""
            SELECT 'file ' || f.id, coalesce(k.number, 0), f.rows_accepted FROM audit.file f
            LEFT JOIN (SELECT file_id, count(*) AS number FROM {table} GROUP BY file_id) k ON k.file_id = f.id
            WHERE f.kind = '{kind}' AND coalesce(k.number, 0) <> f.rows_accepted
            """,
        )
        for kind, table in TABLES.items()
    ),
    SqlCheck(
        "I12", "the measures that were accepted are stored, to the sum",
        """
        SELECT 'file ' || f.id || ' sums', coalesce(sum(m.value_micros), 0), f.sum_accepted
        FROM audit.file f LEFT JOIN measures_measure m ON m.file_id = f.id WHERE f.kind = 'measures'
        GROUP BY f.id, f.sum_accepted HAVING coalesce(sum(m.value_micros), 0) <> f.sum_accepted
        """,
    ),
    *(
        SqlCheck(
            "I25", f"{kind} name their file",
            f"""
            SELECT '{kind} of file ' || k.file_id, 0, 1 FROM (SELECT DISTINCT file_id FROM {table}) k
            LEFT JOIN files_file f ON f.id = k.file_id AND f.kind = '{kind}' WHERE f.id IS NULL
            """,
        )
        for kind, table in BULK.items()
    ),
    *(
        SqlCheck(
            "I25", "what is measured of a contributor is of a known one",
            f"""
            SELECT 'contributor ' || k.contributor_id, 0, 1 FROM (SELECT DISTINCT contributor_id FROM {table}) k
            LEFT JOIN contributors_contributor c ON c.id = k.contributor_id WHERE c.id IS NULL
            """,
        )
        for table in OF_CONTRIBUTORS
    ),
    SqlCheck(
        "I16", "no more than the whole of a sale is scored to contributors",
        f"""
        SELECT 'sale ' || sale_id || ' ' || role, sum(score_millionths), {MICROS_PER_UNIT} FROM measures_output o
        WHERE NOT {IS_VOID.format("o")} GROUP BY sale_id, role HAVING sum(score_millionths) > {MICROS_PER_UNIT}
        """,
    ),
    SqlCheck(
        "I16", "no more than all of a contributor's money is split on any day",
        f"""
        SELECT 'splits of ' || contributor_id || ' on ' || day, total, {MICROS_PER_UNIT} FROM (
            SELECT contributor_id, day, sum(sum(change)) OVER (PARTITION BY contributor_id ORDER BY day) AS total FROM (
                SELECT contributor_id, CASE bound WHEN 'start' THEN starts_on ELSE ends_on END AS day,
                       CASE bound WHEN 'start' THEN share ELSE -share END AS change
                FROM (SELECT contributor_id, payee_id, starts_on, max(ends_on) AS ends_on,
                             max(share_millionths) AS share FROM splits_split GROUP BY 1, 2, 3) split
                CROSS JOIN (VALUES ('start'), ('end')) AS bounds(bound)
            ) changes WHERE day IS NOT NULL GROUP BY contributor_id, day
        ) totals WHERE total > {MICROS_PER_UNIT}
        """,
    ),
)  # fmt: skip
