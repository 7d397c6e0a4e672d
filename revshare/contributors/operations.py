"""Contributors in: from their own files, and as unclaimed ones from manifests."""

from typing import Any

from django.db import connection

from revshare.files.lookalikes import except_lookalikes, remember_looks
from revshare.files.models import IngestedFile
from revshare.files.rules import currency_checks, id_checks, reason, text_checks
from revshare.files.work import Work
from revshare.lake import copy_in

TABLE = "incoming_contributor"
FIELDS = ("contributor_name", "email", "country", "currency", "payee_id")
STAGED = {"row": "bigint", "contributor_id": 'text COLLATE "C"', **dict.fromkeys(FIELDS, "text")}
KNOWN_IDS = ("contributors_contributor", "id")

# A blank field says nothing, so it never conflicts; what is filled in must agree with what is known.
AGREES = " AND ".join(
    f"(i.{theirs} = '' OR c.{ours} = '' OR i.{theirs} = c.{ours})"
    for theirs, ours in zip(FIELDS, ("name", "email", "country", "currency", "payee_id"), strict=True)
)
ADDS_NOTHING = " AND ".join(
    f"(i.{theirs} = '' OR i.{theirs} = c.{ours})"
    for theirs, ours in zip(FIELDS, ("name", "email", "country", "currency", "payee_id"), strict=True)
)


class ContributorIntake:
    """Takes contributors files. A file may complete what is known of a contributor, never overwrite it."""

    kind = "contributors"

    def check(self, work: Work) -> None:
        work.except_rows(
            "SELECT row, 'quarantined' AS outcome, CASE "
            + id_checks("contributor_id")
            + text_checks("contributor_name", "email", "payee_id")
            + "WHEN email <> '' AND NOT regexp_full_match(email, '[^@\\s]+@[^@\\s]+') "
            + f"THEN {reason('email_syntax', 'email')} "
            + "WHEN country <> '' AND NOT regexp_full_match(country, '[A-Z]{2}') "
            + f"THEN {reason('country_syntax', 'country')} "
            + currency_checks("currency", required=False)
            + "END AS reason FROM raw"
        )
        content = f"struct_pack({', '.join(f'{name} := {name}' for name in FIELDS)})"
        work.except_rows(repeated_rows(("contributor_id",), content))

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'contributor'", column="contributor_id", table=KNOWN_IDS)
        work.stage(TABLE, STAGED)
        work.except_found(
            "SELECT i.row, CASE WHEN "
            + f"{ADDS_NOTHING} THEN 'duplicate' ELSE 'quarantined' END AS outcome, "
            + f"CASE WHEN {ADDS_NOTHING} THEN '' ELSE 'conflicting_duplicate@contributor_id' END AS reason "
            + f"FROM {TABLE} i JOIN contributors_contributor c ON c.id = i.contributor_id "
            + f"WHERE NOT c.unclaimed AND ({ADDS_NOTHING} OR NOT ({AGREES}))"
        )

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        work.drop_excepted(TABLE)
        remember_looks(work, kind="'contributor'", column="contributor_id")
        filled = ", ".join(
            f"{ours} = CASE WHEN EXCLUDED.{ours} = '' THEN c.{ours} ELSE EXCLUDED.{ours} END"
            for ours in ("name", "email", "country", "currency", "payee_id")
        )
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO contributors_contributor AS c "
                "(id, name, email, country, currency, payee_id, unclaimed, file_id) "
                "SELECT contributor_id, contributor_name, email, country, currency, payee_id, false, %s "
                f"FROM {TABLE} ORDER BY contributor_id "
                f"ON CONFLICT (id) DO UPDATE SET {filled}, unclaimed = false",
                [file.pk],
            )
        return {}


def repeated_rows(key: tuple[str, ...], content: str) -> str:
    """Rows of one file with the same key. Of equal ones the first is kept and the others are duplicates; where they
    differ all of them wait in quarantine: none may win by standing first."""
    keys = ", ".join(key)
    return (
        f"WITH twins AS (SELECT {keys}, min(row) AS first_row FROM accepted GROUP BY {keys} HAVING count(*) > 1), "
        f"judged AS (SELECT {keys}, any_value(first_row) AS first_row, count(DISTINCT {content}) AS contents "
        f"FROM accepted JOIN twins USING ({keys}) GROUP BY {keys}) "
        "SELECT row, CASE contents WHEN 1 THEN 'duplicate' ELSE 'quarantined' END AS outcome, "
        f"CASE contents WHEN 1 THEN '' ELSE 'conflicting_duplicate@{key[-1]}' END AS reason "
        f"FROM accepted JOIN judged USING ({keys}) WHERE contents > 1 OR row <> first_row"
    )


def add_unclaimed(work: Work, *, query: str, file: IngestedFile) -> int:
    """Creates the contributors of a DuckDB query (contributor_id, contributor_name) that are not known yet, marked
    unclaimed: money accrues to them and waits. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_unclaimed")
        cursor.execute(
            'CREATE TEMP TABLE incoming_unclaimed (contributor_id text COLLATE "C", name text) ON COMMIT DROP'
        )
        copy_in(work.con, query, table="incoming_unclaimed", columns="contributor_id, name", scratch=work.scratch)
        cursor.execute(
            "INSERT INTO contributors_contributor (id, name, email, country, currency, payee_id, unclaimed, file_id) "
            "SELECT contributor_id, name, '', '', '', '', true, %s FROM incoming_unclaimed ON CONFLICT DO NOTHING",
            [file.pk],
        )
        return cursor.rowcount
