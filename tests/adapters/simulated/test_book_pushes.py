"""Whoever follows a book, by whatever channel, sees no gap and no crossed book."""

from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from adapters.simulated.core.orders import OrderRequest
from adapters.simulated.core.switches import Switches
from adapters.simulated.server.hub import Hub
from state.errors import VenueRefused
from state.values import NS_PER_MS, Side
from tests.adapters.simulated.book_reader import Reader
from tests.adapters.simulated.serving import connected, serving
from tests.adapters.simulated.venues import NOON, PAIR, a_venue, street, the_market

STREAMS = [
    ("spot.order_book_update", f"20ms_{PAIR}", 20),
    ("spot.order_book_update", f"100ms_{PAIR}", 100),
    ("spot.obu", f"ob.50_{PAIR}", 50),
    ("spot.obu", f"ob.400_{PAIR}", 400),
]
SIDES = st.sampled_from(list(Side))
TICKS = st.integers(min_value=9_700, max_value=10_300)


class FollowingTheBook(RuleBasedStateMachine):
    """The street and an account change a book; readers come and go."""

    def __init__(self):
        super().__init__()
        self.venue = a_venue()
        self.market = the_market(self.venue)
        self.hub = Hub(self.venue)
        self.now_ns = NOON
        self.readers = []

    @rule(side=SIDES, ticks=TICKS, lots=st.integers(min_value=0, max_value=9))
    def street_quotes(self, side, ticks, lots):
        self.venue.street_quote(self.market, side, ticks, lots, self.now_ns)

    @rule(side=SIDES, ticks=TICKS, levels=st.integers(min_value=10, max_value=150))
    def street_fills_up(self, side, ticks, levels):
        for step in range(levels):
            away = ticks - step * side.sign
            self.venue.street_quote(self.market, side, away, 5, self.now_ns)

    @rule(side=SIDES, lots=st.integers(min_value=1, max_value=60))
    def street_takes(self, side, lots):
        self.venue.street_take(self.market, side, lots, None, self.now_ns)

    @rule(side=SIDES, ticks=TICKS)
    def account_places(self, side, ticks):
        price = Decimal(ticks) / 100
        request = OrderRequest(pair=PAIR, side=side, amount=Decimal("0.05"), price=price)
        try:
            self.venue.place(self.venue.ledger.accounts["alice"], request, self.now_ns)
        except VenueRefused:
            return

    @rule()
    def account_cancels(self):
        self.venue.cancel_all(self.venue.ledger.accounts["alice"], self.now_ns)

    @rule(ms=st.sampled_from([1, 20, 100]))
    def time_passes(self, ms):
        self.now_ns += ms * NS_PER_MS
        self.venue.advance(self.now_ns)
        self.tell()

    @rule()
    def tell(self):
        """A turn may end at any time, also right after somebody subscribed."""
        self.hub.tell(self.venue.drain(), self.now_ns)

    @rule(stream=st.sampled_from(STREAMS))
    def somebody_follows(self, stream):
        channel, what, depth = stream
        reader = Reader(depth)
        self.hub.add(reader, [(channel, what)], self.now_ns)
        if channel == "spot.order_book_update":
            assert reader.heard == 0
            bids, asks = self.market.snapshot(100, followed=True)
            reader.last_id = self.market.book.update_id
            for side, levels in (("b", bids), ("a", asks)):
                for ticks, lots in levels:
                    price = self.market.units.price_text(ticks)
                    reader.levels[side][price] = self.market.units.amount_text(lots)
        self.readers.append((reader, channel, what))

    @rule(data=st.data())
    def somebody_leaves(self, data):
        if self.readers:
            index = data.draw(st.integers(min_value=0, max_value=len(self.readers) - 1))
            reader, _, _ = self.readers.pop(index)
            self.hub.drop(reader)

    def teardown(self):
        """After the last push everybody has the book as it is."""
        self.time_passes(100)
        for reader, _, _ in self.readers:
            assert reader.last_id == self.market.book.update_id
            for side, name in ((Side.BUY, "b"), (Side.SELL, "a")):
                units = self.market.units
                top = self.market.book.side(side).top(reader.depth)
                assert reader.window(name) == [
                    (Decimal(units.price_text(ticks)), Decimal(units.amount_text(lots)))
                    for ticks, lots in top
                ]


