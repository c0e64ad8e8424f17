"""The source keeps the house rules: whatever a linter cannot know is read off the syntax here."""

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from scripts.proofs.processes import ROOT
from state.messages import accounts, journal, orders, venue

FLOORS = ("scripts", "supervisor", "actors", "adapters", "state")
KERNEL = ROOT / "actors" / "kernel"
AMBIENT = {"asyncio", "datetime", "os", "random", "secrets", "socket", "subprocess", "threading"}
AMBIENT |= {"time", "uuid"}
"""Clock, chance, ids, threads, network and disk: arguments, not imports."""
TOUCH_THE_MACHINE = {
    ROOT / "state" / "config" / "secret.py",
    ROOT / "state" / "store" / "backup.py",
    ROOT / "state" / "store" / "lock.py",
}
VAGUE = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|handler|stuff|tools)(_|\.|$)")
MARK = re.compile(r"#.*\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


def modules(*floors: str) -> list[Path]:
    """Return every source file of these floors, or of all."""
    return [path for floor in floors or FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def outside_the_kernel() -> list[Path]:
    """Return the modules of what each concern does."""
    return [path for path in modules("actors") if KERNEL not in path.parents]


def nodes(path: Path) -> Iterator[ast.AST]:
    """Return every node of a file's syntax."""
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def imported(path: Path) -> set[str]:
    """Return the packages that a file imports, by their first name."""
    names = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def called(path: Path) -> set[str]:
    """Return what a file calls, by the last name: `x.ask(…)` is `ask`."""
    calls = [node.func for node in nodes(path) if isinstance(node, ast.Call)]
    return {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in calls}


def test_only_the_risk_guard_makes_an_approved_order():
    makers = [path for path in modules() if "ApprovedOrder" in called(path)]
    assert makers == [ROOT / "actors" / "trading" / "risk_guard.py"]


def test_only_the_risk_guard_makes_an_approved_amendment():
    makers = [path for path in modules() if "ApprovedAmendment" in called(path)]
    assert makers == [ROOT / "actors" / "trading" / "risk_guard.py"]


def test_only_the_order_router_asks_the_exchange_to_place_an_order():
    execution = ROOT / "actors" / "execution"
    floors = modules("actors", "supervisor")
    assert [path for path in floors if "PlaceOrder" in called(path)] == [execution / "facts.py"]
    assert [path for path in floors if "placement" in called(path)] == [execution / "placing.py"]


def test_actors_and_knowledge_take_clock_chance_and_disk_as_arguments():
    for path in set(outside_the_kernel()) | set(modules("state")) - TOUCH_THE_MACHINE:
        assert not imported(path) & AMBIENT, path


def test_actors_never_wait_and_never_swallow_a_crash():
    for path in outside_the_kernel():
        assert not called(path) & {"ask", "proxy", "sleep", "acquire"}, path
        for node in nodes(path):
            if isinstance(node, ast.ExceptHandler):
                caught = "" if node.type is None else ast.unparse(node.type)
                assert caught, f"{path}:{node.lineno} catches everything"
                assert not re.search(r"\b(Base)?Exception\b", caught), f"{path}:{node.lineno}"


def test_only_trading_rules_round_money():
    state = ROOT / "state"
    # The share of a whole has to be a number at last; the demonstration makes its prices up.
    allowed = {state / "instrument.py", state / "exact.py", state / "store" / "demonstration.py"}
    rounding = {"quantize", "to_integral_value", "to_integral_exact", "normalize"}
    ours = [path for path in modules() if ROOT / "adapters" / "simulated" not in path.parents]
    assert {path for path in ours if called(path) & rounding} <= allowed


def test_no_plugin_of_the_environment_gets_at_a_database_of_ours():
    # sqlite-utils would look for them, too: 35 ms in each process.
    calls = [
        (path, node)
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Database"
    ]
    assert calls
    for path, call in calls:
        named = [f"{keyword.arg}={ast.unparse(keyword.value)}" for keyword in call.keywords]
        assert "execute_plugins=False" in named, f"{path}:{call.lineno}"


def test_a_file_holds_one_actor_at_most():
    for path in modules("actors"):
        actors = [
            node.name
            for node in nodes(path)
            if isinstance(node, ast.ClassDef)
            and any(ast.unparse(base) == "Actor" for base in node.bases)
        ]
        assert len(actors) <= 1, path


def test_no_module_is_named_for_a_thing_whose_job_was_not_found():
    assert [path for path in modules() if VAGUE.search(path.name)] == []


def test_nothing_is_left_for_later():
    for path in [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not MARK.search(line), f"{path}:{number}"


def money_messages() -> list[type[msgspec.Struct]]:
    """Return every message that speaks of orders, fills and money."""
    return [
        value
        for module in (orders, venue, accounts, journal)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct)
    ]


def parts(hint: Any) -> Iterator[Any]:
    """Return a type and all that it is made of."""
    yield hint
    for part in get_args(hint):
        yield from parts(part)


@pytest.mark.parametrize("field", ["price", "quantity", "fee", "change", "notional"])
def test_money_is_decimal_in_every_message_about_it(field):
    seen = 0
    for message in money_messages():
        for name, hint in get_type_hints(message).items():
            if field in name:
                assert float not in list(parts(hint)), f"{message.__name__}.{name}"
                seen += _is_money(hint)
    assert seen > 0, f"no {field} in any message: the test looks elsewhere"


def _is_money(hint: Any) -> bool:
    return any(getattr(part, "__supertype__", part) is Decimal for part in parts(hint))
