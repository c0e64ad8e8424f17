"""Where everybody lives. The tree (supervisor/tree.py) gives these addresses; senders use them."""

from state.values import Pair

OPERATIONS = "operations"
RECORDER = "operations/recorder"
SESSION_KEEPER = "operations/session_keeper"
HEALTH_MONITOR = "operations/health_monitor"
ADMIN = "operations/admin"
HISTORIAN = "operations/historian"
ORDER_ROUTER = "execution/order_router"
ACCOUNT_STREAM = "execution/account_stream"
TRIGGER_KEEPER = "execution/trigger_keeper"
WORKERS = "execution/workers"
LEDGER_KEEPER = "accounts/ledger_keeper"
ADVISOR = "opinions/advisor"
RISK_GUARD = "trading/risk_guard"


def feed(pair: Pair) -> str:
    """Return the address of a pair's feed."""
    return f"market/{pair}/feed"


def book_analyzer(pair: Pair) -> str:
    """Return the address of a pair's book analyzer."""
    return f"market/{pair}/book_analyzer"


def flow_analyzer(pair: Pair) -> str:
    """Return the address of a pair's flow analyzer."""
    return f"market/{pair}/flow_analyzer"


def candle_builder(pair: Pair) -> str:
    """Return the address of a pair's candle builder."""
    return f"market/{pair}/candle_builder"


def technical_analyst(pair: Pair) -> str:
    """Return the address of who reads a pair's candles."""
    return f"opinions/{pair}/technical_analyst"


def trader(pair: Pair) -> str:
    """Return the address of a pair's trader."""
    return f"trading/{pair}/trader"


def protection(pair: Pair) -> str:
    """Return the address of who protects a pair's position."""
    return f"trading/{pair}/protection"


def order_worker(id_: str) -> str:
    """Return the address of who works a parent order."""
    return f"{WORKERS}/{id_}"


def protection_part(pair: Pair) -> str:
    """Return what the session keeper calls the protection of a pair: it has to be ready too."""
    return f"protection of {pair}"


SINGLE = (
    RECORDER,
    SESSION_KEEPER,
    HEALTH_MONITOR,
    ADMIN,
    HISTORIAN,
    ORDER_ROUTER,
    ACCOUNT_STREAM,
    TRIGGER_KEEPER,
    LEDGER_KEEPER,
    ADVISOR,
    RISK_GUARD,
)
"""Of these there is one."""
OF_PAIR = (
    feed,
    book_analyzer,
    flow_analyzer,
    candle_builder,
    technical_analyst,
    protection,
    trader,
)
"""Of these there is one for each pair."""
