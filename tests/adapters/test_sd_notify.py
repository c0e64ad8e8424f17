"""The service manager gets what systemd documents, and nobody is disturbed where there is none."""

import os
import socket
import sys

import pytest

from adapters.sd_notify import ServiceManager


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        listening.bind(str(tmp_path / "notify"))
        yield listening


def test_each_state_is_one_datagram(manager, tmp_path):
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert service.ready()
    assert service.alive()
    assert service.status("trading\n2 pairs")
    assert service.stopping()
    received = [manager.recv(1000) for _ in range(4)]
    assert received == [b"READY=1", b"WATCHDOG=1", b"STATUS=trading 2 pairs", b"STOPPING=1"]


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_understood():
    name = f"gatehouse-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        listening.bind(f"\0{name}")
        assert ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    "environ",
    [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/no/such/one"}],
    ids=str,
)
def test_without_a_manager_nothing_happens(environ):
    service = ServiceManager(environ)
    assert not service.ready()
    assert not service.stopping()


def test_a_manager_that_does_not_read_does_not_hold_us_up(manager, tmp_path):
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    told = [service.alive() for _ in range(5000)]
    assert told[0]
    assert not told[-1]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "ours"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_watchdogs_patience_is_read_if_it_is_meant_for_us(environ, expected):
    pid = environ.get("WATCHDOG_PID", "").replace("ours", str(os.getpid()))
    environ = environ | ({"WATCHDOG_PID": pid} if pid else {})
    assert ServiceManager(environ).watchdog_s == expected
