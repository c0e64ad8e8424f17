"""The risk rules: each refuses what it is for, at its very boundary; what passes breaks no limit.

The example: 1 BTC at 100.2 while the book stands at 100.0 to 100.2, with room for everything.
"""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.trading.risk.codes import Code
from actors.trading.risk.rules import Ruling, judge
from actors.trading.risk.view import GroupExposure, View
from state.config import RiskSettings
from state.exact import exactly
from state.messages.orders import Verdict
from state.messages.risk import Lock, Tier
from state.standing import begin
from state.values import NS_PER_S, Notional, OrderType, Purpose, Quantity, Session, Side, TimeNs
from tests.actors.examples import NOW, a_measure, a_proposal, rules

LIMITS = RiskSettings(
    position_notional_max=Decimal(2000),
    order_notional_max=Decimal(500),
    exposure_notional_max=Decimal(5000),
    price_band_bps=Decimal(100),
    orders_per_minute=60,
    risk_per_trade_share=Decimal(1),
    fat_finger_bps=Decimal(9000),
)


def a_view(*, limits: dict[str, Any] | None = None, **changes: Any) -> View:
    members: dict[str, Any] = {
        "now_ns": NOW,
        "session": Session.READY,
        "halted": None,
        "informed": True,
        "clock_doubt": None,
        "uncovered": "",
        "repeated": False,
        "rules": rules(),
        "book": a_book(),
        "book_age_ns": 0,
        "stale_after_ns": 5 * NS_PER_S,
        "last_trade": Decimal(100),
        "standing": begin(Decimal(10_000), Decimal(0), NOW),
        "lock": None,
        "orders_last_minute": 0,
        "pair_orders_last_minute": 0,
        "rejections_last_minute": 0,
        "cancels_last_minute": 0,
        "open_orders": 0,
        "pair_open_orders": 0,
        "unknown_orders": 0,
        "pair_exposure": Notional(Decimal(0)),
        "total_exposure": Notional(Decimal(0)),
        "groups": (),
        "free_quote": Notional(Decimal(10_000)),
        "free_base": Quantity(Decimal(10)),
        "held": Quantity(Decimal(0)),
        "limits": msgspec.structs.replace(LIMITS, **limits or {}),
    }
    members |= changes
    members.setdefault("last_book", members["book"])
    return View(**members)


def a_book(**changes: Any):
    """A book deep enough for anything."""
    return a_measure(**{"ask_depth": 1e9, "bid_depth": 1e9} | changes)


def a_sale(**changes: Any):
    return a_proposal(**{"side": Side.SELL, "price": Decimal(100)} | changes)


def allows(ruling: Ruling) -> bool:
    return ruling.verdict is Verdict.ALLOW and ruling.refusal is None


def denied_by(ruling: Ruling) -> str | None:
    if ruling.verdict is not Verdict.DENY:
        return None
    assert ruling.quantity == 0
    assert ruling.refusal is not None
    assert ruling.refusal.largest == 0
    return ruling.refusal.code


def shown(ruling: Ruling) -> tuple[str, str, str]:
    assert ruling.refusal is not None
    return ruling.refusal.code, ruling.refusal.limit, ruling.refusal.value


def test_what_breaks_no_rule_passes_whole():
    ruling = judge(a_proposal(), a_view())
    assert allows(ruling)
    assert ruling.quantity == 1


# Questions of yes or no.


def test_nothing_passes_while_the_halt_latch_is_set():
    for proposal in (a_proposal(), a_sale()):
        assert denied_by(judge(proposal, a_view(halted="fire"))) == Code.HALTED


@pytest.mark.parametrize("session", [one for one in Session if one is not Session.READY])
def test_nothing_is_bought_unless_the_session_is_ready(session):
    ruling = judge(a_proposal(), a_view(session=session))
    assert denied_by(ruling) == Code.SESSION
    assert shown(ruling) == ("SESSION", "ready", session)


@pytest.mark.parametrize("session", [Session.READY, Session.PAUSED, Session.DRAINING])
def test_what_is_held_may_be_sold_while_paused_or_draining(session):
    assert allows(judge(a_sale(), a_view(session=session)))


