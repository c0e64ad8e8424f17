"""The order worker: works one parent order, child by child."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.execution import ladder
from actors.execution.ladder import Over
from actors.kernel import Actor
from state.instrument import TradingRules
from state.messages.held import ParentHeld, RulesKnown
from state.messages.market import BookLost, BookMeasured
from state.messages.operations import SessionSought, SessionState
from state.messages.orders import (
    ChildProposed,
    ChildRefused,
    ParentWanted,
    PlanOver,
    RulesWanted,
)
from state.parent_order import ParentOrder
from state.values import NS_PER_S, DecisionId, Pair, Price, Session, Side

ASK_AGAIN_S = 1.0
"""Who was asked may have died with the question in hand."""
TRY_AGAIN_S = 0.25
"""After a child that router or exchange refused; then twice as long each time."""
TRY_AGAIN_MAX_S = 2.0
"""No longer than a protector waits: it may be a stop whose refusals are over."""
TOUCH_WAIT_S = 0.5
"""So long it waits for a book; what has to get out does not wait for the market data to mend."""


class _Again(Struct, frozen=True):
    """Look again what to do."""


class _AskAgain(Struct, frozen=True):
    """Ask again what was not answered."""


class OrderWorker(Actor):
    """One per parent order. Owns nothing: a restart goes on from the parent as the router has it.

    It says what to do next and never does it: the router holds each child against the parent.

    Args:
        decision: Names the parent.
    """

    def __init__(self, decision: DecisionId) -> None:
        super().__init__()
        self._decision = decision
        self._parent: ParentOrder | None = None
        self._rules: TradingRules | None = None
        self._book: BookMeasured | None = None
        self._session: SessionState | None = None
        self._proposed = 0
        """Number of the child that the router has been asked for."""
        self._not_before_ns = 0
        """No child before then, monotonic."""
        self._touch_by_ns = 0
        """Until then a book is waited for, monotonic."""

    def on_start(self) -> None:
        """Ask how the parent stands."""
        self.subscribe(SessionState)
        self._ask()

    def on_receive(self, message: Any) -> None:
        """Hear how things stand, and go on."""
        match message:
            case ParentHeld():
                self._on_held(message)
            case RulesKnown():
                self._rules = message.rules
            case BookMeasured():
                self._book = message
            case BookLost():
                self._book = None
            case SessionState():
                self._session = message
            case ChildRefused():
                if message.number == self._proposed:
                    self._proposed = 0
                    self._wait(TRY_AGAIN_S)
            case _AskAgain():
                self._proposed = 0
                self._ask()
            case _Again():
                pass
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")
        self._work()

    def _ask(self) -> None:
        me = self.address
        wanted = ParentWanted(decision_id=self._decision, reply_to=me)
        self.tell(addresses.ORDER_ROUTER, wanted)
        if self._parent is not None and self._rules is None:
            pair = self._parent.intent.pair
            self.tell(addresses.RISK_GUARD, RulesWanted(pair=pair, reply_to=me))
        if self._session is None or self._session.session is Session.STARTING:
            self.tell(addresses.SESSION_KEEPER, SessionSought(reply_to=me))
        self.after(ASK_AGAIN_S, _AskAgain())

    def _may_enter(self, pair: Pair) -> bool:
        return self._session is not None and self._session.of(pair) is Session.READY

    def _on_held(self, held: ParentHeld) -> None:
        before, parent = self._parent, held.parent
        self._parent = parent
        if parent is None or parent.finished is not None:
            self.stop()
            return
        if before is None:
            self._begin(parent)
        elif before.outstanding and not parent.outstanding:
            rejected = len(ladder.rejections(parent))
            again_s = TRY_AGAIN_S * 2.0 ** (rejected - 1) if rejected else 0.0
            self._wait(max(parent.intent.plan.pause_s, min(again_s, TRY_AGAIN_MAX_S)))

    def _begin(self, parent: ParentOrder) -> None:
        pair = parent.intent.pair
        for topic in (BookMeasured, BookLost, RulesKnown):
            self.subscribe(topic, pair)
        self.tell(addresses.RISK_GUARD, RulesWanted(pair=pair, reply_to=self.address))
        self._touch_by_ns = self.monotonic_ns() + int(TOUCH_WAIT_S * NS_PER_S)
        self.after(TOUCH_WAIT_S, _Again())

    def _wait(self, seconds: float) -> None:
        if seconds:
            self._not_before_ns = self.monotonic_ns() + int(seconds * NS_PER_S)
            self.after(seconds, _Again())

    def _work(self) -> None:
        parent, now_ns = self._parent, self.monotonic_ns()
        if parent is None or parent.is_closed or parent.outstanding or not parent.left:
            return
        if self._rules is None or now_ns < self._not_before_ns:
            return
        if parent.intent.side is Side.BUY and not self._may_enter(parent.intent.pair):
            return  # What grows a position waits; what ends one never does.
        if self._proposed == parent.next_number:
            return
        touch = self._touch(parent)
        if touch is None and now_ns < self._touch_by_ns:
            return
        step = ladder.next_step(parent.intent.plan, parent, touch, self._rules)
        if isinstance(step, Over):
            over = PlanOver(decision_id=self._decision, reason=step.reason)
            self.tell(addresses.ORDER_ROUTER, over)
            self._wait(ASK_AGAIN_S)
            return
        self._proposed = parent.next_number
        child = ChildProposed(
            decision_id=self._decision,
            number=parent.next_number,
            quantity=step.quantity,
            price=step.price,
            time_in_force=step.time_in_force,
            touch=touch,
            reply_to=self.address,
        )
        self.tell(addresses.ORDER_ROUTER, child)

    def _touch(self, parent: ParentOrder) -> Price | None:
        """Return the best price of the other side; of a lost book none is told."""
        if self._book is None:
            return None
        best = self._book.ask if parent.intent.side is Side.BUY else self._book.bid
        return Price(Decimal(repr(best)))
