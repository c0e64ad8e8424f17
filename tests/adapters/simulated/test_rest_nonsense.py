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

values = st.one_of(
    st.none(), st.booleans(), st.sampled_from(ODD_NUMBERS), st.sampled_from(WORDS), st.text()
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)
plausible = st.fixed_dictionaries(
    {
        "currency_pair": st.just(PAIR),
        "side": st.sampled_from(["buy", "sell"]),
        "amount": st.sampled_from([*ODD_NUMBERS, "1", "2.5"]),
        "price": st.sampled_from([*ODD_NUMBERS, "100", "99"]),
        "text": st.sampled_from(["t-1", "t-2", None]),
    },
    optional={
        "iceberg": st.sampled_from([*ODD_NUMBERS, "0.5"]),
        "slippage": st.sampled_from(ODD_NUMBERS),
        "type": st.sampled_from(["limit", "market"]),
        "order_id": st.sampled_from(WORDS),
        "id": st.sampled_from(WORDS),
        "timeout": st.sampled_from(ODD_NUMBERS),
    },
)
armed = st.fixed_dictionaries(
    {
        "market": st.just(PAIR),
        "trigger": st.fixed_dictionaries(
            {
                "price": st.sampled_from([*ODD_NUMBERS, "150"]),
                "rule": st.sampled_from([">=", "<="]),
                "expiration": st.sampled_from([*ODD_NUMBERS, 60]),
            }
        ),
        "put": plausible,
    }
)
bodies = st.one_of(
    objects, plausible, armed, st.lists(objects, max_size=3), st.lists(plausible, max_size=3)
)
calls = st.tuples(
    st.sampled_from(ROUTES),
    bodies,
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*map(str, ODD_NUMBERS), *WORDS])),
    st.sampled_from(WORDS),
    st.sampled_from(["", "1", "9999999999999", "soon"]),
)


def answered(route, call):
    """Return the status of the answer, which can be written down."""
    try:
        msgspec.json.encode(route.handler(call))
    except VenueRefused as refused:
        return refused.status
    return 200


@settings(max_examples=40, deadline=None)
@given(st.lists(calls, min_size=1, max_size=12))
def test_nonsense_is_refused_and_breaks_nothing(asked):
    venue = a_venue()
    street(venue, Side.BUY, "99", "5")
    street(venue, Side.SELL, "100", "5")
    for step, (route, body, query, name, expiry) in enumerate(asked):
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