@pytest.mark.parametrize("session", [Session.STARTING, Session.STOPPED, Session.EMERGENCY])
def test_nothing_at_all_is_sold_before_and_after_trading(session):
    ruling = judge(a_sale(), a_view(session=session))
    assert shown(ruling) == ("SESSION", "ready or paused or draining", session)


def test_in_an_emergency_only_what_flattens_is_sold_and_only_where_the_latch_lets_it():
    flattening = msgspec.structs.replace(a_sale(), purpose=Purpose.FLATTEN)
    assert allows(judge(flattening, a_view(session=Session.EMERGENCY)))
    halted = judge(flattening, a_view(session=Session.EMERGENCY, halted="fire"))
    assert denied_by(halted) == Code.HALTED
    assert denied_by(judge(a_sale(), a_view(session=Session.EMERGENCY))) == Code.SESSION


def test_a_proposal_may_be_judged_until_it_expires():
    at_expiry = a_view(now_ns=TimeNs(NOW + 2 * NS_PER_S))
    assert allows(judge(a_proposal(), at_expiry))
    after = a_view(now_ns=TimeNs(NOW + 2 * NS_PER_S + 7_000_000))
    assert shown(judge(a_proposal(), after)) == ("EXPIRED", "0 ms", "7 ms")


def test_a_decision_is_judged_once():
    assert denied_by(judge(a_proposal(), a_view(repeated=True))) == Code.REPEATED


def test_a_pair_without_rules_is_not_traded():
    assert denied_by(judge(a_proposal(), a_view(rules=None))) == Code.UNKNOWN_PAIR


def test_a_side_the_exchange_has_closed_is_not_traded():
    sales_only = rules(tradable=frozenset({Side.SELL}))
    assert denied_by(judge(a_proposal(), a_view(rules=sales_only))) == Code.PAIR_HALTED
    assert allows(judge(a_sale(), a_view(rules=sales_only)))


def test_a_pair_whose_end_is_announced_is_left_and_not_entered_and_then_not_traded():
    ending = rules(delisted_at_ns=TimeNs(NOW + 1))
    assert denied_by(judge(a_proposal(), a_view(rules=ending))) == Code.DELISTING
    assert allows(judge(a_sale(), a_view(rules=ending)))
    gone = a_view(rules=rules(delisted_at_ns=NOW))
    assert denied_by(judge(a_sale(), gone)) == Code.PAIR_HALTED


def test_a_side_that_opens_later_is_not_traded_yet():
    new = rules(opens_at_ns={Side.BUY: TimeNs(NOW + 1)})
    assert denied_by(judge(a_proposal(), a_view(rules=new))) == Code.PAIR_HALTED
    assert allows(judge(a_sale(), a_view(rules=new)))
    assert allows(judge(a_proposal(), a_view(rules=rules(opens_at_ns={Side.BUY: NOW}))))


def test_a_book_that_is_polled_is_good_for_leaving_only():
    polled = a_view(book=a_book(polled=True))
    assert denied_by(judge(a_proposal(), polled)) == Code.POLLED_BOOK
    assert allows(judge(a_sale(), polled))


def test_without_a_book_nothing_is_traded():
    assert denied_by(judge(a_proposal(), a_view(book=None))) == Code.NO_BOOK


def test_a_book_may_be_as_old_as_the_limit_and_no_older():
    assert allows(judge(a_proposal(), a_view(book_age_ns=5 * NS_PER_S)))
    ruling = judge(a_proposal(), a_view(book_age_ns=5 * NS_PER_S + 3_000_000))
    assert shown(ruling) == ("STALE_BOOK", "5000 ms", "5003 ms")


@pytest.mark.parametrize("price", ["100.25", "0", "-100.2"])
def test_a_price_off_the_grid_is_refused(price):
    ruling = judge(a_proposal(price=Decimal(price)), a_view())
    assert denied_by(ruling) == Code.PRICE_STEP
    assert shown(ruling)[1] == "0.1"


