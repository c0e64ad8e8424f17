"""Every kernel test that asks for `world` runs on each runtime."""

import pytest

from tests.actors.kernel.worlds import KINDS, World


@pytest.fixture(params=KINDS)
def world(request):
    made = World(request.param)
    yield made
    made.close()
