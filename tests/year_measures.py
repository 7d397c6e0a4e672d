"""Makes `fixtures/year/measures.csv.gz`: what stands in for each artist's own licences and revenue of the year.

Nobody publishes what contributors' licences earn, and the shop's orders name no artist. So every invoice stands for a
customer of one work: of the works of the model's datasets in order of their ids the one at place (invoice number modulo
number of works). Each order line is a licence; its amount less what was refunded of it is revenue. Works by several
artists are split equally. The amounts, dates, invoice numbers and works are real; who earned them is not.

    python -m tests.year_measures > measures.csv
"""

import csv
import gzip
import io
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from revshare.apportion import apportion
from revshare.money import MICROS_PER_UNIT, format_micros, parse_amount_micros

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
PERIOD = ("2010-12-01", "2012-01-01")
Measures = dict[tuple[str, str], int]


def rows_of(name: str) -> Iterator[dict[str, str]]:
    content = (FIXTURES / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode("utf-8")
    yield from csv.DictReader(io.StringIO(text))


def works_by_model() -> dict[str, list[list[str]]]:
    """The artists of each work, works in order of dataset version and id."""
    versions = {row["model"]: row["dataset_version"] for row in rows_of("tate/models.csv")}
    artists: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows_of("tate/attributions.csv.gz"):
        artists[row["dataset_version"], row["asset_id"]].append(row["contributor_id"])
    return {
        model: [sorted(artists[key]) for key in sorted(artists) if key[0] == version]
        for model, version in versions.items()
    }


def measured() -> Measures:
    """Millionths by contributor and measure."""
    works = works_by_model()
    lines: dict[str, tuple[str, int]] = {}
    refunded: dict[str, int] = defaultdict(int)
    for row in rows_of("year/sales.csv.gz"):
        micros = parse_amount_micros(row["gross_amount"])
        if micros > 0 and not row["refund_of"]:
            lines[row["sale_id"]] = (row["model"], micros)
        refunded[row["refund_of"]] -= min(0, micros)
    found: Measures = defaultdict(int)
    for sale_id, (model, micros) in lines.items():
        invoice = int("".join(letter for letter in sale_id.partition("-")[0] if letter.isdigit()))
        artists = works[model][invoice % len(works[model])]
        for measure, total in (("licences", MICROS_PER_UNIT), ("revenue", micros - refunded[sale_id])):
            for artist, part in zip(artists, apportion(total=total, weights=[1] * len(artists)), strict=True):
                found[artist, measure] += part
    return found


def as_csv(found: Measures) -> str:
    lines = [
        f"{artist},{measure},{PERIOD[0]},{PERIOD[1]},{format_micros(micros, None)}\n"
        for (artist, measure), micros in sorted(found.items())
    ]
    return "contributor_id,measure,start,end,value\n" + "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(as_csv(measured()))
