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
)

_SENDER = "demonstration"
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
    trace_id = TraceId(f"demonstration-{number}")
    decision_id, client_order_id = (
        DecisionId(trace_id),
        ClientOrderId(f"t-demonstration-{number}"),
    )
    price = Price(at_price.quantize(Decimal("0.1")))
    # What was bought less its fee is what can be sold: two in a thousand, rounded up.
    bought = Decimal("0.005") if base_of(pair) == "BTC" else Decimal("0.12")
    quantity = Quantity(bought if side is Side.BUY else bought - bought * Decimal("0.002"))
    shape: dict[str, Any] = {
        "pair": pair,
        "side": side,
        "order_type": OrderType.LIMIT,
        "price": price,
    }
    fact: dict[str, Any] = {"client_order_id": client_order_id, "pair": pair}
    fee = (quantity if side is Side.BUY else quantity * price) * Decimal("0.002")
    events: tuple[Event, ...] = (
        DecisionMade(
            **shape,
            decision_id=decision_id,
            trace_id=trace_id,
            at_ns=at_ns,
            strategy=_SENDER,
            quantity=quantity,
            reason="made up",
            worksheet=(Bound(name="made up", quantity=quantity),),
            verdict=Verdict.ALLOW,
            approved_quantity=quantity,
        ),
        OrderIntended(
            **shape,
            client_order_id=client_order_id,
            decision_id=decision_id,
            attempt=1,
            trace_id=trace_id,
            at_ns=at_ns,
            strategy=_SENDER,
            quantity=quantity,
            time_in_force=TimeInForce.GTC,
            expires_at_ns=TimeNs(at_ns + 5 * NS_PER_S),
            reply_to=_SENDER,
        ),
        OrderAccepted(**fact, at_ns=at_ns, venue_order_id=VenueOrderId(str(number))),
        OrderFilled(
            **fact,
            at_ns=at_ns,
            trade_id=TradeId(str(number)),
            venue_order_id=VenueOrderId(str(number)),
            side=side,
            price=price,
            quantity=quantity,
            role=Role.TAKER,
            fee=fee,
            fee_currency=Currency(base_of(pair)) if side is Side.BUY else Currency("USDT"),
        ),
        OrderFinished(**fact, at_ns=at_ns, filled_quantity=quantity, reason="filled"),
    )
    for event in events:
        yield event, trace_id
