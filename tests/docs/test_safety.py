"""The commands of the proof take hours, so here they are only read: each is one that there is.

What they do is tested where it is built: tests/supervisor, tests/crash, tests/mutants,
tests/scripts.
"""

import importlib
import shlex

import click
import pytest

from scripts.proofs.processes import ROOT
from tests.docs.console import blocks

PAGE = ROOT / "docs" / "safety.md"
COMMANDS = {
    "scripts/run": "supervisor.__main__",
    "scripts/bench": "scripts.benchmarks.__main__",
    "scripts/kill_test.py": "scripts.kill_test",
}
LINES = [
    command.text.partition("#")[0].strip() for block in blocks(PAGE) for command in block.commands
]


def read(command: click.Command, words: list[str]) -> None:
    """Read a command line as click would, and run nothing."""
    context = command.make_context(command.name, words)
    if isinstance(command, click.Group) and context._protected_args:
        name, *rest = [*context._protected_args, *context.args]
        found = command.get_command(context, name)
        assert found is not None, name
        read(found, rest)


def test_the_page_shows_how_to_prove_it():
    assert len(LINES) >= 8


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_proof_exists(line, monkeypatch, tmp_path):
    launcher, *words = shlex.split(line)
    monkeypatch.syspath_prepend(ROOT / "scripts")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FAILURE.json").write_text("{}")
    read(importlib.import_module(COMMANDS[launcher]).main, words)
