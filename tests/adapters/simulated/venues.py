"""Small venues for tests: one pair in round numbers, two accounts, a street that does as told."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from adapters.simulated.core.ledger import Account
from adapters.simulated.core.orders import Order, OrderRequest, SelfTradeAct
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.switches import Switches
from adapters.simulated.core.units import SCALE, scaled
from adapters.simulated.core.venue import Venue
from state.values import NS_PER_S, Currency, OrderType, Pair, Side, TimeInForce

NOON = 1_700_000_000 * NS_PER_S
PAIR = Pair("ABC_USDT")
RULES = PairRules(
    pair=PAIR,
    base=Currency("ABC"),
    quote=Currency("USDT"),
    price_decimals=2,
    amount_decimals=3,
    min_base=Decimal("0.001"),
    min_quote=Decimal(3),
)
GT_RULES = replace(RULES, pair=Pair("GT_USDT"), base=Currency("GT"))


def a_venue(
    *,
    rules: PairRules = RULES,
    switches: Switches | None = None,
    owners: Iterable[str] = ("alice", "bob"),
    others: Iterable[PairRules] = (),
) -> Venue:
    """Return a venue with accounts that own 10,000 USDT and 100 ABC each."""
    venue = Venue([rules, *others], NOON, switches)
    for name in owners:
        account = venue.ledger.open(name, f"{name}-key", f"{name}-secret")
        deposit(venue, account, "USDT", "10000")
        deposit(venue, account, "ABC", "100")
    return venue


def deposit(venue: Venue, account: Account, currency: str, amount: str) -> None:
    atoms = scaled(Decimal(amount), SCALE)
    assert atoms is not None
    venue.ledger.deposit(account, Currency(currency), atoms)


def the_market(venue: Venue) -> PairMarket:
    return venue.pairs[PAIR]


def street(venue: Venue, side: Side, price: str, amount: str, now_ns: int = NOON) -> None:
    """Let the street rest `amount` at `price`."""
    market = the_market(venue)
    ticks, lots = market.units.ticks(Decimal(price)), market.units.lots(Decimal(amount))
    assert ticks is not None
    assert lots is not None
    venue.street_quote(market, side, ticks, lots, now_ns)


def place(
    venue: Venue,
    who: str,
    side: Side,
    amount: str,
    price: str | None,
    *,
    tif: TimeInForce | None = None,
    text: str | None = None,
    iceberg: str | None = None,
    stp_act: SelfTradeAct | None = None,
    now_ns: int = NOON,
    expires_ms: int | None = None,
) -> Order:
    """Place an order; without a price at market."""
    request = OrderRequest(
        pair=PAIR,
        side=side,
        amount=Decimal(amount),
        price=None if price is None else Decimal(price),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        time_in_force=tif,
        text=text,
        iceberg=None if iceberg is None else Decimal(iceberg),
        stp_act=stp_act,
    )
    return venue.place(venue.ledger.accounts[who], request, now_ns, expires_ms)


def balance(venue: Venue, who: str, currency: str) -> tuple[str, str]:
    """Return what `who` has available and locked."""
    kept = venue.ledger.accounts[who].balances[Currency(currency)]
    return _text(kept.available), _text(kept.locked)


def _text(atoms: int) -> str:
    return f"{Decimal(atoms).scaleb(-SCALE).normalize():f}"
