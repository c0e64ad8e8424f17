"""The recorder: written first, then answered, then told; in order, once, also over a restart."""

import sqlite3
from decimal import Decimal

import pytest

from actors import addresses
from actors.kernel import LanePolicy
from actors.operations.recorder import BATCH_MAX, CHECKPOINT_EVERY_S, Recorder
from state.messages.accounts import BalanceDifference, TradeClosed
from state.messages.journal import (
    Books,
    BooksWanted,
    Echo,
    EchoWanted,
    Entry,
    FiredTrigger,
    Journaled,
    JournalOpened,
    KnownFound,
    KnownSought,
    OrderFound,
    OrderSought,
    Record,
    RecordDenied,
    Recorded,
    SaveSnapshot,
)
from state.messages.operations import AlertRaised, EpochBegan, SessionChanged
from state.messages.orders import DecisionMade, OrderFilled, OrderIntended
from state.store import Store, store_over, stored_snapshots
from state.values import (
    ClientOrderId,
    DecisionId,
    Purpose,
    Session,
    Side,
    TimeNs,
    Venue,
    VenueOrderId,
)
from tests.actors.examples import BTC, NOW, USDT
from tests.state.examples import (
    ID,
    a_comparison,
    a_decision,
    a_fill,
    a_session,
    an_acceptance,
    an_alert,
    an_intent,
    an_opening,
)

RECORDER = addresses.RECORDER


class Disk(sqlite3.Connection):
    """A database in memory that outlives whoever closes it, and counts its commits."""

    commits = 0
    checkpoints = 0
    fails = False

    def close(self):
        self.rollback()

    def execute(self, statement, *args):
        if self.fails and statement.startswith("COMMIT"):
            raise sqlite3.OperationalError("disk I/O error")
        self.commits += statement.startswith("COMMIT")
        self.checkpoints += "wal_checkpoint(PASSIVE)" in statement
        return super().execute(statement, *args)


class Scene:
    """A recorder over a disk in memory; whoever asks is at `asker`."""

    def __init__(self, house):
        self.house = house
        self.disk = sqlite3.connect(":memory:", check_same_thread=False, factory=Disk)
        self.asker = house.ear("asker")
        self.heard = house.listener(
            JournalOpened, AlertRaised, OrderIntended, OrderFilled, SessionChanged
        )
        self.request = 0
        house.live(RECORDER, Recorder, self.open)
        self.disk.commits = 0

    def open(self) -> Store:
        return store_over(self.disk, venue=Venue.SIMULATED, version="test", at_ns=self.house.now_ns)

    def record(self, *events, key=None, durable=False, settle=True) -> int:
        self.request += 1
        record = Record(
            entries=tuple(Entry(event=event, key=key) for event in events),
            sender="asker",
            request=self.request,
            durable=durable,
        )
        self.house.runtime.tell(RECORDER, record)
        if settle:
            self.house.settle()
        return self.request

    def ask(self, message):
        self.house.tell(RECORDER, message)

    @property
    def told(self):
        return [(one.seq, one.event) for one in self.heard.of(Journaled)]

    @property
    def kinds(self):
        """What is in the journal, by type."""
        events = self.open().read(0, 1000)
        return [type(one.event) for one in events if not isinstance(one.event, EpochBegan)]


@pytest.fixture
def scene(house):
    return Scene(house)


def an_alert_saying(text):
    return an_alert(text=text)


def test_it_begins_by_telling_everyone_where_the_journal_stands(scene):
    assert scene.heard == [JournalOpened(last_seq=1, epoch=1)]


def test_who_records_is_answered_with_the_place_of_each_entry(scene):
    request = scene.record(an_opening(), an_alert())
    assert scene.asker == [Recorded(request=request, seqs=(2, 3))]


def test_the_fact_is_told_with_its_place_after_it_is_written(scene):
    scene.record(an_alert())
    assert scene.told == [(2, an_alert())]
    assert scene.kinds == [AlertRaised]


