"""What the advisor is asked, what it answers, what came of it, and how far it is believed.

Prices here are float64 from decimal strings: they are looked at, never paid. What advice costs is
real money, in US dollars, and is `Decimal`. A text that came from outside never decides anything.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct

from state.values import Pair, TimeNs


class Provider(StrEnum):
    """Who answers."""

    NEBIUS = "nebius"
    STUB = "stub"
    """A server of ours that speaks the same protocol; it knows nothing of markets."""
    OFF = "off"


class Authority(StrEnum):
    """How far the advisor is believed: a ladder that is climbed one rung at a time."""

    SHADOW = "shadow"
    """Asked, scored, ignored."""
    VETO = "veto"
    """It may shrink an entry, down to nothing; never enlarge one."""
    TILT = "tilt"
    """It may shrink or enlarge an entry, within bounds."""

    @property
    def rung(self) -> int:
        """0 for shadow, 1 for veto, 2 for tilt."""
        return list(Authority).index(self)


class Action(StrEnum):
    """What an answer recommends. Hold and abstain are different facts."""

    BUY = "buy"
    SELL = "sell"
    CLOSE = "close"
    HOLD = "hold"
    ABSTAIN = "abstain"

    @property
    def sign(self) -> int:
        """+1 to buy, -1 to sell, 0 otherwise."""
        return {Action.BUY: 1, Action.SELL: -1}.get(self, 0)


class Fact(Struct, frozen=True, kw_only=True):
    """One numbered, dated input that an answer may cite."""

    number: int
    """From 1, in the order of the request."""
    name: str
    value: float | str
    unit: str
    as_of_ns: TimeNs
    untrusted: bool = False
    """A text of strangers: data, not orders. It justifies nothing by itself."""

    @property
    def id(self) -> str:
        """How an answer cites it: `f3`."""
        return f"f{self.number}"


class Terms(Struct, frozen=True, kw_only=True):
    """What an answer is held to; the request tells all of it to the model."""

    tick: float
    """Price step, quote units."""
    cost_bps: float
    """Fees and spread of a way in and out, basis points."""
    reward_risk_min: float
    """Least ratio of reward to risk after costs."""
    stop_bps_min: float
    stop_bps_max: float
    stop_atr_min: float
    """Least distance of the stop in average true ranges, where those are known."""
    stop_atr_max: float
    entry_atr_max: float
    """Most that a limit entry may be away, in average true ranges."""
    reach_bps: float
    """No price of an answer is further from the reference than this."""


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of a pair: one pair, one decision."""

    request_id: str
    pair: Pair
    as_of_ns: TimeNs
    """The newest fact that went in; what an answer must repeat."""
    deadline_ns: TimeNs
    """An answer that comes later is scored and not used."""
    reference: float
    """The mid when it was asked, quote units."""
    spread: float
    """Quote units."""
    atr: float | None
    """Average true range of the decision's timeframe, quote units; None where it is not known."""
    held: bool
    """Whether a position is open."""
    facts: tuple[Fact, ...]
    terms: Terms


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a position would be opened."""

    kind: str
    """`market` or `limit`."""
    price: float | None
    """Of a limit; None of a market entry."""


class Evidence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fact that an answer rests on."""

    input_id: str
    value: str
    weighs: str
    """`for` or `against`."""


class Recommendation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer of the contract `rec/1`, as the model wrote it."""

    contract: str
    request_id: str
    symbol: str
    as_of: str
    action: Action
    confidence: float | None
    """Probability that the trade as written ends with a gain after costs."""
    horizon_minutes: int | None
    entry: Entry | None
    stop: float | None
    target: float | None
    rationale: str
    evidence: tuple[Evidence, ...]
    invalidation: str | None
    abstain_reason: str | None


class ChatRequest(Struct, frozen=True, kw_only=True, tag=True):
    """One exchange with a language model."""

    request_id: str
    model: str
    system: str
    user: str
    schema_name: str
    schema: dict[str, Any]
    """Of the answer, JSON Schema."""
    max_tokens: int
    within_s: float
    """Total, retries included."""
    repair: str | None = None
    """What was wrong with the form of its first answer, for the one repair."""


class Usage(Struct, frozen=True, kw_only=True):
    """What one exchange used, by the provider's own count."""

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0


