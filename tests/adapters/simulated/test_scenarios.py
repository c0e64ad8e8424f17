"""Days out of the ordinary happen as written, in virtual time, and leave nothing behind."""

import time
from decimal import Decimal
from itertools import pairwise

import pytest

from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.scenarios import (
    SCENARIOS,
    ScenarioName,
    ScenarioOrder,
    parse_scenario,
    scenario_help,
)
from state.errors import ConfigurationInvalid
from state.messages.market import BookDelta, StreamLost, StreamOpened
from state.messages.venue import FetchBalances, FetchTime, Succeeded, TradeReport, Unknown
from state.values import NS_PER_S, Pair, TimeInForce, TimeNs
from tests.adapters.simulated.serving import connected, serving, until
from tests.adapters.simulated.worlds import BTC, World

ETH = Pair("ETH_USDT")


def played(*texts, seed=1):
    """Return a world in which these scenarios are played from now on."""
    world = World(seed=seed)
    world.play(*map(parse_scenario, texts))
    return world


def middle(world, pair=BTC):
    book = world.venue.pairs[pair].book
    return (book.bids.best() + book.asks.best()) / 2


def resting(world, pair=BTC):
    return sum(lots for _, lots in world.venue.pairs[pair].book.bids.top(20))


def traded(world, pair=BTC):
    """Return how often the street has traded."""
    return world.venue.pairs[pair].sequence


def joined(deltas):
    return all(later.first_id == each.last_id + 1 for each, later in pairwise(deltas))


def status_of(world, pair=BTC):
    return world.venue.pairs[pair].rules.status.value


def test_a_flash_crash_takes_thirty_percent_in_a_minute_and_half_of_it_back():
    world = played("flash_crash:BTC_USDT@10")
    world.run(10)
    before, other = middle(world), middle(world, ETH)
    world.run(60)
    assert 0.68 < middle(world) / before < 0.72
    assert 0.97 < middle(world, ETH) / other < 1.03, "the other pair has a day like any other"
    world.run(120)
    assert 0.82 < middle(world) / before < 0.88
    low = middle(world)
    world.run(60)
    assert 0.98 < middle(world) / low < 1.02, "it is over"
    assert broken_invariants(world.venue) == []


def test_what_rests_is_bought_into_a_crash_and_every_unit_is_accounted_for():
    world = played("flash_crash@5")
    world.client.account.open(world.heard.append)
    world.asked(world.order(price="60000"))
    world.run(60)
    [fill] = world.of(TradeReport)
    assert fill.price == Decimal(60000), "a resting order gets its own price, however deep it falls"
    assert broken_invariants(world.venue) == []


def test_a_thin_book_is_thin_at_once_and_thick_again():
    world = World()
    world.run(5)
    usual = resting(world)
    world.play(parse_scenario("thin_book"))
    world.run(1)
    assert resting(world) < usual / 8
    world.run(121)
    assert resting(world) > usual / 3


def test_ten_times_the_volume_is_ten_times_the_trades():
    usual, surge = World(), played("volume_surge")
    usual.run(120)
    surge.run(120)
    # The history before the opening has no trades: the sequence counts from there.
    assert 7 < traded(surge) / traded(usual) < 13


def test_a_halt_takes_no_order_and_lets_what_rests_be_cancelled():
    world = World()
    world.asked(world.order("t-rests"), seconds=1)
    world.follow()
    world.run(3)
    world.play(parse_scenario("halt:BTC_USDT"))
    world.run(1)
    heard = len(world.of(BookDelta))
    assert world.asked(world.order("t-new"), seconds=1).label == "TRADE_RESTRICTED"
    assert world.open_texts() == ["t-rests"]
    assert len(world.of(BookDelta)) == heard, "the book stands still"
    assert isinstance(world.cancelled("t-rests"), Succeeded)
    world.run(60)
    assert isinstance(world.asked(world.order("t-after")), Succeeded)
    assert len(world.of(BookDelta)) > heard


