"""Where the advisor stands, for whoever hears its opinions or looks at it. Pure."""

from collections.abc import Mapping

from actors.opinions.advisor_models import Models
from actors.opinions.advisor_record import Record
from adapters.ports import ChatModel
from state.advice import ladder
from state.advice.contract import CONTRACT
from state.messages.advice import AdvisorMarked, Provider
from state.values import Pair, TimeNs


def marked(
    chat: ChatModel | None,
    models: Models,
    record: Record,
    last: Mapping[Pair, str],
    quarantined: int,
    now_ns: TimeNs,
) -> AdvisorMarked:
    """Return where it stands.

    Args:
        chat: Who is asked; None where nobody is.
        models: Which of them.
        record: What they are worth and cost.
        last: How the last question about each pair ended.
        quarantined: Texts of strangers that nobody was shown.
        now_ns: When.
    """
    scores = record.scores(models.first_name, now_ns) if chat is not None else None
    lacks = ladder.lacking(scores, record.bar)
    breakers = {}
    for model in models.all:
        breaker = record.breaker(models.name(model))
        closed = breaker.permits(now_ns)
        breakers[model] = "closed" if closed else f"open: {breaker.reason}"
    return AdvisorMarked(
        provider=Provider.OFF if chat is None else chat.provider,
        label=_label(chat),
        model=now_asked(models, record, now_ns) or models.first,
        contract=CONTRACT,
        authority=record.authority(models.first_name),
        scores=scores,
        eligible=not lacks,
        lacks=lacks,
        spending=record.spending(now_ns),
        counts=dict(record.counts),
        breakers=breakers,
        last=dict(last),
        quarantined=quarantined,
        at_ns=now_ns,
    )


def now_asked(models: Models, record: Record, now_ns: TimeNs) -> str | None:
    """Return the first model that may be asked, None where every breaker is open."""
    names = (one for one in models.all if record.breaker(models.name(one)).permits(now_ns))
    return next(names, None)


def _label(chat: ChatModel | None) -> str:
    if chat is None:
        return "off"
    if chat.provider is Provider.STUB:
        return f"STUB, no real model ({chat.host})"
    return chat.host
