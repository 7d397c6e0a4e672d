"""What is held of one dataset version, as its file has it, and as it is summed up for several: the same."""

from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from revshare.allocation.numerators import Holding, Numerators
from revshare.apportion import TICKS_PER_ASSET
from revshare.lake import duck, keep, spool
from revshare.manifests.models import Manifest
from revshare.manifests.queries import WEIGHTS
from revshare.policies.rules import parse
from revshare.policies.terms import ASSETS
from revshare.pools.rules import Key, Pinned
from revshare.pools.sources import Sources
from tests.conftest import AT

HELD = {"ann": 3 * TICKS_PER_ASSET, "ben": 0, "cy": TICKS_PER_ASSET, "dot": TICKS_PER_ASSET - 1, "eve": 1}
RULES = (
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n'
)


def store(names: list[str], folder: Path) -> None:
    """A version whose file has these people, in this order."""
    draft = folder / "draft.parquet"
    pq.write_table(pa.table({"contributor_id": names, "assets_ticks": [HELD[name] for name in names]}), draft)
    Manifest.objects.create(dataset_version="v", frozen_at=AT, sha256="0" * 64, weights_sha256=keep(draft, WEIGHTS))


def held(rules: str) -> tuple[Holding, list[str]]:
    sources = Sources(ranges=(), rulebook=parse(rules), days=(AT.date(), AT.date()), zone="UTC", upto_arrival=0)
    with spool() as scratch, duck(scratch) as con:
        numerators = Numerators(con, sources=sources, pinned=Pinned(), versions=["v"], scratch=scratch)
        found = numerators.holding(Key("default", "m", "", "USD"), ASSETS, ["v"])
        return found, [str(numerators.people.ids[int(code)]) for code in found.codes]


@pytest.mark.parametrize("order", [sorted(HELD), sorted(HELD, reverse=True)])
@pytest.mark.parametrize(
    ("terms", "who"),
    [("", sorted(HELD)), ("min_assets = 1\n", ["ann", "cy"]), ("min_assets = 2\n", ["ann"])],
)
def test_a_single_version_is_held_as_it_stands(
    db: None, order: list[str], terms: str, who: list[str], tmp_path: Path
) -> None:
    store(order, tmp_path)
    holding, names = held(RULES + terms)
    assert names == who
    assert holding.ticks.tolist() == [HELD[name] for name in who]
    with mock.patch.object(Numerators, "_as_it_stands", return_value=None):
        summed, same = held(RULES + terms)
    assert (summed.codes.tolist(), summed.ticks.tolist(), same) == (holding.codes.tolist(), holding.ticks.tolist(), who)
