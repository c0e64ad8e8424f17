"""Who wishes for orders and stops everything: the simulation as strategy and as operator.

It stands outside of the process and lives on when that dies, as people do. It asks for orders of
every kind, asks again for some it asked for before, cancels, and says again what it wants of the
session until it hears that it is so.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from actors import addresses
from actors.kernel.virtual import VirtualRuntime
from state.messages.operations import SessionState, SessionWanted
from state.messages.orders import (
    AmendProposed,
    Bound,
    CancelAllOrders,
    CancelOrder,
    CancelParent,
    Ladder,
    OrderProposed,
)
from state.values import (
    NS_PER_S,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Quantity,
    Session,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
)
from supervisor.simulation.chronicle import Chronicle
from supervisor.simulation.profiles import Profile
from supervisor.worlds.virtual import VirtualOutside

DOOR = "door"
"""Where answers to the desk go."""
STRATEGY = "desk"
_LOOKS_EVERY_S = 0.25
_PAIR_SESSION_S = (0.3, 3.0)
"""So long until a pair is told something else, least and most."""
_VALID_S = 1.0
"""How long a wish may take to reach the wire."""
_LADDER = Ladder(rungs_bps=(Decimal(-4), Decimal(0), Decimal(6)), pause_s=0.05)
"""Its first rung takes nothing while the book stands, its second what is at the touch."""
_REMEMBERED = 8
"""Wishes that may be asked for again."""


class Desk:
    """One per run.

    Args:
        profile: How often it wishes for something.
        pair_sessions: Whether it also tells single pairs what to do.
        outside: Where it reads prices.
        chronicle: Where it reads which orders there are.
        seed: Of its chance.
        runtime: Gives the present process.
        on_reset: Called right before the end of an emergency is asked for.
    """

    def __init__(
        self,
        profile: Profile,
        outside: VirtualOutside,
        chronicle: Chronicle,
        seed: int,
        *,
        pair_sessions: bool,
        runtime: Callable[[], VirtualRuntime],
        on_reset: Callable[[], None],
    ) -> None:
        self._profile = profile
        self._outside = outside
        self._chronicle = chronicle
        self._chance = Random(f"desk:{seed}")  # noqa: S311 (reproducible on purpose)
        self._runtime = runtime
        self._on_reset = on_reset
        self._wishes: list[OrderProposed] = []
        self._made = 0
        self.heard: Session | None = None
        """What the present process last said; None before it said anything."""
        self.wants = Session.READY
        self._pairs_chance = Random(f"pair sessions:{seed}")  # noqa: S311 (reproducible on purpose)
        self._pairs_heard: dict[Pair, Session] = {}
        self._pairs_wanted: dict[Pair, Session] = {}
        """What single pairs are to do; those without anything of their own are left out."""
        self.repeated: set[DecisionId] = set()
        """Decisions that were asked for more than once."""
        self.resetting = False
        """Whether the end of an emergency has been asked for."""
        self.closed = False
        self.calm = False
        if profile.wishes_per_s:
            self._wish_later()
        if pair_sessions:
            self._tell_a_pair_later()
        self._look()

    def begin(self) -> None:
        """A new process: nothing was heard of it yet."""
        self.heard = None
        self.resetting = False

    def on_session(self, state: SessionState) -> None:
        """The present process told its session."""
        self.heard = state.session
        self._pairs_heard = state.pairs
        self._insist()

    def want(self, session: Session) -> None:
        """Have the house in this session, until something else is wanted."""
        self.wants = session
        self.resetting = False
        if self.calm:
            self._pairs_wanted.clear()
        self._insist()

    # The session.

    def _look(self) -> None:
        self._insist()
        self._outside.clock.call_later(int(_LOOKS_EVERY_S * NS_PER_S), self._look)

    def _insist(self) -> None:
        """Say once more what is wanted, where it is not so."""
        if self.heard is None or self.heard is Session.STARTING:
            return
        for pair in self._profile.config.pairs:
            wanted = self._pairs_wanted.get(pair, Session.READY)
            heard = self._pairs_heard.get(pair, Session.READY)
            # A drain that is over is a stop.
            if heard is not wanted and (heard, wanted) != (Session.STOPPED, Session.DRAINING):
                self._tell(wanted, pair=pair)
        if self.heard is self.wants:
            return
        if self.heard is Session.EMERGENCY and self.wants is not Session.EMERGENCY:
            self.resetting = True
            self._on_reset()
            self._tell(Session.PAUSED, resets=True)
        else:
            self._tell(self.wants)

    def _tell(self, session: Session, *, resets: bool = False, pair: Pair | None = None) -> None:
        wish = SessionWanted(
            session=session,
            reason="the simulation",
            caller=DOOR,
            resets_emergency=resets,
            # Every other drain is to sell at once, not when a strategy thinks so.
            flattens=session is Session.DRAINING and self._pairs_chance.random() < 0.5,
            pair=pair,
        )
        self._runtime().tell(addresses.SESSION_KEEPER, wish, control=True)

    def _tell_a_pair_later(self) -> None:
        pause_s = self._pairs_chance.uniform(*_PAIR_SESSION_S)
        self._outside.clock.call_later(int(pause_s * NS_PER_S), self._tell_a_pair)

    def _tell_a_pair(self) -> None:
        """Have one pair do something else, or again what all do."""
        if self.calm:
            return
        chance = self._pairs_chance
        pair = chance.choice(self._profile.config.pairs)
        if self._pairs_wanted.pop(pair, None) is None:
            told = chance.choice([Session.PAUSED, Session.DRAINING, Session.STOPPED])
            self._pairs_wanted[pair] = told
        self._insist()
        self._tell_a_pair_later()

    # Orders.

    def _wish_later(self) -> None:
        rate = self._profile.wishes_per_s / (8 if self.calm else 1)
        pause_s = self._chance.expovariate(rate)
        self._outside.clock.call_later(int(pause_s * NS_PER_S), self._wish)

    def _wish(self) -> None:
        if self.closed:
            return
        drawn = self._chance.random()
        if drawn < 0.65:
            self._propose()
        elif drawn < 0.71:
            self._again()
        elif drawn < 0.88:
            self._amend()
        elif drawn < 0.98:
            self._cancel()
        else:
            everything = CancelAllOrders(reason="the desk clears")
            self._runtime().tell(addresses.ORDER_ROUTER, everything)
        self._wish_later()

    def _propose(self) -> None:
        proposal = self._proposal()
        if proposal is not None:
            self._wishes = [*self._wishes[1 - _REMEMBERED :], proposal]
            self._runtime().tell(addresses.RISK_GUARD, proposal)

    def _again(self) -> None:
        """Ask for an old decision anew, as a strategy does that was restarted."""
        if self._wishes:
            old = self._chance.choice(self._wishes)
            self.repeated.add(old.decision_id)
            self._runtime().tell(addresses.RISK_GUARD, old)

    def _amend(self) -> None:
        """Ask for more or less of an order that rests, at another price or the same."""
        chance = self._chance
        resting = [one for one in self._chronicle.orders.values() if one.accepted and not one.over]
        if not resting:
            return
        known = chance.choice(resting)
        units = self._outside.host.venue.pairs[known.intent.pair].units
        step, tick = (
            Decimal(1).scaleb(-units.amount_decimals),
            Decimal(1).scaleb(-units.price_decimals),
        )
        size = known.quantity * Decimal(chance.choice(["0.5", "1", "1.5", "2"])) // step * step
        price = known.price + tick * int(chance.gauss(0, 20))
        if chance.random() < 0.3:
            # Back to how it began: a late report of then must not be taken for it.
            size, price = known.intent.quantity, known.intent.price
        proposed = AmendProposed(
            client_order_id=known.intent.client_order_id,
            pair=known.intent.pair,
            quantity=Quantity(size),
            price=Price(price) if chance.random() < 0.6 else None,
            reason="the desk thinks again",
            expires_at_ns=TimeNs(self._outside.clock.now_ns() + int(_VALID_S * NS_PER_S)),
            reply_to=DOOR,
        )
        self._runtime().tell(addresses.RISK_GUARD, proposed)

    def _cancel(self) -> None:
        parents = list(self._chronicle.open_parents)
        if parents and self._chance.random() < 0.5:
            cancel_parent = CancelParent(
                decision_id=self._chance.choice(parents), reason="the desk"
            )
            self._runtime().tell(addresses.ORDER_ROUTER, cancel_parent)
            return
        alive = [name for name, known in self._chronicle.orders.items() if not known.over]
        if alive:
            cancel = CancelOrder(client_order_id=self._chance.choice(alive), reason="the desk")
            self._runtime().tell(addresses.ORDER_ROUTER, cancel)

    def _proposal(self) -> OrderProposed | None:
        chance = self._chance
        pair = chance.choice(self._profile.config.pairs)
        side = Side.BUY if chance.random() < 0.6 else Side.SELL
        market = self._outside.host.venue.pairs[pair]
        bid, ask = market.book.bids.best(), market.book.asks.best()
        if bid is None or ask is None:
            return None
        taking = chance.random() < 0.5
        near = ask if (side is Side.BUY) == taking else bid
        # A little beyond the best, or a little behind it.
        off = int(chance.random() * (ask - bid) * 2) * (1 if taking else -1)
        price = Decimal(near + side.sign * off).scaleb(-market.units.price_decimals)
        notional = Decimal(chance.choice([10, 40, 90, 150, 260]))
        step = Decimal(1).scaleb(-market.units.amount_decimals)
        quantity = (notional / price) // step * step
        if not quantity:
            return None
        self._made += 1
        return self._made_of(pair, side, Price(price), Quantity(quantity), taking=taking)

    def _made_of(
        self, pair: Pair, side: Side, price: Price, quantity: Quantity, *, taking: bool
    ) -> OrderProposed:
        kinds = [TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC if taking else TimeInForce.POC]
        now_ns = self._outside.clock.now_ns()
        decision = DecisionId(f"{pair}/{STRATEGY}/{self._made}")
        return OrderProposed(
            decision_id=decision,
            trace_id=TraceId(decision),
            pair=pair,
            strategy=STRATEGY,
            side=side,
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            time_in_force=self._chance.choice(kinds),
            reason="the desk wishes",
            worksheet=(Bound(name="notional", quantity=quantity),),
            proposed_at_ns=now_ns,
            expires_at_ns=TimeNs(now_ns + int(_VALID_S * NS_PER_S)),
            reply_to=DOOR,
            plan=_LADDER if self._chance.random() < 0.2 else None,
        )
