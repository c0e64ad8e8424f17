"""Every setting says what it means, in which unit and range; and each stands on its line."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.config import default_toml, load, shown
from state.config.leaves import leaves
from state.config.toml_lines import key_lines, line_of

LEAVES = list(leaves().values())
UNITLESS = {"seed"}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.key)
def test_every_setting_is_documented(leaf):
    assert len(leaf.meaning) > 10
    assert leaf.meaning[0].isupper() or leaf.meaning.startswith("`")
    assert leaf.meaning.endswith(".")
    if leaf.is_number:
        assert leaf.low < leaf.high
        assert bool(leaf.unit) == (leaf.key not in UNITLESS)
    if leaf.pattern:
        assert leaf.expects


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.key)
def test_a_name_that_ends_in_a_unit_agrees_with_its_unit(leaf):
    suffix = leaf.key.rpartition("_")[2]
    if suffix in ("s", "bps", "mb"):
        assert leaf.unit.lower() == suffix


def test_every_setting_is_in_the_default_file_with_its_meaning():
    text = default_toml()
    content = tomllib.loads(text)
    for leaf in LEAVES:
        *tables, name = leaf.key.split(".")
        branch = content
        for table in tables:
            branch = branch.get(table, {})
        if leaf.is_secret:
            assert name not in branch
        elif leaf.default is None:
            assert f"# {name} =" in text
        else:
            assert name in branch
        assert leaf.meaning.split()[0] in text
    assert max(map(len, text.splitlines())) <= 100


def test_names_for_the_environment_and_the_command_line():
    known = leaves()
    assert known["risk.order_notional_max"].variable == "GATEHOUSE_RISK__ORDER_NOTIONAL_MAX"
    assert known["secrets.gate_api_key"].variable == "GATE_API_KEY"
    assert known["duration_s"].option == "--duration"
    assert known["data_dir"].option == "--data-dir"
    assert known["log.level"].option == "--log-level"


def test_every_setting_is_shown_with_value_and_origin():
    rows = shown(load(environ={"GATEHOUSE_RISK__PRICE_BAND_BPS": "50.50"}))
    assert [row.key for row in rows] == [leaf.key for leaf in LEAVES]
    found = {row.key: (row.value, row.origin) for row in rows}
    assert found["risk.price_band_bps"] == ("50.5", "env GATEHOUSE_RISK__PRICE_BAND_BPS")
    assert found["venue"] == ("simulated", "default")
    assert list(found["pairs"][0]) == ["BTC_USDT", "ETH_USDT"]
    assert found["duration_s"] == (None, "default")


def test_lines_are_found_through_every_kind_of_toml():
    text = '''# a comment with = and [brackets]
a = 1

b.c = "x = 3 # no comment"
"d e" = 'z'   # 5
f = """
g = 7 \\"""
"""
h = [  # 9
  "i = 10",
  { j = 1 },
]
[k . "l m"]
n = \'\'\'
o = 1\'\'\'
  p = { q = 1, r = { s = 2 } }
[[t]]
u = 1
[k.v]
w = -1e5
'''
    tomllib.loads(text)
    lines = key_lines(text)
    assert lines == {
        "a": 2,
        "b.c": 4,
        "d e": 5,
        "f": 6,
        "h": 9,
        "k.l m": 13,
        "k.l m.n": 14,
        "k.l m.p": 16,
        "t": 17,
        "t.u": 18,
        "k.v": 19,
        "k.v.w": 20,
    }
    assert line_of(lines, "k.l m.p.q") == 16
    assert line_of(lines, "nowhere") == 1
    assert line_of(lines, "k.v.x") == 19


names = st.text("abc_", min_size=1, max_size=3)


@given(tables=st.dictionaries(names, st.dictionaries(names, st.text(max_size=20), max_size=4)))
def test_every_key_stands_on_the_line_that_is_told(tables):
    lines, expected = [], {}
    for table, keys in tables.items():
        lines.append(f"[x{table}]")
        expected[f"x{table}"] = len(lines)
        for key, value in keys.items():
            escaped = "".join(f"\\U{ord(character):08x}" for character in value)
            lines.append(f'{key} = "{escaped}" # "')
            expected[f"x{table}.{key}"] = len(lines)
    text = "\n".join(lines)
    tomllib.loads(text)
    assert key_lines(text) == expected
