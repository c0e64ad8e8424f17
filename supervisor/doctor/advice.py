"""Checks of the advisor: whether anybody can be asked, with this key, these models, this budget.

The list of models is asked for, once, by the client that asks questions; no question is asked, so
nothing is charged. A token that is exchanged for this look is forgotten with it.
"""

import concurrent.futures
import difflib
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from adapters.loop import LoopThread
from state.advice.budget import PER_MESSAGE, Caps, Cost, Spent, cost_of, worst_case
from state.advice.codes import MEANINGS, Code
from state.advice.contract import SYSTEM
from state.config import AdvisorCredential, AdvisorSettings, Config, Secret
from state.config.advisor import BASE_URL
from state.errors import ConfigurationInvalid
from state.messages.advice import ModelRow, ModelsListed, Provider, Usage
from supervisor.doctor.findings import Finding, fail, ok, skipped, warn
from supervisor.worlds.advice import Advice, advice, provider_of

LIMIT_S = 2.5
"""From the first word to the last; it runs beside the look at the exchange."""
FACTS_BYTES = 6_000
"""Of a usual question's facts, generously: those of a simulated day come to 4,900."""
BYTES_A_TOKEN = 3
"""Of a prompt that is mostly numbers; what is reserved counts each byte as a token."""
DAY_S = 86_400.0
_CLOSE_S = 0.1
_LATER = ("advisor_key", "advisor_models", "advisor_budget")
_NAMED_MAX = 3


class AdvisorLook:
    """One look, which begins at once and is told later.

    Args:
        config: Whom it wants.
        limit_s: The longest that it takes.
    """

    def __init__(self, config: Config, limit_s: float = LIMIT_S) -> None:
        self._config = config
        self._provider = provider_of(config)
        self._answer: concurrent.futures.Future[ModelsListed] = concurrent.futures.Future()
        self._limit_s = limit_s
        self._until = time.monotonic() + limit_s
        self._folder = tempfile.TemporaryDirectory(prefix="doctor-")
        self._loop: LoopThread | None = None
        self._advice: Advice | None = None
        self._refused = ""
        if self._is_asked:
            self._ask()

    @property
    def _is_asked(self) -> bool:
        """Whether there is anybody there: a stub of our own starts with the first question."""
        is_stub = self._provider is Provider.STUB
        return self._provider is not Provider.OFF and not (
            is_stub and self._config.advisor.stub_url is None
        )

    def findings(self) -> list[Finding]:
        """Return what there is to say, by the end of the limit at the latest."""
        try:
            return self._findings()
        finally:
            if self._advice is not None:
                self._advice.close()
            if self._loop is not None:
                self._loop.close(_CLOSE_S)
            self._folder.cleanup()

    def _ask(self) -> None:
        self._loop = LoopThread("doctor")
        try:
            self._advice = advice(
                self._config, loop=self._loop, folder=Path(self._folder.name), hide=_forget
            )
        except ConfigurationInvalid as error:
            self._refused = str(error)
            return
        assert self._advice.chat is not None
        self._advice.chat.list_models(self._answer.set_result)

    def _findings(self) -> list[Finding]:
        if self._provider is Provider.OFF:
            return [skipped("advisor", "nobody is asked: advisor.provider")]
        settings, pairs = self._config.advisor, len(self._config.pairs)
        if not self._is_asked:
            told = "a stub that knows nothing of markets; it starts with the first question"
            return [ok("advisor", told), budget(settings, pairs, ())]
        if self._refused:
            mend = 'set it, or advisor.provider = "off"'
            return [
                fail("advisor", self._refused, mend),
                *(skipped(check, "nobody could be asked") for check in _LATER),
            ]
        try:
            listed = self._answer.result(max(0.0, self._until - time.monotonic()))
        except concurrent.futures.TimeoutError:
            listed = ModelsListed(code=Code.TIMEOUT, detail=f"no answer within {self._limit_s:g} s")
        where = f"{self._provider}: {_address(self._config, self._provider)}"
        reached, key = judged(listed, where)
        if listed.code != Code.OK:
            return [reached, key, *(skipped(check, "no list was given") for check in _LATER[1:])]
        rows = listed.models
        return [reached, key, models(settings, rows), budget(settings, pairs, rows)]


def judged(listed: ModelsListed, where: str) -> tuple[Finding, Finding]:
    """Return what a look at the list says of the address and of the credential.

    Args:
        listed: What came of it.
        where: Who was asked, for people.
    """
    code, detail = Code(listed.code), listed.detail or MEANINGS[Code(listed.code)]
    told = f"{where}: {code}: {detail}"
    if code is Code.OK:
        reached = ok("advisor", f"{where} lists {len(listed.models)} models")
    elif code in _KEY_MENDS:
        reached = ok("advisor", f"{where} answers")
        return reached, fail("advisor_key", told, _KEY_MENDS[code])
    else:
        reached = fail("advisor", told, _MENDS.get(code, _ELSE))
        return reached, skipped("advisor_key", "nobody could say")
    if listed.warning:
        return reached, warn("advisor_key", listed.warning, _SUCCESSOR)
    return reached, ok("advisor_key", "it is taken, and its end is not near or not known")


