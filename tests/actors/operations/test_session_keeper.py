"""The session: what the operator wants, as far as all parts are ready; emergencies outlive all."""

import pytest

from actors import addresses
from actors.kernel import ChildReport
from actors.operations.session_keeper import (
    ANSWER_WITHIN_S,
    CANCEL_AGAIN_S,
    DRAIN_LOOK_S,
    SessionKeeper,
    parts_of,
)
from adapters.halt_latch import Latch
from state.config.settings import PositionsInEmergency
from state.messages.journal import Event
from state.messages.operations import (
    PairDrained,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    SessionAnswer,
    SessionChanged,
    SessionSought,
    SessionState,
    SessionWanted,
)
from state.messages.orders import CancelAllOrders, OrdersSwept, SweepOrders
from state.messages.protection import DrainWanted, FlattenWanted
from state.values import Session
from tests.actors.examples import BTC, ETH, USDT
from tests.actors.house import Journal
from tests.state.examples import a_pair_session, a_session

KEEPER = addresses.SESSION_KEEPER
CLEAN = OrdersSwept(cancelled=2, resting=0, uncertain=0, took_ms=40.0)
DIRTY = OrdersSwept(cancelled=1, resting=1, uncertain=0, took_ms=20.0)
PARTS = parts_of((BTC, ETH))
WANTABLE = [one for one in Session if one not in (Session.STARTING, Session.EMERGENCY)]


class Scene:
    """A session keeper, its parts' ears, and whoever asks."""

    def __init__(self, house, *stored: Event, positions=PositionsInEmergency.KEEP):
        self.house, self.latch = house, Latch()
        self.journal = Journal(house, addresses.RECORDER)
        self.journal.append(*stored)
        self.router = house.ear(addresses.ORDER_ROUTER)
        self.ledger = house.ear(addresses.LEDGER_KEEPER)
        self.protectors = {pair: house.ear(addresses.protection(pair)) for pair in (BTC, ETH)}
        self.asker = house.ear("asker")
        self.heard = house.listener(SessionState)
        house.live(KEEPER, SessionKeeper, self.latch, USDT, (BTC, ETH), positions)

    def tell_ready(self, part):
        """Say that a part is ready; a protector answers what it was asked last."""
        asked = 0
        for pair, heard in self.protectors.items():
            if part == addresses.protection_part(pair) and heard.of(ReadinessWanted):
                asked = heard.of(ReadinessWanted)[-1].asked
        self.house.tell(KEEPER, PartReady(part=part, asked=asked))

    def ready(self):
        for part in PARTS:
            self.tell_ready(part)

    def ready_again(self, part):
        """Say that `part` is ready, and have the protectors answer as they will be asked to."""
        for one in (part, *PARTS[2:]):
            self.tell_ready(one)

    def want_in(self, pair, session, *, flattens=False):
        """Ask for a session of one pair; return why it was refused, empty when it was granted."""
        wish = SessionWanted(
            session=session,
            reason="thin",
            caller="uid 1000",
            pair=pair,
            flattens=flattens,
            reply_to="asker",
            request="7",
        )
        self.house.tell(KEEPER, wish)
        [answer] = self.asker.take(SessionAnswer)
        return answer.refused

    def of(self, pair):
        return self.heard.of(SessionState)[-1].of(pair)

    def want(self, session, reason="because", *, resets=False):
        """Ask for a session; return why it was refused, empty when it was granted."""
        wish = SessionWanted(
            session=session,
            reason=reason,
            caller="uid 1000",
            resets_emergency=resets,
            reply_to="asker",
            request="7",
        )
        self.house.tell(KEEPER, wish)
        if session is Session.EMERGENCY:
            self.house.tell(KEEPER, CLEAN)
        answers = self.asker.take(SessionAnswer)
        if not answers:
            return "no answer"
        [answer] = answers
        assert answer.request == "7"
        assert answer.session == self.session()
        return answer.refused

    def drained(self, *pairs):
        for pair in pairs:
            self.house.tell(KEEPER, PairDrained(pair=pair))

    def restart(self):
        """End it and begin again as a new process would, with a new latch."""
        self.latch.release()
        self.house.crash(KEEPER)

    @property
    def state(self) -> SessionState:
        self.house.tell(KEEPER, SessionSought(reply_to="asker"))
        state: SessionState
        [state] = self.asker.take(SessionState)
        return state

    def session(self) -> Session:
        return self.state.session

    @property
    def journalled(self):
        return [(one.session, one.reason) for one in self.journal.told(SessionChanged)]