TestFollowingTheBook = FollowingTheBook.TestCase
TestFollowingTheBook.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(("early", "order"), [(True, "full, answer"), (False, "answer, full")])
async def test_a_stream_begins_with_the_whole_window(early, order):
    async with (
        serving(switches=Switches(book_stream_before_answer=early)) as served,
        connected(served) as socket,
    ):
        await socket.say("spot.obu", "subscribe", ["ob.BTC_USDT.50"], id=3)
        heard = [await socket.hear(), await socket.hear()]
        names = ["full" if each["event"] == "update" else "answer" for each in heard]
        delta = (await socket.heard("spot.obu"))["result"]
    assert ", ".join(names) == order
    [full] = [each["result"] for each in heard if each["event"] == "update"]
    assert list(full) == ["t", "full", "s", "u", "b", "a"]
    assert (full["full"], full["s"], len(full["b"])) == (True, "ob.BTC_USDT.50", 50)
    assert list(delta) == ["t", "s", "U", "u", "b", "a"]
    assert delta["U"] == full["u"] + 1


async def test_a_stream_is_subscribed_once_until_it_is_left():
    async with serving() as served, connected(served) as socket:
        stream = ["ob.BTC_USDT.50"]
        await socket.subscribe("spot.obu", stream)
        again = await socket.subscribe("spot.obu", stream)
        assert again["error"] == {"code": 2, "message": "Alert sub ob.BTC_USDT.50"}
        assert (await socket.subscribe("spot.obu", ["ob.BTC_USDT.400"]))["error"] is None
        await socket.say("spot.obu", "unsubscribe", stream)
        await socket.heard("spot.obu", "unsubscribe")
        assert (await socket.subscribe("spot.obu", stream))["error"] is None


async def test_the_ids_of_a_stream_may_be_its_own():
    async with (
        serving(switches=Switches(book_stream_shares_ids=False)) as served,
        connected(served) as socket,
    ):
        await socket.say("spot.obu", "subscribe", ["ob.BTC_USDT.50"])
        full = (await socket.heard("spot.obu"))["result"]
        delta = (await socket.heard("spot.obu"))["result"]
        book = await served.get("/spot/order_book", "currency_pair=BTC_USDT&with_id=true")
    assert delta["U"] == full["u"] + 1
    assert full["u"] > book["id"] + 10**9


async def test_by_switch_the_updates_begin_with_the_whole_book_too():
    async with (
        serving(switches=Switches(book_update_begins_full=True)) as served,
        connected(served) as socket,
    ):
        await socket.say("spot.order_book_update", "subscribe", ["BTC_USDT", "20ms"])
        full = (await socket.heard("spot.order_book_update"))["result"]
        delta = (await socket.heard("spot.order_book_update"))["result"]
    assert (full["full"], len(full["a"])) == (True, 20)
    assert "full" not in delta
    assert delta["U"] == full["u"] + 1


@pytest.mark.parametrize("levels", ["5", "50"])
async def test_a_whole_book_is_told_at_its_pace(levels):
    async with serving() as served, connected(served) as socket:
        await socket.subscribe("spot.order_book", ["BTC_USDT", levels, "100ms"])
        first = (await socket.heard("spot.order_book"))["result"]
        second = (await socket.heard("spot.order_book"))["result"]
    assert set(first) == {"t", "lastUpdateId", "s", "l", "bids", "asks"}
    assert (first["s"], first["l"]) == ("BTC_USDT", levels)
    assert len(first["bids"]) == len(first["asks"]) == int(levels)
    assert Decimal(first["bids"][0][0]) < Decimal(first["asks"][0][0])
    assert second["t"] // 100 > first["t"] // 100
    assert second["lastUpdateId"] >= first["lastUpdateId"]


def test_a_push_is_written_once_for_everybody():
    venue = a_venue()
    hub = Hub(venue)
    told = []

    class Kept:
        def push(self, subject, message):
            told.append(message)

    for _ in range(3):
        hub.add(Kept(), [("spot.order_book_update", f"20ms_{PAIR}")], NOON)
    street(venue, Side.BUY, "99", "1")
    venue.advance(NOON)
    hub.tell(venue.drain(), NOON)
    assert len(told) == 3
    assert told[0] is told[1] is told[2]
