"""Every test of the order router begins with one that is ready, unless it makes its own."""

import pytest

from tests.actors.execution.router_scene import Scene


@pytest.fixture
def scene(house):
    return Scene(house)
