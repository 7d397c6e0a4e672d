"""What came late, and is taken into the cycle that it is of: all of it, or chosen files and sales."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Q

from revshare.cycles.models import Cycle
from revshare.cycles.queries import Span, open_spans
from revshare.errors import NotFound, Refused
from revshare.files.models import IngestedFile, Void
from revshare.files.queries import open_quarantine
from revshare.files.voiding import VOIDABLE, voided
from revshare.pools.rules import Pinned
from revshare.restatements.rules import MOST_SALES, Options
from revshare.sales.queries import Range, count, within

LATE = """
    SELECT s.seq, s.sale_id, s.file_id,
           (s.file_id = ANY(%s) OR s.sale_id = ANY(%s)) AND s.file_id <> ALL(%s) AS wanted
    FROM sales_sale s WHERE {within}
"""
# Each run of chosen sales that arrived one after the other, with none between that was not chosen.
RUNS = """
    SELECT min(seq) - 1, max(seq) FROM (
        SELECT seq, wanted, count(*) FILTER (WHERE NOT wanted) OVER (ORDER BY seq) AS others FROM ({late}) late) ordered
    WHERE wanted GROUP BY others ORDER BY 1
"""
CHOSEN = "SELECT sale_id, file_id FROM ({late}) late WHERE wanted"


def check_chosen(options: Options) -> None:
    """Raises NotFound and Refused for files and sales that cannot be chosen, as far as it shows at once."""
    if options.late and (options.files or options.sales):
        raise Refused("--late takes in all that came late: leave out --late-file and --late-sale, or it.")
    if len(options.sales) > MOST_SALES:
        raise Refused(f"{len(options.sales)} late sales are chosen, {MOST_SALES} can be: choose their files instead.")
    known, void = IngestedFile.objects.in_bulk(options.files), {*voided()}
    for number in options.files:
        if number not in known:
            raise NotFound(f"There is no file {number}: `files list` shows those there are.")
        if (kind := known[number].kind) not in VOIDABLE:
            raise Refused(
                f"File {number} is of kind {kind}: only {', '.join(VOIDABLE)} can be chosen. Of other kinds all that "
                "came late counts, with --late."
            )
        if number in void:
            raise Refused(f"File {number} is void: choose the one that came in its place.")


def late_spans(cycle: Cycle, options: Options, upto_seq: int, *, counting: Sequence[Range]) -> list[Span]:
    """The arrivals of late sales that a restatement takes in. `counting`: what counts in the cycle without them. Raises
    Refused."""
    ranges = [Range(cycle.starts_at, cycle.ends_at, *span) for span in open_spans(cycle, upto_seq)]
    if options.late:
        return [(r.after_seq, r.upto_seq) for r in ranges if count([r])]
    files = [*IngestedFile.objects.filter(pk__in=options.files, kind="sales").values_list("pk", flat=True)]
    if not (files or options.sales):
        return []
    _check_found(cycle, options, files, _rows(*_query(CHOSEN, ranges, options, files)))
    _check_once(counting, *_query(CHOSEN, ranges, options, files))
    return [(after, upto) for r in ranges for after, upto in _rows(*_query(RUNS, [r], options, files))]


def other_files(options: Options, pinned: Pinned) -> list[int]:
    """Of the chosen files those that are not of sales. Raises Refused where they would say again what a void file says
    that counts still, and while rows of theirs may yet come in."""
    chosen = IngestedFile.objects.filter(pk__in=options.files).exclude(kind="sales").order_by("pk")
    for file in chosen:
        if file.pk <= pinned.upto_arrival or file.pk in pinned.also:
            raise Refused(f"File {file.pk} is not late: it counts in the cycle already.")
        if open_quarantine().filter(file=file).exists():
            raise Refused(f"Rows of file {file.pk} wait in quarantine: retry or dismiss them first.")
        came = Q(pk__lte=pinned.upto_arrival) | Q(pk__in=pinned.also)
        counts = Void.objects.filter(came, file__kind=file.kind).exclude(pk__in=pinned.voided).order_by("pk")
        for void in counts[:1]:
            raise Refused(
                f"File {void.pk} is void, and counts in the cycle still: add --void {void.pk}, or file {file.pk} may "
                "say the same once more."
            )
    return [file.pk for file in chosen]


def _check_found(cycle: Cycle, options: Options, files: Sequence[int], found: Sequence[tuple[str, int]]) -> None:
    there = {file for _, file in found}
    for file in files:
        if file not in there:
            raise Refused(f"File {file} has no sales of the days of cycle {cycle.key} that are in no cycle yet.")
    sales = {sale for sale, _ in found}
    for sale in options.sales:
        if sale not in sales:
            raise Refused(
                f"There is no sale {sale} of the days of cycle {cycle.key} that is in no cycle yet: the list of sales "
                "says where it counts."
            )


def _check_once(counting: Sequence[Range], chosen: str, params: list[Any]) -> None:
    there, known = within(counting, "t")
    twice = _rows(
        f"SELECT t.sale_id, t.file_id FROM sales_sale t WHERE {there} "
        f"AND t.sale_id IN (SELECT sale_id FROM ({chosen}) c) ORDER BY 1 LIMIT 1",
        [*known, *params],
    )
    for sale, file in twice:
        raise Refused(f"Sale {sale} counts in the cycle already, by file {file}, which is void: add --void {file}.")


def _query(query: str, ranges: Sequence[Range], options: Options, files: Sequence[int]) -> tuple[str, list[Any]]:
    """Over what arrived late in these ranges, and its parameters."""
    where, params = within(ranges)
    late = LATE.format(within=where)
    return query.format(late=late), [list(files), list(options.sales), list(voided()), *params]


def _rows(query: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())
