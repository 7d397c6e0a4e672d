#!/usr/bin/env python3
"""How many statements a second one core makes into PDFs. Needs no database.

    python bench/statement_pdfs.py --count 500 [--json]

The statements are made up, but add up: contributors with names in several scripts, 1 to 7 lines each, amounts and
assets of many sizes. What is timed is from the statement's figures to the finished bytes of the PDF, one after the
other in one process on one core; the first one is not, since it loads the fonts. `per_cpu_second` leaves out the time
in which the core did something else.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.conf import settings

settings.configure(USE_I18N=False)  # the statements are in English

from revshare.exports.statement_document import Document, DocumentCycle, DocumentLine  # noqa: E402
from revshare.exports.statement_pdf import statement_pdf  # noqa: E402
from revshare.statements.rules import Content, Line, content_sha256  # noqa: E402

TICKS, MOST_LINES = 720_720, 7
NAMES = (
    "Zoë Müller", "Łukasz Żak", "Лев Толстой", "Siobhán O'Connor & Sons", "José Ñandú", "Ørsted, Åse", "Nguyễn Văn An",
    "Ανδρέας Παπαδόπουλος", "Smith", "Joseph Mallord William Turner", "",
)  # fmt: skip
RULE = "20% of net sales of each model, by number of assets"
POLICY, JOURNAL = (hashlib.sha256(word).hexdigest() for word in (b"policy", b"journal"))
CYCLE = DocumentCycle(
    key="2026-05", starts_on=date(2026, 5, 1), ends_on=date(2026, 6, 1), timezone="Europe/London",
    starts_at=datetime(2026, 4, 30, 23, tzinfo=UTC), ends_at=datetime(2026, 5, 31, 23, tzinfo=UTC),
    policy="contributor-fund@2026.1", published_at=datetime(2026, 6, 3, 9, 30, tzinfo=UTC),
)  # fmt: skip


def line(number: int, at: int) -> DocumentLine:
    """What contributor `number` gets of the pool `at`, rounded down."""
    net = 295_960_050_003 * (at + 2) // (at * at + 1)
    pool, ticks = net // 5, (69_202 + 977 * at) * TICKS
    mine = (1 + number * 7_919 % 3_000) * TICKS // (1 + (number + at) % 3)
    figures = Line(at + 1, "earned", "default", f"gen-{at}", "", "", "assets", pool, mine, ticks, pool * mine // ticks)
    return DocumentLine(figures, currency="GBP", share="20%", rule=RULE, net_micros=net, carried_in_micros=0)


def statement(number: int) -> Document:
    """The statement of contributor `number`: the same every time."""
    lines = tuple(line(number, at) for at in range(1 + number % MOST_LINES))
    opening, earned = number * 1_234_567 % 50_000_000, sum(item.line.amount_micros for item in lines)
    content = Content(
        number=f"{CYCLE.key}-{number:09d}", cycle=CYCLE.key, policy_sha256=POLICY, contributor_id=f"c{number:07d}",
        currency="GBP", opening_micros=opening, earned_micros=earned, adjusted_micros=0, withheld_micros=0,
        held_micros=0, paid_micros=0, closing_micros=opening + earned, journal_hash=JOURNAL,
        lines=tuple(item.line for item in lines),
    )  # fmt: skip
    return Document(content, CYCLE, NAMES[number % len(NAMES)], content_sha256(content), lines)


def measure(count: int) -> dict[str, Any]:
    """Sets `count` statements and one before them."""
    documents = [statement(number) for number in range(count + 1)]
    statement_pdf(documents[0])
    size, digest = 0, hashlib.sha256()
    start, start_cpu = time.perf_counter(), time.process_time()
    for document in documents[1:]:
        content = statement_pdf(document)
        size += len(content)
        digest.update(content)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    return {
        "statements": count, "seconds": round(seconds, 3), "per_second": round(count / seconds, 1),
        "per_cpu_second": round(count / cpu, 1), "bytes_each": size // count, "sha256_of_all": digest.hexdigest(),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before the typesetter counts the cores
    made = measure(asked.count)
    print(json.dumps(made) if asked.json else "\n".join(f"{name}: {value}" for name, value in made.items()))


if __name__ == "__main__":
    main()
