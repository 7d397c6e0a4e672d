"""Manifests as they are judged and weighed against a slow twin in plain Python: Fraction, one asset after another."""

import hashlib
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from revshare.apportion import TICKS_PER_ASSET
from revshare.audit_trail.operations import Act
from revshare.files.models import QuarantinedRow
from revshare.ingest.operations import ingest
from revshare.manifests.models import Manifest, Weight
from revshare.manifests.operations import freeze
from tests.examples import examples
from tests.files.forms import csv_bytes

pytestmark = pytest.mark.django_db
COLUMNS = ("dataset_version", "asset_id", "contributor_id", "contributor_name", "share", "weight", "licence")
ACT = Act(actor="olivia", at=datetime(2026, 6, 30, tzinfo=UTC))
Row = dict[str, str]
lenient = settings(
    max_examples=examples(quick=8, long=16), deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def judge(rows: list[Row]) -> tuple[list[Row], dict[int, str]]:
    """The rows of one file that may stand, and why the others wait, by line."""
    reasons: dict[int, str] = {}
    by_key = defaultdict(list)
    for line, row in enumerate(rows, 2):
        by_key[row["asset_id"], row["contributor_id"]].append((line, row))
    stands = []
    for same in by_key.values():
        facts = {(_share(row), _weight(row), row["licence"]) for _, row in same}
        if len(facts) > 1:
            reasons.update((line, "conflicting_duplicate") for line, _ in same)
        else:
            stands.append(same[0])
    by_asset = defaultdict(list)
    for line, row in stands:
        by_asset[row["asset_id"]].append((line, row))
    accepted = []
    for asset in by_asset.values():
        shares = [_share(row) for _, row in asset]
        reason = ""
        if len({_weight(row) for _, row in asset}) > 1:
            reason = "asset_weight_conflict"
        elif None in shares and any(share is not None for share in shares):
            reason = "asset_share_incomplete"
        elif None not in shares and max(share for share in shares if share is not None) == 0:
            reason = "asset_share_zero"
        if reason:
            reasons.update((line, reason) for line, _ in asset)
        else:
            accepted += [row for _, row in asset]
    return accepted, reasons


def weigh(rows: list[Row]) -> dict[str, tuple[int, Fraction]]:
    """Ticks and weighted ticks of each contributor."""
    by_asset: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        by_asset[row["asset_id"]][row["contributor_id"]] = row
    ticks: dict[str, int] = defaultdict(int)
    weighted: dict[str, Fraction] = defaultdict(Fraction)
    for asset in by_asset.values():
        shares = {name: _share(row) for name, row in asset.items()}
        parts = {name: Fraction(1) if share is None else Fraction(share) for name, share in shares.items()}
        quotas = {name: TICKS_PER_ASSET * part / sum(parts.values()) for name, part in parts.items()}
        given_out = {name: quota.__floor__() for name, quota in quotas.items()}
        rest = TICKS_PER_ASSET - sum(given_out.values())
        for name in sorted(quotas, key=lambda name: (given_out[name] - quotas[name], name))[:rest]:
            given_out[name] += 1
        for name, count in given_out.items():
            ticks[name] += count
            weighted[name] += count * Fraction(_weight(asset[name]))
    return {name: (count, weighted[name]) for name, count in ticks.items()}


def digest(rows: list[Row]) -> str:
    """The manifest's hash, written down a second time."""
    assets = len({row["asset_id"] for row in rows})
    text = f'"v","{assets}","{len(rows)}"\n'
    for name, (ticks, weighted) in sorted(weigh(rows).items()):
        whole, part = divmod(int(weighted * 1_000_000), 1_000_000)
        text += f'"{name}","{ticks}","{whole}.{part:06}"\n'
    return hashlib.sha256(text.encode()).hexdigest()


def _share(row: Row) -> Decimal | None:
    return Decimal(row["share"]) if row["share"] else None


def _weight(row: Row) -> Decimal:
    return Decimal(row["weight"] or "1")


def _frozen() -> tuple[Manifest, dict[str, tuple[int, Fraction]]]:
    manifest = freeze(dataset_versions=["v"], act=ACT)[0]
    weights = Weight.objects.filter(manifest=manifest).values_list("contributor_id", "assets_ticks", "weight_ticks")
    return manifest, {name: (ticks, Fraction(weighted)) for name, ticks, weighted in weights}


messy = st.fixed_dictionaries({
    "dataset_version": st.just("v"),
    "asset_id": st.sampled_from(["1", "01", "NA"]),
    "contributor_id": st.sampled_from(["a", "B", "é", "10", "9"]),
    "contributor_name": st.sampled_from(["", "N"]),
    "share": st.sampled_from(["", "", "", "0", "1", "1.0", "0.333333"]),
    "weight": st.sampled_from(["", "1", "1.000", "2.5"]),
    "licence": st.sampled_from(["", "", "", "x"]),
})  # fmt: skip


@given(rows=st.lists(messy, min_size=1, max_size=9))
@lenient
def test_records_are_judged_as_the_slow_twin_does(rows: list[Row], tmp_path: Path) -> None:
    accepted, reasons = judge(rows)
    path = tmp_path / "attributions.csv"
    path.write_bytes(csv_bytes(rows, COLUMNS))
    with transaction.atomic():
        report = ingest(kind="attributions", path=path, act=ACT)
        found = dict(QuarantinedRow.objects.values_list("line", "reason"))
        weights = _frozen()[1] if accepted else {}
        transaction.set_rollback(True)
    assert {line: reason.partition("@")[0] for line, reason in found.items()} == reasons
    assert report.file.rows_accepted == len(accepted)
    assert weights == weigh(accepted)


@st.composite
def records(draw: st.DrawFn) -> list[Row]:
    """Records without conflicts, of assets with few and with many contributors."""
    rows = []
    for asset in range(draw(st.integers(1, 4))):
        people = draw(st.sampled_from([1, 2, 3, 5, 7, 11, 16, 17, 19, 23, 40]))
        with_shares = draw(st.booleans())
        weight = draw(st.sampled_from(["", "1", "0", "0.5", "3.000001", "999999999999.999999"]))
        for person in range(people):
            share = (
                draw(st.sampled_from(["0", "0.000001", "1", "0.333333", "7", "999999999999"])) if with_shares else ""
            )
            if with_shares and person == 0:
                share = "0.142857"
            rows.append({
                "dataset_version": "v", "asset_id": f"a{asset}", "contributor_id": draw(st.sampled_from("cpé作")) + str(person),
                "contributor_name": "", "share": share, "weight": weight, "licence": "CC0",
            })  # fmt: skip
    return rows


@given(rows=records(), data=st.data())
@lenient
def test_manifests_are_weighed_as_the_slow_twin_does_in_any_order_and_cut(
    rows: list[Row], data: st.DataObject, tmp_path: Path
) -> None:
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=2)))
    path = tmp_path / "attributions.csv"
    with transaction.atomic():
        for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            path.write_bytes(csv_bytes(shuffled[start:end], COLUMNS))
            ingest(kind="attributions", path=path, act=ACT)
        assert QuarantinedRow.objects.filter(state="open").count() == 0
        manifest, weights = _frozen()
        transaction.set_rollback(True)
    assert weights == weigh(rows)
    assert (manifest.records, manifest.assets) == (len(rows), len({row["asset_id"] for row in rows}))
    assert manifest.assets_ticks == manifest.assets * TICKS_PER_ASSET
    assert manifest.sha256 == digest(rows)
