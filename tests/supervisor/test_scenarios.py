"""The house on days out of the ordinary: what it does not do, and that it goes on afterwards.

The real tree and store at the exchange in process, in virtual time, without any other fault.
"""

import pytest
from msgspec.structs import replace

from actors.kernel.virtual import Policy
from adapters.simulated.scenarios import ScenarioName, parse_scenario
from state.config import BookChannel
from state.values import NS_PER_S, Pair, Session
from supervisor.simulation.options import Options
from supervisor.simulation.profiles import HOUSE
from supervisor.simulation.run import Simulation

BTC, ETH = HOUSE.config.pairs
BEGINS_S = 10
ALONE = replace(HOUSE, wishes_per_s=0.0)
"""Only the strategy wants orders."""
pytestmark = pytest.mark.slow


class Day:
    """A house, and what its exchange plays."""

    def __init__(self):
        options = Options(
            seed=3,
            profile=HOUSE.name,
            policy=Policy.RANDOM,
            classes=(),
            book_channel=BookChannel.ORDER_BOOK_UPDATE,
            faulty_s=0.0,
        )
        self.house = Simulation(options, [], profile=ALONE)
        self.let(BEGINS_S)

    def play(self, *texts):
        host = self.house.outside.host
        host.stage.replace(map(parse_scenario, texts), host.now_ns())
        host.turn()

    def let(self, seconds):
        self.house._let(seconds)

    def orders(self, pair: Pair | None = None):
        """Return when each order was taken, seconds from the beginning."""
        began_ns = self.house.clock.now_ns() - self.house.clock.elapsed_ns
        return [
            (order.created_ns - began_ns) / NS_PER_S
            for order in self.house.outside.orders()
            if pair in (None, order.pair)
        ]

    def ends_well(self):
        """Everybody runs, it may trade, and the books agree with the exchange to the last unit."""
        self.house._check_alive()
        self.house.desk.want(Session.STOPPED)
        self.let(ALONE.quiet_s)
        self.house._check_books()
        assert self.house.violations == []


@pytest.fixture
def day():
    day = Day()
    yield day
    day.house._end_life()
    day.house.disk.remove()


@pytest.mark.parametrize(
    "name", [ScenarioName.FLASH_CRASH, ScenarioName.THIN_BOOK, ScenarioName.VOLUME_SURGE]
)
def test_a_wild_market_is_traded_within_the_limits(day, name):
    day.play(name)
    day.let(90)
    assert any(at_s > BEGINS_S for at_s in day.orders())
    day.ends_well()


def test_nothing_is_placed_while_a_pair_is_halted(day):
    day.play("halt:BTC_USDT")
    day.let(60)
    # What was on its way when the halt began was refused like all the rest.
    assert [at_s for at_s in day.orders(BTC) if at_s > BEGINS_S] == []
    assert any(at_s > BEGINS_S for at_s in day.orders(ETH)), "the other pair is traded"
    day.let(60)
    assert any(at_s > BEGINS_S + 60 for at_s in day.orders(BTC)), "and then this one, too"
    day.ends_well()


def test_a_delisted_pair_is_left_alone_and_the_other_traded(day):
    day.play("delisting:BTC_USDT")
    day.let(180)
    assert [at_s for at_s in day.orders(BTC) if at_s > BEGINS_S + 120] == []
    assert any(at_s > BEGINS_S + 120 for at_s in day.orders(ETH))
    assert all(order.pair == ETH or not order.is_open for order in day.house.outside.orders())
    day.ends_well()


def test_a_higher_fee_is_booked_as_it_is_paid(day):
    day.play("fee_change")
    day.let(30)
    assert any(at_s > BEGINS_S for at_s in day.orders())
    day.ends_well()


def test_maintenance_is_waited_out(day):
    day.play("maintenance")
    day.let(60)
    assert [at_s for at_s in day.orders() if at_s > BEGINS_S] == []
    day.let(60)
    assert any(at_s > BEGINS_S + 60 for at_s in day.orders())
    day.ends_well()


def test_by_a_clock_that_jumped_nothing_is_traded_and_the_session_says_why(day):
    heard = []
    day.house.desk.on_session = heard.append
    day.play("clock_jump")
    day.let(60)
    assert [at_s for at_s in day.orders() if at_s > BEGINS_S] == []
    assert heard[-1].session is Session.STARTING
    assert "clock" in heard[-1].reason
    day.house._check_books()
    assert day.house.violations == []
