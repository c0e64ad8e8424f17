PRAGMA application_id = 1195463749;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
) STRICT;
INSERT INTO "_sqlite_migrations" VALUES(1,'gatehouse','m001_foundation','2026-11-22 21:08:59.645937+00:00');
CREATE TABLE alerts (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, alert TEXT NOT NULL,
        severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')), text TEXT NOT NULL,
        trace_id TEXT NOT NULL) STRICT;
INSERT INTO "alerts" VALUES(8,5,'feed_stale','warning','BTC_USDT is silent','');
CREATE TABLE anchor (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        seq INTEGER NOT NULL, hash BLOB NOT NULL, ledger TEXT NOT NULL) STRICT;
INSERT INTO "anchor" VALUES(1,0,X'0000000000000000000000000000000000000000000000000000000000000000','');
CREATE TABLE balances (
        currency TEXT PRIMARY KEY,
        amount TEXT NOT NULL CHECK (amount GLOB '[0-9]*' OR amount GLOB '-[0-9]*'), opened TEXT NOT NULL CHECK (opened GLOB '[0-9]*' OR opened GLOB '-[0-9]*'), moved TEXT NOT NULL CHECK (moved GLOB '[0-9]*' OR moved GLOB '-[0-9]*'), fees_elsewhere TEXT NOT NULL CHECK (fees_elsewhere GLOB '[0-9]*' OR fees_elsewhere GLOB '-[0-9]*'))
        STRICT, WITHOUT ROWID;
INSERT INTO "balances" VALUES('BTC','0.998','0','0','0');
INSERT INTO "balances" VALUES('USDT','9900','10000','0','0');
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
        equity TEXT NOT NULL CHECK (equity GLOB '[0-9]*' OR equity GLOB '-[0-9]*'), start TEXT NOT NULL CHECK (start GLOB '[0-9]*' OR start GLOB '-[0-9]*'), flows TEXT NOT NULL CHECK (flows GLOB '[0-9]*' OR flows GLOB '-[0-9]*'), realised TEXT NOT NULL CHECK (realised GLOB '[0-9]*' OR realised GLOB '-[0-9]*'), unrealised TEXT NOT NULL CHECK (unrealised GLOB '[0-9]*' OR unrealised GLOB '-[0-9]*'), fees TEXT NOT NULL CHECK (fees GLOB '[0-9]*' OR fees GLOB '-[0-9]*'))
        STRICT;
