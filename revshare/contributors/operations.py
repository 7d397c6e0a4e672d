"""Contributors in: from their own files, and as unclaimed ones from manifests."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from revshare.bulk import copy_batches, ids_out
from revshare.files.hashes import distinct
from revshare.files.lookalikes import except_lookalikes, remember_looks
from revshare.files.models import IngestedFile
from revshare.files.repeats import except_repeated, hashes_of
from revshare.files.rules import currency_checks, id_checks, reason, text_checks
from revshare.files.work import Work
from revshare.lake import copy_in, copy_out, csv_scan

TABLE = "incoming_contributor"
FIELDS = ("contributor_name", "email", "country", "currency", "payee_id")
STAGED = {"row": "bigint", "contributor_id": 'text COLLATE "C"', **dict.fromkeys(FIELDS, "text")}
KNOWN_IDS = ("contributors_contributor", "id")
COLUMNS = ("name", "email", "country", "currency", "payee_id")  # what FIELDS are here
FEW_IDS = 100_000
MANY_ROWS = 1_000_000
FIRST_ROWS = 100_000  # fewer come as fast as they are
BATCH_ROWS = 50_000

# A blank field says nothing, so it never conflicts; what is filled in must agree with what is known.
AGREES = " AND ".join(
    f"(i.{theirs} = '' OR c.{ours} = '' OR i.{theirs} = c.{ours})" for theirs, ours in zip(FIELDS, COLUMNS, strict=True)
)
ADDS_NOTHING = " AND ".join(
    f"(i.{theirs} = '' OR i.{theirs} = c.{ours})" for theirs, ours in zip(FIELDS, COLUMNS, strict=True)
)


class ContributorIntake:
    """Takes contributors files. A file may complete what is known of a contributor, never overwrite it."""

    kind = "contributors"
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        work.except_rows(
            "SELECT row, 'quarantined' AS outcome, CASE "
            + id_checks("contributor_id", printable=work.printable)
            + text_checks("contributor_name", "email", "payee_id")
            + "WHEN CASE WHEN email = '' THEN false ELSE NOT regexp_full_match(email, '[^@\\s]+@[^@\\s]+') END "
            + f"THEN {reason('email_syntax', 'email')} "
            + "WHEN CASE WHEN country = '' THEN false ELSE NOT regexp_full_match(country, '[A-Z]{2}') END "
            + f"THEN {reason('country_syntax', 'country')} "
            + currency_checks("currency", required=False)
            + "END AS reason FROM raw"
        )
        content = f"struct_pack({', '.join(f'{name} := {name}' for name in FIELDS)})"
        except_repeated(work, key=("contributor_id",), content=content)

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'contributor'", column="contributor_id", table=KNOWN_IDS)
        see_known(work)
        work.stage(TABLE, STAGED, "accepted SEMI JOIN known USING (contributor_id)")
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
        completed = ", ".join(
            f"{ours} = CASE WHEN i.{theirs} = '' OR c.erased_at IS NOT NULL THEN c.{ours} ELSE i.{theirs} END"
            for theirs, ours in zip(FIELDS, COLUMNS, strict=True)
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE contributors_contributor c SET {completed}, unclaimed = false "
                f"FROM {TABLE} i WHERE c.id = i.contributor_id"
            )
        filled, first = _filled(work), _are_the_first(work)
        found = work.con.sql(
            f"SELECT {', '.join(['contributor_id', *filled])}, 0::TINYINT, {file.pk}::BIGINT FROM accepted "
            "ANTI JOIN known USING (contributor_id) ORDER BY contributor_id"
        )
        copy_batches(
            table="contributors_contributor", columns=("id", *filled.values(), "unclaimed", "file_id"),
            batches=found.to_arrow_reader(BATCH_ROWS), frozen=first,
        )  # fmt: skip
        return {}


def _are_the_first(work: Work) -> bool:
    """Whether many come where nobody is yet: then the table is as good as made in this transaction, which alone has it
    until it ends. Who began to look at the database before may see them too early."""
    if work.number("SELECT count(*) FROM accepted") < FIRST_ROWS:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_first_contributors()")
        return bool(cursor.fetchone()[0])


def _filled(work: Work) -> dict[str, str]:
    """The fields that are not blank in every accepted row, and the columns that they go to."""
    sums = ", ".join(f"coalesce(bool_or({name} <> ''), false)" for name in FIELDS)
    (found,) = work.con.execute(f"SELECT {sums} FROM accepted").fetchall()
    return {name: column for name, column, filled in zip(FIELDS, COLUMNS, found, strict=True) if filled}


def see_known(work: Work, column: str = "contributor_id") -> None:
    """Makes the table `known` of DuckDB: which contributors that the file's accepted rows name in `column` are known
    already.

    Whichever is shorter is brought to the other: the file's ids, or all that are known.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM (SELECT FROM contributors_contributor LIMIT %s) AS few", [FEW_IDS + 1])
        ids = cursor.fetchone()[0]
    # Where nobody is known, the file's ids are not asked for, or once.
    work.con.execute(
        f"CREATE OR REPLACE TEMP {'TABLE' if ids else 'VIEW'} named AS "
        f"SELECT DISTINCT {column} AS contributor_id FROM accepted"
    )
    if not ids:
        work.con.execute("CREATE OR REPLACE TEMP TABLE known (contributor_id VARCHAR)")
        return
    if ids > FEW_IDS >= work.number("SELECT count(*) FROM named"):
        _see_known_of_few(work)
        return
    _see_everybody(work.con)
    work.con.execute(
        "CREATE OR REPLACE TEMP TABLE known AS SELECT * FROM everybody SEMI JOIN named USING (contributor_id)"
    )
    work.con.unregister("everybody")


