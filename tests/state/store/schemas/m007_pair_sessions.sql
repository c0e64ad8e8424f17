PRAGMA application_id = 1195463749;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
) STRICT;
INSERT INTO "_sqlite_migrations" VALUES(1,'gatehouse','m001_foundation','2026-11-28 19:14:55.417209+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'gatehouse','m002_ledger','2026-11-28 19:14:55.424315+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'gatehouse','m004_risk','2026-11-28 19:14:55.425141+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'gatehouse','m005_protection','2026-11-28 19:14:55.430268+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'gatehouse','m003_execution','2026-11-28 19:14:55.432452+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'gatehouse','m006_advisor','2026-11-28 19:14:55.434136+00:00');
INSERT INTO "_sqlite_migrations" VALUES(7,'gatehouse','m007_pair_sessions','2026-11-28 19:14:55.434744+00:00');
CREATE TABLE accounts (
        account TEXT NOT NULL, currency TEXT NOT NULL, amount TEXT NOT NULL CHECK (amount GLOB '[0-9]*' OR amount GLOB '-[0-9]*'),
        PRIMARY KEY (account, currency)) STRICT, WITHOUT ROWID;
INSERT INTO "accounts" VALUES('external:opening','USDT','-10000');
INSERT INTO "accounts" VALUES('fees','BTC','0.002');
INSERT INTO "accounts" VALUES('trading:BTC_USDT','BTC','-1');
INSERT INTO "accounts" VALUES('trading:BTC_USDT','USDT','100');
INSERT INTO "accounts" VALUES('wallet','BTC','0.998');
INSERT INTO "accounts" VALUES('wallet','USDT','9900');
CREATE TABLE advice_asked (
        seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, pair TEXT NOT NULL,
        at_ns INTEGER NOT NULL, provider TEXT NOT NULL CHECK (provider IN ('nebius', 'stub', 'off')),
        host TEXT NOT NULL, model TEXT NOT NULL, contract TEXT NOT NULL, prompt TEXT NOT NULL,
        parameters TEXT NOT NULL, reserved_tokens INTEGER NOT NULL,
        reserved_usd TEXT NOT NULL CHECK (reserved_usd GLOB '[0-9]*' OR reserved_usd GLOB '-[0-9]*'), state_hash TEXT NOT NULL) STRICT;
CREATE TABLE advice_contracts (
        seq INTEGER PRIMARY KEY, contract TEXT NOT NULL, at_ns INTEGER NOT NULL,
        system TEXT NOT NULL) STRICT;
CREATE TABLE advice_given (
        seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, pair TEXT NOT NULL,
        at_ns INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
        provider TEXT NOT NULL CHECK (provider IN ('nebius', 'stub', 'off')), model TEXT NOT NULL,
        answered_by TEXT NOT NULL, contract TEXT NOT NULL, action TEXT, confidence REAL,
        calibrated REAL, reward_risk REAL, answer TEXT NOT NULL, finish TEXT NOT NULL,
        form TEXT NOT NULL, latency_ms REAL NOT NULL, tries INTEGER NOT NULL,
        repaired INTEGER NOT NULL CHECK (repaired IN (0, 1)), tokens_in INTEGER,
        tokens_out INTEGER, cost_usd TEXT NOT NULL CHECK (cost_usd GLOB '[0-9]*' OR cost_usd GLOB '-[0-9]*'),
        cost_is_known INTEGER NOT NULL CHECK (cost_is_known IN (0, 1)), support TEXT NOT NULL,
        reference REAL NOT NULL, expires_at_ns INTEGER NOT NULL,
        authority TEXT NOT NULL CHECK (authority IN ('shadow', 'veto', 'tilt')), recommendation TEXT) STRICT;
CREATE TABLE advice_outcomes (
        seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, pair TEXT NOT NULL,
        at_ns INTEGER NOT NULL, contract TEXT NOT NULL, model TEXT NOT NULL,
        stated REAL NOT NULL, won INTEGER CHECK (won IN (0, 1)), ended_by TEXT NOT NULL,
        result_r REAL) STRICT;
CREATE TABLE advisor_marks (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
        authority TEXT NOT NULL CHECK (authority IN ('shadow', 'veto', 'tilt')), contract TEXT NOT NULL,
        model TEXT NOT NULL, reason TEXT NOT NULL, caller TEXT NOT NULL) STRICT;
CREATE TABLE alerts (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, alert TEXT NOT NULL,
        severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')), text TEXT NOT NULL,
        trace_id TEXT NOT NULL) STRICT;
INSERT INTO "alerts" VALUES(8,5,'feed_stale','warning','BTC_USDT is silent','');
CREATE TABLE anchor (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        seq INTEGER NOT NULL, hash BLOB NOT NULL, ledger TEXT NOT NULL, trips TEXT NOT NULL DEFAULT '', protections TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "anchor" VALUES(1,0,X'0000000000000000000000000000000000000000000000000000000000000000','','','');
CREATE TABLE balances (
        currency TEXT PRIMARY KEY,
        amount TEXT NOT NULL CHECK (amount GLOB '[0-9]*' OR amount GLOB '-[0-9]*'), opened TEXT NOT NULL CHECK (opened GLOB '[0-9]*' OR opened GLOB '-[0-9]*'), moved TEXT NOT NULL CHECK (moved GLOB '[0-9]*' OR moved GLOB '-[0-9]*'), fees_elsewhere TEXT NOT NULL CHECK (fees_elsewhere GLOB '[0-9]*' OR fees_elsewhere GLOB '-[0-9]*'))
        STRICT, WITHOUT ROWID;
INSERT INTO "balances" VALUES('BTC','0.998','0','0','0');
INSERT INTO "balances" VALUES('USDT','9900','10000','0','0');
CREATE TABLE comparisons (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, began_at_ns INTEGER NOT NULL,
        fills INTEGER NOT NULL, differences TEXT NOT NULL, drift TEXT,
        drift_currency TEXT NOT NULL) STRICT;
INSERT INTO "comparisons" VALUES(15,20,0,2,'[]',NULL,'');
CREATE TABLE decisions (
        seq INTEGER PRIMARY KEY, decision_id TEXT NOT NULL UNIQUE, trace_id TEXT NOT NULL,
        pair TEXT NOT NULL, at_ns INTEGER NOT NULL, strategy TEXT NOT NULL, side TEXT NOT NULL CHECK (side IN ('buy', 'sell')), order_type TEXT NOT NULL CHECK (order_type IN ('limit', 'market')), quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'), price TEXT NOT NULL CHECK (price GLOB '[0-9]*'),
        reason TEXT NOT NULL, worksheet TEXT NOT NULL,
        verdict TEXT NOT NULL CHECK (verdict IN ('allow', 'shrink', 'deny')),
        approved_quantity TEXT NOT NULL CHECK (approved_quantity GLOB '[0-9]*'), expires_at_ns INTEGER NOT NULL,
        code TEXT, limit_text TEXT, value_text TEXT, largest TEXT) STRICT;
INSERT INTO "decisions" VALUES(3,'d-1','trace-1','BTC_USDT',2,'trend','buy','limit','3','100','fast above slow, book agrees','[{"name":"order_notional","quantity":"3"}]','shrink','2',0,'POSITION_MAX','200','300','2');
INSERT INTO "decisions" VALUES(9,'d-2','trace-2','BTC_USDT',2,'trend','buy','limit','3','100','fast above slow, book agrees','[{"name":"order_notional","quantity":"3"}]','shrink','2',0,'POSITION_MAX','200','300','2');
CREATE TABLE equity (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, currency TEXT NOT NULL,
        equity TEXT NOT NULL CHECK (equity GLOB '[0-9]*' OR equity GLOB '-[0-9]*'), start TEXT NOT NULL CHECK (start GLOB '[0-9]*' OR start GLOB '-[0-9]*'), flows TEXT NOT NULL CHECK (flows GLOB '[0-9]*' OR flows GLOB '-[0-9]*'), realised TEXT NOT NULL CHECK (realised GLOB '[0-9]*' OR realised GLOB '-[0-9]*'), unrealised TEXT NOT NULL CHECK (unrealised GLOB '[0-9]*' OR unrealised GLOB '-[0-9]*'), fees TEXT NOT NULL CHECK (fees GLOB '[0-9]*' OR fees GLOB '-[0-9]*'), realised_fifo TEXT, unrealised_fifo TEXT)
        STRICT;
INSERT INTO "equity" VALUES(14,20,'USDT','10000','10000','0','0','0','0',NULL,NULL);
CREATE TABLE events (
        seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, actor TEXT NOT NULL, type TEXT NOT NULL,
        trace_id TEXT NOT NULL, key TEXT UNIQUE, at_ns INTEGER NOT NULL,
        payload TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
INSERT INTO "events" VALUES(1,1,'store','EpochBegan','','epoch:1',1,'{"type":"EpochBegan","epoch":1,"version":"test","at_ns":1}',X'74CBBB9128D843262D07436AEE6DD118BF86579802B6B07A44AFDDB9B46B00A4');
INSERT INTO "events" VALUES(2,1,'tests','FundsMoved','',NULL,1,'{"type":"FundsMoved","currency":"USDT","change":"10000","reason":"opening","at_ns":1}',X'DFB0286AFC1AF7A0A2452FC54211CD8AC4A60B4EDB0448D16D2BB852BEDDFF0C');
INSERT INTO "events" VALUES(3,1,'tests','DecisionMade','','decision:d-1',2,'{"type":"DecisionMade","decision_id":"d-1","trace_id":"trace-1","pair":"BTC_USDT","at_ns":2,"strategy":"trend","side":"buy","order_type":"limit","quantity":"3","price":"100","reason":"fast above slow, book agrees","worksheet":[{"name":"order_notional","quantity":"3"}],"verdict":"shrink","approved_quantity":"2","refusal":{"code":"POSITION_MAX","limit":"200","value":"300","largest":"2"},"expires_at_ns":0,"purpose":"entry","plan":null,"stop":null,"judgement":null}',X'2FC9F2313CE1CE18BDE9AC5645E44A75661D3F501FC6829EB3E2DCF616F71FB4');
INSERT INTO "events" VALUES(4,1,'tests','OrderIntended','','intent:t-1',2,'{"type":"OrderIntended","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"decision_id":"d-1","attempt":1,"trace_id":"trace-1","strategy":"trend","side":"buy","order_type":"limit","quantity":"0.5","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader","purpose":"entry","smallest":"0","trigger_id":"","adopted":false,"parent":null,"touch":null}',X'DD49061D90D8C74097A65EF1565CA49BF7A98488FCAC4721F4E7600DF11CA637');
INSERT INTO "events" VALUES(5,1,'tests','OrderAccepted','',NULL,2,'{"type":"OrderAccepted","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"venue_order_id":"v-1"}',X'710C7A535B9242EFE9B81ED2EC8D3F15646D046F365D01751552DE7184A29035');
INSERT INTO "events" VALUES(6,1,'tests','OrderFilled','','fill:BTC_USDT:1',2,'{"type":"OrderFilled","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"trade_id":"1","venue_order_id":"v-1","side":"buy","price":"100","quantity":"0.5","role":"taker","fee":"0.001","fee_currency":"BTC","gt_fee":"0","point_fee":"0"}',X'F73FD1179BAA1CA8BB85D204D944AD9044D27FC024C544DC75B17D6374583FE3');
INSERT INTO "events" VALUES(7,1,'tests','OrderFinished','',NULL,2,'{"type":"OrderFinished","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"filled_quantity":"0.5","reason":"filled"}',X'0889A614F5B0515139683835D182F7B6418643EFC26F701DBBB06C8185D49D25');
INSERT INTO "events" VALUES(8,1,'tests','AlertRaised','',NULL,5,'{"type":"AlertRaised","alert":"feed_stale","severity":"warning","text":"BTC_USDT is silent","at_ns":5,"trace_id":""}',X'00756506F34F67E6022F9A282771E39CDF3247BBF4DA302EDE737E33E65B1DCF');
INSERT INTO "events" VALUES(9,1,'tests','DecisionMade','','decision:d-2',2,'{"type":"DecisionMade","decision_id":"d-2","trace_id":"trace-2","pair":"BTC_USDT","at_ns":2,"strategy":"trend","side":"buy","order_type":"limit","quantity":"3","price":"100","reason":"fast above slow, book agrees","worksheet":[{"name":"order_notional","quantity":"3"}],"verdict":"shrink","approved_quantity":"2","refusal":{"code":"POSITION_MAX","limit":"200","value":"300","largest":"2"},"expires_at_ns":0,"purpose":"entry","plan":null,"stop":null,"judgement":null}',X'33A2DD07279EC814D1D5B472C796AA06D7FB11678A018A78F155C718BEA28CEE');
INSERT INTO "events" VALUES(10,1,'tests','OrderIntended','','intent:t-2',2,'{"type":"OrderIntended","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"decision_id":"d-2","attempt":1,"trace_id":"trace-2","strategy":"trend","side":"buy","order_type":"limit","quantity":"0.5","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader","purpose":"entry","smallest":"0","trigger_id":"","adopted":false,"parent":null,"touch":null}',X'2732B7522A30CCC7BE29A8D880CFA8D011DFD47AC928D0AD4216E80F68E7DDD4');
INSERT INTO "events" VALUES(11,1,'tests','OrderAccepted','',NULL,2,'{"type":"OrderAccepted","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"venue_order_id":"v-2"}',X'F72533EBC3DE379A83C71F6B469BA062CA572E804D8E3A19B9145940B4010507');
INSERT INTO "events" VALUES(12,1,'tests','OrderFilled','','fill:BTC_USDT:2',2,'{"type":"OrderFilled","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"trade_id":"2","venue_order_id":"v-2","side":"buy","price":"100","quantity":"0.5","role":"taker","fee":"0.001","fee_currency":"BTC","gt_fee":"0","point_fee":"0"}',X'A4B365CC4964DB71E42A9A23C66DC2ACCC26C7CAC0B07D9719561EF028BA0F08');
INSERT INTO "events" VALUES(13,1,'tests','OrderFinished','',NULL,2,'{"type":"OrderFinished","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"filled_quantity":"0.5","reason":"filled"}',X'3419DC32E692D58F11A1615968DD74E23185F94B4C03A85A51F008419DE0037D');
INSERT INTO "events" VALUES(14,1,'tests','EquityMarked','',NULL,20,'{"type":"EquityMarked","at_ns":20,"currency":"USDT","equity":"10000","start":"10000","flows":"0","realised":"0","unrealised":"0","fees":"0","realised_fifo":null,"unrealised_fifo":null}',X'5C7E3092474C7CB19B9B1F0A3426CC23DB1AE523831685E2427D4009E4B30EFD');
INSERT INTO "events" VALUES(15,1,'tests','BalancesCompared','',NULL,20,'{"type":"BalancesCompared","at_ns":20,"fills":2,"differences":[],"began_at_ns":0,"drift":null,"drift_currency":""}',X'3F9A7C46DA4931E2BF72FC08FADEAAE66CC7C69C33FBC809D02EAE1EF3C1DAD0');
INSERT INTO "events" VALUES(16,1,'tests','SessionChanged','',NULL,6,'{"type":"SessionChanged","session":"ready","reason":"all parts ready","caller":"session keeper","at_ns":6,"exits_allowed":false}',X'FD09194C4020C930D6D0EDBBFE9E1D8DFA48CDA0228D0B82564E888B694E63A7');
INSERT INTO "events" VALUES(17,1,'tests','OperatorCommanded','',NULL,7,'{"type":"OperatorCommanded","method":"pause","params":{"reason":"lunch"},"caller":"uid 1000","at_ns":7,"idempotency_key":null}',X'C6CD617AB355684C43F1674AACCA38C91C8F8E6C238FAB0999A39A5F472F8CCB');
INSERT INTO "events" VALUES(18,1,'tests','OrderIntended','','intent:t-open',1,'{"type":"OrderIntended","client_order_id":"t-open","pair":"BTC_USDT","at_ns":1,"decision_id":"d-1","attempt":1,"trace_id":"trace-1","strategy":"trend","side":"buy","order_type":"limit","quantity":"2","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader","purpose":"entry","smallest":"0","trigger_id":"","adopted":false,"parent":null,"touch":null}',X'29267A26124F5816ECF78E7B2F6594F6C8C9090A9AD50E294A1A8FA68226BD71');
CREATE TABLE fills (
        seq INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL,
        pair TEXT NOT NULL, trade_id TEXT NOT NULL,
        client_order_id TEXT NOT NULL REFERENCES orders (client_order_id),
        venue_order_id TEXT NOT NULL, at_ns INTEGER NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('buy', 'sell')), role TEXT NOT NULL CHECK (role IN ('taker', 'maker')),
        price TEXT NOT NULL CHECK (price GLOB '[0-9]*'), quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'), fee TEXT NOT NULL CHECK (fee GLOB '[0-9]*' OR fee GLOB '-[0-9]*'),
        fee_currency TEXT NOT NULL, gt_fee TEXT NOT NULL CHECK (gt_fee GLOB '[0-9]*' OR gt_fee GLOB '-[0-9]*'), point_fee TEXT NOT NULL CHECK (point_fee GLOB '[0-9]*' OR point_fee GLOB '-[0-9]*'),
        UNIQUE (pair, trade_id)) STRICT;
INSERT INTO "fills" VALUES(6,1,'BTC_USDT','1','t-1','v-1',2,'buy','taker','100','0.5','0.001','BTC','0','0');
INSERT INTO "fills" VALUES(12,2,'BTC_USDT','2','t-2','v-2',2,'buy','taker','100','0.5','0.001','BTC','0','0');
CREATE TABLE head (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        epoch INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
        writes INTEGER NOT NULL) STRICT;
INSERT INTO "head" VALUES(1,1,18,X'29267A26124F5816ECF78E7B2F6594F6C8C9090A9AD50E294A1A8FA68226BD71',2);
CREATE TABLE lots (
        ordinal INTEGER PRIMARY KEY, pair TEXT NOT NULL, at_ns INTEGER NOT NULL,
        quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*' OR quantity GLOB '-[0-9]*'), cost TEXT NOT NULL CHECK (cost GLOB '[0-9]*' OR cost GLOB '-[0-9]*')) STRICT;
INSERT INTO "lots" VALUES(1,'BTC_USDT',2,'0.499','49.9');
INSERT INTO "lots" VALUES(2,'BTC_USDT',2,'0.499','49.9');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('name','simulated-1');
INSERT INTO "meta" VALUES('venue','simulated');
CREATE TABLE orders (
        intent_seq INTEGER PRIMARY KEY, client_order_id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,
        venue_order_id TEXT, decision_id TEXT NOT NULL, attempt INTEGER NOT NULL,
        trace_id TEXT NOT NULL, pair TEXT NOT NULL, strategy TEXT NOT NULL, side TEXT NOT NULL CHECK (side IN ('buy', 'sell')), order_type TEXT NOT NULL CHECK (order_type IN ('limit', 'market')), quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'), price TEXT NOT NULL CHECK (price GLOB '[0-9]*'),
        time_in_force TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('intended', 'unknown', 'open', 'rejected',
            'not_placed', 'filled', 'cancelled')),
        settled INTEGER NOT NULL CHECK (settled IN (0, 1)), alarms TEXT NOT NULL,
        filled TEXT NOT NULL CHECK (filled GLOB '[0-9]*'), filled_notional TEXT NOT NULL CHECK (filled_notional GLOB '[0-9]*'), working TEXT NOT NULL CHECK (working GLOB '[0-9]*'), missing_fills TEXT NOT NULL CHECK (missing_fills GLOB '[0-9]*'),
        intended_at_ns INTEGER NOT NULL, updated_at_ns INTEGER NOT NULL,
        fold TEXT NOT NULL, parent TEXT) STRICT;
INSERT INTO "orders" VALUES(4,'t-1',7,'v-1','d-1',1,'trace-1','BTC_USDT','trend','buy','limit','0.5','100','gtc','filled',1,'','0.5','50','0','0',2,2,'{"intent":{"type":"OrderIntended","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"decision_id":"d-1","attempt":1,"trace_id":"trace-1","strategy":"trend","side":"buy","order_type":"limit","quantity":"0.5","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader","purpose":"entry","smallest":"0","trigger_id":"","adopted":false,"parent":null,"touch":null},"accepted":{"type":"OrderAccepted","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"venue_order_id":"v-1"},"finished":{"type":"OrderFinished","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"filled_quantity":"0.5","reason":"filled"},"fills":[{"type":"OrderFilled","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"trade_id":"1","venue_order_id":"v-1","side":"buy","price":"100","quantity":"0.5","role":"taker","fee":"0.001","fee_currency":"BTC","gt_fee":"0","point_fee":"0"}],"filled":"0.5","filled_notional":"50.0"}',NULL);
INSERT INTO "orders" VALUES(10,'t-2',13,'v-2','d-2',1,'trace-2','BTC_USDT','trend','buy','limit','0.5','100','gtc','filled',1,'','0.5','50','0','0',2,2,'{"intent":{"type":"OrderIntended","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"decision_id":"d-2","attempt":1,"trace_id":"trace-2","strategy":"trend","side":"buy","order_type":"limit","quantity":"0.5","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader","purpose":"entry","smallest":"0","trigger_id":"","adopted":false,"parent":null,"touch":null},"accepted":{"type":"OrderAccepted","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"venue_order_id":"v-2"},"finished":{"type":"OrderFinished","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"filled_quantity":"0.5","reason":"filled"},"fills":[{"type":"OrderFilled","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"trade_id":"2","venue_order_id":"v-2","side":"buy","price":"100","quantity":"0.5","role":"taker","fee":"0.001","fee_currency":"BTC","gt_fee":"0","point_fee":"0"}],"filled":"0.5","filled_notional":"50.0"}',NULL);
INSERT INTO "orders" VALUES(18,'t-open',18,NULL,'d-1',1,'trace-1','BTC_USDT','trend','buy','limit','2','100','gtc','intended',0,'','0','0','2','0',1,1,'{"intent":{"type":"OrderIntended","client_order_id":"t-open","pair":"BTC_USDT","at_ns":1,"decision_id":"d-1","attempt":1,"trace_id":"trace-1","strategy":"trend","side":"buy","order_type":"limit","quantity":"2","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader","purpose":"entry","smallest":"0","trigger_id":"","adopted":false,"parent":null,"touch":null}}',NULL);
CREATE TABLE pair_sessions (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, pair TEXT NOT NULL, session TEXT NOT NULL CHECK (session IN ('ready', 'paused', 'draining', 'stopped')),
        reason TEXT NOT NULL, caller TEXT NOT NULL) STRICT;
CREATE TABLE parents (
        intent_seq INTEGER PRIMARY KEY, decision_id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,
        trace_id TEXT NOT NULL, pair TEXT NOT NULL, strategy TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('buy', 'sell')), quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'), price TEXT NOT NULL CHECK (price GLOB '[0-9]*'),
        purpose TEXT NOT NULL, plan TEXT NOT NULL,
        over INTEGER NOT NULL CHECK (over IN (0, 1)), reason TEXT NOT NULL,
        children INTEGER NOT NULL,
        filled TEXT NOT NULL CHECK (filled GLOB '[0-9]*'), filled_notional TEXT NOT NULL CHECK (filled_notional GLOB '[0-9]*'), outstanding TEXT NOT NULL CHECK (outstanding GLOB '[0-9]*'), left_over TEXT NOT NULL CHECK (left_over GLOB '[0-9]*'),
        slippage_bps REAL, intended_at_ns INTEGER NOT NULL, updated_at_ns INTEGER NOT NULL,
        fold TEXT NOT NULL) STRICT;
CREATE TABLE positions (
        pair TEXT PRIMARY KEY, quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'), oversold TEXT NOT NULL CHECK (oversold GLOB '[0-9]*'),
        cost TEXT NOT NULL CHECK (cost GLOB '[0-9]*' OR cost GLOB '-[0-9]*'), realised TEXT NOT NULL CHECK (realised GLOB '[0-9]*' OR realised GLOB '-[0-9]*'), fees TEXT NOT NULL CHECK (fees GLOB '[0-9]*' OR fees GLOB '-[0-9]*'), average_entry TEXT NOT NULL CHECK (average_entry GLOB '[0-9]*'),
        opened_at_ns INTEGER NOT NULL, realised_fifo TEXT NOT NULL CHECK (realised_fifo GLOB '[0-9]*' OR realised_fifo GLOB '-[0-9]*') DEFAULT '0') STRICT, WITHOUT ROWID;
INSERT INTO "positions" VALUES('BTC_USDT','0.998','0','99.8','0','0.2','100',2,'0');
CREATE TABLE protections (
        pair TEXT PRIMARY KEY, quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'), entry TEXT NOT NULL CHECK (entry GLOB '[0-9]*'),
        stop TEXT CHECK (stop IS NULL OR stop GLOB '[0-9]*'),
        target TEXT CHECK (target IS NULL OR target GLOB '[0-9]*'),
        began_at_ns INTEGER NOT NULL, flatten TEXT NOT NULL, fold TEXT NOT NULL)
        STRICT, WITHOUT ROWID;
INSERT INTO "protections" VALUES('BTC_USDT','0.998','100',NULL,NULL,2,'','{"pair":"BTC_USDT","quantity":"0.998","entry":"100","began_at_ns":2}');
CREATE TABLE pruned_keys (
        key TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE risk_marks (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
        equity TEXT NOT NULL CHECK (equity GLOB '[0-9]*' OR equity GLOB '-[0-9]*'), flows TEXT NOT NULL CHECK (flows GLOB '[0-9]*' OR flows GLOB '-[0-9]*'), peak TEXT NOT NULL CHECK (peak GLOB '[0-9]*' OR peak GLOB '-[0-9]*'), peak_at_ns INTEGER NOT NULL,
        day INTEGER NOT NULL, day_opening TEXT NOT NULL CHECK (day_opening GLOB '[0-9]*' OR day_opening GLOB '-[0-9]*'),
        tier TEXT NOT NULL CHECK (tier IN ('normal', 'warn', 'half', 'reduce', 'halt')),
        tier_since_ns INTEGER NOT NULL, halt_told INTEGER NOT NULL CHECK (halt_told IN (0, 1)),
        locks TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE TABLE sessions (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
        session TEXT NOT NULL CHECK (session IN ('starting', 'ready', 'paused', 'draining', 'stopped', 'emergency')),
        reason TEXT NOT NULL, caller TEXT NOT NULL) STRICT;
INSERT INTO "sessions" VALUES(16,6,'ready','all parts ready','session keeper');
CREATE TABLE snapshots (
        id INTEGER PRIMARY KEY, address TEXT NOT NULL, schema INTEGER NOT NULL,
        at_ns INTEGER NOT NULL, payload BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
CREATE TABLE trades (
        seq INTEGER PRIMARY KEY, pair TEXT NOT NULL, opened_at_ns INTEGER NOT NULL,
        closed_at_ns INTEGER NOT NULL, quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'),
        cost TEXT NOT NULL CHECK (cost GLOB '[0-9]*' OR cost GLOB '-[0-9]*'), proceeds TEXT NOT NULL CHECK (proceeds GLOB '[0-9]*' OR proceeds GLOB '-[0-9]*'), fees TEXT NOT NULL CHECK (fees GLOB '[0-9]*' OR fees GLOB '-[0-9]*'), profit TEXT NOT NULL CHECK (profit GLOB '[0-9]*' OR profit GLOB '-[0-9]*'), purpose TEXT NOT NULL CHECK (purpose IN ('entry', 'exit', 'stop_loss', 'take_profit', 'flatten'))) STRICT;
CREATE TABLE triggers (
        intent_seq INTEGER PRIMARY KEY, trigger_id TEXT NOT NULL UNIQUE, pair TEXT NOT NULL,
        number INTEGER NOT NULL, purpose TEXT NOT NULL,
        trigger_price TEXT NOT NULL CHECK (trigger_price GLOB '[0-9]*'), price TEXT NOT NULL CHECK (price GLOB '[0-9]*'), quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'),
        expiration_s INTEGER NOT NULL, intended_at_ns INTEGER NOT NULL, seq INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('intended', 'unknown', 'armed', 'ended')),
        ended_as TEXT, venue_trigger_id TEXT, fired_order_id TEXT, fold TEXT NOT NULL)
        STRICT;
CREATE TABLE trips (
        pair TEXT PRIMARY KEY, opened_at_ns INTEGER NOT NULL, reduced_at_ns INTEGER NOT NULL,
        held INTEGER NOT NULL CHECK (held IN (0, 1)),
        quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'), cost TEXT NOT NULL CHECK (cost GLOB '[0-9]*' OR cost GLOB '-[0-9]*'), proceeds TEXT NOT NULL CHECK (proceeds GLOB '[0-9]*' OR proceeds GLOB '-[0-9]*'), fees TEXT NOT NULL CHECK (fees GLOB '[0-9]*' OR fees GLOB '-[0-9]*'),
        smallest TEXT NOT NULL CHECK (smallest GLOB '[0-9]*'), purpose TEXT NOT NULL CHECK (purpose IN ('entry', 'exit', 'stop_loss', 'take_profit', 'flatten'))) STRICT, WITHOUT ROWID;
INSERT INTO "trips" VALUES('BTC_USDT',2,0,1,'0','0','0','0.2','0','exit');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX events_by_trace ON events (trace_id) WHERE trace_id <> '';
CREATE INDEX snapshots_by_address ON snapshots (address, id);
CREATE INDEX decisions_by_trace ON decisions (trace_id);
CREATE INDEX decisions_approved ON decisions (expires_at_ns) WHERE verdict <> 'deny';
CREATE INDEX orders_unsettled ON orders (settled) WHERE settled = 0;
CREATE INDEX orders_by_decision ON orders (decision_id);
CREATE INDEX fills_by_order ON fills (client_order_id);
CREATE INDEX fills_by_pair ON fills (pair);
CREATE INDEX equity_by_time ON equity (at_ns);
CREATE INDEX trades_by_time ON trades (closed_at_ns);
CREATE INDEX comparisons_agreed ON comparisons (seq) WHERE differences = '[]';
CREATE INDEX orders_by_venue_id ON orders (venue_order_id);
CREATE INDEX lots_held ON lots (pair) WHERE quantity <> '0';
CREATE INDEX decisions_by_code ON decisions (code) WHERE code IS NOT NULL;
CREATE INDEX triggers_live ON triggers (state) WHERE state <> 'ended';
CREATE INDEX triggers_by_pair ON triggers (pair, number);
CREATE INDEX parents_open ON parents (over) WHERE over = 0;
CREATE INDEX advice_asked_by_time ON advice_asked (at_ns);
CREATE INDEX advice_given_by_pair ON advice_given (pair, at_ns);
COMMIT;
