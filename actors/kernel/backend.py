"""A pykka actor type that is stepped by a dispatcher instead of owning a thread.

Nothing of Gatehouse is in here: pykka's own test suite runs against these classes
(tests/actors/kernel/test_pykka_canary.py), which is how we know that what we build on still stands.
"""

import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pykka
from pykka import ActorRegistry, Future, ThreadingFuture

from actors.kernel.dead_letters import DeadLetters
from actors.kernel.mailbox import Address, Dispatcher, Inbox, Mailbox

if TYPE_CHECKING:
    from pykka._actor import ActorInbox

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