@pytest.fixture
def scene(house):
    made = Scene(house)
    made.ready()
    return made


# Readiness.


def test_the_first_session_of_all_is_ready_once_every_part_is(house):
    scene = Scene(house)
    assert scene.session() is Session.STARTING
    assert PARTS == ("orders", "ledger", "protection of BTC_USDT", "protection of ETH_USDT")
    for part in PARTS:
        assert scene.session() is Session.STARTING
        scene.tell_ready(part)
    assert scene.session() is Session.READY
    assert scene.journalled == []


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_not_ready_takes_the_house_back_to_starting(scene, part):
    scene.house.tell(KEEPER, PartNotReady(part=part, reason="lost"))
    assert scene.session() is Session.STARTING
    assert scene.state.reason == f"{part}: lost"
    scene.ready_again(part)
    assert scene.session() is Session.READY


@pytest.mark.parametrize("part", ["orders", "ledger"])
def test_protectors_are_asked_once_more_when_the_last_of_the_others_is_ready(scene, part):
    """What it has found may be a position that nobody covers yet."""
    asked = [len(heard.of(ReadinessWanted)) for heard in scene.protectors.values()]
    scene.house.tell(KEEPER, PartNotReady(part=part, reason="lost"), PartReady(part=part))
    assert scene.session() is Session.STARTING
    again = [len(heard.of(ReadinessWanted)) for heard in scene.protectors.values()]
    assert again == [number + 1 for number in asked]
    btc, eth = PARTS[2:]
    scene.tell_ready(btc)
    scene.house.tell(KEEPER, PartNotReady(part=eth, reason="uncovered"))
    assert scene.state.reason == f"{eth}: uncovered"
    scene.tell_ready(eth)
    assert scene.session() is Session.READY


def test_a_protector_that_is_ready_last_is_asked_all_the_same(house):
    scene = Scene(house)
    btc, eth = PARTS[2:]
    for part in (btc, "ledger", "orders"):
        scene.tell_ready(part)
    assert scene.session() is Session.STARTING
    scene.tell_ready(eth)
    assert scene.state.reason == f"{btc}: asked once more"
    scene.tell_ready(btc)
    assert scene.session() is Session.READY


def test_an_answer_to_an_earlier_question_does_not_count(scene):
    btc, eth = PARTS[2:]
    earlier = scene.protectors[BTC].of(ReadinessWanted)[-1].asked
    scene.house.tell(KEEPER, PartNotReady(part="orders", reason="lost"), PartReady(part="orders"))
    scene.tell_ready(eth)
    scene.house.tell(KEEPER, PartReady(part=btc, asked=earlier))
    assert scene.session() is Session.STARTING
    scene.tell_ready(btc)
    assert scene.session() is Session.READY


def test_a_protector_that_knows_of_no_question_is_asked(scene):
    """It was restarted, and with it went what it had been asked."""
    scene.house.tell(KEEPER, PartNotReady(part=PARTS[2], reason="starting"))
    asked = len(scene.protectors[BTC].of(ReadinessWanted))
    scene.house.tell(KEEPER, PartReady(part=PARTS[2]))
    assert scene.session() is Session.STARTING
    assert len(scene.protectors[BTC].of(ReadinessWanted)) == asked + 1
    scene.tell_ready(PARTS[2])
    assert scene.session() is Session.READY


@pytest.mark.parametrize("session", [Session.STOPPED, Session.EMERGENCY])
def test_stopped_and_emergency_do_not_depend_on_parts(scene, session):
    scene.want(session)
    scene.house.tell(KEEPER, PartNotReady(part="orders", reason="lost"))
    assert scene.session() is session