INSERT INTO "equity" VALUES(14,20,'USDT','10000','10000','0','0','0','0');
CREATE TABLE events (
        seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, actor TEXT NOT NULL, type TEXT NOT NULL,
        trace_id TEXT NOT NULL, key TEXT UNIQUE, at_ns INTEGER NOT NULL,
        payload TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
INSERT INTO "events" VALUES(1,1,'store','EpochBegan','','epoch:1',1,'{"type":"EpochBegan","epoch":1,"version":"test","at_ns":1}',X'74CBBB9128D843262D07436AEE6DD118BF86579802B6B07A44AFDDB9B46B00A4');
INSERT INTO "events" VALUES(2,1,'tests','FundsMoved','',NULL,1,'{"type":"FundsMoved","currency":"USDT","change":"10000","reason":"opening","at_ns":1}',X'DFB0286AFC1AF7A0A2452FC54211CD8AC4A60B4EDB0448D16D2BB852BEDDFF0C');
INSERT INTO "events" VALUES(3,1,'tests','DecisionMade','','decision:d-1',2,'{"type":"DecisionMade","decision_id":"d-1","trace_id":"trace-1","pair":"BTC_USDT","at_ns":2,"strategy":"trend","side":"buy","order_type":"limit","quantity":"3","price":"100","reason":"fast above slow, book agrees","worksheet":[{"name":"order_notional","quantity":"3"}],"verdict":"shrink","approved_quantity":"2","refusal":{"code":"POSITION_MAX","limit":"200","value":"300","largest":"2"},"expires_at_ns":0}',X'FDA811DEDE1AD2AFE9FA0276D730E6A9421C2531EF7837E54B41D268E66CAAD8');
INSERT INTO "events" VALUES(4,1,'tests','OrderIntended','','intent:t-1',2,'{"type":"OrderIntended","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"decision_id":"d-1","attempt":1,"trace_id":"trace-1","strategy":"trend","side":"buy","order_type":"limit","quantity":"0.5","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader"}',X'D35E9A6BECF6DE1023AA02208113034BB65296DDEFDDDF2E8DE834988F16A056');
INSERT INTO "events" VALUES(5,1,'tests','OrderAccepted','',NULL,2,'{"type":"OrderAccepted","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"venue_order_id":"v-1"}',X'439C84860BF5E6E3396B772B918B88AEC5A271C9325BC6EF96AC8E5211C6B059');
INSERT INTO "events" VALUES(6,1,'tests','OrderFilled','','fill:BTC_USDT:1',2,'{"type":"OrderFilled","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"trade_id":"1","venue_order_id":"v-1","side":"buy","price":"100","quantity":"0.5","role":"taker","fee":"0.001","fee_currency":"BTC","gt_fee":"0","point_fee":"0"}',X'4115F8CDCEDF71B3B84851F797FA8207B17AAB8DCEEF145AD2D2E639CE63D87A');
INSERT INTO "events" VALUES(7,1,'tests','OrderFinished','',NULL,2,'{"type":"OrderFinished","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"filled_quantity":"0.5","reason":"filled"}',X'B18C3FF7AE9F8A73D56F9CCB8B5BAD97241FA7B0E6735753861C1D0E319A0640');
INSERT INTO "events" VALUES(8,1,'tests','AlertRaised','',NULL,5,'{"type":"AlertRaised","alert":"feed_stale","severity":"warning","text":"BTC_USDT is silent","at_ns":5,"trace_id":""}',X'D297023F97BF33FF1AF7B4E56F83E6E27130D5EA3757934DE32E75A5E63AC859');
INSERT INTO "events" VALUES(9,1,'tests','DecisionMade','','decision:d-2',2,'{"type":"DecisionMade","decision_id":"d-2","trace_id":"trace-2","pair":"BTC_USDT","at_ns":2,"strategy":"trend","side":"buy","order_type":"limit","quantity":"3","price":"100","reason":"fast above slow, book agrees","worksheet":[{"name":"order_notional","quantity":"3"}],"verdict":"shrink","approved_quantity":"2","refusal":{"code":"POSITION_MAX","limit":"200","value":"300","largest":"2"},"expires_at_ns":0}',X'BA622A117F06E95AB16C89D9E6FFFC849795623E98739662B9263AD4905F52ED');
INSERT INTO "events" VALUES(10,1,'tests','OrderIntended','','intent:t-2',2,'{"type":"OrderIntended","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"decision_id":"d-2","attempt":1,"trace_id":"trace-2","strategy":"trend","side":"buy","order_type":"limit","quantity":"0.5","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader"}',X'23B7F314EC29FBA0EF08FAD673BAA2AD15363586EC225DF8E383819A81712DE3');
INSERT INTO "events" VALUES(11,1,'tests','OrderAccepted','',NULL,2,'{"type":"OrderAccepted","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"venue_order_id":"v-2"}',X'4A7B531CD506279BB3914999559DD0B5D7ADC3DA7EA3C7DBE3412EF53503988A');
INSERT INTO "events" VALUES(12,1,'tests','OrderFilled','','fill:BTC_USDT:2',2,'{"type":"OrderFilled","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"trade_id":"2","venue_order_id":"v-2","side":"buy","price":"100","quantity":"0.5","role":"taker","fee":"0.001","fee_currency":"BTC","gt_fee":"0","point_fee":"0"}',X'9A4CD3859AE165D8AFF1C2B2B3BD2002DED74DD304D46BF407CBC7E04564A1D4');
INSERT INTO "events" VALUES(13,1,'tests','OrderFinished','',NULL,2,'{"type":"OrderFinished","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"filled_quantity":"0.5","reason":"filled"}',X'B826BD9E74E7B78764EFB5368303380190173DFF59635321BE52675FA47C7A02');
INSERT INTO "events" VALUES(14,1,'tests','EquityMarked','',NULL,20,'{"type":"EquityMarked","at_ns":20,"currency":"USDT","equity":"10000","start":"10000","flows":"0","realised":"0","unrealised":"0","fees":"0"}',X'F6AC14CB07BA1121319A50042364FAEEB7FAEF9229BE7F50C4EFC9E96F7DB93E');
INSERT INTO "events" VALUES(15,1,'tests','BalancesCompared','',NULL,20,'{"type":"BalancesCompared","at_ns":20,"fills":2,"differences":[]}',X'891CCD8C0FE18CB060ACD9C35DDCE6B75C70FE589561E39EE38F327579B98B88');
INSERT INTO "events" VALUES(16,1,'tests','SessionChanged','',NULL,6,'{"type":"SessionChanged","session":"ready","reason":"all parts ready","caller":"session keeper","at_ns":6}',X'8491AF90487A2C61D3D76E191F11805E21492FC04C5E823642917E3E2EB838E8');
INSERT INTO "events" VALUES(17,1,'tests','OperatorCommanded','',NULL,7,'{"type":"OperatorCommanded","method":"pause","params":{"reason":"lunch"},"caller":"uid 1000","at_ns":7,"idempotency_key":null}',X'B8FF6F94159B6C56944FC934E2F87C9663E0CAF18D8DA65767A1D962F2A6E807');
INSERT INTO "events" VALUES(18,1,'tests','OrderIntended','','intent:t-open',1,'{"type":"OrderIntended","client_order_id":"t-open","pair":"BTC_USDT","at_ns":1,"decision_id":"d-1","attempt":1,"trace_id":"trace-1","strategy":"trend","side":"buy","order_type":"limit","quantity":"2","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader"}',X'FEEF5D77FEF2704E4455C8533E8A4118B89315469932D805A55A24B72BFA4025');
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
INSERT INTO "head" VALUES(1,1,18,X'FEEF5D77FEF2704E4455C8533E8A4118B89315469932D805A55A24B72BFA4025',2);
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
        fold TEXT NOT NULL) STRICT;
