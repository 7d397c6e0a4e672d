"""A batch of entries for a locked cycle, which is made once for the tests of a module: each has its own batch."""

import pytest

from revshare.pools.models import Pool
from tests.ledger.batches import Batch, prepared
from tests.stories import Story


@pytest.fixture(scope="module")
def pools(told: Story) -> tuple[Pool, Pool]:
    return prepared(told)


@pytest.fixture
def batch(pools: tuple[Pool, Pool], db: None) -> Batch:
    return Batch(pools)
