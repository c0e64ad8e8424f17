"""A picture to look at: what `plotting` shows as a page, as PNG. Pure.

Imports matplotlib, which is an extra: whoever draws nothing neither needs nor loads it.
"""

import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator
from matplotlib.transforms import IdentityTransform
from msgspec import Struct

from adapters.history.plotting import Line, Plot, Values, refuse_unshowable
from state.values import NS_PER_S, base_of, quote_of

_DPI = 100
_WIDTH_IN, _LEFT = 16.0, 0.085
_PRICES_IN, _PANE_IN, _REST_IN = 5.2, 1.5, 1.4
_LEGEND_IN, _LEGEND_WIDE = 0.2, 9
"""Height of a row of the legend, and how many it names."""
_UP, _DOWN = "#26a69a", "#ef5350"
_BODY = 0.7
"""Of a candle's length."""
_NARROW = 500
"""From so many candles on they touch: a gap of less than a pixel would only blur."""
MARK_PX = 11.0
"""From the middle of a mark to that of the next."""
_COUNT_PX = 16.0
"""More for what says how many there are."""
MARKS_DEEP = 6
"""So many marks find room above or below a candle."""
# Of the height of what is drawn, above and beneath it.
_ROOM, _ROOM_FOR_MARKS = 0.06, 0.2
_SHAPES = {
    "buy": ("^", _UP, "bought"),
    "sell": ("v", _DOWN, "sold"),
    "allow": ("o", "#2962ff", "allowed"),
    "shrink": ("o", "#ff6d00", "shrunk"),
    "deny": ("s", "#9e9e9e", "denied"),
}
_ABOVE = ("sell", "deny")


class Spot(NamedTuple):
    """Where a mark is, pixels."""

    across: float
    up: float
    """Of its middle."""
    left: float
    right: float
    """Ends of it and of what is written beside it."""


class Theme(StrEnum):
    """What the picture is seen on."""

    LIGHT = "light"
    DARK = "dark"


class _Ink(Struct, frozen=True):
    ground: str
    text: str
    grid: str


_INKS = {
    Theme.LIGHT: _Ink("#ffffff", "#1c2330", "#e6e9ef"),
    Theme.DARK: _Ink("#12161d", "#d5dae3", "#232a35"),
}

Times = Values
"""Days since 1970, as matplotlib counts."""


def picture(plot: Plot, theme: Theme = Theme.LIGHT) -> bytes:
    """Return the picture as PNG, 1,600 pixels wide: prices, volume, one pane for each oscillator.

    Raises:
        HistoryRefused: There is nothing to show, or too much.
    """
    refuse_unshowable(plot)
    ink = _INKS[theme]
    below = sorted({line.pane for line in plot.lines} - {0})
    heights = [_PRICES_IN, *[_PANE_IN] * (1 + len(below))]
    named = sum(line.pane == 0 for line in plot.lines) + len({one.kind for one in plot.marks}) + 1
    rows = -(-named // _LEGEND_WIDE)
    head = 0.55 + _LEGEND_IN * rows
    tall = sum(heights) + _REST_IN + _LEGEND_IN * rows
    figure = Figure(figsize=(_WIDTH_IN, tall), dpi=_DPI, facecolor=ink.ground)
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(heights),
        1,
        sharex=True,
        squeeze=False,
        gridspec_kw={
            "height_ratios": heights,
            "left": _LEFT,
            "right": 0.985,
            "top": 1 - head / tall,
            "bottom": 0.65 / tall,
            "hspace": 0.35 * len(heights) / sum(heights),
        },
    )[:, 0]
    figure.suptitle(
        plot.title, x=_LEFT, y=1 - 0.18 / tall, ha="left", va="top", color=ink.text, fontsize=13
    )
    opened = plot.candles["ts_open_ns"].astype(np.float64) / NS_PER_S / 86_400
    step = plot.step_ns / NS_PER_S / 86_400
    for one in axes:
        _furnish(one, ink)
    _prices(axes[0], plot, opened, step)
    _volume(axes[1], plot, opened, step)
    for pane, one in zip(below, axes[2:], strict=True):
        _lines(one, [line for line in plot.lines if line.pane == pane], opened + step / 2)
    _clock(axes[-1], opened, step)
    _name(list(axes), plot)
    _marks(axes[0], plot, opened, ink)
    for one in axes:
        _legend(one, ink)
    figure.align_ylabels(list(axes))
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", facecolor=ink.ground, metadata={"Title": plot.title})
    return drawn.getvalue()


