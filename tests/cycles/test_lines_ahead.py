"""Sales that a lock reads ahead are those it would read, and it reads them anew where they are not."""

from tests.conftest import World

SCRIPT = """
import threading
from unittest import mock
from django.db import OperationalError, transaction
from revshare.cycles import lines_ahead, locking
from revshare.cycles.queries import find, input_digest, pinned_of, ranges_of, sources_of
from revshare.management.base import acting
from revshare.sales.queries import Range, canonical_lines, last_seq

lines_ahead.WORTH_IT_SALES = 0
cycle = find("june")
ranges = [Range(cycle.starts_at, cycle.ends_at, 0, last_seq())]
whole = b"".join(canonical_lines(ranges))
assert whole.count(b"\\n") == 3, whole

def asked(wanted, *, first=canonical_lines, ranges=ranges):
    '''What is given, and how often the database was asked.'''
    here = threading.current_thread()
    spy = mock.Mock(side_effect=lambda r: canonical_lines(r) if threading.current_thread() is here else first(r))
    with mock.patch.object(lines_ahead, "canonical_lines", spy):
        with lines_ahead.lines_ahead(ranges) as lines:
            given = b"".join(lines(wanted))
        return given, spy.call_count

def fails(ranges):
    yield whole[:10]
    raise OperationalError("gone")

assert asked(ranges) == (whole, 1)
assert asked(tuple(ranges)) == (whole, 1)  # the same ranges, however they are held
fewer = [Range(cycle.starts_at, cycle.ends_at, 0, 1)]
part = b"".join(canonical_lines(fewer))
assert asked(fewer) == (part, 2) and part.count(b"\\n") == 1
assert asked(ranges, first=fails) == (whole, 2)
with transaction.atomic(), lines_ahead.lines_ahead(ranges) as lines:
    assert lines is canonical_lines  # another connection would not see what this one has done

with mock.patch.object(lines_ahead, "_blocks", wraps=lines_ahead._blocks) as used:
    locked = locking.lock(key="june", act=acting("olivia", "lock"))
assert used.call_count == 1
pinned = pinned_of(locked)
assert locked.input_digest == input_digest(locked, pinned, sources_of(locked, pinned, ranges_of(locked)))
"""


def test_what_is_read_ahead_counts_where_it_is_what_was_asked_for(june_copy: World) -> None:
    june_copy.manage("shell", "--no-imports", "-c", SCRIPT)