def models(settings: AdvisorSettings, rows: tuple[ModelRow, ...]) -> Finding:
    """Return whether the models that would be asked are on the provider's list."""
    names = [row.id for row in rows]
    wanted = {"advisor.model": settings.model, "advisor.model_secondary": settings.model_secondary}
    missing = {key: name for key, name in wanted.items() if name and name not in names}
    if not missing:
        found = [name for name in wanted.values() if name]
        return ok("advisor_models", f"listed: {', '.join(found)}")
    told = "; ".join(f"{key} = {name} is not listed" for key, name in missing.items())
    near = [
        one
        for name in missing.values()
        for one in difflib.get_close_matches(name, names, _NAMED_MAX, 0.4)
    ]
    mend = f"name one that is: {', '.join((near or names)[:_NAMED_MAX])}"
    # With one of the two the advisor works.
    is_left = "advisor.model" not in missing or (
        settings.model_secondary is not None and "advisor.model_secondary" not in missing
    )
    return (warn if is_left else fail)("advisor_models", told, mend)


def budget(settings: AdvisorSettings, pairs: int, rows: tuple[ModelRow, ...]) -> Finding:
    """Return whether the caps of a day let the advisor be asked all day.

    Args:
        settings: How often it is asked, and the caps.
        pairs: How many are asked about.
        rows: The provider's list, for prices; empty for a stub, which costs nothing.
    """
    check = "advisor_budget"
    caps = Caps(
        calls=settings.calls_per_day_max,
        tokens=settings.tokens_per_day_max,
        usd=settings.usd_per_day_max,
    )
    asked = int(pairs * DAY_S / settings.every_s)
    price_in, price_out = _prices(settings, rows)
    most = worst_case(
        (SYSTEM, " " * FACTS_BYTES), settings.tokens_max, price_in, price_out, turns=2
    )
    if not Spent(day=0).allows(most, caps):
        told = f"not one question fits: it may need {most.tokens:,} tokens, {_usd(most.usd)}"
        return fail(check, told, f"raise {_tightest(most, caps)}")
    prompt = (len(SYSTEM.encode()) + FACTS_BYTES) // BYTES_A_TOKEN + 2 * PER_MESSAGE
    usual = Usage(prompt_tokens=prompt, completion_tokens=settings.tokens_max)
    one = cost_of(usual, price_in, price_out)
    day = Cost(tokens=asked * one.tokens, usd=asked * one.usd)
    told = f"{asked:,} questions a day, about {day.tokens:,} tokens, {_usd(day.usd)}"
    shares = {
        "calls_per_day_max": asked / caps.calls,
        "tokens_per_day_max": day.tokens / caps.tokens,
        "usd_per_day_max": float(day.usd / caps.usd),
    }
    cap, share = max(shares.items(), key=lambda one: one[1])
    if share <= 1:
        return ok(check, f"{told}: {share:.0%} of advisor.{cap}")
    told += f": advisor.{cap} is used up after {24 / share:.1f} h, then rules only"
    return warn(check, told, f"raise it, or set advisor.every_s to {settings.every_s * share:.0f}")


def _prices(settings: AdvisorSettings, rows: tuple[ModelRow, ...]) -> tuple[Decimal, Decimal]:
    """Return US dollars per token, of prompts and of answers, of the dearer model."""
    if not rows:
        return Decimal(0), Decimal(0)
    wanted = (settings.model, settings.model_secondary)
    known = [row for row in rows if row.id in wanted]
    ins = [row.price_in for row in known if row.price_in is not None]
    outs = [row.price_out for row in known if row.price_out is not None]
    million = 1_000_000
    return (
        max(ins, default=settings.price_in_max / million),
        max(outs, default=settings.price_out_max / million),
    )


def _tightest(cost: Cost, caps: Caps) -> str:
    if not caps.calls:
        return "advisor.calls_per_day_max"
    return "advisor.tokens_per_day_max" if cost.tokens > caps.tokens else "advisor.usd_per_day_max"


def _forget(secret: Secret) -> None:
    """Do nothing: nobody here keeps a log."""
    del secret


def _usd(amount: Decimal) -> str:
    return f"{amount:.2f} USD"


def _address(config: Config, provider: Provider) -> str:
    settings = config.advisor
    if provider is Provider.STUB:
        return settings.stub_url or ""
    by = "identity" if settings.credential is AdvisorCredential.IDENTITY else "key"
    return f"{settings.base_url} with a{'n' if by == 'identity' else ''} {by}"


_KEY = "set NEBIUS_API_KEY to a key that the console shows as active"
_SUCCESSOR = "make another key and set it as NEBIUS_API_KEY_NEXT"
_KEY_MENDS = {
    Code.CREDENTIAL_MISSING: _KEY,
    Code.CREDENTIAL_REFUSED: f"{_KEY}; keys of an older host are refused at {BASE_URL}",
    Code.FORBIDDEN: "give the key's account access to the project, or mend advisor.project",
    Code.PAYMENT_REQUIRED: 'top up the account, or set advisor.provider = "off"',
}
_MENDS = {
    Code.MODEL_UNKNOWN: f"is advisor.base_url right? {BASE_URL} ends in /v1",
    Code.RATE_LIMITED: "wait, or ask the provider for a higher limit",
    Code.SERVER_ERROR: "wait: the provider has trouble; trading goes on by rules",
    Code.BODY_UNREADABLE: "is advisor.base_url that of an OpenAI-compatible interface?",
}
_ELSE = "is advisor.base_url right, is the network up, does a firewall let it through?"
