"""A call over the socket is declined with nothing sent, or gets exactly one outcome."""

import asyncio
import json

import pytest

from adapters.clock import SystemClock
from adapters.gate.api_frames import LOGIN, PLACE, ApiAnswer, ApiCall, encode_parameters
from adapters.gate.connection import StreamSettings
from adapters.gate.order_entry import Entered, EntrySettings, OrderEntry
from adapters.gate.signing import api_signature
from adapters.gate.venue_clock import OffsetOfOthers, VenueClock
from adapters.loop import LoopThread
from state.messages.venue import Refused, Unknown
from state.values import NS_PER_MS, NS_PER_S
from tests.adapters.gate.fake_rest import CREDENTIALS, SECRET
from tests.adapters.gate.fake_streams import (
    WITHIN_S,
    Inbox,
    answered,
    fake_streams,
    well_done,
)

STREAMS = StreamSettings(deaf_s=30.0, backoff_min_s=0.01, backoff_max_s=0.05)
QUICK = EntrySettings(refused_again_s=0.05, unmeasured_s=0.01, drain_s=0.2, streams=STREAMS)
DECLINED = "declined"


@pytest.fixture
async def gate():
    async with fake_streams() as fake:
        yield fake


@pytest.fixture
async def loop(gate):
    loop = LoopThread()
    yield loop
    assert await asyncio.to_thread(loop.close, 5)


def entry_to(gate, loop, *, skew=None, settings=QUICK):
    return OrderEntry(
        loop,
        ws_urls=(gate.url,),
        credentials=CREDENTIALS,
        clock=SystemClock(),
        skew=skew or OffsetOfOthers(lambda: 0),
        random=lambda: 0.5,
        settings=settings,
    )


async def until(loop, condition):
    """Wait, on the loop where it happens, until `condition` holds."""

    async def wait():
        while not condition():  # noqa: ASYNC110 - what is waited for happens on this very loop
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.wrap_future(loop.submit(wait())), WITHIN_S)


async def ready(gate, loop, **options):
    """Return an entry that has logged in."""
    entry = entry_to(gate, loop, **options)
    await until(loop, lambda: entry.ready)
    return entry


def make(entry, *, last_look=lambda: None):
    """Make a call; its one outcome comes into the inbox that is returned."""
    outcomes = Inbox()
    parameters = encode_parameters({"currency_pair": "BTC_USDT", "text": "t-gh-1"})
    entered = Entered(
        call=ApiCall(channel=PLACE, parameters=parameters),
        last_look=last_look,
        settled=outcomes,
        declined=lambda: outcomes(DECLINED),
    )
    assert entry.enter(entered)
    return outcomes


def is_placement(request):
    return request["channel"] == PLACE


def silent_on_placements(request):
    return [] if is_placement(request) else well_done(request)


