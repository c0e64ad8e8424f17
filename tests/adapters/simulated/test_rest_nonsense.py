"""Whatever is sent to the endpoints of orders and accounts is answered or refused, never a crash.

The handlers are asked directly: they are plain functions of venue and call.
"""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.server.calls import Call
from adapters.simulated.server.rest_private import ROUTES
from state.errors import VenueRefused
from state.values import NS_PER_S, Side
from tests.adapters.simulated.venues import NOON, PAIR, a_venue, street

ODD_NUMBERS = [0, -1, 1, 0.5, 1e308, 10**40, "0", "-0", "1E+999999", "1E-999999", "NaN", "sNaN",
               "Infinity", "", " 1", "1_0", "0x1", "1.0000000000000000001"]  # fmt: skip
WORDS = ["BTC_USDT", PAIR, "spot", "unified", "normal", "buy", "sell", "limit", "market", "gtc",
         "ioc", "poc", "fok", "cn", "co", "cb", "-", ">=", "<=", "ACK", "RESULT", "FULL", "t-1",
         "t-", "\x00", "é", "700000000001", "900000001", "open", "finished", "101"]  # fmt: skip
NAMES = ["currency_pair", "side", "amount", "price", "type", "account", "time_in_force", "text",
         "iceberg", "stp_act", "action_mode", "slippage", "id", "order_id", "amend_text",
         "timeout", "market", "currency", "currency_pairs", "from", "to", "page", "limit", "offset",
         "status", "code", "expiration", "rule"]  # fmt: skip


def mostly(*good):
    """Return values that are good more often than not."""
    return st.one_of(
        st.sampled_from(good), st.sampled_from(good), st.sampled_from([*good, *ODD_NUMBERS])
    )


values = st.one_of(
    st.none(), st.booleans(), st.sampled_from(ODD_NUMBERS), st.sampled_from(WORDS), st.text()
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)
orders = st.fixed_dictionaries(
    {
        "currency_pair": st.just(PAIR),
        "side": st.sampled_from(["buy", "sell"]),
        "amount": mostly("1", "2.5"),
        "price": mostly("100", "99"),
        "text": st.sampled_from(["t-1", "t-2", "t-3"]),
    },
    optional={
        "iceberg": mostly("0.5"),
        "slippage": mostly("0.01"),
        "type": st.sampled_from(["limit", "market"]),
        "id": st.sampled_from(["t-1", "t-2", "1"]),
        "order_id": st.sampled_from(["t-1", "t-2", "1"]),
    },
)
puts = {"side": st.sampled_from(["buy", "sell"]), "amount": mostly("1"), "price": mostly("100")}
triggers = {"price": mostly("150"), "rule": st.just(">="), "expiration": mostly(9)}
waiting = st.fixed_dictionaries(
    {
        "market": st.just(PAIR),
        "trigger": st.fixed_dictionaries(triggers),
        "put": st.fixed_dictionaries(puts),
    }
)
BODIES = {
    "/spot/batch_orders": st.lists(orders, min_size=1, max_size=3),
    "/spot/cancel_batch_orders": st.lists(orders, min_size=1, max_size=3),
    "/spot/amend_batch_orders": st.lists(orders, min_size=1, max_size=3),
    "/spot/price_orders": waiting,
    "/spot/countdown_cancel_all": st.fixed_dictionaries({"timeout": mostly(5, 0)}),
}


def bodies(route):
    """Return what may be sent to `route`: what it wants, and one time in three anything."""
    meant = BODIES.get(route.path, orders)
    return st.one_of(meant, meant, st.one_of(objects, st.lists(objects, max_size=3)))


queries = st.fixed_dictionaries(
    {},
    optional={
        "currency_pair": st.just(PAIR),
        "currency_pairs": st.just(PAIR),
        "status": st.sampled_from(["open", "finished"]),
        "amount": mostly("1").map(str),
        "limit": mostly(10).map(str),
        "from": mostly(0).map(str),
        "side": st.sampled_from(WORDS),
        "market": st.sampled_from(["", PAIR, "X"]),
        "currency": st.sampled_from(["ABC", "USDT", "X", ""]),
        "action_mode": st.sampled_from(["ACK", "RESULT", "FULL", "x"]),
    },
)
calls = st.sampled_from(ROUTES).flatmap(
    lambda route: st.tuples(
        st.just(route),
        bodies(route),
        queries,
        st.sampled_from(["t-1", "t-2", "700000000001", "900000001", *WORDS]),
        st.sampled_from(["", "", "", "1", "9999999999999", "soon"]),
    )
)
PLACE = next(each for each in ROUTES if (each.method, each.path) == ("POST", "/spot/orders"))
FIRST = (PLACE, {"currency_pair": PAIR, "side": "buy", "amount": "1", "price": "98"}, {}, "", "")


def answered(route, call):
    """Return the status of the answer, which can be written down."""
    try:
        msgspec.json.encode(route.handler(call))
    except VenueRefused as refused:
        return refused.status
    return 200


@settings(max_examples=40, deadline=None)
@given(st.lists(calls, min_size=1, max_size=15))
def test_nonsense_is_refused_and_breaks_nothing(asked):
    venue = a_venue()
    street(venue, Side.BUY, "99", "5")
    street(venue, Side.SELL, "100", "5")
    for step, (route, body, query, name, expiry) in enumerate([FIRST, *asked]):
        now_ns = NOON + step * NS_PER_S
        call = Call(
            venue=venue,
            now_ns=now_ns,
            query=query,
            path={"order_id": name},
            headers={"x-gate-exptime": expiry},
            body=json.dumps(body).encode(),
            client="",
            signer=venue.ledger.accounts["alice"],
        )
        status = answered(route, call)
        assert status == 200 or 400 <= status < 500
        venue.advance(now_ns)
        assert broken_invariants(venue) == []
