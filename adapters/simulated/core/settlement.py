"""Paying for fills: base one way, quote the other, a fee of what is received. Pure.

The fee of a buy is taken from the base it receives, of a sell from the quote, unless the account
pays in GT or points. The street pays no fee and may owe.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from adapters.simulated.core.fees import (
    GT,
    POINT,
    Fee,
    FeeMode,
    in_gt,
    in_points,
    of_received,
)
from adapters.simulated.core.ledger import Account, Entry, Ledger
from adapters.simulated.core.orders import Order, UserTrade
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.units import PairUnits
from state.values import Currency, Role, Side

_SOLD, _BOUGHT, _FEE = "101", "102", "151"
"""Gate's codes in an account book."""


class Worth(NamedTuple):
    """What a side of a trade receives, and the worth of the trade in quote; atoms."""

    gross: int
    received_in: Currency
    quote: int


class Terms(NamedTuple):
    """One side of a trade, before it is paid."""

    ticks: int
    lots: int
    role: Role
    user_trade_id: int
    market_id: int
    sequence: int
    now_ns: int
    hidden: bool
    """Whether an iceberg hid it when its order came: that pays as a taker."""


def settle(
    ledger: Ledger,
    market: PairMarket,
    order: Order,
    trade: Terms,
    gt_price: Callable[[Currency], int | None],
) -> UserTrade:
    """Pay one account's side of a trade and return the fill it is told."""
    account, rules = ledger.accounts[order.owner], market.rules
    base = market.units.base_atoms(trade.lots)
    quote = market.units.quote_atoms(trade.ticks, trade.lots)
    if order.side is Side.BUY:
        paid, paid_in, gross, received_in = quote, rules.quote, base, rules.base
    else:
        paid, paid_in, gross, received_in = base, rules.base, quote, rules.quote
    fee = _fee(account, rules, Worth(gross, received_in, quote), trade, gt_price)
    order.locked -= paid
    ledger.spend(account, paid_in, paid, trade.now_ns)
    _receive(ledger, order, received_in, gross, fee, trade)
    order.filled_lots += trade.lots
    order.filled_quote += quote
    order.updated_ns = trade.now_ns
    _note(ledger, order, ((paid_in, -paid), (received_in, gross)), fee, trade.now_ns)
    return UserTrade(
        id=trade.user_trade_id,
        market_id=trade.market_id,
        order_id=order.id,
        owner=order.owner,
        text=order.text,
        pair=order.pair,
        side=order.side,
        role=trade.role,
        ticks=trade.ticks,
        lots=trade.lots,
        quote=quote,
        fee=fee.atoms if fee.mode is FeeMode.RECEIVED else 0,
        fee_currency=received_in,
        gt_fee=fee.atoms if fee.mode is FeeMode.GT else 0,
        point_fee=fee.atoms if fee.mode is FeeMode.POINTS else 0,
        time_ns=trade.now_ns,
        sequence=trade.sequence,
        amend_text=order.amend_text,
    )


def _receive(
    ledger: Ledger, order: Order, received_in: Currency, gross: int, fee: Fee, trade: Terms
) -> None:
    account = ledger.accounts[order.owner]
    if fee.mode is FeeMode.RECEIVED:
        ledger.credit(account, received_in, gross - fee.atoms, trade.now_ns)
        ledger.credit(ledger.fees, received_in, fee.atoms, trade.now_ns)
        order.fee += fee.atoms
        return
    ledger.credit(account, received_in, gross, trade.now_ns)
    ledger.charge(account, fee.currency, fee.atoms, trade.now_ns)
    if fee.mode is FeeMode.POINTS:
        order.point_fee += fee.atoms
    elif trade.role is Role.TAKER:
        order.gt_taker_fee += fee.atoms
    else:
        order.gt_maker_fee += fee.atoms


def _fee(
    account: Account,
    rules: PairRules,
    worth: Worth,
    trade: Terms,
    gt_price: Callable[[Currency], int | None],
) -> Fee:
    takes = trade.role is Role.TAKER or trade.hidden
    rate = account.taker_fee_ppm if takes else account.maker_fee_ppm
    atoms, currency = None, GT
    match account.fee_mode:
        case FeeMode.GT:
            gt_rate = account.gt_taker_fee_ppm if takes else account.gt_maker_fee_ppm
            atoms = in_gt(worth.quote, gt_rate, gt_price(rules.quote))
        case FeeMode.POINTS:
            atoms, currency = in_points(worth.quote, rate, rules.quote), POINT
        case FeeMode.RECEIVED:
            pass
    if atoms is not None and account.balances[currency].available >= atoms:
        return Fee(currency, atoms, account.fee_mode)
    return Fee(worth.received_in, of_received(worth.gross, rate), FeeMode.RECEIVED)


def _note(
    ledger: Ledger,
    order: Order,
    changes: Iterable[tuple[Currency, int]],
    fee: Fee,
    now_ns: int,
) -> None:
    """Write a trade and its fee into the account book, each with what was left after it."""
    account = ledger.accounts[order.owner]
    code = _BOUGHT if order.side is Side.BUY else _SOLD
    for currency, change in changes:
        later = -fee.atoms if currency == fee.currency else 0
        ledger.note(account, Entry(currency, change, "order_fill", code, order.text), later, now_ns)
    if fee.atoms:
        entry = Entry(fee.currency, -fee.atoms, "order_fee", _FEE, order.text)
        ledger.note(account, entry, 0, now_ns)


def settle_street(
    ledger: Ledger,
    rules: PairRules,
    units: PairUnits,
    side: Side,
    ticks: int,
    lots: int,
    now_ns: int,
) -> None:
    """Pay the anonymous side of a trade, which bought or sold as `side` says."""
    base, quote = units.base_atoms(lots), units.quote_atoms(ticks, lots)
    ledger.credit(ledger.street, rules.base, side.sign * base, now_ns)
    ledger.credit(ledger.street, rules.quote, -side.sign * quote, now_ns)
