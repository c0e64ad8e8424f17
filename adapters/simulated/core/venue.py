"""The venue: every account, every pair, every order, and what may be asked of them. Pure.

Each call takes the time as an argument, changes the venue at once and leaves what happened in
`outbox`; whoever drives the venue drains it, keeps it and tells it.
"""

from collections.abc import Iterable
from typing import Protocol

from adapters.simulated.core.admission import (
    admit,
    cancellable,
    check_expiry,
    check_text,
    self_trade_act,
    shown_lots,
)
from adapters.simulated.core.amending import amended
from adapters.simulated.core.clearing import Clearing
from adapters.simulated.core.countdowns import Countdowns
from adapters.simulated.core.events import Announced, Event
from adapters.simulated.core.execution import Execution
from adapters.simulated.core.fees import GT, FeeMode
from adapters.simulated.core.ledger import Account, Ledger
from adapters.simulated.core.order_index import OrderIndex
from adapters.simulated.core.orders import AmendRequest, Order, OrderRequest
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.refusals import refusal
from adapters.simulated.core.switches import RepeatedText, Switches
from adapters.simulated.core.triggers import Triggers
from state.values import Currency, OrderType, Pair, Side, TimeInForce


class Market(Protocol):
    """Whoever moves books from outside: a model, a tape."""

    def next_due_ns(self) -> int | None:
        """Return when it wants to act next, None when never again."""
        ...

    def advance(self, now_ns: int) -> None:
        """Do all that is due by `now_ns`."""
        ...


