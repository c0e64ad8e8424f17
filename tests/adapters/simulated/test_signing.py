"""Signatures are those of the protocol page, bit for bit."""

import pytest

from adapters.simulated.core.ledger import Account
from adapters.simulated.server.signing import (
    ChannelAuth,
    SignedRequest,
    authenticated,
    authenticated_channel,
    call_signature,
    channel_signature,
    rest_signature,
)
from state.errors import VenueRefused
from state.values import NS_PER_S

KEY, SECRET = "gatehouse-test-key", "gatehouse-test-secret"
NOW = 1_700_000_000
B3 = (
    b'{"text":"t-gh-0001","currency_pair":"BTC_USDT","type":"limit","account":"spot",'
    b'"side":"buy","amount":"0.001","price":"65000","time_in_force":"poc"}'
)
B6 = b'{"account":"spot","amount":"0.002","currency_pair":"BTC_USDT","price":"64000"}'
ORDERS = "/api/v4/spot/orders"

REST_VECTORS = {
    "V1 no query, no body": (
        ("GET", "/api/v4/spot/open_orders", "", b"", "1700000000"),
        (
            "f0077a5d1ca6b8ced1c32b3f830fc46004fce267065778f89171cf4b47baff85"
            "af6ba6e9cdf493e9b2ec36d18157637167a254556468d0b53112f46c88d82a7a"
        ),
    ),
    "V2 a query": (
        ("GET", ORDERS, "currency_pair=BTC_USDT&status=finished&limit=50", b"", "1700000000"),
        (
            "185fe05d86f21981b338bc6e4aae04e6ce0b14ba13e51a01e08fc3d86a8d0a70"
            "371c01000bdaf844c4624f35ad4c69a3d32a7aa04d78bafd01d7dc875d4d2e52"
        ),
    ),
    "V3 a body": (
        ("POST", ORDERS, "", B3, "1700000000"),
        (
            "c87c12e543ec75ad4bf4f1615a6625b19783d0143522d8812caa06e68d953cac"
            "ae92083ee4c6003b32e99205bd2c2785f5368e2728c5de5a769eb4604401489e"
        ),
    ),
    "V4 a path member": (
        ("DELETE", ORDERS + "/12332324", "currency_pair=BTC_USDT", b"", "1700000000"),
        (
            "2e9b782bb4cf7379f50deddcf92b047630ebb745b6128793fc5c9349166d4de1"
            "aa074e5b6aa65ca307df21ba04a3d528e105c8531bd0bb0f8666bb456cdb0c4d"
        ),
    ),
    "V5 a comma, and a time with decimals": (
        (
            "GET",
            "/api/v4/spot/batch_fee",
            "currency_pairs=BTC_USDT%2CETH_USDT",
            b"",
            "1700000000.123456",
        ),
        (
            "20fd1fa1c6b4c2f73edec41968c7aa998fe60ea0b9ba5d17b9b6bcf7463bf522"
            "726ff82e12efea094f0c8e01e5c3f5b5b7da47f9e9926420b2922d7a573a87f3"
        ),
    ),
    "V6 members twice": (
        (
            "PATCH",
            ORDERS + "/12332324",
            "account=spot&amount=0.002&currency_pair=BTC_USDT&price=64000",
            B6,
            "1700000000",
        ),
        (
            "a5969af14013ba7da324175504134e52b9d87b4ae05e727b5783d7b96b92ad89"
            "9a84cd8a1a4db3501189f51fa0979d063fdb8589716ec5aad4ddfbf167e914b9"
        ),
    ),
}


@pytest.fixture
def accounts():
    return {KEY: Account("alice", KEY, SECRET, 1)}


P5 = (
    b'{"text":"t-gh-0001","currency_pair":"BTC_USDT","type":"limit","account":"spot",'
    b'"side":"buy","amount":"0.001","price":"65000"}'
)

CALL_VECTORS = {
    "W3 a login without parameters": (
        ("spot.login", b""),
        (
            "43705427dc86cf5011bece8628d0ab0fe6d9b591868bfc1148cd73b68566848b"
            "338031ddf7a333ec5a1f054cfa28900a20d6ebc7bf95bce286573fce3c7591d1"
        ),
    ),
    "W4 a login with empty parameters": (
        ("spot.login", b"{}"),
        (
            "8fac8c41ddc3b01ccb7acb457cd96e67c849135282c058db5409e96ffc864fa5"
            "05cbaae6551d52347a599263153a02f982e8fbf1ada410cdd5a4d54dccd8b6b8"
        ),
    ),
    "W5 compact parameters": (
        ("spot.order_place", P5),
        (
            "41d859e37b5300c4b7e789d60e8d05cf07bd050ceff4a8f6f59f356fb5a14187"
            "6cd7183d7ce8a180c7e82e8278fbd4ffe90f5fcf825926e4a62b04d27b59726b"
        ),
    ),
    "W6 spaced parameters": (
        ("spot.order_place", P5.replace(b'":"', b'": "').replace(b'","', b'", "')),
        (
            "8493687324776a3144af4730e78f90fa221e7824410f18d1068771eccea81c42"
            "5457c9233719f0da8e305df6211447e83d8aea0f227c5ee44699d64392111e83"
        ),
    ),
}


