"""One small order's whole life at a real exchange, told step by step, with nothing left behind.

The order rests far from the market and is post-only, so nothing is bought. Whatever happens, every
order of this run is cancelled at the end, and the last step proves that none rests.
"""

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

from msgspec import Struct

from state.instrument import TradingRules
from state.messages.market import BookDelta, BookSnapshot, StreamLost, StreamOpened
from state.messages.venue import (
    AmendOrder,
    CancelPlaced,
    FetchBalances,
    FetchBook,
    FetchOpenOrders,
    FetchOrder,
    FetchRules,
    FetchTime,
    OrderReport,
    PlaceOrder,
    Succeeded,
    VenueAnswer,
    VenueRequest,
)
from state.values import (
    NS_PER_S,
    ClientOrderId,
    OrderType,
    Pair,
    Price,
    Side,
    TimeInForce,
    TimeNs,
    plain,
)
from supervisor.worlds.visit import Visit

PREFIX = "t-smoke-"
"""No house takes such an order for one of its own."""
AWAY = Decimal("0.9")
"""The order's price as a share of the best bid: far from any fill, well within Gate's band."""
WITHIN_S = 15.0
EXPIRY_S = 10.0
Message = TypeVar("Message")


class SmokeFailed(Exception):
    """A step did not go as it should; the text says how."""


class Step(Struct, frozen=True, kw_only=True):
    """One line of the transcript."""

    step: str
    ok: bool
    took_ms: float
    told: str


def smoke(visit: Visit, pair: Pair, tell: Callable[[Step], None]) -> bool:
    """Try everything on `pair`, telling each step as it ends; return whether all went well."""
    run = _Run(visit, pair, tell)
    try:
        run.all()
    except SmokeFailed:
        pass  # It was told where it happened.
    finally:
        run.clean_up()
    return run.ok


