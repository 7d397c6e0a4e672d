"""What happens in the year beside the cycles: opt-outs, an advance, a hold, a claim, payments, sales that are odd."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

from revshare.allocation.releasing import decide
from revshare.audit_trail.operations import Act
from revshare.claims.operations import file_claim, prove
from revshare.files.formats import PAYMENT_RESULTS
from revshare.ingest.operations import ingest
from revshare.management.showcase.months import TATE, after, first_day, write_csv
from revshare.payouts import operations as payouts
from revshare.payouts.destinations import set_destination
from revshare.payouts.models import PaymentBatch
from revshare.payouts.queries import payment_lines
from revshare.recoupments import operations as recoupments

BLAKE, CONSTABLE, HEPWORTH, TURNER = "TATE-00039", "TATE-00108", "TATE-01274", "TATE-00558"
ADDRESSES = {TURNER: "turner@example.org", HEPWORTH: "hepworth@example.org", CONSTABLE: "constable@example.org"}
OPTED_OUT = [
    ["TATE-01659", "opt_out", "2010-11-20T00:00:00+00:00"], ["TATE-00383", "opt_out", "2010-11-22T00:00:00+00:00"],
]  # fmt: skip
WITHOUT_PAYEE = 9  # every ninth contributor: nobody has said yet where their money goes
SALES = ["sale_id", "sold_at", "stream", "model", "currency", "gross_amount"]
PARTNER_SALES = 40
RETURNED = 2  # of a batch, the second payment comes back


def contributors_file(folder: Path) -> Path:
    """The real artists, with made-up payees and addresses: the collection has none."""
    with (TATE / "contributors.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            [row["contributor_id"], row["contributor_name"], ADDRESSES.get(row["contributor_id"], ""),
             f"P-{row['contributor_id'][5:]}" if number % WITHOUT_PAYEE else ""]
            for number, row in enumerate(csv.DictReader(file), 1)
        ]  # fmt: skip
    return write_csv(folder / "contributors.csv", ["contributor_id", "contributor_name", "email", "payee_id"], rows)


def first_month(*, month: str) -> None:
    """The first that was published: people begin to ask for things."""
    at = after(month, days=6, hour=11)
    fiona, adam = Act(actor="fiona", at=at, why="for a new press"), Act(actor="adam", at=at, why="sells every month")
    debt = recoupments.ask_for_advance(contributor_id=BLAKE, currency="GBP", amount_micros=500_000_000, act=fiona)
    recoupments.approve(number=debt.pk, act=adam)
    payouts.place_hold(
        contributor_id=CONSTABLE,
        act=Act(actor="fiona", at=at, why="The estate is before a court: letter of 3 January."),
    )
    set_destination(
        contributor_id=TURNER, text="GB33 BUKB 2020 1555 5555 55, Barclays", act=Act(actor="turner", at=at)
    )  # fmt: skip
    claim = file_claim(
        claimant_id="TATE-00000", dataset_version="tate-collection@2014-10", asset_id="A00003",
        proof="Signed in the lower left corner.", act=Act(actor="olivia", at=at),
    )  # fmt: skip
    prove(number=claim.pk, evidence="Bill of sale of 1911.", act=Act(actor="olivia", at=at + timedelta(days=4)))
    decide(
        number=claim.pk, action="reject", reason="The bill names another drawing.",
        act=Act(actor="adam", at=at + timedelta(days=9)),
    )  # fmt: skip


def odd_sales(*, folder: Path, month: str, act: Act) -> None:
    """A partner's file that turns out to be a copy, and sales of a model that nobody has registered."""
    day = f"{first_day(month):%Y-%m}-14T12:00:00+00:00"
    copies = [
        [f"P-{number:04}", day, "product", "gen-tate-1", "GBP", f"{180 + number}.50"] for number in range(PARTNER_SALES)
    ]
    ingest(kind="sales", path=write_csv(folder / f"partner-{month}.csv", SALES, copies), act=act)
    unknown = [
        [f"U-{number:04}", day, "product", model, "GBP", f"{95 + number}.00"]
        for number, model in enumerate(["gen-tate-2"] * 9 + ["gen-turner-1-beta"] * 4)
    ]
    ingest(kind="sales", path=write_csv(folder / f"app-{month}.csv", SALES, unknown), act=act)


def pay(*, folder: Path, at: datetime) -> PaymentBatch:
    """A batch from what is payable to what the bank said of it; one payment comes back."""
    batch = hand_over(at=at)
    day = (at + timedelta(days=2)).date()
    rows = [
        [line.payment_key, "returned" if number == RETURNED else "paid", str(day), f"BK{line.payment_key[4:]}",
         "account closed" if number == RETURNED else ""]
        for number, line in enumerate(payment_lines(batch), 1)
    ]  # fmt: skip
    path = write_csv(folder / f"bank-{batch.pk}.csv", ["payment_key", "result", "date", "reference", "reason"], rows)
    ingest(kind=PAYMENT_RESULTS, path=path, act=Act(actor="fiona", at=at + timedelta(days=3)))
    return batch


def hand_over(*, at: datetime) -> PaymentBatch:
    batch = payouts.prepare(currency="GBP", act=Act(actor="fiona", at=at))
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=Act(actor="adam", at=at + timedelta(hours=3)))
    return payouts.release_to_bank(batch_id=batch.pk, act=Act(actor="fiona", at=at + timedelta(hours=5)))