def _see_known_of_few(work: Work) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_id")
        cursor.execute('CREATE TEMP TABLE incoming_id (id text COLLATE "C") ON COMMIT DROP')
        copy_in(work.con, "SELECT * FROM named", table="incoming_id", columns="id")
    draft = work.scratch / "known.copy"
    copy_out("SELECT id FROM contributors_contributor JOIN incoming_id USING (id)", draft)
    scan = csv_scan(draft, {"contributor_id": "VARCHAR"})
    work.con.execute(f"CREATE OR REPLACE TEMP TABLE known AS SELECT * FROM {scan}")
    draft.unlink()


def _see_everybody(con: duckdb.DuckDBPyConnection) -> None:
    """Makes the view `everybody` of DuckDB, in no order: the ids of all contributors."""
    con.register("everybody", pa.table({"contributor_id": _ids()}))


def everybody() -> pa.LargeStringArray:
    """The ids of all contributors, in code-point order."""
    ids = _ids()
    # They mostly come as a file brought them, and that was in order.
    in_order = pc.all(pc.less(ids[:-1], ids[1:])).as_py() if len(ids) else True
    return ids if in_order else ids.take(pc.array_sort_indices(ids))


def _ids() -> pa.LargeStringArray:
    return pa.concat_arrays([pa.array([], pa.large_string()), *ids_out(*KNOWN_IDS)])


def except_unknown(work: Work, column: str = "contributor_id") -> None:
    """Rows that name a contributor in `column` whom no file has named yet wait for one that does."""
    see_known(work, column)
    work.except_rows(
        f"SELECT row, 'quarantined' AS outcome, {reason('contributor_unknown', column)} AS reason "
        f"FROM accepted ANTI JOIN known ON known.contributor_id = accepted.{column}"
    )


def all_known(work: Work) -> bool:
    """Whether the hash of every contributor of a large file is that of a known one: much quicker than to compare ids.
    Who is known stays known, so if it is so, it needs no lock.

    A stranger whose hash is that of somebody known, one in 2^64, is found out when the manifest is weighed.
    """
    if work.number("SELECT count(*) FROM raw") < MANY_ROWS:
        return False
    seen = work.glance.owners() if work.glance else None
    _see_everybody(work.con)
    found = work.con.execute("SELECT hash(contributor_id) AS hash FROM everybody").fetchnumpy()
    work.con.unregister("everybody")
    known = np.sort(np.asarray(found["hash"], np.uint64))
    # What was seen at a glance may be of more rows than are accepted: then it is compared by the ids.
    for own in [seen] if seen is not None else map(distinct, hashes_of(work, ("contributor_id",))):
        places = np.searchsorted(known, own)
        if not len(known) or np.any(known[np.minimum(places, len(known) - 1)] != own):
            return False
    return True


def add_unclaimed(work: Work, *, file: IngestedFile) -> int:
    """Creates the contributors named in the file's accepted rows that are not known yet, marked unclaimed: money
    accrues to them and waits. Returns how many."""
    if work.all_known:
        return 0
    see_known(work)
    unknown = work.number("SELECT count(*) FROM named ANTI JOIN known USING (contributor_id)")
    if unknown:
        # The name in the file is a hint for contributors nobody has told us of; of several the lowest, in any order.
        copy_in(
            work.con,
            "SELECT contributor_id, coalesce(min(contributor_name) FILTER (contributor_name <> ''), ''), "
            f"true, {file.pk} FROM accepted ANTI JOIN known USING (contributor_id) "
            "GROUP BY contributor_id ORDER BY contributor_id",
            table="contributors_contributor", columns="id, name, unclaimed, file_id",
        )  # fmt: skip
    return unknown
