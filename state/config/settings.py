"""Every setting there is: its type, default, range, unit and meaning. Pure.

A setting's place in the file is its place here: `Config.risk.order_notional_max` is the key
`order_notional_max` of the table `[risk]`, the variable `GATEHOUSE_RISK__ORDER_NOTIONAL_MAX`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from state.config.advisor import AdvisorSettings
from state.config.candles import CandleSettings, HistorySettings
from state.config.cover import CoverSettings
from state.config.decision import DecisionSettings
from state.config.limits import ProtectionSettings, RiskSettings
from state.config.meaning import setting as _is
from state.config.measures import FlowSettings, LatencySettings, ValidationSettings
from state.config.recording import RecordingSettings
from state.config.secret import Secret
from state.config.technical import TechnicalSettings
from state.messages.market import Timeframe
from state.values import Currency, Pair, Venue, quote_of


class LogLevel(StrEnum):
    """How much is said; each level includes those below it."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class LogFormat(StrEnum):
    """For whom the log is written."""

    HUMAN = "human"
    JSON = "json"


class OrdersAtShutdown(StrEnum):
    """What becomes of resting orders when the house goes down in good order."""

    CANCEL = "cancel"
    LEAVE = "leave"


class LogSettings(Struct, frozen=True, kw_only=True):
    """What is logged, and how much disk it may take."""

    level: Annotated[LogLevel, _is("The least severe level that is written.")] = LogLevel.INFO
    format: Annotated[
        LogFormat, _is("`human` for a terminal, `json` for a machine, one object a line.")
    ] = LogFormat.HUMAN
    file_size_mb: Annotated[
        int, _is("A log file is rotated at this size.", unit="MB", low=1, high=1000)
    ] = 10
    files_kept: Annotated[
        int,
        _is("Rotated files kept; with the size it caps the disk.", unit="files", low=1, high=100),
    ] = 5


class TrendSettings(Struct, frozen=True, kw_only=True):
    """The trend strategy: a fast average of closes crosses a slow one, and the book agrees."""

    timeframe: Annotated[Timeframe, _is("Length of the candles it reads.")] = Timeframe.S1
    fast_window: Annotated[
        int, _is("Candles in the fast average.", unit="candles", low=1, high=1000)
    ] = 3
    slow_window: Annotated[
        int,
        _is(
            "Candles in the slow average; more than in the fast.", unit="candles", low=2, high=5000
        ),
    ] = 12
    entry_bps: Annotated[
        float,
        _is("Least distance of the averages to enter on.", unit="bps", low=0, high=1000),
    ] = 0.3
    imbalance_min: Annotated[
        float,
        _is(
            "Least queue imbalance towards the trade's side for the book to agree.",
            unit="as a share",
            low=0,
            high=1,
        ),
    ] = 0.1
    order_notional: Annotated[
        Decimal,
        _is("What one entry is worth before limits.", unit="quote units", low=0, high="1e9"),
    ] = Decimal(200)
    order_ttl_s: Annotated[
        float,
        _is("An entry that rests longer is cancelled.", unit="s", low="0.1", high=86_400),
    ] = 5.0
    slippage_bps: Annotated[
        Decimal,
        _is("How far below the best bid an exit may sell.", unit="bps", low=0, high=500),
    ] = Decimal(20)
    proposal_ttl_s: Annotated[
        float,
        _is("A proposal not on the wire by then is dropped.", unit="s", low="0.05", high=60),
    ] = 2.0


class StrategySettings(Struct, frozen=True, kw_only=True):
    """How traders decide."""

    trend: TrendSettings = TrendSettings()


class BookChannel(StrEnum):
    """By which of Gate's channels a book is followed."""

    ORDER_BOOK_UPDATE = "order_book_update"
    """A snapshot over REST and numbered changes of the best 100 levels."""
    OBU = "obu"
    """A whole book over the stream and numbered changes of the best 50 or 400 levels."""


class ObuIds(StrEnum):
    """Whose numbers the updates of `obu` carry."""

    REST = "rest"
    OWN = "own"