INSERT INTO "orders" VALUES(4,'t-1',7,'v-1','d-1',1,'trace-1','BTC_USDT','trend','buy','limit','0.5','100','gtc','filled',1,'','0.5','50','0','0',2,2,'{"intent":{"type":"OrderIntended","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"decision_id":"d-1","attempt":1,"trace_id":"trace-1","strategy":"trend","side":"buy","order_type":"limit","quantity":"0.5","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader"},"accepted":{"type":"OrderAccepted","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"venue_order_id":"v-1"},"finished":{"type":"OrderFinished","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"filled_quantity":"0.5","reason":"filled"},"fills":[{"type":"OrderFilled","client_order_id":"t-1","pair":"BTC_USDT","at_ns":2,"trade_id":"1","venue_order_id":"v-1","side":"buy","price":"100","quantity":"0.5","role":"taker","fee":"0.001","fee_currency":"BTC","gt_fee":"0","point_fee":"0"}],"filled":"0.5","filled_notional":"50.0"}');
INSERT INTO "orders" VALUES(10,'t-2',13,'v-2','d-2',1,'trace-2','BTC_USDT','trend','buy','limit','0.5','100','gtc','filled',1,'','0.5','50','0','0',2,2,'{"intent":{"type":"OrderIntended","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"decision_id":"d-2","attempt":1,"trace_id":"trace-2","strategy":"trend","side":"buy","order_type":"limit","quantity":"0.5","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader"},"accepted":{"type":"OrderAccepted","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"venue_order_id":"v-2"},"finished":{"type":"OrderFinished","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"filled_quantity":"0.5","reason":"filled"},"fills":[{"type":"OrderFilled","client_order_id":"t-2","pair":"BTC_USDT","at_ns":2,"trade_id":"2","venue_order_id":"v-2","side":"buy","price":"100","quantity":"0.5","role":"taker","fee":"0.001","fee_currency":"BTC","gt_fee":"0","point_fee":"0"}],"filled":"0.5","filled_notional":"50.0"}');
INSERT INTO "orders" VALUES(18,'t-open',18,NULL,'d-1',1,'trace-1','BTC_USDT','trend','buy','limit','2','100','gtc','intended',0,'','0','0','2','0',1,1,'{"intent":{"type":"OrderIntended","client_order_id":"t-open","pair":"BTC_USDT","at_ns":1,"decision_id":"d-1","attempt":1,"trace_id":"trace-1","strategy":"trend","side":"buy","order_type":"limit","quantity":"2","price":"100","time_in_force":"gtc","expires_at_ns":10,"reply_to":"trading/BTC_USDT/trader"}}');
CREATE TABLE positions (
        pair TEXT PRIMARY KEY, quantity TEXT NOT NULL CHECK (quantity GLOB '[0-9]*'), oversold TEXT NOT NULL CHECK (oversold GLOB '[0-9]*'),
        cost TEXT NOT NULL CHECK (cost GLOB '[0-9]*' OR cost GLOB '-[0-9]*'), realised TEXT NOT NULL CHECK (realised GLOB '[0-9]*' OR realised GLOB '-[0-9]*'), fees TEXT NOT NULL CHECK (fees GLOB '[0-9]*' OR fees GLOB '-[0-9]*'), average_entry TEXT NOT NULL CHECK (average_entry GLOB '[0-9]*'),
        opened_at_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "positions" VALUES('BTC_USDT','0.998','0','99.8','0','0.2','100',2);
CREATE TABLE pruned_keys (
        key TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
        seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
        session TEXT NOT NULL CHECK (session IN ('starting', 'ready', 'paused', 'draining', 'stopped', 'emergency')),
        reason TEXT NOT NULL, caller TEXT NOT NULL) STRICT;
INSERT INTO "sessions" VALUES(16,6,'ready','all parts ready','session keeper');
CREATE TABLE snapshots (
        id INTEGER PRIMARY KEY, address TEXT NOT NULL, schema INTEGER NOT NULL,
        at_ns INTEGER NOT NULL, payload BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
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
COMMIT;
