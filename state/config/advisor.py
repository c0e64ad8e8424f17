"""The settings of the advisor: `[advisor]`. Pure.

What is not confirmed of the provider (hosts, the identity exchange, whether it takes its tokens) is
a setting here and no constant: docs/advisor.md lists it.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from state.config.meaning import setting, switch
from state.messages.market import Timeframe

BASE_URL = "https://api.tokenfactory.nebius.com/v1"
OLD_HOSTS = ("api.studio.nebius.com", "api.studio.nebius.ai")
"""Former names of the service; a new key is refused there."""
_URL = r"https?://[^\s/@?#]+(/[^\s?#]*)?"
_URL_WORDS = "http://HOST:PORT/v1 or https://HOST/v1, without user, query or fragment"
_MODEL = r"[A-Za-z0-9][\w.:-]*(/[\w.:-]+)*"
_MODEL_WORDS = "a model id such as Qwen/Qwen3-30B-A3B-Instruct-2507"


class AdvisorProvider(StrEnum):
    """Who is asked."""

    AUTO = "auto"
    """Nebius where there is a key; else, at the simulated venue, the stub; else nobody."""
    NEBIUS = "nebius"
    STUB = "stub"
    OFF = "off"


class AdvisorCredential(StrEnum):
    """With what the provider is asked."""

    KEY = "key"
    """The key of `NEBIUS_API_KEY`, then that of `NEBIUS_API_KEY_NEXT`."""
    IDENTITY = "identity"
    """Short-lived tokens of Nebius IAM, in exchange for a signed one."""


class ReasoningEffort(StrEnum):
    """How long a reasoning model may think."""

    UNSET = "unset"
    """The field is not sent: models without reasoning refuse it."""
    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class AdvisorSettings(Struct, frozen=True, kw_only=True):
    """Who advises, how often, at what cost, and what its answers are held to."""

    provider: Annotated[
        AdvisorProvider,
        setting(
            "Who is asked: `nebius`, the `stub` that knows nothing, nobody (`off`), or `auto`: "
            "Nebius where there is a key, else the stub at the simulated venue."
        ),
    ] = AdvisorProvider.AUTO
    base_url: Annotated[
        str,
        setting(
            "Where the provider's OpenAI-compatible interface is.", pattern=_URL, expects=_URL_WORDS
        ),
    ] = BASE_URL
    stub_url: Annotated[
        str | None,
        setting(
            "A stub that already runs. Not set: one is started when it is first asked.",
            pattern=_URL,
            expects=_URL_WORDS,
        ),
    ] = None
    project: Annotated[
        str | None,
        setting(
            "The provider's project that calls are counted for, its `ai_project_id`.",
            pattern=r"[\w-]{1,100}",
            expects="an id of letters, digits and dashes",
        ),
    ] = None
    model: Annotated[
        str, setting("The model that is asked first.", pattern=_MODEL, expects=_MODEL_WORDS)
    ] = "Qwen/Qwen3-235B-A22B-Instruct-2507"
    model_secondary: Annotated[
        str | None,
        setting(
            "The model that is asked when the first one fails, best of another maker.",
            pattern=_MODEL,
            expects=_MODEL_WORDS,
        ),
    ] = "openai/gpt-oss-120b"
    reasoning_effort: Annotated[
        ReasoningEffort,
        setting("How long the first model may think; a model that refuses the field lacks it."),
    ] = ReasoningEffort.UNSET
    reasoning_effort_secondary: Annotated[
        ReasoningEffort, setting("The same of the second model.")
    ] = ReasoningEffort.LOW
    credential: Annotated[
        AdvisorCredential,
        setting("With what it is asked: a `key`, or tokens of an `identity` (Nebius IAM)."),
    ] = AdvisorCredential.KEY
    key_expires: Annotated[
        str | None,
        setting(
            "The day on which the key expires, where the console told: a warning comes before.",
            pattern=r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
            expects="a date such as 2027-05-31",
        ),
    ] = None
    identity_file: Annotated[
        str | None,
        setting(
            "The service account's credentials file (`subject-credentials`), of mode 0600.",
        ),
    ] = None
    identity_url: Annotated[
        str,
        setting(
            "Where a signed token is exchanged for an access token.",
            pattern=_URL,
            expects="https://HOST/PATH",
        ),
    ] = "https://auth.eu.nebius.com/oauth2/token/exchange"
    identity_audience: Annotated[
        str, setting("The `aud` of the signed token.", pattern=r"[\w.:/-]+", expects="a name")
    ] = "token-service.iam.new.nebiuscloud.net"
    timeframe: Annotated[
        Timeframe,
        setting("Length of the candles that an answer's distances are measured by."),
    ] = Timeframe.M5
    every_s: Annotated[
        float, setting("How often each pair is asked about.", unit="s", low=5, high=86_400)
    ] = 300.0
    begin_after_s: Annotated[
        float,
        setting("After its start the advisor lets so much time pass.", unit="s", low=0, high=3600),
    ] = 5.0
    within_s: Annotated[
        float,
        setting("An answer that comes later is not used.", unit="s", low=1, high=120),
    ] = 20.0
    tokens_max: Annotated[
        int, setting("Most that one answer may have.", unit="tokens", low=200, high=16_000)
    ] = 900
    requests_per_minute: Annotated[
        int, setting("Most requests, retries included.", unit="a minute", low=1, high=6000)
    ] = 30
    in_flight_max: Annotated[
        int, setting("Most questions under way at once.", unit="questions", low=1, high=20)
    ] = 2
    calls_per_day_max: Annotated[
        int, setting("Most questions of a UTC day.", unit="questions", low=1, high=1_000_000)
    ] = 2000
    tokens_per_day_max: Annotated[
        int, setting("Most tokens of a UTC day.", unit="tokens", low=1000, high=10**12)
    ] = 10_000_000
    usd_per_day_max: Annotated[
        Decimal, setting("Most that a UTC day may cost.", unit="USD", low=0, high=100_000)
    ] = Decimal(1)
    price_in_max: Annotated[
        Decimal,
        setting(
            "Taken for a model whose price the provider's list does not tell: of prompts.",
            unit="USD per million tokens",
            low=0,
            high=1000,
        ),
    ] = Decimal(3)
    price_out_max: Annotated[
        Decimal,
        setting("The same of answers.", unit="USD per million tokens", low=0, high=1000),
    ] = Decimal(15)
    cost_bps: Annotated[
        float,
        setting(
            "What a way in and out costs, fees and spread together: gains are counted after it.",
            unit="bps",
            low=0,
            high=1000,
        ),
    ] = 42.0
    reward_risk_min: Annotated[
        float,
        setting("Least reward to risk of an answer, after costs.", unit="ratio", low=1, high=20),
    ] = 1.5
    stop_bps_min: Annotated[
        float, setting("Nearest stop of an answer.", unit="bps", low=1, high=5000)
    ] = 10.0
    stop_bps_max: Annotated[
        float, setting("Furthest stop of an answer.", unit="bps", low=2, high=5000)
    ] = 1500.0
    stop_atr_min: Annotated[
        float, setting("Nearest stop, in average true ranges.", unit="ranges", low=0, high=100)
    ] = 0.5
    stop_atr_max: Annotated[
        float, setting("Furthest stop, in average true ranges.", unit="ranges", low=1, high=1000)
    ] = 4.0
    entry_atr_max: Annotated[
        float,
        setting("Furthest limit entry, in average true ranges.", unit="ranges", low=0, high=100),
    ] = 1.5
    reach_bps: Annotated[
        float,
        setting("No price of an answer is further away.", unit="bps", low=10, high=10_000),
    ] = 2000.0
    promote_after_days: Annotated[
        float, setting("A rung takes so many days at least.", unit="days", low=0, high=1000)
    ] = 30.0
    promote_after_answers: Annotated[
        int,
        setting("And so many answers whose end is known.", unit="answers", low=10, high=100_000),
    ] = 100
    promote_valid_share: Annotated[
        float,
        setting("And such a share that kept the contract.", unit="as a share", low=0, high=1),
    ] = 0.98
    texts: Annotated[
        bool, switch("Whether cleaned texts of strangers are shown to the model at all.")
    ] = True
    stub_script: Annotated[
        str,
        setting(
            "What the stub does, by turns; `python -m supervisor advisor-stub --help-failures` "
            "lists the names.",
            pattern=r"[a-z0-9_]+(,[a-z0-9_]+)*",
            expects="names separated by commas, such as good,rate_limit",
        ),
    ] = "good"
