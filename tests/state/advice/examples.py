"""One good question, answer and event of each kind; members can be replaced."""

from decimal import Decimal
from typing import Any

import msgspec

from state.advice.contract import CONTRACT, VERSION
from state.advice.prompt import moment
from state.messages.advice import (
    AdviceAsked,
    AdviceGiven,
    AdviceResolved,
    AdvisorMarked,
    Authority,
    AuthorityChanged,
    ChatReplied,
    ContractUsed,
    Fact,
    Provider,
    Question,
    Recommendation,
    Resolved,
    Spending,
    Terms,
    Usage,
)
from state.values import NS_PER_S, Pair, TimeNs

BTC = Pair("BTC_USDT")
NOW = TimeNs(1_790_000_000 * NS_PER_S)
MODEL = "Qwen/Qwen3-235B-A22B-Instruct-2507"


def the_terms(**changes: Any) -> Terms:
    members: dict[str, Any] = {
        "tick": 0.1,
        "cost_bps": 42.0,
        "reward_risk_min": 1.5,
        "stop_bps_min": 10.0,
        "stop_bps_max": 1500.0,
        "stop_atr_min": 0.5,
        "stop_atr_max": 4.0,
        "entry_atr_max": 1.5,
        "reach_bps": 2000.0,
    }
    return Terms(**(members | changes))


def a_fact(number: int, name: str, value: float | str, unit: str, **changes: Any) -> Fact:
    members: dict[str, Any] = {"number": number, "name": name, "value": value, "unit": unit}
    return Fact(**(members | {"as_of_ns": NOW} | changes))


def the_facts() -> tuple[Fact, ...]:
    return (
        a_fact(1, "mid", 50000.0, "quote"),
        a_fact(2, "spread", 0.02, "bps"),
        a_fact(3, "book_imbalance", 0.34, "share"),
        a_fact(4, "close_5m", 49990.5, "quote"),
        a_fact(5, "rsi14_5m", 61.8, ""),
        a_fact(6, "volume_5m", 1234.5, "base"),
    )


def a_question(**changes: Any) -> Question:
    members: dict[str, Any] = {
        "request_id": "a-1",
        "pair": BTC,
        "as_of_ns": NOW,
        "deadline_ns": TimeNs(NOW + 20 * NS_PER_S),
        "reference": 50000.0,
        "spread": 0.1,
        "atr": 100.0,
        "held": False,
        "facts": the_facts(),
        "terms": the_terms(),
    }
    return Question(**(members | changes))


def an_answer(question: Question | None = None, **changes: Any) -> dict[str, Any]:
    """A purchase that keeps every rule: stop 2 ranges away, reward to risk 2 after costs."""
    question = question or a_question()
    cost, distance = 50000 * 42 / 10_000, 200.0
    members: dict[str, Any] = {
        "contract": VERSION,
        "request_id": question.request_id,
        "symbol": question.pair,
        "as_of": moment(question.as_of_ns),
        "action": "buy",
        "confidence": 0.58,
        "horizon_minutes": 60,
        "entry": {"kind": "market", "price": None},
        "stop": 50000 - distance,
        "target": 50000 + 2 * (distance + cost) + cost,
        "rationale": "I would buy: the book imbalance of 0.34 leans to the bid and rsi14_5m is at "
        "61.8, while the spread of 0.02 costs little.",
        "evidence": [
            {"input_id": "f3", "value": "0.34", "weighs": "for"},
            {"input_id": "f5", "value": "61.8", "weighs": "against"},
        ],
        "invalidation": "A close below 49990.5 on the 5m.",
        "abstain_reason": None,
    }
    return members | changes


def an_abstention(**changes: Any) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(
        ("confidence", "horizon_minutes", "entry", "stop", "target", "invalidation")
    )
    members: dict[str, Any] = {
        "action": "abstain",
        "rationale": "There is no edge.",
        "evidence": [],
        "abstain_reason": "no_edge",
    }
    return an_answer() | empty | members | changes


