"""Whether recorded actors, living again, decide as they did: byte for byte.

A trader's proposals are held against those that the risk guard heard, the risk guard's decisions
against those in the journal.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from actors import addresses
from adapters.recording import Born, Heard, Missed, Recording
from state.config import Config
from state.messages.journal import Record
from state.messages.orders import DecisionMade, OrderProposed
from supervisor.replay.player import Players

SHOWN = 20
_json = msgspec.json.Encoder()


class Divergence(Struct, frozen=True, kw_only=True):
    """One decision that came out otherwise."""

    at_ns: int
    actor: str
    decision_id: str
    member: str
    """The first member that differs; empty where the whole decision is missing on one side."""
    recorded: str
    replayed: str


class Verification(Struct, frozen=True, kw_only=True):
    """What came of a replay."""

    process: str
    version: str
    messages: int
    lives: int
    proposals: int
    """That were held against what the risk guard heard."""
    decisions: int
    """That were held against the journal."""
    divergences: tuple[Divergence, ...]
    """The earliest first."""
    notes: tuple[str, ...]
    """Where the recording says less than it should."""


def verify(
    recording: Recording,
    journalled: Mapping[str, bytes],
    window: tuple[int, int],
    advance: Callable[[int], object] = id,
) -> Verification:
    """Return whether everyone decides as recorded.

    Args:
        recording: Of one process.
        journalled: JSON of each `DecisionMade` of the journal, by decision id.
        window: From and to, UTC nanoseconds: outside of it nothing is compared.
        advance: Called with the instant now and then, for a progress bar.

    Raises:
        RecordingUnreadable: A block or a message cannot be read.
    """
    config = msgspec.json.decode(recording.config, type=Config)
    players = Players(config, recording.process)
    traders = {addresses.trader(pair) for pair in config.pairs}
    first, last = window
    messages = lives = 0
    notes = [] if recording.is_whole else ["the recording's beginning is no longer kept"]
    proposed: dict[str, tuple[int, OrderProposed]] = {}
    heard: dict[str, tuple[int, OrderProposed]] = {}
    made: dict[str, tuple[int, DecisionMade]] = {}
    for item in recording.items():
        if isinstance(item, Missed):
            notes.append(f"{item.items} messages were not recorded before {item.now_ns}")
            continue
        if item.now_ns > last:
            break
        messages += 1
        if messages % 1000 == 0:
            advance(item.now_ns)
        lives += isinstance(item, Born)
        is_in = item.now_ns >= first
        if is_in and isinstance(item, Heard) and item.address == addresses.RISK_GUARD:
            message = item.message if item.kind.endswith(":OrderProposed") else None
            if isinstance(message, OrderProposed) and message.reply_to in traders:
                heard.setdefault(message.decision_id, (item.now_ns, message))
        for sent in players.play(item):
            if not is_in:
                continue
            if isinstance(sent.message, OrderProposed):
                proposed[sent.message.decision_id] = (item.now_ns, sent.message)
            elif isinstance(sent.message, Record) and item.address == addresses.RISK_GUARD:
                for entry in sent.message.entries:
                    if isinstance(entry.event, DecisionMade):
                        made.setdefault(entry.event.decision_id, (item.now_ns, entry.event))
    found = [*_proposals(proposed, heard), *_decisions(made, journalled)]
    found.sort(key=lambda one: one.at_ns)
    return Verification(
        process=recording.process,
        version=recording.version,
        messages=messages,
        lives=lives,
        proposals=len(heard),
        decisions=sum(name in journalled for name in made),
        divergences=tuple(found[:SHOWN]),
        notes=tuple(notes),
    )


def _proposals(
    proposed: Mapping[str, tuple[int, OrderProposed]],
    heard: Mapping[str, tuple[int, OrderProposed]],
) -> Iterable[Divergence]:
    for name, (at_ns, was) in heard.items():
        _, now = proposed.get(name, (0, None))
        yield from _held(at_ns, addresses.trader(was.pair), name, _json.encode(was), now)
    # The risk guard may have died with the last few in hand: those it never heard prove nothing.
    latest = max((at_ns for at_ns, _ in heard.values()), default=0)
    for name, (at_ns, now) in proposed.items():
        if name not in heard and at_ns < latest and now.reply_to == addresses.trader(now.pair):
            yield _missing(at_ns, addresses.trader(now.pair), name, recorded="", replayed="made")


def _decisions(
    made: Mapping[str, tuple[int, DecisionMade]], journalled: Mapping[str, bytes]
) -> Iterable[Divergence]:
    for name, (at_ns, now) in made.items():
        was = journalled.get(name)
        if was is not None:  # The recorder may have died with the last few in hand.
            yield from _held(at_ns, addresses.RISK_GUARD, name, was, now)


def _held(
    at_ns: int, actor: str, name: str, was: bytes, now: Struct | None
) -> Iterable[Divergence]:
    if now is None:
        yield _missing(at_ns, actor, name, recorded="made", replayed="")
        return
    replayed = _json.encode(now)
    if replayed == was:
        return
    old, new = msgspec.json.decode(was), msgspec.json.decode(replayed)
    member = next((key for key in {**old, **new} if old.get(key) != new.get(key)), "")
    yield Divergence(
        at_ns=at_ns,
        actor=actor,
        decision_id=name,
        member=member,
        recorded=_short(old.get(member)),
        replayed=_short(new.get(member)),
    )


def _missing(at_ns: int, actor: str, name: str, *, recorded: str, replayed: str) -> Divergence:
    return Divergence(
        at_ns=at_ns,
        actor=actor,
        decision_id=name,
        member="",
        recorded=recorded,
        replayed=replayed,
    )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else f"{text[:200]}..."
