"""The outbox keeps what was handed to the recorder until it is answered, once."""

from hypothesis import given
from hypothesis import strategies as st

from actors.outbox import Outbox
from state.messages.journal import Entry
from tests.state.examples import a_session, an_alert


def entry(text: str = "silent") -> Entry:
    return Entry(event=an_alert(text=text))


def test_a_record_carries_who_asks_and_how():
    record = Outbox("somebody", 1).add([entry(), Entry(event=a_session())], durable=True)
    assert (record.sender, record.durable, len(record.entries)) == ("somebody", True, 2)
    assert record.request


def test_what_is_unanswered_is_kept_oldest_first():
    outbox = Outbox("somebody", 1)
    first, second, third = (outbox.add([entry(text)]) for text in "abc")
    assert outbox.answered(second.request) == second
    assert outbox.unanswered() == [first, third]


def test_an_answer_counts_once():
    outbox = Outbox("somebody", 1)
    record = outbox.add([entry()])
    assert outbox.answered(record.request) == record
    assert outbox.answered(record.request) is None
    assert outbox.unanswered() == []


def test_an_answer_to_nothing_of_ours_is_none():
    assert Outbox("somebody", 1).answered(7) is None


@given(lives=st.lists(st.integers(1, 50), min_size=2, max_size=2, unique=True))
def test_an_answer_meant_for_another_life_is_never_taken_for_ours(lives):
    first, second = (Outbox("somebody", life) for life in lives)
    requests = [{outbox.add([entry()]).request for _ in range(10)} for outbox in (first, second)]
    assert not requests[0] & requests[1]
    assert second.answered(max(requests[0])) is None
