"""The columns of a sale: what fills them, how they are judged, compared and stored. Listed here and in the model."""

from enum import Enum
from typing import NamedTuple

from revshare.files.rules import instant_us, micros


class Kind(Enum):
    TEXT = "text"
    AMOUNT = "amount"  # once judged, in micros
    INSTANT = "instant"  # once judged, in microseconds since 1970


class Column(NamedTuple):
    """`name`: in the table. `source`: in the file. `judged`: in DuckDB, NULL where the text cannot be read. `blank`:
    the table has a default for a file that says nothing there."""

    name: str
    source: str
    judged: str
    kind: Kind = Kind.TEXT
    blank: bool = False

    def read(self, *, says_nothing: bool) -> str:
        """The SQL of DuckDB that reads it from the file's text. `says_nothing`: it is known to be blank throughout."""
        match self.kind:
            case Kind.TEXT:
                return f"'' AS {self.judged}" if says_nothing else f"{self.source} AS {self.judged}"
            case Kind.AMOUNT:
                found = "NULL" if says_nothing else micros(self.source)
                return f"CAST({found} AS BIGINT) AS {self.judged}"
            case Kind.INSTANT:
                return f"{instant_us(self.source)} AS {self.judged}"

    @property
    def stored(self) -> str:
        """The SQL of PostgreSQL that gives what is stored (`s`) as it was judged."""
        if self.kind is Kind.INSTANT:
            return microseconds(f"s.{self.name}")
        return f"s.{self.name}"

    @property
    def type(self) -> str:
        """Its type in DuckDB."""
        return "VARCHAR" if self.kind is Kind.TEXT else "BIGINT"

    @property
    def binary(self) -> str:
        """The SQL of DuckDB that gives what binary COPY takes: PostgreSQL counts from the year 2000."""
        return f"{self.judged} - {YEAR_2000_US}" if self.kind is Kind.INSTANT else self.judged


def microseconds(column: str) -> str:
    """The SQL of PostgreSQL that gives an instant in microseconds since 1970, exactly.

    EXTRACT's numeric is exact and slow. In these years seconds lie below 2^32: what DATE_PART gives is off by no more
    than a quarter of a microsecond there, and the product by as much again, so the nearest integer is the right one.
    """
    return (
        f"CASE WHEN {column} >= '1970-01-01T00:00:00Z' AND {column} < '2100-01-01T00:00:00Z' "
        f"THEN (date_part('epoch', {column}) * 1000000)::bigint "
        f"ELSE (extract(epoch FROM {column}) * 1000000)::bigint END"
    )


YEAR_2000_US = 946_684_800_000_000
COLUMNS = (  # the first one is the key
    Column("sale_id", "sale_id", "sale_id"),
    Column("sold_at", "sold_at", "at_us", Kind.INSTANT),
    Column("stream", "stream", "stream"),
    Column("model", "model", "model", blank=True),
    Column("dataset_version", "dataset_version", "dataset_version", blank=True),
    Column("currency", "currency", "currency"),
    Column("gross_micros", "gross_amount", "micros", Kind.AMOUNT),
    Column("refund_of", "refund_of", "refund_of", blank=True),
    Column("fees_micros", "fees", "fees_micros", Kind.AMOUNT, blank=True),
    Column("tax_micros", "tax", "tax_micros", Kind.AMOUNT, blank=True),
    Column("customer_id", "customer_id", "customer_id", blank=True),
    Column("generation_id", "generation_id", "generation_id", blank=True),
    Column("plan", "plan", "plan", blank=True),
)
# What makes two rows with one id the same sale.
CONTENT = COLUMNS[1:]
