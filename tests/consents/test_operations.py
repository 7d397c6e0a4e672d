"""Consents in: dated decisions, each once; and which of them counts."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from revshare.audit_trail.operations import Act
from revshare.consents.models import Consent
from revshare.consents.queries import DecisionsAt
from revshare.files.queries import last_arrival
from revshare.ingest.operations import ingest
from revshare.lake import duck, spool
from tests.files import forms
from tests.files.hostile_rows import BAD_IDS, EXACT_IDS, Case, conserved, found, take_in_hostile
from tests.stories import Story

pytestmark = pytest.mark.django_db
Write = Callable[[str, str | bytes], Path]
PEOPLE = ("contributor_id", "contributor_name")
HEADER = ("contributor_id", "asset_id", "decision", "effective_at", "scope", "source")
ROW = {"contributor_id": "ann", "asset_id": "", "decision": "opt_out", "effective_at": "2026-06-01T00:00:00Z",
       "scope": "", "source": "the page"}  # fmt: skip
BAD: list[Case] = [
    ({}, None),
    *(({"contributor_id": name}, f"{code}@contributor_id") for name, code in BAD_IDS.items()),
    *(({"contributor_id": name}, None) for name in EXACT_IDS),
    *(({"asset_id": name}, None) for name in EXACT_IDS),
    *(({"scope": name}, None) for name in EXACT_IDS),
    *(({"asset_id": name}, f"{code}@asset_id") for name, code in BAD_IDS.items() if name),
    *(({"scope": name}, f"{code}@scope") for name, code in BAD_IDS.items() if name),
    *(({"decision": text}, "decision_unknown@decision") for text in ("", "out", "OPT_OUT", "opt_out ", "opt-out", "1")),
    ({"effective_at": "2026-06-01"}, "time_syntax@effective_at"),
    ({"effective_at": ""}, "time_syntax@effective_at"),
    ({"effective_at": "2026-06-01T00:00:00"}, "time_naive@effective_at"),
    ({"effective_at": "2026-02-30T00:00:00Z"}, "time_impossible@effective_at"),
    ({"effective_at": "2026-08-01T00:00:00Z"}, "time_future@effective_at"),
    ({"asset_id": "ns", "effective_at": "2026-06-01T02:00:00.000001+02:00"}, None),
    ({"source": "x" * 2_001}, "text_too_long@source"),
    ({"asset_id": "odd", "source": "=1+1\n"}, None),
    ({"contributor_id": "nobody"}, "contributor_unknown@contributor_id"),
    ({"contributor_id": "Аnn"}, "contributor_unknown@contributor_id"),  # Cyrillic А
    ({"asset_id": "both", "decision": "opt_in"}, "conflicting_duplicate@contributor_id"),
    ({"asset_id": "both", "effective_at": "2026-06-01T02:00:00+02:00"}, "conflicting_duplicate@contributor_id"),
]


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_consent_is_quarantined_on_its_line(form: str, story: Story, tmp_path: Path, act: Act) -> None:
    story.take("contributors", PEOPLE, [(name, "") for name in ("ann", *EXACT_IDS)])
    take_in_hostile(kind="consents", form=form, good=ROW, cases=BAD, folder=tmp_path, act=act)
    good = [ROW | changes for changes, reason in BAD if reason is None]
    assert set(Consent.objects.values_list("contributor_id", "asset_id", "scope", "source")) == {
        (row["contributor_id"], row["asset_id"], row["scope"], row["source"]) for row in good
    }
    assert Consent.objects.get(asset_id="ns").effective_at == datetime(2026, 6, 1, 0, 0, 0, 1, tzinfo=UTC)


def test_a_decision_stays_and_comes_in_once(story: Story) -> None:
    story.take("contributors", PEOPLE, [("ann", "")])
    at = "2026-06-01T00:00:00Z"
    first = story.take(
        "consents", HEADER, [("ann", "", "opt_out", at, "", "page"), ("ann", "", "opt_out", at, "", "mail")]
    )
    assert (first.file.rows_accepted, first.file.rows_duplicate) == (1, 1)
    again = story.take("consents", HEADER, [("ann", "", "opt_out", "2026-06-01T01:00:00+01:00", "", "other")])
    assert again.file.rows_duplicate == 1
    other = conserved(story.take("consents", HEADER, [("ann", "", "opt_in", at, "", "page")]))
    assert found(other) == {2: "conflicting_duplicate@contributor_id"}
    assert list(Consent.objects.values_list("decision", "source")) == [("opt_out", "page")]


def counts(version: str, at: str, arrival: int | None = None) -> dict[tuple[str, str], str]:
    with spool() as scratch, duck(scratch) as con:
        DecisionsAt(datetime.fromisoformat(at), last_arrival() if arrival is None else arrival, scratch)(con, version)
        found = con.execute("SELECT contributor_id, asset_id, opted_out FROM decision").fetchall()
    return {(name, asset): "opt_out" if out else "opt_in" for name, asset, out in found}


def test_of_many_decisions_the_latest_counts_and_the_nearer_before_it(story: Story) -> None:
    story.take("contributors", PEOPLE, [("ann", ""), ("ben", "")])
    story.take("consents", HEADER, [
        ("ann", "", "opt_out", "2026-01-01T00:00:00Z", "", ""),
        ("ann", "", "opt_in", "2026-03-01T00:00:00Z", "", ""),
        ("ann", "", "opt_out", "2026-02-01T00:00:00Z", "v1", ""),
        ("ann", "a1", "opt_in", "2026-01-15T00:00:00Z", "", ""),
    ])  # fmt: skip
    before = last_arrival()
    story.take("consents", HEADER, [("ben", "", "opt_out", "2026-01-01T00:00:00Z", "", "")])
    assert counts("v2", "2025-12-31T23:59:59Z") == {}
    assert counts("v2", "2026-01-01T00:00:00Z", before) == {("ann", ""): "opt_out"}
    assert counts("v2", "2026-02-15T00:00:00Z", before) == {("ann", ""): "opt_out", ("ann", "a1"): "opt_in"}
    assert counts("v2", "2026-03-01T00:00:00Z", before) == {("ann", ""): "opt_in", ("ann", "a1"): "opt_in"}
    # What is said of the version comes before what is said of all, even if that is later.
    assert counts("v1", "2026-03-01T00:00:00Z", before) == {("ann", ""): "opt_out", ("ann", "a1"): "opt_in"}
    assert counts("v1", "2026-03-01T00:00:00Z")["ben", ""] == "opt_out"


def test_what_is_released_later_does_not_count_for_what_was_closed_before(file: Write, act: Act, story: Story) -> None:
    rows = "contributor_id,decision,effective_at\ncy,opt_out,2026-01-01T00:00:00Z\n"
    stored = ingest(kind="consents", path=file("c", rows), act=act).file
    story.take("contributors", PEOPLE, [("ann", "")])
    closed = last_arrival()
    assert story.take("contributors", PEOPLE, [("cy", "")]).facts["released_unknown"] == 1
    assert Consent.objects.get().file == stored
    assert counts("v", "2026-02-01T00:00:00Z", closed) == {}
    assert counts("v", "2026-02-01T00:00:00Z") == {("cy", ""): "opt_out"}
