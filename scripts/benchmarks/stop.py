"""An emergency stop while the house drowns in mail: how soon the first cancel is on the wire.

The real tree in this process, over sockets and a line of 10 ms each way to the exchange's process.
Each trial lets orders rest, asks for the stop over the admin socket, waits for its answer, and
takes it back with a reason. From half a second before it is asked for until it is answered a thread
floods the mailboxes of router, guard and candle builders: not while orders are let rest, for those
find no room in a flood that is more than a machine can carry. Times are taken where they are meant:
the command before it is written to the socket, the cancels in the process that is the line, the
last confirmation where the adapter hands it over.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from actors import addresses
from adapters.simulated.catalogue import CATALOGUE
from scripts.benchmarks.figures import Figure, percentile
from scripts.benchmarks.living_house import LivingHouse
from scripts.proofs.processes import Exchange
from state.config import (
    CandleSettings,
    Config,
    FeedSettings,
    OrderSettings,
    RiskSettings,
    StrategySettings,
    TrendSettings,
)
from state.messages.market import TradePrinted
from state.messages.venue import CancelPlaced, OrderReport, Succeeded, VenueAnswer
from state.values import (
    ClientOrderId,
    Notional,
    OrderType,
    Pair,
    Price,
    Quantity,
    Session,
    Side,
    TimeInForce,
    TimeNs,
    VenueOrderId,
)

TRIALS = 1000
ORDERS = 8
"""Resting in each trial, one a pair."""
ROUND_TRIP_MS = 20.0
FLOOD_PER_S = 50_000
FIRST_MAX_MS = 50.0
ALL_MAX_MS = 500.0
_BATCH_S = 0.002
_UNSURE_MAX = 10
_TRIED_MIN = 20
"""A machine that is kept busy by others lets few orders through such a flood."""
_FLOWS_BEFORE_S = 0.5
"""So long the flood has flowed when the stop is asked for."""
_DECIDED_WITHIN_S = 6.0
"""What was proposed has expired by then."""
_BARS_MS = (1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000)

PAIRS = tuple(Pair(pair) for pair in CATALOGUE if pair.endswith("_USDT"))[:ORDERS]

CONFIG = Config(
    pairs=PAIRS,
    # Ten pairs' history would be read for half a minute, beside what is measured.
    candles=CandleSettings(kept=30, backfill=False),
    strategy=StrategySettings(trend=TrendSettings(entry_bps=1000.0)),
    orders=OrderSettings(reconcile_every_s=30.0),
    feed=FeedSettings(book_stale_after_s=60.0),
    risk=RiskSettings(
        price_band_bps=Decimal(5000),
        fat_finger_bps=Decimal(5000),
        position_notional_max=Decimal(100_000),
        exposure_notional_max=Decimal(1_000_000),
        orders_per_minute=6000,
        pair_orders_per_minute=6000,
        cancels_per_minute=6000,
        open_orders_max=1000,
        pair_open_orders_max=100,
    ),
)
"""The strategy never wants anything: what rests is what a trial has proposed."""


@dataclass
class _Trial:
    """When what happened, monotonic ns; 0 where it did not."""

    asked_ns: int = 0
    first_ns: int = 0
    last_ns: int = 0
    """When the last of as many cancels as orders rested passed the line; 0 where fewer did."""
    confirmed_ns: int = 0
    answered_ns: int = 0
    confirmed: int = 0
    orders: int = 0
    unsure: int = 0
    """How often the house could not say in time that nothing rests."""


class _Flood:
    """A thread that fills mailboxes at a steady rate, when it is told to."""

    def __init__(self, house: LivingHouse) -> None:
        self._house = house
        self._flows, self._ended = threading.Event(), threading.Event()
        self._began_s = self._flowed_s = 0.0
        self._due_from = 0
        self.sent = 0

    @contextlib.contextmanager
    def running(self) -> Iterator["_Flood"]:
        thread = threading.Thread(target=self._run, name="flood", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._flows.set()
            thread.join(5.0)

    @contextlib.contextmanager
    def flowing(self) -> Iterator[None]:
        """Flood, and begin to measure what is done meanwhile once it has flowed for a while."""
        self._began_s, self._due_from = time.monotonic(), self.sent
        self._flows.set()
        try:
            time.sleep(_FLOWS_BEFORE_S)
            yield
        finally:
            self._flows.clear()
            self._flowed_s += time.monotonic() - self._began_s

    @property
    def per_s(self) -> float:
        return self.sent / self._flowed_s

    def _run(self) -> None:
        tell, books = self._house.runtime.tell, self._house.books
        builders = [addresses.candle_builder(pair) for pair in PAIRS]
        trades = [_trade(pair, books[pair].bid) for pair in PAIRS]
        foreign = _foreign()
        while self._flows.wait() and not self._ended.is_set():
            # As many as are due by now: who was held up makes up for it.
            due = int((time.monotonic() - self._began_s) * FLOOD_PER_S)
            count = max(0, min(due - self.sent + self._due_from, FLOOD_PER_S // 10))
            for number in range(count):
                kind = number % 5
                at = number % ORDERS
                if kind < 2:
                    tell(builders[at], trades[at])
                elif kind < 4:
                    tell(addresses.ORDER_ROUTER, foreign)
                else:
                    tell(addresses.RISK_GUARD, books[PAIRS[at]])
            self.sent += count
            time.sleep(_BATCH_S)


def _trade(pair: Pair, price: float) -> TradePrinted:
    now_ns = TimeNs(time.time_ns())
    return TradePrinted(
        pair=pair, event_time_ns=now_ns, trade_id=1, price=price, quantity=0.001, taker=Side.BUY
    )


def _foreign() -> OrderReport:
    """What the private stream says of an order that somebody else placed."""
    return OrderReport(
        client_order_id=ClientOrderId("t-somebody"),
        venue_order_id=VenueOrderId("1"),
        pair=PAIRS[0],
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal(1),
        price=Price(Decimal(1)),
        filled_quantity=Quantity(Decimal(0)),
        filled_notional=Notional(Decimal(0)),
        open=True,
        finish_as="open",
        event_time_ns=TimeNs(time.time_ns()),
    )


def measure(trials: int = TRIALS) -> list[Figure]:
    """Measure so many stops; about a second each."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-stop-") as folder:
        options = ["--no-rate-limits"]
        pairs = ",".join(PAIRS)
        with (
            Exchange(Path(folder), pairs=pairs, options=options, keeps=False) as venue,
            LivingHouse(
                Path(folder) / "simulated", venue.port, CONFIG, delay_ms=ROUND_TRIP_MS / 2
            ) as house,
        ):
            house.until_ready()
            with _Flood(house).running() as flood:
                done = _trials(house, flood, trials)
                rate = flood.per_s
            dropped = sum(count.dropped for count in house.runtime.census())
            left = venue.control("status")["open_orders"]
    return _figures(done, rate, dropped, left)


