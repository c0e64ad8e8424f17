"""A trigger order is what was journalled about it, in whichever order it came."""

from itertools import permutations

import pytest

from state.messages.protection import TriggerEnd, TriggerIntended
from state.store import RecordRefused, searched_triggers, self_check, trigger_numbers
from state.trigger import Trigger, TriggerState
from tests.state.examples import (
    PAIR,
    a_trigger_cancel,
    a_trigger_end,
    a_trigger_intent,
    an_armed_trigger,
    an_unknown_trigger,
)
from tests.state.stores import a_trigger_of, append, in_memory


def folded(*facts):
    trigger = Trigger(intent=a_trigger_intent())
    for fact in facts:
        trigger = trigger.apply(fact)
    return trigger


def test_every_order_of_its_facts_gives_the_same():
    facts = (an_unknown_trigger(), an_armed_trigger(), a_trigger_cancel(), a_trigger_end())
    assert len({folded(*some) for some in permutations(facts)}) == 1


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ((), TriggerState.INTENDED),
        ((an_unknown_trigger(),), TriggerState.UNKNOWN),
        ((an_unknown_trigger(), an_armed_trigger()), TriggerState.ARMED),
        ((an_armed_trigger(), a_trigger_cancel()), TriggerState.ARMED),
        ((an_armed_trigger(), a_trigger_end(TriggerEnd.FIRED)), TriggerState.ENDED),
        ((a_trigger_end(TriggerEnd.REFUSED),), TriggerState.ENDED),
    ],
)
def test_where_it_stands(facts, state):
    assert folded(*facts).state is state
    assert folded(*facts).is_live is (state is not TriggerState.ENDED)


def test_one_that_was_given_up_and_turns_up_lives_until_it_is_taken_back():
    given_up = folded(an_unknown_trigger(), a_trigger_end(TriggerEnd.NOT_PLACED))
    assert given_up.is_given_up
    late = given_up.apply(an_armed_trigger())
    assert late.state is TriggerState.ARMED
    assert not late.apply(a_trigger_end(TriggerEnd.CANCELLED)).is_live


def test_that_it_sold_something_outweighs_every_other_end():
    for other in TriggerEnd:
        both = (a_trigger_end(other), a_trigger_end(TriggerEnd.FIRED, fired_order_id="7"))
        for facts in permutations(both):
            ended = folded(*facts).ended
            assert ended is not None
            assert ended.end is TriggerEnd.FIRED


def test_its_intent_is_one_whatever_key_it_is_given():
    store = in_memory()
    first = append(store, a_trigger_intent())
    assert append(store, a_trigger_intent(at_ns=5)) == first
    assert len([one for one in store.read(0, 9) if isinstance(one.event, TriggerIntended)]) == 1


def test_a_fact_of_none_that_was_intended_is_refused():
    store = in_memory()
    with pytest.raises(RecordRefused):
        append(store, an_armed_trigger())
    append(store, a_trigger_intent())
    with pytest.raises(RecordRefused):
        append(store, an_armed_trigger(pair="ETH_USDT"))


def test_the_store_tells_those_that_may_still_sell_and_those_that_may_turn_up():
    store = in_memory()
    append(store, *a_trigger_of(1))
    append(store, a_trigger_intent(2), an_armed_trigger(trigger_id=f"trigger/{PAIR}/2"))
    append(store, a_trigger_intent(3))
    lost = {"trigger_id": f"trigger/{PAIR}/3"}
    append(store, a_trigger_end(TriggerEnd.NOT_PLACED, **lost))
    searched = searched_triggers(store.connection)
    assert [one.intent.number for one in searched] == [2, 3]
    assert trigger_numbers(store.connection) == {PAIR: 3}
    assert self_check(store).differing == []
