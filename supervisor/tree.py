"""The whole house on one page, in start order; it is stopped in the reverse.

    root                      rest for one: who comes later stands on who came earlier
    ├── operations            recorder, session keeper, health monitor, admin, historian
    ├── execution             order router, trigger keeper, account stream, workers: one a parent
    ├── accounts              ledger keeper
    ├── market                one supervisor a pair: feed, book and flow analyzer, candle builder
    ├── opinions              advisor, one supervisor a pair: technical analyst
    └── trading               risk guard, one supervisor a pair: protection, trader

Each group of one kind has its own restart budget, so that a noisy feed cannot use up the order
router's. A group that exceeds it gives up, and the root restarts it with all that stand on it.
Restarts until the root itself gives up: the group's intensity times the root's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from actors import addresses
from actors.accounts.ledger_keeper import LedgerKeeper
from actors.execution.account_stream import AccountStream
from actors.execution.order_router import OrderRouter
from actors.execution.order_worker import OrderWorker
from actors.execution.trigger_keeper import TriggerKeeper
from actors.kernel import Birthright, LanePolicy, WhenFull
from actors.market.book_analyzer import BookAnalyzer
from actors.market.candle_builder import CandleBuilder
from actors.market.feed import Feed
from actors.market.flow_analyzer import FlowAnalyzer
from actors.operations.admin import Admin
from actors.operations.health_monitor import HealthMonitor
from actors.operations.historian import Historian
from actors.operations.recorder import Recorder
from actors.operations.session_keeper import SessionKeeper
from actors.opinions.advisor import Advisor
from actors.opinions.technical_analyst import TechnicalAnalyst
from actors.trading.protection import Protector
from actors.trading.risk_guard import RiskGuard
from actors.trading.trader import Trader
from adapters.ports import Exchange, HaltLatch
from state.config import Config
from state.messages.market import BookMeasured
from state.values import DecisionId, Pair
from supervisor.backoff import Backoff
from supervisor.child_spec import (
    Boot,
    ChildSpec,
    Parking,
    Restart,
    Strategy,
    SupervisorSpec,
    worker,
)
from supervisor.management import StartChild
from supervisor.supervisor import Supervisor, supervisor
from supervisor.worlds import World

ROOT = "root"
MONEY_MAIL = LanePolicy(limit=100_000)
"""Mail about orders and money is never refused for want of room in a sane world."""
BOOK_MAIL = LanePolicy(limit=20_000)
_STRATEGY_PARKING = Parking(intensity=5, period_s=60.0)
"""A strategy that fails again and again is left alone; positions stay protected without it."""
_OUTSIDE = Backoff(min_s=0.1, max_s=10.0, reset_after_s=5.0)
"""For what the outside world may have broken."""


def _newest_book(message: object) -> Pair | None:
    return message.pair if isinstance(message, BookMeasured) else None


MEASURES_MAIL = LanePolicy(WhenFull.CONFLATE, limit=100_000, key=_newest_book)
"""Of a pair's measures only the newest is worth reading; everything else is kept."""
TRADER_MAIL = LanePolicy(WhenFull.CONFLATE, limit=10_000, key=_newest_book)
"""One that is parked reads nothing for hours, and begins anew when it is woken."""
FLOW_MAIL = LanePolicy(WhenFull.CONFLATE, limit=20_000, key=_newest_book)
"""The same; of trades that flood a pair nobody needs more than so many."""


@dataclass(frozen=True)
class Plot:
    """What the tree is planted on."""

    config: Config
    world: World


def root(config: Config, world: World) -> Birthright:
    """Return the birthright of the root supervisor."""
    plot = Plot(config, world)
    spec = SupervisorSpec(
        strategy=Strategy.REST_FOR_ONE,
        intensity=3,
        period_s=60,
        children=(
            supervisor("operations", _operations(plot)),
            supervisor("execution", _execution(plot)),
            supervisor("accounts", _accounts(plot)),
            supervisor("market", _market(plot)),
            supervisor("opinions", _opinions(plot)),
            supervisor("trading", _trading(plot)),
        ),
    )
    return Birthright(make=Supervisor, args=(spec, ""), snapshot_every_s=None)


def static_addresses(config: Config) -> list[str]:
    """Return the address of every actor that the tree may hold, supervisors left out."""
    pairs = [make(pair) for pair in config.pairs for make in addresses.OF_PAIR]
    return [*addresses.SINGLE, *pairs]


