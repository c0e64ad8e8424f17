"""The driver: in the trader's place, it wants what a script says and nothing else."""

from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors import addresses
from actors.execution.client_ids import client_order_id
from actors.kernel import Actor
from state.messages.accounts import PositionChanged
from state.messages.held import ParentHeld, RulesKnown
from state.messages.journal import Journaled, JournalOpened, OrderFound, OrderSought
from state.messages.market import BookLost, BookMeasured
from state.messages.operations import SessionSought, SessionState
from state.messages.orders import (
    AmendProposed,
    CancelOrder,
    DecisionDropped,
    OrderEvent,
    OrderProposed,
    ParentWanted,
    RulesWanted,
)
from state.order import Order, OrderState
from state.parent_order import ParentOrder
from state.values import (
    NS_PER_S,
    ClientOrderId,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Session,
    TimeInForce,
    TimeNs,
    TraceId,
)
from supervisor.crash_points.scenarios import ATTEMPTS, Wish

STRATEGY = "script"
TAKING = Price(Decimal("65000.5"))
"""The price of a rival, who takes what is there."""
PROPOSAL_TTL_S = 1.0
LOOK_AGAIN_S = 0.5
MARGIN_NS = 6 * NS_PER_S
"""After a proposal's expiry, until when its order would be in the journal, and the risk guard has
let go of an approval that came to nothing."""
AFTER_A_DROP_NS = 700_000_000
"""What a proposal was dropped for is not over at once: a guard that was restarted waits for a
book."""


class Cursor(Struct, frozen=True):
    """How far the script is done."""

    done: tuple[str, ...]


class Diary(Struct):
    """What a test may read of the driver; it is of this life only."""

    done: list[str] = []
    proposed: int = 0
    over: bool = False


class _LookDue(Struct, frozen=True):
    """Ask the journal what became of it."""


class _AmendDue(Struct, frozen=True):
    order: ClientOrderId


class _CancelDue(Struct, frozen=True):
    order: ClientOrderId