def _furnish(one: Axes, ink: _Ink) -> None:
    one.set_facecolor(ink.ground)
    one.grid(visible=True, color=ink.grid, linewidth=0.8)
    one.set_axisbelow(True)
    one.tick_params(colors=ink.text, labelsize=9)
    one.yaxis.label.set_color(ink.text)
    one.xaxis.label.set_color(ink.text)
    for spine in one.spines.values():
        spine.set_color(ink.grid)


def _prices(one: Axes, plot: Plot, opened: Times, step: float) -> None:
    first, high, low, close = (
        plot.candles[name].astype(np.float64) for name in ("open", "high", "low", "close")
    )
    middle = opened + step / 2
    wicks = np.stack([np.stack([middle, low], axis=1), np.stack([middle, high], axis=1)], axis=1)
    one.add_collection(LineCollection(list(wicks), colors=_colours(plot), linewidths=0.8))
    _bodies(one, plot, middle, first, close)
    lines = [line for line in plot.lines if line.pane == 0]
    _lines(one, lines, middle)
    values = [low.min(), high.max()]
    for line in lines:
        values += [value for value in line.values if value is not None]
    least, most = min(values), max(values)
    # Room for marks above and below what is drawn; a market that stands still has a height too.
    share = _ROOM_FOR_MARKS if plot.marks else _ROOM
    room = (most - least) * share or abs(most) * 0.01 or 1.0
    one.set_ylim(least - room, most + room)
    one.ticklabel_format(axis="y", style="plain", useOffset=False)


def _volume(one: Axes, plot: Plot, opened: Times, step: float) -> None:
    volumes = plot.candles["volume"].astype(np.float64)
    _bodies(one, plot, opened + step / 2, np.zeros_like(volumes), volumes)
    one.set_ylim(0, volumes.max() * 1.08 or 1.0)
    if volumes.max() >= 1_000:
        one.yaxis.set_major_formatter(EngFormatter(sep=""))
    one.yaxis.set_major_locator(MaxNLocator(4))


def _bodies(one: Axes, plot: Plot, middle: Times, start: Values, end: Values) -> None:
    """Draw a box for each candle; one collection, for 20,000 artists would take minutes."""
    share = _BODY if len(middle) < _NARROW else 1.0
    half = plot.step_ns / NS_PER_S / 86_400 * share / 2
    corners = [
        np.stack([middle + side * half, edge], axis=1)
        for side, edge in ((-1, start), (-1, end), (1, end), (1, start))
    ]
    colours = _colours(plot)
    # The outline keeps in sight what is no higher or wider than a pixel.
    one.add_collection(
        PolyCollection(
            list(np.stack(corners, axis=1)),
            facecolors=colours,
            edgecolors=colours,
            linewidths=0.5,
        )
    )


def _lines(one: Axes, lines: Sequence[Line], middle: Times) -> None:
    for line in lines:
        values = np.array([np.nan if value is None else value for value in line.values])
        one.plot(
            middle,
            values,
            color=line.colour,
            linewidth=1.0,
            linestyle="--" if line.dashed else "-",
            label=line.name if np.isfinite(values).any() else f"{line.name}: not ready",
        )
    if lines and lines[0].pane:
        one.yaxis.set_major_locator(MaxNLocator(4))


def _clock(last: Axes, opened: Times, step: float) -> None:
    end = opened[-1] + step
    margin = max((end - opened[0]) * 0.01, step)
    last.set_xlim(opened[0] - margin, end + margin)
    places = mdates.AutoDateLocator(minticks=6, maxticks=14)  # type: ignore[no-untyped-call]
    last.xaxis.set_major_locator(places)
    words = mdates.ConciseDateFormatter(places, show_offset=False)  # type: ignore[no-untyped-call]
    last.xaxis.set_major_formatter(words)
    last.set_xlabel("Time, UTC")


