"""The virtual world: the simulated exchange in process, a database in memory, time that waits."""

import sqlite3
from collections.abc import Iterable
from decimal import Decimal
from random import Random

from actors.kernel.virtual import VirtualClock
from adapters.halt_latch import Latch, permit_of
from adapters.simulated.building import build_venue
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.orders import Order
from adapters.simulated.core.switches import RepeatedText, Switches, TextLookup
from adapters.simulated.core.units import decimal_of
from adapters.simulated.faults import FaultName, FaultOrder, FaultPlan
from adapters.simulated.in_process import Client, InProcessVenue
from adapters.simulated.markets.history import Past
from adapters.simulated.network import Network
from adapters.simulated.options import ExchangeOptions
from state.store import Store, store_over
from state.values import NS_PER_MS, Currency, Pair, Side, Venue
from supervisor.worlds.world import World

VENUE_FAULTS = tuple(
    # Whoever opens the accounts on a list that lacks a currency is stopped once it turns up, and
    # only a person can say which of the two was right.
    name.value
    for name in FaultName
    if name is not FaultName.BALANCE_MISSING
)
"""What the exchange can be made to do wrong without anybody having to decide something."""

ACCOUNT = "demo"
_PAST = Past(minutes=120, hours=3)
"""Enough for whoever asks; six weeks would cost more than the rest of a run."""
VERSION = "simulation"


def venue_faults(names: Iterable[str], probability: float) -> list[FaultOrder]:
    """Return orders for these faults, each at any matching request or push."""
    return [FaultOrder(fault=FaultName(name), probability=probability) for name in names]


class StillMeter:
    """The `ProcessMeter` port where there is no process to speak of."""

    def cpu_percent(self) -> float:
        """Return 0."""
        return 0.0

    def rss_bytes(self) -> int:
        """Return 0."""
        return 0

    def threads(self) -> int:
        """Return 1."""
        return 1

    def fds(self) -> int:
        """Return 0."""
        return 0


class _Disk(sqlite3.Connection):
    """A database in memory that outlives whoever closes it, as a file would."""

    def close(self) -> None:
        """Lose what was not committed, and nothing else."""
        self.rollback()


class VirtualOutside:
    """What is outside of the process and outlives it: the exchange, the disk, time.

    Args:
        pairs: What the exchange lists.
        seed: Start of its market, its network's chance and its faults.
        clock: Time.
        network: How long messages take.
        faults: How the exchange misbehaves.
        by_obu: Whether books come whole over the stream.
        step_s: How often its markets move, seconds.
    """

    def __init__(
        self,
        pairs: tuple[Pair, ...],
        *,
        seed: int,
        clock: VirtualClock,
        network: Network | None = None,
        faults: Iterable[FaultOrder] = (),
        by_obu: bool = False,
        step_s: float = 0.1,
    ) -> None:
        self.clock = clock
        self._book = "ob.400" if by_obu else "100ms"
        self.disk = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, factory=_Disk
        )
        venue = build_venue(
            # It takes an order of a name it knows, and forgets a name when its order ends:
            # what must not happen twice is for us to see to.
            ExchangeOptions(
                pairs=pairs,
                seed=seed,
                switches=Switches(repeated_text=RepeatedText.ALLOWED, text_lookup=TextLookup.OPEN),
            ),
            clock.now_ns(),
            step_ns=int(step_s * 1000) * NS_PER_MS,
            past=_PAST,
        )
        self.faults = FaultPlan(faults, Random(f"faults:{seed}"))  # noqa: S311 (reproducible)
        self.host = InProcessVenue(
            venue,
            now_ns=clock.now_ns,
            schedule=clock.call_later,
            chance=Random(f"network:{seed}"),  # noqa: S311
            network=network,
            faults=self.faults,
        )
        self._client: Client | None = None
        self._lives = 0

    def new_world(self) -> World:
        """Return the world of a new process; what was on its way to the old one is dropped."""
        if self._client is not None:
            self._client.close()
        latch = Latch()
        self._client = self.host.connect(ACCOUNT, permit=permit_of(latch), book=self._book)
        self._lives += 1
        return World(
            exchange=self._client.exchange,
            market=self._client.market,
            account=self._client.account,
            latch=latch,
            meter=StillMeter(),
            open_store=self.open_store,
            desk=None,
            process=str(self._lives),
            account_name=ACCOUNT,
        )

    def open_store(self) -> Store:
        """Open the journal; whatever an earlier writer had not committed is gone."""
        return store_over(
            self.disk, venue=Venue.SIMULATED, version=VERSION, at_ns=self.clock.now_ns()
        )

    def orders_taken(self) -> int:
        """Return a number that grows with every order the exchange takes."""
        return self.host.venue.next_order_id

    def exposures(self) -> dict[Pair, Decimal]:
        """Return what we bought, did not sell again and still bid for, by pair, quote units."""
        venue, worth = self.host.venue, {}
        for pair, market in venue.pairs.items():
            units, ask = market.units, market.book.asks.best()
            lots = sum(
                trade.side.sign * trade.lots for trade in venue.index.trades_since(ACCOUNT, pair, 0)
            )
            atoms = units.quote_atoms(ask or 0, max(0, lots))
            for order in venue.index.open_orders(ACCOUNT):
                if order.pair == pair and order.side is Side.BUY:
                    atoms += units.quote_atoms(order.ticks, order.left)
            worth[pair] = decimal_of(atoms)
        return worth

    def balances(self) -> dict[Currency, Decimal]:
        """Return what the exchange holds for us, by currency, free and locked together."""
        account = self.host.venue.ledger.accounts[ACCOUNT]
        return {one: decimal_of(balance.total) for one, balance in account.balances.items()}

    def orders(self) -> list[Order]:
        """Return every order of ours that the exchange ever took."""
        index = self.host.venue.index
        return [*index.open_orders(ACCOUNT), *index.finished_since(ACCOUNT, 0)]

    def broken_invariants(self) -> list[str]:
        """Return what does not hold at the exchange itself."""
        return broken_invariants(self.host.venue)