class ChatReplied(Struct, frozen=True, kw_only=True, tag=True):
    """The model answered; nobody has judged what."""

    model: str
    """The model that says it answered."""
    content: str | None
    finish: str
    refusal: str | None
    usage: Usage | None
    """None where the provider did not say: then the reservation stays."""
    form: str
    """How it was asked for JSON: `json_schema`, `json_object` or `text`."""
    tries: int = 1
    """Requests that were sent, retries included."""
    support: str = ""
    """The provider's own ids of the request, for its support."""
    crowded: bool = False
    """The provider says that we are over our allowance: slow down."""


class ChatFailed(Struct, frozen=True, kw_only=True, tag=True):
    """There is no answer."""

    code: str
    """One of `state.advice.codes`."""
    detail: str
    """For people; never holds a credential."""
    tries: int = 1
    billed: bool = False
    """Whether the provider may have charged for it all the same."""
    support: str = ""


class ChatAnswer(Struct, frozen=True, kw_only=True, tag=True):
    """What became of a `ChatRequest`: exactly one for each."""

    request_id: str
    outcome: ChatReplied | ChatFailed


class ModelRow(Struct, frozen=True, kw_only=True):
    """One model of the provider's live list."""

    id: str
    context: int | None = None
    """Tokens it can read."""
    price_in: Decimal | None = None
    """US dollars per prompt token; None where the list does not say."""
    price_out: Decimal | None = None
    """US dollars per completion token."""


class ModelsListed(Struct, frozen=True, kw_only=True, tag=True):
    """What a look at the provider's model list gave."""

    models: tuple[ModelRow, ...] = ()
    code: str = "OK"
    """`OK`, or why the list could not be read."""
    detail: str = ""
    warning: str = ""
    """What the operator should know of the credential: when it expires."""


class TextSeen(Struct, frozen=True, kw_only=True, tag=True):
    """Published by whoever reads what strangers write."""

    pair: Pair
    source: str
    text: str
    seen_time_ns: TimeNs


