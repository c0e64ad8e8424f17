"""What a document shows is held against what was printed neither too strictly nor too kindly."""

import pytest

from tests.docs.console import blocks, missing

PRINTED = [
    "Gatehouse  ready  up 39 s",
    "",
    "pair      book       mid",
    "BTC_USDT  live  65,003.0",
    "order t-gh-7x53vmmuoke7ty7y-1 at -0.4 ms",
]


@pytest.mark.parametrize(
    "shown",
    [
        PRINTED,
        ["Gatehouse  ready  up 4 s"],
        ["Gatehouse ready up 40.5 s", ""],
        ["...", "BTC_USDT  live  1"],
        ["Gatehouse  ready  up 39 s", "...", "order t-gh-zzzz-1 at +12.5 ms", "..."],
        ["Gatehouse ... s"],
        ["..."],
        [],
    ],
)
def test_other_numbers_names_and_spaces_will_do(shown):
    assert missing(shown, PRINTED) is None


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (["Gatehouse  paused  up 39 s"], "Gatehouse  paused  up 39 s"),
        (["pair      book       mid"], "pair      book       mid"),
        (["Gatehouse  ready  up 39 s", "BTC_USDT  live  65,003.0"], "BTC_USDT  live  65,003.0"),
        (["...", "BTC_USDT  live"], "BTC_USDT  live"),
        (["...", "ETH_USDT  live  1"], "ETH_USDT  live  1"),
        (["...", "BTC_USDT  live  1", "pair  book  mid"], "pair  book  mid"),
        ([*PRINTED, "more"], "more"),
    ],
)
def test_another_word_order_or_place_will_not(shown, line):
    assert missing(shown, PRINTED) == line


def test_blocks_are_read_with_their_words_and_commands(tmp_path):
    document = tmp_path / "page.md"
    document.write_text(
        "Text\n\n```console wait=well exit=1\n$ one 'two'\nout\n$ three\n```\n\n"
        "1. Within a list:\n\n   ```sh not-run\n   # said\n   four\n   ```\n\n"
        "```text\n$ no command\n```\n"
    )
    first, second = blocks(document)
    assert first.place == "page.md:3"
    assert first.words == {"wait": "well", "exit": "1"}
    assert [(one.text, one.shown) for one in first.commands] == [
        ("one 'two'", ["out"]),
        ("three", []),
    ]
    assert [one.text for one in second.commands] == ["four"]
    assert "not-run" in second.words
