"""Orders over Gate's WebSocket API: one connection, logged in, with its calls on the way.

A call is either declined, and then nothing of it has left, or it gets exactly one outcome. From
the moment its bytes are handed to the wire everything but a readable answer is `Unknown`:
nothing is sent twice, here or anywhere else.

Public members may be used from any thread; the rest runs on the socket loop, and so do the calls
back, which therefore have to be cheap.
"""

import asyncio
import random as system_random
import threading
from collections.abc import Callable

from loguru import logger
from msgspec import Struct

from adapters.gate.api_frames import (
    LOGIN,
    ApiAnswer,
    ApiCall,
    decode_answer,
    encode_call,
    request_named,
)
from adapters.gate.connection import Connection, StreamSettings
from adapters.gate.decoding import excerpt
from adapters.gate.frames import Notice, decode_frame
from adapters.gate.outcomes import judged
from adapters.gate.signing import Credentials
from adapters.gate.venue_clock import Skew, venue_ns
from adapters.loop import LoopThread
from adapters.ports import Clock
from state.errors import VenueMalformed
from state.messages.venue import Refused, Unknown
from state.values import NS_PER_S

_LOGIN = "login"
_NOT_LOGGED_IN = "AUTHENTICATION_FAILED"
_IN_FLIGHT_MAX = 256
"""Calls without an answer beyond which the socket counts as saturated."""


class EntrySettings(Struct, frozen=True, kw_only=True):
    """Times of the order entry, in seconds."""

    answer_s: float = 5.0
    """A call without an answer for so long is of unknown outcome."""
    login_s: float = 5.0
    unmeasured_s: float = 0.25
    """How often it is looked whether the exchange's clock is known by now."""
    refused_again_s: float = 30.0
    """A login that was refused is tried again after this."""
    drain_s: float = 1.0
    """How long calls may still be answered after the exchange announced that it will close."""
    streams: StreamSettings = StreamSettings()


class Entered(Struct, frozen=True, kw_only=True):
    """A call that is to be made, and whom to tell; exactly one of its three calls back is made."""

    call: ApiCall
    last_look: Callable[[], Refused | None]
    """Asked when nothing but the write is left; what it returns is the outcome."""
    settled: Callable[[ApiAnswer | Refused | Unknown], None]
    """`Refused` comes from `last_look` alone: it never left. `Unknown` where none was readable."""
    declined: Callable[[], None]
    """It cannot be sent now, and nothing of it was."""


class OrderEntry:
    """The low-latency way for placements, amendments and cancels."""

    def __init__(
        self,
        loop: LoopThread,
        *,
        ws_urls: tuple[str, ...],
        credentials: Credentials,
        clock: Clock,
        skew: Skew,
        random: Callable[[], float] = system_random.random,
        settings: EntrySettings | None = None,
    ) -> None:
        """Connect soon, and log in.

        Args:
            loop: Owns the socket.
            ws_urls: With Gate's path; the first that works is used.
            credentials: Of the account.
            clock: Ours.
            skew: The exchange's clock, which signatures carry; answers teach it.
            random: Uniform in [0, 1): draws the waits before reconnecting.
            settings: Times.
        """
        self._loop = loop
        self._line = _EntryLine(
            ws_urls, credentials, clock, skew, random, settings or EntrySettings()
        )
        loop.call(self._line.start)

    @property
    def ready(self) -> bool:
        """Whether a call would be sent now: logged in, in no doubt, not saturated."""
        return self._line.ready

    @property
    def connects(self) -> int:
        """Connections made since the start."""
        return self._line.connection.connects

    @property
    def logins(self) -> int:
        """Logins that worked since the start."""
        return self._line.logins

    @property
    def malformed(self) -> int:
        """Frames nobody could read since the start."""
        return self._line.malformed

    def enter(self, entered: Entered) -> bool:
        """Make the call soon; False, and nothing will come of it, when the loop is closed."""
        return self._loop.call(self._line.enter, entered)

    def close(self, deadline_s: float) -> bool:
        """Send nothing more and wait for the answers that are due; return whether all came in time.

        What was not answered by then is of unknown outcome.
        """
        self._line.closing = True
        # On a loop that is closed already nobody is told anything any more.
        in_time = self._loop.call(self._line.finish) and self._line.idle.wait(deadline_s)
        self._loop.call(self._line.end)
        return in_time


class _Waiting(Struct, frozen=True):
    """A call whose bytes have left."""

    entered: Entered
    sent_ns: int
    """By our monotonic clock."""
    timer: asyncio.TimerHandle


