"""What the concerns' tests ask for: a house in which nobody dies unless the test wants it."""

import pytest

from tests.actors.house import House


@pytest.fixture
def house():
    made = House()
    yield made
    assert not made.deaths()
