"""The 42 crash points of the order protocol: names, and how each is known when it is hit. Pure.

Source: the list in the design's reference on supervision, 5.4. A point that a SQLite store does not
have says what stands in its place; a point that needs a scene of its own names the test.
"""

from typing import Final

from msgspec import Struct


class CrashPoint(Struct, frozen=True, kw_only=True):
    """One place where a crash may strike."""

    number: int
    name: str
    known_by: str
    """What is true of the house at that instant."""
    elsewhere: str = ""
    """The test that strikes it, where the grid cannot; empty: the grid does."""


def _points() -> dict[int, CrashPoint]:
    found = [
        CrashPoint(number=number, name=name, known_by=known_by, elsewhere=elsewhere)
        for number, (name, known_by, elsewhere) in enumerate(_ROWS, start=1)
    ]
    return {point.number: point for point in found}


_OWN = "tests/crash/test_own_scenes.py"
_ROWS: Final = (
    ("decided, message not sent", "a proposal is about to be sent", ""),
    ("intent queued, not handled", "a proposal or an approval waits in a mailbox", ""),
    ("before the append of the intent", "the intent is with the recorder, in no transaction", ""),
    ("record half written", "the intent is in a transaction that is not committed", ""),
    ("intent appended, not synced", "its commit is written and may not be on the platter", ""),
    ("intent synced, not handed over", "durable in this life, no request made of it", ""),
    ("handed over, not written", "the gateway has the request, no byte has left", ""),
    ("half of the request written", "half of the bytes have left, the exchange reads none", ""),
    ("written, not received", "the request travels", ""),
    ("accepted, reply in flight", "the exchange has the order, we have no answer", ""),
    ("reply received, not parsed", "the answer is there and unread", ""),
    ("parsed, acknowledgement not appended", "answered, and `OrderAccepted` not committed", ""),
    ("acknowledgement appended, not synced", "`OrderAccepted` committed, not yet durable", ""),
    ("acknowledged, strategy not told", "`OrderAccepted` committed, the driver has not it", ""),
    ("told, cursor not saved", "the driver knows, no snapshot of it since", ""),
    ("before the query", "an order of unknown fate, no query on its way", ""),
    ("query in flight", "`FetchOrder` of such an order travels", ""),
    ("not found, window open", "answered `not found` before that proves anything", ""),
    ("not found, before NOT_PLACED", "answered conclusively, `OrderNotPlaced` not committed", ""),
    ("NOT_PLACED appended, not synced", "its commit may not be on the platter", ""),
    ("NOT_PLACED durable, no next attempt", "committed, the next attempt has no intent", ""),
    ("late attempt beside a live one", "a request travels whose next attempt is live", ""),
    ("fill received, not journalled", "told by the exchange, not committed", ""),
    ("fill journalled, not applied", "committed, the ledger keeper has not folded it", ""),
    ("fill applied, not published", "folded, `PositionChanged` is about to be sent", ""),
    ("fill before acknowledgement", "a fill is known, `OrderAccepted` is not committed", ""),
    ("cancel intent synced, not sent", "`CancelIntended` durable, no request made of it", ""),
    ("fill crosses the cancel", "filled while the cancel travels", ""),
    ("amend accepted, reply lost", "the order has its new shape, we have no answer", ""),
    ("within a snapshot", "some snapshots of a transaction are written (no temporary file)", ""),
    ("before a snapshot's commit", "all are written, not committed (no rename)", ""),
    ("snapshot committed, not synced", "its commit may be lost (no directory to sync)", ""),
    ("snapshot valid, log not moved", "committed, the log is not moved into the file", ""),
    ("log moved, journal retired", "a checkpoint or a retirement is under way", ""),
    ("disk full on append", "the commit fails", _OWN),
    ("sync reports an error", "the commit fails, and is never tried again", _OWN),
    ("crash during recovery", "the life before ended by a crash", ""),
    ("second process", "another process holds the data directory", _OWN),
    ("router fenced during a sync", "the recorder commits the intent of a life that is over", _OWN),
    ("zombie gateway wakes up", "an incarnation that was cut off asks the exchange", _OWN),
    ("clock jumps across an expiry", "our clock steps while an intent is on its way", _OWN),
    ("crash loop", "ten restarts in a row at random points", _OWN),
)
POINTS: Final = _points()
