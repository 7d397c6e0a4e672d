"""Ten thousand of everything that waits: each page of the console is as quick and as light as with one."""

import gzip
import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from revshare.allocation.numerators import OPTED_OUT
from revshare.claims.operations import file_claim
from revshare.cycles.models import Cycle
from revshare.payouts.operations import place_hold, prepare
from revshare.recoupments.operations import ask_for_advance
from revshare.restatements.operations import draft
from revshare.restatements.rules import Options
from revshare.tasks import perform, request_verify
from tests.console.conftest import SignIn, take_in
from tests.console.test_budgets import MOST_BYTES, MOST_QUERIES, own_files
from tests.ownership import owner
from tests.stories import Story

pytestmark = pytest.mark.django_db
MANY = 10_000
PAGES = (
    "", "upload/", "quarantine/", "quarantine/rows/", "suspense/", "work/claims/", "work/consents/", "work/debts/",
    "jobs/", "verification/", "audit/", "restatements/", "deficits/", "payouts/", "payouts/holds/",
    "payouts/prepare/?currency=USD",
)  # fmt: skip
ONE_OF_EACH = {"jobs/", "work/claims/", "deficits/"}  # by their keys, counted by the database, counted here
WITHOUT_PAGES = {"", "upload/", "payouts/prepare/?currency=USD"}


def copied(table: str, where: str, **changed: str) -> int:
    """Copies a row MANY times, `changed`: SQL over the number `n` of the copy, by column. Returns the key that they
    count from."""
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # or they would stand in the way of the next
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER' "
            "AND table_schema = 'public' ORDER BY ordinal_position", [table],
        )  # fmt: skip
        columns = [name for (name,) in cursor.fetchall()]
        key = columns[0]
        base = 0
        if key not in changed:
            cursor.execute(f"SELECT max({key}) FROM {table}")
            base = cursor.fetchone()[0]
            changed[key] = f"{base} + n"
        chosen = ", ".join(changed.get(name, f'r."{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {chosen} FROM generate_series(1, {MANY}) n, "
            f"(SELECT * FROM {table} WHERE {where} ORDER BY 1 LIMIT 1) r"
        )
        assert cursor.rowcount == MANY, f"there is no row of {table} to copy"
        cursor.execute(f"ANALYZE {table}")
    return int(base)


@pytest.fixture
def many(cycles: dict[str, Cycle], market: Story) -> None:
    """One of each by what the product does, and as many copies of it by SQL."""
    act = market.act("oscar", why="test")
    take_in("payees.csv", "contributors", b"contributor_id,contributor_name,payee_id\nann,Ann,P-ann\n", act)
    market.sales(("s9", "2026-06-11T00:00:00Z", "nobody-knows", "USD", "x"))
    take_in("none.csv", "sales", b"order\n1\n", act)
    prepare(currency="USD", act=act)
    file_claim(claimant_id="ben", dataset_version="ds@1", asset_id="1", proof="the raw file", act=act)
    ask_for_advance(contributor_id="ann", currency="USD", amount_micros=5_000_000, act=act)
    place_hold(contributor_id="ben", act=act)
    draft(cycle_key="april", options=Options(late=True), act=act)
    perform(request_verify(act=act)[0].pk)
    copied("contributors_contributor", "id = 'ben'", id="'many-' || n")
    files = copied("files_file", "rows_quarantined = 1", sha256="md5(n::text) || md5(n::text)")
    copied("files_quarantined_row", "state = 'open'", file_id=f"{files} + n")
    copied("files_upload", "file_id IS NULL", sha256="md5(n::text) || md5(n::text)")
    runs = copied("runs_run", "step = 'verify'", subject="'cycle:' || n", step="'publish'")
    copied("verification_verdict", "true", run_id=f"{runs} + n")
    copied("claims_claim", "true", asset_id="'many-' || n")
    copied("recoupments_debt", "true", contributor_id="'many-' || n")
    copied("payouts_hold", "true", contributor_id="'many-' || n")
    copied("payouts_batch", "true", state="'cancelled'", cancelled_by="'fiona'", cancelled_at="r.prepared_at")
    copied("restatements_restatement", "true", number="n + 1")
    may = f"cycle_id = {cycles['may'].pk} AND kind = 'sales'"
    pools = copied("pools_pool", may, model="'waits-' || n", versions="'[]'::jsonb")
    copied("allocation_rest", "bucket = 'platform'", bucket="'suspense'", pool_id=f"{pools} + n", amount_micros="n",
           cycle_id=str(cycles["may"].pk))  # fmt: skip
    copied("allocation_rest", "bucket = 'platform'", bucket="'held'", reason=f"'{OPTED_OUT}'",
           contributor_id="'many-' || n", amount_micros="n")  # fmt: skip
    copied("pools_pool", may, model="'owes-' || n", net_micros="-n", carried_in_micros="0", distributable_micros="0",
           platform_micros="0", carried_out_micros="-n")  # fmt: skip
    copied("audit_event", "true", hash="md5(n::text) || md5(n::text)")


def test_ten_thousand_of_everything(many: None, sign_in: SignIn) -> None:
    fiona, olivia = sign_in("fiona"), sign_in("olivia")
    wrong: dict[str, Any] = {}
    olivia.get("/console/")  # what is kept of a cycle is there
    for path in PAGES:
        client = fiona if path.startswith("payouts") else olivia
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(f"/console/{path}")
        text = answer.content.decode()
        weight = len(gzip.compress(answer.content)) + own_files(text)
        questions = [query for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        if answer.status_code != 200 or len(questions) > MOST_QUERIES or weight > MOST_BYTES:
            wrong[path] = (answer.status_code, len(questions), weight)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        if path in WITHOUT_PAGES:
            continue
        if following is None:
            wrong[path] = "leads to no next page"
            continue
        second = client.get(f"/console/{path}{unescape(following[1])}").content.decode()
        back = re.search(r'rel="prev" href="([^"]+)"', second)
        if back is None:
            wrong[path] = "does not come back from its second page"
        elif path in ONE_OF_EACH and shown(client.get(f"/console/{path}{unescape(back[1])}").content.decode()) != shown(
            text
        ):
            wrong[path] = "comes back to another page"
        if shown(second) & shown(text):
            wrong[path] = "shows the same on two pages"
    assert wrong == {}


def shown(text: str) -> set[str]:
    """What a page names of what was copied."""
    return set(
        re.findall(r"(?:many|waits|owes)-[0-9]+|(?<=/change/\">)[0-9]+|restatements/[0-9]+/|files/[0-9]+/", text)
    )
