"""Somebody in the simulation who wants what no strategy wants yet: ladders, at any moment."""

from decimal import Decimal

from msgspec import Struct

from actors import addresses
from actors.kernel import Actor
from state.instrument import TradingRules
from state.messages.accounts import PositionChanged
from state.messages.held import RulesKnown
from state.messages.journal import Journaled
from state.messages.market import BookLost, BookMeasured
from state.messages.orders import (
    Bound,
    CancelParent,
    DecisionDropped,
    Ladder,
    OrderProposed,
    ParentIntended,
)
from state.values import (
    NS_PER_S,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Purpose,
    Quantity,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
)

ADDRESS = "meddler"
EVERY_S = 2.0
"""Between two wishes, on average."""
NOTIONAL = Decimal(120)
LADDER = Ladder(rungs_bps=(Decimal(-3), Decimal(0), Decimal(5)), pause_s=0.1)
"""Its first rung takes nothing while the book stands, its second the touch alone."""
CAPS_BPS = (Decimal(-2), Decimal(1), Decimal(40))
"""How far beyond the touch it may go: with some of these nobody takes all of it."""


class _Wish:
    """Time to want something."""


class _Regret(Struct, frozen=True):
    """Time to want it no longer."""

    decision: DecisionId


class Meddler(Actor):
    """Proposes ladders both ways, and cancels some of them half way.

    Args:
        process: Names this process in decision ids.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process
        self._books: dict[Pair, BookMeasured] = {}
        self._rules: dict[Pair, TradingRules] = {}
        self._held: dict[Pair, Decimal] = {}

    def on_start(self) -> None:
        """Listen to everything a proposal needs."""
        topics = (BookMeasured, BookLost, RulesKnown, PositionChanged, ParentIntended)
        for topic in topics:
            self.subscribe(topic)
        self._wish_again()

    def on_receive(self, message: object) -> None:
        """Remember what is said; want something now and then."""
        match message:
            case BookMeasured():
                self._books[message.pair] = message
            case BookLost():
                self._books.pop(message.pair, None)
            case RulesKnown():
                self._rules[message.pair] = message.rules
            case PositionChanged():
                self._held[message.pair] = message.quantity
            case Journaled(event=ParentIntended() as parent):
                if self.random.random() < 0.3:
                    self.after(self.random.random(), _Regret(parent.decision_id))
            case _Regret():
                cancel = CancelParent(decision_id=message.decision, reason="changed my mind")
                self.tell(addresses.ORDER_ROUTER, cancel)
            case _Wish():
                self._wish()
                self._wish_again()
            case DecisionDropped():
                pass
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _wish_again(self) -> None:
        self.after(self.random.expovariate(1 / EVERY_S), _Wish())

    def _wish(self) -> None:
        known = sorted(self._books.keys() & self._rules.keys())
        if not known:
            return
        pair = self.random.choice(known)
        book, rules = self._books[pair], self._rules[pair]
        side = self.random.choice(list(Side))
        best = Decimal(repr(book.ask if side is Side.BUY else book.bid))
        beyond = self.random.choice(CAPS_BPS)
        price = rules.price_passive(best * (1 + side.sign * beyond / 10_000), side)
        quantity = rules.quantity_down(
            NOTIONAL / price if side is Side.BUY else self._held.get(pair, Decimal(0))
        )
        if quantity >= rules.smallest(price):
            self._propose(pair, side, quantity, price)

    def _propose(self, pair: Pair, side: Side, quantity: Quantity, price: Price) -> None:
        now_ns = self.now_ns()
        decision = DecisionId(f"{pair}/meddler/{self._process}/{self.next_id()}")
        proposal = OrderProposed(
            decision_id=decision,
            trace_id=TraceId(decision),
            pair=pair,
            strategy=ADDRESS,
            side=side,
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            time_in_force=TimeInForce.IOC,
            reason="a whim",
            worksheet=(Bound(name="whim", quantity=quantity),),
            proposed_at_ns=now_ns,
            expires_at_ns=TimeNs(now_ns + NS_PER_S),
            reply_to=self.address,
            purpose=Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
            plan=LADDER,
        )
        self.tell(addresses.RISK_GUARD, proposal)
