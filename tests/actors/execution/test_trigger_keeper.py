"""What waits at the exchange is what is wanted, known to the journal first, and never too much."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors import addresses
from actors.execution.trigger_keeper import RELEASED_S, TriggerKeeper
from adapters.halt_latch import Latch
from state.config.settings import OrderSettings
from state.messages.journal import Recorded
from state.messages.market import StreamOpened
from state.messages.operations import SessionState
from state.messages.orders import OrderAccepted, OrderIntended
from state.messages.protection import (
    ReleaseTriggers,
    TriggerArmed,
    TriggerCancelIntended,
    TriggerEnd,
    TriggerEnded,
    TriggerIntended,
    TriggersReleased,
    TriggerUnknown,
    TriggerWanted,
)
from state.messages.venue import (
    CancelTrigger,
    FetchTriggers,
    PlaceTrigger,
    Refused,
    Succeeded,
    TriggerMoved,
    TriggerReport,
    TriggerStatus,
    Unknown,
)
from state.values import Price, Quantity, Session, Side, TimeNs, TradeId, VenueOrderId
from tests.actors.examples import BTC, ETH, NOW, USDT, a_clock
from tests.actors.house import Journal
from tests.fakes import FakeExchange
from tests.state.examples import a_fill, a_finish, an_acceptance, an_intent

KEEPER = addresses.TRIGGER_KEEPER
SETTINGS = OrderSettings(
    expiry_s=5.0, visibility_lag_s=3.0, query_every_s=1.0, reconcile_every_s=30.0
)
NO_ANSWER = Unknown(reason="time-out")


class Scene:
    """A trigger keeper between a fake exchange and a real store."""

    def __init__(self, house, *, listed=()):
        self.house, self.latch, self.exchange = house, Latch(), FakeExchange()
        self.journal = Journal(house, addresses.RECORDER)
        self.router = house.ear(addresses.ORDER_ROUTER)
        for one in (addresses.HEALTH_MONITOR, addresses.SESSION_KEEPER):
            house.ear(one)
        self.listed = list(listed)
        self.exchange.promptly(FetchTriggers, lambda _: Succeeded(triggers=tuple(self.listed)))

    def live(self, make=TriggerKeeper):
        self.house.live(
            KEEPER,
            make,
            self.exchange,
            self.latch,
            SETTINGS,
            account="simulated-1",
            quote=USDT,
            pairs=(BTC, ETH),
        )
        self.house.publish(a_clock())
        return self

    def want(self, quantity="0.5", stop="98", as_of_seq=10**6, pair=BTC):
        self.house.tell(
            KEEPER,
            TriggerWanted(
                pair=pair,
                quantity=Quantity(Decimal(quantity)),
                trigger_price=Price(Decimal(stop)),
                price=Price(Decimal(stop) - 1),
                as_of_seq=as_of_seq,
            ),
        )

    def answer(self, kind, outcome):
        self.exchange.answer(kind, outcome)
        self.house.settle()

    def arm(self, venue_id="900", **wanted):
        """Have one armed, and listed."""
        self.want(**wanted)
        report = shown(self.placed[-1], venue_id)
        self.listed.append(report)
        self.answer(PlaceTrigger, Succeeded(triggers=(report,)))
        return report

    def end(self, report, status, **changes):
        """Have the exchange show it ended."""
        after = replace(report, status=status, ended_at_ns=NOW, **changes)
        self.listed[self.listed.index(report)] = after
        return after

    def ask_release(self, request=1, as_of_seq=10**6, parent=None):
        self.house.tell(
            KEEPER,
            ReleaseTriggers(
                pair=BTC,
                reply_to=addresses.ORDER_ROUTER,
                request=request,
                as_of_seq=as_of_seq,
                parent=parent,
            ),
        )

    @property
    def placed(self):
        return self.exchange.of(PlaceTrigger)

    @property
    def released(self):
        return self.router.of(TriggersReleased)

    def told(self, kind):
        return self.journal.told(kind)

    @property
    def ends(self):
        return [one.end for one in self.told(TriggerEnded)]


def shown(request, venue_id="900", **changes):
    """What the exchange shows of one that it was asked for."""
    members = {
        "venue_trigger_id": venue_id,
        "status": TriggerStatus.OPEN,
        "created_at_ns": NOW,
    }
    shape = ("pair", "side", "rule", "trigger_price", "price", "quantity", "expiration_s")
    members |= {name: getattr(request, name) for name in shape}
    return TriggerReport(**(members | changes))


@pytest.fixture
def scene(house):
    return Scene(house).live()


# Arming.


def test_what_is_wanted_waits_once_it_is_in_the_journal(scene):
    scene.journal.patient = True
    scene.want()
    assert scene.placed == []
    scene.journal.patient = False
    scene.journal.write()
    [request] = scene.placed
    [intent] = scene.told(TriggerIntended)
    assert (request.trigger_price, request.price, request.quantity) == (98, 97, Decimal("0.5"))
    assert request.expiration_s == intent.expiration_s
    scene.answer(PlaceTrigger, Succeeded(triggers=(shown(request),)))
    assert [one.venue_trigger_id for one in scene.told(TriggerArmed)] == ["900"]


def test_wanting_it_again_changes_nothing(scene):
    scene.arm()
    scene.want()
    scene.want()
    assert len(scene.placed) == 1


def test_another_size_replaces_it_and_never_do_two_wait(scene):
    first = scene.arm()
    scene.want(quantity="0.7")
    assert len(scene.placed) == 1
    gone = scene.end(first, TriggerStatus.CANCELLED)
    scene.answer(CancelTrigger, Succeeded(triggers=(gone,)))
    assert [request.quantity for request in scene.placed] == [Decimal("0.5"), Decimal("0.7")]
    assert len({request.expiration_s for request in scene.placed}) == 2


def test_nothing_wanted_takes_back_what_waits(scene):
    scene.arm()
    scene.want(quantity="0")
    assert len(scene.exchange.waiting(CancelTrigger)) == 1
    assert len(scene.told(TriggerCancelIntended)) == 1


def test_nothing_is_armed_before_it_is_known_what_waits_already(house):
    scene = Scene(house)
    scene.exchange.slowly(FetchTriggers)
    scene.live()
    scene.want()
    assert scene.placed == []
    scene.answer(FetchTriggers, Succeeded())
    scene.answer(FetchTriggers, Succeeded())
    assert len(scene.placed) == 1


@pytest.mark.parametrize("session", [Session.STOPPED, Session.EMERGENCY])
def test_nothing_is_armed_while_nothing_may_leave(scene, session):
    scene.house.publish(SessionState(session=session, reason="", since_ns=NOW))
    scene.want()
    assert scene.placed == []


def test_nothing_is_armed_while_the_latch_is_set(scene):
    scene.latch.set("by hand")
    scene.want()
    assert scene.placed == []


def test_while_halted_what_waits_is_not_taken_back_for_another_price(scene):
    first = scene.arm()
    scene.latch.set("by hand")
    scene.want(stop="99")
    assert scene.told(TriggerCancelIntended) == []
    assert scene.latch.release() == ""
    scene.want(stop="99")
    gone = scene.end(first, TriggerStatus.CANCELLED)
    scene.answer(CancelTrigger, Succeeded(triggers=(gone,)))
    assert [request.trigger_price for request in scene.placed] == [98, 99]


def test_while_halted_what_would_sell_too_much_is_taken_back(scene):
    scene.arm()
    scene.latch.set("by hand")
    scene.want(quantity="0.3")
    assert len(scene.told(TriggerCancelIntended)) == 1


def test_what_was_wanted_before_the_newest_fill_is_wanted_no_more(scene):
    scene.journal.append(an_intent(pair=BTC, client_order_id="t-1"), a_fill(client_order_id="t-1"))
    filled_seq = scene.journal.store.last_seq
    scene.want(as_of_seq=filled_seq - 1)
    assert scene.placed == []
    scene.want(as_of_seq=filled_seq)
    assert len(scene.placed) == 1


def test_a_refusal_is_tried_again_ever_later(scene):
    scene.want()
    apart_s = []
    for _ in range(4):
        asked_ns = scene.house.now_ns
        scene.answer(PlaceTrigger, Refused(label="FORBIDDEN", message="no right"))
        while not scene.exchange.waiting(PlaceTrigger):
            scene.house.pass_time(0.5)
        apart_s.append((scene.house.now_ns - asked_ns) / 1e9)
    assert apart_s == [1.0, 2.0, 4.0, 8.0]
    assert scene.ends == [TriggerEnd.REFUSED] * 4


# No answer.


def test_one_of_unknown_fate_is_found_by_its_shape(scene):
    scene.want()
    scene.listed.append(shown(scene.placed[0], "901"))
    scene.answer(PlaceTrigger, NO_ANSWER)
    assert len(scene.told(TriggerUnknown)) == 1
    assert [one.venue_trigger_id for one in scene.told(TriggerArmed)] == ["901"]


def test_what_differs_in_anything_is_somebody_elses(scene):
    scene.want()
    request = scene.placed[0]
    for number, change in enumerate(
        (
            {"expiration_s": request.expiration_s + 1},
            {"quantity": Quantity(Decimal("0.51"))},
            {"price": Price(Decimal(96))},
            {"trigger_price": Price(Decimal(97))},
            {"side": Side.BUY},
        )
    ):
        scene.listed.append(shown(request, str(number), **change))
    scene.answer(PlaceTrigger, NO_ANSWER)
    scene.house.pass_time(3.0)
    assert scene.told(TriggerArmed) == []
    assert scene.exchange.of(CancelTrigger) == []


def test_a_list_is_asked_for_again_although_time_passes_while_asking(scene):
    """Live no two looks at the clock are the same: none was asked for again after the first.

    The kill test found it: no sale could leave any more.
    """
    scene.house.runtime.clock.tick_ns = 1
    scene.want()
    scene.answer(PlaceTrigger, NO_ANSWER)
    scene.house.pass_time(12.0)
    assert scene.ends == [TriggerEnd.NOT_PLACED]


def test_one_that_is_in_no_list_is_given_up_only_when_it_can_no_longer_arrive(scene):
    scene.want()
    scene.answer(PlaceTrigger, NO_ANSWER)
    scene.house.pass_time(7.0)
    assert scene.ends == []
    assert len(scene.placed) == 1
    scene.house.pass_time(4.0)
    assert scene.ends == [TriggerEnd.NOT_PLACED]
    assert len(scene.placed) == 2


def test_one_that_turns_up_after_it_was_given_up_is_taken_back(scene):
    scene.want()
    first = scene.placed[0]
    scene.answer(PlaceTrigger, NO_ANSWER)
    scene.house.pass_time(11.0)
    second = shown(scene.placed[1], "902")
    scene.listed.append(second)
    scene.answer(PlaceTrigger, Succeeded(triggers=(second,)))
    late = shown(first, "901")
    scene.listed.append(late)
    scene.house.tell(KEEPER, TriggerMoved(pair=BTC))
    [cancel] = scene.exchange.waiting(CancelTrigger)
    assert cancel.venue_trigger_id in ("901", "902")
    gone = scene.end(late if cancel.venue_trigger_id == "901" else second, TriggerStatus.CANCELLED)
    scene.answer(CancelTrigger, Succeeded(triggers=(gone,)))
    still = [one for one in scene.listed if one.status is TriggerStatus.OPEN]
    assert len(still) == 1


def given_up(scene):
    """Have one given up, another in its place that fired, and nothing wanted since."""
    late = shown(scene.placed[0], "901")
    scene.answer(PlaceTrigger, NO_ANSWER)
    scene.house.pass_time(11.0)
    second = shown(scene.placed[1], "902")
    scene.listed.append(second)
    scene.answer(PlaceTrigger, Succeeded(triggers=(second,)))
    fire(scene, second)
    assert scene.ends == [TriggerEnd.NOT_PLACED, TriggerEnd.FIRED]
    return late


def test_one_that_turns_up_is_taken_back_also_while_nothing_is_wanted(scene):
    scene.want()
    late = given_up(scene)
    scene.listed.append(late)
    scene.house.tell(KEEPER, TriggerMoved(pair=BTC))
    assert [one.venue_trigger_id for one in scene.exchange.waiting(CancelTrigger)] == ["901"]
    assert [one.trigger_id for one in scene.told(TriggerCancelIntended)] == ["trigger/BTC_USDT/1"]


def test_one_that_turns_up_is_taken_back_although_its_cancel_was_meant_before(scene):
    """No new wish sends a cancel that is meant already: it waited on, and sold what was sold."""
    scene.want()
    late = shown(scene.placed[0], "901")
    scene.answer(PlaceTrigger, NO_ANSWER)
    scene.want(quantity="0.7")
    assert len(scene.told(TriggerCancelIntended)) == 1
    scene.house.pass_time(11.0)
    second = shown(scene.placed[1], "902")
    scene.listed.append(second)
    scene.answer(PlaceTrigger, Succeeded(triggers=(second,)))
    fire(scene, second)
    scene.listed.append(late)
    scene.house.tell(KEEPER, TriggerMoved(pair=BTC))
    assert [one.venue_trigger_id for one in scene.exchange.waiting(CancelTrigger)] == ["901"]


def test_a_cancel_that_was_meant_leaves_again_in_a_new_life(scene):
    scene.arm()
    scene.want(quantity="0")
    asked = len(scene.exchange.of(CancelTrigger))
    scene.house.crash(KEEPER)
    scene.house.settle()
    assert len(scene.exchange.of(CancelTrigger)) == asked + 1


@pytest.mark.parametrize("outcome", [Refused(label="SERVER_BUSY", message=""), NO_ANSWER])
def test_a_cancel_that_comes_to_nothing_is_asked_for_again_after_a_pause(scene, outcome):
    scene.arm()
    scene.exchange.promptly(CancelTrigger, outcome)
    scene.want(quantity="0")
    scene.want(quantity="0.1")
    assert len(scene.exchange.of(CancelTrigger)) == 1
    scene.house.pass_time(10.0)
    assert len(scene.exchange.of(CancelTrigger)) in range(30, 45)


def test_what_waits_waits_on_while_nobody_has_said_what_is_wanted(scene):
    scene.arm()
    scene.house.crash(KEEPER)
    scene.house.pass_time(RELEASED_S + 1)
    assert scene.exchange.of(CancelTrigger) == []


def test_a_restart_searches_for_what_an_earlier_life_may_have_sent(scene):
    scene.want()
    scene.listed.append(shown(scene.placed[0], "901"))
    scene.house.crash(KEEPER)
    scene.house.settle()
    assert [one.venue_trigger_id for one in scene.told(TriggerArmed)] == ["901"]
    scene.house.publish(a_clock())
    scene.want()
    scene.house.pass_time(5.0)
    assert len(scene.placed) == 1


# Firing.


def fire(scene, report):
    fired = scene.end(report, TriggerStatus.FIRED, fired_order_id=VenueOrderId("77"))
    scene.house.tell(KEEPER, TriggerMoved(pair=BTC))
    return fired


def test_an_order_that_one_became_is_adopted_in_the_same_record(scene):
    fire(scene, scene.arm())
    [record] = [
        one for one in scene.journal.records if any(_is(e, OrderIntended) for e in one.entries)
    ]
    kinds = [type(entry.event) for entry in record.entries]
    assert kinds == [TriggerEnded, OrderIntended, OrderAccepted]
    assert record.durable
    intent, accepted = record.entries[1].event, record.entries[2].event
    assert (intent.side, intent.quantity, intent.price) == (Side.SELL, Decimal("0.5"), 97)
    assert intent.trigger_id == "trigger/BTC_USDT/1"
    assert intent.purpose == "stop_loss"
    assert accepted.venue_order_id == "77"
    assert intent.client_order_id.startswith("t-gh-")


def _is(entry, kind):
    return isinstance(entry.event, kind)


def test_it_is_adopted_once_however_often_it_is_shown(scene):
    fire(scene, scene.arm())
    for _ in range(3):
        scene.house.tell(KEEPER, TriggerMoved(pair=BTC))
    scene.house.crash(KEEPER)
    scene.house.tell(KEEPER, StreamOpened())
    assert len(scene.told(OrderIntended)) == 1
    assert scene.ends == [TriggerEnd.FIRED]


def test_nothing_is_armed_until_all_is_known_of_what_it_sold(scene):
    fire(scene, scene.arm())
    [intent] = scene.told(OrderIntended)
    scene.want(quantity="0.2", as_of_seq=scene.journal.store.last_seq)
    assert len(scene.placed) == 1
    name = {"client_order_id": intent.client_order_id, "pair": BTC}
    sold = Quantity(Decimal("0.3"))
    scene.journal.append(
        a_fill(**name, side=Side.SELL, quantity=sold, trade_id=TradeId("9")),
        a_finish(**name, filled_quantity=sold, reason="ioc"),
    )
    assert len(scene.placed) == 1
    scene.want(quantity="0.2", as_of_seq=scene.journal.store.last_seq)
    assert [request.quantity for request in scene.placed] == [Decimal("0.5"), Decimal("0.2")]


# Releases.


def test_a_pair_without_any_is_released_at_once(scene):
    scene.ask_release()
    [released] = scene.released
    assert (released.request, released.fired) == (1, False)


def test_it_is_released_once_what_waits_has_ended(scene):
    report = scene.arm()
    scene.ask_release()
    assert scene.released == []
    gone = scene.end(report, TriggerStatus.CANCELLED)
    scene.answer(CancelTrigger, Succeeded(triggers=(gone,)))
    [released] = scene.released
    assert not released.fired


def test_a_cancel_without_an_answer_proves_nothing(scene):
    report = scene.arm()
    scene.ask_release()
    scene.answer(CancelTrigger, NO_ANSWER)
    assert scene.released == []
    scene.end(report, TriggerStatus.CANCELLED)
    scene.house.pass_time(1.5)
    assert len(scene.released) == 1


def test_that_one_fired_instead_is_told_with_the_release(scene):
    report = scene.arm()
    scene.ask_release()
    scene.end(report, TriggerStatus.FIRED, fired_order_id=VenueOrderId("77"))
    scene.answer(CancelTrigger, Refused(label="ORDER_CLOSED", message="finish"))
    [released] = scene.released
    assert released.fired


def test_what_was_approved_before_one_fired_hears_so(scene):
    fire(scene, scene.arm())
    [intent] = scene.told(OrderIntended)
    name = {"client_order_id": intent.client_order_id, "pair": BTC}
    sold = Quantity(Decimal("0.5"))
    before = scene.journal.store.last_seq - 3
    scene.journal.append(
        a_fill(**name, side=Side.SELL, quantity=sold, trade_id=TradeId("9")),
        a_finish(**name, filled_quantity=sold, reason="filled"),
    )
    scene.ask_release(1, as_of_seq=before)
    scene.ask_release(2, as_of_seq=scene.journal.store.last_seq)
    assert [one.fired for one in scene.released] == [True, False]


def test_that_one_fired_is_told_although_the_recorder_died_before_telling_it(scene):
    report = scene.arm()
    scene.ask_release()
    scene.journal.patient = True
    fire(scene, report)
    [waiting] = [
        one for one in scene.journal.records if any(_is(e, OrderIntended) for e in one.entries)
    ]
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.append(*[entry.event for entry in waiting.entries], silently=True)
    scene.journal.reopen()
    assert all(one.fired for one in scene.released)
    assert len(scene.released) == 1


def test_an_intent_answered_by_a_recorder_that_then_died_binds_nobody(scene):
    """It was answered and never told, so it never left: a sale need not wait for it."""
    scene.journal.patient = True
    scene.want()
    [*_, record] = scene.journal.records
    [entry] = record.entries
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.append(entry.event, silently=True)
    seqs = (scene.journal.store.last_seq,)
    scene.house.tell(KEEPER, Recorded(request=record.request, seqs=seqs))
    scene.journal.reopen()
    assert scene.placed == []
    assert scene.ends == [TriggerEnd.REFUSED]
    scene.ask_release()
    assert len(scene.released) == 1


def test_nothing_is_armed_for_a_moment_after_a_release(scene):
    scene.ask_release()
    scene.want()
    scene.house.pass_time(RELEASED_S - 0.5)
    assert scene.placed == []
    scene.house.pass_time(1.0)
    assert len(scene.placed) == 1


def test_nothing_is_armed_while_the_sale_is_out_and_at_once_when_it_is_over(scene):
    scene.ask_release()
    sale = {"client_order_id": "t-9", "pair": BTC}
    scene.journal.append(an_intent(**sale, side=Side.SELL, decision_id="d-9"))
    scene.journal.append(an_acceptance(**sale))
    scene.want()
    scene.house.pass_time(10.0)
    assert scene.placed == []
    scene.journal.append(a_finish(**sale, filled_quantity=Quantity(Decimal(0)), reason="ioc"))
    assert len(scene.placed) == 1


def test_a_sale_meant_while_one_was_on_its_way_to_the_disk_keeps_it_from_leaving(scene):
    scene.journal.patient = True
    scene.want()
    scene.journal.patient = False
    scene.journal.append(
        an_intent(client_order_id="t-9", pair=BTC, side=Side.SELL, decision_id="d-9")
    )
    scene.journal.write()
    assert scene.placed == []
    assert scene.ends == [TriggerEnd.REFUSED]


def test_a_new_life_keeps_what_an_earlier_one_may_have_promised(scene):
    scene.ask_release()
    scene.house.crash(KEEPER)
    scene.house.publish(a_clock())
    scene.want()
    scene.house.pass_time(RELEASED_S - 0.5)
    assert scene.placed == []
    scene.house.pass_time(1.0)
    scene.want()
    assert len(scene.placed) == 1


def test_other_pairs_are_not_held_up(scene):
    scene.ask_release()
    scene.want(pair=ETH)
    assert [request.pair for request in scene.placed] == [ETH]


def test_one_that_the_exchange_knows_no_more_has_ended(scene):
    report = scene.arm()
    scene.listed.remove(report)
    scene.ask_release()
    scene.answer(CancelTrigger, Refused(label="ORDER_NOT_FOUND", message="none"))
    for _ in range(3):
        scene.house.pass_time(1.1)
        for _ in scene.exchange.waiting(CancelTrigger):
            scene.answer(CancelTrigger, Refused(label="ORDER_NOT_FOUND", message="none"))
    assert scene.ends == [TriggerEnd.CANCELLED]
    assert len(scene.released) == 1


def test_times_of_the_list_begin_before_what_it_may_tell(scene):
    scene.arm()
    scene.house.pass_time(31.0)
    since = [request.since_ns for request in scene.exchange.of(FetchTriggers)]
    assert all(one <= TimeNs(scene.house.now_ns) for one in since)
