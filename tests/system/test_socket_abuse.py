"""Whatever comes to the admin socket, the house answers in words and trades on."""

import json
import socket
import stat

import pytest

from adapters.admin_client import AdminClient, AdminError
from adapters.admin_socket import LINE_BYTES_MAX
from scripts.proofs.processes import ACTIVE, House

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with House(tmp_path_factory.mktemp("house"), settings=ACTIVE) as house:
        house.until_ready()
        house.until_fills(1)
        yield house
        before = house.fills()
        assert house.session() == "ready"
        status = house.status()
        assert status is not None
        assert {actor["restarts"] for actor in status["actors"]} == {0}
        house.until(lambda: house.fills() > before, 60, "it trades on")
        assert house.terminate() == 0


def say(house, *chunks, end=True):
    """Send bytes as they are; return the answers, one object each."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect(str(house.socket))
        for chunk in chunks:
            line.sendall(chunk)
        if end:
            line.shutdown(socket.SHUT_WR)
        heard = b""
        while chunk := line.recv(1 << 16):
            heard += chunk
    return [json.loads(answer) for answer in heard.splitlines()]


def request(**members):
    return json.dumps({"jsonrpc": "2.0", "id": 1} | members).encode() + b"\n"


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (b"hello?\n", -32700, "not JSON"),
        (b"\xff\xfe\x00\n", -32700, "not JSON"),
        (b"{" * 5000 + b"\n", -32700, "not JSON"),
        (b"[1, 2]\n", -32600, "a request is one object a line"),
        (b'{"id": 1, "method": "status"}\n', -32600, "jsonrpc"),
        (request(method=5), -32600, "method is a text"),
        (request(method="status", id=[1]), -32600, "id is a number"),
        (request(method="status", params=[1]), -32602, "params is an object"),
        (request(method="self_destruct"), -32601, "no method 'self_destruct'"),
        (request(method="drill", params={"actor": "risk_guard", "fault": "crash"}), -32602, "mean"),
        (request(method="drill", params={"actor": 5}), -32602, "drill needs actor=TEXT"),
        (
            request(method="drill", params={"actor": "trading/risk_guard", "fault": "nuke"}),
            -32602,
            "expected one of",
        ),
        (request(method="restart"), -32602, "restart needs actor=TEXT"),
        (request(method="fills", params={"limit": 10**30}), -32602, "1 to 1000 rows"),
        (request(method="fills", params={"limit": "all"}), -32602, "1 to 1000 rows"),
        (request(method="orders", params={"open": "perhaps"}), -32602, "true or false"),
        (request(method="explain"), -32602, "explain needs id=TEXT"),
        (request(method="set_config", params={}), -32602, "set_config needs key=value"),
        (request(method="set_config", params={"changes": [1]}), -32602, "set_config needs"),
        (request(method="subscribe", params={"topics": {}}), -32602, "subscribe needs topics"),
        (request(method="reset_emergency", params={"reason": " "}), -32602, "needs reason"),
        (request(method="acknowledge", params={"alert": "x"}), -32002, "not available yet"),
        (b" " * (LINE_BYTES_MAX + 10) + b"\n", -32600, "a line has at most"),
    ],
    ids=map(str, range(23)),
)
def test_what_is_no_request_is_answered_with_what_is_wrong(house, line, code, told):
    [answer] = say(house, line)
    assert answer["error"]["code"] == code
    assert told in answer["error"]["message"]


def test_a_bad_line_does_not_spoil_the_good_ones_beside_it(house):
    good = request(method="status")
    answers = say(house, good[:10], good[10:] + b"garbage\n" + b"x" * (2 * LINE_BYTES_MAX), b"\n")
    assert sorted("result" in answer for answer in answers) == [False, False, True]
    assert say(house, good, good)[0]["result"]["session"] == "ready"


def test_half_a_line_that_never_ends_keeps_nobody_waiting(house):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(house.socket))
        silent.sendall(b'{"jsonrpc": "2.0"')
        assert house.session() == "ready"


def test_many_callers_who_never_read_keep_nobody_waiting(house):
    deaf = []
    try:
        for _ in range(30):
            one = socket.socket(socket.AF_UNIX)
            one.connect(str(house.socket))
            one.sendall(request(method="subscribe", params={"topics": ["health", "equity"]}))
            one.sendall(request(method="status") * 100)
            deaf.append(one)
        assert house.session() == "ready"
        house.until_fills(1)
    finally:
        for one in deaf:
            one.close()


def test_an_unknown_method_names_itself_and_the_script_fails(house):
    with AdminClient(house.socket) as client:
        with pytest.raises(AdminError, match="no method 'self_destruct'"):
            client.call("self_destruct")
        assert client.call("status")["session"] == "ready", "the connection goes on"


def test_nobody_else_may_use_the_socket(house):
    assert stat.S_IMODE(house.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(house.folder.stat().st_mode) == 0o700
