"""What a decision costs: from an opinion and a book to the proposal, through the very trader."""

import time
from decimal import Decimal

from actors import addresses
from actors.kernel.virtual import Policy, VirtualRuntime
from adapters.halt_latch import Latch
from scripts.benchmarks.figures import Figure, share_of
from state.config import Config
from state.instrument import TradingRules
from state.messages.accounts import EquityMarked, PositionChanged
from state.messages.held import OrdersHeld, RulesKnown
from state.messages.market import BookMeasured
from state.messages.operations import SessionState
from state.messages.orders import DecisionDropped, OrderProposed, Refusal
from state.messages.signals import Opinion, Reason
from state.values import NS_PER_S, ZERO, Currency, Pair, Session, TimeNs
from supervisor.replay.player import Mute
from supervisor.tree import recorded_births

TIMES = 2_000
DECIDING_US = 100.0
SOURCES = ("technical", "microstructure", "advisor", "sentiment")
_NOW = TimeNs(1_790_000_000 * NS_PER_S)
_PAIR = Pair("BTC_USDT")
_TRADER = addresses.trader(_PAIR)


def measure_deciding() -> list[Figure]:
    """Measure a decision; a second."""
    bench = _Bench()
    times = [bench.decide(number) for number in range(TIMES)]
    name = f"opinion to proposal, {len(SOURCES)} sources"
    return [
        share_of(f"{name}, p50", times, 0.50, DECIDING_US),
        share_of(f"{name}, p99", times, 0.99, None),
    ]


class _Bench:
    """A trader that knows all it needs, and nobody else."""

    def __init__(self) -> None:
        self._proposed: OrderProposed | None = None
        self._runtime = VirtualRuntime(seed=0, policy=Policy.FIFO)
        self._runtime.probe = self
        births = recorded_births(Config(), Mute(), Latch(), "1")
        self._runtime.spawn(_TRADER, births[_TRADER], parent=None)
        self._runtime.settle()
        self._tell(SessionState(session=Session.READY, reason="", since_ns=_NOW))
        self._tell(RulesKnown(pair=_PAIR, rules=_rules()))
        self._tell(_flat())
        self._tell(OrdersHeld(pair=_PAIR, orders=(), request=1))
        self._tell(_equity())
        self._runtime.settle()

    def decide(self, number: int) -> float:
        """Return the microseconds from an opinion to the proposal it leads to."""
        now_ns = TimeNs(_NOW + number * NS_PER_S // 4)
        for source in SOURCES[1:]:
            self._tell(_opinion(source, now_ns))
        self._runtime.settle()
        opinion, book = _opinion(SOURCES[0], now_ns), _book(now_ns)
        began = time.perf_counter_ns()
        self._tell(opinion)
        self._tell(book)
        self._runtime.settle()
        took_us = (time.perf_counter_ns() - began) / 1000
        proposed, self._proposed = self._proposed, None
        assert proposed is not None, "measured is the whole way"
        dropped = DecisionDropped(
            decision_id=proposed.decision_id,
            pair=_PAIR,
            refusal=Refusal(code="MEASURED", limit="", value=""),
        )
        self._tell(dropped)
        self._runtime.settle()
        return took_us

    def _tell(self, message: object) -> None:
        self._runtime.tell(_TRADER, message)

    def before(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.before`."""

    def sending(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.sending`."""
        if isinstance(message, OrderProposed):
            self._proposed = message

    def after(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.after`."""


def _opinion(source: str, now_ns: TimeNs) -> Opinion:
    return Opinion(
        source=source,
        pair=_PAIR,
        direction=0.8,
        confidence=0.6,
        horizon_s=300.0,
        invalidation=49_000.0,
        reasons=(Reason(says="it rises", refers="trend"),) * 3,
        as_of_ns=now_ns,
        expires_at_ns=TimeNs(now_ns + 60 * NS_PER_S),
    )


def _book(now_ns: TimeNs) -> BookMeasured:
    return BookMeasured(
        pair=_PAIR,
        event_time_ns=now_ns,
        sequence=1,
        bid=49_999.9,
        bid_size=1.0,
        ask=50_000.1,
        ask_size=2.0,
        mid=50_000.0,
        weighted_mid=50_000.0,
        spread_bps=0.04,
        imbalance=0.3,
        bid_depth=250_000.0,
        ask_depth=310_000.0,
        depth_bps=10.0,
    )


def _rules() -> TradingRules:
    return TradingRules(
        pair=_PAIR,
        base=Currency("BTC"),
        quote=Currency("USDT"),
        price_decimals=1,
        quantity_decimals=6,
    )


def _flat() -> PositionChanged:
    return PositionChanged(
        pair=_PAIR, quantity=ZERO, average_entry=ZERO, realised=ZERO, fees=ZERO, at_ns=_NOW
    )


def _equity() -> EquityMarked:
    worth = Decimal(100_000)
    return EquityMarked(
        at_ns=_NOW,
        currency=Currency("USDT"),
        equity=worth,
        start=worth,
        flows=ZERO,
        realised=ZERO,
        unrealised=ZERO,
        fees=ZERO,
    )