def test_a_delisting_is_announced_narrows_and_ends_everything():
    world = played("delisting:BTC_USDT")
    market = world.venue.pairs[BTC]
    world.asked(world.order("t-rests"), seconds=1)
    told_s = market.rules.delisting_s
    assert told_s * NS_PER_S - world.clock.at_ns > 118 * NS_PER_S
    assert status_of(world) == "tradable"
    world.run(60)
    assert status_of(world) == "sellable"
    assert world.asked(world.order("t-late"), seconds=1).label == "TRADE_RESTRICTED"
    world.run(60)
    assert status_of(world) == "untradable"
    assert world.open_texts() == [], "nothing rests in a pair that is gone"
    assert broken_invariants(world.venue) == []
    assert status_of(world, ETH) == "tradable"


def test_a_fee_change_doubles_what_a_fill_costs_until_it_is_taken_back():
    world = World()
    world.client.account.open(world.heard.append)
    world.run(1)

    def fee(text):
        before = len(world.of(TradeReport))
        world.asked(world.order(text, price="70000", tif=TimeInForce.IOC), seconds=2)
        fills = world.of(TradeReport)[before:]
        return sum(fill.fee for fill in fills) / sum(fill.quantity for fill in fills)

    assert fee("t-1") == Decimal("0.002")
    world.play(parse_scenario("fee_change"))
    assert fee("t-2") == Decimal("0.004")
    world.play()
    assert fee("t-3") == Decimal("0.002")


def test_maintenance_serves_nobody_and_lets_everybody_back():
    world = played("maintenance@10")
    world.follow()
    world.run(5)
    world.asked(world.order("t-rests"), seconds=1)
    world.run(6)
    assert isinstance(world.asked(FetchBalances(), seconds=1), Unknown)
    world.run(65)
    assert [type(state) for state in world.of(StreamOpened, StreamLost)] == [
        StreamOpened,
        StreamLost,
        StreamOpened,
    ]
    assert isinstance(world.asked(FetchBalances()), Succeeded)
    assert world.open_texts() == ["t-rests"]


def test_a_clock_jump_is_what_clients_are_told():
    world = played("clock_jump@10")
    asking = FetchTime(asked_at_ns=TimeNs(world.clock.at_ns))
    before = world.asked(asking, seconds=5).time.venue_ns
    world.run(10)
    after = world.asked(asking, seconds=5).time.venue_ns
    assert 104 < (after - before) / NS_PER_S < 106
    world.play()
    later = world.asked(asking).time.venue_ns
    assert 4 < (later - after) / NS_PER_S < 6, "a clock never goes back"


def test_everything_goes_on_across_a_clock_jump_and_is_dated_by_it():
    world = played("clock_jump@10", "halt:ETH_USDT@5")
    world.follow()
    world.run(30)
    times = [delta.event_time_ns for delta in world.of(BookDelta)]
    assert times == sorted(times)
    assert times[-1] - world.clock.at_ns > 89 * NS_PER_S
    assert len(times) > 25 * 4, "the market did not stop"
    assert joined(world.of(BookDelta))
    assert status_of(world, ETH) == "untradable", "what is played beside it lasts as long as ever"
    world.run(36)
    assert status_of(world, ETH) == "tradable"
    assert broken_invariants(world.venue) == []


def test_what_is_under_way_while_the_clock_jumps_is_answered_in_time():
    world = World()
    world.ask(FetchBalances())
    world.play(parse_scenario("clock_jump"))
    world.run(1)
    [answer] = world.answers
    assert isinstance(answer.outcome, Succeeded)


def test_scenarios_add_up_and_are_taken_back_one_and_all():
    world = played("thin_book", "thin_book:BTC_USDT", "fee_change", "halt:ETH_USDT")
    btc, eth = world.venue.pairs[BTC], world.venue.pairs[ETH]
    assert btc.conditions.depth == 0.05 * 0.05
    assert (eth.conditions.depth, eth.conditions.still) == (0.05, True)
    assert status_of(world, ETH) == "untradable"
    assert [row["state"] for row in world.host.stage.rows()] == ["playing"] * 4
    usual = World().venue.pairs
    world.play()
    assert (btc.rules, eth.rules) == (usual[BTC].rules, usual[ETH].rules)
    assert btc.conditions == usual[BTC].conditions
    assert world.venue.ledger.accounts["demo"].taker_fee_ppm == 2000


