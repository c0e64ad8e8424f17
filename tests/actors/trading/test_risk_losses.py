"""The risk guard and what may be lost: remembered over every death, acted on once.

The scene of test_risk_guard.py, with 2 BTC bought at 100: a mid of 75 loses 50 of 10,000.
"""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors import addresses
from actors.kernel.virtual import VirtualClock
from actors.trading.risk_guard import FLATTEN_AGAIN_NS, RiskGuard
from state.config import ProtectionSettings
from state.config.limits import CooldownPeriodSettings, StoplossGuardSettings
from state.messages.accounts import TradeClosed
from state.messages.operations import AlertRaised, SessionWanted, Severity
from state.messages.protection import FlattenWanted
from state.messages.risk import LimitsTold, LimitsWanted, RiskMarked, Tier
from state.standing import DAY_NS
from state.values import (
    NS_PER_S,
    DecisionId,
    Purpose,
    Session,
    TimeNs,
)
from tests.actors.examples import BTC, ETH, NOW, a_clock
from tests.actors.trading.test_risk_guard import GUARD, LIMITS, Scene
from tests.state.examples import a_cancel, a_fill, a_rejection, a_session, an_opening, an_unknown

TIGHT = replace(
    LIMITS,
    position_notional_max=Decimal(100_000),
    order_notional_max=Decimal(100_000),
    exposure_notional_max=Decimal(100_000),
    daily_loss_share=Decimal("0.02"),
    drawdown_warn_share=Decimal("0.05"),
    drawdown_half_share=Decimal("0.10"),
    drawdown_reduce_share=Decimal("0.15"),
    drawdown_halt_share=Decimal("0.20"),
    equity_stale_after_s=60.0,
)
NO_DAY = replace(TIGHT, daily_loss_share=Decimal(1))
REST = ProtectionSettings(cooldown_period=CooldownPeriodSettings(enabled=True, stop_duration=5))
GUARDED = ProtectionSettings(
    stoploss_guard=StoplossGuardSettings(enabled=True, trade_limit=2, stop_duration=10)
)


class Losing(Scene):
    """An account of 10,000, half of it in 50 BTC at 100, without fees."""

    def __init__(self, house, limits=TIGHT, protections=None):
        self.stated = (limits, protections)
        super().__init__(house)
        name = self.become_order(DecisionId("d-0"), name="t-0", quantity=Decimal(50))
        self.journal.append(
            a_fill(client_order_id=name, quantity=Decimal(50), fee=Decimal(0), price=Decimal(100))
        )
        self.worth(10_000)

    def make(self):
        limits, protections = self.stated
        self.protection = {pair: self.house.ear(addresses.protection(pair)) for pair in (BTC, ETH)}
        self.house.live(
            GUARD,
            RiskGuard,
            self.exchange,
            self.latch,
            limits,
            protections,
            pairs=(BTC, ETH),
            stale_after_s=5.0,
        )

    def worth(self, equity):
        """Have the best bid make the account worth so much."""
        bid = (equity - 5_000) / 50
        self.book(mid=bid + 0.1)
        self.book(ETH)
        self.house.pass_time(1.0)

    def entry(self) -> str | None:
        """The code that an entry in ETH is denied by now, or None."""
        self.denied()
        self.book(ETH)
        self.propose("1", pair=ETH)
        return next(iter(self.denied()), None)

    def marks(self) -> list[RiskMarked]:
        return self.journal.told(RiskMarked)

    def alerts(self) -> list[str]:
        return [one.alert for one in self.journal.told(AlertRaised)]

    def restart(self):
        self.house.crash(GUARD)
        self.house.publish(a_clock())
        self.get_ready()

    def flattened(self) -> list[str]:
        return [
            one.pair for pair in (BTC, ETH) for one in self.protection[pair].take(FlattenWanted)
        ]

    def a_trade(self, seq: int, pair=BTC, ratio="-0.01", purpose=Purpose.STOP_LOSS):
        closed_ns = TimeNs(self.house.now_ns)
        self.house.publish(
            TradeClosed(
                pair=pair,
                opened_at_ns=NOW,
                closed_at_ns=closed_ns,
                quantity=Decimal(1),
                cost=Decimal(100),
                proceeds=Decimal(100) * (1 + Decimal(ratio)),
                fees=Decimal(0),
                purpose=purpose,
                seq=seq,
            )
        )


# The day.


