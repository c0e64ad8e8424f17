"""The part of `python -m supervisor data` that is about the market's history on disk."""

import contextlib
import json
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from adapters.clock import SystemClock
from state.config import endpoints
from state.errors import HistoryRefused, VenueError
from state.values import NS_PER_S
from supervisor.commands import spans
from supervisor.commands.options import BAD_USAGE, fail, loaded, settings
from supervisor.data_directory import data_directory

if TYPE_CHECKING:
    from rich.progress import Progress

    from adapters.history.fetching import Page
    from adapters.history.store import HistoryStore
    from state.config import Loaded
    from state.messages.venue import FetchCandles, Outcome

FAILED = 1
HISTORY = "history"
_BARS_BY_DEFAULT = 1_000
_PAUSE_S = 600
_GAPS_SHOWN = 20
_PATIENCE_S = 10.0

_JSON = click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
_FROM = click.option("--from", "since", default=None, help="2026-04-01, 7d (ago), Unix seconds.")
_TO = click.option("--to", "until", default="now", show_default=True, help="As --from; exclusive.")
_KINDS = click.option("--kinds", default=None, help="Such as trades,candles-1m; all by default.")


@contextlib.contextmanager
def opened(configuration: "Loaded") -> Iterator["HistoryStore"]:
    """Give the history of the configured venue; its faults end the process with code 1."""
    # Imported late: a bad setting is told at once.
    from adapters.history.store import HistoryStore  # noqa: PLC0415

    store = HistoryStore(data_directory(configuration) / HISTORY)
    try:
        with contextlib.closing(store):
            yield store
    except HistoryRefused as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"the disk: {error}", FAILED)


@contextlib.contextmanager
def well_said() -> Iterator[None]:
    """What somebody wrote amiss ends the process with code 2."""
    try:
        yield
    except HistoryRefused as error:
        fail(str(error), BAD_USAGE)


