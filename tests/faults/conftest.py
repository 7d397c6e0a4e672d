"""The player, and the month as it comes out when nothing goes wrong; both once for all tests of a process."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.crew import Crew, hired


@pytest.fixture(scope="session")
def crew(_template: str) -> Iterator[Crew]:
    with hired(_template) as made:
        yield made


@pytest.fixture(scope="session")
def undisturbed(crew: Crew) -> dict[str, Any]:
    done = crew.play()
    assert done["findings"] == []
    return done