def test_a_day_that_lost_its_share_lets_nothing_in_and_everything_out(house):
    scene = Losing(house)
    scene.worth(9_801)
    assert scene.entry() is None
    scene.worth(9_800)
    assert scene.entry() == "DAILY_LOSS"
    scene.sell("1", price=Decimal(96))
    assert scene.denied() == []


def test_a_day_s_loss_counts_fees_and_what_is_not_yet_realised_and_no_withdrawal(house):
    scene = Losing(house)
    scene.journal.append(an_opening(change=Decimal(-4_000), reason="withdrawal"))
    assert scene.entry() is None
    scene.worth(9_900)  # 5,900 of 6,000: 1.67 %
    assert scene.entry() is None
    fee = a_fill(
        client_order_id=scene.become_order(DecisionId("d-9"), name="t-9", pair=ETH),
        pair=ETH,
        trade_id="9",
        fee=Decimal(21),
        fee_currency="USDT",
    )
    scene.journal.append(fee)
    assert scene.entry() == "DAILY_LOSS"


def test_a_breach_outlives_a_restart_though_the_price_came_back(house):
    scene = Losing(house)
    scene.worth(9_700)
    assert scene.entry() == "DAILY_LOSS"
    scene.restart()
    scene.worth(10_500)
    assert scene.entry() == "DAILY_LOSS"
    [lock] = scene.marks()[-1].locks
    assert lock.code == "DAILY_LOSS"
    assert scene.alerts().count("daily_loss") == 1


def test_a_breach_is_on_the_platter_before_anything_else_happens(house):
    scene = Losing(house)
    scene.journal.records.clear()
    scene.worth(9_700)
    [record] = [
        one
        for one in scene.journal.records
        if any(isinstance(entry.event, RiskMarked) and entry.event.locks for entry in one.entries)
    ]
    assert record.durable


def test_midnight_begins_a_day_of_its_own_and_keeps_a_late_breach(house):
    scene = Losing(house)
    to_midnight_s = (DAY_NS - scene.house.now_ns % DAY_NS) / NS_PER_S
    scene.house.pass_time(to_midnight_s - 2)
    scene.worth(9_700)
    assert scene.entry() == "DAILY_LOSS"
    scene.worth(9_700)
    scene.worth(9_700)
    assert scene.marks()[-1].day_opening == 9_700
    assert scene.entry() == "DAILY_LOSS"
    scene.house.pass_time(43_200)
    scene.worth(9_700)
    assert scene.entry() is None


# The clock.


def test_a_wall_clock_that_leaps_lets_nothing_in_and_releases_nothing(house):
    scene = Losing(house)
    scene.worth(9_700)
    clock: VirtualClock = scene.house.runtime.clock
    clock.wall_offset_ns += 2 * DAY_NS
    scene.worth(9_700)
    assert scene.entry() == "CLOCK_JUMP"
    assert scene.marks()[-1].locks
    day = scene.marks()[-1].day
    scene.house.publish(replace(a_clock(offset_ms=-2 * 86_400_000), at_ns=scene.house.now_ns))
    scene.worth(9_700)
    assert scene.entry() == "DAILY_LOSS"
    assert scene.marks()[-1].day == day


def test_a_measure_from_before_a_leap_says_nothing(house):
    scene = Losing(house)
    clock: VirtualClock = scene.house.runtime.clock
    early = replace(a_clock(), at_ns=scene.house.now_ns)
    clock.wall_offset_ns += 3_600 * NS_PER_S
    scene.worth(10_000)
    scene.house.publish(early)
    assert scene.entry() == "CLOCK_JUMP"
    scene.house.publish(replace(a_clock(offset_ms=-3.6e6), at_ns=scene.house.now_ns))
    assert scene.entry() is None
    late = replace(a_clock(), at_ns=scene.house.now_ns)
    clock.wall_offset_ns -= 3_600 * NS_PER_S
    scene.worth(10_000)
    scene.house.publish(late)
    assert scene.entry() == "CLOCK_JUMP"


def test_no_leap_of_the_clock_releases_an_approval(house):
    scene = Scene(house)
    scene.propose("2")
    clock: VirtualClock = scene.house.runtime.clock
    clock.wall_offset_ns += 3_600 * NS_PER_S
    scene.house.pass_time(0.1)
    scene.house.publish(replace(a_clock(), at_ns=scene.house.now_ns))
    scene.book()
    assert scene.room() == 1


