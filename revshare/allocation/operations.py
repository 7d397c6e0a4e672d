"""Splits each pool of a cycle, exactly, and writes every amount."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from django.db import transaction

from revshare.ahead import ahead
from revshare.allocation.balances import BALANCES, letters_in, runs_in, say_runs
from revshare.allocation.models import Bucket, Rest
from revshare.allocation.movements import TABLE, Movements
from revshare.allocation.numerators import Numerators
from revshare.allocation.splitting import Splitter
from revshare.lake import check_part, duck, keep, literal, part, spool
from revshare.ledger.models import AccountControl, PoolControl
from revshare.ledger.operations import enter
from revshare.pools.models import Pool
from revshare.pools.rules import Pinned
from revshare.pools.sources import Sources
from revshare.progress import Progress, no_progress

BALANCES_AT_ONCE = 500_000


@transaction.atomic
def allocate(
    *, cycle_id: int, pools: Sequence[Pool], sources: Sources, pinned: Pinned, moved: Sequence[Pool],
    journals: tuple[int, int], before: str, progress: Progress = no_progress,
) -> str:  # fmt: skip
    """Writes the allocations of all pools of a cycle as entries of the ledger, and what goes to nobody; and under the
    pools `moved` what else moved accounts in the journals numbered (after, upto]. `before` names the lake's file of all
    balances so far ('' if there is none); returns that of the balances by now.

    Every contributor with ticks in a pool gets an entry, also where the amount is 0. Raises LakeDamaged.
    """
    shared = [pool for pool in pools if pool.denominator_ticks]
    Rest.objects.bulk_create(row for pool in pools for row in _rest(pool))
    if not shared and not moved:
        return before
    with spool() as scratch, duck(scratch) as con:
        if before:
            check_part(BALANCES, before)
        progress("weights", 0, len(shared))
        movements = Movements(con, pools=moved, journals=journals, scratch=scratch) if moved else None
        numerators = Numerators(
            con, sources=sources, pinned=pinned, versions=sorted({name for pool in shared for name in pool.versions}),
            scratch=scratch, also=(TABLE,) if movements else (),
        )  # fmt: skip
        splitter = Splitter(
            cycle_id=cycle_id, pools=shared, numerators=numerators, rulebook=sources.rulebook, before=before,
            scratch=scratch, movements=movements,
        )  # fmt: skip

        if not splitter.entries:  # all is set aside
            assert not list(splitter.statements())
            Rest.objects.bulk_create(splitter.set_aside)
            return before

        balances: list[Future[str]] = []
        # The first statements are made while it is found out who stands on which roll, and while the rolls are sent.
        with ThreadPoolExecutor(1) as beside, ahead(splitter.statements()) as statements:

            def controls() -> tuple[list[PoolControl], list[AccountControl]]:
                # All entries are made by now: the balances are put together while the database checks them.
                others = "" if splitter.touches_all else before
                balances.append(
                    beside.submit(lambda: keep(_with_others(con, splitter.balances, others, scratch), BALANCES))
                )
                Rest.objects.bulk_create(splitter.set_aside)
                return splitter.controls()

            enter(
                cycle_id=cycle_id, rolls=splitter.rolls, statements=statements, entries=splitter.entries,
                controls=controls, progress=progress,
            )  # fmt: skip
            progress("balances", 0, 0)
            return balances[0].result()


def _with_others(con: duckdb.DuckDBPyConnection, closing: Path, before: str, scratch: Path) -> Path:
    """The closing balances, and after them those of accounts that this cycle did not touch.

    Not by one query: DuckDB forgets the order of rows where there is a join.
    """
    if not before:
        return closing
    target = scratch / "balances.parquet"
    others = con.sql(
        "SELECT contributor_id, currency, closing_micros, CAST(NULL AS BIGINT) AS earned_micros "
        f"FROM read_parquet({literal(part(BALANCES, before))}) "
        f"ANTI JOIN read_parquet({literal(closing)}) closing USING (contributor_id, currency)"
    ).to_arrow_reader(BALANCES_AT_ONCE)
    with pq.ParquetWriter(target, others.schema, compression="snappy", use_dictionary=["currency"]) as writer:
        for batches in (pq.ParquetFile(closing).iter_batches(BALANCES_AT_ONCE), others):
            for batch in batches:
                writer.write_batch(batch)
        say_runs(writer, runs_in(closing), letters_in(closing))
    return target


def _rest(pool: Pool) -> list[Rest]:
    """What of a pool goes to no contributor."""
    suspense = pool.distributable_micros if pool.denominator_ticks == 0 else 0
    amounts = {
        Bucket.PLATFORM: pool.platform_micros, Bucket.COMMONS: pool.commons_micros, Bucket.SUSPENSE: suspense,
        Bucket.CARRIED: pool.carried_out_micros,
    }  # fmt: skip
    return [
        Rest(cycle_id=pool.cycle_id, pool_id=pool.pk, bucket=bucket, amount_micros=amount)
        for bucket, amount in amounts.items()
        if amount
    ]
