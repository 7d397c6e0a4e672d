"""The real year, month by month: its sales in a file for each, and when things happened."""

import csv
import gzip
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from config.instance import ROOT

TATE = ROOT / "fixtures" / "tate"
YEAR = ROOT / "fixtures" / "year"
POLICIES = ROOT / "fixtures" / "policies"
ZONE = "Europe/London"
MONTHS = ("2010-12", *(f"2011-{number:02}" for number in range(1, 13)))
FEWEST = 3  # one published, one in review, one open


def split_sales(folder: Path, months: tuple[str, ...]) -> dict[str, Path]:
    """Writes the year's sales as a file a month, and returns where they are."""
    rows: dict[str, list[list[str]]] = defaultdict(list)
    with gzip.open(YEAR / "sales.csv.gz", "rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        moment = header.index("sold_at")
        for row in reader:
            rows[row[moment][:7]].append(row)
    return {month: write_csv(folder / f"sales-{month}.csv", header, rows[month]) for month in months}


def write_csv(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def day_after(month: str) -> date:
    """The first day that no longer counts."""
    return (first_day(month) + timedelta(days=31)).replace(day=1)


def after(month: str, *, days: int, hour: int) -> datetime:
    """A moment after a month's end: when people worked on it."""
    end = day_after(month) + timedelta(days=days)
    return datetime(end.year, end.month, end.day, hour, tzinfo=UTC)
