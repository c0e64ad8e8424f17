"""Hypothesis strategies for the ground floor: events as a venue could cause them."""

from decimal import Decimal

from hypothesis import strategies as st

from state.messages.accounts import FundsMoved
from state.messages.orders import (
    AmendIntended,
    AmendNotMade,
    AmendRefused,
    AmendUnknown,
    CancelIntended,
    ForeignAmendment,
    OrderAccepted,
    OrderAmended,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderUnknown,
)
from state.order import OrderFact
from state.values import (
    ClientOrderId,
    Currency,
    OrderType,
    Pair,
    Price,
    Quantity,
    Role,
    Side,
    TimeNs,
    TradeId,
    VenueOrderId,
)
from tests.state.examples import an_intent

PAIRS = (Pair("BTC_USDT"), Pair("ETH_USDT"))


def amounts(decimals: int, most: int = 10**9) -> st.SearchStrategy[Decimal]:
    """Positive amounts on a grid of 10^-decimals."""
    return st.integers(1, most).map(lambda units: Decimal(units).scaleb(-decimals))


@st.composite
def fills(draw, pairs=PAIRS) -> OrderFilled:
    """A fill of any order: fee in base, quote, GT or points, as Gate may take it."""
    pair = draw(st.sampled_from(pairs))
    side = draw(st.sampled_from(Side))
    quantity = draw(amounts(5, 10**7))
    price = draw(amounts(2, 10**8))
    base, _, quote = pair.partition("_")
    currency = draw(st.sampled_from([base, quote, "GT"]))
    # Gate never takes more than a few per cent; of a sale's base nothing at all is the rule.
    fee = (quantity if currency == base else quantity * price) * draw(amounts(4, 50))
    return OrderFilled(
        client_order_id=ClientOrderId("t-1"),
        pair=pair,
        at_ns=TimeNs(draw(st.integers(1, 10**6))),
        trade_id=TradeId(str(draw(st.integers(1, 10**9)))),
        venue_order_id=VenueOrderId("1"),
        side=side,
        price=Price(price),
        quantity=Quantity(quantity),
        role=draw(st.sampled_from(Role)),
        fee=fee,
        fee_currency=Currency(currency),
        gt_fee=draw(st.sampled_from([Decimal(0), Decimal("0.0123")])),
        point_fee=draw(st.sampled_from([Decimal(0), Decimal("1.5")])),
    )


@st.composite
def funds_moved(draw) -> FundsMoved:
    """Money that came or went."""
    return FundsMoved(
        currency=Currency(draw(st.sampled_from(["USDT", "BTC", "GT"]))),
        change=draw(amounts(4)) * draw(st.sampled_from([1, -1])),
        reason=draw(st.sampled_from(["opening", "deposit", "withdrawal"])),
        at_ns=TimeNs(draw(st.integers(1, 10**6))),
    )


@st.composite
def order_stories(draw) -> tuple[OrderIntended, list[OrderFact]]:
    """An order, and every fact a sane exchange could tell of it, oldest first."""
    parts = draw(st.lists(amounts(4, 10**4), max_size=5))
    rest = draw(st.one_of(st.just(Decimal(0)), amounts(4, 10**4)))
    quantity = sum(parts, Decimal(0)) + rest
    intent = an_intent(
        quantity=Quantity(quantity or Decimal(1)),
        side=draw(st.sampled_from(Side)),
        order_type=OrderType.LIMIT,
    )
    facts: list[OrderFact] = []
    if draw(st.booleans()):
        facts.append(_fact(OrderUnknown, 2, reason="time-out"))
    facts.append(_fact(OrderAccepted, 3, venue_order_id=VenueOrderId("v-1")))
    for number, part in enumerate(parts):
        facts.append(
            _fact(
                OrderFilled,
                4 + number,
                trade_id=TradeId(str(number)),
                venue_order_id=VenueOrderId("v-1"),
                side=intent.side,
                price=Price(Decimal(100 + number)),
                quantity=Quantity(part),
                role=Role.TAKER,
                fee=Decimal("0.001"),
                fee_currency=Currency("USDT"),
            )
        )
    if draw(st.booleans()):
        facts.append(_fact(CancelIntended, 10, reason="too old"))
    if draw(st.booleans()):
        reason = "cancelled" if rest or not parts else "filled"
        filled = Quantity(sum(parts, Decimal(0)))
        facts.append(_fact(OrderFinished, 11, filled_quantity=filled, reason=reason))
    return intent, facts


@st.composite
def amended_stories(draw, *, foreign=False) -> tuple[OrderIntended, list[OrderFact]]:
    """An order that is changed some times, one amendment after the other, and filled meanwhile.

    With `foreign` somebody else amends it in between.
    """
    intent = an_intent(quantity=Quantity(Decimal(4)), side=draw(st.sampled_from(Side)))
    facts: list[OrderFact] = [_fact(OrderAccepted, 2, venue_order_id=VenueOrderId("v-1"))]
    size, filled = intent.quantity, Decimal(0)
    for number in range(1, draw(st.integers(1, 4)) + 1):
        at_ns = 10 * number
        wanted = Quantity(filled + draw(amounts(1, 60)))
        price = Price(draw(amounts(1, 2000)))
        change = {"number": number, "quantity": wanted, "price": price}
        intended = {"expires_at_ns": TimeNs(at_ns + 5), "reason": "", "reply_to": ""}
        facts.append(_fact(AmendIntended, at_ns, **change, **intended))
        if draw(st.booleans()):
            facts.append(_fact(AmendUnknown, at_ns + 1, number=number, reason="time-out"))
        match draw(st.sampled_from(["made", "refused", "not made"])):
            case "made":
                facts.append(_fact(OrderAmended, at_ns + 2, **change))
                size = wanted
            case "refused":
                no = {"number": number, "label": "NO", "message": ""}
                facts.append(_fact(AmendRefused, at_ns + 2, **no))
            case _:
                facts.append(_fact(AmendNotMade, at_ns + 2, number=number, reason="proven"))
        if foreign and draw(st.booleans()):
            size, price = Quantity(filled + draw(amounts(1, 60))), Price(draw(amounts(1, 2000)))
            facts.append(_fact(ForeignAmendment, at_ns + 2, quantity=size, price=price))
        part = draw(amounts(1, 60))
        if part < size - filled:
            filled += part
            facts.append(
                _fact(
                    OrderFilled,
                    at_ns + 3,
                    trade_id=TradeId(str(number)),
                    venue_order_id=VenueOrderId("v-1"),
                    side=intent.side,
                    price=Price(Decimal(100)),
                    quantity=Quantity(part),
                    role=Role.MAKER,
                    fee=Decimal(0),
                    fee_currency=Currency("USDT"),
                )
            )
    return intent, facts


def _fact(kind, at_ns, **members):
    return kind(
        client_order_id=ClientOrderId("t-1"),
        pair=Pair("BTC_USDT"),
        at_ns=TimeNs(at_ns),
        **members,
    )
