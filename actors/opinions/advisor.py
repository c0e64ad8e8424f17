"""The advisor: asks a language model about each pair, judges what it answers, keeps its record."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors import addresses
from actors.kernel import Actor
from actors.opinions.advisor_alerts import Alerts, budget_alert, demotion_alert
from actors.opinions.advisor_mark import marked, now_asked
from actors.opinions.advisor_models import Models
from actors.opinions.advisor_record import Record
from actors.opinions.asked import SOURCE, Asked, Moment, given_of, opinion_of
from actors.opinions.asking import entries_of, request_of
from actors.opinions.at_hand import AtHand
from actors.opinions.trial import TIMEFRAME, Trials
from actors.outbox import Outbox
from adapters.ports import ChatModel
from state.advice import ladder
from state.advice.budget import day_of, worst_case
from state.advice.codes import FAILS_OVER, Code
from state.advice.contract import CONTRACT, SYSTEM
from state.advice.prompt import prompt, state_hash
from state.advice.validation import Verdict, judge
from state.config.advisor import AdvisorSettings
from state.messages.accounts import PositionChanged, PositionWanted
from state.messages.advice import (
    AdviceBooks,
    AdviceWanted,
    AdvisorMarked,
    AdvisorSought,
    Authority,
    AuthorityChanged,
    ChatAnswer,
    ChatFailed,
    ChatReplied,
    ModelsListed,
    PromotionAnswer,
    PromotionWanted,
    Provider,
    Question,
    TextSeen,
)
from state.messages.flow import FlowMeasured
from state.messages.held import RulesKnown
from state.messages.journal import Entry, Event, JournalOpened, RecordDenied, Recorded
from state.messages.market import (
    BookLost,
    BookMeasured,
    CandleClosed,
    HistoryGiven,
    HistoryWanted,
    Timeframe,
)
from state.messages.operations import AlertRaised
from state.messages.orders import RulesWanted
from state.messages.signals import (
    IndicatorsUpdated,
    LevelsUpdated,
    PatternFound,
    TrendMeasured,
)
from state.values import NS_PER_S, Pair, TimeNs

TICK_S = 1.0
LIST_EVERY_S = 300.0
"""Between two looks at the model list: the health probe, which costs nothing."""
RULES_AGAIN_S = 10.0
GRACE_S = 2.0
"""After its deadline a question that nobody answered is over, whatever became of it."""
REPAIR_S = 3.0
"""Least time that a repair, or another model, is tried with."""
HISTORY_BARS = 1500
"""Of a minute: more than the longest horizon."""
RANGE_BARS = 60
"""Of the decision's timeframe: enough for its average true range."""
_TOPICS: tuple[type[Any], ...] = (
    BookMeasured,
    BookLost,
    FlowMeasured,
    CandleClosed,
    HistoryGiven,
    IndicatorsUpdated,
    TrendMeasured,
    LevelsUpdated,
    PatternFound,
    PositionChanged,
    RulesKnown,
    TextSeen,
)


class _Tick(Struct, frozen=True):
    """Look whether somebody is to be asked about."""


class _Overdue(Struct, frozen=True):
    """A question should have been answered long ago."""

    request_id: str


