"""An order's way through the house, step by step: proposed, durable, on the wire.

The real tree in this process with its journal on this disk, over sockets to the exchange's
process. One at a time for the times, as many at once as the exchange takes for the rate. What the
actors do is seen by the kernel's probe; the wire is a process of its own, which says when the
bytes of an order passed.
"""

import os
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from actors import addresses
from adapters.gate.rate_limit import PLACE, RateWindow
from adapters.simulated.catalogue import CATALOGUE
from scripts.benchmarks.figures import Figure, percentile
from scripts.benchmarks.living_house import LivingHouse
from scripts.benchmarks.stop import CONFIG
from scripts.proofs.processes import ROOT, Exchange
from state.config import OrderSettings
from state.messages.journal import Entry, Record, Recorded
from state.messages.orders import ApprovedOrder, DecisionMade, OrderIntended
from state.messages.venue import PlaceOrder, VenueAnswer, VenueRequest
from state.values import Pair, TimeInForce

SINGLE = 600
"""Orders whose times are taken, one after the other."""
WARM_UP = 50
"""Orders before them, or as many as are taken where those are fewer."""
ROUNDS = 5
"""Bursts whose rate is taken, or one for each hundred orders taken where those are fewer."""
_BURST = RateWindow(PLACE).allowed - 1
"""Orders a pair in each: what may leave within a second, the house's own trades beside them."""
P50_MAX_MS = 1.0
PAUSE_S = 0.004
_SYNCS = 300

PAIRS = tuple(Pair(pair) for pair in CATALOGUE if pair.endswith("_USDT"))[:20]

STEPS = (
    ("guard", "proposed", "judged", "the risk guard rules"),
    ("decision", "judged", "approved", "the recorder writes the decision; then the guard lets go"),
    ("router", "approved", "recorded", "the router makes the intent of it"),
    ("journal", "recorded", "durable", "the recorder writes and syncs"),
    ("router again", "durable", "asked", "latch and expiry are checked once more"),
    ("client and wire", "asked", "wire", "signed, encoded, handed to the loop, over the wire"),
)
"""Of one order: name, from, to, what happens."""


