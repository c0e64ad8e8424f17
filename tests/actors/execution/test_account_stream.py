"""The account stream passes on what is pushed: orders to the router, money to the keeper."""

import pytest

from actors import addresses
from actors.execution.account_stream import AccountStream
from state.messages.market import StreamLost, StreamOpened
from state.messages.operations import StreamStateWanted
from tests.actors.examples import a_balance, a_trade_report, an_order_report
from tests.fakes import FakeAccountStream

STREAM = addresses.ACCOUNT_STREAM


class Scene:
    def __init__(self, house):
        self.house, self.port = house, FakeAccountStream()
        self.router = house.ear(addresses.ORDER_ROUTER)
        self.keeper = house.ear(addresses.LEDGER_KEEPER)
        self.curious = house.ear("curious")
        house.live(STREAM, AccountStream, self.port)

    def say(self, message):
        self.port.say(message)
        self.house.settle()


@pytest.fixture
def scene(house):
    return Scene(house)


def test_it_opens_the_stream_and_says_that_it_is_not_open_yet(scene):
    assert scene.port.times_opened == 1
    assert scene.router == [StreamLost(reason="not opened yet")]


def test_orders_and_fills_go_to_the_router(scene):
    scene.router.clear()
    pushes = [an_order_report(), a_trade_report()]
    for push in pushes:
        scene.say(push)
    assert scene.router == pushes
    assert scene.keeper == []


def test_balances_go_to_the_ledger_keeper(scene):
    scene.router.clear()
    scene.say(a_balance("USDT", "1"))
    assert scene.keeper == [a_balance("USDT", "1")]
    assert scene.router == []


@pytest.mark.parametrize("state", [StreamOpened(), StreamLost(reason="cut")])
def test_its_state_goes_to_the_router_and_to_whoever_asks(scene, state):
    scene.router.clear()
    scene.say(state)
    scene.house.tell(STREAM, StreamStateWanted(reply_to="curious"))
    assert scene.router == [state]
    assert scene.curious == [state]


def test_a_restart_opens_anew_and_until_then_the_stream_is_lost(scene):
    """Opening may take long, and the router must not believe in a stream that is not there."""
    scene.say(StreamOpened())
    scene.router.clear()
    scene.house.crash(STREAM)
    assert scene.port.times_opened == 2
    assert scene.router == [StreamLost(reason="not opened yet")]


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(STREAM, "nonsense")
    assert scene.house.deaths() == ["TypeError: execution/account_stream: unexpected str"]
