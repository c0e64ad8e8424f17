"""The risk guard: every approval counts from the moment it is made until it can no longer be sent.

The scene's limits: 300 a pair, 500 in all, 200 an order; an account of 10,000; two pairs at 100.
"""

from decimal import Decimal
from typing import Any

import pytest

from actors import addresses
from actors.trading.risk.known import DECISIONS_REMEMBERED
from actors.trading.risk_guard import (
    RULES_AGAIN_S,
    RULES_EVERY_S,
    RULES_RETRY_S,
    RiskGuard,
)
from adapters.halt_latch import Latch
from state.config import RiskSettings
from state.messages.held import RulesKnown
from state.messages.journal import RecordDenied
from state.messages.market import BookLost
from state.messages.operations import SessionSought, SessionState
from state.messages.orders import (
    ApprovedOrder,
    DecisionDropped,
    DecisionMade,
    OrderRejected,
    Refusal,
    RulesWanted,
    Verdict,
)
from state.messages.venue import FetchRules, Refused, Succeeded
from state.values import (
    NS_PER_S,
    ClientOrderId,
    Currency,
    DecisionId,
    Pair,
    Session,
    Side,
    TimeNs,
)
from tests.actors.examples import BTC, ETH, NOW, a_clock, a_measure, a_proposal, rules
from tests.actors.house import House, Journal
from tests.fakes import FakeExchange
from tests.state.examples import a_fill, a_finish, an_acceptance, an_intent, an_opening

GUARD = addresses.RISK_GUARD
LIMITS = RiskSettings(
    position_notional_max=Decimal(300),
    order_notional_max=Decimal(200),
    exposure_notional_max=Decimal(500),
    price_band_bps=Decimal(100),
    orders_per_minute=10,
    pair_open_orders_max=50,
    risk_per_trade_share=Decimal(1),
)
RULES = (rules(), rules(pair=ETH, base=Currency("ETH")))
ALL_RULES = Succeeded(rules=RULES)


class Scene:
    """A guard that knows all it needs."""

    def __init__(self, house: House, *, ready: bool = True):
        self.house, self.exchange, self.latch = house, FakeExchange(), Latch()
        self.journal = Journal(house, addresses.RECORDER)
        self.journal.append(an_opening())
        self.router = house.ear(addresses.ORDER_ROUTER)
        self.keeper = house.ear(addresses.SESSION_KEEPER)
        self.trader = house.ear("trader")
        self.curious = house.ear("curious")
        self.heard = house.listener(RulesKnown)
        self.make()
        self._decisions = 0
        if ready:
            self.get_ready()

    def make(self):
        self.house.live(
            GUARD,
            RiskGuard,
            self.exchange,
            self.latch,
            LIMITS,
            pairs=(BTC, ETH),
            stale_after_s=5.0,
        )

    def get_ready(self, answer=ALL_RULES):
        self.exchange.promptly(FetchRules, answer)
        self.house.settle()
        self.be(Session.READY)
        self.house.publish(a_clock())
        for pair in (BTC, ETH):
            self.book(pair)

    def be(self, session, pairs=()):
        told = SessionState(session=session, reason="", since_ns=NOW, pairs=dict(pairs))
        self.house.publish(told)

    def book(self, pair=BTC, mid=100.0):
        self.house.publish(
            a_measure(pair=pair, bid=mid - 0.1, ask=mid + 0.1, mid=mid, ask_depth=1e6)
        )

    def propose(self, quantity="1", decision=None, **changes: Any) -> DecisionId:
        self._decisions += 1
        name = DecisionId(decision or f"d-{self._decisions}")
        now_ns = self.house.now_ns
        members = {
            "decision_id": name,
            "quantity": Decimal(quantity),
            "price": Decimal(100),
            "expires_at_ns": TimeNs(now_ns + 2 * NS_PER_S),
        }
        self.house.tell(GUARD, a_proposal(**members | changes))
        return name

    def sell(self, quantity="1", **changes: Any) -> DecisionId:
        return self.propose(quantity, side=Side.SELL, **changes)

    def approved(self) -> list[tuple[str, Decimal]]:
        """What was approved since this was last asked: decision and quantity."""
        found = self.router.take(ApprovedOrder)
        return [(one.decision_id, one.quantity) for one in found]

    def denied(self) -> list[str]:
        """The codes of what was denied since this was last asked."""
        return [one.refusal.code for one in self.trader.take(DecisionDropped)]

    def room(self, pair=BTC) -> Decimal:
        """How much of a pair may still be bought; asks by an order that cannot be placed."""
        approved = self.router.of(ApprovedOrder)
        self.propose("3", pair=pair)
        found = self.router.of(ApprovedOrder)[len(approved) :]
        quantity = found[0].quantity if found else Decimal(0)
        if found:
            self.drop(found[0].decision_id, pair)
        return quantity

    def drop(self, decision, pair=BTC):
        refusal = Refusal(code="NOT_SENT", limit="", value="")
        self.house.tell(GUARD, DecisionDropped(decision_id=decision, pair=pair, refusal=refusal))

    def become_order(self, decision, name="t-1", **changes: Any) -> ClientOrderId:
        """Have the journal tell that a decision became an order."""
        intent = an_intent(
            **{"decision_id": decision, "client_order_id": ClientOrderId(name)}
            | {"quantity": Decimal(1)}
            | changes
        )
        self.journal.append(intent)
        return intent.client_order_id