class ContractUsed(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled once for each wording: the rules and the schema every request began with."""

    contract: str
    """Hash of the text."""
    system: str
    at_ns: TimeNs


class AdviceAsked(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled before the request leaves, so that no crash forgets what it may cost."""

    request_id: str
    pair: Pair
    at_ns: TimeNs
    provider: Provider
    host: str
    model: str
    contract: str
    prompt: str
    """The user's message, whole; the system's is in `ContractUsed`."""
    parameters: dict[str, str]
    """Temperature, most tokens, and whatever else was set."""
    reserved_tokens: int
    reserved_usd: Decimal
    state_hash: str
    """Of the facts without their times: equal states are not asked twice."""


class AdviceGiven(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: what came back, what it cost, and what was made of it."""

    request_id: str
    pair: Pair
    at_ns: TimeNs
    code: str
    """`OK`, or why it ended in abstaining: one of `state.advice.codes`."""
    detail: str
    provider: Provider
    model: str
    """The one asked."""
    contract: str
    answer: str
    """As it came, cut to 8 KiB."""
    finish: str
    latency_ms: float
    tries: int
    repaired: bool
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: Decimal
    """The reservation where the provider did not say."""
    cost_is_known: bool
    support: str
    recommendation: Recommendation | None
    reward_risk: float | None
    """Ours, after costs, from the reference when it was judged."""
    reference: float
    """The mid when it was judged, quote units; 0 where there was none."""
    expires_at_ns: TimeNs
    """End of its horizon; `at_ns` where there is nothing to wait for."""
    calibrated: float | None = None
    """The confidence that its record allows."""
    authority: Authority = Authority.SHADOW
    """How far it was believed when it came."""
    cost_bps: float = 0.0
    """Of a way in and out, as it was told to the model."""
    answered_by: str = ""
    """The model that says it answered; empty where none did."""
    form: str = ""
    """How JSON was asked for."""


class AdviceResolved(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: how the trade an answer described would have ended."""

    request_id: str
    pair: Pair
    at_ns: TimeNs
    contract: str
    model: str
    stated: float
    """The confidence it gave."""
    won: bool | None
    """Whether it would have gained after costs; None where candles are missing."""
    by: str
    """`stop`, `target`, `horizon` or `missing`."""
    result_r: float | None
    """Gain after costs over the risk taken."""


class AuthorityChanged(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: the advisor is believed more or less from now on."""

    authority: Authority
    contract: str
    """What it was earned with: another wording or model begins in shadow."""
    model: str
    reason: str
    caller: str
    at_ns: TimeNs


class Resolved(Struct, frozen=True, kw_only=True):
    """One answer whose end is known, for the score."""

    at_ns: TimeNs
    pair: Pair
    contract: str
    model: str
    stated: float
    won: bool
    result_r: float


class Past(Struct, frozen=True, kw_only=True):
    """How an earlier question ended: what breakers are made of."""

    pair: Pair
    at_ns: TimeNs
    code: str
    model: str
    contract: str


class Tally(Struct, frozen=True, kw_only=True):
    """Answers of one model with one wording."""

    model: str
    contract: str
    first_ns: TimeNs
    codes: dict[str, int]
    """How often each code was the end."""


class AdviceWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the recorder: what does the journal know of the advisor?"""

    reply_to: str


class AdviceBooks(Struct, frozen=True, kw_only=True, tag=True):
    """What the journal knows of the advisor: where a new life begins."""

    authority: AuthorityChanged | None
    """The newest change."""
    resolved: tuple[Resolved, ...]
    """The newest, oldest first."""
    outstanding: tuple[AdviceGiven, ...]
    """Actionable answers whose end is not known, oldest first."""
    recent: tuple[Past, ...]
    """The newest ends, oldest first."""
    tallies: tuple[Tally, ...]
    last_state: dict[Pair, str]
    """By pair: hash of the facts that were asked about last."""
    calls: int
    """Of the UTC day."""
    spent_tokens: int
    """Of the UTC day: used where it is known, reserved where not."""
    spent_usd: Decimal
    alerted: bool
    """Whether the day's caps were told to be reached."""


class Scores(Struct, frozen=True, kw_only=True):
    """How good the advisor has been, with one model and one wording."""

    model: str
    contract: str
    answers: int
    """Answers judged."""
    valid: int
    """Of these, how many kept the contract."""
    resolved: int
    """Actionable ones whose end is known."""
    days: float
    """Since the wording was first used."""
    base_rate: float | None
    brier: float | None
    """Mean squared error of the stated confidence."""
    brier_base: float | None
    """The same of always saying the base rate known by then."""
    skill: float | None
    """1 less the ratio of the two; above 0 it knows something."""
    skill_lower: float | None
    """Lower 90 % bound of the skill, by a bootstrap over days."""
    skill_recent: float | None
    """Over the newest 100."""
    log_loss: float | None
    calibration_error: float | None
    """Mean distance of confidence and frequency over ten bins, weighted by their size."""
    mean_r: float | None
    """Mean gain after costs over the risk taken."""
    bins: tuple["Bin", ...] = ()


class Bin(Struct, frozen=True, kw_only=True):
    """Answers of like confidence."""

    count: int
    stated: float
    """Their mean confidence."""
    won: float
    """How often they won."""


class Spending(Struct, frozen=True, kw_only=True):
    """What the UTC day has cost so far, against its caps."""

    day: int
    """UTC days since 1970-01-01."""
    calls: int
    tokens: int
    tokens_max: int
    usd: Decimal
    usd_max: Decimal
    rules_only: bool
    """Whether a cap is reached: nobody is asked until midnight UTC."""


class AdvisorMarked(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the advisor: where it stands."""

    provider: Provider
    label: str
    """For people: the host, and in capitals when it is only a stub."""
    model: str
    """The one that would be asked now."""
    contract: str
    authority: Authority
    scores: Scores | None
    eligible: bool
    """Whether its record allows the next rung, which only an operator grants."""
    lacks: tuple[str, ...]
    """What its record lacks for the next rung."""
    spending: Spending
    counts: dict[str, int]
    """How often each code was the end, since this life began."""
    breakers: dict[str, str]
    """By model: `closed`, or why and until when nobody asks it."""
    last: dict[Pair, str]
    """By pair: the newest code and when."""
    quarantined: int
    """Texts of strangers that were left out."""
    at_ns: TimeNs


class AdvisorSought(Struct, frozen=True, kw_only=True, tag=True):
    """To the advisor: tell me where you stand."""

    reply_to: str


class PromotionWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the advisor, from an operator: be believed so far from now on."""

    authority: Authority
    reason: str
    caller: str
    reply_to: str
    request: str


class PromotionAnswer(Struct, frozen=True, kw_only=True, tag=True):
    """What the advisor made of it."""

    request: str
    authority: Authority
    """As it is now."""
    refused: str = ""