@click.command()
@click.option("--timeframes", default="1m", show_default=True, help="Such as 1m,1h.")
@_FROM
@_TO
@settings
@_JSON
def fetch(
    *,
    timeframes: str,
    since: str | None,
    until: str,
    config_file: Path | None,
    extra: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Fetch closed candles of --pairs from the exchange into the history.

    Only what is not there yet is asked for, so a fetch that was cut short, even by a kill, goes on
    where it was. Without --from the newest 1,000 candles of each timeframe.
    """
    configuration = loaded(config_file, extra, given)
    now_ns = SystemClock().now_ns()
    with well_said():
        wanted = spans.timeframes_of(timeframes)
        until_ns = min(spans.time_of(until, now_ns), now_ns)
        since_ns = None if since is None else spans.time_of(since, now_ns)
        if not wanted:
            raise HistoryRefused("--timeframes names none")
        if since_ns is not None and since_ns >= until_ns:
            raise HistoryRefused("--from is not before --to")
    where = endpoints(configuration.config)
    if where is None:
        fail(
            "the simulated venue has an exchange only while the house runs; name one with "
            "--exchange-url http://HOST:PORT, or choose --venue testnet or live"
        )
    from adapters.history.fetching import fetch as fetched_pages  # noqa: PLC0415
    from adapters.history.fetching import pages as pages_of  # noqa: PLC0415
    from adapters.history.kinds import candles  # noqa: PLC0415
    from supervisor.worlds.glance import glance  # noqa: PLC0415

    with opened(configuration) as store:
        pages: list[Page] = []
        for pair in configuration.config.pairs:
            for timeframe in wanted:
                kind = candles(timeframe)
                begin_ns = until_ns - _BARS_BY_DEFAULT * kind.step_ns
                # The candle that is open at the end is not asked for.
                end_ns = until_ns // kind.step_ns * kind.step_ns
                first_ns = begin_ns if since_ns is None else since_ns
                pages += pages_of(store, pair, kind, first_ns, end_ns)
        look = glance(where, None, patience_s=_PATIENCE_S)

        def ask(request: "FetchCandles") -> "Outcome":
            answers: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
            look.exchange.request(request, lambda answer: answers.put(answer.outcome))
            return answers.get()

        told = _Told()
        try:
            with _progress(as_json=as_json) as progress:
                task = progress.add_task("candles", total=sum(page.missing for page in pages))
                for done in fetched_pages(store, pages, ask, time.sleep):
                    told.new += done.added.new
                    told.changed += done.added.changed
                    told.not_given += done.not_given
                    told.too_old += done.page.missing if done.too_old else 0
                    told.requests += 1
                    kind_name = done.page.kind.name
                    progress.update(
                        task,
                        advance=done.page.missing,
                        description=f"{done.page.pair} {kind_name}",
                    )
        except VenueError as error:
            fail(
                f"{error}; {told.new} new candles are kept, the same command goes on from there",
                FAILED,
            )
        finally:
            look.close()
        told.wanted = sum(page.missing for page in pages)
    _tell_fetched(told, since, as_json=as_json)


class _Told(msgspec.Struct):
    """What came of a fetch."""

    wanted: int = 0
    """Candles that were not there."""
    requests: int = 0
    new: int = 0
    changed: int = 0
    too_old: int = 0
    """Candles of so long ago that the exchange does not keep them."""
    not_given: int = 0
    """Candles that the exchange was asked for and left out."""


def _tell_fetched(told: _Told, since: str | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(msgspec.structs.asdict(told)))
        return
    click.echo(f"{told.new} new candles by {told.requests} requests; {told.changed} changed")
    if told.too_old:
        click.echo(
            f"{told.too_old} candles are too long ago: the exchange keeps the newest 10,000 of a "
            "timeframe; a larger one reaches farther back"
        )
    if told.not_given:
        command = "data gaps" if since is None else f"data gaps --from {since}"
        click.echo(f"{told.not_given} candles the exchange did not give; `{command}` shows where")


def _progress(*, as_json: bool) -> "Progress":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=as_json or not console.is_terminal,
    )


@click.command("list")
@_KINDS
@settings
@_JSON
def list_(
    *,
    kinds: str | None,
    config_file: Path | None,
    extra: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Show what history there is, by pair and kind; of --pairs alone where some are given."""
    configuration = loaded(config_file, extra, given)
    with well_said():
        chosen = [kind.name for kind in spans.kinds_of(kinds)]
        pairs = spans.pairs_of(given["setting_pairs"])
    with opened(configuration) as store:
        holdings = store.holdings(pairs, chosen)
        where = store.folder
    if as_json:
        click.echo(json.dumps({"folder": str(where), "history": msgspec.to_builtins(holdings)}))
        return
    if not holdings:
        click.echo(f"{where}: no history yet; `data fetch` and `data import` bring some")
        return
    for one in holdings:
        span = f"{spans.shown(one.first_ns)} to {spans.shown(one.last_ns)}"
        size = f"{one.size_bytes / 1e6:.2f} MB in {one.parts} files"
        click.echo(f"{one.pair:<12} {one.kind:<12} {one.rows:>10,} rows  {span}  {size}")


@click.command()
@_KINDS
@_FROM
@_TO
@click.option(
    "--pause",
    type=click.IntRange(1, 10_000_000),
    default=_PAUSE_S,
    show_default=True,
    help="Of trades and books: a longer time without a row is told, seconds.",
)
@settings
@_JSON
def gaps(
    *,
    kinds: str | None,
    since: str | None,
    until: str,
    pause: int,
    config_file: Path | None,
    extra: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Show where history is missing: every candle, and every pause of trades and books.

    From the first row to the last; with --from also what is missing before and after them.
    """
    configuration = loaded(config_file, extra, given)
    now_ns = SystemClock().now_ns()
    with well_said():
        chosen = [kind.name for kind in spans.kinds_of(kinds)]
        pairs = spans.pairs_of(given["setting_pairs"])
        since_ns = None if since is None else spans.time_of(since, now_ns)
        until_ns = spans.time_of(until, now_ns)
    from adapters.history.kinds import kind_named  # noqa: PLC0415

    report = []
    with opened(configuration) as store:
        for one in store.holdings(pairs, chosen):
            kind = kind_named(one.kind)
            found = store.gaps(
                one.pair,
                kind,
                since_ns=since_ns,
                until_ns=None if since_ns is None else until_ns,
                pause_ns=pause * NS_PER_S,
            )
            report.append((one, found))
    if as_json:
        facts = [
            {
                "pair": one.pair,
                "kind": one.kind,
                "rows": one.rows,
                "missing": sum(gap.rows for gap in found),
                "gaps": msgspec.to_builtins(found),
            }
            for one, found in report
        ]
        click.echo(json.dumps(facts))
        return
    if not report:
        click.echo("no history; `data fetch` and `data import` bring some")
    for one, found in report:
        missing = sum(gap.rows for gap in found)
        what = f"{missing} missing in {len(found)} gaps" if missing else f"{len(found)} pauses"
        click.echo(f"{one.pair:<12} {one.kind:<12} {'whole' if not found else what}")
        for gap in found[:_GAPS_SHOWN]:
            rows = f"  {gap.rows} rows" if gap.rows else ""
            click.echo(f"  {spans.shown(gap.since_ns)} to {spans.shown(gap.until_ns)}{rows}")
        if len(found) > _GAPS_SHOWN:
            click.echo(f"  and {len(found) - _GAPS_SHOWN} more; --json shows all")


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--timeframe", default=None, help="Of candles; found out where not given.")
@click.option(
    "--layout",
    default="auto",
    show_default=True,
    help="auto, neutral, header, ccxt, binance, gate-candles or gate-trades.",
)
@click.option("--sort", "may_sort", is_flag=True, help="Sort the rows and drop equal ones.")
@settings
@_JSON
def import_(
    *,
    files: tuple[Path, ...],
    timeframe: str | None,
    layout: str,
    may_sort: bool,
    config_file: Path | None,
    extra: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Put candles, trades and tapes from FILES into the history.

    Parquet of the neutral layouts, CSV (also .gz) and JSON rows; --pairs names the pair where the
    file does not, or takes that one alone. A file is judged whole before anything is written.
    """
    configuration = loaded(config_file, extra, given)
    from adapters.history.importing import Imported, import_file  # noqa: PLC0415
    from adapters.history.layouts import Layout  # noqa: PLC0415

    with well_said():
        pairs = spans.pairs_of(given["setting_pairs"])
        if len(pairs) > 1:
            raise HistoryRefused("--pairs: name the one pair whose rows are meant")
        length = None if timeframe is None else spans.timeframe_named(timeframe)
        if layout not in tuple(Layout):
            raise HistoryRefused(f"no layout: {layout}; there are {spans.listed(Layout)}")
    done: list[Imported] = []
    with opened(configuration) as store:
        for path in files:
            done += import_file(
                store,
                path,
                now_ns=SystemClock().now_ns(),
                pair=pairs[0] if pairs else None,
                timeframe=length,
                layout=Layout(layout),
                may_sort=may_sort,
            )
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(done)))
        return
    for one in done:
        added = one.added
        click.echo(
            f"{one.file}: {one.pair} {one.kind}: {added.new} new, {added.changed} changed, "
            f"{added.known} known rows ({one.layout})"
        )


@click.command()
@click.argument("pair")
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_FROM
@_TO
@settings
@_JSON
def export(
    *,
    pair: str,
    kind: str,
    file: Path,
    since: str | None,
    until: str,
    config_file: Path | None,
    extra: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Write the history of PAIR and KIND (`trades`, `candles-1m`) to FILE, .parquet or .csv."""
    configuration = loaded(config_file, extra, given)
    now_ns = SystemClock().now_ns()
    with well_said():
        [whose] = spans.pairs_of(pair) or (None,)
        [what] = spans.kinds_of(kind) or (None,)
        if whose is None or what is None:
            raise HistoryRefused("name one pair and one kind")
        since_ns = 0 if since is None else spans.time_of(since, now_ns)
        until_ns = spans.time_of(until, now_ns)
    from adapters.history.importing import export_file  # noqa: PLC0415

    with opened(configuration) as store:
        rows = export_file(store, whose, what, file, since_ns=since_ns, until_ns=until_ns)
    told = {"file": str(file), "pair": pair, "kind": what.name, "rows": rows}
    click.echo(json.dumps(told) if as_json else f"{file}: {rows} rows of {pair} {what.name}")


COMMANDS = (fetch, list_, gaps, import_, export)