class _Probe:
    """Notes when an order's messages are handled and sent. Costs a comparison each."""

    def __init__(self) -> None:
        self.marks: dict[str, int] = {}
        self._request = 0
        """Of the record that holds the newest intent."""

    def before(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.before`."""
        if address == addresses.ORDER_ROUTER:
            if type(message) is ApprovedOrder:
                self.marks.setdefault("approved", time.monotonic_ns())
            elif isinstance(message, Recorded) and message.request == self._request:
                self.marks.setdefault("durable", time.monotonic_ns())

    def sending(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.sending`."""
        match message:
            case Record(entries=(Entry(event=DecisionMade()), *_)) if (
                address == addresses.RISK_GUARD
            ):
                self.marks.setdefault("judged", time.monotonic_ns())
            case Record(entries=(Entry(event=OrderIntended()), *_)) if (
                address == addresses.ORDER_ROUTER
            ):
                self.marks.setdefault("recorded", time.monotonic_ns())
                self._request = message.request
            case _:
                pass

    def after(self, address: str, message: object) -> None:
        """See `actors.kernel.runtime.Probe.after`."""


def measure(single: int = SINGLE) -> list[Figure]:
    """Measure so many single orders, and bursts; about half a minute."""
    config = CONFIG.__class__(
        pairs=PAIRS,
        candles=CONFIG.candles,
        strategy=CONFIG.strategy,
        feed=CONFIG.feed,
        risk=CONFIG.risk,
        orders=OrderSettings(reconcile_every_s=600.0),
    )
    # On the disk that a house of this checkout has, not in a memory that calls itself one.
    disk = ROOT / "var"
    disk.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gatehouse-orders-", dir=disk) as folder:
        options, pairs = ["--no-rate-limits"], ",".join(PAIRS)
        with (
            Exchange(Path(folder), pairs=pairs, options=options, keeps=False) as venue,
            LivingHouse(Path(folder) / "simulated", venue.port, config, delay_ms=0.0) as house,
        ):
            house.until_ready()
            steps = _single(house, single)
            synced = _bare_syncs(Path(folder))
            rates = [_burst(house) for _ in range(min(ROUNDS, 1 + single // 100))]
    return [*_of_steps(steps), *_of_disk(synced), *_of_rates(rates)]


def _single(house: LivingHouse, count: int) -> list[dict[str, int]]:
    """Return when each step of each order was reached."""
    probe = _Probe()
    house.runtime.probe = probe

    def asked(request: VenueRequest, at_ns: int) -> None:
        if isinstance(request, PlaceOrder):
            probe.marks["asked"] = at_ns

    def answered(answer: VenueAnswer, at_ns: int) -> None:
        if isinstance(answer.request, PlaceOrder):
            probe.marks["answered"] = at_ns

    house.exchange.on_asked, house.exchange.on_answered = asked, answered
    taken = []
    warm_up = min(WARM_UP, count)
    for number in range(warm_up + count):
        marks = probe.marks = {}
        proposal = house.proposal(PAIRS[number % len(PAIRS)], TimeInForce.IOC, below="0.98")
        passed, finished = len(house.line.passed["place"]), house.events["OrderFinished"]
        marks["proposed"] = time.monotonic_ns()
        house.runtime.tell(addresses.RISK_GUARD, proposal)
        _until_over(house, marks, finished)
        until_s = time.monotonic() + 5
        while len(house.line.passed["place"]) <= passed:
            assert time.monotonic() < until_s, "it did not pass the line"
            time.sleep(0.0005)
        marks["wire"] = house.line.passed["place"][passed]
        if number >= warm_up:
            taken.append(marks)
        time.sleep(PAUSE_S)
    house.exchange.on_asked = house.exchange.on_answered = _nothing
    house.runtime.probe = None
    return taken


def _until_over(house: LivingHouse, marks: dict[str, int], finished: int) -> None:
    house.until(
        lambda: house.events["OrderFinished"] > finished and "answered" in marks,
        "its answer and its end",
    )


def _nothing(_what: object, _at_ns: int) -> None:
    pass


def _bare_syncs(folder: Path) -> list[float]:
    """Return how long it takes to write a page and have it on the platter, ms."""
    took = []
    file = os.open(folder / "bare", os.O_RDWR | os.O_CREAT)
    try:
        for number in range(_SYNCS):
            began_ns = time.monotonic_ns()
            os.pwrite(file, bytes(4096), 4096 * number)
            os.fdatasync(file)
            took.append((time.monotonic_ns() - began_ns) / 1e6)
    finally:
        os.close(file)
    return took


def _burst(house: LivingHouse) -> float:
    """Return how many orders a second went out and were answered, journalled to their end."""
    time.sleep(1.2)  # What is counted by the second is free again.
    finished, count = house.events["OrderFinished"], 0
    proposals = [
        house.proposal(pair, TimeInForce.IOC, below="0.98") for _ in range(_BURST) for pair in PAIRS
    ]
    began_s = time.monotonic()
    for proposal in proposals:
        house.runtime.tell(addresses.RISK_GUARD, proposal)
        count += 1
    house.until(lambda: house.events["OrderFinished"] >= finished + count, "all have ended")
    return count / (time.monotonic() - began_s)


def _of_steps(taken: list[dict[str, int]]) -> list[Figure]:
    spans: dict[str, list[float]] = defaultdict(list)
    for marks in taken:
        for name, begin, end, _ in STEPS:
            spans[name].append((marks[end] - marks[begin]) / 1e6)
        spans["durable"].append((marks["durable"] - marks["proposed"]) / 1e6)
        spans["wire"].append((marks["wire"] - marks["proposed"]) / 1e6)
        spans["answered"].append((marks["answered"] - marks["proposed"]) / 1e6)
    whole = sum(statistics.mean(spans[name]) for name, *_ in STEPS)
    figures = []
    for name, what in (
        ("durable", "proposed to durable"),
        ("wire", "proposed to on the wire"),
        ("answered", "proposed to answered"),
    ):
        for share, label in ((0.5, "p50"), (0.99, "p99")):
            value = percentile(spans[name], share)
            is_judged = (name, label) == ("wire", "p50")
            figures.append(
                Figure(
                    f"{what}, {label}",
                    value,
                    "ms",
                    target=f"<= {P50_MAX_MS:g} ms" if is_judged else "",
                    met=value <= P50_MAX_MS if is_judged else None,
                )
            )
    for name, _, _, what in STEPS:
        share = statistics.mean(spans[name]) / whole
        figures.append(
            Figure(f"  {name}, p50", percentile(spans[name], 0.5), "ms", target=f"{share:.0%}")
        )
        figures.append(Figure(f"  {name}, p99", percentile(spans[name], 0.99), "ms", note=what))
    return figures


def _of_disk(took: list[float]) -> list[Figure]:
    note = "a page written and synced, nothing else: what no journal on this disk can do without"
    return [
        Figure("the disk alone, p50", percentile(took, 0.5), "ms", note=note),
        Figure("the disk alone, p99", percentile(took, 0.99), "ms"),
    ]


def _of_rates(rates: list[float]) -> list[Figure]:
    note = (
        f"{len(rates)} bursts of {_BURST * len(PAIRS)} orders over {len(PAIRS)} pairs, from the "
        "first proposal until the journal has the end of the last; journal on, each intent synced"
    )
    return [
        Figure("orders sustained, median burst", statistics.median(rates), "/s", note=note),
        Figure("orders sustained, slowest burst", min(rates), "/s"),
    ]