@pytest.mark.parametrize("session", [Session.PAUSED, Session.DRAINING])
def test_what_is_wanted_comes_back_when_the_parts_do(scene, session):
    scene.want(session)
    scene.house.tell(KEEPER, PartNotReady(part="orders", reason="lost"))
    assert scene.session() is Session.STARTING
    scene.ready_again("orders")
    assert scene.session() is session


def test_a_wish_is_answered_once_it_is_on_the_disk(scene):
    """Found by a kill right after an answer: the house came back ready and not paused."""
    scene.journal.patient = True
    assert scene.want(Session.PAUSED) == "no answer"
    assert scene.session() is Session.PAUSED, "it holds at once"
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    [answer] = scene.asker.of(SessionAnswer)
    assert (answer.session, answer.refused) == (Session.PAUSED, "")


def test_a_wish_that_is_refused_waits_for_no_disk(scene):
    scene.journal.patient = True
    assert scene.want(Session.STARTING) == "starting cannot be asked for"


def test_everybody_hears_of_every_change_and_of_nothing_else(scene):
    scene.heard.clear()
    scene.tell_ready("orders")
    assert scene.heard == []
    scene.want(Session.PAUSED, "lunch")
    assert [(one.session, one.reason) for one in scene.heard] == [(Session.PAUSED, "lunch")]


def test_a_new_reason_is_told_although_the_session_is_the_same(house):
    """Else the status goes on showing why the house could not start a minute ago."""
    scene = Scene(house)
    scene.house.tell(KEEPER, PartNotReady(part="ledger", reason="the exchange shows less"))
    since_ns = scene.heard[-1].since_ns
    scene.house.pass_time(5.0)
    for part in PARTS:
        if part != "ledger":
            scene.tell_ready(part)
    assert scene.heard[-1].session is Session.STARTING
    assert scene.heard[-1].reason == "ledger: the exchange shows less"
    assert scene.heard[-1].since_ns == since_ns


# Wishes.


@pytest.mark.parametrize("before", WANTABLE)
@pytest.mark.parametrize("wanted", [one for one in Session if one is not Session.STARTING])
def test_from_anywhere_but_an_emergency_every_session_may_be_wanted(scene, before, wanted):
    scene.want(before)
    assert scene.want(wanted, "because") == ""
    assert scene.session() is wanted
    assert scene.journalled[-1] == (wanted, "because")


def test_starting_cannot_be_wanted(scene):
    assert scene.want(Session.STARTING) == "starting cannot be asked for"
    assert scene.session() is Session.READY


def test_a_wish_is_journalled_durably_with_its_caller(scene):
    scene.journal.records.clear()
    scene.want(Session.PAUSED, "lunch")
    [record] = scene.journal.records
    assert record.durable
    [changed] = scene.journal.told(SessionChanged)
    assert (changed.caller, changed.reason) == ("uid 1000", "lunch")


def test_who_wants_no_answer_gets_none(scene):
    wish = SessionWanted(session=Session.PAUSED, reason="", caller="somebody")
    scene.house.tell(KEEPER, wish)
    assert scene.asker == []
    assert scene.session() is Session.PAUSED


@pytest.mark.parametrize("session", [Session.STOPPED, Session.DRAINING])
def test_whoever_stops_or_drains_cancels_everything(scene, session):
    scene.want(session)
    assert [one.reason for one in scene.router.of(CancelAllOrders)] == [f"session {session}"]


@pytest.mark.parametrize("session", [Session.READY, Session.PAUSED])
def test_whoever_pauses_or_resumes_cancels_nothing(scene, session):
    scene.want(session)
    assert scene.router.of(CancelAllOrders) == []


def test_while_stopped_everything_is_cancelled_again_for_what_was_on_its_way(scene):
    scene.want(Session.STOPPED)
    scene.house.pass_time(CANCEL_AGAIN_S * 3.5)
    assert len(scene.router.of(CancelAllOrders)) == 4
    scene.want(Session.READY)
    scene.house.pass_time(CANCEL_AGAIN_S * 3.5)
    assert len(scene.router.of(CancelAllOrders)) == 4


def test_a_later_life_that_finds_it_stopped_cancels_too(house):
    scene = Scene(house, a_session(session=Session.STOPPED))
    scene.house.pass_time(CANCEL_AGAIN_S * 1.5)
    assert scene.router.of(CancelAllOrders)


