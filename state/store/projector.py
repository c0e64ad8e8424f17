"""From events to rows: folds orders and accounts, and says what the tables must hold. Pure.

One projector serves the writer, event by event, and the rebuilding of everything from the
journal; so both cannot disagree. Rows that change often (an order, a position) are written once
per transaction, however many events touched them.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

import msgspec

from state.exact import difference
from state.ledger import GT, POINTS, Ledger
from state.messages.accounts import EquityMarked, FundsMoved, TradeClosed
from state.messages.journal import Event
from state.messages.operations import AlertRaised, SessionChanged
from state.messages.orders import (
    CancelIntended,
    DecisionMade,
    OrderAccepted,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
)
from state.messages.risk import RiskMarked
from state.order import Order, OrderFact
from state.position import Position
from state.store.refusals import RecordRefused
from state.store.tables import Row
from state.trade import Trip
from state.values import (
    ZERO,
    ClientOrderId,
    Currency,
    Notional,
    Pair,
    Purpose,
    Quantity,
    base_of,
    plain,
    quote_of,
)

_encode = msgspec.json.Encoder().encode
_decode_order = msgspec.json.Decoder(Order).decode


class Projector:
    """Folds one transaction at a time: `apply` its events, write its `rows`, then `keep` them.

    After a transaction that failed, make a new one from what is stored.
    """

    def __init__(
        self,
        ledger: Ledger,
        trips: dict[Pair, Trip],
        stored_order: Callable[[ClientOrderId], Row | None],
    ) -> None:
        """Begin from what is stored.

        Args:
            ledger: The accounts as the tables have them.
            trips: What is under way in each pair.
            stored_order: Gives an order's (fold, intent_seq), or None where there is none.
        """
        self.ledger = ledger
        self.trips = trips
        self._stored_order = stored_order
        # Orders that may still change; the others are fetched again in the rare case they do.
        self._orders: dict[ClientOrderId, tuple[Order, int]] = {}
        self._begin()

    def _begin(self) -> None:
        self._changed: dict[ClientOrderId, tuple[Order, int]] = {}
        self._last_seq: dict[ClientOrderId, int] = {}
        self._pairs: set[Pair] = set()
        self._currencies: set[Currency] = set()
        self._trips: set[Pair] = set()
        self._grown: dict[str, list[Row]] = {}
        self.closed: list[TradeClosed] = []
        """The trades that the events applied have closed, in order."""

    def apply(self, seq: int, event: Event) -> None:
        """Fold one event that was written as `seq`.

        Raises:
            RecordRefused: If it speaks of an order that the journal does not have.
        """
        match event:
            case OrderIntended():
                self._changed[event.client_order_id] = (Order(intent=event), seq)
                self._last_seq[event.client_order_id] = seq
            case OrderFilled():
                self._fold_fill(seq, event, self._fold_order(seq, event))
            case OrderFinished():
                self._close(seq, self._fold_order(seq, event))
            case (
                OrderAccepted()
                | OrderRejected()
                | OrderUnknown()
                | OrderNotPlaced()
                | CancelIntended()
            ):
                self._fold_order(seq, event)
            case FundsMoved():
                self.ledger = self.ledger.apply(event)
                self._currencies.add(event.currency)
            case DecisionMade():
                self._grow("decisions", _decision_row(seq, event))
            case EquityMarked():
                self._grow("equity", _equity_row(seq, event))
            case AlertRaised():
                self._grow("alerts", _alert_row(seq, event))
            case RiskMarked():
                self._grow("risk_marks", _risk_row(seq, event))
            case SessionChanged():
                self._grow("sessions", _session_row(seq, event))
            case _:
                pass  # the journal alone remembers the rest

    def rows(self) -> dict[str, list[Row]]:
        """Return what to write for the events applied, by table; orders before their fills."""
        ledger = self.ledger
        orders = [
            _order_row(order, intent_seq, self._last_seq[name])
            for name, (order, intent_seq) in self._changed.items()
        ]
        return {
            "orders": orders,
            "positions": [position_row(ledger.position(pair)) for pair in self._pairs],
            "balances": [balance_row(ledger, currency) for currency in self._currencies],
            "trips": [trip_row(self.trips[pair]) for pair in self._trips],
            **self._grown,
        }

    def keep(self) -> None:
        """Take what was applied as stored."""
        for name, (order, intent_seq) in self._changed.items():
            if order.is_settled:
                self._orders.pop(name, None)
            else:
                self._orders[name] = (order, intent_seq)
        self._begin()

    def _fold_order(self, seq: int, event: OrderFact) -> Order:
        name = event.client_order_id
        known = self._changed.get(name) or self._orders.get(name) or self._fetched(name)
        if known is None:
            raise RecordRefused(f"{type(event).__name__} of {name}: the journal has no such order")
        order, intent_seq = known
        if order.intent.pair != event.pair:
            raise RecordRefused(f"{type(event).__name__} of {name}: its pair is not {event.pair}")
        order = order.apply(event)
        self._changed[name] = (order, intent_seq)
        self._last_seq[name] = seq
        return order

    def _fetched(self, name: ClientOrderId) -> tuple[Order, int] | None:
        row = self._stored_order(name)
        return None if row is None else (_decode_order(row[0]), row[1])

    def _fold_fill(self, seq: int, fill: OrderFilled, order: Order) -> None:
        before = self.ledger.position(fill.pair)
        self.ledger = self.ledger.apply(fill)
        after = self.ledger.position(fill.pair)
        trip = self.trips.get(fill.pair) or Trip(pair=fill.pair)
        self._on_trip(trip.with_fill(before, after, fill, order.intent))
        self._close(seq, order)
        self._pairs.add(fill.pair)
        self._currencies.update((base_of(fill.pair), quote_of(fill.pair), fill.fee_currency))
        self._currencies.update((GT,) if fill.gt_fee else (), (POINTS,) if fill.point_fee else ())
        self._grow(
            "fills",
            (
                seq,
                self.ledger.fills,
                fill.pair,
                fill.trade_id,
                fill.client_order_id,
                fill.venue_order_id,
                fill.at_ns,
                fill.side,
                fill.role,
                plain(fill.price),
                plain(fill.quantity),
                plain(fill.fee),
                fill.fee_currency,
                plain(fill.gt_fee),
                plain(fill.point_fee),
            ),
        )

    def _close(self, seq: int, order: Order) -> None:
        """Let the trade be over if it is."""
        pair = order.intent.pair
        trip = self.trips.get(pair)
        trade = None if trip is None else trip.closed(self.ledger.position(pair), order)
        if trip is not None and trade is not None:
            trade = msgspec.structs.replace(trade, seq=seq)
            self.closed.append(trade)
            self._grow("trades", _trade_row(trade))
            self._on_trip(trip.next())

    def _on_trip(self, trip: Trip) -> None:
        self.trips = {**self.trips, trip.pair: trip}
        self._trips.add(trip.pair)

    def _grow(self, table: str, row: Row) -> None:
        self._grown.setdefault(table, []).append(row)


def position_row(position: Position) -> Row:
    """Return the row of `positions`."""
    return (
        position.pair,
        plain(position.quantity),
        plain(position.oversold),
        plain(position.cost),
        plain(position.realised),
        plain(position.fees),
        plain(position.average_entry),
        position.opened_at_ns,
    )


def position_of(row: Row) -> Position:
    """Return the position that a row of `positions` says."""
    pair, quantity, oversold, cost, realised, fees, _, opened_at_ns = row
    return Position(
        pair=pair,
        net=difference(_amount(quantity), _amount(oversold)),
        cost=_amount(cost),
        realised=_amount(realised),
        fees=_amount(fees),
        opened_at_ns=opened_at_ns,
    )


def balance_row(ledger: Ledger, currency: Currency) -> Row:
    """Return the row of `balances`."""
    parts = (ledger.balances, ledger.opened, ledger.moved, ledger.fees_elsewhere)
    return (currency, *(plain(part.get(currency, ZERO)) for part in parts))


def ledger_of(positions: list[Row], balances: list[Row], fills: int) -> Ledger:
    """Return the accounts that the rows of `positions` and `balances` say.

    Its `quote` is empty: the store does not know in which currency somebody counts.
    """

    def column(number: int) -> dict[Currency, Decimal]:
        amounts = {row[0]: _amount(row[number]) for row in balances}
        return {currency: amount for currency, amount in amounts.items() if amount}

    return Ledger(
        quote=Currency(""),
        balances=column(1),
        opened=column(2),
        moved=column(3),
        fees_elsewhere=column(4),
        positions={row[0]: position_of(row) for row in positions},
        fills=fills,
    )


def trip_row(trip: Trip) -> Row:
    """Return the row of `trips`."""
    return (
        trip.pair,
        trip.opened_at_ns,
        trip.reduced_at_ns,
        int(trip.held),
        plain(trip.quantity),
        plain(trip.cost),
        plain(trip.proceeds),
        plain(trip.fees),
        plain(trip.smallest),
        trip.purpose,
    )


def trip_of(row: Row) -> Trip:
    """Return the trip that a row of `trips` says."""
    pair, opened_at_ns, reduced_at_ns, held, quantity, cost, proceeds, fees, smallest, purpose = row
    return Trip(
        pair=pair,
        opened_at_ns=opened_at_ns,
        reduced_at_ns=reduced_at_ns,
        held=bool(held),
        quantity=Quantity(_amount(quantity)),
        cost=Notional(_amount(cost)),
        proceeds=Notional(_amount(proceeds)),
        fees=Notional(_amount(fees)),
        smallest=Quantity(_amount(smallest)),
        purpose=Purpose(purpose),
    )


def _trade_row(trade: TradeClosed) -> Row:
    return (
        trade.seq,
        trade.pair,
        trade.opened_at_ns,
        trade.closed_at_ns,
        plain(trade.quantity),
        plain(trade.cost),
        plain(trade.proceeds),
        plain(trade.fees),
        plain(trade.profit),
        trade.purpose,
    )


def trade_of(row: Row) -> TradeClosed:
    """Return the trade that a row of `trades` says."""
    seq, pair, opened_at_ns, closed_at_ns, quantity, cost, proceeds, fees, _, purpose = row
    return TradeClosed(
        seq=seq,
        pair=pair,
        opened_at_ns=opened_at_ns,
        closed_at_ns=closed_at_ns,
        quantity=_amount(quantity),
        cost=_amount(cost),
        proceeds=_amount(proceeds),
        fees=_amount(fees),
        purpose=Purpose(purpose),
    )


def _amount(stored: object) -> Decimal:
    if not isinstance(stored, str):
        raise InvalidOperation(f"{stored!r} is no amount")  # a damaged row
    return Decimal(stored)


def _order_row(order: Order, intent_seq: int, seq: int) -> Row:
    intent = order.intent
    return (
        intent_seq,
        intent.client_order_id,
        intent.decision_id,
        intent.attempt,
        intent.trace_id,
        intent.pair,
        intent.strategy,
        intent.side,
        intent.order_type,
        plain(intent.quantity),
        plain(intent.price),
        intent.time_in_force,
        intent.at_ns,
        seq,
        order.venue_order_id,
        order.state,
        int(order.is_settled),
        " ".join(order.alarms),
        plain(order.filled),
        plain(order.filled_notional),
        plain(order.working),
        plain(order.missing_fills),
        order.updated_at_ns,
        _encode(order).decode(),
    )


def _decision_row(seq: int, made: DecisionMade) -> Row:
    refusal = made.refusal
    largest = refusal.largest if refusal else None
    return (
        seq,
        made.decision_id,
        made.trace_id,
        made.pair,
        made.at_ns,
        made.strategy,
        made.side,
        made.order_type,
        plain(made.quantity),
        plain(made.price),
        made.reason,
        _encode(made.worksheet).decode(),
        made.verdict,
        plain(made.approved_quantity),
        made.expires_at_ns,
        refusal.code if refusal else None,
        refusal.limit if refusal else None,
        refusal.value if refusal else None,
        None if largest is None else plain(largest),
    )


def _equity_row(seq: int, mark: EquityMarked) -> Row:
    amounts = (
        mark.equity,
        mark.start,
        mark.flows,
        mark.realised,
        mark.unrealised,
        mark.fees,
    )
    return (seq, mark.at_ns, mark.currency, *map(plain, amounts))


def _alert_row(seq: int, alert: AlertRaised) -> Row:
    return (seq, alert.at_ns, alert.alert, alert.severity, alert.text, alert.trace_id)


def _risk_row(seq: int, mark: RiskMarked) -> Row:
    return (
        seq,
        mark.at_ns,
        plain(mark.equity),
        plain(mark.flows),
        plain(mark.peak),
        mark.peak_at_ns,
        mark.day,
        plain(mark.day_opening),
        mark.tier,
        mark.tier_since_ns,
        int(mark.halt_told),
        _encode(mark.locks).decode(),
        mark.reason,
    )


def _session_row(seq: int, changed: SessionChanged) -> Row:
    return (seq, changed.at_ns, changed.session, changed.reason, changed.caller)
