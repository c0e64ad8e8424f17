"""The virtual world: the simulated exchange in process, a simulated disk, time that waits."""

from collections.abc import Iterable
from decimal import Decimal
from random import Random

from msgspec import Struct

from actors.kernel.virtual import EPOCH_NS, VirtualClock
from adapters.halt_latch import Latch, permit_of
from adapters.ports import ChatModel, HaltLatch
from adapters.simulated.advisor.in_process import InProcessChatModel
from adapters.simulated.advisor.service import StubService
from adapters.simulated.building import build_venue
from adapters.simulated.catalogue import listing
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.orders import Order, UserTrade
from adapters.simulated.core.price_orders import PriceOrder
from adapters.simulated.core.switches import RepeatedText, Switches, TextLookup
from adapters.simulated.core.units import decimal_of
from adapters.simulated.core.venue import Venue as SimulatedVenue
from adapters.simulated.faults import FaultName, FaultOrder, FaultPlan
from adapters.simulated.in_process import Client, InProcessVenue
from adapters.simulated.markets.history import Past
from adapters.simulated.markets.small import SmallMarket
from adapters.simulated.network import Network
from adapters.simulated.options import (
    DEMO_KEY,
    DEMO_SECRET,
    ExchangeOptions,
    demo_account,
    open_accounts,
)
from state.store import Store, store_over
from state.values import NS_PER_MS, ZERO, Currency, Pair, Side, TimeNs, Venue, base_of
from supervisor.worlds.disk import Disk, MemoryDisk
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
STRANGER = "t-stranger-"
"""How the orders of somebody else at our account are called."""
_PAST = Past(minutes=120, hours=3, seconds=0)
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


class Scene(Struct, frozen=True, kw_only=True):
    """What a house finds around it."""

    pairs: tuple[Pair, ...]
    """What the exchange lists."""
    seed: int
    """Start of its market, its network's chance and its faults."""
    network: Network = Network()
    """How long messages take."""
    by_obu: bool = False
    """Whether books come whole over the stream."""
    step_s: float = 0.1
    """How often its markets move, seconds."""
    small: bool = False
    """Whether its markets are a few levels that move fast, or like real ones."""
    past: Past = _PAST
    """How much history its real markets open with."""
    advised: tuple[str, ...] = ()
    """What a stub of the language model does, by turns; empty: nobody advises, for nothing."""


