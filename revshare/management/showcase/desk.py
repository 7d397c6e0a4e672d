"""What lies on everybody's desk today: a cycle to approve, one that fills, and something in every queue."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from revshare.audit_trail.operations import Act
from revshare.claims.operations import file_claim, prove
from revshare.cycles import operations as cycles
from revshare.files import uploads
from revshare.files.models import IngestedFile
from revshare.files.voiding import void
from revshare.invitations.operations import invite
from revshare.management.showcase import beside
from revshare.management.showcase.months import first_day, write_csv
from revshare.payouts import operations as payouts
from revshare.personal.operations import ask_deletion
from revshare.recoupments import operations as recoupments
from revshare.restatements.rules import Options
from revshare.tasks import request_cycle_step, request_restatement, request_step

if TYPE_CHECKING:
    from revshare.management.showcase.year import Year

PRICES = ("24.90", "1,250.00", "18.00", "£12.50", "31.75", "7.95", "12,5", "64.10", "19.99", "8.25", "3.5e2", "41.00")
Open = Callable[[str, Act], None]


def lay_out(year: "Year", sales: dict[str, Path], open_cycle: Open) -> None:
    """In the order in which people did it, ending about now."""
    review, filling = year.months[-2:]
    _calculated(year, review, sales[review], open_cycle)
    _filling(year, filling, sales[filling], open_cycle)
    _corrections(year)
    _queues(year.now - timedelta(hours=3))


def _calculated(year: "Year", month: str, sales: Path, open_cycle: Open) -> None:
    """As the console does it, so that the jobs are there to be seen."""
    act = Act(actor="olivia", at=year.now - timedelta(hours=6))
    _upload("sales", sales, act)
    open_cycle(month, act)
    for step in ("lock", "calculate"):
        request_cycle_step(step=step, key=month, act=act, queue=False)
    cycles.submit(key=month, act=Act(actor="olivia", at=year.now - timedelta(hours=5)))


def _filling(year: "Year", month: str, sales: Path, open_cycle: Open) -> None:
    """The cycle that is open: half a month of sales, a partner's file with rows that break a rule, one that is none."""
    act = Act(actor="olivia", at=year.now - timedelta(hours=2))
    open_cycle(month, act)
    _upload("sales", sales, act)
    day = f"{first_day(month):%Y-%m}-08T10:00:00+00:00"
    rows = [
        [f"W-{number:04}", "08/12/2011" if number == 3 else day, "product", "gen-tate-1", "GBP", price]
        for number, price in enumerate(PRICES)
    ]
    _upload("sales", write_csv(year.folder / f"partner-{month}.csv", beside.SALES, rows), act)
    broken = write_csv(year.folder / f"partner-{month}-again.csv", ["order", "total"], [["W-0001", "24.90"]])
    _upload("sales", broken, Act(actor="olivia", at=year.now - timedelta(hours=1)))


def _corrections(year: "Year") -> None:
    """The partner's file was a copy: it is void, and what its month would have been lies there as a draft."""
    month = year.closed[-1]
    file = IngestedFile.objects.get(name=f"partner-{month}.csv")
    act = Act(actor="olivia", at=year.now - timedelta(hours=4), why="")
    void(file_id=file.pk, reason="The partner sent the shop's own sales once more.", act=act)
    request_restatement(key=month, options=Options(void=(file.pk,)), act=act, queue=False)


def _queues(at: datetime) -> None:
    olivia, fiona = Act(actor="olivia", at=at), Act(actor="fiona", at=at, why="for the studio's rent")
    works = [
        ("TATE-00001", "A00002", "A sketch of it is in our archive."),
        ("TATE-00003", "A00001", "Painted by my uncle."),
    ]
    claims = [
        file_claim(
            claimant_id=claimant, dataset_version="tate-collection@2014-10", asset_id=asset, proof=proof,
            act=Act(actor="olivia", at=at - timedelta(days=12)),
        ).pk
        for claimant, asset, proof in works
    ]  # fmt: skip
    prove(number=claims[0], evidence="The sketch, with a dated letter.", act=olivia)
    recoupments.ask_for_advance(
        contributor_id=beside.HEPWORTH, currency="GBP", amount_micros=1_200_000_000, act=fiona
    )  # fmt: skip
    invite(contributor_id=beside.CONSTABLE, email="", act=olivia)
    ask_deletion(contributor_id="TATE-00383", text="Please forget me: letter of 3 November.", act=olivia)
    payouts.prepare(currency="GBP", act=Act(actor="fiona", at=at))


def _upload(kind: str, path: Path, act: Act) -> None:
    with path.open("rb") as file:
        upload = uploads.receive(kind=kind, name=path.name, chunks=iter(lambda: file.read(1 << 20), b""), act=act)
    request_step(
        step="ingest", subject=f"upload:{upload.pk}", act=act, request={"upload": upload.pk}, queue=False
    )  # fmt: skip
