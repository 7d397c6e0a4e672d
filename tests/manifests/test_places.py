"""Whose weights are looked for is looked for on their rolls: of each manifest one page is opened, and no other."""

import json

import pytest
from django.db import connection

from revshare.manifests.models import Manifest, Weight
from revshare.manifests.places import OnRollOf, last_roll_in, roll_in
from revshare.personal.queries import TABLES
from tests.ownership import owner
from tests.plans import rows_out_of

PAGE, PAGES = 100, 400
SOMEBODY = "c20050"
FILL = """
INSERT INTO manifests_manifest (dataset_version, frozen_at, sha256, assets, records, contributors, assets_ticks, weights_sha256,
    classes) SELECT 'v' || n, now(), repeat('0', 64), 1, 1, {count}, {count}, '', '[]' FROM generate_series(1, 3) n;
DO $$ DECLARE first integer := (SELECT min(id) FROM manifests_manifest); BEGIN
    PERFORM revshare_new_pages('manifests_roll', 'rolls_of', id::integer) FROM manifests_manifest WHERE id <= first + 1;
    PERFORM revshare_new_pages('manifests_weight_page', 'manifest_id', id::integer) FROM manifests_manifest;
    FOR n IN 0..1 LOOP
        EXECUTE format('INSERT INTO manifests_roll_%1$s SELECT %1$s, 1 + n / {size}, min(''c'' || (10000 + n)),
            array_agg(''c'' || (10000 + n) ORDER BY n) FROM generate_series(0, {count} - 1) n GROUP BY 1 + n / {size}', first + n);
        PERFORM revshare_attach_pages('manifests_roll', first + n);
    END LOOP;
    FOR n IN 0..2 LOOP
        EXECUTE format('INSERT INTO manifests_weight_page_%1$s SELECT %1$s, %2$s, 1 + n / {size}, array_agg(1::bigint), NULL
            FROM generate_series(0, {count} - 1) n GROUP BY 1 + n / {size}', first + n, first + n % 2);
        PERFORM revshare_attach_pages('manifests_weight_page', first + n);
    END LOOP;
END $$;
"""


@pytest.fixture
def stored(db: None) -> list[int]:
    """Three frozen manifests on the rolls of two, with as many pages that they are worth an index."""
    with owner(), connection.cursor() as cursor:
        cursor.execute(FILL.format(size=PAGE, count=PAGE * PAGES))
        cursor.execute("ANALYZE manifests_manifest")  # as autovacuum does; tests before this one left their own numbers
    return list(Manifest.objects.order_by("pk").values_list("pk", flat=True))


def unfolded(explained: str) -> int:
    """How many weights were taken out of arrays."""
    return rows_out_of(explained, "ProjectSet")


def test_a_contributors_weights_are_found_on_their_rolls(stored: list[int]) -> None:
    """With all that pages ask for beside."""
    found = Weight.objects.filter(OnRollOf(SOMEBODY, view="manifests_weight"), contributor=SOMEBODY)
    assert sorted(found.values_list("manifest_id", flat=True)) == stored
    for query in (found, found.select_related("manifest", "contributor"), found.filter(manifest=stored[1])):
        assert unfolded(query.explain(format="json", analyze=True)) <= PAGE * len(stored)


def test_a_contributors_own_data_are_found_on_their_rolls(stored: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TABLES["weights"], {"id": SOMEBODY})
        assert cursor.fetchall() == [(f"v{number}", 1, 1) for number in (1, 2, 3)]
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT json) {TABLES['weights']}", {"id": SOMEBODY})
        explained = json.dumps(cursor.fetchone()[0])
    assert unfolded(explained) <= PAGE * len(stored)
    # Not by the planner's choice, which depends on what it believes of the manifests: what was found is kept to be joined.
    assert rows_out_of(explained, "CTE Scan")


def test_the_view_of_a_manifest_opens_no_other(stored: list[int]) -> None:
    found = Weight.objects.filter(manifest=stored[0], roll__range=(3, 4))
    assert unfolded(found.explain(format="json", analyze=True)) == 2 * PAGE
    assert unfolded(Weight.objects.filter(manifest=stored[0]).explain(format="json", analyze=True)) == PAGE * PAGES


@pytest.mark.parametrize("name", ["b", "c10000x", "zoe"])
def test_who_is_on_no_roll_is_not_found(stored: list[int], name: str) -> None:
    """Before the first, between two, behind the last."""
    assert not Weight.objects.filter(OnRollOf(name, view="manifests_weight"), contributor=name).exists()


def test_rolls_are_counted_from_one(stored: list[int]) -> None:
    assert [roll_in(stored[2], name) for name in ("b", "c10000", "c10099", "c10100", "zoe")] == [0, 1, 1, 2, PAGES]
    assert (last_roll_in(stored[2]), last_roll_in(stored[2] + 1), roll_in(stored[2] + 1, "c10000")) == (PAGES, 0, 0)
