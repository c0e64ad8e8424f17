"""The tables, as versioned migrations. The next change of schema is one more function here.

Money is text in `state.values.plain` form, so a leading `-` is a negative number and a check can
see it. Tables of signals, models and candles come with the issues that fill them.
"""

from sqlite_utils import Database, Migrations

APPLICATION_ID = 0x47415445
"""`GATE` in the file's header: tells our databases from anybody else's."""

migrations = Migrations("gatehouse")

_AMOUNT = "TEXT NOT NULL CHECK ({0} GLOB '[0-9]*')"
_SIGNED = "TEXT NOT NULL CHECK ({0} GLOB '[0-9]*' OR {0} GLOB '-[0-9]*')"


def _columns(template: str, *names: str) -> str:
    return ", ".join(f"{name} {template.format(name)}" for name in names)


def _one_of(column: str, *values: str) -> str:
    return f"{column} TEXT NOT NULL CHECK ({column} IN ({', '.join(map(repr, values))}))"


_ORDER_SHAPE = ", ".join(
    (
        _one_of("side", "buy", "sell"),
        _one_of("order_type", "limit", "market"),
        _columns(_AMOUNT, "quantity", "price"),
    )
)

_JOURNAL = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # Where the chain ends, and the only writer it takes more from.
    """CREATE TABLE head (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        epoch INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
        writes INTEGER NOT NULL) STRICT""",
    # Where the chain begins: after what retention has taken, with the accounts as they were then.
    """CREATE TABLE anchor (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        seq INTEGER NOT NULL, hash BLOB NOT NULL, ledger TEXT NOT NULL) STRICT""",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, actor TEXT NOT NULL, type TEXT NOT NULL,
        trace_id TEXT NOT NULL, key TEXT UNIQUE, at_ns INTEGER NOT NULL,
        payload TEXT NOT NULL, hash BLOB NOT NULL) STRICT""",
    "CREATE INDEX events_by_trace ON events (trace_id) WHERE trace_id <> ''",
    # Keys outlive their events: a fill that is told again after a year is still the same fill.
    """CREATE TABLE pruned_keys (
        key TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE snapshots (
        id INTEGER PRIMARY KEY, address TEXT NOT NULL, schema INTEGER NOT NULL,
        at_ns INTEGER NOT NULL, payload BLOB NOT NULL, checksum BLOB NOT NULL) STRICT""",
    "CREATE INDEX snapshots_by_address ON snapshots (address, id)",
)

_PROJECTIONS = (
    f"""CREATE TABLE decisions (
        seq INTEGER PRIMARY KEY, decision_id TEXT NOT NULL UNIQUE, trace_id TEXT NOT NULL,
        pair TEXT NOT NULL, at_ns INTEGER NOT NULL, strategy TEXT NOT NULL, {_ORDER_SHAPE},
        reason TEXT NOT NULL, worksheet TEXT NOT NULL,
        {_one_of("verdict", "allow", "shrink", "deny")},
        {_columns(_AMOUNT, "approved_quantity")}, expires_at_ns INTEGER NOT NULL,
        code TEXT, limit_text TEXT, value_text TEXT, largest TEXT) STRICT""",
    "CREATE INDEX decisions_by_trace ON decisions (trace_id)",
    "CREATE INDEX decisions_approved ON decisions (expires_at_ns) WHERE verdict <> 'deny'",
    f"""CREATE TABLE orders (
        intent_seq INTEGER PRIMARY KEY, client_order_id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,
        venue_order_id TEXT, decision_id TEXT NOT NULL, attempt INTEGER NOT NULL,
        trace_id TEXT NOT NULL, pair TEXT NOT NULL, strategy TEXT NOT NULL, {_ORDER_SHAPE},
        time_in_force TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('intended', 'unknown', 'open', 'rejected',
            'not_placed', 'filled', 'cancelled')),
        settled INTEGER NOT NULL CHECK (settled IN (0, 1)), alarms TEXT NOT NULL,
        {_columns(_AMOUNT, "filled", "filled_notional", "working", "missing_fills")},
        intended_at_ns INTEGER NOT NULL, updated_at_ns INTEGER NOT NULL,
        fold TEXT NOT NULL) STRICT""",
    "CREATE INDEX orders_unsettled ON orders (settled) WHERE settled = 0",
    "CREATE INDEX orders_by_decision ON orders (decision_id)",
    f"""CREATE TABLE fills (
        seq INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL,
        pair TEXT NOT NULL, trade_id TEXT NOT NULL,
        client_order_id TEXT NOT NULL REFERENCES orders (client_order_id),
        venue_order_id TEXT NOT NULL, at_ns INTEGER NOT NULL,
        {_one_of("side", "buy", "sell")}, {_one_of("role", "taker", "maker")},
        {_columns(_AMOUNT, "price", "quantity")}, {_columns(_SIGNED, "fee")},
        fee_currency TEXT NOT NULL, {_columns(_SIGNED, "gt_fee", "point_fee")},
        UNIQUE (pair, trade_id)) STRICT""",
    "CREATE INDEX fills_by_order ON fills (client_order_id)",
    "CREATE INDEX fills_by_pair ON fills (pair)",
    f"""CREATE TABLE positions (
        pair TEXT PRIMARY KEY, {_columns(_AMOUNT, "quantity", "oversold")},
        {_columns(_SIGNED, "cost", "realised", "fees")}, {_columns(_AMOUNT, "average_entry")},
        opened_at_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE balances (
        currency TEXT PRIMARY KEY,
        {_columns(_SIGNED, "amount", "opened", "moved", "fees_elsewhere")})
        STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE equity (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, currency TEXT NOT NULL,
        {_columns(_SIGNED, "equity", "start", "flows", "realised", "unrealised", "fees")})
        STRICT""",
    "CREATE INDEX equity_by_time ON equity (at_ns)",
    f"""CREATE TABLE alerts (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, alert TEXT NOT NULL,
        {_one_of("severity", "info", "warning", "critical")}, text TEXT NOT NULL,
        trace_id TEXT NOT NULL) STRICT""",
    f"""CREATE TABLE sessions (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
        {_one_of("session", "starting", "ready", "paused", "draining", "stopped", "emergency")},
        reason TEXT NOT NULL, caller TEXT NOT NULL) STRICT""",
)


_RISK = (
    f"""CREATE TABLE risk_marks (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
        {_columns(_SIGNED, "equity", "flows", "peak")}, peak_at_ns INTEGER NOT NULL,
        day INTEGER NOT NULL, {_columns(_SIGNED, "day_opening")},
        {_one_of("tier", "normal", "warn", "half", "reduce", "halt")},
        tier_since_ns INTEGER NOT NULL, halt_told INTEGER NOT NULL CHECK (halt_told IN (0, 1)),
        locks TEXT NOT NULL, reason TEXT NOT NULL) STRICT""",
    "CREATE INDEX decisions_by_code ON decisions (code) WHERE code IS NOT NULL",
)


@migrations(name="m001_foundation")
def m001_foundation(database: Database) -> None:
    """Make the journal, its head and anchor, the snapshots and the first projections."""
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for statement in (*_JOURNAL, *_PROJECTIONS):
        database.execute(statement)
    database.execute("INSERT INTO head VALUES (1, 0, 0, zeroblob(32), 0)")
    database.execute("INSERT INTO anchor VALUES (1, 0, zeroblob(32), '')")


_PURPOSE = _one_of("purpose", "entry", "exit", "stop_loss", "take_profit", "flatten")

_LEDGER = (
    "ALTER TABLE anchor ADD COLUMN trips TEXT NOT NULL DEFAULT ''",
    f"""CREATE TABLE trips (
        pair TEXT PRIMARY KEY, opened_at_ns INTEGER NOT NULL, reduced_at_ns INTEGER NOT NULL,
        held INTEGER NOT NULL CHECK (held IN (0, 1)),
        {_columns(_AMOUNT, "quantity")}, {_columns(_SIGNED, "cost", "proceeds", "fees")},
        {_columns(_AMOUNT, "smallest")}, {_PURPOSE}) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE trades (
        seq INTEGER PRIMARY KEY, pair TEXT NOT NULL, opened_at_ns INTEGER NOT NULL,
        closed_at_ns INTEGER NOT NULL, {_columns(_AMOUNT, "quantity")},
        {_columns(_SIGNED, "cost", "proceeds", "fees", "profit")}, {_PURPOSE}) STRICT""",
    "CREATE INDEX trades_by_time ON trades (closed_at_ns)",
    f"""CREATE TABLE accounts (
        account TEXT NOT NULL, currency TEXT NOT NULL, {_columns(_SIGNED, "amount")},
        PRIMARY KEY (account, currency)) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE lots (
        ordinal INTEGER PRIMARY KEY, pair TEXT NOT NULL, at_ns INTEGER NOT NULL,
        {_columns(_SIGNED, "quantity", "cost")}) STRICT""",
    """CREATE TABLE comparisons (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, began_at_ns INTEGER NOT NULL,
        fills INTEGER NOT NULL, differences TEXT NOT NULL, drift TEXT,
        drift_currency TEXT NOT NULL) STRICT""",
    "CREATE INDEX comparisons_agreed ON comparisons (seq) WHERE differences = '[]'",
    "CREATE INDEX orders_by_venue_id ON orders (venue_order_id)",
    "CREATE INDEX lots_held ON lots (pair) WHERE quantity <> '0'",
    f"ALTER TABLE positions ADD COLUMN {_columns(_SIGNED, 'realised_fifo')} DEFAULT '0'",
    "ALTER TABLE equity ADD COLUMN realised_fifo TEXT",
    "ALTER TABLE equity ADD COLUMN unrealised_fifo TEXT",
)


@migrations(name="m002_ledger")
def m002_ledger(database: Database) -> None:
    """Make double entry, lots, the trades that were closed and the trips under way."""
    for statement in _LEDGER:
        database.execute(statement)


@migrations(name="m004_risk")
def m004_risk(database: Database) -> None:
    """Make the marks of what the account may still lose."""
    for statement in _RISK:
        database.execute(statement)


_PROTECTION = (
    # What is held and where it is sold: changed in the transaction of each fill.
    f"""CREATE TABLE protections (
        pair TEXT PRIMARY KEY, {_columns(_AMOUNT, "quantity", "entry")},
        stop TEXT CHECK (stop IS NULL OR stop GLOB '[0-9]*'),
        target TEXT CHECK (target IS NULL OR target GLOB '[0-9]*'),
        began_at_ns INTEGER NOT NULL, flatten TEXT NOT NULL, fold TEXT NOT NULL)
        STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE triggers (
        intent_seq INTEGER PRIMARY KEY, trigger_id TEXT NOT NULL UNIQUE, pair TEXT NOT NULL,
        number INTEGER NOT NULL, purpose TEXT NOT NULL,
        {_columns(_AMOUNT, "trigger_price", "price", "quantity")},
        expiration_s INTEGER NOT NULL, intended_at_ns INTEGER NOT NULL, seq INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('intended', 'unknown', 'armed', 'ended')),
        ended_as TEXT, venue_trigger_id TEXT, fired_order_id TEXT, fold TEXT NOT NULL)
        STRICT""",
    "CREATE INDEX triggers_live ON triggers (state) WHERE state <> 'ended'",
    "CREATE INDEX triggers_by_pair ON triggers (pair, number)",
    # As the accounts are: how positions were protected when the events before it went.
    "ALTER TABLE anchor ADD COLUMN protections TEXT NOT NULL DEFAULT ''",
)


@migrations(name="m005_protection")
def m005_protection(database: Database) -> None:
    """Make the tables of protections and of trigger orders."""
    for statement in _PROTECTION:
        database.execute(statement)


@migrations(name="m003_execution")
def m003_execution(database: Database) -> None:
    """Make the table of parent orders, and let a child say whose it is."""
    database.execute("ALTER TABLE orders ADD COLUMN parent TEXT")
    database.execute(
        f"""CREATE TABLE parents (
        intent_seq INTEGER PRIMARY KEY, decision_id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,
        trace_id TEXT NOT NULL, pair TEXT NOT NULL, strategy TEXT NOT NULL,
        {_one_of("side", "buy", "sell")}, {_columns(_AMOUNT, "quantity", "price")},
        purpose TEXT NOT NULL, plan TEXT NOT NULL,
        over INTEGER NOT NULL CHECK (over IN (0, 1)), reason TEXT NOT NULL,
        children INTEGER NOT NULL,
        {_columns(_AMOUNT, "filled", "filled_notional", "outstanding", "left_over")},
        slippage_bps REAL, intended_at_ns INTEGER NOT NULL, updated_at_ns INTEGER NOT NULL,
        fold TEXT NOT NULL) STRICT"""
    )
    database.execute("CREATE INDEX parents_open ON parents (over) WHERE over = 0")


_ADVISOR = (
    """CREATE TABLE advice_contracts (
        seq INTEGER PRIMARY KEY, contract TEXT NOT NULL, at_ns INTEGER NOT NULL,
        system TEXT NOT NULL) STRICT""",
    f"""CREATE TABLE advice_asked (
        seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, pair TEXT NOT NULL,
        at_ns INTEGER NOT NULL, {_one_of("provider", "nebius", "stub", "off")},
        host TEXT NOT NULL, model TEXT NOT NULL, contract TEXT NOT NULL, prompt TEXT NOT NULL,
        parameters TEXT NOT NULL, reserved_tokens INTEGER NOT NULL,
        {_columns(_SIGNED, "reserved_usd")}, state_hash TEXT NOT NULL) STRICT""",
    "CREATE INDEX advice_asked_by_time ON advice_asked (at_ns)",
    f"""CREATE TABLE advice_given (
        seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, pair TEXT NOT NULL,
        at_ns INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
        {_one_of("provider", "nebius", "stub", "off")}, model TEXT NOT NULL,
        answered_by TEXT NOT NULL, contract TEXT NOT NULL, action TEXT, confidence REAL,
        calibrated REAL, reward_risk REAL, answer TEXT NOT NULL, finish TEXT NOT NULL,
        form TEXT NOT NULL, latency_ms REAL NOT NULL, tries INTEGER NOT NULL,
        repaired INTEGER NOT NULL CHECK (repaired IN (0, 1)), tokens_in INTEGER,
        tokens_out INTEGER, {_columns(_SIGNED, "cost_usd")},
        cost_is_known INTEGER NOT NULL CHECK (cost_is_known IN (0, 1)), support TEXT NOT NULL,
        reference REAL NOT NULL, expires_at_ns INTEGER NOT NULL,
        {_one_of("authority", "shadow", "veto", "tilt")}, recommendation TEXT) STRICT""",
    "CREATE INDEX advice_given_by_pair ON advice_given (pair, at_ns)",
    """CREATE TABLE advice_outcomes (
        seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, pair TEXT NOT NULL,
        at_ns INTEGER NOT NULL, contract TEXT NOT NULL, model TEXT NOT NULL,
        stated REAL NOT NULL, won INTEGER CHECK (won IN (0, 1)), ended_by TEXT NOT NULL,
        result_r REAL) STRICT""",
    f"""CREATE TABLE advisor_marks (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
        {_one_of("authority", "shadow", "veto", "tilt")}, contract TEXT NOT NULL,
        model TEXT NOT NULL, reason TEXT NOT NULL, caller TEXT NOT NULL) STRICT""",
)


@migrations(name="m006_advisor")
def m006_advisor(database: Database) -> None:
    """Make the tables of what the advisor was asked, answered, and was worth."""
    for statement in _ADVISOR:
        database.execute(statement)


@migrations(name="m007_pair_sessions")
def m007_pair_sessions(database: Database) -> None:
    """Make the table of what single pairs were told to do."""
    sessions = _one_of("session", "ready", "paused", "draining", "stopped")
    database.execute(
        f"""CREATE TABLE pair_sessions (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, pair TEXT NOT NULL, {sessions},
        reason TEXT NOT NULL, caller TEXT NOT NULL) STRICT"""
    )