def test_an_echo_comes_behind_all_that_was_said_before_it_was_wanted(scene):
    """Who hears it has been told of everything until then."""
    both = scene.house.ear("both")
    scene.house.runtime.bus.subscribe("both", AlertRaised)
    scene.record(an_alert(), settle=False)
    scene.house.runtime.tell(RECORDER, EchoWanted(number=7, reply_to="both"))
    scene.record(an_alert_saying("later"), settle=False)
    scene.house.settle()
    assert [type(one) for one in both] == [Journaled, Echo, Journaled]
    assert both[1] == Echo(number=7)


def test_the_sender_is_answered_before_the_fact_is_told(scene):
    """A router must know its order before the exchange's answer can find it."""
    both = scene.house.ear("both")
    scene.house.runtime.bus.subscribe("both", AlertRaised)
    record = Record(entries=(Entry(event=an_alert()),), sender="both", request=1)
    scene.house.tell(RECORDER, record)
    assert [type(one) for one in both] == [Recorded, Journaled]


def test_a_record_that_asks_for_no_answer_gets_none(scene):
    record = Record(entries=(Entry(event=an_alert()),), sender="asker")
    scene.house.tell(RECORDER, record)
    assert scene.asker == []
    assert scene.told == [(2, an_alert())]


def test_records_that_wait_together_are_one_commit(scene):
    for number in range(50):
        scene.record(an_alert_saying(str(number)), settle=False)
    scene.house.settle()
    assert scene.disk.commits == 1
    assert [one.request for one in scene.asker] == list(range(1, 51))
    assert [seq for seq, _ in scene.told] == list(range(2, 52))
    assert [event.text for _, event in scene.told] == [str(number) for number in range(50)]


def test_a_batch_is_not_larger_than_can_be_written_in_a_moment(scene):
    for number in range(BATCH_MAX + 1):
        scene.record(an_alert_saying(str(number)), settle=False)
    scene.house.settle()
    assert scene.disk.commits == 2
    assert len(scene.asker) == BATCH_MAX + 1


def test_an_entry_that_is_known_is_answered_and_not_written_or_told_again(scene):
    scene.record(an_alert(), key="k")
    again = scene.record(an_alert(), key="k")
    assert scene.asker[-1] == Recorded(request=again, seqs=(2,))
    assert len(scene.told) == 1


def test_equal_entries_in_one_batch_are_one(scene):
    first = scene.record(an_alert(), key="k", settle=False)
    second = scene.record(an_alert(), key="k")
    assert scene.asker == [
        Recorded(request=first, seqs=(2,)),
        Recorded(request=second, seqs=(2,)),
    ]
    assert len(scene.told) == 1


def test_a_record_that_contradicts_what_is_known_is_denied_and_takes_no_other_with_it(scene):
    good = scene.record(an_alert_saying("a"), settle=False)
    bad = scene.record(an_alert_saying("b"), a_fill(), settle=False)  # Of an order nobody meant.
    better = scene.record(an_alert_saying("c"), settle=False)
    scene.house.settle()
    [denied] = scene.asker.of(RecordDenied)
    assert denied.request == bad
    assert denied.reason
    assert [one.request for one in scene.asker.of(Recorded)] == [good, better]
    assert [event.text for _, event in scene.told] == ["a", "c"]


def test_a_full_mailbox_does_not_keep_what_waits_from_being_written(house):
    """The order to write was refused for want of room, and nobody said it again."""
    house.runtime.open(RECORDER, data=LanePolicy(limit=1))
    scene = Scene(house)
    house.runtime.probe = Crowd(house, _record_of(an_alert_saying("second")))
    house.tell(RECORDER, _record_of(an_alert_saying("first")))
    assert [event.text for _, event in scene.told] == ["first", "second"]


class Crowd:
    """Fills the recorder's mailbox just before it handles its first record."""

    def __init__(self, house, record):
        self.house, self.records = house, [record]

    def before(self, address, message):
        if isinstance(message, Record) and self.records:
            assert self.house.runtime.tell(RECORDER, self.records.pop())

    def sending(self, address, message):
        pass

    def after(self, address, message):
        pass


# Questions.