@pytest.mark.parametrize("quantity", ["1.00005", "0", "-1"])
def test_a_quantity_off_the_grid_is_refused(quantity):
    ruling = judge(a_proposal(quantity=Decimal(quantity)), a_view())
    assert denied_by(ruling) == Code.QUANTITY_STEP
    assert shown(ruling)[1] == "0.0001"


def test_a_price_may_lie_as_far_from_the_mid_as_the_band_and_no_further():
    view = a_view(book=a_book(mid=100.0))
    assert allows(judge(a_proposal(price=Decimal(101)), view))
    assert allows(judge(a_proposal(price=Decimal(99)), view))
    for price in ("101.1", "98.9"):
        ruling = judge(a_proposal(price=Decimal(price)), view)
        assert shown(ruling) == ("PRICE_BAND", "100 bps", "110.0 bps")


def test_the_exchanges_own_band_counts_where_it_is_narrower():
    narrow = rules(up_rate=Decimal("0.005"), down_rate=Decimal("0.5"))
    view = a_view(book=a_book(mid=100.0), rules=narrow)
    assert allows(judge(a_proposal(price=Decimal("100.5")), view))
    ruling = judge(a_proposal(price=Decimal("100.6")), view)
    assert shown(ruling) == ("PRICE_BAND", "50 bps", "60.0 bps")
    assert shown(judge(a_proposal(price=Decimal("98.9")), view))[1] == "100 bps"


@pytest.mark.parametrize(
    ("cap", "kind", "quantity"),
    [
        ({"market_quantity_max": Quantity(Decimal("0.4"))}, OrderType.MARKET, "0.4"),
        ({"market_notional_max": Notional(Decimal("50.1"))}, OrderType.MARKET, "0.5"),
        ({"market_quantity_max": Quantity(Decimal("0.4"))}, OrderType.LIMIT, "1"),
    ],
)
def test_a_market_order_has_caps_of_its_own(cap, kind, quantity):
    ruling = judge(a_proposal(order_type=kind), a_view(rules=rules(**cap)))
    assert ruling.quantity == Decimal(quantity)


def test_only_so_many_orders_are_bought_in_a_minute():
    assert allows(judge(a_proposal(), a_view(orders_last_minute=59)))
    ruling = judge(a_proposal(), a_view(orders_last_minute=60))
    assert shown(ruling) == ("ORDER_RATE", "60 a minute", "61")


def test_selling_is_not_counted_against_the_order_rate():
    assert allows(judge(a_sale(), a_view(orders_last_minute=60)))


def test_without_the_accounts_nothing_is_traded():
    for proposal in (a_proposal(), a_sale(), a_stop()):
        assert denied_by(judge(proposal, a_view(informed=False))) == Code.ACCOUNTS_UNKNOWN


def a_stop(**changes: Any):
    return a_sale(**{"purpose": Purpose.STOP_LOSS} | changes)


@pytest.mark.parametrize("purpose", [one for one in Purpose if one.is_protective])
def test_what_protects_is_sold_in_every_session_but_stopped_and_emergency(purpose):
    for session in Session:
        ruling = judge(a_stop(purpose=purpose), a_view(session=session))
        over = session in (Session.STOPPED, Session.EMERGENCY)
        if session is Session.EMERGENCY and purpose is Purpose.FLATTEN:
            over = False  # There the halt latch says whether it may.
        assert denied_by(ruling) == (Code.SESSION if over else None)


def test_a_purchase_does_not_pass_for_calling_itself_protective():
    for purpose in Purpose:
        ruling = judge(a_proposal(purpose=purpose), a_view(session=Session.PAUSED))
        assert denied_by(ruling) == Code.SESSION


def test_what_protects_needs_no_live_book_and_has_a_band_of_its_own():
    gone = a_view(book=None, last_book=a_book(mid=100.0))
    assert denied_by(judge(a_sale(), gone)) == Code.NO_BOOK
    assert allows(judge(a_stop(price=Decimal(90)), gone))
    assert denied_by(judge(a_stop(price=Decimal("89.9")), gone)) == Code.PRICE_BAND
    assert denied_by(judge(a_stop(), a_view(book=None, last_book=None))) == Code.NO_BOOK


