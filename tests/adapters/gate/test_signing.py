"""Gate's signatures equal the published vectors bit for bit (gate-protocol.md sections 2 and 3)."""

import hashlib

import pytest

from adapters.gate.signing import Credentials, api_signature, channel_signature, rest_signature
from state.config.secret import Secret

KEY = "gatehouse-test-key"
SECRET = "gatehouse-test-secret"
NOW = "1700000000"

B3 = (
    b'{"text":"t-gh-0001","currency_pair":"BTC_USDT","type":"limit","account":"spot",'
    b'"side":"buy","amount":"0.001","price":"65000","time_in_force":"poc"}'
)
B6 = b'{"account":"spot","amount":"0.002","currency_pair":"BTC_USDT","price":"64000"}'
FUTURES_BODY = (
    b'{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}'
)
P5 = (
    '{"text":"t-gh-0001","currency_pair":"BTC_USDT","type":"limit","account":"spot",'
    '"side":"buy","amount":"0.001","price":"65000"}'
)
P5_SPACED = P5.replace(":", ": ").replace(",", ", ")

REST_VECTORS = {
    "V1 empty query and body": (
        ("GET", "/api/v4/spot/open_orders", "", b"", NOW),
        (
            "f0077a5d1ca6b8ced1c32b3f830fc46004fce267065778f89171cf4b47baff85"
            "af6ba6e9cdf493e9b2ec36d18157637167a254556468d0b53112f46c88d82a7a"
        ),
    ),
    "V2 query": (
        (
            "GET",
            "/api/v4/spot/orders",
            "currency_pair=BTC_USDT&status=finished&limit=50",
            b"",
            NOW,
        ),
        (
            "185fe05d86f21981b338bc6e4aae04e6ce0b14ba13e51a01e08fc3d86a8d0a70"
            "371c01000bdaf844c4624f35ad4c69a3d32a7aa04d78bafd01d7dc875d4d2e52"
        ),
    ),
    "V3 body": (
        ("POST", "/api/v4/spot/orders", "", B3, NOW),
        (
            "c87c12e543ec75ad4bf4f1615a6625b19783d0143522d8812caa06e68d953cac"
            "ae92083ee4c6003b32e99205bd2c2785f5368e2728c5de5a769eb4604401489e"
        ),
    ),
    "V4 delete with query": (
        ("DELETE", "/api/v4/spot/orders/12332324", "currency_pair=BTC_USDT", b"", NOW),
        (
            "2e9b782bb4cf7379f50deddcf92b047630ebb745b6128793fc5c9349166d4de1"
            "aa074e5b6aa65ca307df21ba04a3d528e105c8531bd0bb0f8666bb456cdb0c4d"
        ),
    ),
    "V5 comma in the query, float timestamp": (
        (
            "GET",
            "/api/v4/spot/batch_fee",
            "currency_pairs=BTC_USDT,ETH_USDT",
            b"",
            "1700000000.123456",
        ),
        (
            "20fd1fa1c6b4c2f73edec41968c7aa998fe60ea0b9ba5d17b9b6bcf7463bf522"
            "726ff82e12efea094f0c8e01e5c3f5b5b7da47f9e9926420b2922d7a573a87f3"
        ),
    ),
    "V6 query and body": (
        (
            "PATCH",
            "/api/v4/spot/orders/12332324",
            "account=spot&amount=0.002&currency_pair=BTC_USDT&price=64000",
            B6,
            NOW,
        ),
        (
            "a5969af14013ba7da324175504134e52b9d87b4ae05e727b5783d7b96b92ad89"
            "9a84cd8a1a4db3501189f51fa0979d063fdb8589716ec5aad4ddfbf167e914b9"
        ),
    ),
}

