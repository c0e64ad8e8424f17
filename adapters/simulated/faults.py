"""Misbehaviour on command and from a seed, the same catalogue for sockets and in process.

A plan is a list of orders such as "lose the answer of every third placement". Whoever serves a
request or pushes a message asks the plan whether something strikes it. Pure: chance is an argument.
"""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from state.errors import ConfigurationInvalid


class Site(StrEnum):
    """Where a fault strikes."""

    REQUEST = "request"
    PUSH = "push"


class FaultName(StrEnum):
    """The catalogue."""

    REQUEST_LOST = "request_lost"
    REQUEST_LATE = "request_late"
    ANSWER_LOST = "answer_lost"
    ANSWER_LATE = "answer_late"
    SERVER_ERROR = "server_error"
    SERVER_ERROR_ACCEPTED = "server_error_accepted"
    RATE_LIMITED = "rate_limited"
    PUSH_LOST = "push_lost"
    PUSH_TWICE = "push_twice"
    PUSH_REORDERED = "push_reordered"
    BOOK_GAP = "book_gap"
    STREAM_SILENT = "stream_silent"
    DISCONNECT = "disconnect"
    RATE_LIMIT_STORM = "rate_limit_storm"
    CLOCK_SKEW = "clock_skew"
    BOOK_STALE = "book_stale"
    BALANCE_MISSING = "balance_missing"
    ORDER_HIDDEN = "order_hidden"
    TRADE_REPEATED = "trade_repeated"
    HALF_OPEN = "half_open"


class Entry(Struct, frozen=True):
    """One line of the catalogue."""

    site: Site
    delay_ms: int
    """Default of the fault's `delay_ms`."""
    text: str
    only: tuple[str, ...] = ()
    """Strikes only subjects that contain one of these; empty for any."""
    lasts: bool = False
    """Once it struck, it strikes every matching subject for `delay_ms`."""


CATALOGUE = {
    FaultName.REQUEST_LOST: Entry(
        Site.REQUEST, 0, "not handled; the connection is cut after delay_ms"
    ),
    FaultName.REQUEST_LATE: Entry(
        Site.REQUEST, 1000, "handled only after delay_ms, perhaps long after the client gave up"
    ),
    FaultName.ANSWER_LOST: Entry(
        Site.REQUEST, 0, "handled; the connection is cut after delay_ms without an answer"
    ),
    FaultName.ANSWER_LATE: Entry(Site.REQUEST, 1000, "handled at once, answered after delay_ms"),
    FaultName.SERVER_ERROR: Entry(Site.REQUEST, 0, "not handled; answered with status 500"),
    FaultName.SERVER_ERROR_ACCEPTED: Entry(
        Site.REQUEST, 0, "handled, and answered with status 500 all the same"
    ),
    FaultName.RATE_LIMITED: Entry(Site.REQUEST, 0, "not handled; answered with status 429"),
    FaultName.PUSH_LOST: Entry(Site.PUSH, 0, "the message is not sent to this connection"),
    FaultName.PUSH_TWICE: Entry(Site.PUSH, 0, "the message is sent twice to this connection"),
    FaultName.PUSH_REORDERED: Entry(
        Site.PUSH, 0, "the message is sent after the next one of its channel and pair"
    ),
    FaultName.BOOK_GAP: Entry(
        Site.PUSH,
        0,
        "a message of a book channel is not sent: its ids are missing",
        only=("spot.order_book_update", "spot.obu"),
    ),
    FaultName.STREAM_SILENT: Entry(
        Site.PUSH, 30_000, "the connection stays open and answers pings, no push for delay_ms"
    ),
    FaultName.DISCONNECT: Entry(Site.PUSH, 0, "the connection is cut instead of the message"),
    FaultName.RATE_LIMIT_STORM: Entry(
        Site.REQUEST, 5_000, "nothing is handled for delay_ms; all answered with 429", lasts=True
    ),
    FaultName.CLOCK_SKEW: Entry(
        Site.REQUEST, 90_000, "handled by a clock that is delay_ms ahead of the venue's"
    ),
    FaultName.BOOK_STALE: Entry(
        Site.REQUEST,
        1_000,
        "the order book is shown as it was delay_ms ago, at most 10 s",
        only=("GET /spot/order_book",),
    ),
    FaultName.BALANCE_MISSING: Entry(
        Site.REQUEST,
        3_000,
        "the list of balances lacks its last currency, for delay_ms",
        only=("GET /spot/accounts",),
        lasts=True,
    ),
    FaultName.ORDER_HIDDEN: Entry(
        Site.REQUEST,
        400,
        "orders younger than delay_ms are not shown, as if they did not exist",
        only=("GET /spot/orders", "GET /spot/open_orders"),
    ),
    FaultName.TRADE_REPEATED: Entry(
        Site.PUSH, 1_000, "a fill is told, and once more after delay_ms", only=("spot.usertrades",)
    ),
    FaultName.HALF_OPEN: Entry(
        Site.PUSH,
        30_000,
        "nothing goes over the connection in either direction; cut after delay_ms",
    ),
}


class FaultOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One misbehaviour that is wanted, by chance or at exact occurrences."""

    fault: FaultName
    match: str = ""
    """Strikes only subjects that contain this: `POST /spot/orders`, `spot.usertrades`, `BTC_`."""
    probability: Annotated[float, Meta(ge=0, le=1)] = 0.0
    occurrences: tuple[Annotated[int, Meta(ge=1)], ...] = ()
    """Exactly these of the matching subjects, counted from 1."""
    delay_ms: Annotated[int, Meta(ge=0, le=3_600_000)] | None = None
    """None takes the catalogue's."""
    most: Annotated[int, Meta(ge=0)] | None = None
    """Strikes at most so often."""

    @property
    def delay_ns(self) -> int:
        """The delay, whoever stated it."""
        stated = CATALOGUE[self.fault].delay_ms if self.delay_ms is None else self.delay_ms
        return stated * 1_000_000


class Armed(Struct):
    """A wanted fault and what became of it."""

    order: FaultOrder
    seen: int = 0
    struck: int = 0
    until_ns: int = 0
    """Strikes everything until then."""


class FaultPlan:
    """All faults wanted now.

    Args:
        orders: What is wanted.
        rng: The only source of chance.
    """

    def __init__(self, orders: Iterable[FaultOrder], rng: Random) -> None:
        self._rng = rng
        self.armed: list[Armed] = []
        self._by_site: dict[Site, list[Armed]] = {}
        self.replace(orders)

    def replace(self, orders: Iterable[FaultOrder]) -> None:
        """Forget the present orders and begin with these."""
        self.armed = [Armed(order) for order in orders]
        self._by_site = {site: [] for site in Site}
        for armed in self.armed:
            self._by_site[CATALOGUE[armed.order.fault].site].append(armed)

    def wants(self, fault: FaultName) -> bool:
        """Return whether `fault` may strike some day."""
        return any(armed.order.fault is fault for armed in self.armed)

    def strike(self, site: Site, subject: str, now_ns: int) -> FaultOrder | None:
        """Return the fault that strikes `subject` now, None for none.

        Every armed fault of the site counts the subject; the first that strikes wins.
        """
        candidates = self._by_site[site]
        if not candidates:
            return None
        struck = None
        for armed in candidates:
            if self._strikes(armed, subject, now_ns) and struck is None:
                struck = armed.order
                if CATALOGUE[struck.fault].lasts and now_ns >= armed.until_ns:
                    armed.until_ns = now_ns + struck.delay_ns
                armed.struck += 1
        return struck

    def _strikes(self, armed: Armed, subject: str, now_ns: int) -> bool:
        order = armed.order
        only = CATALOGUE[order.fault].only
        if order.match not in subject or (only and not any(each in subject for each in only)):
            return False
        armed.seen += 1
        if now_ns < armed.until_ns:
            return True
        if order.most is not None and armed.struck >= order.most:
            return False
        if armed.seen in order.occurrences:
            return True
        return order.probability > 0 and self._rng.random() < order.probability


def read_faults(path: Path) -> list[FaultOrder]:
    """Return the fault orders in a JSON file, or a TOML file with a list `faults`.

    Raises:
        ConfigurationInvalid: If it cannot be read; the text names file, place and mend.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".toml":
            decoded = msgspec.toml.decode(content, type=dict[str, list[FaultOrder]])
            return [order for orders in decoded.values() for order in orders]
        return msgspec.json.decode(content, type=list[FaultOrder])
    except OSError as problem:
        message = f"faults file {path}: {problem.strerror}"
        raise ConfigurationInvalid(message) from None
    except msgspec.DecodeError as problem:
        message = f"faults file {path}: {problem}; `exchange --help-faults` shows the form"
        raise ConfigurationInvalid(message) from None


def catalogue_rows() -> list[dict[str, object]]:
    """Return the catalogue for programs."""
    return [
        {
            "fault": name.value,
            "site": entry.site.value,
            "delay_ms": entry.delay_ms,
            "only": entry.only,
            "text": entry.text,
        }
        for name, entry in CATALOGUE.items()
    ]


def help_text() -> str:
    """Return the catalogue for people."""
    width = max(len(name) for name in FaultName)
    lines = [
        f"  {name:<{width}}  {entry.site:<7}  {entry.text}"
        + (f" (default {entry.delay_ms})" if entry.delay_ms else "")
        for name, entry in CATALOGUE.items()
    ]
    return "\n".join(
        [
            "Faults of the simulated exchange: a JSON list, or TOML tables [[faults]].",
            "",
            '  [{"fault": "answer_lost", "match": "POST /spot/orders", "occurrences": [1, 3]},',
            '   {"fault": "push_twice", "match": "spot.usertrades", "probability": 0.1}]',
            "",
            "  fault        one of the names below",
            "  match        only subjects that contain it: `METHOD /path`, or `channel PAIR`",
            "  probability  of each matching subject, 0 to 1, from the exchange's seed",
            "  occurrences  exactly these matching subjects, counted from 1",
            "  delay_ms     how late, how old or for how long, where the fault has one",
            "  most         strike at most so often",
            "",
            *lines,
        ]
    )