def _trials(house: LivingHouse, flood: _Flood, count: int) -> list[_Trial]:
    """Return so many trials in which something rested: where nothing does there is none."""
    done: list[_Trial] = []
    for _ in range(max(2 * count, _TRIED_MIN)):
        trial = _trial(house, flood)
        if trial.orders:
            done.append(trial)
        if len(done) == count:
            return done
    raise AssertionError(f"nothing rests: {house.refusals}")


def _trial(house: LivingHouse, flood: _Flood) -> _Trial:
    trial, accepted, decided = _Trial(), house.events["OrderAccepted"], house.decided()

    def answered(answer: VenueAnswer, at_ns: int) -> None:
        request, outcome = answer.request, answer.outcome
        if isinstance(request, CancelPlaced) and isinstance(outcome, Succeeded):
            trial.confirmed += 1
            trial.confirmed_ns = at_ns

    house.exchange.on_answered = answered
    house.until(lambda: house.session is Session.READY, "it may trade")
    count = house.propose(PAIRS, TimeInForce.GTC)
    # What the house was too busy for expired before it was sent, or found no room in a mailbox.
    house.comes(lambda: house.decided() >= decided + count, _DECIDED_WITHIN_S)
    count = trial.orders = house.events["OrderAccepted"] - accepted
    if not count:
        return trial
    with flood.flowing():
        trial.asked_ns = time.monotonic_ns()
        answer = house.call("emergency_stop", reason="a trial")
        while answer["resting"] != 0:
            # Nobody could tell in time: asking again is harmless, and what counts is when it is so.
            trial.unsure += 1
            assert trial.unsure < _UNSURE_MAX, answer
            answer = house.call("emergency_stop", reason="a trial")
        trial.answered_ns = time.monotonic_ns()
    assert answer["session"] == "emergency", answer
    if trial.confirmed < count:
        # An answer was lost or came too late: that nothing rests is what confirms the cancel.
        trial.confirmed_ns = trial.answered_ns
    passed = house.line.passed["cancel"]
    until_s = time.monotonic() + 5
    while not any(at_ns >= trial.asked_ns for at_ns in passed[-count * 4 :]):
        assert time.monotonic() < until_s, "no cancel passed the line"
        time.sleep(0.001)
    sent = sorted(at_ns for at_ns in passed[-count * 4 :] if at_ns >= trial.asked_ns)
    trial.first_ns = sent[0]
    trial.last_ns = sent[count - 1] if len(sent) >= count else 0
    house.call("reset_emergency", reason="it was a trial")
    house.call("resume")
    return trial