def _operations(plot: Plot) -> SupervisorSpec:
    config, world = plot.config, plot.world
    children = [
        # What cannot be opened at boot, nobody here can mend: strict.
        _own(plot, "recorder", Recorder, world.open_store, data=MONEY_MAIL, stop_s=5.0),
        _pooled(
            plot,
            "session_keeper",
            SessionKeeper,
            world.latch,
            config.quote,
            config.pairs,
            config.emergency.positions,
        ),
        _pooled(
            plot,
            "health_monitor",
            HealthMonitor,
            world.meter,
            world.exchange,
            config.orders.clock_skew_max_s,
            config.latency,
        ),
    ]
    if world.desk is not None:
        children.append(_own(plot, "admin", Admin, world.desk, data=MEASURES_MAIL))
    if world.open_history is not None:
        children.append(
            _pooled(
                plot,
                "historian",
                Historian,
                world.open_history,
                config.history,
                dispatcher="thread",
                # A slow disk holds up nobody but it.
                hang_s=60.0,
                data=BOOK_MAIL,
                stop_s=5.0,
            )
        )
    return SupervisorSpec(intensity=10, period_s=60, children=tuple(children))


def _execution(plot: Plot) -> SupervisorSpec:
    config, world = plot.config, plot.world
    settings = {
        "account": world.account_name,
        "quote": config.quote,
        "at_shutdown": config.shutdown.orders,
        "start_worker": _start_worker,
    }
    router = _pooled(
        plot,
        "order_router",
        OrderRouter,
        world.exchange,
        world.latch,
        config.orders,
        kwargs=settings,
        data=MONEY_MAIL,
        stop_s=6.0,
    )
    triggers = _pooled(
        plot,
        "trigger_keeper",
        TriggerKeeper,
        world.exchange,
        world.latch,
        config.orders,
        kwargs={
            "account": world.account_name,
            "quote": config.quote,
            "pairs": config.pairs,
        },
        data=MONEY_MAIL,
    )
    stream = _pooled(plot, "account_stream", AccountStream, world.account, backoff=_OUTSIDE)
    workers = supervisor("workers", _workers(plot))
    children = (router, triggers, stream, workers)
    return SupervisorSpec(intensity=10, period_s=60, boot=Boot.RETRY, children=children)


def _workers(plot: Plot) -> SupervisorSpec:
    def template(id_: str, decision: DecisionId) -> ChildSpec:
        return _pooled(
            plot,
            id_,
            OrderWorker,
            decision,
            restart=Restart.TRANSIENT,
            backoff=Backoff(min_s=0.1, max_s=5.0, reset_after_s=5.0),
            data=MEASURES_MAIL,
        )

    return SupervisorSpec(intensity=20, period_s=60, template=template)


def _start_worker(id_: str, decision: DecisionId) -> StartChild:
    return StartChild(args=(id_, decision))


def _accounts(plot: Plot) -> SupervisorSpec:
    config, world = plot.config, plot.world
    keeper = _pooled(
        plot,
        "ledger_keeper",
        LedgerKeeper,
        world.exchange,
        config.quote,
        config.orders.reconcile_every_s,
        config.pairs,
        data=MEASURES_MAIL,
    )
    return SupervisorSpec(intensity=10, period_s=60, children=(keeper,))


def _market(plot: Plot) -> SupervisorSpec:
    pairs = _each_pair(plot, _pair_market)
    return SupervisorSpec(intensity=10, period_s=60, boot=Boot.RETRY, children=pairs)


def _pair_market(plot: Plot, pair: Pair) -> SupervisorSpec:
    config, world = plot.config, plot.world
    feed_args = (pair, world.market, world.exchange, config.feed, config.validation)
    book_args = (
        pair,
        config.feed.depth_bps,
        config.feed.book_depth,
        config.flow,
        config.latency.told_every_s,
    )
    return SupervisorSpec(
        intensity=10,
        period_s=60,
        boot=Boot.RETRY,
        children=(
            _pooled(plot, "feed", Feed, *feed_args, backoff=_OUTSIDE, data=BOOK_MAIL),
            _pooled(plot, "book_analyzer", BookAnalyzer, *book_args, data=BOOK_MAIL),
            _pooled(plot, "flow_analyzer", FlowAnalyzer, pair, config.flow, data=FLOW_MAIL),
            _pooled(plot, "candle_builder", CandleBuilder, pair, world.exchange, config.candles),
        ),
    )