def test_what_protects_is_not_cut_into_pieces():
    small = a_view(limits={"order_notional_max": Decimal(50)})
    assert judge(a_sale(), small).verdict is Verdict.SHRINK
    assert allows(judge(a_stop(), small))


# What stops entries, and nothing but entries.

ENTRIES_ONLY: list[tuple[Code, dict[str, Any], dict[str, Any]]] = [
    (Code.CLOCK_JUMP, {"clock_doubt": "it leapt"}, {}),
    (Code.POLLED_BOOK, {"book": a_book(polled=True)}, {}),
    (Code.UNVERIFIED_BOOK, {"book": a_book(levels=4)}, {"book": a_book(levels=5)}),
    (Code.SPREAD_MAX, {"book": a_book(spread_bps=100.1)}, {"book": a_book(spread_bps=100.0)}),
    (Code.EQUITY_UNKNOWN, {"standing": None}, {}),
    (Code.ORDER_RATE, {"orders_last_minute": 60}, {"orders_last_minute": 59}),
    (Code.PAIR_ORDER_RATE, {"pair_orders_last_minute": 30}, {"pair_orders_last_minute": 29}),
    (Code.REJECTION_RATE, {"rejections_last_minute": 10}, {"rejections_last_minute": 9}),
    (Code.CANCEL_RATE, {"cancels_last_minute": 100}, {"cancels_last_minute": 99}),
    (Code.OPEN_ORDERS_MAX, {"open_orders": 50}, {"open_orders": 49}),
    (Code.PAIR_OPEN_ORDERS_MAX, {"pair_open_orders": 5}, {"pair_open_orders": 4}),
    (Code.UNKNOWN_ORDERS_MAX, {"unknown_orders": 3}, {"unknown_orders": 2}),
]


@pytest.mark.parametrize(
    ("code", "at", "below"), ENTRIES_ONLY, ids=[one[0] for one in ENTRIES_ONLY]
)
def test_a_limit_on_entries_stops_entries_at_its_boundary_and_no_sale(code, at, below):
    assert denied_by(judge(a_proposal(), a_view(**at))) == code
    assert allows(judge(a_proposal(), a_view(**below)))
    assert allows(judge(a_sale(), a_view(**at)))
    assert allows(judge(a_stop(), a_view(**at)))


def standing_at(tier: Tier):
    return msgspec.structs.replace(begin(Decimal(10_000), Decimal(0), NOW), tier=tier)


@pytest.mark.parametrize(
    ("tier", "code"),
    [
        (Tier.NORMAL, None),
        (Tier.WARN, None),
        (Tier.REDUCE, Code.DRAWDOWN_REDUCE),
        (Tier.HALT, Code.DRAWDOWN_HALT),
    ],
)
def test_a_deep_drawdown_stops_entries_and_no_sale(tier, code):
    view = a_view(standing=standing_at(tier))
    assert denied_by(judge(a_proposal(), view)) == code
    assert allows(judge(a_sale(), view))


def test_the_tier_in_between_halves_what_is_wanted():
    ruling = judge(a_proposal(quantity=Decimal("1.0001")), a_view(standing=standing_at(Tier.HALF)))
    assert shown(ruling) == ("DRAWDOWN_HALF", "half of what is wanted", "1.0001")
    assert ruling.quantity == Decimal("0.5000")


@pytest.mark.parametrize(
    "code",
    [
        Code.DAILY_LOSS,
        Code.STOPLOSS_GUARD,
        Code.MAX_DRAWDOWN,
        Code.LOW_PROFIT_PAIRS,
        Code.COOLDOWN_PERIOD,
    ],
)
def test_a_lock_stops_entries_by_its_own_code_and_no_sale(code):
    lock = Lock(
        code=code, pair=None, since_ns=NOW, until_ns=TimeNs(NOW + 90 * NS_PER_S), reason="why"
    )
    view = a_view(lock=lock)
    assert shown(judge(a_proposal(), view)) == (code, "no lock", "why; 90 s left")
    assert allows(judge(a_sale(), view))


