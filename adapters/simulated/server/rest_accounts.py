"""What an account owns and pays, over REST (gate-protocol.md section 5.1). Pure."""

from adapters.simulated.server.calls import Call, signed_route
from adapters.simulated.server.rows import Row, balance_row, fee_row


def accounts(call: Call) -> list[Row]:
    """GET /spot/accounts."""
    wanted = call.query.get("currency")
    listed = call.venue.switches.zero_balances_listed
    return [
        balance_row(currency, balance)
        for currency, balance in call.account.balances.items()
        if (wanted and currency == wanted) or (not wanted and (balance.total or listed))
    ]


def account_detail(call: Call) -> Row:
    """GET /account/detail."""
    return {
        "user_id": call.account.user_id,
        "ip_whitelist": [],
        "currency_pairs": [],
        "tier": 0,
        "key": {"mode": 1},
        "copy_trading_role": 0,
    }


def wallet_fee(call: Call) -> Row:
    """GET /wallet/fee."""
    if call.query.get("currency_pair"):
        call.venue.pair(call.query["currency_pair"])
    return fee_row(call.account)


ROUTES = (
    signed_route("GET", "/spot/accounts", accounts),
    signed_route("GET", "/account/detail", account_detail),
    signed_route("GET", "/wallet/fee", wallet_fee),
)
