"""An operator's desk over a journal and a database on disk; the test is the operator's client."""

from typing import Any

from actors import addresses
from actors.kernel import ChildReport
from actors.operations.admin import Admin, Desk
from state.messages.journal import Event, Record
from state.messages.operations import (
    AdminRequest,
    OperatorCommanded,
    SessionAnswer,
    SessionState,
    SessionWanted,
)
from state.messages.orders import Refusal
from state.messages.risk import LimitsTold, LimitsWanted
from state.store import DATABASE_NAME, DataLock, Reader, open_reader
from state.values import Session
from tests.actors.examples import BTC, ETH, NOW, USDT, a_call
from tests.actors.house import House, Journal
from tests.fakes import FakeAdminServer
from tests.state.stores import a_day, append, opened

ADMIN = addresses.ADMIN
FEED = addresses.feed(BTC)
ANSWERED, REFUSED = "answered", "refused"


class Scene:
    """A desk whose house has two actors: the feed below its supervisor, and the desk itself."""

    def __init__(self, house: House, folder, *, with_database: bool = True) -> None:
        self.house, self.server = house, FakeAdminServer()
        self.journal = Journal(house, addresses.RECORDER)
        self.keeper = house.ear(addresses.SESSION_KEEPER)
        self.ledger = house.ear(addresses.LEDGER_KEEPER)
        self.guard = house.ear(addresses.RISK_GUARD)
        self.advisor = house.ear(addresses.ADVISOR)
        house.runtime.open(FEED)  # Nobody lives there: what it is told can be looked at.
        self.supervisor = house.ear("market")
        self.operations = house.ear("operations")
        self.root = house.ear("root")
        self.shut_down: list[str] = []
        self.halted: list[tuple[str, str]] = []
        """Reasons and callers of what was stopped at once."""
        self.config: dict[str, Any] = {"log.level": "info"}
        self._folder = folder
        if with_database:
            with DataLock(folder) as lock:
                store = opened(lock)
                append(store, *a_day())
                store.close()
        desk = Desk(
            server=self.server,
            open_reader=self._open_reader,
            venue="simulated",
            pairs=(BTC, ETH),
            quote=USDT,
            show_config=lambda: [{"key": name} for name in self.config],
            set_config=self._set_config,
            started_ns=NOW,
            shut_down=self.shut_down.append,
            halt=lambda reason, caller: self.halted.append((reason, caller)),
        )
        self.report(FEED, "market")
        self.report(ADMIN, "operations")
        self.report("operations", "root")
        self._desk = desk
        house.live(ADMIN, Admin, desk)

    def append(self, *events: Event) -> None:
        """Write `events` into the database that the desk reads."""
        with DataLock(self._folder) as lock:
            store = opened(lock)
            append(store, *events)
            store.close()

    def _open_reader(self) -> Reader:
        return open_reader(self._folder / DATABASE_NAME)

    def _set_config(self, changes: dict[str, Any]) -> dict[str, Any]:
        if "seed" in changes:
            raise ValueError("seed cannot be changed while the house runs")
        self.config.update(changes)
        return {"changed": sorted(changes)}

    def report(self, address: str, supervisor: str, **changes: Any) -> None:
        members: dict[str, Any] = {
            "address": address,
            "supervisor": supervisor,
            "state": "running",
            "incarnation": 1,
            "restarts": 0,
            "last_error": "",
            "since_ns": 0,
        }
        self.house.runtime.report(ChildReport(**members | changes))
        self.house.settle()

    def send(self, request: AdminRequest) -> None:
        self.server.call(request)
        self.house.settle()

    def call(self, method: str, **params: Any) -> Any:
        """Call a method that is answered at once; return the result, or the refusal's code."""
        self.send(a_call(method, **params))
        self.answer_limits()
        how, what = self.outcome()
        return what if how == ANSWERED else what[0]

    def answer_limits(self, entry: Refusal | None = None) -> None:
        """Answer what the risk guard was asked."""
        for wanted in self.guard.take(LimitsWanted):
            told = LimitsTold(
                pair=wanted.pair,
                request=wanted.request,
                entry=entry,
                exit=None,
                uses=(),
                standing=None,
            )
            self.house.tell(ADMIN, told)

    def outcome(self) -> tuple[str, Any]:
        """Return the one outcome since this was last asked: the result, or code and message."""
        answers, refusals = self.server.answers, self.server.refusals
        assert len(answers) + len(refusals) == 1, (answers, refusals)
        if answers:
            [(_, result)] = answers
            answers.clear()
            return ANSWERED, result
        [(_, code, message)] = refusals
        refusals.clear()
        return REFUSED, (code, message)

    def unanswered(self) -> bool:
        return not self.server.answers and not self.server.refusals

    def answer_wish(self, session: Session, refused: str = "") -> SessionWanted:
        """Answer what the session keeper was last asked."""
        [wish] = self.keeper.take(SessionWanted)
        answer = SessionAnswer(request=wish.request, session=session, refused=refused)
        self.house.tell(ADMIN, answer)
        assert isinstance(wish, SessionWanted)
        return wish

    def waiting_for_feed(self) -> list[Any]:
        mailbox = self.house.runtime.mailboxes[FEED]
        return [envelope.message for envelope in mailbox.control]

    def be(self, session: Session) -> None:
        self.house.publish(SessionState(session=session, reason="", since_ns=NOW))

    @property
    def commands(self) -> list[OperatorCommanded]:
        return self.journal.told(OperatorCommanded)

    @property
    def records(self) -> list[Record]:
        return self.journal.records