def test_a_price_far_from_the_last_trade_is_a_fat_finger():
    view = a_view(last_trade=Decimal(90), limits={"fat_finger_bps": Decimal(300)})
    ruling = judge(a_proposal(), view)
    assert shown(ruling) == ("FAT_FINGER", "300 bps", "1133.3 bps")
    assert allows(judge(a_sale(), view))
    assert allows(judge(a_proposal(), a_view(last_trade=None)))


# Bounds.


@pytest.mark.parametrize(
    ("limits", "changes", "shown_limit", "shown_value", "code", "quantity"),
    [
        ({"order_notional_max": Decimal("50.1")}, {}, "50.1", "0", Code.ORDER_NOTIONAL_MAX, "0.5"),
        (
            {"position_notional_max": Decimal("150.1")},
            {"pair_exposure": Decimal(100)},
            "150.1",
            "100",
            Code.POSITION_MAX,
            "0.5",
        ),
        (
            {"exposure_notional_max": Decimal("150.1")},
            {"total_exposure": Decimal(100)},
            "150.1",
            "100",
            Code.EXPOSURE_MAX,
            "0.5",
        ),
        ({}, {"free_quote": Decimal("50.2002")}, "50.2002", "0", Code.BALANCE, "0.5"),
        ({}, {"rules": rules(quantity_max=Decimal("0.5"))}, "0.5", "1", Code.PAIR_MAX, "0.5"),
        ({}, {"rules": rules(notional_max=Decimal("50.1"))}, "0.5", "1", Code.PAIR_MAX, "0.5"),
    ],
)
def test_a_purchase_beyond_a_bound_is_shrunk_to_it(
    limits, changes, shown_limit, shown_value, code, quantity
):
    ruling = judge(a_proposal(), a_view(limits=limits, **changes))
    assert ruling.verdict is Verdict.SHRINK
    assert ruling.quantity == Decimal(quantity)
    assert shown(ruling) == (code, shown_limit, shown_value)
    assert ruling.refusal is not None
    assert ruling.refusal.largest == Decimal(quantity)


def test_a_purchase_exactly_at_a_bound_passes_whole():
    for limits in (
        {"order_notional_max": Decimal("100.2")},
        {"position_notional_max": Decimal("100.2")},
        {"exposure_notional_max": Decimal("100.2")},
    ):
        assert allows(judge(a_proposal(), a_view(limits=limits)))
    assert allows(judge(a_proposal(), a_view(free_quote=Decimal("100.4004"))))


def test_a_sale_is_bound_by_what_is_held_and_not_by_exposure_or_cash():
    broke: dict[str, Any] = {
        "pair_exposure": Decimal(10**6),
        "total_exposure": Decimal(10**6),
        "free_quote": Decimal(0),
    }
    assert allows(judge(a_sale(), a_view(**broke)))
    ruling = judge(a_sale(), a_view(free_base=Decimal("0.25"), **broke))
    assert ruling.verdict is Verdict.SHRINK
    assert shown(ruling) == ("HOLDING", "0.25", "0.25")
    assert ruling.quantity == Decimal("0.25")


def test_the_smallest_bound_wins():
    view = a_view(
        limits={
            "order_notional_max": Decimal("80.16"),
            "position_notional_max": Decimal("40.08"),
            "exposure_notional_max": Decimal("60.12"),
        },
    )
    ruling = judge(a_proposal(), view)
    assert shown(ruling)[0] == Code.POSITION_MAX
    assert ruling.quantity == Decimal("0.4")


def test_what_is_left_is_rounded_down_to_the_grid():
    ruling = judge(a_proposal(), a_view(limits={"order_notional_max": Decimal(100)}))
    assert ruling.quantity == Decimal("0.9980")  # 100 / 100.2 is 0.99800...


def test_a_rest_below_the_exchange_minimum_is_denied_by_the_bound_that_left_it():
    # At least 3 quote units: 0.03 BTC at 100.2.
    ruling = judge(a_proposal(), a_view(free_quote=Decimal("2.99")))
    assert denied_by(ruling) == Code.BALANCE
    assert denied_by(judge(a_proposal(), a_view(free_quote=Decimal(-5)))) == Code.BALANCE