@pytest.fixture
def scene(house):
    return Scene(house)


# Judging.


def test_what_breaks_no_rule_goes_to_the_router_as_it_was_proposed(scene):
    proposal = a_proposal(price=Decimal(100))
    scene.house.tell(GUARD, proposal)
    [order] = scene.router.of(ApprovedOrder)
    for name in {*order.__struct_fields__} - {"smallest", "as_of_seq", "expires_monotonic_ns"}:
        assert getattr(order, name) == getattr(proposal, name)
    assert order.smallest > 0
    clock = scene.house.runtime.clock
    assert order.expires_monotonic_ns - clock.monotonic_ns() == order.expires_at_ns - clock.now_ns()


def test_every_ruling_is_journalled_with_the_proposal(scene):
    scene.propose("1")
    scene.propose("1.5")
    scene.propose("0")
    made = scene.journal.told(DecisionMade)
    assert [one.verdict for one in made] == [Verdict.ALLOW, Verdict.ALLOW, Verdict.DENY]
    assert [one.approved_quantity for one in made] == [1, Decimal("1.5"), 0]
    assert made[0].refusal is None
    assert made[2].refusal is not None
    assert (made[2].refusal.code, made[2].quantity) == ("QUANTITY_STEP", 0)
    assert made[0].worksheet == a_proposal().worksheet


def test_an_approval_leaves_only_once_the_journal_has_the_ruling(scene):
    """Whoever restarts the guard finds there what may be out, whoever died beside it."""
    scene.journal.patient = True
    scene.propose()
    [*_, record] = scene.journal.records
    assert isinstance(record.entries[0].event, DecisionMade)
    assert scene.approved() == []
    scene.journal.write()
    assert len(scene.approved()) == 1


def test_an_approval_counts_while_its_ruling_is_on_the_way_to_the_journal(scene):
    scene.journal.patient = True
    scene.propose("2")
    scene.propose("2")
    scene.journal.write()
    assert [quantity for _, quantity in scene.approved()] == [2, 1]


def test_a_ruling_that_the_journal_will_not_take_lets_nothing_leave(scene):
    scene.journal.patient = True
    name = scene.propose("2")
    [*_, record] = scene.journal.records
    scene.journal.lose()
    scene.house.tell(GUARD, RecordDenied(request=record.request, reason="it contradicts"))
    scene.journal.patient = False
    assert scene.approved() == []
    assert scene.denied() == ["NOT_SENT"]
    assert scene.room() == 2, name


def test_a_shrunk_order_goes_out_smaller_and_a_denied_one_not_at_all(scene):
    scene.propose("3")
    assert scene.approved() == [("d-1", Decimal(2))]
    assert scene.denied() == []
    scene.propose("0.0001")
    assert scene.approved() == []
    assert scene.denied() == ["ORDER_MIN"]


def test_nothing_is_approved_while_halted(scene):
    scene.latch.set("fire")
    scene.propose()
    assert scene.denied() == ["HALTED"]
    scene.latch.release()
    scene.propose()
    assert len(scene.approved()) == 1