# Emergency.


def test_an_emergency_sets_the_latch_before_anything_is_journalled(scene):
    scene.journal.patient = True
    assert scene.want(Session.EMERGENCY, "fire") == "no answer"
    assert scene.latch.reason == "fire"
    assert scene.session() is Session.EMERGENCY
    assert [one.reason for one in scene.router.of(SweepOrders)] == ["fire"]


def emergency(scene, *, reply_to="asker"):
    """Want an emergency stop, of which the router has not said anything yet."""
    wish = SessionWanted(
        session=Session.EMERGENCY, reason="fire", caller="uid 1000", reply_to=reply_to, request="7"
    )
    scene.house.tell(KEEPER, wish)


def test_whoever_wants_an_emergency_hears_when_nothing_of_ours_rests(scene):
    emergency(scene)
    scene.house.tell(KEEPER, DIRTY)
    assert scene.asker.take(SessionAnswer) == []
    scene.house.tell(KEEPER, CLEAN)
    [answer] = scene.asker.take(SessionAnswer)
    assert (answer.swept, answer.is_journalled) == (CLEAN, True)
    scene.house.pass_time(2 * ANSWER_WITHIN_S)
    assert scene.asker.take(SessionAnswer) == []


@pytest.mark.parametrize("said", [[], [DIRTY]])
def test_and_how_far_it_has_come_where_that_takes_too_long(scene, said):
    emergency(scene)
    scene.house.tell(KEEPER, *said)
    scene.house.pass_time(ANSWER_WITHIN_S)
    [answer] = scene.asker.take(SessionAnswer)
    assert answer.swept == (said[-1] if said else None)


def test_the_patience_for_one_is_not_used_up_by_another(scene):
    emergency(scene)
    scene.house.tell(KEEPER, CLEAN)
    scene.asker.clear()
    scene.house.pass_time(ANSWER_WITHIN_S / 2)
    emergency(scene)
    scene.house.pass_time(ANSWER_WITHIN_S * 0.75)
    assert scene.asker.take(SessionAnswer) == []
    scene.house.pass_time(ANSWER_WITHIN_S)
    assert len(scene.asker.take(SessionAnswer)) == 1


def test_an_emergency_is_not_confirmed_before_it_is_on_the_disk(scene):
    scene.journal.patient = True
    emergency(scene)
    scene.house.tell(KEEPER, CLEAN)
    assert scene.asker.take(SessionAnswer) == []
    scene.journal.write()
    [answer] = scene.asker.take(SessionAnswer)
    assert answer.is_journalled


def test_an_emergency_that_the_disk_does_not_take_is_answered_as_such(scene):
    scene.journal.patient = True
    emergency(scene)
    scene.house.tell(KEEPER, CLEAN)
    scene.house.pass_time(ANSWER_WITHIN_S)
    [answer] = scene.asker.take(SessionAnswer)
    assert not answer.is_journalled


def test_what_somebody_outside_of_the_tree_halted_is_journalled_by_the_next_life(scene):
    scene.latch.set("the signal SIGUSR1")
    scene.router.clear()
    scene.house.crash(KEEPER)
    assert scene.session() is Session.EMERGENCY
    assert scene.journalled == [(Session.EMERGENCY, "the signal SIGUSR1")]
    assert scene.router.of(SweepOrders) != []
    scene.restart()
    scene.ready()
    assert scene.session() is Session.EMERGENCY


def test_who_asks_before_the_keeper_was_told_hears_the_reason_of_the_latch(scene):
    scene.ready()
    scene.want(Session.PAUSED, "lunch")
    scene.latch.set("the file EMERGENCY_STOP")
    state = scene.state
    assert (state.session, state.reason) == (Session.EMERGENCY, "the file EMERGENCY_STOP")


def test_a_latch_that_was_set_from_outside_is_not_released_by_another_wish(scene):
    scene.latch.set("the signal SIGUSR1")
    assert "reset_emergency" in scene.want(Session.READY)
    assert scene.latch.reason == "the signal SIGUSR1"