# Equity that is not known.


def test_without_a_price_of_what_is_held_nothing_is_entered(house):
    scene = Losing(house)
    scene.house.crash(GUARD)
    scene.house.publish(a_clock())
    scene.be(Session.READY)
    assert scene.entry() == "EQUITY_UNKNOWN"
    scene.worth(10_000)
    assert scene.entry() is None
    scene.house.pass_time(61)
    assert scene.entry() == "EQUITY_UNKNOWN"


# Tiers.


def test_tiers_are_told_once_each_and_outlive_a_restart(house):
    scene = Losing(house, NO_DAY)
    for equity in (9_500, 9_400, 9_000, 8_990, 8_500):
        scene.worth(equity)
    assert scene.entry() == "DRAWDOWN_REDUCE"
    scene.restart()
    scene.worth(10_000)
    assert scene.entry() == "DRAWDOWN_REDUCE"  # It rests for an hour.
    tiers = [one for one in scene.alerts() if one.startswith("drawdown")]
    assert tiers == ["drawdown_warn", "drawdown_half", "drawdown_reduce"]


def test_the_high_water_mark_and_its_moment_outlive_a_restart(house):
    scene = Losing(house, NO_DAY)
    scene.worth(12_000)
    peak_ns = scene.marks()[-1].peak_at_ns
    scene.worth(11_000)
    scene.restart()
    scene.worth(10_800)
    scene.house.pass_time(61)
    scene.worth(10_800)
    newest = scene.marks()[-1]
    assert (newest.peak, newest.peak_at_ns, newest.tier) == (Decimal(12_000), peak_ns, Tier.HALF)


def halted(house) -> Losing:
    scene = Losing(house, NO_DAY)
    scene.keeper.clear()
    scene.worth(8_000)
    return scene


def test_a_halt_is_on_disk_then_drains_and_flattens_once(house):
    scene = Losing(house, NO_DAY)
    scene.keeper.clear()
    scene.journal.patient = True
    scene.worth(8_000)
    assert scene.keeper.of(SessionWanted) == []
    assert scene.flattened() == []
    scene.journal.patient = False
    scene.journal.write()
    [wish] = scene.keeper.of(SessionWanted)
    assert (wish.session, wish.caller) == (Session.DRAINING, GUARD)
    assert scene.flattened() == [BTC, ETH]
    assert scene.marks()[-1].halt_told
    scene.worth(7_900)
    scene.worth(7_800)
    assert len(scene.keeper.of(SessionWanted)) == 1
    assert scene.alerts().count("drawdown_halt") == 1
    [alert] = [one for one in scene.journal.told(AlertRaised) if one.alert == "drawdown_halt"]
    assert alert.severity is Severity.CRITICAL


def test_a_halt_that_was_not_told_is_told_by_the_next_life(house):
    scene = Losing(house, NO_DAY)
    scene.keeper.clear()
    scene.journal.patient = True
    scene.worth(8_000)
    records = [one for one in scene.journal.records if isinstance(one.entries[0].event, RiskMarked)]
    scene.journal.lose()
    scene.journal.store.append_many(records[-1:])  # Written, and the guard died before it knew.
    scene.journal.patient = False
    scene.restart()
    assert [one.session for one in scene.keeper.of(SessionWanted)] == [Session.DRAINING]
    assert scene.flattened() == [BTC, ETH]
    scene.restart()
    assert len(scene.keeper.of(SessionWanted)) == 1
    assert scene.alerts().count("drawdown_halt") == 1


def test_what_a_halt_still_holds_is_to_be_flattened_again_and_again(house):
    scene = halted(house)
    scene.be(Session.DRAINING)
    scene.flattened()
    scene.house.pass_time(FLATTEN_AGAIN_NS / NS_PER_S + 1)
    assert scene.flattened() == [BTC]


def test_a_halt_sells_nothing_in_a_house_that_was_stopped(house):
    scene = Losing(house, NO_DAY)
    scene.be(Session.STOPPED)
    scene.keeper.clear()
    scene.worth(8_000)
    assert scene.keeper.of(SessionWanted) == []
    assert scene.flattened() == []


def test_an_operator_who_resumes_after_a_halt_begins_anew(house):
    scene = halted(house)
    assert scene.entry() == "DRAWDOWN_HALT"
    scene.journal.append(a_session(at_ns=TimeNs(scene.house.now_ns + 1), caller="uid 1000"))
    assert scene.entry() is None
    newest = scene.marks()[-1]
    assert (newest.tier, newest.peak) == (Tier.NORMAL, Decimal(8_000))
    assert "uid 1000" in newest.reason


