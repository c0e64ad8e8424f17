"""The halt latch: set by anybody, kept in a file, read about each order, released with its file."""

import msgspec
import pytest

from adapters.halt_file import HALT_FILE, REASON_MAX, HaltFile
from adapters.halt_latch import Latch, permit_of
from state.messages.venue import AmendOrder, PlaceOrder
from state.values import Purpose, Side


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "simulated").mkdir()
    return tmp_path / "simulated"


def kept(folder):
    """Return a latch of a new process."""
    return Latch(HaltFile(folder))


EVERY_ORDER = [(side, purpose) for side in Side for purpose in Purpose]


@pytest.mark.parametrize(("side", "purpose"), EVERY_ORDER)
def test_set_it_stops_every_order_and_the_first_reason_stays(side, purpose):
    latch = Latch()
    assert latch.stops(side, purpose) is None
    latch.set("fire")
    latch.set("flood")
    assert latch.stops(side, purpose) == "fire"


@pytest.mark.parametrize(("side", "purpose"), EVERY_ORDER)
def test_with_exits_allowed_only_sales_that_flatten_leave(side, purpose):
    latch = Latch()
    latch.set("fire")
    latch.allow_exits()
    leaves = side is Side.SELL and purpose is Purpose.FLATTEN
    assert (latch.stops(side, purpose) is None) == leaves


def test_a_release_takes_the_exits_back_as_well():
    latch = Latch()
    latch.set("fire")
    latch.allow_exits()
    assert latch.release() == ""
    assert (latch.reason, latch.exits_allowed) == (None, False)


def test_set_without_a_reason_it_is_set_all_the_same():
    latch = Latch()
    latch.set("")
    assert latch.reason is not None


def test_a_change_of_an_order_never_leaves_while_it_is_set():
    latch = Latch()
    permit = permit_of(latch)
    latch.set("fire")
    latch.allow_exits()
    sale = a_placement(side=Side.SELL, purpose=Purpose.FLATTEN)
    assert permit(sale) is None
    assert permit(a_placement(side=Side.SELL, purpose=Purpose.STOP_LOSS)) == "fire"
    change = msgspec.convert(
        {
            "type": "AmendOrder",
            "pair": "BTC_USDT",
            "client_order_id": "t-gh-1",
            "venue_order_id": None,
            "quantity": "1",
            "price": None,
            "expires_at_ns": 0,
        },
        AmendOrder,
    )
    assert permit(change) == "fire"


def a_placement(**changes):
    members = {
        "client_order_id": "t-gh-1",
        "pair": "BTC_USDT",
        "side": "sell",
        "order_type": "limit",
        "quantity": "1",
        "price": "1",
        "time_in_force": "ioc",
        "expires_at_ns": 0,
    }
    return msgspec.convert({"type": "PlaceOrder"} | members | changes, PlaceOrder)


# The file.


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"prices look wrong\nand more\n", "prices look wrong"),
        (b"  two\twords  ", "two words"),
        (b"", "the file EMERGENCY_STOP"),
        (b"\n", "the file EMERGENCY_STOP"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 10_000, "x" * REASON_MAX),
        (b"halted 2026-11-28T14:00:00Z by process 7\n", "the file EMERGENCY_STOP"),
    ],
)
@pytest.mark.parametrize("place", ["venue", "above"])
def test_whatever_is_in_the_file_it_stops_and_its_first_line_is_the_reason(
    folder, content, reason, place
):
    path = (folder if place == "venue" else folder.parent) / HALT_FILE
    path.write_bytes(content)
    assert kept(folder).look() == reason


def test_a_file_that_cannot_be_read_stops_all_the_same(folder):
    (folder / HALT_FILE).mkdir()
    assert "cannot be read" in (kept(folder).look() or "")


def test_without_a_file_and_not_set_nothing_is_written(folder):
    assert kept(folder).look() is None
    assert list(folder.iterdir()) == []


def test_once_set_it_is_in_the_file_for_the_next_process(folder):
    latch = kept(folder)
    latch.set("the signal SIGUSR1")
    assert latch.look() is None
    assert kept(folder).look() == "the signal SIGUSR1"


def test_the_house_says_in_a_file_of_others_that_it_has_taken_notice(folder):
    path = folder / HALT_FILE
    path.write_text("prices look wrong")
    latch = kept(folder)
    latch.set(latch.look() or "")
    latch.look()
    latch.look()
    first, noticed = path.read_text().splitlines()
    assert first == "prices look wrong"
    assert noticed.startswith("halted ")


def test_a_file_above_is_copied_to_where_only_a_reset_of_this_house_removes_it(folder):
    (folder.parent / HALT_FILE).write_text("all of them")
    latch, other = kept(folder), kept(folder)
    latch.set(latch.look() or "")
    latch.look()
    (folder.parent / HALT_FILE).unlink()
    assert other.look() == "all of them"


def test_a_file_that_somebody_removes_comes_back_while_it_is_set(folder):
    latch = kept(folder)
    latch.set("fire")
    latch.look()
    (folder / HALT_FILE).unlink()
    latch.look()
    assert kept(folder).look() == "fire"


def test_a_release_removes_the_file_and_the_next_process_begins_free(folder):
    latch = kept(folder)
    latch.set("fire")
    latch.look()
    assert latch.release() == ""
    assert latch.look() is None
    assert kept(folder).look() is None


def test_a_file_that_cannot_be_removed_keeps_the_latch(folder):
    (folder / HALT_FILE).mkdir()
    latch = kept(folder)
    latch.set(latch.look() or "")
    assert "by hand" in latch.release()
    assert latch.reason is not None