def test_positions_are_kept_in_an_emergency_unless_somebody_wants_them_sold(scene):
    scene.want(Session.EMERGENCY, "fire")
    assert not scene.latch.exits_allowed
    wish = SessionWanted(
        session=Session.DRAINING, reason="get out", caller="uid 1000", flattens=True
    )
    protections = list(scene.protectors.values())
    scene.house.tell(KEEPER, wish)
    assert scene.session() is Session.EMERGENCY
    assert scene.latch.exits_allowed
    assert scene.state.exits_allowed
    assert [one.pair for ear in protections for one in ear.of(FlattenWanted)] == [BTC, ETH]
    scene.restart()
    assert scene.session() is Session.EMERGENCY
    assert scene.latch.exits_allowed, "a restart goes on with it"
    assert scene.want(Session.PAUSED, "over", resets=True) == ""
    assert not scene.latch.exits_allowed


def test_positions_are_sold_at_once_where_the_policy_says_so(house):
    scene = Scene(house, positions=PositionsInEmergency.FLATTEN)
    scene.ready()
    protection = scene.protectors[BTC]
    scene.want(Session.EMERGENCY, "fire")
    assert scene.latch.exits_allowed
    assert len(protection.of(FlattenWanted)) == 1


def test_a_flatten_drains_and_tells_who_protects_the_positions(scene):
    protection = scene.protectors[ETH]
    wish = SessionWanted(
        session=Session.DRAINING, reason="get out", caller="uid 1000", flattens=True
    )
    scene.house.tell(KEEPER, wish)
    assert scene.session() is Session.DRAINING
    assert [one.reason for one in protection.of(FlattenWanted)] == ["get out"]


@pytest.mark.parametrize("session", WANTABLE)
@pytest.mark.parametrize("reason", ["because", ""])
def test_nothing_but_a_reset_ends_an_emergency(scene, session, reason):
    scene.want(Session.EMERGENCY, "fire")
    assert "reset_emergency" in scene.want(session, reason)
    assert scene.session() is Session.EMERGENCY
    assert scene.latch.reason == "fire"


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_reset_needs_a_reason(scene, reason):
    scene.want(Session.EMERGENCY, "fire")
    assert scene.want(Session.PAUSED, reason, resets=True) != ""
    assert scene.session() is Session.EMERGENCY


def test_a_reset_with_a_reason_pauses_the_house(scene):
    scene.want(Session.EMERGENCY, "fire")
    assert scene.want(Session.PAUSED, "it was a drill", resets=True) == ""
    assert scene.session() is Session.PAUSED
    assert scene.latch.reason is None


def test_a_reset_leads_to_paused_and_nowhere_else(scene):
    scene.want(Session.EMERGENCY, "fire")
    assert scene.want(Session.READY, "it was a drill", resets=True) != ""


def test_an_emergency_may_be_wanted_again(scene):
    scene.want(Session.EMERGENCY, "fire")
    assert scene.want(Session.EMERGENCY, "flood") == ""
    assert scene.latch.reason == "fire"


def test_an_emergency_persists_over_a_restart_of_the_process(scene):
    scene.want(Session.EMERGENCY, "fire")
    scene.restart()
    scene.ready()
    assert scene.session() is Session.EMERGENCY
    assert scene.latch.reason == "fire"


def test_an_emergency_of_an_earlier_run_without_a_reason_is_one_all_the_same(house):
    scene = Scene(house, a_session(session=Session.EMERGENCY, reason=""))
    assert scene.session() is Session.EMERGENCY
    assert scene.latch.reason == "an emergency stop of an earlier run"


def test_before_the_journal_is_read_nobody_can_talk_an_emergency_away(house):
    """The wish would have been granted, since nobody knew of the emergency yet."""
    scene = Scene(house, a_session(session=Session.EMERGENCY, reason="fire"))
    scene.journal.patient = True
    scene.restart()
    scene.ready()
    assert scene.want(Session.READY) == "no answer"
    scene.journal.patient = False
    scene.journal.write()
    [answer] = scene.asker.take(SessionAnswer)
    assert "reset_emergency" in answer.refused
    assert scene.session() is Session.EMERGENCY


