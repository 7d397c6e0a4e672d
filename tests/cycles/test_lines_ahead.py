"""Sales that a lock reads ahead are those it would read, and it reads them anew where they are not."""

from tests.conftest import World

SCRIPT = """
import threading
from unittest import mock
from django.db import OperationalError, connection, transaction
from revshare.cycles import lines_ahead, locking
from revshare.cycles.queries import find, input_digest, pinned_of, ranges_of, sources_of
from revshare.management.base import acting
from revshare.sales import queries
from revshare.sales.queries import Range, canonical_lines, last_seq, middle_id

lines_ahead.WORTH_IT_SALES = 0
cycle = find("june")
ranges = [Range(cycle.starts_at, cycle.ends_at, 0, last_seq())]
whole = b"".join(canonical_lines(ranges))
assert whole.count(b"\\n") == 3, whole

def asked(wanted, *, first=canonical_lines, ranges=ranges, middle=""):
    '''What is given, and how often the database was asked. `middle`: where it is cut.'''
    here = threading.current_thread()
    ask = lambda r, **ids: (canonical_lines if threading.current_thread() is here else first)(r, **ids)
    spy = mock.Mock(side_effect=ask)
    with (
        mock.patch.object(lines_ahead, "canonical_lines", spy),
        mock.patch.object(lines_ahead, "middle_id", return_value=middle),
    ):
        with lines_ahead.lines_ahead(ranges) as lines:
            given = b"".join(lines(wanted))
        return given, spy.call_count

def fails(ranges, **ids):
    yield whole[:10]
    raise OperationalError("gone")

def fails_late(ranges, first_id="", before_id=""):
    if first_id:
        raise OperationalError("gone")
    return canonical_lines(ranges, before_id=before_id)

assert asked(ranges) == (whole, 1)
assert asked(tuple(ranges)) == (whole, 1)  # the same ranges, however they are held
fewer = [Range(cycle.starts_at, cycle.ends_at, 0, 1)]
part = b"".join(canonical_lines(fewer))
assert asked(fewer) == (part, 2) and part.count(b"\\n") == 1
assert asked(ranges, first=fails) == (whole, 2)
ids = sorted(line.split(b'"')[1].decode() for line in whole.splitlines())
assert len(ids) == 3
for middle in (*ids, "\u0001", ids[1] + "x", "\U0010ffff"):
    assert asked(ranges, middle=middle) == (whole, 2), middle
    assert asked(fewer, middle=middle) == (part, 3)
    assert asked(ranges, first=fails_late, middle=middle) == (whole, 3)
assert middle_id([]) == "" and middle_id(ranges) in ("", *ids)
with connection.cursor() as cursor:  # of all pages, so that there is a middle
    text = mock.Mock(wraps=cursor)
    text.execute = lambda sql, params: cursor.execute(sql.replace("(3) WHERE", "(100) WHERE"), params)
    with mock.patch.object(queries, "connection") as every_page:
        every_page.cursor.return_value.__enter__.return_value = text
        assert middle_id(ranges) == ids[1]
with transaction.atomic(), lines_ahead.lines_ahead(ranges) as lines:
    assert lines is canonical_lines  # another connection would not see what this one has done

with (
    mock.patch.object(lines_ahead, "_blocks", wraps=lines_ahead._blocks) as used,
    mock.patch.object(lines_ahead, "middle_id", return_value=ids[1]),
):
    locked = locking.lock(key="june", act=acting("olivia", "lock"))
assert used.call_count == 2
pinned = pinned_of(locked)
assert locked.input_digest == input_digest(locked, pinned, sources_of(locked, pinned, ranges_of(locked)))
"""


def test_what_is_read_ahead_counts_where_it_is_what_was_asked_for(june_copy: World) -> None:
    june_copy.manage("shell", "--no-imports", "-c", SCRIPT)