def test_books_contain_all_that_was_said_before_they_were_asked_for(scene):
    scene.record(an_opening(), settle=False)
    scene.record(an_intent(), settle=False)
    scene.record(a_session(session=Session.PAUSED), settle=False)
    decision = a_decision(decision_id=DecisionId("d-9"), expires_at_ns=TimeNs(NOW + 1))
    scene.record(decision, settle=False)
    scene.ask(BooksWanted(reply_to="asker", quote=USDT))
    [books] = scene.asker.of(Books)
    assert (books.last_seq, books.epoch) == (5, 1)
    assert books.ledger.balance(USDT) == 10_000
    assert [one.client_order_id for one in books.orders] == [ID]
    assert [one.decision_id for one in books.decisions] == ["d-9"]
    assert books.session == a_session(session=Session.PAUSED)


def test_decisions_that_have_their_order_or_expired_long_ago_are_not_pending(scene):
    alive = TimeNs(NOW + 10**9)
    scene.record(a_decision(decision_id=DecisionId("d-1"), expires_at_ns=alive))
    scene.record(an_intent(decision_id=DecisionId("d-1")))
    long_ago = TimeNs(NOW - 600 * 10**9)
    scene.record(a_decision(decision_id=DecisionId("d-2"), expires_at_ns=long_ago))
    scene.ask(BooksWanted(reply_to="asker", quote=USDT))
    assert scene.asker.of(Books)[0].decisions == ()


def test_an_order_is_found_by_its_name_also_when_it_was_said_a_moment_ago(scene):
    scene.record(an_intent(), settle=False)
    scene.ask(OrderSought(client_order_id=ID, reply_to="asker"))
    scene.ask(OrderSought(client_order_id=ClientOrderId("t-9"), reply_to="asker"))
    known, unknown = scene.asker.of(OrderFound)
    assert known.order is not None
    assert known.order.intent == an_intent()
    assert unknown == OrderFound(client_order_id=ClientOrderId("t-9"), order=None)


def test_a_trade_is_told_after_the_commit_and_is_in_the_next_books(scene):
    trades = scene.house.listener(TradeClosed)
    sale = {"client_order_id": "t-2", "side": Side.SELL, "quantity": Decimal("0.998")}
    scene.record(
        an_intent(),
        a_fill(),
        an_intent(**sale, purpose=Purpose.STOP_LOSS),
        a_fill(**sale, trade_id="8", price=Decimal(90), fee=Decimal(0), at_ns=NOW),
    )
    [told] = trades
    assert (told.pair, told.purpose, told.closed_at_ns) == ("BTC_USDT", "stop_loss", NOW)
    assert told.profit < 0
    scene.ask(BooksWanted(reply_to="asker", quote=USDT))
    [books] = scene.asker.of(Books)
    assert books.trades == (told,)
    assert told.seq == books.last_seq


def test_the_newest_agreement_is_in_the_books(scene):
    differing = BalanceDifference(currency=USDT, ledger=Decimal(1), exchange=Decimal(2))
    scene.record(
        a_comparison(fills=3, began_at_ns=TimeNs(15)),
        a_comparison(at_ns=TimeNs(30), differences=(differing,)),
    )
    scene.ask(BooksWanted(reply_to="asker", quote=USDT))
    [books] = scene.asker.of(Books)
    assert books.agreed == a_comparison(fills=3, began_at_ns=TimeNs(15))


def test_who_asks_is_told_which_keys_and_orders_the_journal_knows(scene):
    scene.record(an_intent(), an_acceptance(), a_fill())
    ours, other = VenueOrderId("v-1"), VenueOrderId("v-9")
    sought = KnownSought(
        keys=("fill:BTC_USDT:7", "fill:BTC_USDT:8", "book:1:USDT"),
        orders=(ours, other),
        fired=(FiredTrigger(venue_order_id=other, pair=BTC, expiration_s=77),),
        reply_to="asker",
        request=5,
    )
    scene.ask(sought)
    [known] = scene.asker.of(KnownFound)
    assert known == KnownFound(request=5, keys=("fill:BTC_USDT:7",), orders=(ours,))


