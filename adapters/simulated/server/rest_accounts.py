"""What an account owns and pays, over REST (gate-protocol.md section 5.1). Pure."""

from itertools import islice

from adapters.simulated.core.ledger import BookEntry
from adapters.simulated.core.refusals import invalid_parameter, refusal
from adapters.simulated.core.units import text_of
from adapters.simulated.core.valuation import worth_of_one
from adapters.simulated.rate_limits import LimitClass
from adapters.simulated.server.account_rows import (
    balance_row,
    book_entry_row,
    fee_row,
    wallet_fee_row,
)
from adapters.simulated.server.calls import Call, one_page, signed_route
from adapters.simulated.server.rows import Row
from state.values import NS_PER_S, Currency

_MOST_ROWS = 1000
_MOST_SCANNED = 100_000
_MOST_PAIRS = 50
_WALLETS = (
    "margin",
    "cross_margin",
    "futures",
    "delivery",
    "options",
    "quant",
    "finance",
    "payment",
)
"""Ledgers of the venue that hold nothing here."""


def accounts(call: Call) -> list[Row]:
    """GET /spot/accounts."""
    wanted = call.query.get("currency")
    listed = call.venue.switches.zero_balances_listed
    return [
        balance_row(currency, balance)
        for currency, balance in call.account.balances.items()
        if (wanted and currency == wanted) or (not wanted and (balance.total or listed))
    ]


def account_book(call: Call) -> list[Row]:
    """GET /spot/account_book: what trades and fees changed, newest first."""
    limit = call.number("limit", 100, least=1, most=_MOST_ROWS)
    page = call.number("page", 1, least=1)
    since_ns, until_ns = call.span()
    newest_first = islice(reversed(call.venue.ledger.entries), _MOST_SCANNED)
    chosen = [
        entry
        for entry in newest_first
        if since_ns <= entry.time_ns <= until_ns and _asked_for(call, entry)
    ]
    return [book_entry_row(entry) for entry in one_page(chosen, page, limit)]


def _asked_for(call: Call, entry: BookEntry) -> bool:
    # Of the two names of a change the new one is looked at first.
    word = ("code", entry.code) if call.query.get("code") else ("type", entry.type)
    named = (("currency", entry.currency), word)
    return entry.owner == call.account.name and all(
        call.query.get(name) in (None, "", value) for name, value in named
    )


def main_keys(call: Call) -> Row:
    """GET /account/main_keys: what the key that asks may do."""
    rights = call.account.rights
    areas = [(area, False) for area in rights.acts_in] + [(area, True) for area in rights.looks_at]
    return {
        "state": 1,
        "mode": 2 if call.account.unified else 1,
        "name": [call.account.name],
        "currency_pairs": [],
        "user_id": call.account.user_id,
        "ip_whitelist": [call.client],
        "perms": [{"name": area, "read_only": read_only} for area, read_only in sorted(areas)],
        "key": {"mode": 2 if call.account.unified else 1},
        "created_at": "",
        "updated_at": "",
        "last_access": "",
    }


def account_detail(call: Call) -> Row:
    """GET /account/detail."""
    return {
        "user_id": call.account.user_id,
        "ip_whitelist": [],
        "currency_pairs": [],
        "tier": 0,
        "key": {"mode": 2 if call.account.unified else 1},
        "copy_trading_role": 0,
    }


def wallet_fee(call: Call) -> Row:
    """GET /wallet/fee."""
    if call.query.get("currency_pair"):
        call.venue.pair(call.query["currency_pair"])
    return wallet_fee_row(call.account)


def spot_fee(call: Call) -> Row:
    """GET /spot/fee: deprecated, still served."""
    name = call.query.get("currency_pair") or ""
    if name:
        call.venue.pair(name)
    return {**fee_row(call.account), "currency_pair": name}


def batch_fee(call: Call) -> Row:
    """GET /spot/batch_fee."""
    names = call.required("currency_pairs").split(",")
    if len(names) > _MOST_PAIRS:
        text = f"at most {_MOST_PAIRS} pairs can be asked for"
        raise refusal("TOO_MANY_CURRENCY_PAIRS", text)
    return {
        name: {**fee_row(call.account), "currency_pair": call.venue.pair(name).rules.pair}
        for name in names
    }


def total_balance(call: Call) -> Row:
    """GET /wallet/total_balance: estimated by last prices; what has none counts nothing."""
    told_in = Currency(call.query.get("currency") or "USDT")
    if worth_of_one(call.venue, told_in, Currency("USDT")) is None:
        raise invalid_parameter("currency", told_in)
    total = 0
    for currency, balance in call.account.balances.items():
        worth = worth_of_one(call.venue, currency, told_in)
        total += int(balance.total * worth) if worth is not None else 0
    nothing = {"amount": "0", "currency": told_in}
    spot = {"amount": text_of(total), "currency": told_in}
    return {
        "total": {**spot, "unrealised_pnl": "0", "borrowed": "0"},
        "details": {"spot": spot} | dict.fromkeys(_WALLETS, nothing),
    }


def unified_accounts(call: Call) -> Row:
    """GET /unified/accounts: the spot balances, of an account in unified mode."""
    if not call.account.unified:
        raise refusal("FORBIDDEN", "the account is not in unified mode")
    return {
        "user_id": call.account.user_id,
        "refresh_time": call.now_ns // NS_PER_S,
        "locked": False,
        "mode": "single_currency",
        "balances": {
            currency: {
                "available": text_of(balance.available),
                "freeze": text_of(balance.locked),
                "borrowed": "0",
                "equity": text_of(balance.total),
                "total_freeze": text_of(balance.locked),
            }
            for currency, balance in call.account.balances.items()
        },
    }


ROUTES = (
    signed_route("GET", "/spot/accounts", accounts),
    signed_route("GET", "/spot/account_book", account_book),
    signed_route("GET", "/account/detail", account_detail, LimitClass.OTHER),
    signed_route("GET", "/account/main_keys", main_keys, LimitClass.OTHER),
    signed_route("GET", "/wallet/fee", wallet_fee, LimitClass.OTHER),
    signed_route("GET", "/spot/fee", spot_fee),
    signed_route("GET", "/spot/batch_fee", batch_fee),
    signed_route("GET", "/wallet/total_balance", total_balance, LimitClass.TOTAL),
    signed_route("GET", "/unified/accounts", unified_accounts, LimitClass.OTHER),
)
