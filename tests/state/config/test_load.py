"""Every wrong setting is named where it stands, with what is right; all of them at once."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.config import Config, LogFormat, LogLevel, default_toml, endpoints, load
from state.config.leaves import leaves
from state.errors import ConfigurationInvalid
from state.messages.market import Timeframe
from state.values import Venue

KEYS = {"GATE_API_KEY": "k" * 32, "GATE_API_SECRET": "s" * 64}


@pytest.fixture
def toml(tmp_path: Path):
    def written(text: str) -> Path:
        path = tmp_path / "gatehouse.toml"
        path.write_text(text)
        return path

    return written


def complaint(**sources) -> str:
    with pytest.raises(ConfigurationInvalid) as caught:
        load(**sources)
    return str(caught.value)


def test_nothing_given_is_the_default():
    loaded = load()
    assert loaded.config == Config()
    assert loaded.config.quote == "USDT"
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.origins.keys() == leaves().keys()


def test_the_default_file_gives_the_default_configuration(toml):
    loaded = load(toml(default_toml()))
    assert loaded.config == Config()


def test_the_default_file_stays_the_default_when_every_line_is_a_comment(toml):
    text = "\n".join(f"# {line}" for line in default_toml().splitlines())
    assert set(load(toml(text)).origins.values()) == {"default"}


def test_option_overrides_environment_overrides_file_overrides_default(toml):
    path = toml(
        'seed = 2\nvenue = "simulated"\n[risk]\norders_per_minute = 5\n[log]\nlevel="error"'
    )
    loaded = load(
        path,
        {"GATEHOUSE_SEED": "3", "GATEHOUSE_RISK__ORDERS_PER_MINUTE": "6", "HOME": "/"},
        {"seed": 4, "log.level": None},
    )
    config = loaded.config
    assert [config.seed, config.risk.orders_per_minute] == [4, 6]
    assert config.log.level is LogLevel.ERROR
    assert loaded.origins["seed"] == "option --seed"
    assert loaded.origins["risk.orders_per_minute"] == "env GATEHOUSE_RISK__ORDERS_PER_MINUTE"
    assert loaded.origins["log.level"] == f"{path}:6"
    assert loaded.origins["feed.depth_bps"] == "default"


def test_the_environment_may_name_the_file(toml):
    path = toml("seed = 9")
    environ = {"GATEHOUSE_CONFIG": str(path)}
    assert load(environ=environ).config.seed == 9
    assert load(toml("seed = 9"), environ | {"GATEHOUSE_SEED": ""}).config.seed == 9


def test_every_kind_of_value_is_taken_from_every_source(toml):
    path = toml(
        'pairs = ["ETH_USDT"]\nduration_s = 5\nexchange_url = "http://127.0.0.1:9/api/v4"\n'
        '[risk]\norder_notional_max = 0.1\nposition_notional_max = "0.3"\n'
        '[strategy.trend]\ntimeframe = "1m"\nimbalance_min = 0.5'
    )
    config = load(path).config
    assert config.pairs == ("ETH_USDT",)
    assert config.duration_s == 5.0
    assert config.risk.order_notional_max == Decimal("0.1")
    assert config.risk.position_notional_max == Decimal("0.3")
    assert config.strategy.trend.timeframe is Timeframe.M1
    environ = {
        "GATEHOUSE_PAIRS": "BTC_USDT, SOL_USDT",
        "GATEHOUSE_RISK__ORDER_NOTIONAL_MAX": "0.1",
        "GATEHOUSE_STRATEGY__TREND__IMBALANCE_MIN": "1e-1",
        "GATEHOUSE_LOG__FORMAT": "json",
    }
    config = load(environ=environ).config
    assert config.pairs == ("BTC_USDT", "SOL_USDT")
    assert config.risk.order_notional_max == Decimal("0.1")
    assert config.strategy.trend.imbalance_min == 0.1
    assert config.log.format is LogFormat.JSON
    options = {"pairs": ("BTC_USDT",), "duration_s": 2.5, "venue": Venue.SIMULATED}
    assert load(options=options).config.pairs == ("BTC_USDT",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seeed = 1", "toml:1: there is no setting seeed; did you mean seed?"),
        (
            "seed = 1\n\n[risk]\n# a comment\norder_notional_mx = 5",
            "toml:5: there is no setting risk.order_notional_mx; did you mean risk.order_not",
        ),
        ("[rsk]\nx = 1", "toml:1: there is no setting rsk; "),
        ("order_notional_max = 5", "did you mean risk.order_notional_max?"),
        ("xyzzy = 5", "`config show` lists every setting"),
        ('[risk]\nprice_band_bps = "wide"', "toml:2: risk.price_band_bps: expected a number"),
        (
            "[risk]\nprice_band_bps = 0.5",
            "risk.price_band_bps: expected a number from 1 to 5000 bps, got 0.5",
        ),
        ("[feed]\nbook_depth = 500", "a whole number from 20 to 100 levels, got 500"),
        ("[feed]\nbook_depth = 20.5", "a whole number from 20 to 100 levels, got 20.5"),
        ('[feed]\nbook_depth = "50"', "20 to 100 levels, got a text saying 50"),
        ("[feed]\nbook_depth = true", "got true"),
        ("[feed]\nbook_depth = [50]", "got a list"),
        ("[feed]\nbook_depth = {a = 1}", "toml:2: feed.book_depth: expected"),
        ("[feed]\nbook_depth = 1979-05-27", "got a date"),
        ("[feed]\nbook_stale_after_s = nan", "0.1 to 600 s, got NaN"),
        ("[feed]\nbook_stale_after_s = inf", "0.1 to 600 s, got Infinity"),
        ('venue = "moon"', "toml:1: venue: expected one of simulated, testnet, live, got"),
        ("feed = 3", "toml:1: there is no setting feed"),
        ("data_dir = 3", "data_dir: expected a text, got 3"),
        ('pairs = ["btc-usdt"]', "pairs: expected pairs in capitals, such as BTC_USDT"),
        ("pairs = []", "pairs: name at least one pair"),
        ('pairs = ["A_B", "A_B"]', "toml:1: pairs: a pair is named twice"),
        ('pairs = ["A_B", "A_C"]', "pairs: all pairs must be quoted in one currency"),
        ('dashboard = "here"', "dashboard: expected HOST:PORT or off"),
        ('dashboard = "here:99999"', "dashboard: a port is a whole number from 1 to 65535"),
        ('dashboard = "here:0"', "dashboard: a port is a whole number from 1 to 65535"),
        ('exchange_url = "ftp://x"', "exchange_url: expected http://HOST:PORT"),
        ('exchange_url = "http://u:p@x"', "without user"),
        (
            "[strategy.trend]\nfast_window = 900",
            "toml:2: strategy.trend.fast_window: must be smaller than strategy.trend.slow_window",
        ),
        ("[orders]\ncountdown_s = 3", "orders.countdown_s: Gate takes 5 s or more"),
        ("seed = 1\nseed = 2", "toml:2: is not TOML"),
        ("seed = ", "toml:1: is not TOML: Invalid value"),
        ("a\n[b", "toml:1: is not TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_line(toml, text, told):
    assert told in complaint(file=toml(text))


@pytest.mark.parametrize(
    "text",
    [
        'dashboard = "here:65535"',
        'dashboard = "[::1]:1"',
        'dashboard = "off"',
        "[orders]\ncountdown_s = 0",
        "[orders]\ncountdown_s = 5",
        "[risk]\nprice_band_bps = 1",
        "[risk]\nprice_band_bps = 5000",
        "[strategy.trend]\nfast_window = 2\nslow_window = 3",
    ],
)
def test_what_is_just_within_bounds_is_taken(toml, text):
    assert load(toml(text)).config != Config()


def test_a_wrong_variable_and_a_wrong_option_are_named():
    environ = {"GATEHOUSE_FEED__BOOK_DEPTH": "deep"}
    assert "env GATEHOUSE_FEED__BOOK_DEPTH: feed.book_depth: expected a whole" in complaint(
        environ=environ
    )
    assert "env GATEHOUSE_SEEED: there is no setting seeed; did you mean seed?" in complaint(
        environ={"GATEHOUSE_SEEED": "1"}
    )
    assert "option --duration: duration_s: expected a number from 0.1" in complaint(
        options={"duration_s": -1.0}
    )
    assert "option --log-level: log.level: expected one of trace" in complaint(
        options={"log.level": "loud"}
    )
    assert "option risc.x: there is no setting risc.x" in complaint(options={"risc.x": 1})
    assert "option --seed: seed: expected a whole number from 0 to 4294967295, got a set" in (
        complaint(options={"seed": {1}})
    )


def test_everything_that_is_wrong_is_told_at_once(toml):
    told = complaint(file=toml("seeed = 1\nvenue = 3"), environ={"GATEHOUSE_SEED": "x"})
    assert len(told.splitlines()) == 3


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    assert "none.toml: cannot be read: No such file" in complaint(file=tmp_path / "none.toml")
    (tmp_path / "raw.toml").write_bytes(b"\xff\xfe")
    assert "raw.toml: is not UTF-8 text" in complaint(file=tmp_path / "raw.toml")


@pytest.mark.parametrize(
    ("venue", "url", "told"),
    [
        ("live", "https://api-testnet.gateapi.io/api/v4", "Gate's testnet, but the venue is live"),
        ("live", "http://127.0.0.1:8080", "this machine, but the venue is live"),
        ("live", "http://localhost:8080", "this machine, but the venue is live"),
        ("live", "https://api.gateio.evil.example", "not one of Gate's"),
        ("live", "https://notgateio.ws", "not one of Gate's"),
        ("live", "http://api.gateio.ws", "by https only"),
        ("testnet", "https://api.gateio.ws/api/v4", "Gate's live, but the venue is testnet"),
        ("testnet", "http://[::1]:8080", "this machine, but the venue is testnet"),
        ("simulated", "https://api.gateio.ws/api/v4", "Gate's live, but the venue is simulated"),
        ("simulated", "https://API-TESTNET.GATEAPI.IO", "Gate's testnet, but the venue is"),
        ("simulated", "https://api.gateio.ws./x", "Gate's live, but the venue is simulated"),
    ],
)
def test_a_host_of_another_venue_is_refused(venue, url, told):
    assert told in complaint(environ=KEYS, options={"venue": venue, "exchange_url": url})


@pytest.mark.parametrize(
    ("venue", "url", "rest", "ws"),
    [
        ("live", None, "https://api.gateio.ws/api/v4", "wss://api.gateio.ws/ws/v4/"),
        (
            "live",
            "https://api.gateeu.com",
            "https://api.gateeu.com/api/v4",
            "wss://api.gateeu.com/ws/v4/",
        ),
        (
            "testnet",
            None,
            "https://api-testnet.gateapi.io/api/v4",
            "wss://ws-testnet.gate.com/v4/ws/spot",
        ),
        (
            "testnet",
            "https://api-testnet.gateapi.io/api/v4/",
            "https://api-testnet.gateapi.io/api/v4",
            "wss://ws-testnet.gate.com/v4/ws/spot",
        ),
        (
            "simulated",
            "http://exchange:8080",
            "http://exchange:8080/api/v4",
            "ws://exchange:8080/ws/v4/",
        ),
    ],
)
def test_the_venue_says_where_the_exchange_listens(venue, url, rest, ws):
    found = endpoints(load(environ=KEYS, options={"venue": venue, "exchange_url": url}).config)
    assert found is not None
    assert (found.rest, found.ws) == (rest, ws)


def test_further_addresses_are_tried_after_the_first():
    options = {"venue": "live", "stream_urls": "wss://ws.gate.io/v4/, wss://api.gateeu.com/ws/v4/"}
    found = endpoints(load(environ=KEYS, options=options).config)
    assert found is not None
    assert found.streams == (
        "wss://api.gateio.ws/ws/v4/",
        "wss://ws.gate.io/v4/",
        "wss://api.gateeu.com/ws/v4/",
    )


@pytest.mark.parametrize(
    ("venue", "urls", "told"),
    [
        ("live", "wss://api.gateio.ws/ws/v4/,wss://ws-testnet.gate.com/v4/ws/spot", "testnet"),
        ("live", "ws://api.gateio.ws/ws/v4/", "by wss only"),
        ("testnet", "wss://127.0.0.1/ws/v4/", "this machine, but the venue is testnet"),
        ("simulated", "wss://api.gateio.ws/ws/v4/", "Gate's live, but the venue is simulated"),
        ("simulated", "https://127.0.0.1/ws/v4/", "addresses such as wss://HOST/ws/v4/"),
    ],
)
def test_no_address_of_another_venue_is_tried(venue, urls, told):
    assert told in complaint(environ=KEYS, options={"venue": venue, "stream_urls": urls})


def test_the_simulated_exchange_starts_with_the_house_unless_told_otherwise():
    assert endpoints(Config()) is None


@pytest.mark.parametrize("venue", ["live", "testnet"])
def test_a_real_venue_needs_its_keys(venue):
    told = complaint(environ={"GATE_API_KEY": "k"}, options={"venue": venue})
    assert f"venue: {venue} needs GATE_API_SECRET, or GATE_API_SECRET_FILE" in told
    assert "GATE_API_KEY," not in told


@given(key=st.text(max_size=12), value=st.one_of(st.integers(), st.text(max_size=5), st.none()))
def test_rubbish_is_refused_and_never_crashes(key, value):
    try:
        load(environ={f"GATEHOUSE_{key}": str(value)}, options={key: value})
    except ConfigurationInvalid as error:
        assert str(error)  # noqa: PT017 (either outcome is fine, a crash is not)