@pytest.mark.parametrize("session", [one for one in Session if one is not Session.READY])
def test_nothing_is_bought_unless_ready(scene, session):
    scene.be(session)
    scene.propose()
    assert scene.denied() == ["SESSION"]


def test_nothing_is_bought_in_a_pair_that_was_told_otherwise(scene):
    scene.be(Session.READY, {BTC: Session.PAUSED})
    scene.propose()
    assert scene.denied() == ["SESSION"]
    scene.be(Session.READY, {ETH: Session.PAUSED})
    scene.propose()
    assert scene.denied() == []


def test_a_pair_that_is_not_traded_here_is_unknown(scene):
    scene.exchange.promptly(FetchRules, Succeeded(rules=(*RULES, rules(pair="XRP_USDT"))))
    scene.house.pass_time(RULES_EVERY_S)
    scene.book("XRP_USDT")
    scene.propose(pair=Pair("XRP_USDT"))
    assert scene.denied() == ["UNKNOWN_PAIR"]


def test_a_decision_is_judged_once_and_its_second_proposal_denied(scene):
    scene.propose(decision="d-1")
    scene.propose(decision="d-1")
    assert len(scene.approved()) == 1
    assert scene.denied() == ["REPEATED"]
    assert len(scene.journal.told(DecisionMade)) == 1


def test_the_second_proposal_of_a_decision_does_not_release_the_first(scene):
    scene.propose("2", decision="d-1")
    scene.propose("2", decision="d-1")
    assert scene.room() == 1


def test_a_lost_book_and_one_that_grew_old_are_not_traded_on(scene):
    scene.house.publish(BookLost(pair=BTC, reason="gap"))
    scene.propose()
    assert scene.denied() == ["NO_BOOK"]
    scene.book()
    scene.house.pass_time(5.1)
    scene.propose()
    assert scene.denied() == ["STALE_BOOK"]
    scene.book()
    scene.propose()
    assert len(scene.approved()) == 1


def test_only_so_many_are_approved_in_a_minute(scene):
    for _ in range(10):
        scene.propose("0.04")
    scene.propose("0.04")
    assert len(scene.approved()) == 10
    assert scene.denied() == ["ORDER_RATE"]
    scene.house.pass_time(60.1)
    scene.book()
    scene.propose("0.04")
    assert len(scene.approved()) == 1


# What counts.


def test_an_approval_counts_at_once(scene):
    scene.propose("2")
    scene.propose("2")
    assert scene.approved() == [("d-1", Decimal(2)), ("d-2", Decimal(1))]


def test_approvals_of_all_pairs_count_together(scene):
    scene.propose("2", pair=BTC)
    scene.propose("2", pair=ETH)
    scene.propose("2", pair=ETH)
    assert [quantity for _, quantity in scene.approved()] == [2, 2, 1]


def test_a_dropped_approval_counts_no_more(scene):
    decision = scene.propose("2")
    assert scene.room() == 1
    scene.drop(decision)
    assert scene.room() == 2


def test_an_approval_counts_until_somebody_knows_what_became_of_it(scene):
    """Its intent may wait for a disk that is slow."""
    scene.propose("2")
    scene.house.pass_time(59.0)
    scene.book()
    scene.house.publish(a_clock())
    assert scene.room() == 1


def test_an_approval_that_became_an_order_counts_as_the_order(scene):
    decision = scene.propose("2")
    scene.become_order(decision, quantity=Decimal(2))
    assert scene.room() == 1
    scene.house.pass_time(30.0)
    scene.book()
    assert scene.room() == 1  # It rests: no time releases it.


def test_an_order_that_ended_counts_only_what_was_filled(scene):
    name = scene.become_order(scene.propose("2"), quantity=Decimal(2))
    scene.journal.append(an_acceptance(client_order_id=name))
    scene.journal.append(a_fill(client_order_id=name, quantity=Decimal("0.5"), fee=Decimal(0)))
    assert scene.room() == 1
    scene.journal.append(a_finish(client_order_id=name, filled_quantity=Decimal("0.5")))
    assert scene.room() == 2
    scene.propose("2")
    scene.propose("2")
    assert scene.approved()[-1][1] == Decimal("0.5")


