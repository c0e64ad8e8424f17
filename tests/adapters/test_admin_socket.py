"""Requests reach whoever opened the socket; everything else is answered by the socket itself."""

import os
import queue
import socket
import stat
import threading
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.admin_client import NO_ANSWER, AdminClient, AdminError
from adapters.admin_socket import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    LINE_BYTES_MAX,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNAVAILABLE,
    AdminSocket,
)
from adapters.loop import LoopThread
from state.errors import ConfigurationInvalid, NotRunning, StoreBusy

METHODS = frozenset({"echo", "subscribe", "silent", "fail"})


class House:
    """Answers at the socket, from a thread that is not the loop's, as an actor does."""

    def __init__(self, admin):
        self._admin = admin
        self.taken = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while (request := self.taken.get()) is not None:
            if request.method == "fail":
                self._admin.refuse(request, -32050, "it cannot be done")
            elif request.method == "subscribe":
                self._admin.answer(request, "ok")
                for number in range(3):
                    self._admin.notify(request.connection, "fills", {"number": number})
            elif request.method == "echo":
                self._admin.answer(request, {"params": request.params, "caller": request.caller})

    def close(self):
        self.taken.put(None)
        self._thread.join(5)


@pytest.fixture(scope="module")
def loop():
    loop = LoopThread()
    yield loop
    assert loop.close(5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "admin.sock"


@pytest.fixture
def admin(loop, path):
    admin = AdminSocket(loop, path, methods=METHODS)
    yield admin
    admin.close()


@pytest.fixture
def house(admin):
    house = House(admin)
    admin.open(house.taken.put)
    yield house
    house.close()


def raw(path, data):
    """Send bytes and return the first answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(data)
        return msgspec.json.decode(client.makefile("rb").readline())


def test_a_call_is_answered_and_names_its_caller(house, path):
    with AdminClient(path) as client:
        result = client.call("echo", {"reason": "test"})
    assert result["params"] == {"reason": "test"}
    assert result["caller"] == f"uid={os.getuid()} pid={os.getpid()}"


def test_many_requests_share_a_connection(house, path):
    with AdminClient(path) as client:
        for number in range(500):
            assert client.call("echo", {"number": number})["params"] == {"number": number}


def test_many_clients_are_served_at_once(house, path):
    clients = [AdminClient(path) for _ in range(20)]
    for number, client in enumerate(clients):
        assert client.call("echo", {"number": number})["params"]["number"] == number
    for client in clients:
        client.close()


def test_a_refusal_comes_back_with_code_and_sentence(house, path):
    with AdminClient(path) as client, pytest.raises(AdminError, match="cannot be done") as caught:
        client.call("fail")
    assert caught.value.code == -32050


def test_whatever_msgspec_writes_can_be_a_result(admin, path):
    admin.open(lambda request: admin.answer(request, {"price": Decimal("0.10"), "at": (1, None)}))
    with AdminClient(path) as client:
        assert client.call("echo") == {"price": "0.10", "at": [1, None]}


def test_a_subscriber_gets_what_is_pushed(house, path):
    with AdminClient(path) as client:
        pushed = client.subscribe(["fills"], timeout_s=5)
        assert [next(pushed) for _ in range(3)] == [("fills", {"number": n}) for n in range(3)]


def test_pushes_between_call_and_answer_are_not_lost(house, path):
    with AdminClient(path) as client:
        pushed = client.subscribe(["fills"], timeout_s=5)
        assert next(pushed) == ("fills", {"number": 0})
        assert client.call("echo")["params"] == {}
        assert next(pushed) == ("fills", {"number": 1})


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"garbage", PARSE_ERROR),
        (b"\xff\xfe\xfd", PARSE_ERROR),
        (b'{"jsonrpc":"2.0","method":"echo","id":1', PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"\x00" * 100, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b'[{"jsonrpc":"2.0","method":"echo","id":1}]', INVALID_REQUEST),
        (b'"text"', INVALID_REQUEST),
        (b"{}", INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","method":"echo","id":1}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","method":7,"id":1}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","method":"echo","id":1.5}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","method":"echo","id":true}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","method":"echo","id":1,"params":[1]}', INVALID_PARAMS),
        (b'{"jsonrpc":"2.0","method":"echo","id":1,"params":"x"}', INVALID_PARAMS),
        (b'{"jsonrpc":"2.0","method":"nope","id":1}', METHOD_NOT_FOUND),
    ],
)
def test_what_is_no_request_is_answered_and_the_connection_goes_on(house, path, line, code):
    good = b'{"jsonrpc":"2.0","method":"echo","id":"after"}\n'
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(line + b"\n" + good)
        answers = client.makefile("rb")
        first = msgspec.json.decode(answers.readline())
        second = msgspec.json.decode(answers.readline())
    assert first["error"]["code"] == code
    assert first["jsonrpc"] == "2.0"
    assert second["id"] == "after"


def test_a_line_that_is_too_long_is_refused_and_skipped(house, path):
    good = b'{"jsonrpc":"2.0","method":"echo","id":"after"}\n'
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(b'"' + b"x" * (5 * LINE_BYTES_MAX) + b'"\n' + good)
        answers = client.makefile("rb")
        assert msgspec.json.decode(answers.readline())["error"]["code"] == INVALID_REQUEST
        assert msgspec.json.decode(answers.readline())["id"] == "after"


def test_whoever_ends_his_half_still_gets_the_last_answer(house, path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(b'{"jsonrpc":"2.0","method":"echo","id":1}')
        client.shutdown(socket.SHUT_WR)
        answers = client.makefile("rb")
        assert msgspec.json.decode(answers.readline())["id"] == 1
        assert answers.readline() == b""


def test_a_request_without_an_id_gets_no_answer(house, path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(
            b'{"jsonrpc":"2.0","method":"echo"}\n{"jsonrpc":"2.0","method":"echo","id":2}\n'
        )
        assert msgspec.json.decode(client.makefile("rb").readline())["id"] == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(junk=st.binary(min_size=1, max_size=300).filter(lambda data: data.strip()))
def test_no_junk_keeps_the_next_request_from_its_answer(house, path, junk):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(junk + b'\n{"jsonrpc":"2.0","method":"echo","id":"after"}\n')
        answers = client.makefile("rb")
        while msgspec.json.decode(answers.readline()).get("id") != "after":
            pass


def test_only_the_owner_may_use_it_from_its_first_instant(admin, path):
    before = os.umask(0)
    try:
        admin.bind()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_before_anybody_takes_requests_the_answer_says_so(admin, path):
    admin.bind()
    with AdminClient(path) as client, pytest.raises(AdminError, match="starting") as caught:
        client.call("echo")
    assert caught.value.code == UNAVAILABLE


def test_the_socket_of_a_dead_process_is_replaced(loop, path):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    admin = AdminSocket(loop, path)
    admin.open(lambda request: admin.answer(request, "alive"))
    with AdminClient(path) as client:
        assert client.call("echo") == "alive"
    admin.close()


def test_the_socket_of_a_living_process_is_left_alone(loop, house, path):
    with pytest.raises(StoreBusy, match="another Gatehouse answers"):
        AdminSocket(loop, path).bind()
    with AdminClient(path) as client:
        assert client.call("echo")["params"] == {}


def test_a_file_in_the_way_is_not_removed(loop, path):
    path.write_text("precious")
    with pytest.raises(ConfigurationInvalid, match="no socket"):
        AdminSocket(loop, path).bind()
    assert path.read_text() == "precious"


def test_a_folder_that_is_missing_is_named(loop, tmp_path):
    with pytest.raises(ConfigurationInvalid, match="no-such-folder"):
        AdminSocket(loop, tmp_path / "no-such-folder" / "admin.sock").bind()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")  # noqa: PTH112
def test_a_path_longer_than_the_kernel_takes_works_all_the_same(loop, tmp_path):
    folder = tmp_path / ("deep" * 30) / ("deeper" * 30)
    folder.mkdir(parents=True)
    admin = AdminSocket(loop, folder / "admin.sock")
    admin.open(lambda request: admin.answer(request, "here"))
    with AdminClient(folder / "admin.sock") as client:
        assert client.call("echo") == "here"
    admin.close()
    assert list(folder.iterdir()) == []


def test_closing_removes_the_socket_and_ends_the_connections(loop, path):
    admin = AdminSocket(loop, path)
    admin.open(lambda request: None)
    client = AdminClient(path)
    admin.close()
    assert not path.exists()
    with pytest.raises(NotRunning):
        client.call("echo")
    client.close()


def test_closing_leaves_the_socket_of_a_successor(loop, path):
    first, second = AdminSocket(loop, path), AdminSocket(loop, path)
    first.bind()
    path.unlink()
    second.open(lambda request: second.answer(request, "second"))
    first.close()
    with AdminClient(path) as client:
        assert client.call("echo") == "second"
    second.close()


def test_where_nothing_runs_the_client_says_so(path):
    with pytest.raises(NotRunning, match="nothing runs here"):
        AdminClient(path)


def test_silence_is_an_error_in_time(house, path):
    with AdminClient(path) as client, pytest.raises(AdminError) as caught:
        client.call("silent", timeout_s=0.1)
    assert caught.value.code == NO_ANSWER


def test_a_subscriber_that_does_not_read_is_dropped_and_nobody_waits(admin, path):
    subscribed = queue.SimpleQueue()

    def take(request):
        if request.method == "subscribe":
            subscribed.put(request.connection)
        admin.answer(request, "ok")

    admin.open(take)
    with AdminClient(path) as slow, AdminClient(path) as other:
        slow.call("subscribe")
        connection = subscribed.get(timeout=5)
        for _ in range(200):
            admin.notify(connection, "book", "x" * 100_000)
        assert other.call("echo") == "ok"
        with pytest.raises(NotRunning):
            for _ in slow.subscribe([], timeout_s=5):
                pass


def test_too_many_requests_without_answers_are_refused(admin, path):
    admin.open(lambda request: None)
    call = b'{"jsonrpc":"2.0","method":"silent","id":1}\n'
    answer = raw(path, call * 200)
    assert answer["error"]["code"] == UNAVAILABLE


def test_a_new_receiver_replaces_the_old_one(admin, path):
    admin.open(lambda request: admin.answer(request, "first"))
    admin.open(lambda request: admin.answer(request, "second"))
    with AdminClient(path) as client:
        assert client.call("echo") == "second"


def test_what_a_receiver_had_in_hand_is_refused_when_another_replaces_it(admin, path):
    first, second = queue.SimpleQueue(), queue.SimpleQueue()
    admin.open(first.put)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        for number in (1, 2, 3):
            client.sendall(a_line(number))
        in_hand, waits, answered = (first.get(timeout=5) for _ in range(3))
        admin.take(in_hand)
        admin.take(answered)
        admin.answer(answered, "in time")
        admin.open(second.put)
        admin.answer(in_hand, "by a thread that hung")
        admin.take(waits)
        admin.answer(waits, "by the next one")
        with client.makefile("rb") as lines:
            told = [msgspec.json.decode(lines.readline()) for _ in range(3)]
    assert [one["id"] for one in told] == [3, 1, 2]
    assert [one.get("result") for one in told] == ["in time", None, "by the next one"]
    assert told[1]["error"]["code"] == UNAVAILABLE
    assert "may have been done" in told[1]["error"]["message"]


def a_line(number):
    request = {"jsonrpc": "2.0", "id": number, "method": "echo", "params": {}}
    return msgspec.json.encode(request) + b"\n"


def test_a_receiver_that_fails_is_an_error_to_the_caller_only(admin, path):
    def fail(request):
        raise RuntimeError("the mailbox is gone")

    admin.open(fail)
    with AdminClient(path) as client:
        for _ in range(3):
            with pytest.raises(AdminError, match="could not be delivered"):
                client.call("echo")


def test_whoever_hung_up_is_told_of_once(admin, path):
    gone = queue.SimpleQueue()
    admin.open(lambda request: admin.answer(request, request.connection), gone.put)
    with AdminClient(path) as client:
        connection = client.call("echo")
    assert gone.get(timeout=5).connection == connection
    assert gone.empty()
