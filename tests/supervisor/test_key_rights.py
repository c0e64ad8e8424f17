"""A key is enough to trade with, and nothing that moves money away: else the doctor says so."""

from typing import Any

import pytest

from state.messages.venue import KeyRights
from state.values import Pair
from supervisor.doctor import Verdict
from supervisor.doctor.key_rights import key_rights, untold

BTC, ETH = Pair("BTC_USDT"), Pair("ETH_USDT")


def judged(**changes: Any):
    members: dict[str, Any] = {
        "acts_in": frozenset({"spot"}),
        "looks_at": frozenset({"account"}),
        "is_active": True,
        "addresses": ("192.0.2.7",),
    }
    return key_rights(KeyRights(**members | changes), (BTC, ETH))


def test_a_key_that_trades_spot_from_one_address_is_fine():
    finding = judged()
    assert (finding.verdict, finding.mend) == (Verdict.OK, "")
    assert finding.found == "may act in spot; may look at account; from 192.0.2.7"


@pytest.mark.parametrize("area", ["withdraw", "withdrawal", "wallet", "sub_accounts", "x_withdraw"])
def test_a_key_that_can_move_money_away_is_refused_with_a_way_to_a_safe_one(area):
    finding = judged(acts_in=frozenset({"spot", area}))
    assert finding.verdict is Verdict.FAIL
    assert f"{area} can move money away" in finding.found
    assert "make a new key" in finding.mend
    assert judged(looks_at=frozenset({area})).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("changes", "verdict", "found"),
    [
        ({"is_active": False}, Verdict.FAIL, "locked"),
        ({"acts_in": frozenset()}, Verdict.FAIL, "cannot trade"),
        ({"pairs": (BTC,)}, Verdict.FAIL, "lacks ETH_USDT"),
        ({"pairs": (BTC, ETH)}, Verdict.OK, ""),
        ({"acts_in": frozenset({"spot", "earn"})}, Verdict.WARN, "earn is never needed"),
        ({"addresses": ()}, Verdict.WARN, "from any address"),
    ],
)
def test_what_else_is_wrong_with_a_key_is_told(changes, verdict, found):
    finding = judged(**changes)
    assert finding.verdict is verdict
    assert found in finding.found
    assert bool(finding.mend) is (verdict is not Verdict.OK)


def test_what_the_exchange_does_not_say_has_to_be_looked_up():
    finding = untold("FORBIDDEN: no")
    assert finding.verdict is Verdict.WARN
    assert "FORBIDDEN" in finding.found
    assert "withdrawal" in finding.mend