class Venue:
    """One exchange.

    Args:
        rules: Of every pair it lists.
        now_ns: The time it opens.
        switches: How it answers what no source settles.
    """

    def __init__(
        self, rules: Iterable[PairRules], now_ns: int, switches: Switches | None = None
    ) -> None:
        self.switches = switches or Switches()
        self.pairs = {each.pair: PairMarket(each, now_ns) for each in rules}
        self.outbox: list[Event] = []
        self.ledger = Ledger(self.outbox.append)
        self.index = OrderIndex(self.switches.text_lookup)
        self.clearing = Clearing(self.ledger, self.index, self.outbox, self._gt_price)
        self.execution = Execution(self.ledger, self.clearing, self.switches.thin_book_finish_as)
        self.countdowns = Countdowns()
        self.triggers = Triggers(
            self.pairs,
            self.ledger,
            self.place,
            self.outbox,
            locks_funds=self.switches.price_orders_lock_funds,
        )
        self.markets: list[Market] = []
        self.next_order_id = 700_000_000_001
        self._announced = 0

    def drain(self) -> list[Event]:
        """Return what happened since the last call, oldest first."""
        events = self.outbox[:]
        self.outbox.clear()
        return events

    def announce(self, subject: str, title: str, brief: str, now_ns: int) -> None:
        """Tell everybody something; see `Announced.subject` for what it may be about."""
        self._announced += 1
        self.outbox.append(
            Announced(
                number=self._announced, subject=subject, title=title, brief=brief, time_ns=now_ns
            )
        )

    def pair(self, name: str) -> PairMarket:
        """Return a pair's market.

        Raises:
            VenueRefused: `INVALID_CURRENCY_PAIR`.
        """
        market = self.pairs.get(Pair(name))
        if market is None:
            raise refusal("INVALID_CURRENCY_PAIR", f"Invalid currency pair {name}")
        return market

    def _gt_price(self, quote: Currency) -> int | None:
        """Return the atoms of `quote` that one GT costs, None when it has no market for it."""
        market = self.pairs.get(Pair(f"{GT}_{quote}"))
        ticks = market.reference_ticks() if market is not None else None
        if market is None or ticks is None:
            return None
        return market.units.quote_atoms_of_one(ticks)

    def place(
        self, account: Account, request: OrderRequest, now_ns: int, expires_ms: int | None = None
    ) -> Order:
        """Place an order, let it take what it may, and return it as it then stands.

        Args:
            account: Who pays.
            request: What is asked for.
            now_ns: The venue's time.
            expires_ms: `x-gate-exptime`: refused when it is later than that.

        Raises:
            VenueRefused: With Gate's label; nothing changed.
        """
        check_expiry(expires_ms, now_ns)
        market = self.pair(request.pair)
        check_text(request.text)
        ticks, amount = admit(request, market, account, self.switches.price_band, now_ns)
        self._refuse_repeated(account, request.text, now_ns)
        order = self._order(account, request, ticks, amount, now_ns)
        self.execution.enter(order, market, now_ns)
        self.next_order_id += 1
        return order

    def _order(
        self, account: Account, request: OrderRequest, ticks: int, amount: int, now_ns: int
    ) -> Order:
        default = TimeInForce.IOC if request.type is OrderType.MARKET else TimeInForce.GTC
        return Order(
            id=self.next_order_id,
            text=request.text or request.default_text,
            owner=account.name,
            pair=Pair(request.pair),
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force or default,
            ticks=ticks,
            amount=amount,
            left=amount,
            created_ns=now_ns,
            updated_ns=now_ns,
            wallet=request.wallet or account.wallets[0],
            iceberg=shown_lots(request, self.pair(request.pair), amount),
            stp_group=account.stp_group,
            stp_act=self_trade_act(request, account, self.switches.self_trade),
            slippage=request.slippage,
            gt_discount=account.fee_mode is FeeMode.GT,
        )

    def _refuse_repeated(self, account: Account, text: str | None, now_ns: int) -> None:
        if text and self.switches.repeated_text is RepeatedText.REFUSED:
            known = self.index.find(account.name, text, now_ns)
            if known is not None:
                raise refusal("REPEATED_CREATION", f"Order {text} already exists")

    def order(self, account: Account, reference: str, pair: str, now_ns: int) -> Order:
        """Return one order of `account` by the venue's id or by client id.

        Raises:
            VenueRefused: `ORDER_NOT_FOUND`; `INVALID_CURRENCY_PAIR`.
        """
        found = self.index.find(account.name, reference, now_ns)
        if found is None or found.pair != self.pair(pair).rules.pair:
            raise refusal("ORDER_NOT_FOUND", f"Order with ID {reference} not found")
        return found

    def amend(
        self,
        account: Account,
        reference: str,
        pair: str,
        request: AmendRequest,
        now_ns: int,
        expires_ms: int | None = None,
    ) -> Order:
        """Change a resting order and return it as it then stands.

        What is smaller at the same price keeps its place; any other change goes to the back and
        may trade. An amount that is filled already cancels the rest.

        Raises:
            VenueRefused: `NO_CHANGE`, what `cancel` gets, or what a new order like that would
                get; nothing changed.
        """
        check_expiry(expires_ms, now_ns)
        order = cancellable(self.order(account, reference, pair, now_ns))
        market = self.pairs[order.pair]
        after = amended(order, request, market, self.switches.price_band, now_ns)
        if after is None:
            order.amend_text = request.text or order.amend_text
            self.execution.cancel(order, market, now_ns)
        else:
            self.execution.amend(order, after, market, now_ns)
        return order

    def cancel(
        self,
        account: Account,
        reference: str,
        pair: str,
        now_ns: int,
        expires_ms: int | None = None,
    ) -> Order:
        """Cancel one order by either id and return it.

        Raises:
            VenueRefused: `ORDER_NOT_FOUND`, `ORDER_CLOSED`, `ORDER_CANCELLED`.
        """
        check_expiry(expires_ms, now_ns)
        order = cancellable(self.order(account, reference, pair, now_ns))
        self.execution.cancel(order, self.pairs[order.pair], now_ns)
        return order

    def cancel_all(
        self,
        account: Account,
        now_ns: int,
        *,
        pair: str | None = None,
        side: Side | None = None,
        expires_ms: int | None = None,
    ) -> list[Order]:
        """Cancel all resting orders of `account`, or those of one pair or side; return them."""
        check_expiry(expires_ms, now_ns)
        if pair is not None:
            self.pair(pair)
        doomed = [
            order
            for order in self.index.open_orders(account.name)
            if pair in (None, order.pair) and side in (None, order.side)
        ]
        for order in doomed:
            self.execution.cancel(order, self.pairs[order.pair], now_ns)
        return doomed

    def arm_countdown(self, account: Account, timeout_s: int, pair: str | None, now_ns: int) -> int:
        """Cancel all of `account` (of one pair) at a deadline unless called again before it.

        Args:
            account: Whose orders.
            timeout_s: At least 5, or 0 to disarm.
            pair: None for every pair.
            now_ns: The venue's time.

        Returns:
            The deadline in ms, 0 when disarmed.

        Raises:
            VenueRefused: `INVALID_PARAM_VALUE`, `INVALID_CURRENCY_PAIR`.
        """
        scope = None if pair is None else self.pair(pair).rules.pair
        return self.countdowns.arm(account.name, scope, timeout_s, now_ns)

    def next_due_ns(self) -> int | None:
        """Return when `advance` has something to do next, None when nothing is planned."""
        due = [market.next_due_ns() for market in self.markets]
        due += [self.countdowns.next_due_ns(), self.triggers.next_due_ns()]
        due += [market.next_report_ns() for market in self.pairs.values()]
        return min((each for each in due if each is not None), default=None)

    def advance(self, now_ns: int) -> None:
        """Do all that is due by `now_ns`: markets, price orders, countdowns, book channels."""
        for market in self.markets:
            market.advance(now_ns)
        self.triggers.advance(now_ns)
        for owner, pair in self.countdowns.expired(now_ns):
            self.cancel_all(self.ledger.accounts[owner], now_ns, pair=pair)
            if self.switches.countdown_cancels_price_orders:
                self.triggers.cancel_all(owner, pair, now_ns)
        for each in self.pairs.values():
            self.outbox += each.reports(now_ns)

    def street_quote(
        self, market: PairMarket, side: Side, ticks: int, lots: int, now_ns: int
    ) -> None:
        """Make the street's size at one price equal to `lots`."""
        fills = market.book.quote(side, ticks, lots)
        if fills:
            self.clearing.fills(market, side, fills, None, now_ns)

    def street_take(
        self, market: PairMarket, side: Side, lots: int, limit: int | None, now_ns: int
    ) -> None:
        """Let the street buy or sell up to `lots` from whoever rests best."""
        self.clearing.fills(market, side, market.book.take(side, lots, limit), None, now_ns)

    def street_print(
        self, market: PairMarket, taker: Side, ticks: int, lots: int, trade_id: int, now_ns: int
    ) -> None:
        """Let a taped trade happen: print it, and fill the accounts' orders that it met."""
        self.clearing.publish(market, trade_id, taker, ticks, lots, now_ns)
        if market.book.side(taker.opposite).owned:
            met = market.book.trade_through(taker, ticks, lots)
            self.clearing.street_takes(market, met, now_ns)
