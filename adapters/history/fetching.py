"""Fetching candles into the store: only what is not there, page by page, each durable.

Whoever is killed in the midst of it begins again with the first page that is not in the store.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from msgspec import Struct

from adapters.history.kinds import Kind, Table
from adapters.history.store import Added, Gap, HistoryStore
from state.errors import VenueRefused, VenueUnreachable
from state.messages.market import CandleSeen
from state.messages.venue import (
    CANDLES_A_REQUEST,
    FetchCandles,
    Outcome,
    Refused,
    Succeeded,
    Unknown,
)
from state.values import Pair, TimeNs

ATTEMPTS_MAX = 6
_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_TOO_OLD = "too long ago"
_TOO_MANY = "TOO_MANY_REQUESTS"


class Page(Struct, frozen=True, kw_only=True):
    """One request: candles that open in [since_ns, until_ns]."""

    pair: Pair
    kind: Kind
    since_ns: int
    until_ns: int
    missing: int
    """How many of them are not in the store."""


class Fetched(Struct, frozen=True, kw_only=True):
    """What came of one page."""

    page: Page
    added: Added
    not_given: int = 0
    """Candles that were asked for and that the exchange left out."""
    too_old: bool = False
    """The exchange does not keep candles of so long ago."""


def pages(store: HistoryStore, pair: Pair, kind: Kind, since_ns: int, until_ns: int) -> list[Page]:
    """Return what to ask for so that every candle that opens in [since_ns, until_ns) is there.

    At most `CANDLES_A_REQUEST` candles a page; what is there already between two that are not is
    asked for again only where that saves a request.
    """
    gaps = store.gaps(pair, kind, since_ns=since_ns, until_ns=until_ns, pause_ns=1)
    return list(_pages(pair, kind, gaps))


def _pages(pair: Pair, kind: Kind, gaps: Sequence[Gap]) -> Iterator[Page]:
    span_ns = CANDLES_A_REQUEST * kind.step_ns
    first_ns, last_ns, missing = -1, -1, 0

    def page() -> Page:
        return Page(pair=pair, kind=kind, since_ns=first_ns, until_ns=last_ns, missing=missing)

    for gap in gaps:
        opening = gap.since_ns
        while opening < gap.until_ns:
            if first_ns < 0 or opening >= first_ns + span_ns:
                if first_ns >= 0:
                    yield page()
                first_ns, missing = opening, 0
            until_ns = min(gap.until_ns, first_ns + span_ns)
            missing += (until_ns - opening) // kind.step_ns
            last_ns, opening = until_ns - kind.step_ns, until_ns
    if first_ns >= 0:
        yield page()


def fetch(
    store: HistoryStore,
    wanted: Sequence[Page],
    ask: Callable[[FetchCandles], Outcome],
    wait: Callable[[float], None],
) -> Iterator[Fetched]:
    """Ask for each page and put it into the store; yield what came of it.

    Args:
        store: Where to.
        wanted: What to ask for.
        ask: Blocks until the exchange has answered.
        wait: Blocks for so many seconds.

    Raises:
        VenueRefused: The exchange does not give this.
        VenueUnreachable: It did not answer, however often it was asked.
    """
    for page in wanted:
        timeframe = page.kind.timeframe
        assert timeframe is not None, "only candles have pages"
        request = FetchCandles(
            pair=page.pair,
            timeframe=timeframe,
            since_ns=TimeNs(page.since_ns),
            until_ns=TimeNs(page.until_ns),
        )
        outcome = _answered(request, ask, wait)
        if isinstance(outcome, Refused):
            if _TOO_OLD not in outcome.message:
                raise VenueRefused(outcome.label, outcome.message, outcome.status)
            yield Fetched(page=page, added=Added(), too_old=True)
            continue
        closed = [candle for candle in outcome.candles if candle.closed]
        asked = (page.until_ns - page.since_ns) // page.kind.step_ns + 1
        # Another fetch may have brought some meanwhile; what it brought is given all the same.
        left_out = min(page.missing, max(0, asked - len(closed)))
        yield Fetched(page=page, added=_kept(store, page, closed), not_given=left_out)


def _kept(store: HistoryStore, page: Page, closed: Sequence[CandleSeen]) -> Added:
    # What is there already may know more: how many trades there were.
    return store.append(page.pair, page.kind, table_of(closed), replaces=False)


def _answered(
    request: FetchCandles, ask: Callable[[FetchCandles], Outcome], wait: Callable[[float], None]
) -> Succeeded | Refused:
    for attempt in range(ATTEMPTS_MAX):
        outcome = ask(request)
        match outcome:
            case Succeeded():
                return outcome
            case Refused() if outcome.label != _TOO_MANY:
                return outcome
            case Refused():
                reason = f"{outcome.label}: {outcome.message}"
            case Unknown():
                reason = outcome.reason
        if attempt < len(_WAITS_S):
            wait(_WAITS_S[attempt])
    raise VenueUnreachable(f"no answer after {ATTEMPTS_MAX} attempts: {reason}")


def table_of(candles: Sequence[CandleSeen]) -> Table:
    """Return closed candles of the exchange as rows; how many trades they had nobody said."""
    return {
        "ts_open_ns": np.array([one.open_time_ns for one in candles], dtype=np.int64),
        "open": np.array([one.open for one in candles], dtype=np.float64),
        "high": np.array([one.high for one in candles], dtype=np.float64),
        "low": np.array([one.low for one in candles], dtype=np.float64),
        "close": np.array([one.close for one in candles], dtype=np.float64),
        "volume": np.array([one.base_volume for one in candles], dtype=np.float64),
        "quote_volume": np.array([one.quote_volume for one in candles], dtype=np.float64),
        "trades": np.array([-1 if one.base_volume else 0 for one in candles], dtype=np.int64),
    }