class _Run:
    def __init__(self, visit: Visit, pair: Pair, tell: Callable[[Step], None]) -> None:
        self._visit = visit
        self._pair = pair
        self._tell = tell
        self._offset_ns = 0
        self._name = ClientOrderId(f"{PREFIX}{visit.clock.now_ns() // 1_000_000}")
        self._reports: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.ok = True

    def all(self) -> None:
        with self._step("clock") as told:
            told(self._measure_clock())
        with self._step("rules") as told:
            [rules] = self._ask(FetchRules(pairs=(self._pair,))).rules
            told(f"price step {plain(rules.price_step)}, least {plain(rules.notional_min)}")
        with self._step("balances") as told:
            held = self._ask(FetchBalances()).balances
            told(", ".join(f"{plain(one.available)} {one.currency}" for one in held) or "nothing")
        with self._step("market stream") as told:
            told(self._hear_market())
        with self._step("order book") as told:
            book = self._book()
            told(f"id {book.last_id}, {book.bids[0][0]} / {book.asks[0][0]}")
        with self._step("account stream") as told:
            self._visit.account.open(self._reports.put)
            self._heard(StreamOpened)
            told("open")
        with self._step("place") as told:
            placed = self._place(rules, book)
            told(f"{plain(placed.quantity)} at {plain(placed.price)} as {placed.venue_order_id}")
        with self._step("push") as told:
            report = self._heard(OrderReport, lambda one: one.client_order_id == self._name)
            told(f"{report.finish_as}, {report.venue_order_id}")
        with self._step("query") as told:
            [found] = self._ask(self._query(placed)).orders
            self._expect(found.open, f"the order is {found.finish_as}")
            told(f"rests, filled {plain(found.filled_quantity)}")
        with self._step("amend") as told:
            lower = rules.price_passive(placed.price - rules.price_step, Side.BUY)
            [placed] = self._ask(self._amendment(placed, lower)).orders
            self._expect(placed.open and placed.price == lower, "it does not rest at its new price")
            told(f"now at {plain(placed.price)}")
        with self._step("cancel") as told:
            [gone] = self._ask(self._cancel(placed)).orders
            self._expect(not gone.open, "the order still rests")
            told(gone.finish_as)

    def clean_up(self) -> None:
        try:
            with self._step("nothing left") as told:
                left = self._ours()
                for order in left:
                    self._ask(self._cancel(order))
                self._expect(not self._ours(), "orders of this run still rest: cancel them by hand")
                told(f"{len(left)} had to be cancelled, none rests")
        except SmokeFailed:
            pass  # Told, as the others.

    def _measure_clock(self) -> str:
        clock = self._visit.clock
        asked_ns = clock.now_ns()
        time_ = self._ask(FetchTime(asked_at_ns=asked_ns)).time
        self._expect(time_ is not None, "no time in the answer")
        assert time_ is not None
        half_ns = (time_.answered_at_ns - asked_ns) // 2
        self._offset_ns = time_.venue_ns - (asked_ns + half_ns)
        return f"{self._offset_ns / 1e6:+.1f} ms, ± {half_ns / 1e6:.1f} ms"

    def _hear_market(self) -> str:
        news: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._visit.market.subscribe(self._pair, news.put)
        try:
            self._next(news, StreamOpened)
            delta = self._next(news, BookDelta)
        finally:
            self._visit.market.unsubscribe(self._pair)
        return f"update {delta.last_id}"

    def _book(self) -> BookSnapshot:
        book = self._ask(FetchBook(pair=self._pair, depth=20)).book
        assert book is not None, "an answer to this has a book"
        self._expect(bool(book.bids and book.asks), "a side of the book is empty")
        return book

    def _place(self, rules: TradingRules, book: BookSnapshot) -> OrderReport:
        self._expect(Side.BUY in rules.tradable, f"{self._pair} takes no buys now")
        price = rules.price_passive(Decimal(repr(book.bids[0][0])) * AWAY, Side.BUY)
        order = PlaceOrder(
            client_order_id=self._name,
            pair=self._pair,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=rules.smallest(price),
            price=price,
            time_in_force=TimeInForce.POC,
            expires_at_ns=self._expires_at_ns(),
        )
        [placed] = self._ask(order).orders
        self._expect(placed.open, f"it does not rest: {placed.finish_as}")
        return placed

    def _amendment(self, order: OrderReport, price: Price) -> AmendOrder:
        return AmendOrder(
            pair=order.pair,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            quantity=None,
            price=price,
            expires_at_ns=self._expires_at_ns(),
        )

    def _expires_at_ns(self) -> TimeNs:
        venue_ns = self._visit.clock.now_ns() + self._offset_ns
        return TimeNs(venue_ns + int(EXPIRY_S * NS_PER_S))

    def _query(self, order: OrderReport) -> FetchOrder:
        return FetchOrder(
            pair=order.pair,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
        )

    def _cancel(self, order: OrderReport) -> CancelPlaced:
        return CancelPlaced(
            pair=order.pair,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
        )

    def _ours(self) -> list[OrderReport]:
        resting = self._ask(FetchOpenOrders()).orders
        return [one for one in resting if one.client_order_id.startswith(PREFIX)]

    def _ask(self, request: VenueRequest) -> Succeeded:
        answers: queue.SimpleQueue[VenueAnswer] = queue.SimpleQueue()
        self._visit.exchange.request(request, answers.put)
        outcome = self._next(answers, VenueAnswer).outcome
        if not isinstance(outcome, Succeeded):
            raise SmokeFailed(str(outcome))
        return outcome

    def _heard(
        self, kind: type[Message], wanted: Callable[[Message], bool] = lambda _: True
    ) -> Message:
        return self._next(self._reports, kind, wanted)

    def _next(
        self,
        news: "queue.SimpleQueue[Any]",
        kind: type[Message],
        wanted: Callable[[Message], bool] = lambda _: True,
    ) -> Message:
        until = time.monotonic() + WITHIN_S
        while True:
            try:
                message = news.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise SmokeFailed(f"no {kind.__name__} within {WITHIN_S:g} s") from None
            if isinstance(message, StreamLost):
                raise SmokeFailed(f"the stream was lost: {message.reason}")
            if isinstance(message, kind) and wanted(message):
                return message

    def _expect(self, condition: bool, otherwise: str) -> None:  # noqa: FBT001
        if not condition:
            raise SmokeFailed(otherwise)

    @contextmanager
    def _step(self, name: str) -> Iterator[Callable[[str], None]]:
        began, told = time.monotonic(), list[str]()
        failed: SmokeFailed | None = None
        try:
            yield told.append
        except SmokeFailed as error:
            failed = error
        took_ms = round((time.monotonic() - began) * 1000, 1)
        self.ok &= failed is None
        text = "; ".join(told) if failed is None else str(failed)
        self._tell(Step(step=name, ok=failed is None, took_ms=took_ms, told=text))
        if failed is not None:
            raise failed
