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


class Entry(Struct, frozen=True):
    """One line of the catalogue."""

    site: Site
    delay_ms: int
    """Default of the fault's `delay_ms`."""
    text: str


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
        Site.PUSH, 0, "the message is sent after the connection's next one"
    ),
    FaultName.BOOK_GAP: Entry(
        Site.PUSH, 0, "a spot.order_book_update is not sent: its ids are missing"
    ),
    FaultName.STREAM_SILENT: Entry(
        Site.PUSH, 30_000, "the connection stays open and answers pings, no push for delay_ms"
    ),
    FaultName.DISCONNECT: Entry(Site.PUSH, 0, "the connection is cut instead of the message"),
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

    def strike(self, site: Site, subject: str) -> FaultOrder | None:
        """Return the fault that strikes `subject` now, None for none.

        Every armed fault of the site counts the subject; the first that strikes wins.
        """
        candidates = self._by_site[site]
        if not candidates:
            return None
        struck = None
        for armed in candidates:
            if self._strikes(armed, subject) and struck is None:
                armed.struck += 1
                struck = armed.order
        return struck

    def _strikes(self, armed: Armed, subject: str) -> bool:
        order = armed.order
        if order.match not in subject:
            return False
        if order.fault is FaultName.BOOK_GAP and "order_book_update" not in subject:
            return False
        armed.seen += 1
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
            "  delay_ms     where the fault has one",
            "  most         strike at most so often",
            "",
            *lines,
        ]
    )