def test_an_emergency_does_not_wait_for_the_journal(house):
    scene = Scene(house)
    scene.journal.patient = True
    scene.restart()
    assert scene.want(Session.EMERGENCY, "fire") == "no answer"
    assert scene.latch.reason == "fire"
    scene.journal.patient = False
    scene.journal.write()
    assert scene.session() is Session.EMERGENCY
    assert scene.latch.reason == "fire"


# Draining.


def test_a_drain_ends_stopped_when_every_pair_has_said_so(scene):
    scene.want(Session.DRAINING, "weekend")
    scene.drained(BTC)
    assert scene.session() is Session.DRAINING
    scene.drained(BTC, ETH)
    assert scene.session() is Session.STOPPED
    assert scene.journalled[-1][0] is Session.STOPPED
    assert scene.state.reason.startswith("drained")


def test_what_a_pair_says_outside_of_a_drain_counts_for_nothing(scene):
    scene.drained(BTC, ETH)
    scene.want(Session.DRAINING)
    scene.drained(ETH)
    assert scene.session() is Session.DRAINING


def test_each_drain_has_to_end_in_every_pair_anew(scene):
    scene.want(Session.DRAINING)
    scene.drained(BTC)
    scene.want(Session.READY)
    scene.want(Session.DRAINING)
    scene.drained(ETH)
    assert scene.session() is Session.DRAINING


def test_a_drain_goes_on_after_a_restart(scene):
    scene.want(Session.DRAINING)
    scene.drained(BTC)
    scene.heard.clear()
    scene.restart()
    scene.ready()
    assert scene.session() is Session.DRAINING
    assert scene.heard.of(SessionState)[-1].session is Session.DRAINING  # All answer anew.
    scene.drained(ETH)
    assert scene.session() is Session.DRAINING
    scene.drained(BTC)
    assert scene.session() is Session.STOPPED


# Restarts.


@pytest.mark.parametrize("session", [Session.PAUSED, Session.DRAINING, Session.STOPPED])
def test_what_was_wanted_outlives_the_process(scene, session):
    scene.want(session, "because")
    scene.restart()
    scene.ready()
    assert scene.session() is session
    assert scene.state.reason == "because"


def test_a_later_life_asks_the_parts_because_they_will_not_say_it_by_themselves(scene):
    scene.router.clear()
    scene.house.crash(KEEPER)
    assert len(scene.router.of(ReadinessWanted)) == len(scene.router) == 1
    assert len(scene.ledger.of(ReadinessWanted)) == len(scene.ledger) == 1
    assert scene.session() is Session.STARTING
    scene.ready()
    assert scene.session() is Session.READY


def test_a_new_recorder_is_told_again_what_was_not_answered(scene):
    scene.journal.patient = True
    scene.want(Session.PAUSED, "lunch")
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    assert scene.journalled == [(Session.PAUSED, "lunch")]
    scene.journal.records.clear()
    scene.journal.reopen()
    assert scene.journal.records == []
    assert scene.session() is Session.PAUSED


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(KEEPER, "nonsense")
    assert scene.house.deaths() == ["TypeError: operations/session_keeper: unexpected str"]


# One pair.


def test_a_pair_is_paused_alone_and_resumed(house):
    scene = Scene(house)
    scene.ready()
    assert scene.want_in(BTC, Session.PAUSED) == ""
    assert (scene.session(), scene.of(BTC), scene.of(ETH)) == (
        Session.READY,
        Session.PAUSED,
        Session.READY,
    )
    assert scene.want_in(BTC, Session.READY) == ""
    assert scene.of(BTC) is Session.READY


@pytest.mark.parametrize("session", [Session.PAUSED, Session.DRAINING, Session.STOPPED])
def test_a_pair_stays_what_it_was_told_over_a_restart_of_everybody(house, session):
    scene = Scene(house, a_session(), a_pair_session(session))
    scene.ready()
    assert (scene.of(BTC), scene.of(ETH)) == (session, Session.READY)


