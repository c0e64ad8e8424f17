"""One concern in virtual time: in the place of all its neighbours are ears that remember."""

from typing import Any, TypeVar

from actors.kernel import Actor, Birthright, Exited, ExitKind
from actors.kernel.virtual import VirtualRuntime
from state.messages.advice import AdviceWanted
from state.messages.journal import (
    Books,
    BooksWanted,
    Echo,
    EchoWanted,
    Event,
    Journaled,
    JournalOpened,
    KnownSought,
    OrderFound,
    OrderSought,
    Record,
    RecordDenied,
    Recorded,
)
from state.store import (
    RecordRefused,
    advice_books,
    fill_cursors,
    known_of,
    last_agreement,
    last_fired,
    last_risk,
    last_session,
    order_named,
    pair_sessions,
    pending_amendments,
    pending_decisions,
    recent_risk,
    searched_triggers,
    stored_protections,
    trigger_numbers,
)
from tests.state.stores import entries, in_memory

PARENT = "parent"
Message = TypeVar("Message")


class Heard(list[Any]):
    """What came to one place, oldest first."""

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self if isinstance(message, kind)]

    def take(self, kind: type[Message]) -> list[Message]:
        """Return the messages of `kind` and forget all that came."""
        found = self.of(kind)
        self.clear()
        return found


class _Ear(Actor):
    def __init__(self, heard: Heard, topics: tuple[type[Any], ...]) -> None:
        super().__init__()
        self._heard = heard
        self._topics = topics

    def on_start(self) -> None:
        for topic in self._topics:
            self.subscribe(topic)

    def on_receive(self, message: Any) -> None:
        self._heard.append(message)


class House:
    """A virtual runtime with whom the test wants in it, and ears everywhere else."""

    def __init__(self, seed: int = 0) -> None:
        self.runtime = VirtualRuntime(seed=seed)
        self._births: dict[str, Birthright] = {}
        self.family = self.ear(PARENT)
        """What the parent of the actors under test hears of their lives."""

    @property
    def now_ns(self) -> int:
        return self.runtime.clock.now_ns()

    def ear(self, address: str) -> Heard:
        """Put an ear at `address` and return what it hears."""
        return self._ear(address)

    def listener(self, *topics: type[Any]) -> Heard:
        """Return what is published of `topics` from now on."""
        return self._ear(f"listener {len(self.runtime.mailboxes)}", *topics)

    def _ear(self, address: str, *topics: type[Any]) -> Heard:
        heard = Heard()
        birth = Birthright(make=_Ear, args=(heard, topics), snapshot_every_s=None)
        self.runtime.spawn(address, birth, parent=None)
        self.runtime.settle()
        return heard

    def live(self, address: str, make: type[Actor], *args: Any, **kwargs: Any) -> None:
        """Bring the actor under test to life."""
        self._births[address] = Birthright(make=make, args=args, kwargs=kwargs)
        self.runtime.spawn(address, self._births[address], parent=PARENT)
        self.runtime.settle()

    def crash(self, address: str) -> None:
        """End it in the middle of nothing and bring it back as a supervisor would."""
        self.runtime.spawn(address, self._births[address], parent=PARENT)
        self.runtime.settle()

    def stop(self, address: str) -> None:
        """Ask it to stop in good order."""
        mailbox = self.runtime.mailboxes[address]
        self.runtime.shut_down(address, mailbox.epoch)
        self.runtime.settle()

    def is_alive(self, address: str) -> bool:
        return self.runtime.mailboxes[address].inbox is not None

    def tell(self, address: str, *messages: object) -> None:
        """Tell one after the other, each handled with all that follows from it."""
        for message in messages:
            self.runtime.tell(address, message)
            self.runtime.settle()

    def publish(self, *messages: object) -> None:
        for message in messages:
            self.runtime.publish(message)
            self.runtime.settle()

    def settle(self) -> None:
        self.runtime.settle()

    def pass_time(self, seconds: float) -> None:
        self.runtime.run(for_s=seconds)

    def deaths(self) -> list[str]:
        """Return of what the actors under test have died so far, and forget it."""
        died = [one.reason for one in self.family.of(Exited) if one.kind is ExitKind.ERROR]
        self.family.clear()
        return died