class FeedSettings(Struct, frozen=True, kw_only=True):
    """How market data is followed, and when it counts as old."""

    book_channel: Annotated[
        BookChannel,
        _is("The exchange's channel of book changes: `order_book_update` or `obu`."),
    ] = BookChannel.ORDER_BOOK_UPDATE
    obu_ids: Annotated[
        ObuIds,
        _is(
            "Whether `obu` numbers a book's updates like REST or has its own numbers, which no "
            "source settles: `rest` or `own`. With its own, books of `obu` are never compared."
        ),
    ] = ObuIds.REST
    compare_every_s: Annotated[
        float,
        _is(
            "How often the best levels of a book are compared with a snapshot of the exchange.",
            unit="s",
            low=1,
            high=3600,
        ),
    ] = 30.0
    book_depth: Annotated[
        int,
        _is("Levels of each side asked and kept.", unit="levels", low=20, high=100),
    ] = 100
    book_stale_after_s: Annotated[
        float,
        _is(
            "A book that did not change for so long is stale, and nobody trades on it.",
            unit="s",
            low="0.1",
            high=600,
        ),
    ] = 5.0
    together_max: Annotated[
        int,
        _is(
            "Changes of a book that wait together are passed on as one, so many at most; 1 never.",
            unit="changes",
            low=1,
            high=1000,
        ),
    ] = 64
    trades_stale_after_s: Annotated[
        float,
        _is("Silence of the trade stream that is reported.", unit="s", low=1, high=86_400),
    ] = 120.0
    depth_bps: Annotated[
        float,
        _is("Depth of the book is measured so far from the mid.", unit="bps", low="0.1", high=1000),
    ] = 10.0


class SupervisionSettings(Struct, frozen=True, kw_only=True):
    """How actors are run and watched."""

    workers: Annotated[
        int, _is("Threads that step the pooled actors.", unit="threads", low=1, high=64)
    ] = 2
    hang_limit_s: Annotated[
        float,
        _is(
            "A pooled actor busy with one message for so long is hung.",
            unit="s",
            low="0.05",
            high=600,
        ),
    ] = 1.0
    hang_limit_thread_s: Annotated[
        float,
        _is("The same for an actor with a thread of its own.", unit="s", low="0.05", high=3600),
    ] = 5.0
    snapshot_every_s: Annotated[
        float, _is("How often an actor's state is saved.", unit="s", low="0.1", high=3600)
    ] = 5.0
    zombies_per_hour_max: Annotated[
        int,
        _is(
            "Hung threads within an hour beyond which the process ends in good order.",
            unit="threads",
            low=0,
            high=100,
        ),
    ] = 3
    zombies_max: Annotated[
        int,
        _is(
            "Hung threads in all beyond which the process ends in good order.",
            unit="threads",
            low=0,
            high=1000,
        ),
    ] = 10


class OrderSettings(Struct, frozen=True, kw_only=True):
    """The windows of the order protocol."""

    expiry_s: Annotated[
        float,
        _is(
            "The exchange itself refuses a placement that arrives later.",
            unit="s",
            low="0.5",
            high=60,
        ),
    ] = 5.0
    visibility_lag_s: Annotated[
        float,
        _is(
            "After the expiry, how long an order may still be invisible to a query. Only later "
            "does `not found` prove that it was never placed.",
            unit="s",
            low=0,
            high=300,
        ),
    ] = 3.0
    clock_skew_max_s: Annotated[
        float,
        _is(
            "Most that our clock may differ from the exchange's; added to the visibility lag.",
            unit="s",
            low=0,
            high=60,
        ),
    ] = 1.0
    query_every_s: Annotated[
        float,
        _is("How often an order of unknown fate is asked for.", unit="s", low="0.05", high=60),
    ] = 1.0
    reconcile_every_s: Annotated[
        float,
        _is(
            "How often orders, fills and balances are compared with the exchange.",
            unit="s",
            low=1,
            high=3600,
        ),
    ] = 60.0
    countdown_s: Annotated[
        int,
        _is(
            "The exchange cancels what rests when it heard nothing from us for so long; 0 never.",
            unit="s",
            low=0,
            high=600,
        ),
    ] = 30


class ShutdownSettings(Struct, frozen=True, kw_only=True):
    """How the house goes down when it is asked to."""

    orders: Annotated[
        OrdersAtShutdown, _is("What becomes of resting orders: `cancel` them or `leave` them.")
    ] = OrdersAtShutdown.CANCEL
    deadline_s: Annotated[
        float, _is("After so long the process ends as it is.", unit="s", low=1, high=300)
    ] = 10.0


class PositionsInEmergency(StrEnum):
    """What becomes of positions in an emergency stop."""

    KEEP = "keep"
    FLATTEN = "flatten"


class EmergencySettings(Struct, frozen=True, kw_only=True):
    """What an emergency stop does beside cancelling everything and letting nothing leave."""

    positions: Annotated[
        PositionsInEmergency,
        _is(
            "What becomes of positions: `keep` them, or `flatten` them by sales that alone may "
            "leave."
        ),
    ] = PositionsInEmergency.KEEP


class WatchdogMode(StrEnum):
    """Whether a house has a watchdog."""

    ON = "on"
    OFF = "off"


class AfterKill(StrEnum):
    """What a house that was killed does when it is started again."""

    GO_ON = "go_on"
    STAY_STOPPED = "stay_stopped"


