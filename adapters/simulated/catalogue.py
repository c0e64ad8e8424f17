"""The pairs the exchange can list: their rules, and how their markets behave. Pure.

Rules follow Gate's scales for these pairs; prices, volatilities and rates of trade are round
numbers of the right size, not a claim about any day.
"""

from decimal import Decimal

from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.markets.traits import PairTraits
from state.errors import ConfigurationInvalid
from state.values import Pair, base_of, quote_of

DEFAULT_PAIRS = (Pair("BTC_USDT"), Pair("ETH_USDT"), Pair("SOL_USDT"))

# pair, price, price decimals, amount decimals, daily volatility %, share of the common factor,
# trades per second, spread in basis points
_TABLE = """
BTC_USDT  65000    1 6  2.6 0.85 4.0 0.15
ETH_USDT  3200     2 4  3.4 0.85 3.0 0.30
SOL_USDT  160      2 3  4.6 0.80 2.0 0.8
XRP_USDT  0.62     4 1  4.2 0.72 1.5 1.6
BNB_USDT  580      1 3  3.0 0.72 1.0 1.7
DOGE_USDT 0.14     5 1  5.2 0.75 1.2 1.2
ADA_USDT  0.45     4 1  4.4 0.76 0.8 2.2
AVAX_USDT 34       3 2  5.0 0.78 0.8 1.6
LINK_USDT 17       3 2  4.6 0.76 0.7 1.6
DOT_USDT  6.9      4 2  4.4 0.76 0.6 1.8
LTC_USDT  82       2 3  3.8 0.70 0.6 1.6
BCH_USDT  450      1 4  4.2 0.70 0.5 2.6
TRX_USDT  0.12     5 1  2.6 0.50 0.6 1.0
UNI_USDT  9.6      3 2  5.0 0.70 0.5 2.2
NEAR_USDT 6.2      4 2  5.4 0.76 0.5 1.8
ATOM_USDT 8.1      3 2  4.4 0.74 0.4 2.4
ETC_USDT  27       2 2  4.2 0.72 0.4 4.5
APT_USDT  9.1      3 2  5.2 0.74 0.4 2.2
ARB_USDT  1.05     4 1  5.0 0.76 0.5 2.0
OP_USDT   2.4      4 1  5.2 0.76 0.5 1.8
FIL_USDT  5.8      4 2  4.8 0.72 0.4 2.0
INJ_USDT  24       3 2  5.6 0.72 0.4 2.0
SUI_USDT  1.1      4 1  5.6 0.70 0.6 1.8
SEI_USDT  0.48     4 1  5.8 0.70 0.4 2.6
TIA_USDT  9.8      3 2  6.0 0.66 0.4 2.4
AAVE_USDT 98       2 3  4.8 0.70 0.4 2.2
ICP_USDT  12       3 2  5.0 0.70 0.3 2.4
HBAR_USDT 0.09     5 0  4.6 0.68 0.4 2.4
STX_USDT  2.1      4 1  5.6 0.70 0.3 2.6
RUNE_USDT 5.6      3 2  5.8 0.68 0.3 3.0
LDO_USDT  2.2      3 1  5.6 0.70 0.3 5.0
MKR_USDT  2800     1 4  4.6 0.62 0.2 2.5
GRT_USDT  0.26     4 1  5.0 0.72 0.3 4.5
ALGO_USDT 0.17     4 1  4.4 0.70 0.3 6.0
XLM_USDT  0.1      5 1  3.8 0.66 0.3 2.2
VET_USDT  0.032    6 0  4.6 0.70 0.3 2.0
SAND_USDT 0.42     4 1  5.0 0.72 0.3 3.0
MANA_USDT 0.41     4 1  4.8 0.72 0.3 3.0
AXS_USDT  7.2      3 2  5.0 0.70 0.2 2.6
EGLD_USDT 40       2 3  4.6 0.68 0.2 3.2
FTM_USDT  0.72     4 1  6.0 0.70 0.4 2.2
GALA_USDT 0.041    6 0  5.8 0.70 0.4 1.6
CHZ_USDT  0.11     5 0  4.8 0.64 0.3 2.2
CRV_USDT  0.43     4 1  5.6 0.68 0.3 3.4
SNX_USDT  2.9      3 1  5.4 0.68 0.2 4.0
COMP_USDT 58       2 3  5.0 0.66 0.2 2.4
DYDX_USDT 2.1      4 1  5.6 0.68 0.3 2.2
ENS_USDT  16       2 2  5.6 0.64 0.2 6.5
PEPE_USDT 0.000012 10 0 7.0 0.62 1.0 1.4
SHIB_USDT 0.000024 9 0  5.2 0.72 0.8 1.2
ETH_BTC   0.049    6 4  1.6 0.30 0.6 0.6
GT_USDT   8.4      3 2  3.6 0.60 0.2 3.0
"""


def _parsed() -> dict[Pair, tuple[PairRules, PairTraits]]:
    listed = {}
    for line in _TABLE.strip().splitlines():
        name, price, price_decimals, amount_decimals, *behaviour = line.split()
        pair = Pair(name)
        volatility, common, rate, spread = map(float, behaviour)
        rules = pair_rules(pair, int(price_decimals), int(amount_decimals))
        traits = PairTraits(
            pair=pair,
            price=float(price),
            daily_volatility=volatility / 100,
            common_share=common,
            trades_per_s=rate,
            spread_bps=spread,
        )
        listed[pair] = (rules, traits)
    return listed


def pair_rules(pair: Pair, price_decimals: int, amount_decimals: int) -> PairRules:
    """Return the rules of `pair`, with the minimum that Gate has for its quote currency."""
    quote = quote_of(pair)
    return PairRules(
        pair=pair,
        base=base_of(pair),
        quote=quote,
        price_decimals=price_decimals,
        amount_decimals=amount_decimals,
        min_base=Decimal(1).scaleb(-amount_decimals),
        min_quote=Decimal(3) if quote == "USDT" else Decimal("0.0001"),
    )


CATALOGUE = _parsed()


def listing(pair: str) -> tuple[PairRules, PairTraits]:
    """Return the rules and the behaviour of a pair of the catalogue.

    Raises:
        ConfigurationInvalid: If the catalogue has no such pair.
    """
    found = CATALOGUE.get(Pair(pair))
    if found is None:
        known = ", ".join(list(CATALOGUE)[:5])
        message = f"unknown pair {pair!r}: the simulated exchange lists {known}, ... "
        raise ConfigurationInvalid(f"{message}({len(CATALOGUE)} pairs); write it like BTC_USDT")
    return found
