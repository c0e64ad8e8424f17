"""What an account owns and pays as Gate's REST rows. Pure."""

from adapters.simulated.core.fees import FeeMode
from adapters.simulated.core.ledger import Account, Balance, BookEntry
from adapters.simulated.core.units import text_of
from adapters.simulated.server.rows import Row
from state.values import NS_PER_MS, Currency


def balance_row(currency: Currency, balance: Balance) -> Row:
    """Return a row of GET /spot/accounts."""
    return {
        "currency": currency,
        "available": text_of(balance.available),
        "locked": text_of(balance.locked),
        "update_id": balance.update_id,
    }


_DEBITED = {FeeMode.GT: 1, FeeMode.POINTS: 2, FeeMode.RECEIVED: 3}


def fee_row(account: Account) -> Row:
    """Return the fees of an account, as all the fee endpoints tell them."""
    taker, maker = text_of(account.taker_fee_ppm, 6), text_of(account.maker_fee_ppm, 6)
    in_gt = account.fee_mode is FeeMode.GT
    return {
        "user_id": account.user_id,
        "taker_fee": taker,
        "maker_fee": maker,
        "rpi_maker_fee": maker,
        "gt_discount": in_gt,
        "gt_taker_fee": text_of(account.gt_taker_fee_ppm, 6) if in_gt else "0",
        "gt_maker_fee": text_of(account.gt_maker_fee_ppm, 6) if in_gt else "0",
        "loan_fee": "0.18",
        "point_type": "1",
        "debit_fee": _DEBITED[account.fee_mode],
        "rpi_mm": 0,
    }


def wallet_fee_row(account: Account) -> Row:
    """Return GET /wallet/fee, which also tells of what is not traded here."""
    return {
        **fee_row(account),
        "futures_taker_fee": "0.0005",
        "futures_maker_fee": "0.0002",
        "futures_rpi_maker_fee": "0.0002",
        "delivery_taker_fee": "0.0005",
        "delivery_maker_fee": "0.0002",
    }


def book_entry_row(entry: BookEntry) -> Row:
    """Return a row of GET /spot/account_book: its time is in milliseconds."""
    return {
        "id": str(entry.id),
        "time": entry.time_ns // NS_PER_MS,
        "currency": entry.currency,
        "change": text_of(entry.change),
        "balance": text_of(entry.balance),
        "type": entry.type,
        "code": entry.code,
        "text": entry.text,
    }
