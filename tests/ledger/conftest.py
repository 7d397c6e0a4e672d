"""A batch of entries for a locked cycle."""

import pytest

from tests.ledger.batches import Batch, prepared
from tests.stories import Story


@pytest.fixture
def batch(story: Story) -> Batch:
    return prepared(story)