@pytest.mark.parametrize("name", CALL_VECTORS)
def test_calls_over_the_socket_sign_the_text_of_their_parameters(name):
    (channel, parameters), digest = CALL_VECTORS[name]
    assert call_signature(SECRET, channel, parameters, str(NOW)) == digest


@pytest.mark.parametrize("vector", REST_VECTORS.values(), ids=REST_VECTORS.keys())
def test_a_request_of_the_page_is_taken(accounts, vector):
    (method, path, query, body, timestamp), sign = vector
    request = SignedRequest(method=method, path=path, query=query, body=body)

    assert rest_signature(SECRET, request, timestamp) == sign
    headers = {"KEY": KEY, "Timestamp": timestamp, "SIGN": sign}
    assert authenticated(accounts, headers, request, NOW * NS_PER_S).name == "alice"


def test_the_official_documents_own_example_comes_out():
    request = SignedRequest(
        method="GET",
        path="/api/v4/futures/orders",
        query="contract=BTC_USD&status=finished&limit=50",
        body=b"",
    )
    assert rest_signature("secret", request, "1541993715") == (
        "55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c898289c9a2407a3d6"
        "fb3faf24deff16790d726b66ac9f74526668b13bd01029199cc4fcc522418b8a"
    )


REQUEST = SignedRequest(method="GET", path="/api/v4/spot/accounts", query="", body=b"")


def headers(*, timestamp=str(NOW), key=KEY, secret=SECRET, without=""):
    told = {
        "KEY": key,
        "Timestamp": timestamp,
        "SIGN": rest_signature(secret, REQUEST, timestamp),
    }
    told.pop(without, None)
    return told


@pytest.mark.parametrize(
    ("told", "label", "status"),
    [
        (headers(without="Timestamp"), "MISSING_REQUIRED_HEADER", 400),
        (headers(without="KEY"), "MISSING_REQUIRED_HEADER", 400),
        (headers(without="SIGN"), "MISSING_REQUIRED_HEADER", 400),
        (headers(timestamp=str(NOW - 61), key="nobody"), "REQUEST_EXPIRED", 403),
        (headers(timestamp=str(NOW + 61)), "REQUEST_EXPIRED", 403),
        (headers(timestamp="nan"), "REQUEST_EXPIRED", 403),
        (headers(timestamp="noon"), "INVALID_PARAM_VALUE", 400),
        (headers(key="nobody"), "INVALID_KEY", 401),
        (headers(secret="wrong"), "INVALID_SIGNATURE", 401),
        (headers() | {"SIGN": "ü"}, "INVALID_SIGNATURE", 401),
    ],
)
def test_anything_else_is_refused(accounts, told, label, status):
    with pytest.raises(VenueRefused) as caught:
        authenticated(accounts, told, REQUEST, NOW * NS_PER_S)
    assert (caught.value.label, caught.value.status) == (label, status)


def test_up_to_sixty_seconds_are_tolerated_either_way(accounts):
    for timestamp in (str(NOW - 60), str(NOW + 60), f"{NOW - 59}.999"):
        told = headers(timestamp=timestamp)
        assert authenticated(accounts, told, REQUEST, NOW * NS_PER_S).name == "alice"


@pytest.mark.parametrize(
    ("channel", "sign"),
    [
        (
            "spot.orders",
            (
                "428d0b9d6dbd96e3c5dc616cd135d81700fabd84ba8a26e2be039da762fe28b8"
                "279e6521ed1ae38a7d0b45bb19018ef44896247cc5ce03c9beac49b34f9d7cd5"
            ),
        ),
        (
            "spot.balances",
            (
                "353378940e82a11f6edd95870d9acfe442b81344618d7b478e96abd1ff0ffef9"
                "802b1375e56a1a887446f8ed23886573775e59e8a41edea55d1c30df4ad4236e"
            ),
        ),
    ],
)
def test_a_private_subscription_of_the_page_is_taken(accounts, channel, sign):
    assert channel_signature(SECRET, channel, "subscribe", NOW) == sign
    auth = ChannelAuth(method="api_key", KEY=KEY, SIGN=sign)
    for event in ("subscribe", "unsubscribe"):
        # The venue's own Go client signs the word subscribe for both.
        told = (channel, event, NOW)
        assert authenticated_channel(accounts, auth, told, NOW * NS_PER_S).name == "alice"
    with pytest.raises(VenueRefused, match="REQUEST_EXPIRED"):
        authenticated_channel(accounts, auth, (channel, "subscribe", NOW), (NOW + 61) * NS_PER_S)
    with pytest.raises(VenueRefused, match="INVALID_SIGNATURE"):
        authenticated_channel(accounts, auth, (channel, "update", NOW + 1), NOW * NS_PER_S)
