"""Throws bytes at one parser, in a process of its own with little memory: `python -m tests.fuzz.program NAME --examples N
--seed S`, or `--atheris SECONDS` (libFuzzer, guided by what the code does).

Exit status 0: whatever came was taken or refused by name, each within the time. Otherwise the bytes are told.
"""

import argparse
import resource
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import django
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

if "--atheris" in sys.argv:
    import atheris

    with atheris.instrument_imports(
        include=["revshare.files", "revshare.money", "revshare.periods", "revshare.policies"]
    ):
        django.setup()
        from tests.fuzz.parsers import SIGNS, Parser, all_parsers
else:
    django.setup()
    from tests.fuzz.parsers import SIGNS, Parser, all_parsers

# Address space, of which libraries reserve more than they use; what is really used stays under 512 MiB (tests/files).
MEMORY_BYTES = 4 << 30
SECONDS = 10


class TooSlow(Exception):
    """A parser took longer than it may."""


def _alarm(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow(f"more than {SECONDS} s")


def attempt(parser: Parser, data: bytes) -> None:
    signal.alarm(SECONDS)
    try:
        parser.read(data)
    except BaseException:
        print(f"given: {data!r}", file=sys.stderr)
        raise
    finally:
        signal.alarm(0)


def mutated(known: list[bytes]) -> st.SearchStrategy[bytes]:
    """A known text with some edits: bytes put in, changed or taken out; or two of them joined."""
    edits = st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 40), st.one_of(st.sampled_from(SIGNS), st.binary(max_size=8))),
        min_size=1, max_size=6,
    )  # fmt: skip

    def edit(data: bytes, deeds: list[tuple[int, int, bytes]]) -> bytes:
        for place, gone, put in deeds:
            at = place % (len(data) + 1)
            data = data[:at] + put + data[at + gone % 7 :]
        return data

    return st.one_of(st.builds(edit, st.sampled_from(known), edits), st.binary(max_size=200))


def by_examples(parser: Parser, count: int, first: int) -> None:
    @seed(first)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(mutated(parser.known))
    def run(data: bytes) -> None:
        attempt(parser, data)

    for data in parser.known:
        attempt(parser, data)
    run()


def by_atheris(parser: Parser, seconds: int, first: int, corpus: Path) -> None:
    for number, data in enumerate(parser.known):
        (corpus / str(number)).write_bytes(data)
    options = {"max_total_time": seconds, "seed": first, "rss_limit_mb": 0, "verbosity": 0, "max_len": 4096}
    words = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *words, str(corpus)], lambda data: attempt(parser, data))
    atheris.Fuzz()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("name")
    arguments.add_argument("--examples", type=int, default=100)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--atheris", type=int, default=0, metavar="SECONDS")
    given_ = arguments.parse_args()
    _set_up()
    parser: Any = all_parsers()[given_.name]
    if given_.atheris:
        with tempfile.TemporaryDirectory() as corpus:
            by_atheris(parser, given_.atheris, given_.seed, Path(corpus))
    else:
        by_examples(parser, given_.examples, given_.seed)


def _set_up() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, _alarm)


if __name__ == "__main__":
    main()
