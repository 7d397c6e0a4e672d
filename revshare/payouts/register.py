"""The file of a batch for finance and the bank: CSV that repeats byte for byte."""

import csv
import io

from revshare.cells import safe_cell
from revshare.continuity.operations import BATCHES, check_open
from revshare.errors import Conflict
from revshare.money import format_micros
from revshare.payouts.models import PaymentBatch
from revshare.payouts.queries import check_digest, payment_lines
from revshare.payouts.rules import major_text

COLUMNS = ("payment_key", "contributor_id", "payee", "name", "currency", "amount", "statement", "account_currency",
           "account_amount", "rate", "rate_date", "rate_source")  # fmt: skip


def register(batch: PaymentBatch) -> bytes:
    """UTF-8, `\\n` line ends, header first, by payment_key; amounts in major units with the currency's decimals, and
    what each takes from the account, exactly. Text cells are safe to open in a spreadsheet. Raises Conflict unless the
    batch has been exported, NotReconciled while the instance may not pay."""
    if batch.state != "exported":
        raise Conflict(f"Batch {batch.pk} is {batch.state}: its register is there once it is exported.")
    check_open(kind=BATCHES, key=str(batch.pk), digest=batch.digest)
    check_digest(batch)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in payment_lines(batch):
        texts = (line.contributor_id, line.payee_id, line.name)
        amount = major_text(line.amount_minor, line.currency)
        taken = [line.account_currency, format_micros(line.account_micros, line.account_currency), line.rate_text]
        day = line.rate_on.isoformat() if line.rate_on else ""
        writer.writerow(
            [line.payment_key, *map(safe_cell, texts), line.currency, amount, safe_cell(line.statement), *taken, day,
             safe_cell(line.rate_source)]
        )  # fmt: skip
    return out.getvalue().encode()
