"""A made-up day of trading, so that pages and reports can be tried without one."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from state.errors import StoreRefused
from state.ledger import OPENING
from state.messages.accounts import FundsMoved
from state.messages.journal import Entry, Event
from state.messages.operations import AlertRaised, Severity
from state.messages.orders import (
    Bound,
    DecisionMade,
    OrderAccepted,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    Verdict,
)
from state.store.writer import Store
from state.values import (
    NS_PER_S,
    ClientOrderId,
    Currency,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Quantity,
    Role,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
    TradeId,
    Venue,
    VenueOrderId,
    base_of,
    quote_of,
)

_SENDER = "demonstration"
_FEE = Decimal("0.002")
_PRICES = {Pair("BTC_USDT"): Decimal(60_000), Pair("ETH_USDT"): Decimal(2_500)}
# A day's wave in shares of the price: what goes down comes up, so some trades lose.
_WAVE = tuple(map(Decimal, ("1", "1.004", "0.998", "0.991", "0.997", "1.006", "1.011", "1.003")))


def seed_demonstration(store: Store, at_ns: TimeNs) -> int:
    """Fill an empty simulated journal with a made-up day before `at_ns`; return its events.

    Everything in it is labelled: sender, strategy and ids say `demonstration`, and so does the
    database itself.

    Raises:
        StoreRefused: If the journal is not simulated, or holds anything but openings.
    """
    if store.venue is not Venue.SIMULATED:
        raise StoreRefused(f"{store.file}: demonstration data never goes into a {store.venue} one")
    [others] = store.connection.execute(
        "SELECT count(*) FROM events WHERE type <> 'EpochBegan'"
    ).fetchone()
    if others or store.base(Currency(""))[0]:
        raise StoreRefused(f"{store.file}: demonstration data only goes into an empty journal")
    with store.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('demonstration', 'made up')")
    entries = [
        Entry(event=event, trace_id=trace_id)
        for event, trace_id in _day(TimeNs(at_ns - 86_400 * NS_PER_S))
    ]
    return len(store.append(entries, _SENDER))


def _day(from_ns: TimeNs) -> Iterator[tuple[Event, str]]:
    yield (
        FundsMoved(
            currency=Currency("USDT"), change=Decimal(10_000), reason=OPENING, at_ns=from_ns
        ),
        "",
    )
    yield (
        AlertRaised(
            alert="demonstration",
            severity=Severity.INFO,
            text="everything in this journal is made up",
            at_ns=from_ns,
        ),
        "",
    )
    number = 0
    for step, share in enumerate(_WAVE):
        for pair, base_price in _PRICES.items():
            number += 1
            at_ns = TimeNs(from_ns + (step * 3 + 1) * 3600 * NS_PER_S + number * NS_PER_S)
            side = Side.BUY if step % 2 == 0 else Side.SELL
            yield from _trade(number, pair, side, base_price * share, at_ns)


def _trade(
    number: int, pair: Pair, side: Side, at_price: Decimal, at_ns: TimeNs
) -> Iterator[tuple[Event, str]]:
    # What was bought less its fee of two in a thousand is what can be sold.
    bought = Decimal("0.005") if base_of(pair) == "BTC" else Decimal("0.12")
    quantity = Quantity(bought if side is Side.BUY else bought - bought * _FEE)
    price = Price(at_price.quantize(Decimal("0.1")))
    trace_id = TraceId(f"demonstration-{number}")
    wish: dict[str, Any] = {
        "decision_id": DecisionId(trace_id),
        "trace_id": trace_id,
        "pair": pair,
        "at_ns": at_ns,
        "strategy": _SENDER,
        "side": side,
        "order_type": OrderType.LIMIT,
        "quantity": quantity,
        "price": price,
    }
    fact: dict[str, Any] = {
        "client_order_id": ClientOrderId(f"t-demonstration-{number}"),
        "pair": pair,
        "at_ns": at_ns,
    }
    trade: dict[str, Any] = {"side": side, "price": price, "quantity": quantity}
    for event in (*_wished(wish, fact), *_done(number, fact, trade)):
        yield event, trace_id


def _wished(wish: dict[str, Any], fact: dict[str, Any]) -> tuple[Event, Event]:
    decision = DecisionMade(
        **wish,
        reason="made up",
        worksheet=(Bound(name="made up", quantity=wish["quantity"]),),
        verdict=Verdict.ALLOW,
        approved_quantity=wish["quantity"],
    )
    intent = OrderIntended(
        **wish | fact,
        attempt=1,
        time_in_force=TimeInForce.GTC,
        expires_at_ns=TimeNs(wish["at_ns"] + 5 * NS_PER_S),
        reply_to=_SENDER,
    )
    return decision, intent


def _done(number: int, fact: dict[str, Any], trade: dict[str, Any]) -> tuple[Event, ...]:
    is_buy, quantity = trade["side"] is Side.BUY, trade["quantity"]
    venue_order_id = VenueOrderId(str(number))
    return (
        OrderAccepted(**fact, venue_order_id=venue_order_id),
        OrderFilled(
            **fact,
            **trade,
            trade_id=TradeId(str(number)),
            venue_order_id=venue_order_id,
            role=Role.TAKER,
            fee=(quantity if is_buy else quantity * trade["price"]) * _FEE,
            fee_currency=base_of(fact["pair"]) if is_buy else quote_of(fact["pair"]),
        ),
        OrderFinished(**fact, filled_quantity=quantity, reason="filled"),
    )