class WatchdogSettings(Struct, frozen=True, kw_only=True):
    """The process beside the house that cancels its orders when the house cannot."""

    mode: Annotated[WatchdogMode, _is("Whether the house starts it: `on` or `off`.")] = (
        WatchdogMode.ON
    )
    silence_s: Annotated[
        float,
        _is(
            "A house from which no sign of life came for so long is killed and its orders are "
            "cancelled.",
            unit="s",
            low=2,
            high=600,
        ),
    ] = 10.0
    grace_s: Annotated[
        float,
        _is(
            "The orders of a house that is gone are cancelled when no other one has taken its "
            "place within so long.",
            unit="s",
            low=0,
            high=600,
        ),
    ] = 5.0
    give_up_s: Annotated[
        float,
        _is(
            "An exchange that cannot be reached is tried for so long.",
            unit="s",
            low=1,
            high=3600,
        ),
    ] = 60.0
    after_kill: Annotated[
        AfterKill,
        _is(
            "What a house that it had to kill does when it is started again: `go_on`, or "
            "`stay_stopped` as after an emergency stop."
        ),
    ] = AfterKill.GO_ON


class Secrets(Struct, frozen=True, kw_only=True):
    """Only from the environment: `GATE_API_KEY` or a file of mode 0600 in `GATE_API_KEY_FILE`."""

    gate_api_key: Annotated[Secret | None, _is("Gate's API key. No withdrawal permission.")] = None
    gate_api_secret: Annotated[Secret | None, _is("The secret that belongs to that key.")] = None
    nebius_api_key: Annotated[Secret | None, _is("Key of the language model service.")] = None
    nebius_api_key_next: Annotated[
        Secret | None, _is("Its successor: tried once the first key is refused.")
    ] = None


class Config(Struct, frozen=True, kw_only=True):
    """Everything that can be set, decoded and checked once at the start."""

    venue: Annotated[
        Venue, _is("Where orders go: our own simulated exchange, Gate's testnet, or Gate.")
    ] = Venue.SIMULATED
    pairs: Annotated[
        tuple[Pair, ...],
        _is(
            "Pairs to trade, all quoted in one currency: equity and limits are counted in it.",
            pattern=r"[A-Z0-9]{1,20}_[A-Z0-9]{1,20}",
            expects="pairs in capitals, such as BTC_USDT",
        ),
    ] = (Pair("BTC_USDT"), Pair("ETH_USDT"))
    data_dir: Annotated[
        str, _is("Folder of all that is kept, one folder in it for each venue.")
    ] = "var"
    exchange_url: Annotated[
        str | None,
        _is(
            "Address of the exchange's REST interface. Not set: the venue's own, or for the "
            "simulated venue an exchange that is started with the house.",
            pattern=r"https?://[^\s/@?#]+(/[^\s?#]*)?",
            expects="http://HOST:PORT or https://HOST, without user, query or fragment",
        ),
    ] = None
    stream_urls: Annotated[
        tuple[str, ...],
        _is(
            "More WebSocket addresses of the same exchange, tried in this order when one fails.",
            pattern=r"wss?://[^\s/@?#]+/[^\s?#]*",
            expects="addresses such as wss://HOST/ws/v4/, without user, query or fragment",
        ),
    ] = ()
    dashboard: Annotated[
        str,
        _is(
            "Where the web page listens.",
            pattern=r"off|(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):[0-9]{1,5}",
            expects="HOST:PORT or off",
        ),
    ] = "127.0.0.1:8787"
    duration_s: Annotated[
        float | None,
        _is(
            "Stop by itself after so long. Not set: run until told.",
            unit="s",
            low="0.1",
            high="1e9",
        ),
    ] = None
    seed: Annotated[int, _is("Seed of everything random.", low=0, high=2**32 - 1)] = 1
    log: LogSettings = LogSettings()
    risk: RiskSettings = RiskSettings()
    protection: CoverSettings = CoverSettings()
    protections: ProtectionSettings = ProtectionSettings()
    strategy: StrategySettings = StrategySettings()
    decision: DecisionSettings = DecisionSettings()
    feed: FeedSettings = FeedSettings()
    flow: FlowSettings = FlowSettings()
    latency: LatencySettings = LatencySettings()
    candles: CandleSettings = CandleSettings()
    technical: TechnicalSettings = TechnicalSettings()
    history: HistorySettings = HistorySettings()
    validation: ValidationSettings = ValidationSettings()
    recording: RecordingSettings = RecordingSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    orders: OrderSettings = OrderSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    emergency: EmergencySettings = EmergencySettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    advisor: AdvisorSettings = AdvisorSettings()
    secrets: Secrets = Secrets()

    @property
    def quote(self) -> Currency:
        """The one currency that all pairs are quoted in, and equity and limits are counted in."""
        return quote_of(self.pairs[0])