class Advisor(Actor):
    """One for the house. Its record, budget and breakers are the journal's; a restart reads them.

    It asks off the trading path and waits for nothing: answers come as messages, and one that
    hangs costs one question. What it says is an `Opinion`; how far that is believed is its
    authority, which only its record and an operator can raise.

    Args:
        chat: The language model; None where nobody is asked.
        settings: Its own.
        pairs: What it is asked about; no answer can name another.
        process: Names this process in request ids, so that no later one repeats them.
    """

    def __init__(
        self,
        chat: ChatModel | None,
        settings: AdvisorSettings,
        pairs: tuple[Pair, ...],
        process: str,
    ) -> None:
        super().__init__()
        self._chat = chat
        self._settings = settings
        self._pairs = pairs
        self._process = process
        self._record = Record(settings, CONTRACT)
        self._at_hand = {pair: AtHand(pair, settings) for pair in pairs}
        self._known = False
        """Whether the journal has told what it knows: before, nobody is asked."""
        provider = Provider.OFF if chat is None else chat.provider
        self._models = Models(settings, provider)
        self._waiting: dict[int, Asked] = {}
        """Questions to leave when they are on the disk, by their record's number."""
        self._under_way: dict[str, Asked] = {}
        self._trials = Trials()
        self._alerts = Alerts()
        self._due_ns: dict[Pair, int] = {}
        """By the monotonic clock: when a pair is asked about next."""
        self._last_state: dict[Pair, str] = {}
        self._last: dict[Pair, tuple[str, TimeNs]] = {}
        self._list_ns = 0
        self._rules_ns = 0

    def on_start(self) -> None:
        """Ask what the journal knows; with nobody to ask, do nothing at all."""
        self._outbox = Outbox(self.address, self.incarnation)
        self.subscribe(JournalOpened)
        if self._chat is None:
            self._mark()
            return
        for pair in self._pairs:
            for topic in _TOPICS:
                self.subscribe(topic, pair)
            self.tell(addresses.LEDGER_KEEPER, PositionWanted(pair=pair, reply_to=self.address))
            self._last[pair] = (Code.NOT_ASKED_YET, self.now_ns())
        self._ask_history(self._settings.timeframe, RANGE_BARS)
        self.tell(addresses.RECORDER, AdviceWanted(reply_to=self.address))
        first_ns = self.monotonic_ns() + int(self._settings.begin_after_s * NS_PER_S)
        self._due_ns = dict.fromkeys(self._pairs, first_ns)
        self._list_ns = first_ns
        self.after(TICK_S, _Tick())

    def on_receive(self, message: Any) -> None:
        """Gather facts; ask when it is time; judge what comes back."""
        match message:
            case CandleClosed() | HistoryGiven():
                self._at_hand[message.pair].take(message, self.now_ns())
                self._try_trials(message)
            case RulesKnown():
                self._at_hand[message.pair].rules = message.rules
            case _Tick():
                self._on_tick()
            case ChatAnswer():
                self._on_answer(message)
            case _Overdue():
                self._on_overdue(message.request_id)
            case ModelsListed():
                self._on_models(message)
            case AdviceBooks():
                self._on_books(message)
            case Recorded():
                self._on_recorded(message)
            case RecordDenied():
                self._outbox.answered(message.request)
                self._waiting.pop(message.request, None)
            case JournalOpened():
                if not self._known and self._chat is not None:
                    self.tell(addresses.RECORDER, AdviceWanted(reply_to=self.address))
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case PromotionWanted():
                self._on_promotion(message)
            case AdvisorSought():
                self.tell(message.reply_to, self._now())
            case _:
                self._take(message)

    def _take(self, message: Any) -> None:
        pair = getattr(message, "pair", None)
        hand = None if pair is None else self._at_hand.get(pair)
        if hand is None or not hand.take(message, self.now_ns()):
            raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    # Asking.

    def _on_tick(self) -> None:
        self.after(TICK_S, _Tick())
        now_ns = self.monotonic_ns()
        self._ask_for_rules(now_ns)
        if self._chat is not None and now_ns >= self._list_ns:
            self._list_ns = now_ns + int(LIST_EVERY_S * NS_PER_S)
            self._chat.list_models(self.inlet())
        if not self._known:
            return
        for pair in self._pairs:
            if now_ns >= self._due_ns[pair] and not self._is_busy(pair):
                self._consider(pair, now_ns)

    def _is_busy(self, pair: Pair) -> bool:
        under_way = [*self._waiting.values(), *self._under_way.values()]
        at_most = self._settings.in_flight_max
        return len(under_way) >= at_most or any(one.question.pair == pair for one in under_way)

    def _consider(self, pair: Pair, now_ns: int) -> None:
        wait_s = self._settings.every_s * self._record.slowed(self.now_ns())
        request_id = f"{pair}/{SOURCE}/{self._process}/{self.next_id()}"
        question = self._at_hand[pair].question(request_id, self.now_ns())
        if question is None:
            self._not_asked(pair, Code.NOT_READY)
            return
        self._due_ns[pair] = now_ns + int(wait_s * NS_PER_S)
        state = state_hash(question)
        if state == self._last_state.get(pair):
            self._not_asked(pair, Code.UNCHANGED)
        elif self._record.held_only(self.now_ns()) and not question.held:
            self._not_asked(pair, Code.BUDGET)
        else:
            model = now_asked(self._models, self._record, self.now_ns())
            if model is None:
                self._not_asked(pair, Code.BREAKER_OPEN)
            else:
                self._ask(question, model, state, failed_over=False)

    def _ask(self, question: Question, model: str, state: str, *, failed_over: bool) -> None:
        assert self._chat is not None
        user = prompt(question)
        now_ns = self.now_ns()
        price_in, price_out = self._models.prices(model)
        most = self._settings.tokens_max
        cost = worst_case((SYSTEM, user), most, price_in, price_out, turns=2)
        if not self._record.reserve(cost, now_ns):
            self._not_asked(question.pair, Code.BUDGET)
            self._tell_budget()
            return
        asked = Asked(
            question=question,
            model=model,
            user=user,
            reservation=cost,
            day=day_of(now_ns),
            asked_ns=self.monotonic_ns(),
            state=state,
            failed_over=failed_over,
        )
        name = self._models.name(model)
        entries = entries_of(asked, self._chat, name, self._settings, now_ns)
        self._last_state[question.pair] = state
        self._waiting[self._write(*entries, durable=True)] = asked

    def _on_recorded(self, recorded: Recorded) -> None:
        self._outbox.answered(recorded.request)
        asked = self._waiting.pop(recorded.request, None)
        if asked is not None:
            self._under_way[asked.question.request_id] = asked
            left_s = self._left_s(asked)
            self.after(max(0.0, left_s) + GRACE_S, _Overdue(asked.question.request_id))
            self._send(asked, max(0.1, left_s))

    def _send(self, asked: Asked, within_s: float, repair: str | None = None) -> None:
        assert self._chat is not None
        asked.asked_ns = self.monotonic_ns() if repair is None else asked.asked_ns
        request = request_of(asked, self._settings, within_s, repair)
        self._chat.complete(request, self.inlet())

    def _left_s(self, asked: Asked) -> float:
        return (asked.question.deadline_ns - self.now_ns()) / NS_PER_S

    def _not_asked(self, pair: Pair, code: Code) -> None:
        self._record.counts[code] += 1
        if self._last.get(pair, ("", 0))[0] != code:
            self._last[pair] = (code, self.now_ns())
            self._mark()

    def _ask_for_rules(self, now_ns: int) -> None:
        missing = [pair for pair, hand in self._at_hand.items() if hand.rules is None]
        if missing and now_ns >= self._rules_ns:
            self._rules_ns = now_ns + int(RULES_AGAIN_S * NS_PER_S)
            for pair in missing:
                self.tell(addresses.RISK_GUARD, RulesWanted(pair=pair, reply_to=self.address))

    # Answers.

    def _on_answer(self, answer: ChatAnswer) -> None:
        asked = self._under_way.get(answer.request_id)
        if asked is None:
            self._record.counts[Code.LATE] += 1  # Given up, or of an earlier life.
            return
        outcome = answer.outcome
        if isinstance(outcome, ChatFailed):
            self._conclude(asked, Verdict(code=Code(outcome.code), detail=outcome.detail), outcome)
            return
        asked.replies.append(outcome)
        hand = self._at_hand[asked.question.pair]
        now_ns = self.now_ns()
        verdict = judge(asked.question, outcome, now_ns=now_ns, reference=hand.reference(now_ns))
        left_s = self._left_s(asked)
        if verdict.repairable and not asked.repaired and left_s >= REPAIR_S:
            asked.repaired = True
            self._send(asked, left_s, verdict.detail)
            return
        self._conclude(asked, verdict, outcome)

    def _on_overdue(self, request_id: str) -> None:
        asked = self._under_way.get(request_id)
        if asked is not None:
            failed = ChatFailed(code=Code.TIMEOUT, detail="nobody answered", billed=True)
            self._conclude(asked, Verdict(code=Code.TIMEOUT, detail=failed.detail), failed)

    def _conclude(self, asked: Asked, verdict: Verdict, outcome: ChatReplied | ChatFailed) -> None:
        del self._under_way[asked.question.request_id]
        used = asked.used(outcome, self._models.prices(asked.model))
        self._record.settle(asked.day, asked.reservation, used.cost or asked.reservation)
        given = given_of(asked, verdict, outcome, used, self._moment(asked, verdict))
        self._last[given.pair] = (given.code, given.at_ns)
        breaker = self._record.ended(given)
        self._journal(given, f"advice-given:{given.request_id}", given.request_id)
        opened = "" if breaker.permits(given.at_ns) else breaker.reason
        self._raise(*self._alerts.after_answer(given, opened))
        self._check_drift()
        self._mark()  # Before the opinion: who hears it has to know how far it is believed.
        if verdict.code is Code.OK:
            self._trials.begin(given)
            if given.authority is self._record.authority(self._models.first_name):
                self.publish(opinion_of(asked, given, 3 * self._settings.every_s))
            # Else the second model spoke, and what the first has earned is not its own.
        if verdict.code in FAILS_OVER and not asked.failed_over:
            self._fail_over(asked)

    def _fail_over(self, asked: Asked) -> None:
        """Ask the second model the same, where there is one and time is left."""
        second = self._models.second
        if second is None or second == asked.model or self._left_s(asked) < REPAIR_S:
            return
        if self._record.breaker(self._models.name(second)).permits(self.now_ns()):
            request_id = f"{asked.question.pair}/{SOURCE}/{self._process}/{self.next_id()}"
            question = replace(asked.question, request_id=request_id)
            self._ask(question, second, asked.state, failed_over=True)

    def _moment(self, asked: Asked, verdict: Verdict) -> Moment:
        assert self._chat is not None
        now_ns, name = self.now_ns(), self._models.name(asked.model)
        stated = None if verdict.said is None else verdict.said.confidence
        # One that may not be used can be of any size.
        is_one = stated is not None and 0.0 < stated < 1.0
        return Moment(
            now_ns=now_ns,
            monotonic_ns=self.monotonic_ns(),
            reference=self._at_hand[asked.question.pair].reference(now_ns),
            provider=self._chat.provider,
            model=name,
            authority=self._record.authority(name),
            calibrated=self._record.calibrated(name, stated or 0.0) if is_one else None,
            cost_bps=self._settings.cost_bps,
        )

    # What came of it.

    def _try_trials(self, news: CandleClosed | HistoryGiven) -> None:
        if news.timeframe is not TIMEFRAME:
            return
        is_whole = isinstance(news, HistoryGiven)
        if isinstance(news, HistoryGiven) and not news.ready:
            return  # It is told again once it is filled.
        candles = news.candles if isinstance(news, HistoryGiven) else (news,)
        ended, missed = self._trials.take(
            news.pair, candles, is_whole=is_whole, now_ns=self.now_ns()
        )
        if missed:
            # Who keeps them is asked, and this one comes again with them.
            self._ask_history(TIMEFRAME, HISTORY_BARS, news.pair)
        for one in ended:
            self._record.resolved(one)
            self._journal(one, f"advice-end:{one.request_id}", one.request_id)
        if ended:
            self._check_drift()
            self._mark()

    def _ask_history(self, timeframe: Timeframe, bars: int, pair: Pair | None = None) -> None:
        for one in self._pairs if pair is None else (pair,):
            wanted = HistoryWanted(pair=one, timeframe=timeframe, bars=bars, reply_to=self.address)
            self.tell(addresses.candle_builder(one), wanted)

    # Authority.

    def _on_promotion(self, wish: PromotionWanted) -> None:
        name = self._models.first_name
        now = self._record.authority(name)
        scores = self._record.scores(name, self.now_ns())
        refused = "the advisor is off" if self._chat is None else ""
        if not refused:
            refused = ladder.why_not_promoted(now, wish.authority, scores, self._record.bar) or ""
        if not refused and wish.authority is not now:
            self._change(wish.authority, wish.reason, wish.caller)
        answer = PromotionAnswer(
            request=wish.request, authority=self._record.authority(name), refused=refused
        )
        self.tell(wish.reply_to, answer)

    def _check_drift(self) -> None:
        """Take the authority away that the record no longer carries."""
        name = self._models.first_name
        if self._record.authority(name) is Authority.SHADOW:
            return
        why = ladder.why_demoted(self._record.scores(name, self.now_ns()), self._record.bar)
        if why is not None:
            self._change(Authority.SHADOW, why, self.address)
            self._raise(demotion_alert(why, self.now_ns()))

    def _change(self, authority: Authority, reason: str, caller: str) -> None:
        changed = AuthorityChanged(
            authority=authority,
            contract=CONTRACT,
            model=self._models.first_name,
            reason=reason,
            caller=caller,
            at_ns=self.now_ns(),
        )
        self._record.changed(changed)
        self._journal(changed)
        self._mark()

    # The journal, the provider's list, alerts.

    def _on_books(self, books: AdviceBooks) -> None:
        if self._known:
            return
        self._known = True
        self._record.begin(books, self.now_ns())
        self._last_state = {**books.last_state, **self._last_state}
        awaited = [
            self._trials.begin(one) for one in books.outstanding if one.pair in self._at_hand
        ]
        if any(awaited):
            self._ask_history(TIMEFRAME, HISTORY_BARS)
        earned = self._record.earned
        name = self._models.first_name
        if earned is not None and earned.authority is not Authority.SHADOW:
            if (earned.model, earned.contract) != (name, CONTRACT):
                self._change(Authority.SHADOW, "another model or wording", self.address)
            self._check_drift()
        self._mark()

    def _on_models(self, listed: ModelsListed) -> None:
        self._models.take(listed.models)
        self._raise(*self._alerts.after_list(listed, self._models.all, self.now_ns()))
        self._mark()

    def _tell_budget(self) -> None:
        day = self._record.spent.day
        if self._record.alerted_day != day:
            self._record.alerted_day = day
            self._raise(budget_alert(self._record.spent, self.now_ns()))
            self._mark()

    def _raise(self, *alerts: AlertRaised) -> None:
        for one in alerts:
            self._journal(one)

    def _journal(self, event: Event, key: str | None = None, trace_id: str = "") -> None:
        self._write(Entry(event=event, key=key, trace_id=trace_id))

    def _write(self, *entries: Entry, durable: bool = False) -> int:
        record = self._outbox.add(entries, durable=durable)
        self.tell(addresses.RECORDER, record)
        return record.request

    # Where it stands.

    def _mark(self) -> None:
        self.publish(self._now())

    def _now(self) -> AdvisorMarked:
        return marked(
            self._chat,
            self._models,
            self._record,
            last={pair: code for pair, (code, _) in self._last.items()},
            quarantined=sum(hand.quarantined for hand in self._at_hand.values()),
            now_ns=self.now_ns(),
        )