def test_a_proposal_below_the_exchange_minimum_is_denied():
    ruling = judge(a_proposal(quantity=Decimal("0.0299")), a_view())
    assert denied_by(ruling) == Code.ORDER_MIN
    assert shown(ruling) == ("ORDER_MIN", "0.03", "0.0299")
    assert allows(judge(a_proposal(quantity=Decimal("0.03")), a_view(held=Decimal(1))))


def test_a_purchase_below_the_market_counts_at_what_it_will_be_worth():
    """Filled, it would stand in the accounts at the mid, not at its own price."""
    view = a_view(
        book=a_book(mid=100.0),
        limits={"position_notional_max": Decimal(50), "price_band_bps": Decimal(5000)},
    )
    ruling = judge(a_proposal(price=Decimal(80)), view)
    assert shown(ruling)[0] == Code.POSITION_MAX
    assert ruling.quantity == Decimal("0.5")


def test_a_group_of_pairs_has_a_limit_of_its_own():
    [group] = RiskSettings(groups=("majors=BTC_USDT+ETH_USDT:150.1",)).correlated()
    used_up = GroupExposure(group=group, exposure=Notional(Decimal(100)))
    ruling = judge(a_proposal(), a_view(groups=(used_up,)))
    assert shown(ruling) == ("GROUP_MAX", "150.1", "100")
    assert ruling.quantity == Decimal("0.5")


def test_an_entry_risks_no_more_at_its_stop_than_its_share_of_equity():
    """10,000 at 0.1 % are 10: at 2 from its stop 5 units, at 20 half a unit."""
    view = a_view(limits={"risk_per_trade_share": Decimal("0.001")})
    near = a_proposal(stop=Decimal("98.2"), quantity=Decimal("4.9"))
    assert allows(judge(near, msgspec.structs.replace(view, free_quote=Decimal(10_000))))
    ruling = judge(a_proposal(stop=Decimal("80.2")), view)
    assert shown(ruling) == ("RISK_PER_TRADE", "10", "0")
    assert ruling.quantity == Decimal("0.5")


def test_an_entry_that_names_no_stop_is_taken_to_be_sold_so_far_below():
    limits = {"risk_per_trade_share": Decimal("0.0001"), "stop_distance_bps": Decimal(200)}
    ruling = judge(a_proposal(), a_view(limits=limits))
    assert ruling.quantity == Decimal("0.4990")  # 1 / 2.004


def test_an_entry_is_no_larger_than_its_share_of_the_verified_depth():
    thin = a_view(book=a_book(ask_depth=100.2), limits={"depth_share_max": Decimal("0.5")})
    ruling = judge(a_proposal(), thin)
    assert shown(ruling) == ("THIN_BOOK", "50.1", "0")
    assert ruling.quantity == Decimal("0.5")
    assert allows(judge(a_sale(), thin))


def test_a_sale_leaves_either_nothing_or_what_can_still_be_sold():
    view = a_view(free_base=Quantity(Decimal("1.0123")), held=Quantity(Decimal("1.0123")))
    assert allows(judge(a_sale(quantity=Decimal("1.0123")), view))
    assert allows(judge(a_sale(quantity=Decimal("0.9823")), view))  # Leaves 0.03, worth 3.
    ruling = judge(a_sale(quantity=Decimal("0.9824")), view)
    assert shown(ruling) == ("DUST_LEFT", "0.03", "0.0299")
    assert ruling.quantity == Decimal("0.9823")
    assert allows(judge(a_stop(quantity=Decimal("0.9824")), view))


def test_a_sale_that_can_only_leave_dust_is_told_to_sell_all():
    view = a_view(free_base=Quantity(Decimal("0.05")), held=Quantity(Decimal("0.05")))
    ruling = judge(a_sale(quantity=Decimal("0.03")), view)
    assert ruling.verdict is Verdict.DENY
    assert shown(ruling)[0] == Code.DUST_LEFT
    assert ruling.refusal is not None
    assert ruling.refusal.largest == Decimal("0.05")
    assert allows(judge(a_sale(quantity=Decimal("0.05")), view))