def test_what_all_are_told_holds_for_a_pair_where_it_is_stricter(house):
    scene = Scene(house)
    scene.ready()
    scene.want_in(BTC, Session.DRAINING)
    scene.want(Session.PAUSED)
    assert (scene.of(BTC), scene.of(ETH)) == (Session.DRAINING, Session.PAUSED)
    scene.want(Session.STOPPED)
    assert scene.of(BTC) is Session.STOPPED
    scene.want(Session.READY)
    assert (scene.of(BTC), scene.of(ETH)) == (Session.DRAINING, Session.READY)


def test_a_pair_that_is_drained_is_stopped_and_nobody_else(house):
    scene = Scene(house)
    scene.ready()
    scene.want_in(BTC, Session.DRAINING)
    assert scene.router.of(CancelAllOrders)[-1].pair == BTC
    scene.drained(BTC)
    assert (scene.of(BTC), scene.of(ETH)) == (Session.STOPPED, Session.READY)


def test_while_a_pair_is_stopped_its_orders_are_cancelled_again_and_again(house):
    scene = Scene(house)
    scene.ready()
    scene.want_in(BTC, Session.STOPPED)
    house.pass_time(3 * CANCEL_AGAIN_S)
    cancels = scene.router.of(CancelAllOrders)
    assert len(cancels) == 4
    assert {one.pair for one in cancels} == {BTC}
    scene.want_in(BTC, Session.READY)
    house.pass_time(3 * CANCEL_AGAIN_S)
    assert len(scene.router.of(CancelAllOrders)) == 4


def test_a_pair_is_flattened_alone(house):
    scene = Scene(house)
    ears = scene.protectors
    scene.ready()
    assert scene.want_in(BTC, Session.DRAINING, flattens=True) == ""
    assert [len(ears[pair].of(FlattenWanted)) for pair in (BTC, ETH)] == [1, 0]


def test_an_emergency_is_of_all_pairs_and_a_pair_must_be_traded(house):
    scene = Scene(house)
    scene.ready()
    assert scene.want_in(BTC, Session.EMERGENCY) == "emergency is of all pairs or of none"
    assert "not traded here" in scene.want_in("XRP_USDT", Session.PAUSED)
    assert scene.of(BTC) is Session.READY


# A trader that is parked.


def park(house, pair, state="disabled"):
    report = ChildReport(
        address=addresses.trader(pair),
        supervisor=f"trading/{pair}",
        state=state,
        incarnation=6,
        restarts=5,
        last_error="ValueError",
        since_ns=0,
    )
    house.runtime.report(report)


def test_where_the_trader_is_parked_the_protector_is_asked_to_end_the_drain(house):
    scene = Scene(house)
    protectors = scene.protectors
    scene.ready()
    park(house, BTC)
    park(house, ETH, "running")
    house.pass_time(5 * DRAIN_LOOK_S)
    assert protectors[BTC].of(DrainWanted) == []

    # Again and again, although everything is cancelled again meanwhile for a pair that is stopped.
    scene.want_in(ETH, Session.STOPPED)
    scene.want_in(BTC, Session.DRAINING)
    house.pass_time(2.5 * DRAIN_LOOK_S)
    assert protectors[BTC].of(DrainWanted) == [DrainWanted(pair=BTC)] * 2
    assert protectors[ETH].of(DrainWanted) == []

    scene.restart()  # Of the board it need not be told anew.
    scene.ready()
    protectors[BTC].take(DrainWanted)
    house.pass_time(1.5 * DRAIN_LOOK_S)
    assert protectors[BTC].of(DrainWanted) == [DrainWanted(pair=BTC)]

    scene.drained(BTC)
    assert scene.of(BTC) is Session.STOPPED
    protectors[BTC].take(DrainWanted)
    house.pass_time(5 * DRAIN_LOOK_S)
    assert protectors[BTC].of(DrainWanted) == []


def test_a_drain_of_all_ends_although_a_trader_is_parked(scene):
    protector = scene.protectors[BTC]
    park(scene.house, BTC)
    scene.want(Session.DRAINING)
    scene.drained(ETH)
    scene.house.pass_time(1.5 * DRAIN_LOOK_S)
    assert protector.of(DrainWanted) == [DrainWanted(pair=BTC)]
    scene.drained(BTC)
    assert scene.session() is Session.STOPPED
