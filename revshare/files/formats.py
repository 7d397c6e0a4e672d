"""The files that may come in: their kinds and columns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """Header names of a kind of file. `one_of`: at least one of these must be there. `amount`: the column summed in
    the control totals. `whole`: a spool has every column, also what the file lacks, since it may be kept as it is."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    amount: str = ""
    numbers: tuple[str, ...] = ()  # columns that must not be binary floating point in Parquet
    days: tuple[str, ...] = ()  # columns that may be dates in Parquet
    whole: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        return self.required + self.one_of + self.optional


PAYMENT_RESULTS = "payment_results"  # booked by finance; all others are taken in by operators
KINDS: dict[str, Columns] = {
    "contributors": Columns(
        required=("contributor_id", "contributor_name"), optional=("email", "country", "currency", "payee_id")
    ),
    "attributions": Columns(
        required=("dataset_version", "asset_id", "contributor_id"),
        optional=("contributor_name", "share", "weight", "licence", "ai_generated", "media_type"),
        numbers=("share", "weight"),
        whole=True,
    ),
    "consents": Columns(
        required=("contributor_id", "decision", "effective_at"), optional=("asset_id", "scope", "source")
    ),
    "rates": Columns(required=("date", "base", "quote", "rate", "source"), numbers=("rate",), days=("date",)),
    "models": Columns(required=("model", "dataset_version"), optional=("mix",), numbers=("mix",)),
    "sales": Columns(
        required=("sale_id", "sold_at", "stream", "currency", "gross_amount"),
        one_of=("model", "dataset_version"),
        optional=("refund_of", "fees", "tax", "customer_id", "generation_id", "plan"),
        amount="gross_amount",
        numbers=("gross_amount", "fees", "tax"),
    ),
    "measures": Columns(
        required=("contributor_id", "measure", "start", "end", "value"),
        amount="value",
        numbers=("value",),
        days=("start", "end"),
    ),
    "outputs": Columns(required=("sale_id", "contributor_id", "score"), optional=("role",), numbers=("score",)),
    "usage": Columns(required=("customer_id", "model", "day", "units"), numbers=("units",), days=("day",)),
    "splits": Columns(
        required=("contributor_id", "payee_id", "share", "start"),
        optional=("end", "reason"),
        numbers=("share",),
        days=("start", "end"),
    ),
    PAYMENT_RESULTS: Columns(
        required=("payment_key", "result", "date", "reference"), optional=("reason", "amount"), numbers=("amount",)
    ),
}
TAKEN_IN = tuple(kind for kind in KINDS if kind != PAYMENT_RESULTS)
