"""What the doctor says of the advisor: who answers, to which key, how long."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.server_process import ServerProcess
from state.advice.codes import Code
from state.config import AdvisorSettings, load
from state.messages.advice import ModelRow, ModelsListed
from supervisor.doctor.advice import AdvisorLook, budget, judged, models
from supervisor.doctor.findings import Verdict

CANARY = "v1.canary-key-4711"
SETTINGS = AdvisorSettings()
ROWS = tuple(
    ModelRow(id=name, price_in=Decimal("0.0000002"), price_out=Decimal("0.0000006"))
    for name in (SETTINGS.model, str(SETTINGS.model_secondary), "Qwen/Qwen3-30B-A3B-Instruct-2507")
)


@pytest.fixture(scope="module")
def stub(tmp_path_factory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("stub")
    command = ["advisor-stub", "--exit-with-parent"]
    server = ServerProcess(command, name="stub", log="stub.log", folder=folder)
    yield json.loads(server.start())
    server.stop()


def look(environ=None, limit_s=60.0, **settings):
    options = {f"advisor.{name}": str(value) for name, value in settings.items()}
    config = load(None, environ or {}, options).config
    return {one.check: one for one in AdvisorLook(config, limit_s).findings()}


def verdicts(found):
    return [one.verdict.value for one in found.values()]


def test_a_provider_that_answers_is_ok_in_everything(stub):
    found = look({"NEBIUS_API_KEY": stub["key"]}, provider="nebius", base_url=stub["base_url"])
    assert list(found) == ["advisor", "advisor_key", "advisor_models", "advisor_budget"]
    assert set(verdicts(found)) == {"ok"}, found
    assert "lists 4 models" in found["advisor"].found


def test_a_key_that_is_refused_is_told_with_the_way_out_and_never_shown(stub):
    found = look({"NEBIUS_API_KEY": CANARY}, provider="nebius", base_url=stub["base_url"])
    assert verdicts(found) == ["ok", "fail", "skipped", "skipped"]
    assert "CREDENTIAL_REFUSED" in found["advisor_key"].found
    assert "NEBIUS_API_KEY" in found["advisor_key"].mend
    assert "canary" not in repr(found)


def test_a_key_that_ends_soon_is_warned_of(stub):
    soon = (datetime.now(UTC) + timedelta(days=5)).strftime("%Y-%m-%d")
    found = look(
        {"NEBIUS_API_KEY": stub["key"]},
        provider="nebius",
        base_url=stub["base_url"],
        key_expires=soon,
    )
    assert found["advisor_key"].verdict is Verdict.WARN
    assert "expires in" in found["advisor_key"].found
    assert "NEBIUS_API_KEY_NEXT" in found["advisor_key"].mend


def test_a_model_that_is_not_listed_is_told_with_those_that_are_like_it(stub):
    found = look(
        {"NEBIUS_API_KEY": stub["key"]},
        provider="nebius",
        base_url=stub["base_url"],
        model="Qwen/Qwen3-235B-A22B",
    )
    assert found["advisor_models"].verdict is Verdict.WARN  # The second one is still there.
    assert SETTINGS.model in found["advisor_models"].mend


@pytest.mark.parametrize("listens", [False, True])
def test_nobody_there_and_somebody_silent_are_told_in_time(listens):
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        if listens:
            there.listen()
        url = f"http://127.0.0.1:{there.getsockname()[1]}/v1"
        limit_s = 0.5 if listens else 60.0
        found = look({"NEBIUS_API_KEY": CANARY}, limit_s, provider="nebius", base_url=url)
    assert verdicts(found) == ["fail", "skipped", "skipped", "skipped"]
    assert ("TIMEOUT" if listens else "UNREACHABLE") in found["advisor"].found
    assert "advisor.base_url" in found["advisor"].mend


def test_without_a_key_a_provider_is_not_asked():
    found = look(provider="nebius")
    assert verdicts(found) == ["fail", "skipped", "skipped", "skipped"]
    assert "NEBIUS_API_KEY" in found["advisor"].found


def test_the_stub_of_a_house_without_a_key_is_told_as_one_and_nobody_is_skipped():
    found = look()
    assert verdicts(found) == ["ok", "ok"]
    assert "knows nothing of markets" in found["advisor"].found
    assert verdicts(look(provider="off")) == ["skipped"]


@pytest.mark.parametrize("code", [one for one in Code if one is not Code.OK])
def test_whatever_the_list_ended_in_has_a_way_out(code):
    reached, key = judged(ModelsListed(code=code, detail="why"), "there")
    failed = [one for one in (reached, key) if one.verdict is Verdict.FAIL]
    assert len(failed) == 1
    assert failed[0].mend
    assert f"{code}: why" in failed[0].found


@pytest.mark.parametrize(
    ("listed", "verdict"),
    [((0, 1), Verdict.OK), ((0, 2), Verdict.WARN), ((1, 2), Verdict.WARN), ((2,), Verdict.FAIL)],
)
def test_with_one_of_its_models_the_advisor_works_and_with_none_it_does_not(listed, verdict):
    assert models(SETTINGS, tuple(ROWS[one] for one in listed)).verdict is verdict


def test_a_budget_worked_by_hand():
    # Two pairs every 300 s are 576 questions. One is a third of 3,044 bytes of rules and 6,000 of
    # facts, 32 tokens around each, and 900 of an answer: 3,078 in at 0.0000002 USD and 900 out at
    # 0.0000006 are 0.0011556 USD.
    found = budget(SETTINGS, 2, ROWS)
    told = "576 questions a day, about 2,291,328 tokens, 0.67 USD: 67% of advisor.usd_per_day_max"
    assert (found.verdict, found.found) == (Verdict.OK, told)

    found = budget(SETTINGS, 5, ROWS)
    assert found.verdict is Verdict.WARN
    assert "advisor.usd_per_day_max is used up after 14.4 h, then rules only" in found.found
    assert found.mend == "raise it, or set advisor.every_s to 499"


@pytest.mark.parametrize(
    ("cap", "value"),
    [("usd_per_day_max", 0), ("tokens_per_day_max", 1000)],
)
def test_a_budget_in_which_no_question_fits_is_no_budget(cap, value):
    config = load(None, {}, {f"advisor.{cap}": str(value)}).config
    found = budget(config.advisor, 2, ROWS)
    assert found.verdict is Verdict.FAIL
    assert found.mend == f"raise advisor.{cap}"