class _EntryLine:
    """The connection, its login and the calls on the way. A `Listener`."""

    def __init__(
        self,
        ws_urls: tuple[str, ...],
        credentials: Credentials,
        clock: Clock,
        skew: Skew,
        random: Callable[[], float],
        settings: EntrySettings,
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._skew = skew
        self._settings = settings
        self._waiting: dict[str, _Waiting] = {}
        self._number = 0
        self._logged_in = False
        self._doubted = False
        """Something was not answered in time: nothing is sent until something is heard."""
        self.closing = False
        """Set from any thread: nothing more is sent."""
        self.idle = threading.Event()
        """Set when we are closing and nothing waits for an answer."""
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.logins = 0
        self.malformed = 0
        self.connection = Connection(
            ws_urls,
            self,
            settings.streams,
            name="order entry",
            random=random,
            carries_data=False,
        )

    @property
    def ready(self) -> bool:
        return (
            self._logged_in
            and not self.closing
            and not self._doubted
            and len(self._waiting) < _IN_FLIGHT_MAX
            and not self.connection.is_congested
        )

    def start(self) -> None:
        if not self.closing:
            self._task = asyncio.get_running_loop().create_task(self.connection.run())

    def finish(self) -> None:
        if not self._waiting:
            self.idle.set()

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self.lost("closed by us")

    def enter(self, entered: Entered) -> None:
        if not self.ready:
            entered.declined()
            return
        name = self._next_name()
        frame = self._frame(entered.call, name)
        refused = entered.last_look()
        if refused is not None:
            entered.settled(refused)
        elif not self.connection.send(frame):
            entered.declined()
        else:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self._settings.answer_s, self._unanswered, name)
            self._waiting[name] = _Waiting(entered, self._clock.monotonic_ns(), timer)

    def opened(self) -> None:
        self._log_in()

    def frame(self, data: bytes) -> bool:
        self._doubted = False
        try:
            answer = decode_answer(data)
            if answer is not None:
                self._answered(answer)
            elif decode_frame(data) is Notice.UPGRADE:
                self._drain()
        except VenueMalformed as error:
            self._malformed(data, error)
        return False

    def looked(self) -> None:
        pass

    def lost(self, reason: str) -> None:
        self._logged_in = self._doubted = False
        self._cancel_timer()
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.timer.cancel()
            self._settle(one.entered, Unknown(reason=f"the connection was lost: {reason}"))

    def _log_in(self) -> None:
        if self._skew.offset_ns() is None:
            # Somebody will ask the exchange for the time; a wrong one would only be refused.
            self._after(self._settings.unmeasured_s, self._log_in)
            return
        refused = self._skew.refusal()
        if refused is not None:
            self._login_failed(refused.message)
            return
        self.connection.send(self._frame(ApiCall(channel=LOGIN, parameters=b""), _LOGIN))
        self._after(self._settings.login_s, self._login_unanswered)

    def _after(self, delay_s: float, call: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(delay_s, call)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _login_unanswered(self) -> None:
        self.connection.lose("no answer to the login")

    def _login_failed(self, why: str) -> None:
        logger.error("order entry: the login was refused, orders go over REST: {}", why)
        self._after(self._settings.refused_again_s, self._log_in)

    def _login_answered(self, answer: ApiAnswer) -> None:
        refused = judged(answer.status, answer.label, answer.message)
        if refused is not None or not 200 <= answer.status < 300:
            self._login_failed(f"{answer.label} (status {answer.status}): {answer.message}")
            return
        self._cancel_timer()
        self._logged_in = True
        self.logins += 1

    def _answered(self, answer: ApiAnswer) -> None:
        if answer.is_ack:
            return  # That it came there proves nothing yet: the answer proper follows.
        if answer.request_id == _LOGIN:
            self._login_answered(answer)
            return
        one = self._waiting.pop(answer.request_id, None)
        if one is not None:
            one.timer.cancel()
            received_ns = self._clock.monotonic_ns()
            self._skew.stamped(answer.stamps, sent_ns=one.sent_ns, received_ns=received_ns)
            self._settle(one.entered, answer)
        if answer.label == _NOT_LOGGED_IN:
            self.connection.lose("the exchange does not know us any more")

    def _unanswered(self, name: str) -> None:
        one = self._waiting.pop(name, None)
        if one is not None:
            # Whatever is wrong, the next order had better not find out: it goes over REST until
            # this connection shows a sign of life, or is lost for showing none.
            self._doubted = True
            reason = f"no answer within {self._settings.answer_s:g} s"
            self._settle(one.entered, Unknown(reason=reason))

    def _malformed(self, data: bytes, error: VenueMalformed) -> None:
        self.malformed += 1
        one = self._waiting.pop(request_named(data), None)
        if one is not None:
            one.timer.cancel()
            self._settle(one.entered, Unknown(reason=f"unreadable answer: {error}"))
        else:
            logger.warning("order entry: a frame nobody can read is skipped: {}", excerpt(data))

    def _drain(self) -> None:
        """Send nothing more on a connection that will close; what is on its way gets a moment."""
        self._logged_in = False
        self._after(self._settings.drain_s, self._leave)

    def _leave(self) -> None:
        self.connection.lose("the exchange announced that it will close")

    def _settle(self, entered: Entered, outcome: ApiAnswer | Unknown) -> None:
        try:
            entered.settled(outcome)
        except Exception:  # noqa: BLE001 - what its receiver does wrong must not cost the others
            logger.exception("the outcome of a {} could not be told", entered.call.channel)
        if self.closing:
            self.finish()

    def _frame(self, call: ApiCall, name: str) -> bytes:
        time_s = venue_ns(self._clock, self._skew) // NS_PER_S
        return encode_call(call, request_id=name, time_s=time_s, credentials=self._credentials)

    def _next_name(self) -> str:
        self._number += 1
        return f"gh-{self._number}"