def test_what_is_held_counts_at_the_present_price(scene):
    name = scene.become_order(scene.propose("2"), quantity=Decimal(2))
    scene.journal.append(a_fill(client_order_id=name, quantity=Decimal(2), fee=Decimal(0)))
    scene.book(mid=125.0)
    scene.propose("2", price=Decimal(125))
    assert scene.approved()[-1][1] == Decimal("0.4")


def test_a_sale_is_bound_by_what_is_held_less_what_is_being_sold(scene):
    name = scene.become_order(scene.propose("2"), quantity=Decimal(2))
    scene.journal.append(a_fill(client_order_id=name, quantity=Decimal(2), fee=Decimal(0)))
    scene.approved()
    scene.sell("1.5")
    scene.sell("1.5")
    assert [quantity for _, quantity in scene.approved()] == [Decimal("1.5"), Decimal("0.5")]
    scene.sell("1")
    assert scene.denied() == ["HOLDING"]


def test_money_that_moved_counts(scene):
    scene.journal.append(an_opening(change=Decimal(-9950), reason="withdrawal"))
    scene.propose("1")
    assert scene.approved() == [("d-1", Decimal("0.499"))]  # The fee comes on top.


# What a restart knows.


def test_without_the_books_nothing_is_approved(scene):
    scene.journal.patient = True
    scene.house.crash(GUARD)
    scene.get_ready()
    scene.propose()
    assert scene.denied() == ["ACCOUNTS_UNKNOWN"]
    scene.journal.patient = False
    scene.journal.write()
    scene.propose()
    assert len(scene.approved()) == 1


def test_a_restart_takes_held_approvals_from_the_books(scene):
    scene.propose("2")
    scene.house.crash(GUARD)
    scene.get_ready()
    assert scene.room() == 1


def test_a_restart_takes_orders_and_positions_from_the_books(scene):
    name = scene.become_order(scene.propose("2"), quantity=Decimal(2))
    scene.journal.append(a_fill(client_order_id=name, quantity=Decimal(1), fee=Decimal(0)))
    scene.house.crash(GUARD)
    scene.get_ready()
    assert scene.room() == 1


def test_a_restart_remembers_the_decisions_that_may_still_be_out(scene):
    scene.propose(decision="d-1")
    scene.house.crash(GUARD)
    scene.get_ready()
    scene.propose(decision="d-1")
    assert scene.denied() == ["REPEATED"]


def test_what_an_earlier_life_refused_is_not_approved_by_the_next(scene):
    """The journal keeps the first ruling: the life after that would not know of an approval."""
    scene.latch.set("a trial")
    scene.propose(decision="d-1")
    assert scene.denied() == ["HALTED"]
    scene.latch.release()
    scene.house.crash(GUARD)
    scene.get_ready()
    scene.propose(decision="d-1")
    assert scene.approved() == []
    assert scene.denied() == ["REPEATED"]
    assert scene.room() == 2


def test_a_fact_the_books_contain_is_not_folded_again(scene):
    name = scene.become_order(scene.propose("2"), quantity=Decimal(2))
    scene.journal.patient = True
    scene.house.crash(GUARD)
    scene.get_ready()
    scene.journal.append(a_fill(client_order_id=name, quantity=Decimal(1), fee=Decimal(0)))
    scene.journal.patient = False
    scene.journal.write()
    assert scene.room() == 1


def test_a_new_recorder_brings_new_books_and_hears_again_what_was_not_answered(scene):
    scene.journal.patient = True
    scene.propose("2")
    scene.journal.lose()
    scene.journal.patient = False
    name = ClientOrderId("t-9")
    scene.journal.append(
        an_intent(client_order_id=name, quantity=Decimal("0.5"), decision_id=DecisionId("d-9")),
        silently=True,
    )
    scene.journal.reopen()
    assert [one.decision_id for one in scene.journal.told(DecisionMade)] == ["d-1"]
    assert scene.room() == Decimal("0.5")


def test_a_new_recorder_forgets_no_approval_that_it_has_not_written(scene):
    scene.journal.patient = True
    for _ in range(10):
        scene.propose("0.04")
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    assert len(scene.approved()) == 10
    scene.propose("0.04")
    assert scene.denied() == ["ORDER_RATE"]


