"""One schedule: chance proposes, trades, moves the market, and lets things die.

Proposals come one by one, everybody knowing everything, or in bursts between facts that are still
on their way. What is forbidden by losses and counts is only claimed in quiet moments; what may be
held at most is claimed in all.
"""

from decimal import Decimal
from random import Random
from typing import Any

from msgspec.structs import replace

from actors import addresses
from actors.execution.client_ids import client_order_id
from state.instrument import TradingRules
from state.messages.accounts import FundsMoved, TradeClosed
from state.messages.journal import Entry
from state.messages.orders import (
    AmendIntended,
    AmendmentDropped,
    ApprovedOrder,
    DecisionDropped,
    DecisionMade,
    Ladder,
    OrderIntended,
    OrderProposed,
    ParentIntended,
    Plan,
    Refusal,
)
from state.messages.protection import Cover
from state.values import (
    NS_PER_S,
    ZERO,
    ClientOrderId,
    Currency,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Purpose,
    Quantity,
    Session,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
)
from supervisor.risk_proof.amending import Amending
from supervisor.risk_proof.drawn import drawn_limits, drawn_protections
from supervisor.risk_proof.facts import covered, intent_of, parent_intent_of
from supervisor.risk_proof.limits import Limits
from supervisor.risk_proof.losses import DAY_S, Losses
from supervisor.risk_proof.market import Market
from supervisor.risk_proof.parents import Parents
from supervisor.risk_proof.stage import CRASHED, PAIRS, PROPOSER, USDT, Dropped, RiskStage
from supervisor.risk_proof.truth import Approval, Deal, Scenery, Stage, Truth
from supervisor.risk_proof.venue import Venue

ACTIONS = 120
FUNDS = Decimal(4000)
FEE_RATE = Decimal("0.002")
MINUTE_NS = 60 * NS_PER_S
_SLEEP_S = 600
"""Whoever lets so much time pass lets nothing happen in it."""
_LADDER = Ladder(rungs_bps=(ZERO,))
_STRANGE = Pair("XRP_USDT")