def test_the_same_seed_and_the_same_script_are_the_same_market():
    def path(seed):
        world = played("flash_crash@1", "volume_surge@3", seed=seed)
        prices = []
        for _ in range(20):
            world.run(1)
            prices.append((world.venue.pairs[BTC].last_ticks, traded(world)))
        return prices

    assert path(3) == path(3) != path(4)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "write NAME"),
        ("flash_crash@", "write NAME"),
        ("flash_crash@-1", "write NAME"),
        ("flash_crash:BTC", "write NAME"),
        ("doomsday", "'doomsday' is none of flash_crash"),
        ("maintenance:BTC_USDT", "whole venue"),
    ],
)
def test_what_is_no_scenario_is_named(text, complaint):
    with pytest.raises(ConfigurationInvalid, match=complaint):
        parse_scenario(text)


def test_an_unlisted_pair_changes_nothing():
    world = played("fee_change")
    with pytest.raises(ConfigurationInvalid, match="SOL_USDT is not listed"):
        world.play(parse_scenario("halt:SOL_USDT"))
    assert [row["scenario"] for row in world.host.stage.rows()] == ["fee_change"]


def test_what_is_written_is_understood_and_every_scenario_is_in_the_help():
    assert parse_scenario("halt:BTC_USDT@1.5") == ScenarioOrder(
        scenario=ScenarioName.HALT, pair="BTC_USDT", after_s=1.5
    )
    assert set(SCENARIOS) == set(ScenarioName)
    assert all(name in scenario_help() for name in ScenarioName)


async def control(served, path, body=None):
    request = served.session.request(
        "GET" if body is None else "POST", f"{served.host}/control/{path}", json=body
    )
    async with request as answer:
        return answer.status, await answer.json()


async def test_scenarios_are_switched_while_it_runs():
    async with serving() as served:
        status, rows = await control(served, "scenarios", [{"scenario": "halt"}])
        assert (status, rows[0]["state"]) == (200, "playing")
        [row] = (await served.get("/spot/currency_pairs"))[:1]
        assert row["trade_status"] == "untradable"
        assert (await control(served, "scenarios", []))[1] == []
        assert (await served.get("/spot/currency_pairs"))[0]["trade_status"] == "tradable"
        bad = [{"scenario": "halt", "pair": "NO_PE"}]
        assert (await control(served, "scenarios", bad))[0] == 400
        assert (await control(served, "scenarios", [{"scenario": "war"}]))[0] == 400
        assert set((await control(served, "scenarios/catalogue"))[1]) == set(ScenarioName)


async def test_a_delisting_is_announced_to_whoever_listens():
    async with serving() as served, connected(served, suffix="ann") as socket:
        await socket.subscribe("announcement.summary_delisting", ["en"])
        await control(served, "scenarios", [{"scenario": "delisting", "pair": "BTC_USDT"}])
        told = await socket.heard("announcement.summary_delisting")
    assert "BTC_USDT" in told["result"]["title"]


async def test_maintenance_cuts_every_socket_and_answers_503():
    async with serving() as served, connected(served) as socket:
        await control(served, "scenarios", [{"scenario": "maintenance"}])
        status, answer, _ = await served.send("GET", "/spot/time")
        assert (status, answer["label"]) == (503, "TOO_BUSY")
        await until(lambda: served.exchange.connections == 0)
        assert (await socket.socket.receive()).data is None
        answer = await served.session.get(served.ws_url.replace("ws:", "http:"))
        assert answer.status == 503
        await control(served, "scenarios", [])
        async with connected(served) as again:
            assert (await again.subscribe("spot.tickers", ["BTC_USDT"]))["error"] is None


async def test_a_jumped_clock_refuses_what_is_signed_by_the_old_one():
    async with serving() as served:
        await control(served, "scenarios", [{"scenario": "clock_jump"}])
        status, answer, _ = await served.send("GET", "/spot/accounts", signed=True)
        assert (status, answer["label"]) == (403, "REQUEST_EXPIRED")
        told_ms = (await served.get("/spot/time"))["server_time"]
        assert 85_000 < told_ms - time.time_ns() // 1_000_000 < 95_000