def test_what_could_not_be_sold_again_at_its_stop_is_not_bought():
    """At 98.196 the exchange takes 0.0306 at least, and the fee takes its share of a purchase."""
    ruling = judge(a_proposal(quantity=Decimal("0.0306")), a_view())
    assert denied_by(ruling) == Code.DUST_TRAP
    assert allows(judge(a_proposal(quantity=Decimal("0.0307")), a_view()))
    more = a_view(held=Quantity(Decimal("0.01")))
    assert allows(judge(a_proposal(quantity=Decimal("0.03")), more))


# Whatever passes.

# Room is drawn around what is wanted, so that every bound wins now and then; digits go on and on.

tails = st.sampled_from(["0", "1e-19", "0.0499999999999999999", "0.0123456789123456789"]).map(
    Decimal
)
rooms = st.builds(lambda units, tail: Decimal(units) / 10 + tail, st.integers(0, 3000), tails)
used = st.builds(lambda units, tail: Decimal(units) + tail, st.integers(-9000, 9000), tails)


@st.composite
def cases(draw):
    price = Decimal(draw(st.integers(600, 1400))).scaleb(-1)
    proposal = a_proposal(
        side=draw(st.sampled_from(Side)),
        price=price,
        quantity=Decimal(draw(st.integers(1, 30_000))).scaleb(-4),
    )
    pair_exposure, total_exposure = draw(used), draw(used)
    with exactly():
        limits = {
            "order_notional_max": draw(rooms),
            "position_notional_max": pair_exposure + draw(rooms),
            "exposure_notional_max": total_exposure + draw(rooms),
            "price_band_bps": Decimal(5000),
        }
        free_base = draw(rooms) / 128
    view = a_view(
        limits=limits,
        rules=rules(
            quantity_max=draw(st.none() | st.just(Decimal("1.5"))),
            notional_max=draw(st.none() | rooms),
        ),
        book=a_book(mid=draw(st.integers(900, 1100)) / 10),
        pair_exposure=pair_exposure,
        total_exposure=total_exposure,
        free_quote=draw(rooms),
        free_base=free_base,
    )
    return proposal, view


@settings(max_examples=400)
@given(case=cases())
def test_whatever_passes_exceeds_no_limit_by_the_last_digit(case):
    proposal, view = case
    ruling = judge(proposal, view)
    quantity, pair = ruling.quantity, view.rules
    assert (ruling.verdict is Verdict.DENY) == (quantity == 0)
    if not quantity:
        return
    assert pair is not None
    assert view.book is not None
    assert quantity <= proposal.quantity
    assert quantity % pair.quantity_step == 0
    assert quantity >= pair.smallest(proposal.price)
    with exactly():
        notional = quantity * proposal.price
        worth = quantity * max(proposal.price, Decimal(repr(view.book.mid)))
        assert notional <= view.limits.order_notional_max
        assert pair.quantity_max is None or quantity <= pair.quantity_max
        assert pair.notional_max is None or notional <= pair.notional_max
        if proposal.side is Side.SELL:
            assert quantity <= view.free_base
        else:
            assert view.pair_exposure + worth <= view.limits.position_notional_max
            assert view.total_exposure + worth <= view.limits.exposure_notional_max
            assert notional * (1 + pair.fee_rate) <= view.free_quote


@given(case=cases())
def test_what_is_cut_off_would_have_been_too_much(case):
    """One step more than what was allowed breaks the bound that is named."""
    proposal, view = case
    ruling = judge(proposal, view)
    if ruling.verdict is not Verdict.SHRINK:
        return
    assert view.rules is not None
    larger = msgspec.structs.replace(
        proposal, quantity=Quantity(ruling.quantity + view.rules.quantity_step)
    )
    again = judge(larger, view)
    assert again.verdict is Verdict.SHRINK
    assert again.quantity == ruling.quantity
    assert again.refusal is not None
    assert ruling.refusal is not None
    assert again.refusal.code == ruling.refusal.code


def test_what_is_not_protected_must_not_grow():
    view = a_view(uncovered="no live book")
    assert denied_by(judge(a_proposal(), view)) == Code.UNCOVERED
    assert allows(judge(a_sale(), view))
