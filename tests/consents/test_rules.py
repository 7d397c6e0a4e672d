"""Which decision counts, by the rule for one asset; the bulk query says the same (`test_of_many_decisions…`)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare.consents.rules import Decision, opted_out


def at(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("decisions", "is_out"),
    [
        ([], False),
        ([("", "", 1, True)], True),
        ([("", "", 1, True), ("", "", 3, False)], False),
        ([("", "", 3, False), ("", "", 1, True)], False),
        ([("", "", 1, True), ("", "", 11, False)], True),  # not in effect yet
        ([("", "", 10, True)], True),  # from its very instant
        ([("", "v", 1, True), ("", "", 3, False)], True),  # the version before all of them
        ([("", "w", 1, True)], False),
        ([("a", "", 1, False), ("", "v", 3, True)], False),  # the asset before all of them
        ([("b", "", 1, True)], False),
        ([("a", "", 3, False), ("a", "v", 1, True)], True),
    ],
)
def test_the_nearest_decision_counts_then_the_latest(decisions: list[tuple[str, str, int, bool]], is_out: bool) -> None:
    made = [Decision(asset, scope, at(day), out) for asset, scope, day, out in decisions]
    assert opted_out(made, asset_id="a", dataset_version="v", at=at(10)) is is_out


@pytest.mark.django_db
@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b"]), st.sampled_from(["", "v", "w"]), st.integers(1, 20), st.booleans()),
        max_size=8, unique_by=lambda one: one[:3],
    )
)  # fmt: skip
def test_the_rule_for_one_asset_says_what_the_query_says_for_all(rows: list[tuple[str, str, int, bool]]) -> None:
    from django.db import connection, transaction

    from revshare.consents.queries import COUNTS

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE consents_consent (contributor_id text, asset_id text, scope text, "
            "effective_at timestamptz, decision text, arrival bigint) ON COMMIT DROP"
        )
        for asset, scope, day, out in rows:
            cursor.execute(
                "INSERT INTO consents_consent VALUES ('ann', %s, %s, %s, %s, 1)",
                [asset, scope, at(day), "opt_out" if out else "opt_in"],
            )
        cursor.execute(COUNTS, ["v", at(10), 1])
        found = {asset: out for _, asset, out in cursor.fetchall()}
        transaction.set_rollback(True)
    made = [Decision(asset, scope, at(day), out) for asset, scope, day, out in rows]
    for asset in ("a", "b", "c"):
        in_bulk = found.get(asset, found.get("", False))
        assert opted_out(made, asset_id=asset, dataset_version="v", at=at(10)) is in_bulk
