"""A connection with its subscriptions: frames in, pushes and answers out. On the socket loop."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from loguru import logger
from msgspec import Struct

from adapters.gate.connection import Connection, StreamSettings
from adapters.gate.frames import Acknowledged, Notice, Pushed, decode_frame
from adapters.gate.signing import Credentials
from adapters.gate.subscriptions import Channel, Subscriptions
from adapters.gate.venue_clock import Skew, venue_ns
from adapters.ports import Clock
from state.errors import VenueMalformed
from state.values import NS_PER_S

Group = TypeVar("Group")
Group_contra = TypeVar("Group_contra", contravariant=True)
Message = TypeVar("Message")


class Owner(Protocol[Group_contra]):
    """Whoever knows what the pushes mean."""

    def opened(self) -> None:
        """There is a new connection: subscribe."""
        ...

    def pushed(self, push: Pushed) -> None:
        """Handle data; `VenueMalformed` where it cannot be read."""
        ...

    def looked(self) -> None:
        """A moment has passed: look whether something is overdue."""
        ...

    def completed(self, group: Group_contra) -> None:
        """Everything asked for `group` has been accepted."""
        ...

    def refused(self, group: Group_contra, error: str) -> None:
        """Something asked for `group` was refused."""
        ...

    def lost(self, reason: str) -> None:
        """The connection is gone, and every subscription with it."""
        ...


class SessionSettings(Struct, frozen=True, kw_only=True):
    """Where a session goes and by which clocks."""

    urls: tuple[str, ...]
    """The first that works is used."""
    name: str
    streams: StreamSettings
    clock: Clock
    skew: Skew
    random: Callable[[], float]
    credentials: Credentials | None = None


class Session(Generic[Group]):
    """Reads frames, counts those nobody can read, matches acknowledgements, keeps time limits."""

    def __init__(self, settings: SessionSettings, owner: Owner[Group]) -> None:
        self._settings = settings
        self._owner = owner
        self._connection = Connection(
            settings.urls, self, settings.streams, name=settings.name, random=settings.random
        )
        self._subscriptions: Subscriptions[Group] = Subscriptions(
            self._connection.send, self._venue_time_s, settings.credentials
        )
        self.malformed = 0
        """Frames nobody could read since the start."""

    @property
    def connects(self) -> int:
        """How often it was connected since the start."""
        return self._connection.connects

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await self._connection.run()

    def subscribe(self, group: Group, channels: Iterable[Channel], *, private: bool) -> None:
        """Ask for `channels`; an answer that does not come in time costs the connection."""
        asked = self._subscriptions.subscribe(group, channels, private=private)
        asyncio.get_running_loop().call_later(
            self._settings.streams.acknowledged_s, self._check, asked
        )

    def unsubscribe(self, group: Group, channels: Iterable[Channel], *, private: bool) -> None:
        """Ask for no more of `channels`."""
        self._subscriptions.unsubscribe(group, channels, private=private)

    def lose(self, reason: str) -> None:
        """Give the present connection up and connect again."""
        self._connection.lose(reason)

    def opened(self) -> None:
        """See `Listener.opened`."""
        self._owner.opened()

    def lost(self, reason: str) -> None:
        """See `Listener.lost`."""
        self._subscriptions.reset()
        self._owner.lost(reason)

    def looked(self) -> None:
        """See `Listener.looked`."""
        self._owner.looked()

    def frame(self, data: bytes) -> bool:
        """See `Listener.frame`."""
        try:
            frame = decode_frame(data)
            if isinstance(frame, Pushed):
                self._owner.pushed(frame)
                return True
        except VenueMalformed as error:
            self._count(error)
            return False
        if isinstance(frame, Acknowledged):
            self._answered(frame)
        elif frame is Notice.UPGRADE:
            self.lose("the exchange announced that it will close")
        return False

    def _answered(self, ack: Acknowledged) -> None:
        answer = self._subscriptions.answered(ack)
        if answer is None:
            return
        if answer.error is not None:
            self._owner.refused(answer.group, answer.error)
        elif answer.complete:
            self._owner.completed(answer.group)

    def _check(self, asked: set[int]) -> None:
        if self._subscriptions.unanswered(asked):
            self.lose(f"no acknowledgement within {self._settings.streams.acknowledged_s:g} s")

    def _count(self, error: VenueMalformed) -> None:
        self.malformed += 1
        if self.malformed == 1:
            logger.warning(
                "{}: a frame nobody can read is skipped, further ones only counted: {}",
                self._settings.name,
                error,
            )

    def _venue_time_s(self) -> int:
        return venue_ns(self._settings.clock, self._settings.skew) // NS_PER_S


class Route(Generic[Message]):
    """Where messages go, until somebody else wants them or nobody does."""

    def __init__(self, deliver: Callable[[Message], None]) -> None:
        self._deliver = deliver
        self.wanted = True
        """Cleared from any thread, and obeyed at once, before the loop has heard of it."""

    def deliver(self, message: Message) -> None:
        """Deliver; what the receiver does wrong must not cost everybody else the connection."""
        if not self.wanted:
            return
        try:
            self._deliver(message)
        except Exception:  # noqa: BLE001 - see above
            logger.exception("{} could not be delivered", type(message).__name__)