class Schedule:
    """One seed's worth of attempts.

    Args:
        seed: Gives limits, actions and the order in which everybody is served.
        limits: Where each approval is held against every limit.
    """

    def __init__(self, seed: int, limits: Limits) -> None:
        self._chance = Random(f"risk:{seed}")  # noqa: S311 (reproducible on purpose)
        self._limits = limits
        protections = drawn_protections(self._chance)
        self._settings = drawn_limits(self._chance)
        self._stage = RiskStage(seed, self._settings, protections)
        self._stage.on_approved = self._on_approved
        self._stage.on_meant = self._on_meant
        self._stage.in_hand = self._in_hand
        self._stage.on_refused = self._on_refused
        self._stage.on_closed = self._on_closed
        self._stage.on_decided = self._on_decided
        self._truth = Truth(fee_rate=FEE_RATE)
        self._losses = Losses(self._settings, protections)
        self._market = Market(self._chance, self._stage)
        self._venue = Venue(self._chance, self._stage, self._truth)
        self._parents = Parents(self._venue, self._chance, self._stage, self._truth)
        self._amending = Amending(self, self._venue, self._chance, self._stage, self._truth, limits)
        self._halted = False
        self._uncovered = False
        self._believed = True
        self._numbers = 0

    def run(self) -> None:
        """Try it."""
        self._open()
        actions = (
            (46, self._propose_quietly),
            (8, self._propose_in_a_burst),
            (34, self._deal),
            (8, self._amend_quietly),
            (14, self._market.move),
            (8, self._wait),
            (2, self._move_funds),
            (3, self._change_session),
            (2, self._lose_book),
            (2, self._crash),
            (1, self._crash_both),
            (1, self._restart),
            (1, self._leap),
            (1, self._halt),
            (1, self._change_rules),
            (1, self._go_over_midnight),
            (1, self._jump),
            (1, self._uncover),
            (6, self._go_there_and_back),
            (3, self._fall),
        )
        weights, deeds = zip(*actions, strict=True)
        for _ in range(ACTIONS):
            self._chance.choices(deeds, weights)[0]()

    # Opening, and quiet.

    def _open(self) -> None:
        moved = {USDT: FUNDS}
        entries = [
            Entry(
                event=FundsMoved(
                    currency=currency, change=change, reason="opening", at_ns=self._stage.now_ns
                )
            )
            for currency, change in moved.items()
        ]
        self._truth.cash = FUNDS
        self._stage.record(*entries)
        self._calm()

    def _calm(self) -> None:
        """Let everybody know everything, and look at equity."""
        self._stage.settle()
        self._venue.unsure.clear()
        for pair in PAIRS:
            self._market.show(pair)
        self._stage.wait(1.1)
        self._sample()

    def _sample(self) -> None:
        equity = self._truth.equity(self._market.bids())
        if equity is not None and self._believed:
            self._losses.sample(equity, self._stage.venue_s)

    # Proposing.

    def _propose_quietly(self) -> None:
        self._calm()
        self._propose(is_quiet=True)
        self._stage.settle()

    def _propose_in_a_burst(self) -> None:
        """Several at once, with facts in between that nobody has heard of yet."""
        for _ in range(self._chance.randint(2, 6)):
            self._propose(is_quiet=False)
            if self._chance.random() < 0.5:
                self._deal()
            if self._chance.random() < 0.3:
                self._amending.propose(is_quiet=False)
            if self._chance.random() < 0.2:
                for _ in range(self._chance.randint(1, 40)):
                    self._stage.runtime.step(self._stage.clock.elapsed_ns)
        self._stage.settle()

    def _amend_quietly(self) -> None:
        self._calm()
        deal = self._amending.propose(is_quiet=True)
        self._stage.settle()
        if deal is None:
            return
        if deal.pending is not None and self._chance.random() < 0.3:
            self._amending.happen(deal)
        if self._chance.random() < 0.2:
            self._stage.crash(addresses.RISK_GUARD)
            self._calm()
        # Whoever forgets what the order may become lets too much pass beside it.
        mid = self._market.mid(deal.pair)
        if deal.order.side is Side.BUY:
            self._order(deal.pair, Side.BUY, 20_000 / mid, mid, Purpose.ENTRY, is_quiet=True)
        else:
            held = self._truth.held(deal.pair)
            self._order(deal.pair, Side.SELL, held, mid, Purpose.EXIT, is_quiet=True)
        self._stage.settle()

    def _propose(self, *, is_quiet: bool) -> None:
        self._market.forget_if_reborn()
        chance, pair = self._chance, self._chance.choice(PAIRS)
        side = Side.BUY if chance.random() < 0.68 else Side.SELL
        mid = self._market.mid(pair)
        off = Decimal(chance.choice([0, 0, 0, 1, -1, 5, -5, 30, -30, 100, -100, 300])) / 10_000
        price = self._rules(pair).price_passive(mid * (1 + off), side)
        if side is Side.BUY:
            worth = Decimal(chance.choice([2, 3, 4, 50, 200, 600, 1500, 4000, 9000, 20_000]))
            quantity = worth / price
        else:
            quantity = self._truth.held(pair) * Decimal(chance.choice([1, 1, 1, 2, 3, 5])) / 3
            if chance.random() < 0.2:
                quantity = self._truth.held(pair) - Decimal("0.02")
        stop = None
        if side is Side.BUY and chance.random() < 0.5:
            below = Decimal(chance.randint(1, 2000)) / 10_000
            stop = self._rules(pair).price_passive(price * (1 - below), side)
        if chance.random() < 0.03 and self._truth.proposals:
            again, _ = chance.choice(list(self._truth.proposals.values())[-5:])
            # One that was refused, and that a guard born since knows nothing of, may pass now.
            seen = self.scenery(again.pair, is_quiet=is_quiet)
            self._truth.proposals[again.decision_id] = (again, seen)
            self._stage.tell(addresses.RISK_GUARD, again)
            return
        purposes = [Purpose.EXIT, Purpose.STOP_LOSS, Purpose.FLATTEN, Purpose.STOP_LOSS]
        purpose = Purpose.ENTRY if side is Side.BUY else chance.choice(purposes)
        plan = _LADDER if chance.random() < 0.2 else None
        self._order(pair, side, quantity, price, purpose, is_quiet=is_quiet, stop=stop, plan=plan)

    def _order(
        self,
        pair: Pair,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        purpose: Purpose,
        *,
        is_quiet: bool,
        stop: Price | None = None,
        plan: Plan | None = None,
    ) -> None:
        """Propose an order, now and then one that is off the grid, too late or of no pair."""
        chance = self._chance
        price = self._rules(pair).price_passive(price, side)
        quantity = self._rules(pair).quantity_down(max(quantity, ZERO))
        if chance.random() < 0.02:
            price = Price(price + Decimal("0.001"))
        if chance.random() < 0.02:
            quantity = Quantity(quantity + Decimal("0.00001"))
        lives_s = chance.choice([2, 2, 2, 10, -1]) if stop is None else 2
        self._numbers += 1
        decision = DecisionId(f"d-{self._numbers}")
        proposal = OrderProposed(
            decision_id=decision,
            trace_id=TraceId(decision),
            pair=pair if chance.random() < 0.99 else _STRANGE,
            strategy="trial",
            side=side,
            order_type=OrderType.LIMIT,
            quantity=Quantity(quantity),
            price=Price(price),
            time_in_force=TimeInForce.GTC,
            reason="trial",
            worksheet=(),
            proposed_at_ns=self._stage.now_ns,
            expires_at_ns=TimeNs(self._stage.now_ns + lives_s * NS_PER_S),
            reply_to=PROPOSER,
            purpose=purpose,
            stop=stop,
            plan=plan,
        )
        self._truth.proposals[decision] = (proposal, self.scenery(pair, is_quiet=is_quiet))
        self._stage.tell(addresses.RISK_GUARD, proposal)

    def _rules(self, pair: Pair) -> TradingRules:
        return self._stage.rules[pair]

    def scenery(self, pair: Pair, *, is_quiet: bool) -> Scenery:
        """Return what the guard can see; `pair` says whose losses count."""
        stage, elapsed_ns = self._stage, self._stage.clock.elapsed_ns
        forbidden = self._losses.forbidden(pair, stage.venue_s) if self._believed else {}
        forbidden |= self._counted_out()
        if self._uncovered:
            forbidden["UNCOVERED"] = "no stop"
        return Scenery(
            books={one: book for one, (book, _) in self._market.books.items()},
            lost=frozenset(self._market.lost),
            book_age_ns={one: elapsed_ns - seen for one, (_, seen) in self._market.books.items()},
            last_trades=dict(self._market.last_trades),
            session=stage.session,
            halted=self._halted,
            clock_believed=self._believed,
            rules=dict(stage.known_rules),
            limits=self._settings,
            now_ns=stage.now_ns,
            monotonic_ns=elapsed_ns,
            is_quiet=is_quiet,
            forbidden=forbidden,
            is_half=is_quiet and self._losses.is_half,
            equity=self._truth.equity(self._market.bids()),
        )

    def _counted_out(self) -> dict[str, str]:
        """Return what the counts of the last minute forbid."""
        since_ns = self._stage.venue_ns - MINUTE_NS
        recent = [what for at_ns, what in self._venue.happened if at_ns >= since_ns]
        unknown = sum(deal.is_unknown and bool(deal.left) for deal in self._truth.deals.values())
        counts = {
            "REJECTION_RATE": (recent.count("rejected"), self._settings.rejections_per_minute),
            "CANCEL_RATE": (recent.count("cancelled"), self._settings.cancels_per_minute),
            "UNKNOWN_ORDERS_MAX": (unknown, self._settings.unknown_orders_max),
        }
        return {code: str(seen) for code, (seen, most) in counts.items() if seen >= most}

    # What comes of proposals.

    def _on_approved(self, order: ApprovedOrder) -> None:
        proposal, scenery = self._truth.proposals[order.decision_id]
        known = self._truth.deals.get(order.decision_id)
        name = client_order_id("trial", order.decision_id, 1)
        number = 1 if known is None else known.number + 1
        deal = Deal(order=order, name=name, number=number)
        self.let_expire()
        self._truth.deals[order.decision_id] = deal
        self._truth.approvals.append(
            Approval(
                at_ns=self._stage.venue_ns,
                pair=order.pair,
                decision_id=order.decision_id,
                place=list(self._truth.proposals).index(order.decision_id),
                is_protective=order.side is Side.SELL and order.purpose.is_protective,
            )
        )
        self._limits.approved(order, proposal, scenery, self._truth)

    def _in_hand(self) -> tuple[tuple[DecisionId, ...], tuple[ClientOrderId, ...]]:
        """Return the decisions that may still be meant, and the orders that may be amended."""
        deals = self._truth.deals.values()
        early = (Stage.APPROVED, Stage.MEANT)
        decisions = [deal.order.decision_id for deal in deals if deal.stage in early]
        amended = [
            deal.name for deal in deals if deal.pending is not None and deal.pending.stage in early
        ]
        return tuple(decisions), tuple(amended)

    def let_expire(self) -> None:
        """What was approved and not meant in time never leaves, whether anybody says so or not."""
        for deal in self._truth.deals.values():
            if deal.stage is Stage.APPROVED and self._stage.has_expired(deal.order):
                deal.stage = Stage.OVER
        self._amending.let_expire()

    def _on_refused(self, dropped: DecisionDropped | AmendmentDropped) -> None:
        self._limits.refused(dropped.refusal.code)

    def _on_decided(self, decision: DecisionMade) -> None:
        if decision.refusal is not None and decision.approved_quantity:
            self._limits.refused(decision.refusal.code)  # Shrunk.

    def _on_meant(self, name: ClientOrderId) -> None:
        for deal in self._truth.deals.values():
            for one in (deal, deal.child):
                if one is not None and one.name == name and one.stage is Stage.MEANT:
                    one.stage = Stage.FLYING

    def _on_closed(self, trade: TradeClosed) -> None:
        self._losses.close(trade)

    # What the exchange does with them.

    def _deal(self) -> None:
        """Let something happen to a few orders that are out."""
        deals = list(self._truth.open())
        for deal in self._chance.sample(deals, k=min(len(deals), self._chance.randint(1, 3))):
            self._happen(deal)

    def _happen(self, deal: Deal) -> None:
        chance = self._chance
        if deal.order.plan is not None and deal.stage is not Stage.APPROVED:
            self._parents.happen(deal)
            return
        if deal.pending is not None and chance.random() < 0.5:
            self._amending.happen(deal)
            return
        if deal.stage is Stage.APPROVED:
            if self._stage.has_expired(deal.order) or chance.random() < 0.1:
                deal.stage = Stage.OVER
                refusal = Refusal(code="NOT_SENT", limit="", value="")
                told = DecisionDropped(
                    decision_id=deal.order.decision_id, pair=deal.pair, refusal=refusal
                )
                if chance.random() < 0.8:  # Else it was lost, and the guard has to ask.
                    self._stage.tell(addresses.ORDER_ROUTER, Dropped(dropped=told))
                return
            deal.stage = Stage.MEANT
            plain = deal.order.plan is None
            intent = intent_of if plain else parent_intent_of
            self._venue.mean(intent(deal, self._stage.now_ns))
        else:
            self._venue.work(deal)

    # A pair falls, a pair is bought and sold, a book is lost.

    def _fall(self) -> None:
        """Let what is held lose much of its worth at once."""
        held = [pair for pair in PAIRS if self._truth.held(pair)] or list(PAIRS)
        pair = self._chance.choice(held)
        self._calm()
        self._market.fall(pair)
        other = self._chance.choice(PAIRS)
        mid = self._market.mid(other)
        # At once, before anybody has drained or flattened anything.
        self._order(other, Side.BUY, Decimal(50) / mid, mid, Purpose.ENTRY, is_quiet=False)
        self._propose_quietly()

    def _go_there_and_back(self) -> None:
        """Buy, and sell all that is held of the pair, as a rule at a loss."""
        self._calm()
        pair = self._chance.choice(PAIRS)
        mid = self._market.mid(pair)
        self._order(pair, Side.BUY, Decimal(100) / mid, mid, Purpose.ENTRY, is_quiet=True)
        self._drive(pair)
        price = mid * (1 + Decimal(self._chance.choice([-40, -30, -10, 60])) / 10_000)
        purpose = self._chance.choice([Purpose.STOP_LOSS, Purpose.STOP_LOSS, Purpose.EXIT])
        self._order(pair, Side.SELL, self._truth.held(pair), price, purpose, is_quiet=True)
        self._drive(pair)
        self._calm()
        self._propose_quietly()

    def _drive(self, pair: Pair) -> None:
        """Let all that is out in a pair come to its end."""
        for _ in range(12):
            self._stage.settle()
            for deal in list(self._truth.open(pair)):
                self._happen(deal)
        self._stage.settle()

    def _lose_book(self) -> None:
        self._market.lose()
        self._propose(is_quiet=False)
        self._stage.settle()

    # Time, money, people, deaths.

    def _wait(self) -> None:
        self._pass(self._chance.choice([0.5, 2, 6, 20, 61, 130]))
        if self._chance.random() < 0.3:
            self._propose(is_quiet=False)  # On what has grown old meanwhile.
            self._stage.settle()

    def _move_funds(self) -> None:
        self._calm()
        change = Decimal(self._chance.choice([5000, 1000, -500, -2000]))
        change = max(change, -(self._truth.cash - self._truth.needed_cash()) / 2)
        change = Decimal(int(change))
        self._losses.move(change)
        self._truth.cash += change
        why = "deposit" if change > 0 else "withdrawal"
        moved = FundsMoved(
            currency=Currency("USDT"), change=change, reason=why, at_ns=self._stage.now_ns
        )
        self._stage.record(Entry(event=moved))
        self._calm()

    def _change_session(self) -> None:
        self._calm()
        wanted = self._chance.choice([*Session, *[Session.READY] * 8])
        if wanted is Session.EMERGENCY:
            return
        self._stage.be(wanted, "uid 1000")
        if wanted is Session.READY:
            self._losses.resume()
        self._stage.settle()
        self._propose_quietly()
        if wanted is not Session.READY and self._chance.random() < 0.7:
            self._stage.be(Session.READY, "uid 1000")
            self._losses.resume()
            self._stage.settle()

    def _uncover(self) -> None:
        """Let what is held be without a stop for a moment."""
        self._calm()
        for cover in (Cover.UNCOVERED, Cover.COVERED):
            self._uncovered = cover is Cover.UNCOVERED
            for pair in PAIRS:
                self._stage.publish(covered(pair, cover, self._stage.now_ns))
            for _ in range(2):
                self._propose_quietly()

    def _halt(self) -> None:
        self._calm()
        self._halted = True
        self._stage.latch.set("trial")
        for _ in range(3):
            self._propose_quietly()
        self._stage.latch.release()
        self._halted = False

    def _crash(self) -> None:
        address = self._chance.choice(CRASHED)
        if self._chance.random() < 0.3:
            self._stage.crash(address)
        else:
            self._stage.strike(address, self._chance.choice(["before", "sending", "after"]))
        self._propose_in_a_burst()
        self._stage.spare()

    def _crash_both(self) -> None:
        """Let the recorder die with rulings in hand, and the guard before it can repeat them."""
        self._calm()
        self._stage.strike(addresses.RECORDER, "before", self._chance.choice(["Record", "_Flush"]))
        self._stage.strike(addresses.RISK_GUARD, "before", "JournalOpened")
        self._propose_in_a_burst()
        self._propose_in_a_burst()
        self._stage.spare()

    def _restart(self) -> None:
        self._stage.restart()
        for deal in self._truth.open():
            if deal.stage in (Stage.APPROVED, Stage.MEANT):
                # The router died with it; if its intent reached the disk, nobody knows its fate.
                is_there = self._stage.knows(deal.name) or self._parents.knows(deal)
                deal.stage = Stage.FLYING if is_there else Stage.OVER
        self._amending.restart()
        self._parents.restart()
        # What the dead process took with it, the exchange tells its successor.
        unsure, self._venue.unsure = self._venue.unsure, []
        for event in unsure:
            if not isinstance(event, OrderIntended | AmendIntended | ParentIntended):
                self._venue.mean(event)
        self._calm()

    def _leap(self) -> None:
        """Let the wall clock leap; some time later it is measured anew."""
        self._calm()
        by_s = self._chance.choice([-DAY_S, -600, 600, DAY_S, 3 * DAY_S])
        self._stage.clock.wall_offset_ns += by_s * NS_PER_S
        self._stage.clock_offset_ns -= by_s * NS_PER_S
        self._believed = False
        for _ in range(3):
            self._propose_quietly()
        self._stage.publish(self._stage.clock_measured())
        self._believed = True
        if by_s > 0:
            # A guard that is born within this minute takes what was before the leap for old.
            self._stage.wait(61)
        self._calm()

    def _change_rules(self) -> None:
        """Let the exchange halt or delist a pair, and the guard hear of it."""
        pair = self._chance.choice(PAIRS)
        rules = self._stage.rules[pair]
        change: dict[str, Any] = self._chance.choice(
            [
                {"tradable": frozenset({Side.SELL})},
                {"tradable": frozenset()},
                {"delisted_at_ns": TimeNs(self._stage.now_ns + 10**18)},
            ]
        )
        for now in (replace(rules, **change), rules):
            self._stage.rules[pair] = now
            self._stage.crash(addresses.RISK_GUARD)
            for _ in range(4):
                self._propose_quietly()

    def _go_over_midnight(self) -> None:
        self._calm()
        left_s = DAY_S - self._stage.venue_s % DAY_S
        self._stage.sleep(left_s - 10)
        self._calm()
        self._propose_quietly()
        self._stage.wait(15)
        self._calm()
        self._propose_quietly()

    def _jump(self) -> None:
        """Half a day passes, nothing happening."""
        self._pass(self._chance.choice([600, 3600, 43_200]))
        self._calm()

    def _pass(self, seconds: float) -> None:
        """Let time pass; with what a day ends, the next one begins."""
        if self._stage.venue_s % DAY_S + seconds >= DAY_S:
            self._calm()
        (self._stage.wait if seconds < _SLEEP_S else self._stage.sleep)(seconds)