class VirtualOutside:
    """What is outside of the process and outlives it: the exchange, the disk, time.

    The exchange has a clock of its own: steps of ours do not move it.

    Args:
        scene: What is there.
        clock: Time.
        disk: Where the journal lies; in memory and faultless when None.
        faults: How the exchange misbehaves.
    """

    def __init__(
        self,
        scene: Scene,
        clock: VirtualClock,
        *,
        disk: Disk | None = None,
        faults: Iterable[FaultOrder] = (),
    ) -> None:
        self.clock = clock
        self._book = "ob.400" if scene.by_obu else "100ms"
        self.disk: Disk = MemoryDisk() if disk is None else disk
        self.faults = FaultPlan(faults, Random(f"faults:{scene.seed}"))  # noqa: S311 (reproducible)
        self.host = InProcessVenue(
            (_small_venue if scene.small else _venue)(scene, self.venue_now_ns()),
            now_ns=self.venue_now_ns,
            schedule=clock.call_later,
            chance=Random(f"network:{scene.seed}"),  # noqa: S311
            network=scene.network,
            faults=self.faults,
        )
        self._chat: ChatModel | None = None
        if scene.advised:
            stub = StubService(seed=scene.seed, script=scene.advised, now_ns=self.venue_now_ns)
            self._chat = InProcessChatModel(stub, clock.call_later)
        self.store: Store | None = None
        """The newest opening of the journal."""
        self.added_by_hand: dict[str, Decimal] = {}
        """Orders of ours that somebody else amended, by name, and what they were worth more for it.

        In quote units, all amendments of one together.
        """
        self.made_by_hand: set[tuple[str, Decimal, Decimal]] = set()
        """What somebody else made of them: name, quantity and price."""
        self._client: Client | None = None
        self._lives = 0

    def venue_now_ns(self) -> TimeNs:
        """Return the exchange's time."""
        return TimeNs(EPOCH_NS + self.clock.elapsed_ns)

    def new_world(self, latch: HaltLatch | None = None) -> World:
        """Return the world of a new process; what was on its way to the old one is dropped.

        Args:
            latch: Read before each placement; a new one when None.
        """
        if self._client is not None:
            self._client.close()
        latch = latch or Latch()
        self._client = self.host.connect(
            ACCOUNT,
            client_now_ns=self.clock.now_ns,
            permit=permit_of(latch),
            book=self._book,
        )
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
            chat=self._chat,
        )

    def open_store(self) -> Store:
        """Open the journal; whatever an earlier writer had not committed is gone."""
        self.store = store_over(
            self.disk.open(), venue=Venue.SIMULATED, version=VERSION, at_ns=self.clock.now_ns()
        )
        return self.store

    def orders_taken(self) -> int:
        """Return a number that grows with every order the exchange takes."""
        return self.host.venue.next_order_id

    def exposures(self) -> dict[Pair, Decimal]:
        """Return what we bought, did not sell again and still bid for, by pair, quote units.

        What the exchange took of it as its fee is not held.
        """
        venue, worth = self.host.venue, {}
        for pair, market in venue.pairs.items():
            units, ask = market.units, market.book.asks.best()
            held = ZERO
            for trade in self.trades():
                if trade.pair == pair:
                    held += trade.side.sign * decimal_of(trade.lots, units.amount_decimals)
                    held -= decimal_of(trade.fee) if trade.fee_currency == base_of(pair) else ZERO
            price = decimal_of(ask or 0, venue.pair(pair).rules.price_decimals)
            atoms = 0
            for order in venue.index.open_orders(ACCOUNT):
                if order.pair == pair and order.side is Side.BUY and _is_ours(order):
                    atoms += units.quote_atoms(order.ticks, order.left)
            worth[pair] = max(ZERO, held) * price + decimal_of(atoms)
        return worth

    def balances(self) -> dict[Currency, Decimal]:
        """Return what the exchange holds for us, by currency, free and locked together."""
        account = self.host.venue.ledger.accounts[ACCOUNT]
        return {one: decimal_of(balance.total) for one, balance in account.balances.items()}

    def orders(self) -> list[Order]:
        """Return every order of ours that the exchange ever took from us."""
        return [order for order in self._all_orders() if order.text != FIRED]

    def fired_orders(self) -> list[Order]:
        """Return every order that a trigger order of ours became: it has no name of ours."""
        return [order for order in self._all_orders() if order.text == FIRED]

    def triggers(self) -> list[PriceOrder]:
        """Return every trigger order of ours that waits."""
        return self.host.venue.triggers.of(ACCOUNT)

    def _all_orders(self) -> list[Order]:
        index = self.host.venue.index
        known = [*index.open_orders(ACCOUNT), *index.finished_since(ACCOUNT, 0)]
        return [order for order in known if _is_ours(order)]

    def trades(self) -> list[UserTrade]:
        """Return every fill of ours."""
        trades = self.host.venue.index.trades_since(ACCOUNT, None, 0)
        return [trade for trade in trades if _is_ours(trade)]

    def causes_of_stranger(self) -> list[str]:
        """Return what names the fills of somebody else at our account."""
        trades = self.host.venue.index.trades_since(ACCOUNT, None, 0)
        return [f"trade {one.id} of {one.pair}," for one in trades if not _is_ours(one)]

    def lines_of_account_book(self) -> list[str]:
        """Return what names the lines of what came from outside, or went there."""
        entries = self.host.venue.ledger.entries_since(ACCOUNT, 0)
        moved = [one for one in entries if one.type in ("deposit", "withdraw")]
        return [f"{one.type}, line {one.id} of" for one in moved]

    def broken_invariants(self) -> list[str]:
        """Return what does not hold at the exchange itself."""
        return broken_invariants(self.host.venue)


FIRED = "apiv4"
"""What the exchange writes into an order that a trigger order became."""


def _is_ours(one: Order | UserTrade) -> bool:
    return not one.text.startswith(STRANGER)


def _switches(seed: int) -> Switches:
    """Return how the exchange answers what no source settles.

    It takes an order of a name it knows, and forgets a name when its order ends: what must not
    happen twice is for us to see to. What a price order does to funds, and the countdown to price
    orders, each seed has otherwise.
    """
    return Switches(
        repeated_text=RepeatedText.ALLOWED,
        text_lookup=TextLookup.OPEN,
        price_orders_lock_funds=seed % 2 == 1,
        countdown_cancels_price_orders=seed % 4 >= 2,
    )


def _venue(scene: Scene, now_ns: int) -> SimulatedVenue:
    options = ExchangeOptions(pairs=scene.pairs, seed=scene.seed, switches=_switches(scene.seed))
    return build_venue(options, now_ns, step_ns=_step_ns(scene), past=scene.past)


def _small_venue(scene: Scene, now_ns: int) -> SimulatedVenue:
    listed = [listing(pair) for pair in scene.pairs]
    venue = SimulatedVenue([rules for rules, _ in listed], now_ns, _switches(scene.seed))
    open_accounts(venue, (demo_account(scene.pairs, DEMO_KEY, DEMO_SECRET),))
    traits = [traits for _, traits in listed]
    market = SmallMarket(venue, traits, seed=scene.seed, now_ns=now_ns, step_ns=_step_ns(scene))
    venue.markets.append(market)
    return venue


def _step_ns(scene: Scene) -> int:
    return int(scene.step_s * 1000) * NS_PER_MS
