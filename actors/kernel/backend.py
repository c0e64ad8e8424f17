"""A pykka actor type that is stepped by a dispatcher instead of owning a thread.

Nothing of Gatehouse is in here: pykka's own test suite runs against these classes
(tests/actors/kernel/test_pykka_canary.py), which is how we know that what we build on still stands.
"""

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pykka
from pykka import ActorRegistry, Future, ThreadingFuture
from pykka._envelope import Envelope

from actors.kernel.dead_letters import DeadLetters
from actors.kernel.mailbox import Address, Dispatcher, Inbox, Mailbox, Rest

if TYPE_CHECKING:
    from pykka._actor import ActorInbox

logger = logging.getLogger("pykka")
"""pykka's, for what its loop would have said."""
here = threading.local()
"""`here.inbox`: whose handler this thread is running, None outside handlers."""


class WouldBlock(Exception):
    """A handler tried to wait for a future; it would stop every actor its worker serves."""


class SteppedFuture(ThreadingFuture[Any]):
    """A future that an actor may not wait for."""

    def get(self, *, timeout: float | None = None) -> Any:
        """Wait for the value, outside of actors.

        Raises:
            WouldBlock: Inside a handler, naming the actor.
        """
        inbox = getattr(here, "inbox", None)
        if inbox is not None and self._result is None and self._get_hook is None:
            raise WouldBlock(
                f"{inbox.mailbox.address} waits for an answer inside a handler; ask with two"
                " messages and a time-out to yourself instead"
            )
        return super().get(timeout=timeout)


class SteppedActor(pykka.Actor):
    """pykka's actor on our mailboxes. `start()` needs a subclass with a `dispatcher`."""

    dispatcher: ClassVar[Dispatcher]
    actor_inbox: Inbox

    def _create_actor_inbox(self) -> "ActorInbox":  # type: ignore[override]
        mailbox = Mailbox(Address(self.actor_urn), DeadLetters())
        return Inbox(mailbox, mailbox.take_over(), self.dispatcher)

    @staticmethod
    def _create_future() -> Future[Any]:
        return SteppedFuture()

    def _start_actor_loop(self) -> None:
        inbox = self.actor_inbox
        inbox.actor = self
        inbox.mailbox.settle(inbox)

    def take_turn(self, budget: int) -> Rest | None:
        """Handle up to `budget` messages; return why there is no next one, None when stopped.

        This is pykka's `_actor_loop_running`, but for where its messages come from: an inbox that
        has none says so instead of waiting. pykka's own tests hold it to pykka's words.
        """
        take, stopped = self.actor_inbox.take, self.actor_stopped.is_set
        while True:
            envelope = take(budget)
            if isinstance(envelope, Rest):
                return envelope
            budget -= 1
            try:
                answer = self._handle_receive(envelope.message)
                if envelope.reply_to is not None:
                    envelope.reply_to.set(answer)
            except Exception:  # noqa: BLE001 (every way to die is judged)
                self._suffer_error(envelope)
            except BaseException as error:  # noqa: BLE001
                logger.debug("%r in %s. Stopping all actors.", error, self)
                self._stop()
                ActorRegistry.stop_all()
            if stopped():
                return None

    def _suffer_error(self, envelope: Envelope[Any]) -> None:
        """Tell an asker of the exception being handled; without one it ends the actor."""
        if envelope.reply_to is not None:
            logger.info("Exception returned from %s to caller:", self, exc_info=True)  # noqa: LOG014 (in one)
            envelope.reply_to.set_exception()
            return
        self._handle_failure(*sys.exc_info())
        try:
            self.on_failure(*sys.exc_info())
        except Exception:  # noqa: BLE001
            self._handle_failure(*sys.exc_info())

    def _actor_loop_teardown(self) -> None:
        # pykka drains the inbox here and loses what was told; closing refuses it by name instead.
        self.actor_inbox.mailbox.close()

    def _stop(self) -> None:
        # A BaseException in pykka's loop stops all actors, us a second time: once is enough.
        if not self.actor_stopped.is_set():
            super()._stop()


def forget(actor: pykka.Actor) -> None:
    """Take `actor` out of pykka's global list, which supervised actors never enter."""
    ActorRegistry.unregister(actor.actor_ref)