def test_snapshots_are_kept_the_newest_of_each_address(scene):
    for address, payload in (("a", b"1"), ("b", b"2"), ("a", b"3")):
        snapshot = SaveSnapshot(address=address, schema=1, payload=payload, taken_ns=NOW)
        scene.house.runtime.tell(RECORDER, snapshot)
    scene.house.settle()
    store = scene.open()
    assert [one.payload for one in stored_snapshots(store, "a")] == [b"3"]
    assert [one.payload for one in stored_snapshots(store, "b")] == [b"2"]
    assert stored_snapshots(store, "a")[0].at_ns == NOW


def test_the_log_is_moved_into_the_file_every_so_often(scene):
    scene.house.pass_time(CHECKPOINT_EVERY_S * 3 + 1.0)
    assert scene.disk.checkpoints == 3


# Ends and beginnings.


def test_asked_to_stop_it_writes_what_waits(scene):
    scene.house.runtime.tell(RECORDER, _record_of(an_alert()))
    mailbox = scene.house.runtime.mailboxes[RECORDER]
    scene.house.runtime.step()  # The record is in its hands, not yet written.
    scene.house.runtime.shut_down(RECORDER, mailbox.epoch)
    scene.house.settle()
    assert scene.kinds == [AlertRaised]
    assert scene.disk.checkpoints == 1


def test_a_restart_in_the_middle_of_a_batch_loses_nothing_that_was_answered(scene):
    scene.record(an_alert_saying("answered"))
    scene.house.runtime.tell(RECORDER, _record_of(an_alert_saying("in hand")))
    scene.house.runtime.step()
    scene.house.crash(RECORDER)
    assert [event.text for _, event in scene.told] == ["answered"]
    assert scene.heard.of(JournalOpened)[-1].epoch == 2
    # Who got no answer says it again.
    scene.record(an_alert_saying("in hand"))
    assert [event.text for _, event in scene.told] == ["answered", "in hand"]
    seqs = [seq for seq, _ in scene.told]
    assert seqs == sorted(set(seqs))


def test_what_was_in_the_mailbox_is_written_by_the_next_life(scene):
    scene.house.runtime.tell(RECORDER, _record_of(an_alert_saying("waiting")))
    scene.house.crash(RECORDER)
    assert [event.text for _, event in scene.told] == ["waiting"]


def test_what_was_written_and_not_answered_is_not_written_twice_when_it_is_said_again(scene):
    scene.record(an_intent(), durable=True)
    scene.house.crash(RECORDER)
    scene.asker.clear()
    again = scene.record(an_intent(), durable=True)
    assert scene.asker == [Recorded(request=again, seqs=(2,))]
    assert scene.kinds == [OrderIntended]


def test_a_life_that_was_replaced_cannot_write_any_more(scene):
    """Fenced by the epoch: two writers would write two truths."""
    scene.open()  # Somebody else took over the database.
    scene.record(an_alert())
    [death] = scene.house.deaths()
    assert death.startswith("EpochStale")
    assert scene.asker == []


def test_a_disk_that_fails_kills_it_and_nothing_is_answered(scene):
    scene.disk.fails = True
    scene.record(an_alert(), durable=True)
    [death] = scene.house.deaths()
    assert death.startswith("StoreRefused")
    assert scene.asker == []
    assert scene.told == []
    scene.disk.fails = False
    scene.house.crash(RECORDER)
    scene.record(an_alert(), durable=True)
    assert len(scene.told) == 1


def test_a_store_that_cannot_be_opened_is_a_failed_start(house):
    def refuse() -> Store:
        raise OSError("no such disk")

    house.live(RECORDER, Recorder, refuse)
    assert house.deaths() == ["OSError: no such disk"]


def test_decisions_and_fills_find_their_own_keys(scene):
    scene.record(an_intent())
    scene.record(a_decision())
    scene.record(a_decision())
    scene.record(a_fill(quantity=Decimal(1)))
    scene.record(a_fill(quantity=Decimal(1)))
    assert scene.kinds == [OrderIntended, DecisionMade, OrderFilled]


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(RECORDER, "nonsense")
    assert scene.house.deaths() == ["TypeError: operations/recorder: unexpected str"]


def _record_of(*events) -> Record:
    return Record(entries=tuple(Entry(event=event) for event in events), sender="asker", request=99)