class Driver(Actor):
    """One per pair. A restart takes its cursor from its snapshot, the rest from the journal.

    It proposes each wish under decision ids that are a function of wish and attempt. What became
    of an attempt it learns from the journal alone; only when an attempt can never become a live
    order does it make the next one.

    Args:
        pair: What it trades.
        of_a_trader: What else a trader is given; not looked at.
        wishes: The script.
        account: Names the account in client order ids.
        diary: What it writes for whoever watches.
        idle_s: How long it waits before the first proposal.
    """

    snapshot_type = Cursor

    def __init__(
        self,
        pair: Pair,
        *of_a_trader: object,
        wishes: tuple[Wish, ...],
        account: str,
        diary: Diary,
        idle_s: float = 0.0,
    ) -> None:
        super().__init__()
        del of_a_trader
        self._pair = pair
        self._wishes = wishes
        self._account = account
        self._diary = diary
        self._idle_s = idle_s
        self._done: list[str] = []
        self._found: dict[ClientOrderId, Order | None] = {}
        """What the journal said of the attempts of the present wish, in this life."""
        self._attempt = 1
        """The lowest one that was not given up in this life."""
        self._expires_ns: TimeNs | None = None
        """Of the proposal that is out; None when none is."""
        self._not_before_ns = 0
        """Until when it is no use to propose again."""
        self._names_of: dict[str, list[ClientOrderId]] = {}
        self._parent: ParentOrder | None = None
        self._missing = 0
        """How often in a row the router knew no parent order."""
        self._amending: set[ClientOrderId] = set()
        self._cancelling: set[ClientOrderId] = set()
        self._session = Session.STARTING
        self._knows_rules = False
        self._knows_book = False

    def snapshot(self) -> Cursor:
        """Return what is done."""
        return Cursor(tuple(self._done))

    def restore(self, snapshot: Any) -> None:
        """Take what was done."""
        self._done = list(snapshot.done)

    def on_start(self) -> None:
        """Listen, and ask what became of what an earlier life may have wanted."""
        self._diary.over = self._wish is None
        topics: list[type[Any]] = [*OrderEvent.__subclasses__(), PositionChanged]
        topics += [BookMeasured, BookLost, RulesKnown]
        for topic in topics:
            self.subscribe(topic, self._pair)
        for everyone in (SessionState, JournalOpened):
            self.subscribe(everyone)
        self.tell(addresses.SESSION_KEEPER, SessionSought(reply_to=self.address))
        self.tell(addresses.RISK_GUARD, RulesWanted(pair=self._pair, reply_to=self.address))
        self.after(self._idle_s, _LookDue())

    def on_receive(self, message: Any) -> None:
        """Hear what became of it; want the next thing."""
        match message:
            case OrderFound():
                if message.client_order_id in self._names():
                    self._found[message.client_order_id] = message.order
                    self._act()
            case Journaled(event=OrderEvent() as event):
                if event.client_order_id in self._names():
                    self._ask()
            case ParentHeld():
                self._parent = message.parent
                self._missing += message.parent is None
                self._act()
            case DecisionDropped():
                self._on_dropped(message)
            case SessionState():
                self._session = message.session
                self._act()
            case RulesKnown():
                self._knows_rules = True
                self._act()
            case BookMeasured() | BookLost():
                self._knows_book = isinstance(message, BookMeasured)
                self._act()
            case JournalOpened():
                self._found.clear()
            case _LookDue():
                self.after(LOOK_AGAIN_S, _LookDue())
                self._ask()
            case _AmendDue():
                self._on_amend_due(message.order)
            case _CancelDue():
                self._on_cancel_due(message.order)
            case _:
                pass  # What else a trader is told.

    @property
    def _wish(self) -> Wish | None:
        return next((wish for wish in self._wishes if wish.name not in self._done), None)

    def _names(self) -> list[ClientOrderId]:
        wish = self._wish
        if wish is None:
            return []
        if wish.name not in self._names_of:
            decisions = (_decision(wish, one) for one in range(1, ATTEMPTS + 1))
            names = [client_order_id(self._account, one, 1) for one in decisions]
            self._names_of[wish.name] = names
        return self._names_of[wish.name]

    def _ask(self) -> None:
        wish = self._wish
        for name in self._names():
            sought = OrderSought(client_order_id=name, reply_to=self.address)
            self.tell(addresses.RECORDER, sought)
        if wish is not None and wish.plan is not None:
            wanted = ParentWanted(decision_id=_decision(wish, self._attempt), reply_to=self.address)
            self.tell(addresses.ORDER_ROUTER, wanted)

    def _act(self) -> None:
        wish, names = self._wish, self._names()
        if wish is None or len(self._found) < len(names):
            return
        if wish.plan is not None:
            self._act_on_parent(wish, names)
            return
        known = [number for number, name in enumerate(names, 1) if self._found[name] is not None]
        order = self._found[names[known[-1] - 1]] if known else None
        if order is None or order.state in _NEVER_LIVED:
            if known:
                self._give_up(known[-1])
            self._propose(wish)
        elif order.is_settled:
            self._finish(wish)
        elif wish.amend_after_s is not None and order.client_order_id not in self._amending:
            self._amending.add(order.client_order_id)
            if not order.amendments:
                self.after(wish.amend_after_s, _AmendDue(order.client_order_id))
        elif wish.cancel_after_s is not None and order.client_order_id not in self._cancelling:
            self._cancelling.add(order.client_order_id)
            self.after(wish.cancel_after_s, _CancelDue(order.client_order_id))

    def _act_on_parent(self, wish: Wish, names: list[ClientOrderId]) -> None:
        """Want a parent order until there is one, and wait until it is over.

        While it lives the router has it; when it is over only its children are known. Some answers
        of nothing in a row, after a child was known, are no race with the parent's own intent.
        """
        if self._parent is not None:
            self._missing = 0
        elif not any(self._found[name] is not None for name in names):
            self._propose(wish)
        elif self._missing >= 4:
            self._finish(wish)

    def _propose(self, wish: Wish) -> None:
        now_ns = self.now_ns()
        if self._expires_ns is not None:
            if now_ns <= self._expires_ns + MARGIN_NS:
                return
            self._give_up(self._attempt)
        able = self._session is Session.READY and self._knows_rules and self._knows_book
        if not able or self._attempt > ATTEMPTS or now_ns < self._not_before_ns:
            return
        decision = _decision(wish, self._attempt)
        self._expires_ns = TimeNs(now_ns + int(PROPOSAL_TTL_S * NS_PER_S))
        proposal = OrderProposed(
            decision_id=decision,
            trace_id=TraceId(decision),
            pair=self._pair,
            strategy=STRATEGY,
            side=wish.side,
            order_type=OrderType.LIMIT,
            quantity=wish.quantity,
            price=wish.price,
            time_in_force=wish.time_in_force,
            reason=wish.name,
            worksheet=(),
            proposed_at_ns=now_ns,
            expires_at_ns=self._expires_ns,
            reply_to=self.address,
            purpose=wish.purpose,
            plan=wish.plan,
        )
        self._diary.proposed += 1
        self.tell(addresses.RISK_GUARD, proposal)
        if wish.rival:
            rival = replace(
                proposal,
                decision_id=DecisionId(f"{decision}/rival"),
                price=TAKING,
                time_in_force=TimeInForce.IOC,
            )
            self.tell(addresses.RISK_GUARD, rival)

    def _on_dropped(self, dropped: DecisionDropped) -> None:
        # Repeated proves nothing: whoever judged it first may still have let it pass.
        wish = self._wish
        is_ours = wish is not None and dropped.decision_id == _decision(wish, self._attempt)
        if is_ours and dropped.refusal.code != "REPEATED":
            self._give_up(self._attempt)
            self._not_before_ns = self.now_ns() + AFTER_A_DROP_NS

    def _give_up(self, attempt: int) -> None:
        if attempt >= self._attempt:
            self._attempt = attempt + 1
            self._expires_ns = None

    def _on_amend_due(self, name: ClientOrderId) -> None:
        wish = self._wish
        if wish is not None and name in self._names():
            proposal = AmendProposed(
                client_order_id=name,
                pair=self._pair,
                quantity=wish.amended,
                reason="the script says so",
                expires_at_ns=TimeNs(self.now_ns() + int(PROPOSAL_TTL_S * NS_PER_S)),
                reply_to=self.address,
            )
            self.tell(addresses.RISK_GUARD, proposal)

    def _on_cancel_due(self, name: ClientOrderId) -> None:
        if name in self._names():  # Said again until the wish is over: the router may have died.
            cancel = CancelOrder(client_order_id=name, reason="the script says so")
            self.tell(addresses.ORDER_ROUTER, cancel)
            self.after(1.0, _CancelDue(name))

    def _finish(self, wish: Wish) -> None:
        self._done.append(wish.name)
        self._diary.done.append(wish.name)
        self._diary.over = self._wish is None
        self._found.clear()
        self._attempt = 1
        self._missing = 0
        self._parent = None
        self._expires_ns = None
        self._ask()


def _decision(wish: Wish, attempt: int) -> DecisionId:
    return DecisionId(f"{wish.name}/{attempt}")


_NEVER_LIVED = frozenset({OrderState.NOT_PLACED, OrderState.REJECTED})