def _opinions(plot: Plot) -> SupervisorSpec:
    config, world = plot.config, plot.world
    advisor = _pooled(
        plot,
        "advisor",
        Advisor,
        world.chat,
        config.advisor,
        config.pairs,
        world.process,
        data=MEASURES_MAIL,
    )
    pairs = _each_pair(plot, _pair_opinions)
    return SupervisorSpec(intensity=10, period_s=60, boot=Boot.RETRY, children=(advisor, *pairs))


def _pair_opinions(plot: Plot, pair: Pair) -> SupervisorSpec:
    config = plot.config
    given = (pair, config.candles.kept, config.technical)
    # What it reads is a minute old at best, and its history takes a second of computing.
    settings = {"dispatcher": "background"}
    analyst = _pooled(plot, "technical_analyst", TechnicalAnalyst, *given, **settings)
    return SupervisorSpec(intensity=10, period_s=60, boot=Boot.RETRY, children=(analyst,))


def _trading(plot: Plot) -> SupervisorSpec:
    config, world = plot.config, plot.world
    guard = _guard(config, world.exchange, world.latch)
    traders = _each_pair(plot, _pair_trading)
    return SupervisorSpec(intensity=10, period_s=60, boot=Boot.RETRY, children=(guard, *traders))


def _pair_trading(plot: Plot, pair: Pair) -> SupervisorSpec:
    config = plot.config
    # First, so that nothing is ever bought that nobody protects.
    protector = _pooled(
        plot,
        "protection",
        Protector,
        pair,
        config.protection,
        plot.world.process,
        config.feed.book_stale_after_s,
        data=MEASURES_MAIL,
    )
    trader = _trader(config, pair, plot.world.process)
    return SupervisorSpec(intensity=10, period_s=60, boot=Boot.RETRY, children=(protector, trader))


def _each_pair(plot: Plot, spec: Callable[[Plot, Pair], SupervisorSpec]) -> tuple[ChildSpec, ...]:
    # One after the other, fifty pairs on a busy machine would not end within ten seconds.
    return tuple(
        supervisor(pair, spec(plot, pair), stops_with_neighbours=True) for pair in plot.config.pairs
    )


def recorded_births(
    config: Config, exchange: Exchange, latch: HaltLatch, process: str
) -> dict[str, Birthright]:
    """Return how each actor is born whose life is recorded, by address."""
    births = {addresses.RISK_GUARD: _guard(config, exchange, latch).birth}
    for pair in config.pairs:
        births[addresses.trader(pair)] = _trader(config, pair, process).birth
    return births


def _guard(config: Config, exchange: Exchange, latch: HaltLatch) -> ChildSpec:
    return _spec(
        config,
        "risk_guard",
        RiskGuard,
        exchange,
        latch,
        config.risk,
        config.protections,
        kwargs={"pairs": config.pairs, "stale_after_s": config.feed.book_stale_after_s},
        data=MEASURES_MAIL,
        recorded=True,
    )


def _trader(config: Config, pair: Pair, process: str) -> ChildSpec:
    return _spec(
        config,
        "trader",
        Trader,
        pair,
        config.strategy.trend,
        config.decision,
        config.protection.stop_bps,
        process,
        config.latency.told_every_s,
        backoff=Backoff(min_s=0.1, max_s=30.0, reset_after_s=10.0),
        data=TRADER_MAIL,
        parking=_STRATEGY_PARKING,
        recorded=True,
    )


def _pooled(plot: Plot, id_: str, make: type, *args: object, **settings: object) -> ChildSpec:
    return _spec(plot.config, id_, make, *args, **settings)


def _spec(config: Config, id_: str, make: type, *args: object, **settings: object) -> ChildSpec:
    supervision = config.supervision
    settings.setdefault("hang_s", supervision.hang_limit_s)
    settings.setdefault("snapshot_every_s", supervision.snapshot_every_s)
    return worker(id_, make, *args, **settings)


def _own(plot: Plot, id_: str, make: type, *args: object, **settings: object) -> ChildSpec:
    hang_s = plot.config.supervision.hang_limit_thread_s
    return _pooled(plot, id_, make, *args, dispatcher="thread", hang_s=hang_s, **settings)
