"""What is written before a question leaves, and what leaves. Pure."""

from actors.opinions.asked import Asked
from adapters.ports import ChatModel
from state.advice.contract import CONTRACT, SCHEMA_NAME, SYSTEM, schema
from state.config.advisor import AdvisorSettings
from state.messages.advice import AdviceAsked, ChatRequest, ContractUsed
from state.messages.journal import Entry
from state.values import TimeNs


def entries_of(
    asked: Asked, chat: ChatModel, name: str, settings: AdvisorSettings, now_ns: TimeNs
) -> tuple[Entry, Entry]:
    """Return what the journal has to know before the question leaves: the wording, and itself.

    Args:
        asked: The question.
        chat: Who is asked.
        name: The model's, as it is recorded.
        settings: How it is asked.
        now_ns: When.
    """
    question = asked.question
    event = AdviceAsked(
        request_id=question.request_id,
        pair=question.pair,
        at_ns=now_ns,
        provider=chat.provider,
        host=chat.host,
        model=name,
        contract=CONTRACT,
        prompt=asked.user,
        parameters={
            "temperature": "0",
            "max_tokens": str(settings.tokens_max),
            "within_s": f"{settings.within_s:g}",
        },
        reserved_tokens=asked.reservation.tokens,
        reserved_usd=asked.reservation.usd,
        state_hash=asked.state,
    )
    wording = ContractUsed(contract=CONTRACT, system=SYSTEM, at_ns=now_ns)
    return (
        Entry(event=wording, key=f"advice-contract:{CONTRACT}"),
        Entry(event=event, key=f"advice-asked:{question.request_id}", trace_id=question.request_id),
    )


def request_of(
    asked: Asked, settings: AdvisorSettings, within_s: float, repair: str | None
) -> ChatRequest:
    """Return what leaves.

    Args:
        asked: The question.
        settings: How it is asked.
        within_s: Until when an answer is of use.
        repair: What was wrong with the last answer; None the first time.
    """
    return ChatRequest(
        request_id=asked.question.request_id,
        model=asked.model,
        system=SYSTEM,
        user=asked.user,
        schema_name=SCHEMA_NAME,
        schema=schema(),
        max_tokens=settings.tokens_max,
        within_s=within_s,
        repair=repair,
    )
