"""From events to rows: folds orders and accounts, and says what the tables must hold. Pure.

One projector serves the writer, event by event, and the rebuilding of everything from the
journal; so both cannot disagree. Rows that change often (an order, a position) are written once
per transaction, however many events touched them.
"""

from collections.abc import Callable

import msgspec

from state.double_entry import Account, postings
from state.ledger import Ledger
from state.messages.accounts import BalancesCompared, EquityMarked, FundsMoved, TradeClosed
from state.messages.advice import (
    AdviceAsked,
    AdviceGiven,
    AdviceResolved,
    AuthorityChanged,
    ContractUsed,
)
from state.messages.journal import Event
from state.messages.operations import AlertRaised, PairSessionChanged, SessionChanged
from state.messages.orders import (
    AmendIntended,
    AmendNotMade,
    AmendRefused,
    AmendUnknown,
    CancelIntended,
    DecisionMade,
    ForeignAmendment,
    OrderAccepted,
    OrderAmended,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
    ParentCancelIntended,
    ParentEvent,
    ParentFinished,
    ParentIntended,
)
from state.messages.protection import (
    FlattenBegan,
    ProtectionChosen,
    StopMoved,
    TriggerArmed,
    TriggerCancelIntended,
    TriggerEnded,
    TriggerIntended,
    TriggerUnknown,
)
from state.messages.risk import RiskMarked
from state.order import Order, OrderFact
from state.parent_order import ParentOrder
from state.store.account_rows import (
    account_row,
    balance_row,
    comparison_row,
    lot_rows,
    position_row,
    trade_row,
    trip_row,
)
from state.store.advice_rows import advice_row
from state.store.protecting import Protecting
from state.store.refusals import RecordRefused
from state.store.tables import Row
from state.trade import Trip
from state.values import ClientOrderId, Currency, DecisionId, Pair, plain

_encode = msgspec.json.Encoder().encode
_decode_order = msgspec.json.Decoder(Order).decode
_decode_parent = msgspec.json.Decoder(ParentOrder).decode