class _Scribe(Actor):
    def __init__(self, journal: "Journal") -> None:
        super().__init__()
        self._journal = journal

    def on_receive(self, message: Any) -> None:
        self._journal.hear(message)


class Journal:
    """In the recorder's place: a real store, written to at once or when the test says so."""

    def __init__(self, house: House, address: str) -> None:
        self.store = in_memory()
        self.patient = False
        """True: what comes waits for `write`."""
        self.records: list[Record] = []
        """All that anybody wanted written."""
        self._house = house
        self._waiting: list[Any] = []
        birth = Birthright(make=_Scribe, args=(self,), snapshot_every_s=None)
        house.runtime.spawn(address, birth, parent=None)
        house.settle()

    def hear(self, message: Any) -> None:
        if isinstance(message, Record):
            self.records.append(message)
        if self.patient:
            self._waiting.append(message)
        else:
            self._serve(message)

    def write(self, count: int | None = None) -> None:
        """Serve the `count` oldest of what waits, or all."""
        for message in self._waiting[:count]:
            self._serve(message)
        del self._waiting[:count]
        self._house.settle()

    def lose(self) -> None:
        """Forget what waits, as a recorder does that dies with it in hand."""
        self._waiting.clear()

    def reopen(self) -> None:
        """Say that a new recorder lives."""
        self._house.publish(JournalOpened(last_seq=self.store.last_seq, epoch=self.store.epoch))

    def append(self, *events: Event, silently: bool = False) -> None:
        """Write `events` as somebody else's; `silently`: and die before telling anybody."""
        written = self.store.append_many([Record(entries=tuple(entries(*events)), sender="test")])
        for outcome in written.outcomes:
            assert not isinstance(outcome, RecordRefused), outcome
        if not silently:
            self._publish(written.journaled)
        self._house.settle()

    def told(self, kind: type[Message]) -> list[Message]:
        """Return the events of `kind` in the journal, oldest first."""
        events = (one.event for one in self.store.read(0, 100_000))
        return [event for event in events if isinstance(event, kind)]

    def _serve(self, message: Any) -> None:
        tell = self._house.runtime.tell
        match message:
            case Record():
                written = self.store.append_many([message])
                [outcome] = written.outcomes
                if isinstance(outcome, RecordRefused):
                    tell(message.sender, RecordDenied(request=message.request, reason=str(outcome)))
                else:
                    tell(message.sender, Recorded(request=message.request, seqs=outcome))
                self._publish(written.journaled)
            case BooksWanted():
                tell(message.reply_to, self._books(message))
            case EchoWanted():
                tell(message.reply_to, Echo(number=message.number))
            case KnownSought():
                tell(message.reply_to, known_of(self.store, message))
            case AdviceWanted():
                now_ns = self._house.runtime.clock.now_ns()
                tell(message.reply_to, advice_books(self.store.connection, now_ns))
            case OrderSought():
                name = message.client_order_id
                order = order_named(self.store, name)
                tell(message.reply_to, OrderFound(client_order_id=name, order=order))
            case _:
                raise TypeError(f"nobody tells a recorder {type(message).__name__}")

    def _books(self, wanted: BooksWanted) -> Books:
        now_ns = self._house.runtime.clock.now_ns()
        return Books(
            last_seq=self.store.last_seq,
            epoch=self.store.epoch,
            ledger=self.store.ledger(wanted.quote),
            orders=tuple(self.store.unsettled_orders()),
            decisions=tuple(pending_decisions(self.store, now_ns)),
            amendments=tuple(pending_amendments(self.store, now_ns)),
            session=last_session(self.store),
            pair_sessions=pair_sessions(self.store),
            protections=tuple(stored_protections(self.store.connection).values()),
            triggers=tuple(searched_triggers(self.store.connection)),
            trigger_numbers=trigger_numbers(self.store.connection),
            fired=tuple(last_fired(self.store.connection)),
            agreed=last_agreement(self.store),
            risk=last_risk(self.store),
            recent=tuple(recent_risk(self.store, now_ns)),
            parents=tuple(self.store.open_parents()),
            cursors=fill_cursors(self.store),
        )

    def _publish(self, journaled: list[Journaled]) -> None:
        runtime = self._house.runtime
        for one in journaled:
            pair = getattr(one.event, "pair", None)
            for listener in runtime.bus.listeners(type(one.event), pair):
                runtime.tell(listener, one)