def test_only_the_newest_decisions_are_remembered(scene):
    first, *others = (DecisionId(f"n-{number}") for number in range(DECISIONS_REMEMBERED + 1))
    scene.propose("0", decision=first)
    for name in others:
        scene.house.runtime.tell(GUARD, a_proposal(decision_id=name, quantity=Decimal(0)))
    scene.house.settle()
    scene.denied()
    scene.propose("0", decision="n-1")
    scene.propose("0", decision="n-0")
    assert scene.denied() == ["REPEATED", "QUANTITY_STEP"]


# Rules.


def test_it_asks_for_the_rules_of_its_pairs_and_publishes_them(house):
    scene = Scene(house, ready=False)
    assert scene.exchange.asked == [FetchRules(pairs=(BTC, ETH))]
    assert scene.keeper == [SessionSought(reply_to=GUARD)]
    scene.exchange.promptly(FetchRules, Succeeded(rules=RULES))
    house.settle()
    assert [one.pair for one in scene.heard] == [BTC, ETH]
    assert scene.heard[0].rules == RULES[0]


def test_who_asks_for_rules_is_told_those_that_are_known(house):
    scene = Scene(house, ready=False)
    house.tell(GUARD, RulesWanted(pair=BTC, reply_to="curious"))
    assert scene.curious == []
    scene.get_ready()
    house.tell(GUARD, RulesWanted(pair=BTC, reply_to="curious"))
    assert [one.rules for one in scene.curious.of(RulesKnown)] == [RULES[0]]


def test_rules_that_were_refused_are_asked_for_again_soon(house):
    scene = Scene(house, ready=False)
    scene.exchange.promptly(FetchRules, Refused(label="NO", message=""))
    house.pass_time(RULES_RETRY_S * 2.5)
    assert len(scene.exchange.of(FetchRules)) == 3


def test_rules_are_asked_for_again_every_hour(scene):
    halted = rules(tradable=frozenset())
    scene.exchange.promptly(FetchRules, Succeeded(rules=(halted,)))
    scene.house.pass_time(RULES_EVERY_S + 1.0)
    scene.book()
    scene.propose()
    assert scene.denied() == ["PAIR_HALTED"]


@pytest.mark.parametrize(("label", "asked"), [("INVALID_PRECISION", 2), ("BALANCE_NOT_ENOUGH", 1)])
def test_a_refusal_that_may_come_of_new_rules_makes_it_ask_for_them(scene, label, asked):
    scene.house.pass_time(RULES_AGAIN_S)
    scene.exchange.promptly(FetchRules, Succeeded(rules=(rules(price_decimals=0),)))
    name = ClientOrderId("t-9")
    refused = OrderRejected(client_order_id=name, pair=BTC, at_ns=NOW, label=label, message="")
    scene.journal.append(an_intent(client_order_id=name), refused)
    scene.house.pass_time(0.1)
    assert len(scene.exchange.of(FetchRules)) == asked


def test_many_refusals_ask_for_the_rules_once_in_a_while(scene):
    for number in range(20):
        name = ClientOrderId(f"t-9{number}")
        scene.journal.append(
            an_intent(client_order_id=name, decision_id=DecisionId(f"d-9{number}")),
            OrderRejected(
                client_order_id=name, pair=BTC, at_ns=NOW, label="TRADE_RESTRICTED", message=""
            ),
        )
        scene.house.pass_time(RULES_AGAIN_S / 10)
    assert 2 <= len(scene.exchange.of(FetchRules)) <= 3


def test_a_pair_that_is_gone_keeps_no_other_from_being_known(house):
    def answer(request):
        if ETH in request.pairs:
            return Refused(label="INVALID_CURRENCY_PAIR", message="no pair ETH_USDT")
        return Succeeded(rules=RULES[:1])

    scene = Scene(house, ready=False)
    scene.get_ready(answer)
    scene.propose()
    scene.propose(pair=ETH)
    assert scene.denied() == ["UNKNOWN_PAIR"]


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(GUARD, "nonsense")
    assert scene.house.deaths() == ["TypeError: trading/risk_guard: unexpected str"]
