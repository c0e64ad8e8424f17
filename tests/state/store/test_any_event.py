"""Every event there can be is read back as it was written, or refused without a trace."""

from decimal import Decimal
from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from state.messages.journal import Event
from state.messages.operations import EpochBegan, OperatorCommanded
from state.messages.orders import OrderFilled, OrderIntended
from state.store import RecordRefused, self_check
from state.store.chain import event_of, payload_of
from tests.state.examples import an_intent
from tests.state.stores import append, in_memory

st.register_type_strategy(Decimal, st.decimals(allow_nan=False, allow_infinity=False))
# JSON has no word for what is no number, and no event measures any.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
jsonable = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
commands = st.builds(OperatorCommanded, params=st.dictionaries(st.text(max_size=9), jsonable))
kinds = [kind for kind in get_args(Event) if kind is not OperatorCommanded]
events = st.one_of(commands, *map(st.from_type, kinds))


@settings(max_examples=300)
@given(event=events)
def test_every_event_is_read_as_it_was_written(event):
    assert event_of(payload_of(event)) == event


def of_our_order(event):
    """The same event, but of an order that the journal has: else most would be refused."""
    if hasattr(event, "client_order_id") and not isinstance(event, OrderIntended):
        return msgspec.structs.replace(event, client_order_id="t-1", pair="BTC_USDT")
    return event


@settings(max_examples=60)
@given(story=st.lists(st.one_of(events, st.from_type(OrderFilled)).map(of_our_order), max_size=12))
def test_any_event_is_written_soundly_or_refused(story):
    store = in_memory()
    append(store, an_intent())
    written = []
    for event in story:
        if isinstance(event, EpochBegan):
            continue
        before = store.last_seq
        try:
            append(store, event)
        except RecordRefused:
            assert store.last_seq == before
        else:
            written += [event] * (store.last_seq - before)
    assert [one.event for one in store.read(2, 100)] == written
    assert store.verify() == store.last_seq
    assert self_check(store).differing == []
    store.close()
