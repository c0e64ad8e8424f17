"""Paying for fills: base one way, quote the other, a fee of what is received. Pure.

The fee of a buy is taken from the base it receives, of a sell from the quote. The street pays no
fee and may owe.
"""

from typing import NamedTuple

from adapters.simulated.core.ledger import Ledger
from adapters.simulated.core.orders import Order, UserTrade
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.units import PairUnits
from state.values import Role, Side

_PPM = 1_000_000


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
    ledger: Ledger, rules: PairRules, units: PairUnits, order: Order, trade: Terms
) -> UserTrade:
    """Pay one account's side of a trade and return the fill it is told."""
    account = ledger.accounts[order.owner]
    base = units.base_atoms(trade.lots)
    quote = units.quote_atoms(trade.ticks, trade.lots)
    takes = trade.role is Role.TAKER or trade.hidden
    rate = account.taker_fee_ppm if takes else account.maker_fee_ppm
    if order.side is Side.BUY:
        paid, paid_in, gross, received_in = quote, rules.quote, base, rules.base
    else:
        paid, paid_in, gross, received_in = base, rules.base, quote, rules.quote
    fee = gross * rate // _PPM
    order.locked -= paid
    ledger.spend(account, paid_in, paid, trade.now_ns)
    ledger.credit(account, received_in, gross - fee, trade.now_ns)
    ledger.credit(ledger.fees, received_in, fee, trade.now_ns)
    order.filled_lots += trade.lots
    order.filled_quote += quote
    order.fee += fee
    order.updated_ns = trade.now_ns
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
        fee=fee,
        fee_currency=received_in,
        time_ns=trade.now_ns,
        sequence=trade.sequence,
        amend_text=order.amend_text,
    )


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
