"""What the market says, from the exchange's wire to measures.

Prices and sizes here are float64 parsed from the exchange's decimal strings: they are looked at,
never paid. `Decimal(repr(price))` gives the exchange's decimal back.
"""

from enum import StrEnum

from msgspec import Struct

from state.values import Pair, Side, TimeNs

Level = tuple[float, float]
"""(price in quote units, absolute size in base units); size 0 removes the level."""


class MarketFact(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """What every market fact carries; none holds a cycle that the collector would have to find."""

    pair: Pair
    event_time_ns: TimeNs
    """When it happened, by the exchange's clock."""
    seen_time_ns: TimeNs = TimeNs(0)
    """When its bytes reached us, by our clock; 0 where nobody measured."""


class BookSnapshot(MarketFact, frozen=True, kw_only=True):
    """The whole book as of update `last_id`; each side best level first."""

    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookDelta(MarketFact, frozen=True, kw_only=True):
    """Levels changed by updates `first_id` to `last_id`; may be empty and still move the id."""

    first_id: int
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    full: bool = False
    """True when it replaces the whole book and needs no snapshot."""
    decoded_time_ns: TimeNs = TimeNs(0)
    """When its bytes had become this, by our clock; 0 where nobody measured."""


class TradePrinted(MarketFact, frozen=True, kw_only=True):
    """One public trade."""

    trade_id: int
    price: float
    quantity: float
    taker: Side | None
    """None where the exchange does not tell."""


class TickerSeen(MarketFact, frozen=True, kw_only=True):
    """The exchange's own summary of a pair."""

    last: float
    bid: float
    ask: float
    base_volume_24h: float
    quote_volume_24h: float
    change_24h: float
    """Percent."""


class Timeframe(StrEnum):
    """Length of a candle, in Gate's spelling."""

    S1 = "1s"
    S10 = "10s"
    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        unit = {"s": 1, "m": 60, "h": 3600, "d": 86_400}[self.value[-1]]
        return int(self.value[:-1]) * unit


class CandleSeen(MarketFact, frozen=True, kw_only=True):
    """The exchange's own candle, open until `closed`; the check on those we build."""

    timeframe: Timeframe
    open_time_ns: TimeNs
    open: float
    high: float
    low: float
    close: float
    base_volume: float
    quote_volume: float
    closed: bool


class CandleSource(StrEnum):
    """Who says what a closed candle holds."""

    TRADES = "trades"
    """Built here, trade by trade, or rolled up from such."""
    EXCHANGE = "exchange"
    """The exchange's own candle."""
    MIXED = "mixed"
    """Rolled up here, with at least one of the exchange's own in it."""


class CandleClosed(MarketFact, frozen=True, kw_only=True):
    """A closed candle. One that changes afterwards is told again with a higher `revision`.

    It covers [open_time_ns, open_time_ns + timeframe), opened at exact UTC multiples.
    """

    timeframe: Timeframe
    open_time_ns: TimeNs
    open: float
    high: float
    low: float
    close: float
    base_volume: float
    quote_volume: float
    trades: int
    """Trades counted; 0 means nothing traded and the candle repeats the last close, -1 that
    something traded and nobody counted how often."""
    missing: bool = False
    """True: nobody knows what happened in it. It repeats the last close to mark the place; an
    indicator leaves it out or begins anew."""
    revision: int = 0
    """How often it changed after it was first told."""
    source: CandleSource = CandleSource.TRADES


class CandleRevised(Struct, frozen=True, kw_only=True, tag=True):
    """A closed candle turned out to be otherwise: the exchange's own word is taken."""

    pair: Pair
    before: CandleClosed
    after: CandleClosed
    at_ns: TimeNs


class CandleCounts(Struct, frozen=True, kw_only=True):
    """What happened to the candles of one pair since their builder began to live."""

    checked: int = 0
    """Closed candles of ours that were compared with the exchange's own."""
    revised: int = 0
    """Those that changed, larger ones of which they are a part counted too."""
    filled: int = 0
    """Candles taken from the exchange because they were not watched."""
    missing: int = 0
    """Candles that nobody knows."""


class CandlesCounted(Struct, frozen=True, kw_only=True, tag=True):
    """Published by a candle builder when one of its counts has grown."""

    pair: Pair
    counts: CandleCounts


class HistoryWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To a pair's candle builder: tell me the newest closed candles of a timeframe."""

    pair: Pair
    timeframe: Timeframe
    bars: int
    """At most so many; fewer come where fewer are kept or were ever traded."""
    reply_to: str


class HistoryGiven(Struct, frozen=True, kw_only=True, tag=True):
    """The newest closed candles of a timeframe, oldest first, none left out in between.

    Told in answer to `HistoryWanted`. Published as well, all that are kept, when candles came that
    had not been told while they closed: at the start and after a lost stream. Whoever follows
    `CandleClosed` begins anew from it.
    """

    pair: Pair
    timeframe: Timeframe
    candles: tuple[CandleClosed, ...]
    ready: bool = True
    """False: the history is not filled up to now; ask later, or wait until it is published."""


class StreamOpened(Struct, frozen=True, kw_only=True, tag=True):
    """A subscription is live from here on; whatever came before it may be missing."""

    pair: Pair | None = None
    """The pair it serves, or None for the account stream."""


class StreamLost(Struct, frozen=True, kw_only=True, tag=True):
    """A subscription is dead; the adapter is reconnecting by itself."""

    reason: str
    pair: Pair | None = None


class BookReset(Struct, frozen=True, kw_only=True, tag=True):
    """Feed to book analyzer: begin again from this snapshot and the changes since."""

    snapshot: BookSnapshot
    since: tuple[BookDelta, ...] = ()
    polled: bool = False
    """Fetched in place of a stream that is down: no changes follow, only the next snapshot."""


class BookChanged(Struct, frozen=True, kw_only=True, tag=True):
    """Feed to book analyzer: the next verified change after the last one told."""

    delta: BookDelta
    fed_time_ns: TimeNs = TimeNs(0)
    """When the feed told it, by our clock; 0 where nobody noted."""


class BookProof(Struct, frozen=True, kw_only=True, tag=True):
    """Feed to book analyzer: this snapshot and the changes since must give the book you hold."""

    snapshot: BookSnapshot
    since: tuple[BookDelta, ...]


class BookProved(Struct, frozen=True, kw_only=True, tag=True):
    """Book analyzer to feed: what came of a proof."""

    pair: Pair
    difference: str
    """Where the books differ, in words; empty when they agree."""


class ProofWanted(Struct, frozen=True, kw_only=True, tag=True):
    """Book analyzer to feed: few levels are verified, a snapshot would help."""

    pair: Pair


class BookLost(Struct, frozen=True, kw_only=True, tag=True):
    """The book can no longer be trusted; nobody may quote old numbers."""

    pair: Pair
    reason: str


class BookState(StrEnum):
    """Whether a pair's book may be believed."""

    SYNCING = "syncing"
    """Subscribed or asked for; not whole yet."""
    LIVE = "live"
    STALE = "stale"
    """It was live once; nobody may quote it."""


class FeedCounts(Struct, frozen=True, kw_only=True):
    """What happened to one book since its feed began to live."""

    resyncs: int = 0
    """How often it was lost and became live again."""
    gaps: int = 0
    """How often changes were missing."""
    comparisons: int = 0
    """How often it was compared with the exchange's own snapshot."""
    mismatches: int = 0
    """How often they differed."""
    polls: int = 0
    """Snapshots that stood in for the stream."""


class FeedChanged(Struct, frozen=True, kw_only=True, tag=True):
    """Published by a feed: where its book stands from now on."""

    pair: Pair
    state: BookState
    reason: str
    at_ns: TimeNs
    polled: bool = False
    """Live, but fetched again and again instead of streamed."""
    counts: FeedCounts = FeedCounts()


class BookWanted(Struct, frozen=True, kw_only=True, tag=True):
    """Book analyzer to feed: I have no book, begin again."""

    pair: Pair


class BookMeasured(MarketFact, frozen=True):
    """Measures of a verified, live book. Definitions: `actors.market.book_measures`.

    Not by keyword alone, as others are: one is made of every update, and so many names cost six
    times as much as the rest of the making.
    """

    sequence: int
    """The update id of the book that was measured."""
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    mid: float
    weighted_mid: float
    spread_bps: float
    imbalance: float
    """Queue imbalance of the best levels, in [-1, 1]; positive leans to the bid."""
    bid_depth: float
    """Quote units resting within `depth_bps` below the mid."""
    ask_depth: float
    depth_bps: float
    levels: int = 0
    """Verified levels of the side that has fewer of them."""
    polled: bool = False
    """Measured of a snapshot that stood in for the stream: as old as the last fetch."""
    imbalance_5: float | None = None
    """The same of the five best levels together; None where fewer are verified."""
    weighted_imbalance: float | None = None
    """The same of the ten best levels, each weighing less than the one before; None likewise."""
    order_flow: float | None = None
    """Order-flow imbalance of the last ten seconds, base units; None until they were watched."""
    order_flow_depths: float | None = None
    """The same in mean sizes of a best level."""
    micro_price: float | None = None
    """Stoikov's (2018), quote units; None before the pair's book is known well enough."""
    fed_time_ns: TimeNs = TimeNs(0)
    """When the feed passed on the change it was measured after, by our clock; 0: nobody noted."""
    measured_time_ns: TimeNs = TimeNs(0)
    """When it was measured, by our clock; 0: nobody noted."""


class HistoryKept(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the historian: what became of the rows it was to keep, since it began."""

    written: int = 0
    """Rows that are new on disk."""
    dropped: int = 0
    """Rows that came while too many waited for the disk."""
    failures: int = 0
    """How often the disk refused."""
    error: str = ""
    """Why it did the last time; empty when the last batch was written."""
