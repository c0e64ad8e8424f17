"""The `AccountStream` port over Gate's private WebSocket channels.

Public methods may be called from any thread; everything else runs on the socket loop, and so does
the `deliver` callback, which therefore has to be cheap.
"""

import asyncio
import random as system_random
import threading
from collections.abc import Callable

from loguru import logger

from adapters.gate.connection import StreamSettings
from adapters.gate.frames import (
    BALANCES,
    ORDERS,
    OWN_TRADES,
    TICKERS,
    TRIGGERS,
    Pushed,
    decode_account,
)
from adapters.gate.session import Route, Session, SessionSettings
from adapters.gate.signing import Credentials
from adapters.gate.subscriptions import Channel
from adapters.gate.venue_clock import UNMEASURED, Skew
from adapters.loop import LoopThread
from adapters.ports import AccountMessage, Clock
from state.messages.market import StreamLost, StreamOpened
from state.values import Pair

_ACCOUNT = "account"
_HEARTBEAT = "heartbeat"
_TRIGGERS = "triggers"
"""Apart from the account: they are hints, and nobody may lose the account for want of them."""
_CHANNELS: tuple[Channel, ...] = (
    (ORDERS, ("!all",)),
    (OWN_TRADES, ("!all",)),
    (BALANCES, ()),
)


class GateAccountStream:
    """See `adapters.ports.AccountStream`. One connection."""

    def __init__(
        self,
        loop: LoopThread,
        *,
        ws_urls: tuple[str, ...],
        credentials: Credentials,
        heartbeat: Pair,
        clock: Clock,
        skew: Skew = UNMEASURED,
        random: Callable[[], float] = system_random.random,
        settings: StreamSettings | None = None,
    ) -> None:
        """Prepare; `open` connects.

        Args:
            loop: Owns the socket.
            ws_urls: With Gate's path; the first that works is used.
            credentials: Sign the subscriptions.
            heartbeat: A pair that trades all the time. An account may be silent for hours, so
                this pair's ticker on the same connection shows that data still comes.
            clock: Ours.
            skew: The exchange's clock, which signatures carry.
            random: Uniform in [0, 1): draws the waits before reconnecting.
            settings: Times and limits.
        """
        self._loop = loop
        self._lock = threading.Lock()
        self._route: Route[AccountMessage] | None = None
        self._line = _AccountLine(
            SessionSettings(
                urls=ws_urls,
                name="account stream",
                streams=settings or StreamSettings(),
                clock=clock,
                skew=skew,
                random=random,
                credentials=credentials,
            ),
            heartbeat,
        )

    def open(self, deliver: Callable[[AccountMessage], None]) -> None:
        """See `adapters.ports.AccountStream.open`."""
        route = Route(deliver)
        with self._lock:
            self._replace(route)
            self._loop.call(self._line.serve, route)

    def close(self) -> None:
        """Deliver nothing more and end the connection soon."""
        with self._lock:
            self._replace(None)
            self._loop.call(self._line.end)

    @property
    def malformed(self) -> int:
        """Frames nobody could read since the start."""
        return self._line.session.malformed

    @property
    def connects(self) -> int:
        """Connections made since the start."""
        return self._line.session.connects

    def _replace(self, route: Route[AccountMessage] | None) -> None:
        """Silence whoever was served at once, even before the loop has heard of it."""
        if self._route is not None:
            self._route.wanted = False
        self._route = route


class _AccountLine:
    """The connection, and whom it serves."""

    def __init__(self, settings: SessionSettings, heartbeat: Pair) -> None:
        self._heartbeat = heartbeat
        self._skew = settings.skew
        self._route: Route[AccountMessage] | None = None
        self._live = False
        self._task: asyncio.Task[None] | None = None
        self.session: Session[str] = Session(settings, self)

    def serve(self, route: Route[AccountMessage]) -> None:
        if not route.wanted:
            return
        self._route = route
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self.session.run())
        elif self._live:
            self._tell(StreamOpened())

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def opened(self) -> None:
        refused = self._skew.refusal()
        if refused is not None:
            # What is signed by a wrong clock must not leave: try again, perhaps it is set by then.
            self._tell(StreamLost(reason=refused.message))
            self.session.lose(refused.message)
            return
        self.session.subscribe(_HEARTBEAT, ((TICKERS, (self._heartbeat,)),), private=False)
        self.session.subscribe(_TRIGGERS, ((TRIGGERS, ("!all",)),), private=True)
        self.session.subscribe(_ACCOUNT, _CHANNELS, private=True)

    def pushed(self, push: Pushed) -> None:
        if push.channel == TICKERS:
            return
        for message in decode_account(push):
            # Data may overtake the acknowledgements, but `StreamOpened` comes first.
            if self._live:
                self._tell(message)

    def looked(self) -> None:
        pass

    def completed(self, group: str) -> None:
        if group == _ACCOUNT:
            self._live = True
            self._tell(StreamOpened())

    def refused(self, group: str, error: str) -> None:
        if group == _HEARTBEAT:
            logger.error("no ticker for the account stream's heartbeat: {}", error)
            return
        if group == _TRIGGERS:
            logger.error("no pushes of trigger orders, their lists have to do: {}", error)
            return
        self._live = False
        self._tell(StreamLost(reason=f"refused: {error}"))
        self.session.lose(f"refused: {error}")

    def lost(self, reason: str) -> None:
        was_live, self._live = self._live, False
        if was_live:
            self._tell(StreamLost(reason=reason))

    def _tell(self, message: AccountMessage) -> None:
        assert self._route is not None, "the connection is made for the first who is served"
        self._route.deliver(message)
