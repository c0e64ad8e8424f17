"""Reading through Gate's REST interface until the answer is complete.

Lists come in pages and move while they are read. Newer rows push older ones on, so a row may
come twice and is kept once; a row that leaves an earlier page pulls a later one into it unseen, so
where Gate counts the rows and the count changes, the list is read again.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from adapters.gate import codec
from adapters.gate.orders import named
from adapters.gate.sdk import GateSdk, Reply
from state.instrument import TradingRules
from state.messages.market import CandleSeen
from state.messages.venue import (
    AccountEntry,
    FetchAccountBook,
    FetchBalances,
    FetchBook,
    FetchCandles,
    FetchFinishedOrders,
    FetchKeyRights,
    FetchOpenOrders,
    FetchOrder,
    FetchRules,
    FetchTrades,
    FetchTriggers,
    OrderReport,
    Refused,
    Succeeded,
    TradeReport,
    TriggerReport,
    TriggerStatus,
    Unknown,
)
from state.values import NS_PER_MS, NS_PER_S, TimeNs

Ask = Callable[[Callable[[], Reply]], bytes]
"""Makes one call in its turn and gives the body of a success, or raises `CallFailed`."""

Read = (
    FetchOrder
    | FetchOpenOrders
    | FetchFinishedOrders
    | FetchKeyRights
    | FetchTrades
    | FetchTriggers
    | FetchAccountBook
    | FetchBalances
    | FetchRules
    | FetchBook
    | FetchCandles
)

Report = TypeVar("Report", OrderReport, TradeReport, AccountEntry)

_ORDERS_A_PAGE = 100
_TRADES_A_PAGE = 1000
_TRIGGERS_A_PAGE = 100
_ENTRIES_A_PAGE = 100
"""What Gate gives when nobody asks for more; how much more it would give no source says."""
_PAGES_MAX = 500
_ATTEMPTS_MAX = 3
_TRADES_SPAN_S = 29 * 86_400
"""Gate answers at most 30 days of fills, and of the account book, at once."""
_GATE_OPENED_S = 1_356_998_400
"""2013-01-01: nobody has fills older than the exchange."""
_FOR_EVER_S = 2**62
_PAIRS_ONE_BY_ONE = 8
"""With more pairs the whole list, a megabyte, costs less than asking for each."""


class CallFailed(Exception):
    """The exchange refused, or nobody knows; carries which."""

    def __init__(self, outcome: Refused | Unknown) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


def read(
    sdk: GateSdk, ask: Ask, request: Read, venue_ns: TimeNs, now_ns: Callable[[], TimeNs]
) -> Succeeded:
    """Return the complete answer to `request`.

    Args:
        sdk: Makes the calls.
        ask: Gives each of them its turn.
        request: What to read.
        venue_ns: The exchange's clock before the first call.
        now_ns: Our clock.

    Raises:
        CallFailed: A call failed.
        VenueMalformed: An answer cannot be read.
    """
    match request:
        case FetchOrder():
            body = ask(partial(sdk.order, named(request), request.pair))
            answer = Succeeded(orders=(codec.decode_order(body),))
        case FetchOpenOrders():
            answer = Succeeded(orders=_open_orders(sdk, ask))
        case FetchFinishedOrders():
            answer = Succeeded(orders=_finished_orders(sdk, ask, request))
        case FetchTrades():
            answer = Succeeded(trades=_own_trades(sdk, ask, request, venue_ns))
        case FetchTriggers():
            answer = Succeeded(triggers=_triggers(sdk, ask, request))
        case FetchAccountBook():
            answer = Succeeded(account_book=_account_book(sdk, ask, request, venue_ns))
        case FetchBalances():
            answer = Succeeded(balances=codec.decode_balances(ask(sdk.balances), venue_ns))
        case FetchKeyRights():
            answer = Succeeded(key_rights=codec.decode_key_rights(ask(sdk.key_rights)))
        case FetchRules():
            answer = Succeeded(rules=_rules(sdk, ask, request))
        case FetchBook():
            body = ask(partial(sdk.book, request.pair, limit=request.depth))
            answer = Succeeded(book=codec.decode_book(body, request.pair, now_ns()))
        case FetchCandles():
            answer = Succeeded(candles=_candles(sdk, ask, request, now_ns))
    return answer


def _candles(
    sdk: GateSdk, ask: Ask, request: FetchCandles, now_ns: Callable[[], TimeNs]
) -> tuple[CandleSeen, ...]:
    pair, timeframe = request.pair, request.timeframe
    from_s, to_s = -(-request.since_ns // NS_PER_S), request.until_ns // NS_PER_S
    body = ask(partial(sdk.candles, pair, timeframe.value, from_s=from_s, to_s=to_s))
    # Whether both ends are counted no source says: what lies outside is left out.
    return tuple(
        candle
        for candle in codec.decode_candles(body, pair, timeframe, now_ns())
        if request.since_ns <= candle.open_time_ns <= request.until_ns
    )


def _open_orders(sdk: GateSdk, ask: Ask) -> tuple[OrderReport, ...]:
    for _ in range(_ATTEMPTS_MAX):
        found: dict[str, OrderReport] = {}
        totals: set[int] = set()
        for number in _pages():
            body = ask(partial(sdk.open_orders, page=number, limit=_ORDERS_A_PAGE))
            page = codec.decode_open_orders(body)
            found |= {order.venue_order_id: order for order in page.orders}
            totals.add(page.total)
            if page.rows_max < _ORDERS_A_PAGE:
                break
        # Every page counts the orders of all pages: they agree when nothing moved meanwhile.
        if number == 1 or totals == {len(found)}:
            return tuple(found.values())
    raise CallFailed(Unknown(reason="the open orders kept moving while they were read"))


def _finished_orders(
    sdk: GateSdk, ask: Ask, request: FetchFinishedOrders
) -> tuple[OrderReport, ...]:
    pair, from_s = request.pair, request.since_ns // NS_PER_S
    found: dict[str, OrderReport] = {}
    for number in _pages():
        page = partial(sdk.finished_orders, pair, page=number, limit=_ORDERS_A_PAGE, from_s=from_s)
        rows = codec.decode_orders(ask(page))
        found |= {order.venue_order_id: order for order in rows}
        if len(rows) < _ORDERS_A_PAGE:
            break
    return _since(found.values(), request.since_ns)


def _own_trades(
    sdk: GateSdk, ask: Ask, request: FetchTrades, venue_ns: TimeNs
) -> tuple[TradeReport, ...]:
    found: dict[str, TradeReport] = {}
    since_s = max(request.since_ns // NS_PER_S, _GATE_OPENED_S)
    for from_s, to_s in _spans(since_s, venue_ns // NS_PER_S + 1):
        span = partial(sdk.own_trades, request.pair, limit=_TRADES_A_PAGE, from_s=from_s, to_s=to_s)
        for number in _pages():
            rows = codec.decode_trades(ask(partial(span, page=number)))
            found |= {trade.trade_id: trade for trade in rows}
            if len(rows) < _TRADES_A_PAGE:
                break
    return _since(found.values(), request.since_ns)


def _account_book(
    sdk: GateSdk, ask: Ask, request: FetchAccountBook, venue_ns: TimeNs
) -> tuple[AccountEntry, ...]:
    found: dict[str, AccountEntry] = {}
    since_s = max(request.since_ns // NS_PER_S, _GATE_OPENED_S)
    for from_s, to_s in _spans(since_s, venue_ns // NS_PER_S + 1):
        span = partial(sdk.account_book, limit=_ENTRIES_A_PAGE, from_s=from_s, to_s=to_s)
        for number in _pages():
            rows = codec.decode_account_book(ask(partial(span, page=number)))
            found |= {entry.entry_id: entry for entry in rows}
            if len(rows) < _ENTRIES_A_PAGE:
                break
    return _since(found.values(), request.since_ns)


def _triggers(sdk: GateSdk, ask: Ask, request: FetchTriggers) -> tuple[TriggerReport, ...]:
    """Return what waits and what ended since, oldest first.

    What waits is read first: one that ends between the two lists is then in both, never in none.
    """
    found: dict[str, TriggerReport] = {}
    since_s = request.since_ns // NS_PER_S
    for status in ("open", "finished"):
        call = partial(sdk.triggers, request.pair, status, limit=_TRIGGERS_A_PAGE)
        for number in _pages():
            rows = codec.decode_triggers(ask(partial(call, offset=(number - 1) * _TRIGGERS_A_PAGE)))
            found |= {row.venue_trigger_id: row for row in rows}
            # Newest first: what follows a page of ended ones that are all too old is older still.
            too_old = status == "finished" and all(_ended_s(row) < since_s for row in rows)
            if len(rows) < _TRIGGERS_A_PAGE or too_old:
                break
    kept = [
        row
        for row in found.values()
        if row.status is TriggerStatus.OPEN or _ended_s(row) >= since_s
    ]
    return tuple(sorted(kept, key=lambda row: (row.created_at_ns, row.venue_trigger_id)))


def _ended_s(row: TriggerReport) -> int:
    """Return when it ended; one whose end nobody dated may have ended now."""
    return row.ended_at_ns // NS_PER_S if row.ended_at_ns else _FOR_EVER_S


def _rules(sdk: GateSdk, ask: Ask, request: FetchRules) -> tuple[TradingRules, ...]:
    if len(request.pairs) <= _PAIRS_ONE_BY_ONE:
        return tuple(codec.decode_rules(ask(partial(sdk.pair, pair))) for pair in request.pairs)
    listed = {rules.pair: rules for rules in codec.decode_all_rules(ask(sdk.pairs))}
    for pair in request.pairs:
        if pair not in listed:
            raise CallFailed(Refused(label="INVALID_CURRENCY_PAIR", message=f"no pair {pair}"))
    return tuple(listed[pair] for pair in request.pairs)


def _pages() -> Iterator[int]:
    yield from range(1, _PAGES_MAX + 1)
    raise CallFailed(Unknown(reason=f"the list is longer than {_PAGES_MAX} pages"))


def _spans(from_s: int, to_s: int) -> Iterator[tuple[int, int]]:
    while from_s < to_s:
        yield from_s, min(from_s + _TRADES_SPAN_S, to_s)
        from_s += _TRADES_SPAN_S


def _since(reports: Iterable[Report], since_ns: TimeNs) -> tuple[Report, ...]:
    """Oldest first; whole milliseconds are compared, for some rows have no finer times."""
    floor_ns = since_ns - since_ns % NS_PER_MS
    kept = [report for report in reports if report.event_time_ns >= floor_ns]
    kept.reverse()  # Gate tells the newest first, also of those that share a millisecond.
    return tuple(sorted(kept, key=lambda report: report.event_time_ns))