def _figures(trials: list[_Trial], rate: float, dropped: int, left: int) -> list[Figure]:
    first = [(one.first_ns - one.asked_ns) / 1e6 for one in trials]
    every = [(one.confirmed_ns - one.asked_ns) / 1e6 for one in trials]
    last = [(one.last_ns - one.asked_ns) / 1e6 for one in trials if one.last_ns]
    clean = [(one.answered_ns - one.asked_ns) / 1e6 for one in trials]
    figures = [
        Figure("trials", len(trials), "", note=f"{ORDERS} orders are proposed in each"),
        Figure("orders resting when it was asked for", sum(one.orders for one in trials), ""),
        Figure(
            "flood",
            rate,
            "messages/s",
            target=f">= {FLOOD_PER_S:,}",
            met=rate >= FLOOD_PER_S * 0.98,
            note="into the mailboxes of router, guard and candle builders, around each stop",
        ),
    ]
    for name, values, most in (
        ("command to first cancel on the wire", first, FIRST_MAX_MS),
        ("command to last cancel on the wire", last, None),
        ("command to all cancels confirmed", every, ALL_MAX_MS),
        ("command to nothing of ours rests", clean, None),
    ):
        if not values:
            continue  # In no trial did as many cancels pass as orders rested.
        for share, label in ((0.5, "p50"), (0.99, "p99"), (1.0, "most")):
            value = percentile(values, share)
            is_judged = label == "p99" and most is not None
            figures.append(
                Figure(
                    f"{name}, {label}",
                    value,
                    "ms",
                    target=f"< {most:g} ms" if is_judged else "",
                    met=value < most if is_judged and most is not None else None,
                    note=_histogram(values) if label == "most" else "",
                )
            )
    return [
        *figures,
        Figure("answers that could not tell yet", sum(one.unsure for one in trials), ""),
        Figure("mail dropped", dropped, "messages"),
        Figure("orders left at the exchange", left, "", target="0", met=left == 0),
    ]


def _histogram(values: list[float]) -> str:
    """Return bars in words: how many took at most so long."""
    lines, before = [""], 0.0
    for most in (*_BARS_MS, float("inf")):
        count = sum(before < value <= most for value in values)
        if count:
            name = f"{before:g} to {most:g} ms" if most < float("inf") else f"over {before:g} ms"
            bar = "#" * max(1, round(60 * count / len(values)))
            lines.append(f"  {name:>16} {count:>5} {bar}")
        before = float(most)
    return "\n".join(lines)