def a_reply(content: Any = None, **changes: Any) -> ChatReplied:
    """A reply whose content is `content` as JSON, or as it is where it is a text."""
    if content is None:
        content = an_answer()
    text = content if isinstance(content, str) else msgspec.json.encode(content).decode()
    members: dict[str, Any] = {
        "model": MODEL,
        "content": text,
        "finish": "stop",
        "refusal": None,
        "usage": Usage(prompt_tokens=1500, completion_tokens=250),
        "form": "json_schema",
    }
    return ChatReplied(**(members | changes))


def asked(**changes: Any) -> AdviceAsked:
    members: dict[str, Any] = {
        "request_id": "a-1",
        "pair": BTC,
        "at_ns": NOW,
        "provider": Provider.STUB,
        "host": "in process",
        "model": MODEL,
        "contract": CONTRACT,
        "prompt": "{}",
        "parameters": {"temperature": "0"},
        "reserved_tokens": 5000,
        "reserved_usd": Decimal("0.002"),
        "state_hash": "abc",
    }
    return AdviceAsked(**(members | changes))


def given(**changes: Any) -> AdviceGiven:
    members: dict[str, Any] = {
        "request_id": "a-1",
        "pair": BTC,
        "at_ns": TimeNs(NOW + NS_PER_S),
        "code": "OK",
        "detail": "",
        "provider": Provider.STUB,
        "model": MODEL,
        "contract": CONTRACT,
        "answer": "{}",
        "finish": "stop",
        "latency_ms": 800.0,
        "tries": 1,
        "repaired": False,
        "tokens_in": 1500,
        "tokens_out": 250,
        "cost_usd": Decimal("0.00045"),
        "cost_is_known": True,
        "support": "stub-1",
        "recommendation": msgspec.convert(an_answer(), Recommendation),
        "reward_risk": 2.0,
        "reference": 50000.0,
        "expires_at_ns": TimeNs(NOW + 3600 * NS_PER_S),
        "calibrated": 0.5,
        "cost_bps": 42.0,
    }
    return AdviceGiven(**(members | changes))


def an_outcome(**changes: Any) -> AdviceResolved:
    members: dict[str, Any] = {
        "request_id": "a-1",
        "pair": BTC,
        "at_ns": TimeNs(NOW + 1800 * NS_PER_S),
        "contract": CONTRACT,
        "model": MODEL,
        "stated": 0.58,
        "won": True,
        "by": "target",
        "result_r": 2.0,
    }
    return AdviceResolved(**(members | changes))


def a_promotion(**changes: Any) -> AuthorityChanged:
    members: dict[str, Any] = {
        "authority": Authority.VETO,
        "contract": CONTRACT,
        "model": MODEL,
        "reason": "its record",
        "caller": "uid 1000",
        "at_ns": NOW,
    }
    return AuthorityChanged(**(members | changes))


def a_wording() -> ContractUsed:
    return ContractUsed(contract=CONTRACT, system="the rules", at_ns=NOW)


def an_exchange() -> tuple[Any, ...]:
    """All that the journal holds of one question."""
    return (a_wording(), asked(), given(), an_outcome(), a_promotion())


def resolved(stated: float, *, won: bool, day: int = 0, **changes: Any) -> Resolved:
    members: dict[str, Any] = {
        "at_ns": TimeNs(NOW + day * 86_400 * NS_PER_S),
        "pair": BTC,
        "contract": CONTRACT,
        "model": MODEL,
        "stated": stated,
        "won": won,
        "result_r": 2.0 if won else -1.0,
    }
    return Resolved(**(members | changes))


def an_advisor(**changes: Any) -> AdvisorMarked:
    spending = Spending(
        day=20_000,
        calls=3,
        tokens=4500,
        tokens_max=10_000_000,
        usd=Decimal("0.5"),
        usd_max=Decimal(1),
        rules_only=False,
    )
    members: dict[str, Any] = {
        "provider": Provider.STUB,
        "label": "STUB, no real model (in process)",
        "model": MODEL,
        "contract": CONTRACT,
        "authority": Authority.SHADOW,
        "scores": None,
        "eligible": False,
        "lacks": ("no answer yet",),
        "spending": spending,
        "counts": {"OK": 3},
        "breakers": {MODEL: "closed"},
        "last": {BTC: "OK"},
        "quarantined": 0,
        "at_ns": NOW,
    }
    return AdvisorMarked(**(members | changes))