class Projector:
    """Folds one transaction at a time: `apply` its events, write its `rows`, then `keep` them.

    After a transaction that failed, make a new one from what is stored.
    """

    def __init__(
        self,
        ledger: Ledger,
        trips: dict[Pair, Trip],
        stored_order: Callable[[ClientOrderId], Row | None],
        stored_parent: Callable[[DecisionId], Row | None],
        protecting: Protecting,
    ) -> None:
        """Begin from what is stored.

        Args:
            ledger: The accounts as the tables have them.
            trips: What is under way in each pair.
            stored_order: Gives an order's (fold, intent_seq), or None where there is none.
            stored_parent: The same of a parent order, by its decision.
            protecting: How positions are protected, and by which trigger orders.
        """
        self.ledger = ledger
        self.trips = trips
        self.protecting = protecting
        self._stored_order = stored_order
        self._stored_parent = stored_parent
        # Orders that may still change; the others are fetched again in the rare case they do.
        self._orders: dict[ClientOrderId, tuple[Order, int]] = {}
        self._parents: dict[DecisionId, tuple[ParentOrder, int]] = {}
        self._begin()

    def _begin(self) -> None:
        self._changed: dict[ClientOrderId, tuple[Order, int]] = {}
        self._last_seq: dict[ClientOrderId, int] = {}
        self._changed_parents: dict[DecisionId, tuple[ParentOrder, int]] = {}
        self._last_parent_seq: dict[DecisionId, int] = {}
        self._pairs: set[Pair] = set()
        self._booked: set[tuple[Account, Currency]] = set()
        self._lots: dict[int, Row] = {}
        self._trips: set[Pair] = set()
        self.protecting.begin()
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
                order = Order(intent=event)
                if event.parent is not None:
                    self._fold_child(seq, order, is_new=True)
                self._changed[event.client_order_id] = (order, seq)
                self._last_seq[event.client_order_id] = seq
            case ParentIntended():
                self._changed_parents[event.decision_id] = (ParentOrder(intent=event), seq)
                self._last_parent_seq[event.decision_id] = seq
            case ParentCancelIntended() | ParentFinished():
                self._fold_parent(seq, event)
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
                | AmendIntended()
                | OrderAmended()
                | AmendRefused()
                | AmendUnknown()
                | AmendNotMade()
                | ForeignAmendment()
            ):
                self._fold_order(seq, event)
            case FundsMoved():
                self._fold_accounts(event)
            case ProtectionChosen() | StopMoved() | FlattenBegan():
                self.protecting.decided(event)
            case (
                TriggerIntended()
                | TriggerArmed()
                | TriggerUnknown()
                | TriggerCancelIntended()
                | TriggerEnded()
            ):
                self.protecting.triggered(seq, event)
            case DecisionMade():
                self._grow("decisions", _decision_row(seq, event))
            case BalancesCompared():
                self._grow("comparisons", comparison_row(seq, event))
            case EquityMarked():
                self._grow("equity", _equity_row(seq, event))
            case AlertRaised():
                self._grow("alerts", _alert_row(seq, event))
            case RiskMarked():
                self._grow("risk_marks", _risk_row(seq, event))
            case SessionChanged():
                self._grow("sessions", _session_row(seq, event))
            case PairSessionChanged():
                told = (event.pair, event.session, event.reason, event.caller)
                self._grow("pair_sessions", (seq, event.at_ns, *told))
            case (
                ContractUsed()
                | AdviceAsked()
                | AdviceGiven()
                | AdviceResolved()
                | AuthorityChanged()
            ):
                self._grow(*advice_row(seq, event))
            case _:
                pass  # the journal alone remembers the rest

    def rows(self) -> dict[str, list[Row]]:
        """Return what to write for the events applied, by table; orders before their fills."""
        ledger = self.ledger
        currencies = {currency for _, currency in self._booked}
        orders = [
            _order_row(order, intent_seq, self._last_seq[name])
            for name, (order, intent_seq) in self._changed.items()
        ]
        parents = [
            _parent_row(parent, intent_seq, self._last_parent_seq[name])
            for name, (parent, intent_seq) in self._changed_parents.items()
        ]
        return {
            "orders": orders,
            "parents": parents,
            "positions": [position_row(ledger.position(pair)) for pair in self._pairs],
            "balances": [balance_row(ledger, currency) for currency in currencies],
            "accounts": [account_row(ledger, *place) for place in self._booked],
            "lots": list(self._lots.values()),
            "trips": [trip_row(self.trips[pair]) for pair in self._trips],
            **self.protecting.rows(),
            **self._grown,
        }

    def keep(self) -> None:
        """Take what was applied as stored."""
        for name, (order, intent_seq) in self._changed.items():
            if order.is_settled:
                self._orders.pop(name, None)
            else:
                self._orders[name] = (order, intent_seq)
        for decision, (parent, intent_seq) in self._changed_parents.items():
            if parent.is_over:
                self._parents.pop(decision, None)
            else:
                self._parents[decision] = (parent, intent_seq)
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
        if order.intent.parent is not None:
            self._fold_child(seq, order, is_new=False)
        self._changed[name] = (order, intent_seq)
        self._last_seq[name] = seq
        return order

    def _fold_child(self, seq: int, order: Order, *, is_new: bool) -> None:
        """Fold a child as it now stands into its parent; a new one must not exceed it."""
        assert order.intent.parent is not None
        parent, intent_seq = self._parent(order.intent.parent)
        # A parent whose beginning retention has taken is rebuilt from its end: it has its children.
        is_new = is_new and not parent.has(order.client_order_id)
        objection = parent.objection(order.intent) if is_new else None
        if objection is not None:
            raise RecordRefused(f"{order.client_order_id}: {objection}")
        self._changed_parents[parent.decision_id] = (parent.with_child(order), intent_seq)
        self._last_parent_seq[parent.decision_id] = seq

    def _fold_parent(self, seq: int, event: ParentEvent) -> None:
        parent, intent_seq = self._parent(event.decision_id)
        if parent.intent.pair != event.pair:
            raise RecordRefused(f"{type(event).__name__}: its pair is not {event.pair}")
        if isinstance(event, ParentFinished) and parent.outstanding:
            raise RecordRefused(f"{event.decision_id}: its children may still be filled")
        self._changed_parents[event.decision_id] = (parent.apply(event), intent_seq)
        self._last_parent_seq[event.decision_id] = seq

    def _parent(self, name: DecisionId) -> tuple[ParentOrder, int]:
        known = self._changed_parents.get(name) or self._parents.get(name)
        if known is not None:
            return known
        row = self._stored_parent(name)
        if row is None:
            raise RecordRefused(f"{name}: the journal has no such parent order")
        return _decode_parent(row[0]), row[1]

    def _fetched(self, name: ClientOrderId) -> tuple[Order, int] | None:
        row = self._stored_order(name)
        return None if row is None else (_decode_order(row[0]), row[1])

    def _fold_fill(self, seq: int, fill: OrderFilled, order: Order) -> None:
        before = self.ledger.position(fill.pair)
        self._fold_accounts(fill)
        after = self.ledger.position(fill.pair)
        self.protecting.filled(fill, after)
        trip = self.trips.get(fill.pair) or Trip(pair=fill.pair)
        self._on_trip(trip.with_fill(before, after, fill, order.intent))
        self._close(seq, order)
        self._pairs.add(fill.pair)
        self._lots |= {row[0]: row for row in lot_rows(before, after)}
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

    def _fold_accounts(self, event: OrderFilled | FundsMoved) -> None:
        self.ledger = self.ledger.apply(event)
        self._booked.update((line.account, line.currency) for line in postings(event))

    def _close(self, seq: int, order: Order) -> None:
        """Let the trade be over if it is."""
        pair = order.intent.pair
        trip = self.trips.get(pair)
        trade = None if trip is None else trip.closed(self.ledger.position(pair), order)
        if trip is not None and trade is not None:
            trade = msgspec.structs.replace(trade, seq=seq)
            self.closed.append(trade)
            self._grow("trades", trade_row(trade))
            self._on_trip(trip.next())

    def _on_trip(self, trip: Trip) -> None:
        self.trips = {**self.trips, trip.pair: trip}
        self._trips.add(trip.pair)

    def _grow(self, table: str, row: Row) -> None:
        self._grown.setdefault(table, []).append(row)


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
        intent.time_in_force,
        intent.at_ns,
        intent.parent,
        seq,
        plain(order.shape.quantity),
        plain(order.shape.price),
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


def _parent_row(parent: ParentOrder, intent_seq: int, seq: int) -> Row:
    intent = parent.intent
    if parent.finished is not None:
        reason = parent.finished.reason
    else:
        reason = "" if parent.cancel is None else parent.cancel.reason
    return (
        intent_seq,
        intent.decision_id,
        intent.trace_id,
        intent.pair,
        intent.strategy,
        intent.side,
        plain(intent.quantity),
        plain(intent.price),
        intent.purpose,
        _encode(intent.plan).decode(),
        intent.at_ns,
        seq,
        int(parent.is_over),
        reason,
        len(parent.children),
        plain(parent.filled),
        plain(parent.filled_notional),
        plain(parent.outstanding),
        plain(parent.left),
        parent.slippage_bps,
        parent.updated_at_ns,
        _encode(parent).decode(),
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
    by_lots = (mark.realised_fifo, mark.unrealised_fifo)
    return (
        seq,
        mark.at_ns,
        mark.currency,
        *map(plain, amounts),
        *(None if amount is None else plain(amount) for amount in by_lots),
    )


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