OFFICIAL_VECTORS = {
    "get": (
        (
            "GET",
            "/api/v4/futures/orders",
            "contract=BTC_USD&status=finished&limit=50",
            b"",
            "1541993715",
        ),
        (
            "55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c898289c9a2407a3d6"
            "fb3faf24deff16790d726b66ac9f74526668b13bd01029199cc4fcc522418b8a"
        ),
    ),
    "post": (
        ("POST", "/api/v4/futures/orders", "", FUTURES_BODY, "1541993715"),
        (
            "eae42da914a590ddf727473aff25fc87d50b64783941061f47a3fdb92742541f"
            "c4c2c14017581b4199a1418d54471c269c03a38d788d802e2c306c37636389f0"
        ),
    ),
}

API_VECTORS = {
    "W3 login without parameters": (
        ("spot.login", ""),
        (
            "43705427dc86cf5011bece8628d0ab0fe6d9b591868bfc1148cd73b68566848b"
            "338031ddf7a333ec5a1f054cfa28900a20d6ebc7bf95bce286573fce3c7591d1"
        ),
    ),
    "W4 login with empty object": (
        ("spot.login", "{}"),
        (
            "8fac8c41ddc3b01ccb7acb457cd96e67c849135282c058db5409e96ffc864fa5"
            "05cbaae6551d52347a599263153a02f982e8fbf1ada410cdd5a4d54dccd8b6b8"
        ),
    ),
    "W5 place, compact": (
        ("spot.order_place", P5),
        (
            "41d859e37b5300c4b7e789d60e8d05cf07bd050ceff4a8f6f59f356fb5a14187"
            "6cd7183d7ce8a180c7e82e8278fbd4ffe90f5fcf825926e4a62b04d27b59726b"
        ),
    ),
    "W6 place, with Python's spaces": (
        ("spot.order_place", P5_SPACED),
        (
            "8493687324776a3144af4730e78f90fa221e7824410f18d1068771eccea81c42"
            "5457c9233719f0da8e305df6211447e83d8aea0f227c5ee44699d64392111e83"
        ),
    ),
}


def test_the_body_of_the_third_vector_is_the_published_one():
    assert hashlib.sha512(B3).hexdigest().startswith("ea424c34d90e893dca836b63403bcd7e")


@pytest.mark.parametrize("vector", REST_VECTORS)
def test_rest_vectors_come_out_bit_for_bit(vector):
    (method, path, query, body, timestamp), expected = REST_VECTORS[vector]
    assert expected == rest_signature(
        SECRET, method=method, path=path, query=query, body=body, timestamp=timestamp
    )


@pytest.mark.parametrize("vector", OFFICIAL_VECTORS)
def test_the_official_documents_own_examples_come_out(vector):
    (method, path, query, body, timestamp), expected = OFFICIAL_VECTORS[vector]
    assert expected == rest_signature(
        "secret", method=method, path=path, query=query, body=body, timestamp=timestamp
    )


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        pytest.param(
            "spot.orders",
            "428d0b9d6dbd96e3c5dc616cd135d81700fabd84ba8a26e2be039da762fe28b8"
            "279e6521ed1ae38a7d0b45bb19018ef44896247cc5ce03c9beac49b34f9d7cd5",
            id="W1",
        ),
        pytest.param(
            "spot.balances",
            "353378940e82a11f6edd95870d9acfe442b81344618d7b478e96abd1ff0ffef9"
            "802b1375e56a1a887446f8ed23886573775e59e8a41edea55d1c30df4ad4236e",
            id="W2",
        ),
    ],
)
def test_private_channel_vectors_come_out_bit_for_bit(channel, expected):
    signature = channel_signature(SECRET, channel=channel, event="subscribe", time_s=1_700_000_000)
    assert signature == expected


@pytest.mark.parametrize("vector", API_VECTORS)
def test_socket_api_vectors_come_out_bit_for_bit(vector):
    (channel, parameters), expected = API_VECTORS[vector]
    signature = api_signature(SECRET, channel=channel, parameters=parameters, timestamp=NOW)
    assert signature == expected


def test_credentials_never_show_themselves():
    credentials = Credentials(key=Secret(KEY), secret=Secret(SECRET))
    for text in (repr(credentials), str(credentials), f"{credentials}"):
        assert KEY not in text
        assert SECRET not in text
