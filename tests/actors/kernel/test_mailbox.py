"""The promise: mail is neither lost nor doubled nor reordered, and never blocks who sends it."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pykka import ActorDeadError
from pykka._envelope import Envelope

from actors.kernel.backend import SteppedFuture
from actors.kernel.dead_letters import DeadLetters, Poison, Quarantine, Undelivered, fingerprint
from actors.kernel.mailbox import (
    EMPTY,
    FENCED,
    TURN_OVER,
    Address,
    Inbox,
    LanePolicy,
    Mailbox,
    Rest,
    WhenFull,
)


class Shelf:
    """A dispatcher that only notes who was scheduled."""

    def __init__(self):
        self.scheduled = []

    def schedule(self, inbox):
        self.scheduled.append(inbox)

    def release(self, inbox):
        pass


def open_mailbox(**policies):
    letters = DeadLetters()
    mailbox = Mailbox(Address("somebody"), letters, **policies)
    inbox = Inbox(mailbox, mailbox.take_over(), Shelf())
    mailbox.settle(inbox)
    return mailbox, inbox, letters


def put(mailbox, message, *, control=False):
    return mailbox.put(Envelope(message), control=control)


def drain(inbox):
    taken = []
    while not isinstance(envelope := inbox.take(1), Rest):
        taken.append(envelope.message)
    return taken


@given(st.lists(st.tuples(st.booleans(), st.integers())))
def test_control_overtakes_data_and_each_lane_keeps_its_order(mail):
    mailbox, inbox, _ = open_mailbox()
    for control, message in mail:
        put(mailbox, (control, message), control=control)
    expected = [m for m in mail if m[0]] + [m for m in mail if not m[0]]
    assert drain(inbox) == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers())))
def test_conflated_mail_keeps_the_first_place_and_the_newest_value_of_each_key(mail):
    policy = LanePolicy(WhenFull.CONFLATE, key=lambda message: message[0])
    mailbox, inbox, _ = open_mailbox(data=policy)
    for message in mail:
        assert put(mailbox, message)
    newest = dict(mail)
    assert drain(inbox) == [(key, newest[key]) for key in dict.fromkeys(key for key, _ in mail)]
    assert mailbox.conflated == len(mail) - len(newest)
    put(mailbox, (0, "again"))
    assert drain(inbox) == [(0, "again")], "a key that was taken must be queued anew"


def test_mail_without_a_key_is_not_conflated():
    policy = LanePolicy(WhenFull.CONFLATE, key=lambda message: None)
    mailbox, inbox, _ = open_mailbox(data=policy)
    put(mailbox, 1)
    put(mailbox, 2)
    assert drain(inbox) == [1, 2]


@pytest.mark.parametrize("kind", list(WhenFull))
def test_a_full_lane_refuses_by_name_and_does_not_block(kind):
    policy = LanePolicy(kind, limit=2, key=lambda message: message)
    mailbox, inbox, letters = open_mailbox(data=policy)
    assert [put(mailbox, number) for number in range(4)] == [True, True, False, False]
    assert letters.counts() == {Undelivered.OVERFLOW: 2}
    assert drain(inbox) == [0, 1]
    assert mailbox.dropped == 2


def test_a_full_data_lane_still_takes_control():
    mailbox, inbox, _ = open_mailbox(data=LanePolicy(limit=0))
    assert not put(mailbox, "data")
    assert put(mailbox, "stop", control=True)
    assert drain(inbox) == ["stop"]


def test_only_data_may_be_conflated():
    with pytest.raises(AssertionError, match="only data"):
        open_mailbox(control=LanePolicy(WhenFull.CONFLATE, key=lambda message: message))


def test_mail_waits_while_the_actor_is_down_unless_the_lane_rejects_it():
    kept, inbox, _ = open_mailbox()
    kept.vacate(inbox)
    assert put(kept, "later")
    rejecting, inbox, letters = open_mailbox(data=LanePolicy(WhenFull.REJECT))
    rejecting.vacate(inbox)
    assert not put(rejecting, "never")
    assert letters.counts() == {Undelivered.DOWN: 1}
    successor = Inbox(kept, kept.take_over(), Shelf())
    kept.settle(successor)
    assert drain(successor) == ["later"]


def test_a_fenced_incarnation_gets_no_mail_and_its_successor_gets_all():
    mailbox, old, _ = open_mailbox()
    put(mailbox, "for the successor")
    new = Inbox(mailbox, mailbox.take_over(), Shelf())
    assert mailbox.settle(new)
    assert old.take(1) is FENCED
    assert not mailbox.vacate(old), "a fenced incarnation must not free its successor's place"
    assert drain(new) == ["for the successor"]


def test_a_late_incarnation_does_not_settle_over_a_newer_one():
    mailbox, _, _ = open_mailbox()
    late = Inbox(mailbox, mailbox.take_over(), Shelf())
    newer = Inbox(mailbox, mailbox.take_over(), Shelf())
    assert mailbox.settle(newer)
    assert not mailbox.settle(late)
    assert mailbox.inbox is newer


def test_a_turn_ends_with_its_budget_and_says_whether_more_waits():
    mailbox, inbox, _ = open_mailbox()
    for number in range(3):
        put(mailbox, number)
    assert [inbox.take(2).message, inbox.take(1).message] == [0, 1]
    assert inbox.take(0) is TURN_OVER
    assert inbox.take(1).message == 2
    assert inbox.take(0) is EMPTY


def test_an_actor_is_scheduled_once_however_much_mail_comes():
    mailbox, inbox, _ = open_mailbox()
    shelf = inbox.dispatcher
    drain(inbox)
    shelf.scheduled.clear()
    for number in range(10):
        put(mailbox, number)
    assert shelf.scheduled == [inbox]
    drain(inbox)
    put(mailbox, "new")
    assert shelf.scheduled == [inbox, inbox]


def test_closing_refuses_what_waits_and_tells_every_asker():
    mailbox, _, letters = open_mailbox()
    future = SteppedFuture()
    put(mailbox, "told")
    mailbox.put(Envelope("asked", reply_to=future))
    mailbox.close()
    late = SteppedFuture()
    assert not mailbox.put(Envelope("late", reply_to=late))
    assert letters.counts() == {Undelivered.CLOSED: 3}
    for one in (future, late):
        with pytest.raises(ActorDeadError):
            one.get(timeout=0)


def test_a_denied_message_is_refused_but_never_in_the_control_lane():
    mailbox, inbox, letters = open_mailbox()
    mailbox.deny(fingerprint("poison"), until_ns=1)
    assert not put(mailbox, "poison")
    assert put(mailbox, "poison", control=True)
    assert mailbox.put(Envelope("poison"), own=True), "nobody transmits own mail anew"
    assert put(mailbox, "harmless")
    assert drain(inbox) == ["poison", "poison", "harmless"]
    assert letters.counts() == {Undelivered.POISON: 1}


def test_a_denial_ends():
    now_ns = [0]
    mailbox, inbox, _ = open_mailbox(monotonic_ns=lambda: now_ns[0])
    mailbox.deny(fingerprint("poison"), until_ns=10)
    assert not put(mailbox, "poison")
    now_ns[0] = 10
    assert put(mailbox, "poison")
    assert drain(inbox) == ["poison"]


def test_a_message_that_killed_twice_within_the_window_is_denied():
    quarantine = Quarantine(window_s=10)
    poison = Poison("somebody", 1, "poison", "ValueError", "")
    assert quarantine.add(poison, 0) is None
    assert quarantine.add(poison, int(11e9)) is None, "too long ago to count"
    assert quarantine.add(poison, int(12e9)) == (fingerprint("poison"), int(22e9))
    assert quarantine.kept() == [poison] * 3


def test_equal_messages_have_equal_fingerprints_and_types_count():
    assert fingerprint((1, "a")) == fingerprint((1, "a"))
    assert fingerprint((1, "a")) != fingerprint((1, "b"))
    assert fingerprint(1) != fingerprint(1.0)
    assert fingerprint(deque([1])) == fingerprint(deque([1])), (
        "what msgpack cannot write counts too"
    )


def test_dead_letters_keep_the_newest_and_count_all():
    letters = DeadLetters(keep=2)
    for number in range(3):
        letters.add("somebody", number, Undelivered.CLOSED)
    assert [letter.message for letter in letters.newest()] == [1, 2]
    assert letters.counts() == {Undelivered.CLOSED: 3}
