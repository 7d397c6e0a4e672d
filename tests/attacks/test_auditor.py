"""What auditors see: the views of the contract, as `docs/audit.md` says them, by a role that sees nothing else."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.attacks.trying import FORBIDDEN, refused
from tests.conftest import ROOT, World

Connection = psycopg.Connection[Any]
# The contract, word for word.
CONTRACT = """
audit.file(id, sha256, kind, rows_in, rows_accepted, rows_duplicate, rows_quarantined, sum_in, sum_accepted, sum_duplicate, sum_quarantined, loaded_at)
audit.manifest(id, dataset_version, sha256, assets, records, frozen_at)
audit.weight(manifest_id, contributor_id, assets_ticks, weight_ticks)
audit.sale(sale_id, cycle_id, file_id, stream, model, dataset_version, currency, gross, occurred_at, kind['sale'|'refund'], refers_to, late)
audit.cycle(id, key, timezone, starts_at, ends_at, state, policy, policy_sha256, locked_at, input_digest, result_digest)
audit.pool(id, cycle_id, stream, model, dataset_version, currency, net, carried_in, distributable, platform, denominator)
audit.allocation(cycle_id, pool_id, currency, bucket['contributor'|'platform'|'commons'|'suspense'|'carried'], contributor_id, numerator, amount)
audit.journal(id, kind, key, cycle_id, posted_at, reverses, prev_hash, hash, created_by)
audit.leg(journal_id, account, currency, side['D'|'C'], amount > 0)
audit.statement(id, number, cycle_id, contributor_id, currency, opening, earned, adjusted, withheld, held, paid, closing, state, content_sha256)
audit.statement_line(statement_id, line, kind, pool_id, numerator, denominator, amount)
audit.batch(id, currency, state, digest, total_minor, payments, created_by, approved_by)
audit.payment(batch_id, payment_key, contributor_id, currency, amount_minor, destination_sha256, state)
audit.event(seq, at, actor, action, object, prev_hash, hash)
"""
PAGE = (ROOT / "docs" / "audit.md").read_text()
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def auditor(published: World) -> Iterator[Connection]:
    url = published.database_url.replace("//revshare@", "//revshare_auditor@")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def columns(owner: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for view, column in owner.execute(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
        "WHERE c.relnamespace = 'audit'::regnamespace ORDER BY c.relname, a.attnum"
    ):
        found.setdefault(view, []).append(column)
    return found


def test_the_views_are_those_of_the_contract(columns: dict[str, list[str]]) -> None:
    """Names and order; what was added since comes last."""
    for view, listed in re.findall(r"audit\.(\w+)\((.*)\)", CONTRACT):
        names = re.findall(r"(\w+)(?:\[[^]]*\]| > 0)?(?:, |$)", listed)
        assert columns[view][: len(names)] == names, view


def test_the_page_names_every_view_and_column(columns: dict[str, list[str]]) -> None:
    sections = re.split(r"^### audit\.(\w+)$", PAGE, flags=re.MULTILINE)[1:]
    told = {
        view: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
        for view, text in zip(sections[::2], sections[1::2], strict=True)
    }
    assert told == columns


@pytest.mark.parametrize(
    ("view", "column", "values"),
    [
        ("sale", "kind", {"sale", "refund"}),
        ("leg", "side", {"D", "C"}),
        ("allocation", "bucket", {"contributor", "platform", "suspense", "held", "carried"}),
        ("statement", "state", {"published"}),
        ("payment", "state", {"paid", "live"}),
    ],
)
def test_values_are_those_that_the_page_tells_of(auditor: Connection, view: str, column: str, values: set[str]) -> None:
    found = {value for (value,) in auditor.execute(f"SELECT DISTINCT {column} FROM audit.{view}")}
    assert found <= values
    assert len(found) > 1 or len(values) == 1
    section = PAGE.split(f"### audit.{view}\n")[1].split("###")[0]
    assert all(f"`{value}`" in section for value in values)


def test_an_auditor_reads_every_view(auditor: Connection, columns: dict[str, list[str]]) -> None:
    empty = {view for view in columns if auditor.execute(f"SELECT * FROM audit.{view}").fetchall() == []}
    assert empty == set()


def test_an_auditor_sees_nothing_else_and_writes_nothing(auditor: Connection, owner: Connection) -> None:
    tables = [
        name
        for (name,) in owner.execute(
            "SELECT format('%I.%I', 'public', relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p', 'v')"
        )
    ]
    assert len(tables) > 60
    assert {name: refused(auditor, f"SELECT 1 FROM {name}") for name in tables} == dict.fromkeys(tables, FORBIDDEN)
    for attack in (
        "CREATE TABLE public.x (id int)", "CREATE TEMP TABLE x (id int)", "CREATE SCHEMA x", "SET ROLE revshare",
        "UPDATE audit.event SET actor = 'x'", "DELETE FROM audit.event", "SELECT public.revshare_new_entries(1)",
        "SELECT nextval('public.sales_arrival')",
    ):  # fmt: skip
        # A view over several tables takes no rows from anybody.
        assert refused(auditor, f"SET TRANSACTION READ WRITE; {attack}") in {FORBIDDEN, "55000"}, attack
    assert refused(auditor, "UPDATE audit.event SET actor = 'x'") in {"25006", FORBIDDEN}


def test_the_examples_find_nothing_amiss_in_sound_books(auditor: Connection) -> None:
    balance, *others = [auditor.execute(query).fetchall() for query in EXAMPLES]
    assert {money for _, money in balance} == {0}
    assert others == [[], [], []]
    checked = auditor.execute("SELECT count(*) FROM audit.journal WHERE kind <> 'allocation'").fetchone()
    assert checked
    assert checked[0] > 3


@pytest.mark.parametrize(
    ("example", "deed"),
    [
        (0, "UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE id = 1"),
        (1, "UPDATE ledger_folio_1 SET amounts[1] = amounts[1] + 2"),
        (0, "DELETE FROM ledger_roll_1"),
        (2, "UPDATE ledger_journal SET prev_hash = repeat('a', 64) WHERE seq = 3"),
        (3, "UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE journal_id = 2"),
    ],
)
def test_the_examples_find_what_an_owner_did(root: Connection, example: int, deed: str) -> None:
    """By a superuser who switched the triggers off: the query that auditors are shown comes to something else."""
    sound = root.execute(EXAMPLES[example]).fetchall()
    tables = ["ledger_leg", "ledger_folio_1", "ledger_roll_1", "ledger_journal"]
    with root.transaction(force_rollback=True):
        for table in tables:
            root.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        root.execute(deed)
        assert root.execute(EXAMPLES[example]).fetchall() != sound
