"""A picture shows what the page shows: every candle, every mark, and none of them over another."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.history.picture import MARK_PX, Theme, free_spot, picture
from adapters.history.plotting import Mark, lines_of
from state.errors import HistoryRefused
from tests.adapters.history.test_plotting import a_plot
from tests.adapters.history.test_store import APRIL, MINUTE_NS, minutes

image = pytest.importorskip("PIL.Image")

UP, DOWN = (0x26, 0xA6, 0x9A), (0xEF, 0x53, 0x50)
SHRUNK = (0xFF, 0x6D, 0x00)


def pixels(drawn):
    return np.asarray(image.open(io.BytesIO(drawn)).convert("RGB"))


def blobs(picture_, colour):
    """Return how many stretches of columns hold `colour`."""
    columns = (picture_ == np.array(colour)).all(axis=2).any(axis=0)
    return int(np.count_nonzero(columns[1:] & ~columns[:-1]))


def a_day(count, **changes):
    """Return candles of which every other one falls."""
    table = minutes(range(count), close=np.where(np.arange(count) % 2, 99.0, 101.0))
    table["open"] = np.full(count, 100.0)
    table["high"], table["low"] = np.full(count, 102.0), np.full(count, 98.0)
    return a_plot(candles=table, lines=(), marks=(), **changes)


@pytest.mark.parametrize(("theme", "ground"), [("light", (255, 255, 255)), ("dark", (18, 22, 29))])
def test_every_candle_is_there_on_either_ground(theme, ground):
    seen = pixels(picture(a_day(20), Theme(theme)))
    assert seen.shape[1] == 1_600
    assert tuple(seen[2, 2]) == ground
    assert blobs(seen, UP) == blobs(seen, DOWN) == 10


def test_each_mark_is_drawn_at_its_candle_or_nowhere():
    marks = [Mark(at_ns=APRIL + n * MINUTE_NS + 5, kind="shrink", text="") for n in (2, 7, 11)]
    outside = Mark(at_ns=APRIL - 1, kind="shrink", text="")
    three = a_plot(candles=a_day(20).candles, lines=(), marks=(*marks, outside))
    # Its own in the legend, the name of which says 3, is the fourth.
    assert blobs(pixels(picture(three)), SHRUNK) == 3 + 1
    none = a_plot(candles=a_day(20).candles, lines=(), marks=(outside,))
    assert blobs(pixels(picture(none)), SHRUNK) == 0


def test_the_same_plot_is_the_same_picture():
    assert picture(a_day(3)) == picture(a_day(3))


@pytest.mark.parametrize("price", [1e-9, 1e7])
def test_a_lone_flat_candle_without_volume_is_a_picture_too(price):
    table = minutes(range(1), close=np.array([price]))
    table["open"] = table["high"] = table["low"] = table["close"]
    table["volume"] = np.zeros(1)
    lines = lines_of(table, ["sma20", "rsi14"])
    assert pixels(picture(a_plot(candles=table, lines=lines))).shape[1] == 1_600


def test_nothing_and_too_much_are_refused():
    for count in (0, 20_001):
        with pytest.raises(HistoryRefused, match="candles"):
            picture(a_plot(count=count, lines=(), marks=()))


@given(
    st.lists(
        st.tuples(
            st.floats(0, 200),
            st.floats(0, 200),
            st.sampled_from([-1, 1]),
            st.sampled_from([MARK_PX, 3 * MARK_PX]),
            st.integers(1, 9),
        ),
        max_size=20,
    )
)
def test_no_mark_lies_over_another(candles):
    taken = []
    for across, up, away, wide, many in candles:
        for _ in range(many):
            spot = free_spot(across, up, away, taken, wide)
            if spot is None:
                break
            assert (spot.up - up) * away > 0
            assert spot.right - spot.left == pytest.approx(wide)
            taken.append(spot)
    for number, one in enumerate(taken):
        for other in taken[:number]:
            beside = one.right <= other.left or other.right <= one.left
            assert beside or abs(one.up - other.up) >= MARK_PX - 1e-5
