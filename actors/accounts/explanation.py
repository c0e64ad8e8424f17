"""Why the exchange shows other balances than the ledger: what it says itself, added up. Pure.

The exchange's account book and its list of our account's fills tell what moved its balances. What
of it the journal does not have is put together until it comes to the differences exactly, in every
currency; then each cause is booked once, under a key made of the exchange's own id. Anything else
is unknown: it is nobody's place to guess about money.
"""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from actors.execution.client_ids import is_ours
from state.exact import difference, exactly
from state.ledger import balance_changes
from state.messages.accounts import (
    BalanceDifference,
    DifferenceKind,
    FundsKind,
    FundsMoved,
)
from state.messages.orders import OrderFilled
from state.messages.venue import AccountEntry, TradeReport
from state.values import ZERO, Currency, Pair, TimeNs, VenueOrderId, base_of

DUST = Decimal("1e-8")
"""Units of a currency: what is beyond the decimals that an exchange shows is rounded away there."""

_OF_TRADES = frozenset({"new_order", "order_fill", "order_fee"})
"""Words of the account book for what the list of fills tells better."""
_MOVEMENTS = frozenset(
    {"deposit", "withdraw", "sub_account_transfer", "dnw", "point_dnw", "lend", "redeem"}
)
_MOVEMENT_ENDS = ("_in", "_out", "_transfer")
_FEES = frozenset(
    {"fee", "point_fee", "interest", "fund", "referral_fee", "refr", "point_refr", "profit"}
)
"""Fees for something else than a fill, and what is given back of them."""
_BY_HAND = frozenset({"flash_swap_buy", "flash_swap_sell"})
"""Exchanged by somebody without an order."""


class Cause(Struct, frozen=True, kw_only=True):
    """One thing that moved balances, as the exchange tells it."""

    name: str
    """Unique and the same whenever it is told: what it is, and the exchange's id of it."""
    kind: DifferenceKind
    changes: Mapping[Currency, Decimal]
    text: str
    at_ns: TimeNs
    trade: TradeReport | None = None
    """The fill that it is."""

    @property
    def key(self) -> str:
        """The journal's key of the first thing that is written of it: known, if it was booked."""
        if self.kind is DifferenceKind.MISSED_FILL:
            return self.name
        return f"{self.name}:{min(self.changes)}"

    def bookings(self) -> list[tuple[str, FundsMoved]]:
        """Return what to journal of it, each with its key; all of it or nothing."""
        kind = FundsKind(self.kind.value)
        return [
            (
                f"{self.name}:{currency}",
                FundsMoved(
                    currency=currency,
                    change=self.changes[currency],
                    reason=f"{kind}: {self.text}",
                    at_ns=self.at_ns,
                ),
            )
            for currency in sorted(self.changes)
        ]


def pairs_to_ask(
    pairs: Iterable[Pair],
    differences: Iterable[BalanceDifference],
    quote: Currency,
    *,
    everywhere: bool,
) -> list[Pair]:
    """Return whose fills may explain `differences`: of the coins that differ, in our pairs or not.

    Args:
        pairs: Ours.
        differences: To be explained.
        quote: What other coins are traded for.
        everywhere: All of ours too: what was bought and sold again left no coin that differs.
    """
    coins = {one.currency for one in differences if one.currency != quote}
    ours = [pair for pair in pairs if everywhere or base_of(pair) in coins]
    return sorted({*ours, *(Pair(f"{coin}_{quote}") for coin in coins)} or set(pairs))


def causes_of(
    entries: Iterable[AccountEntry],
    trades: Iterable[TradeReport],
    ours: Collection[VenueOrderId],
) -> list[Cause]:
    """Return what moved our balances, oldest first.

    Args:
        entries: The account book's lines.
        trades: The account's fills.
        ours: Orders that the journal knows as ours, whatever name they carry.
    """
    told = [_of_entry(entry) for entry in entries if entry.kind not in _OF_TRADES and entry.change]
    filled = [_of_trade(trade, ours) for trade in trades]
    causes = [cause for cause in (*told, *filled) if cause.changes]
    return sorted(causes, key=lambda cause: (cause.at_ns, cause.name))