def test_a_session_from_before_the_halt_does_not_end_it(house):
    scene = halted(house)
    scene.journal.append(a_session(at_ns=TimeNs(NOW + 1)))
    assert scene.entry() == "DRAWDOWN_HALT"


# The protections.


def test_a_pair_rests_after_a_trade_and_no_other(house):
    scene = Losing(house, protections=REST)
    scene.a_trade(1, pair=ETH, purpose=Purpose.EXIT)
    assert scene.entry() == "COOLDOWN_PERIOD"
    scene.propose("1", pair=BTC, price=Decimal(100))
    assert scene.denied() == []
    scene.restart()
    assert scene.entry() == "COOLDOWN_PERIOD"
    scene.house.pass_time(301)
    scene.worth(10_000)
    assert scene.entry() is None


def test_stop_losses_lock_everything_and_the_lock_outlives_a_restart(house):
    scene = Losing(house, protections=GUARDED)
    scene.a_trade(1)
    assert scene.entry() is None
    scene.a_trade(1)  # The same one told again.
    assert scene.entry() is None
    scene.a_trade(2)
    assert scene.entry() == "STOPLOSS_GUARD"
    scene.restart()
    scene.worth(10_000)
    assert scene.entry() == "STOPLOSS_GUARD"


# Counts.


@pytest.mark.parametrize(
    ("event", "code", "count"),
    [(a_rejection, "REJECTION_RATE", 2), (a_cancel, "CANCEL_RATE", 3)],
)
def test_refusals_and_cancels_of_the_last_minute_count_also_after_a_restart(
    house, event, code, count
):
    scene = Losing(house, replace(TIGHT, rejections_per_minute=2, cancels_per_minute=3))
    for number in range(count):
        assert scene.entry() is None
        name = scene.become_order(DecisionId(f"other-{number}"), name=f"t-{number + 5}")
        scene.journal.append(event(client_order_id=name, at_ns=scene.house.now_ns))
    assert scene.entry() == code
    scene.restart()
    assert scene.entry() == code
    scene.house.pass_time(61)
    scene.worth(10_000)
    assert scene.entry() is None


def test_approvals_of_the_last_minute_count_also_after_a_restart(house):
    scene = Scene(house)
    for _ in range(10):
        scene.propose("0.04")
    scene.house.crash(GUARD)
    scene.get_ready()
    scene.approved()
    scene.propose("0.04")
    assert scene.denied() == ["ORDER_RATE"]


def test_orders_of_unknown_fate_forbid_more(house):
    scene = Losing(house, replace(TIGHT, unknown_orders_max=1))
    name = scene.become_order(DecisionId("d-5"), name="t-5")
    assert scene.entry() is None
    scene.journal.append(an_unknown(client_order_id=name))
    assert scene.entry() == "UNKNOWN_ORDERS_MAX"


# Protective sales.


def test_a_position_may_be_protected_while_the_house_still_starts(house):
    scene = Losing(house)
    scene.be(Session.STARTING)
    scene.approved()
    scene.sell("1", purpose=Purpose.STOP_LOSS)
    scene.sell("1", purpose=Purpose.EXIT)
    assert len(scene.approved()) == 1
    assert scene.denied() == ["SESSION"]


# What people ask.


def test_who_asks_is_told_by_the_rules_that_judge(house):
    scene = Losing(house)
    scene.house.tell(GUARD, LimitsWanted(pair=ETH, reply_to="curious", request="7"))
    [told] = scene.curious.take(LimitsTold)
    assert told.exit is not None
    assert (told.request, told.entry, told.exit.code) == ("7", None, "HOLDING")
    used = {one.code: (one.used, one.left) for one in told.uses if one.pair is None}
    assert used["EXPOSURE_MAX"] == ("5005", "94995")
    scene.worth(9_700)
    scene.house.tell(GUARD, LimitsWanted(pair=ETH, reply_to="curious"))
    [told] = scene.curious.take(LimitsTold)
    assert told.entry is not None
    assert told.entry.code == "DAILY_LOSS"
    [day] = [one for one in told.uses if one.code == "DAILY_LOSS"]
    assert (day.used, day.left, day.denies) == ("3", "0", True)