def _name(axes: Sequence[Axes], plot: Plot) -> None:
    axes[0].set_ylabel(f"Price, {quote_of(plot.pair)}")
    axes[1].set_ylabel(f"Volume, {base_of(plot.pair)}")
    for one in axes[2:]:
        one.set_ylabel(str(one.get_lines()[0].get_label()).partition(":")[0])


def _marks(one: Axes, plot: Plot, opened: Times, ink: _Ink) -> None:
    """Draw marks at their candles, none over another; those of one kind and candle together."""
    place = {int(at): number for number, at in enumerate(plot.candles["ts_open_ns"])}
    many: Counter[tuple[int, str]] = Counter()
    for mark in plot.marks:
        number = place.get(mark.at_ns // plot.step_ns * plot.step_ns)
        if number is not None:
            many[number, mark.kind] += 1
    taken: list[Spot] = []
    spots: dict[str, list[Spot]] = defaultdict(list)
    half = plot.step_ns / NS_PER_S / 86_400 / 2
    for (number, kind), count in sorted(many.items()):
        away = 1 if kind in _ABOVE else -1
        edge = float(plot.candles["high" if away > 0 else "low"][number])
        across, up = one.transData.transform((opened[number] + half, edge))
        spot = free_spot(across, up, away, taken, wide=MARK_PX + _COUNT_PX * (count > 1))
        if spot is None:
            continue
        taken.append(spot)
        spots[kind].append(spot)
        if count > 1:
            # In pixels: the limits are set, and saving changes neither size nor resolution.
            one.text(
                spot.across + MARK_PX * 0.6,
                spot.up,
                f"x{count}",
                color=ink.text,
                fontsize=7,
                va="center_baseline",
                transform=IdentityTransform(),
            )
    for kind, (shape, colour, word) in _SHAPES.items():
        told = sum(count for (_, of), count in many.items() if of == kind)
        if not told:
            continue
        drawn = Line2D(
            [spot.across for spot in spots[kind]],
            [spot.up for spot in spots[kind]],
            marker=shape,
            markersize=7,
            color=colour,
            markeredgecolor=ink.ground,
            markeredgewidth=0.6,
            linestyle="",
            transform=IdentityTransform(),
            zorder=4,
            label=f"{word}: {told}",
        )
        one.add_line(drawn)
    hidden = len(many) - len(taken)
    if hidden:
        one.plot([], [], linestyle="", label=f"no room for {hidden} more")


def free_spot(
    across: float, up: float, away: int, taken: Sequence[Spot], wide: float = MARK_PX
) -> Spot | None:
    """Return the spot nearest to (across, up) where no mark is yet, or nothing.

    Args:
        across: Of the candle, pixels.
        up: Of its end, pixels.
        away: 1 to look above it, -1 to look beneath.
        taken: Where marks are.
        wide: From the left end of the mark to the right end of what is written beside it, pixels.
    """
    left, right = across - MARK_PX / 2, across - MARK_PX / 2 + wide
    near = [one.up for one in taken if one.left < right and left < one.right]
    for step in range(1, MARKS_DEEP + 1):
        height = up + away * step * MARK_PX
        if all(abs(height - other) >= MARK_PX - 1e-6 for other in near):
            return Spot(across, height, left, right)
    return None


def _legend(one: Axes, ink: _Ink) -> None:
    handles, labels = one.get_legend_handles_labels()
    if handles:
        one.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=min(len(handles), _LEGEND_WIDE),
            frameon=False,
            labelcolor=ink.text,
            fontsize=9,
            borderaxespad=0.2,
            borderpad=0,
            columnspacing=1.4,
            handletextpad=0.5,
        )


def _colours(plot: Plot) -> list[str]:
    closes, opens = plot.candles["close"].tolist(), plot.candles["open"].tolist()
    return [_UP if end >= start else _DOWN for start, end in zip(opens, closes, strict=True)]