def explained(
    differences: Iterable[BalanceDifference], causes: list[Cause], settled_ns: TimeNs
) -> tuple[Cause, ...] | None:
    """Return what `differences` come of, or None while nobody knows.

    Args:
        differences: Of one look at all balances.
        causes: What the journal does not have, oldest first.
        settled_ns: What is older may have been counted in when all agreed, or not.
    """
    wanted = {one.currency: difference(one.exchange, one.ledger) for one in differences}
    for number in range(len(causes) + 1):
        rest = _left(wanted, causes[number:])
        if all(cause.kind is not DifferenceKind.UNKNOWN for cause in causes[number:]) and all(
            abs(amount) < DUST for amount in rest.values()
        ):
            return (*causes[number:], *_dust(rest, differences, settled_ns))
        if number < len(causes) and causes[number].at_ns >= settled_ns:
            break
    return None


def kinds_of(
    differences: Iterable[BalanceDifference], causes: Iterable[Cause]
) -> tuple[BalanceDifference, ...]:
    """Return `differences`, each with the kind of what moved most of it."""
    most: dict[Currency, tuple[Decimal, DifferenceKind]] = {}
    for cause in causes:
        for currency, change in cause.changes.items():
            largest, _ = most.get(currency, (ZERO, DifferenceKind.UNKNOWN))
            if abs(change) > largest:
                most[currency] = (abs(change), cause.kind)
    return tuple(
        BalanceDifference(
            currency=one.currency,
            ledger=one.ledger,
            exchange=one.exchange,
            kind=most.get(one.currency, (ZERO, DifferenceKind.UNKNOWN))[1],
        )
        for one in differences
    )


def _left(wanted: Mapping[Currency, Decimal], causes: Iterable[Cause]) -> dict[Currency, Decimal]:
    rest = dict(wanted)
    with exactly():
        for cause in causes:
            for currency, change in cause.changes.items():
                rest[currency] = rest.get(currency, ZERO) - change
    return rest


def _dust(
    rest: Mapping[Currency, Decimal],
    differences: Iterable[BalanceDifference],
    at_ns: TimeNs,
) -> list[Cause]:
    shown = {one.currency: one for one in differences}
    return [
        Cause(
            name=f"dust:{currency}:{one.ledger}:{one.exchange}",
            kind=DifferenceKind.DUST,
            changes={currency: amount},
            text="rounded away by the exchange",
            at_ns=at_ns,
        )
        for currency, amount in sorted(rest.items())
        if amount and (one := shown.get(currency)) is not None
    ]


def _of_entry(entry: AccountEntry) -> Cause:
    return Cause(
        name=f"book:{entry.entry_id}",
        kind=_kind_of(entry),
        changes={entry.currency: entry.change},
        text=f"{entry.kind}, line {entry.entry_id} of the account book",
        at_ns=entry.event_time_ns,
    )


def _kind_of(entry: AccountEntry) -> DifferenceKind:
    word = entry.kind
    if word in _MOVEMENTS or word.endswith(_MOVEMENT_ENDS):
        return DifferenceKind.DEPOSIT if entry.change > 0 else DifferenceKind.WITHDRAWAL
    if word in _FEES:
        return DifferenceKind.FEE
    if word in _BY_HAND:
        return DifferenceKind.FOREIGN
    return DifferenceKind.DUST if "dust" in word else DifferenceKind.UNKNOWN


def _of_trade(trade: TradeReport, ours: Collection[VenueOrderId]) -> Cause:
    is_missed = is_ours(trade.client_order_id) or trade.venue_order_id in ours
    word = "fill" if is_missed else "foreign"
    return Cause(
        name=f"{word}:{trade.pair}:{trade.trade_id}",
        kind=DifferenceKind.MISSED_FILL if is_missed else DifferenceKind.FOREIGN,
        changes=balance_changes(_filled(trade)),
        text=f"trade {trade.trade_id} of {trade.pair}, order {trade.venue_order_id}",
        at_ns=trade.event_time_ns,
        trade=trade,
    )


def _filled(trade: TradeReport) -> OrderFilled:
    """Return the trade as a fill, to be counted and not to be journalled."""
    return OrderFilled(
        client_order_id=trade.client_order_id,
        pair=trade.pair,
        at_ns=trade.event_time_ns,
        trade_id=trade.trade_id,
        venue_order_id=trade.venue_order_id,
        side=trade.side,
        price=trade.price,
        quantity=trade.quantity,
        role=trade.role,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        gt_fee=trade.gt_fee,
        point_fee=trade.point_fee,
    )