async def test_it_logs_in_by_the_exchanges_clock_and_makes_calls(gate, loop):
    entry = await ready(gate, loop, skew=OffsetOfOthers(lambda: -3600 * NS_PER_S))
    [login] = [request["payload"] for request in gate.asked]
    assert abs(int(login["timestamp"]) + 3600 - SystemClock().now_ns() // NS_PER_S) <= 5
    assert login["signature"] == api_signature(
        SECRET, channel=LOGIN, parameters="", timestamp=login["timestamp"]
    )
    outcome = await make(entry).next()
    assert isinstance(outcome, ApiAnswer)
    assert outcome.status == 200
    assert (entry.connects, entry.logins) == (1, 1)


async def test_an_acknowledgement_is_no_outcome(gate, loop):
    gate.api = lambda request: well_done(request)[:1]
    entry = await ready(gate, loop, settings=EntrySettings(answer_s=0.3, streams=STREAMS))
    outcomes = make(entry)
    assert isinstance(await outcomes.next(), Unknown)
    assert await outcomes.empty()


async def test_what_the_last_look_refuses_never_leaves(gate, loop):
    entry = await ready(gate, loop)
    refused = Refused(label="HALTED", message="drill")
    outcomes = make(entry, last_look=lambda: refused)
    assert await outcomes.next() == refused
    assert isinstance(await make(entry).next(), ApiAnswer)
    assert len(list(filter(is_placement, gate.asked))) == 1


async def test_nothing_is_sent_before_the_login(gate, loop):
    gate.mute = True
    entry = entry_to(gate, loop)
    await gate.wait_asked(lambda request: request["channel"] == LOGIN)
    assert not entry.ready
    assert await make(entry).next() == DECLINED
    assert not any(map(is_placement, gate.asked))


async def test_a_refused_login_is_tried_again(gate, loop):
    gate.api = lambda request: [answered(request, status="401", label="INVALID_KEY")]
    entry = entry_to(gate, loop)
    await gate.wait_asked(lambda request: request["channel"] == LOGIN, 3)
    assert await make(entry).next() == DECLINED
    gate.api = well_done
    await until(loop, lambda: entry.ready)
    assert len(gate.connections) == 1


async def test_a_login_without_an_answer_costs_the_connection(gate, loop):
    gate.mute = True
    entry = entry_to(gate, loop, settings=EntrySettings(login_s=0.05, streams=STREAMS))
    await gate.wait_connections(3)
    gate.mute = False
    await until(loop, lambda: entry.ready)


async def test_it_waits_for_the_exchanges_clock_and_for_its_agreement(gate, loop):
    clock = SystemClock()
    skew = VenueClock(clock, tolerance_s=1.0)
    entry = entry_to(gate, loop, skew=skew)
    await gate.wait_connections(1)

    def tell(ahead_s):
        now_ns, moment_ns = clock.now_ns() + ahead_s * NS_PER_S, clock.monotonic_ns()
        skew.told(now_ns, resolution_ns=NS_PER_MS, sent_ns=moment_ns, received_ns=moment_ns)

    tell(90)
    assert await make(entry).next() == DECLINED
    assert gate.asked == []
    tell(0)
    await until(loop, lambda: entry.ready)


async def test_without_an_answer_the_outcome_is_unknown_and_the_socket_doubted(gate, loop):
    gate.api = silent_on_placements
    entry = await ready(gate, loop, settings=EntrySettings(answer_s=0.1, streams=STREAMS))
    outcome = await make(entry).next()
    assert isinstance(outcome, Unknown)
    assert "no answer" in outcome.reason
    assert not entry.ready
    assert await make(entry).next() == DECLINED
    await gate.send('{"time":1,"channel":"spot.pong","event":""}')
    await until(loop, lambda: entry.ready)
    assert len(list(filter(is_placement, gate.asked))) == 1


async def test_a_late_answer_is_no_second_outcome(gate, loop):
    gate.api = silent_on_placements
    entry = await ready(gate, loop, settings=EntrySettings(answer_s=0.1, streams=STREAMS))
    outcomes = make(entry)
    await outcomes.next()
    [request] = filter(is_placement, gate.asked)
    for frame in well_done(request):
        await gate.send(json.dumps(frame))
    await until(loop, lambda: entry.ready)
    assert await outcomes.empty()


async def test_a_loss_leaves_what_was_sent_unknown_and_logs_in_again(gate, loop):
    gate.api = silent_on_placements
    entry = await ready(gate, loop)
    sent = [make(entry) for _ in range(3)]
    await gate.wait_asked(is_placement, 3)
    gate.api = well_done
    gate.connections[-1].transport.abort()
    for outcomes in sent:
        assert isinstance(await outcomes.next(), Unknown)
    await until(loop, lambda: entry.ready)
    assert isinstance(await make(entry).next(), ApiAnswer)
    assert (entry.connects, entry.logins) == (2, 2)
    assert len(list(filter(is_placement, gate.asked))) == 4


async def test_an_unreadable_answer_is_unknown_and_costs_nobody_else(gate, loop):
    gate.api = lambda request: (
        [{"request_id": request["payload"]["req_id"], "header": 5}]
        if is_placement(request)
        else well_done(request)
    )
    entry = await ready(gate, loop)
    outcome = await make(entry).next()
    assert isinstance(outcome, Unknown)
    assert "unreadable" in outcome.reason
    assert entry.malformed == 1
    gate.api = well_done
    assert isinstance(await make(entry).next(), ApiAnswer)
    assert len(gate.connections) == 1


async def test_before_an_announced_end_nothing_more_is_sent_and_answers_are_awaited(gate, loop):
    gate.api = silent_on_placements
    entry = await ready(gate, loop)
    outcomes = make(entry)
    await gate.wait_asked(is_placement)
    await gate.send('{"type":"upgrade","msg":"soon"}')
    await until(loop, lambda: not entry.ready)
    assert await make(entry).next() == DECLINED
    [request] = filter(is_placement, gate.asked)
    await gate.send(json.dumps(well_done(request)[1]))
    assert isinstance(await outcomes.next(), ApiAnswer)
    await until(loop, lambda: entry.ready)
    assert len(gate.connections) == 2


async def test_an_exchange_that_forgot_us_is_logged_into_again(gate, loop):
    entry = await ready(gate, loop)
    gate.api = lambda request: (
        [answered(request, status="401", label="AUTHENTICATION_FAILED")]
        if is_placement(request)
        else well_done(request)
    )
    outcome = await make(entry).next()
    assert outcome.label == "AUTHENTICATION_FAILED"
    await until(loop, lambda: entry.logins == 2)


async def test_a_socket_that_answers_nothing_at_all_is_given_up(gate, loop):
    streams = StreamSettings(backoff_min_s=0.01, probe_s=0.1, deaf_s=0.4)
    entry = await ready(gate, loop, settings=EntrySettings(streams=streams))
    gate.mute = True
    outcomes = make(entry)
    outcome = await outcomes.next()
    assert isinstance(outcome, Unknown)
    assert "no sign of life" in outcome.reason
    assert any(request["channel"] == "spot.ping" for request in gate.asked)


async def test_more_calls_than_anybody_answers_are_declined(gate, loop):
    gate.api = silent_on_placements
    entry = await ready(gate, loop)
    inboxes = [make(entry) for _ in range(257)]
    assert await inboxes[-1].next() == DECLINED
    await gate.wait_asked(is_placement, 256)


async def test_every_answer_tells_what_time_it_is_there(gate, loop):
    clock = SystemClock()
    skew = VenueClock(clock)
    moment_ns = clock.monotonic_ns()
    skew.told(
        clock.now_ns(),
        resolution_ns=NS_PER_MS,
        sent_ns=moment_ns - NS_PER_S,
        received_ns=moment_ns + NS_PER_S,
    )

    def stamped(request):
        now_us = clock.now_ns() // 1000
        frames = well_done(request)
        frames[-1]["header"] |= {"x_in_time": now_us, "x_out_time": now_us}
        return frames

    gate.api = stamped
    entry = await ready(gate, loop, skew=skew)
    assert (skew.uncertainty_ns() or 0) >= NS_PER_S
    await make(entry).next()
    assert (skew.uncertainty_ns() or NS_PER_S) < NS_PER_S


async def test_closing_waits_for_the_answers_that_are_due(gate, loop):
    gate.api = silent_on_placements
    entry = await ready(gate, loop)
    outcomes = make(entry)
    await gate.wait_asked(is_placement)
    closing = asyncio.create_task(asyncio.to_thread(entry.close, WITHIN_S))
    await until(loop, lambda: not entry.ready)
    assert await make(entry).next() == DECLINED
    [request] = filter(is_placement, gate.asked)
    await gate.send(json.dumps(well_done(request)[1]))
    assert isinstance(await outcomes.next(), ApiAnswer)
    assert await closing


async def test_closing_leaves_unknown_what_is_not_answered_in_time(gate, loop):
    gate.api = silent_on_placements
    entry = await ready(gate, loop)
    outcomes = make(entry)
    await gate.wait_asked(is_placement)
    assert not await asyncio.to_thread(entry.close, 0.05)
    assert isinstance(await outcomes.next(), Unknown)
    assert await make(entry).next() == DECLINED
