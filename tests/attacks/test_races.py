"""Two real connections at once: one closes, the other adds to what is being closed. Whoever comes second waits, and is
then refused. (A sale against the lock of its cycle, as whole commands: `tests/cycles/test_crashes.py`.)"""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from config.embedded.process import wait_until
from revshare.cycles import operations as cycles
from revshare.ingest.operations import find_files, ingest
from revshare.payouts import operations as payouts
from revshare.payouts.models import PaymentBatch
from revshare.policies.operations import register
from tests.attacks.world import PAYEES, by, inside, open_cycle, publish, take
from tests.conftest import World, new_world
from tests.small import FILES, write_files

Connection = psycopg.Connection[Any]
CLOSED = "23001"


@pytest.fixture(scope="module")
def closing(
    _template: str, django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """June is published, with a batch in draft; July and September are locked; August is open."""
    folder = tmp_path_factory.mktemp("races")
    with new_world(_template, folder / "world") as world, django_db_blocker.unblock(), inside(world):
        for kind, path in find_files(write_files(folder / "in")):
            ingest(kind=kind, path=path, act=by("olivia"))
        register(content=FILES["policy.toml"].encode(), act=by("olivia"))
        take("contributors", folder, "payees.csv", PAYEES)
        open_cycle("june", "2026-06-01", "2026-07-01", "p")
        publish("june")
        open_cycle("july", "2026-07-01", "2026-08-01", "p")
        open_cycle("september", "2026-09-01", "2026-10-01", "p")
        for key in ("july", "september"):
            cycles.lock(key=key, act=by("olivia"))
        open_cycle("august", "2026-08-01", "2026-09-01", "p")
        yield world


class Two:
    """`first` is in a transaction; `second` waits for it. Both are the application's."""

    def __init__(self, world: World) -> None:
        self.first, self.second = (psycopg.connect(world.database_url) for _ in range(2))
        self._look = world.connect()
        self._met: list[str] = []

    def start(self, attack: str) -> None:
        """Has the second begin, and sees that it waits for the first."""

        def run() -> None:
            try:
                self.second.execute(attack)
                self.second.commit()
                self._met.append("")
            except psycopg.Error as error:
                self._met.append(str(error.sqlstate))

        self._thread = threading.Thread(target=run)
        self._thread.start()
        pids = (self.first.info.backend_pid, self.second.info.backend_pid)
        waits = "SELECT %s = ANY(pg_blocking_pids(%s))"
        assert wait_until(lambda: (self._look.execute(waits, pids).fetchone() or (False,))[0] or bool(self._met), 20)
        assert self._met == [], "it did not wait"

    def met(self) -> str:
        """Commits the first; what the second met then."""
        self.first.commit()
        self._thread.join(20)
        return self._met[0]

    def close(self) -> None:
        for connection in (self.first, self.second, self._look):
            connection.close()


@pytest.fixture
def two(closing: World) -> Iterator[Two]:
    made = Two(closing)
    yield made
    made.close()


def test_a_sale_that_comes_while_its_cycle_closes_is_refused_under_a_number_that_it_closed_over(two: Two) -> None:
    two.first.execute("SELECT pg_advisory_xact_lock(3, 0)")
    two.first.execute(
        "UPDATE cycles_cycle SET state = 'locked', locked_at = now(), locked_by = 'olivia', upto_seq = (SELECT max(seq) + 5 "
        "FROM sales_sale), input_digest = repeat('a', 64) "
        "WHERE key = 'august'"
    )
    two.start(
        "INSERT INTO sales_sale_0 (sale_id, sold_at, stream, model, currency, gross_micros, file_id, row, seq) SELECT 'race', "
        "sold_at, stream, model, currency, 1, file_id, 99, (SELECT max(seq) + 1 FROM sales_sale) FROM sales_sale LIMIT 1"
    )
    assert two.met() == CLOSED


@pytest.mark.parametrize(
    ("key", "attack"),
    [
        ("july", "SELECT revshare_new_entries(2)"),
        (
            "september",
            "INSERT INTO allocation_rest (cycle_id, pool_id, bucket, amount_micros) SELECT c.id, p.id, 'suspense', 1 "
            "FROM cycles_cycle c, pools_pool p WHERE c.key = 'september' LIMIT 1",
        ),
    ],
)
def test_lines_of_statements_are_not_added_once_a_cycle_is_calculated(two: Two, key: str, attack: str) -> None:
    """Its lines are its entries, which come as a partition, and what goes to nobody."""
    number = {"july": 90, "september": 91}[key]
    two.first.execute(
        "UPDATE cycles_cycle SET state = 'calculated', calculated_at = now(), calculated_by = 'olivia', calculation = %s, "
        "journals_after = %s, journals_upto = %s, result_digest = repeat('a', 64) WHERE key = %s",
        [number, number, number, key],
    )
    two.start(attack)
    assert two.met() == CLOSED


def test_a_leg_is_not_added_to_a_journal_that_is_being_sealed(two: Two) -> None:
    """Nobody sees a journal before it is sealed: a leg of its number finds none, and then one that is closed."""
    leg = (
        "INSERT INTO ledger_leg (journal_id, account, currency, side, amount_micros) VALUES (%s, '%s', 'USD', '%s', 5)"
    )
    row = two.first.execute(
        "INSERT INTO ledger_journal (seq, kind, key, posted_at, created_by, legs_count, legs_sha256, prev_hash, hash, sealed) "
        "SELECT seq + 1, 'test', 'x', now(), 'x', 0, '', hash, '', false FROM ledger_journal ORDER BY seq DESC LIMIT 1 RETURNING seq"
    ).fetchone()
    assert row
    two.first.execute(leg % (row[0], "platform", "D") + ";" + leg % (row[0], "sales", "C"))
    for _ in range(2):
        with pytest.raises(psycopg.errors.RestrictViolation), two.second.transaction():
            two.second.execute(leg % (row[0], "bank", "D"))
        two.first.execute(
            "UPDATE ledger_journal SET sealed = true, legs_count = 2, hash = repeat('a', 64) WHERE NOT sealed"
        )
        two.first.commit()


def test_whom_a_batch_pays_is_whom_it_was_approved_for(two: Two, closing: World, django_db_blocker: Any) -> None:
    """A payee is edited while the batch is approved: the approval is for the one before, and the bank gets neither."""
    with django_db_blocker.unblock(), inside(closing):
        batch = payouts.prepare(currency="USD", act=by("fiona"))
        two.first.execute("UPDATE contributors_contributor SET payee_id = 'P-mallory' WHERE id = 'ann'")
        payouts.approve(batch_id=batch.pk, digest=batch.digest, act=by("adam"))
        two.first.commit()
        with pytest.raises(Exception, match="The payee is another by now"):
            payouts.release_to_bank(batch_id=batch.pk, act=by("fiona"))
        kept = PaymentBatch.objects.get(pk=batch.pk)
        assert (kept.state, kept.payments.get(contributor_id="ann").payee_id) == ("approved", "P-ann")
