"""The log says everything once, shows no secret, and never holds up whoever speaks."""

import io
import json
import logging
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest
from loguru import logger

from adapters.log import FILE_NAME, Log
from adapters.log_files import RotatingFile
from adapters.log_lines import Redactor
from state.config.secret import Secret
from state.config.settings import LogFormat, LogLevel, LogSettings

ROOT = Path(__file__).parents[2]
CANARY = 'canary"37\\f1b9c2/=+d4'
SIGNATURE = "0123456789abcdef" * 8


@pytest.fixture
def open_log(tmp_path):
    """Open a log that writes to a text and to files; closed at the end."""
    opened = []

    def make(**options):
        console = io.StringIO()
        settings = LogSettings(**{"level": LogLevel.INFO, "format": LogFormat.HUMAN} | options)
        log = Log(settings, folder=tmp_path, secrets=[Secret(CANARY)], console=console)
        opened.append(log)
        return log, console

    yield make
    for log in opened:
        log.close()


def file_of(tmp_path):
    return (tmp_path / FILE_NAME).read_text()


def test_everything_said_is_in_the_file_and_on_the_console_after_the_end(open_log, tmp_path):
    log, console = open_log()
    for number in range(3000):
        logger.info("line {}", number)
    log.close()
    lines = file_of(tmp_path).splitlines()
    assert len(lines) == 3000
    assert lines[0].endswith("| line 0")
    assert lines[-1].endswith("| line 2999")
    assert console.getvalue() == file_of(tmp_path)


def test_a_machine_reads_one_object_a_line(open_log, tmp_path):
    log, _ = open_log(format=LogFormat.JSON)
    logger.bind(pair="BTC_USDT").warning("spread\n{}", 7)
    try:
        int("inner")
    except ValueError:
        logger.exception("it failed")
    log.close()
    first, second = map(json.loads, file_of(tmp_path).splitlines())
    assert first["level"] == "WARNING"
    assert first["message"] == "spread\n7"
    assert first["extra"] == {"pair": "BTC_USDT"}
    assert first["subsystem"].endswith("test_log")
    assert first["time"].endswith("+00:00")
    assert "ValueError: invalid literal" in second["exception"]


def test_a_line_cannot_fake_another_or_command_the_terminal(open_log, tmp_path):
    log, _ = open_log()
    logger.info("one\n2026-01-01 00:00:00.000 ERROR    forged | \x1b[2Jtwo\r")
    log.close()
    first, second = file_of(tmp_path).splitlines()
    assert first.endswith("| one")
    assert second.startswith("    ")
    assert "\x1b" not in second


def test_a_level_is_changed_for_one_subsystem_while_running(open_log, tmp_path):
    log, _ = open_log()

    def said_by(name, text):
        def by(record):
            record["name"] = name

        logger.patch(by).debug(text)

    said_by("adapters.gate.rest", "before")
    log.set_level("adapters.gate", "DEBUG")
    said_by("adapters.gate.rest", "during")
    said_by("adapters.gateway", "a neighbour")
    log.set_level("adapters.gate", "info")
    said_by("adapters.gate.rest", "after")
    assert log.levels()["adapters.gate"] == "info"
    log.close()
    assert [line.split("| ")[1] for line in file_of(tmp_path).splitlines()] == ["during"]


def test_an_unknown_level_is_refused(open_log):
    log, _ = open_log()
    with pytest.raises(ValueError, match="loud"):
        log.set_level("adapters", "loud")


def test_no_line_is_lost_or_doubled_while_levels_change(open_log, tmp_path):
    log, _ = open_log()
    stop = threading.Event()

    def change():
        while not stop.is_set():
            log.set_level("some.where", "debug")
            log.set_level("some.where", "warning")

    changing = threading.Thread(target=change)
    changing.start()
    for number in range(5000):
        logger.info("line {}", number)
    stop.set()
    changing.join()
    log.close()
    said = [int(line.rsplit(" ", 1)[1]) for line in file_of(tmp_path).splitlines()]
    assert said == list(range(5000))


def test_repeated_lines_are_counted_instead_of_written(open_log, tmp_path):
    log, _ = open_log()
    for _ in range(500):
        logger.warning("the same")
        logger.info("another")
    log.close()
    lines = [line.split("| ")[1] for line in file_of(tmp_path).splitlines()]
    assert lines[:2] == ["the same", "another"]
    assert len(lines) == 4
    for line, text in zip(lines[2:], ["the same", "another"], strict=True):
        assert line.startswith("499 times more in ")
        assert line.endswith(text)


def test_repeats_are_told_while_running_not_only_at_the_end(monkeypatch, tmp_path):
    monkeypatch.setattr("adapters.log._REPEATS_S", 0.05)
    told = threading.Event()

    class Console(io.StringIO):
        def write(self, text):
            if "times more" in text:
                told.set()
            return super().write(text)

    log = Log(LogSettings(), console=Console())
    for _ in range(10):
        logger.info("again")
    assert told.wait(5)
    log.close()


@pytest.mark.parametrize("style", list(LogFormat))
def test_a_planted_secret_reaches_no_sink_by_any_way(open_log, tmp_path, style):
    log, console = open_log(format=style, level=LogLevel.TRACE)
    log.set_level("websockets", "debug")
    log.set_level("urllib3", "debug")
    secret = CANARY
    logger.info("formatted {}", secret)
    logger.info(f"as it is {secret}")
    logger.bind(secret=secret, nested={"deep": [secret]}).info("bound")
    logger.info("repr {!r} and bytes {!r}", secret, secret.encode())
    logger.info("url https://host/?key={}", "canary%2237%5Cf1b9c2%2F%3D%2Bd4")
    logging.getLogger("websockets.client").debug("> TEXT %s", {"KEY": secret})
    logging.getLogger("urllib3.connectionpool").debug("GET /?signature=%s", secret)
    try:
        dict[tuple[str, str], int]()["held", secret]
    except KeyError:
        logger.exception("with its traceback")
        logging.getLogger("gate_api").exception("and here")
    thread = threading.Thread(target=lambda: 1 / len(secret[:0]))
    thread.start()
    thread.join()
    log.close()
    for text in (file_of(tmp_path), console.getvalue()):
        assert "***" in text
        for piece in ("canary", "f1b9c2", "37\\f1"):
            assert piece not in text
        assert "ZeroDivisionError" in text
        assert "with its traceback" in text


def test_values_of_variables_are_not_shown_in_tracebacks(open_log, tmp_path):
    log, _ = open_log()
    unknown_secret = "nobody-told-the-log-of-this"
    try:
        int(unknown_secret[:0])
    except ValueError:
        logger.exception("failed")
    log.close()
    assert "nobody-told" not in file_of(tmp_path).replace('"nobody-told-the-log-of-this"', "")


@pytest.mark.parametrize(
    "text",
    [
        f"SIGN: {SIGNATURE}",
        "{'KEY': '3b1f0a9c8d7e6f5a4b3c2d1e0f9a8b7c', 'Timestamp': '1'}",
        '"api_key":"3b1f0a9c8d7e6f5a4b3c2d1e0f9a8b7c"',
        "('KEY', '3b1f0a9c8d7e6f5a4b3c2d1e0f9a8b7c')",
        "signature=3b1f0a9c8d7e6f5a4b3c2d1e0f9a8b7c",
        "KEY: b'3b1f0a9c8d7e6f5a4b3c2d1e0f9a8b7c'",
    ],
)
def test_what_looks_like_gates_authentication_is_blotted_out(text):
    cleaned = Redactor().clean(text)
    assert SIGNATURE not in cleaned
    assert "3b1f0a9c" not in cleaned


@pytest.mark.parametrize(
    "text",
    ["conflated by key=book:BTC_USDT", "MONKEY: bananas12345", "the key is BTC_USDT", "SIGN"],
)
def test_ordinary_words_stay(text):
    assert Redactor().clean(text) == text


def test_a_secret_is_hidden_from_when_it_is_known(open_log, tmp_path):
    log, _ = open_log()
    log.hide(Secret("another-secret"))
    logger.info("it is another-secret here")
    log.close()
    assert "it is *** here" in file_of(tmp_path)


def test_libraries_are_heard_at_their_level_and_by_their_name(open_log, tmp_path):
    log, _ = open_log()
    logging.getLogger("websockets.client").info("chatter")
    logging.getLogger("websockets.client").warning("trouble %s", 7)
    logging.getLogger("some.library").info("hello")
    logging.getLogger("some.library").warning("bad %d", "format")
    log.close()
    text = file_of(tmp_path)
    assert "chatter" not in text
    assert "websockets.client | trouble 7" in text
    assert "some.library | hello" in text
    assert "bad %d ('format',)" in text


def test_uncaught_errors_of_threads_are_logged(open_log, tmp_path):
    log, _ = open_log()
    thread = threading.Thread(target=lambda: int("x"), name="doomed")
    thread.start()
    thread.join()
    log.close()
    text = file_of(tmp_path)
    assert "uncaught in doomed" in text
    assert "ValueError" in text


def test_closing_gives_everything_back():
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    log = Log(LogSettings(), console=None)
    assert root.handlers != before[0]
    log.close()
    log.close()
    assert (root.handlers[:], root.level, sys.excepthook, threading.excepthook) == before


def test_a_console_that_is_gone_does_not_stop_the_file(tmp_path):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    log = Log(LogSettings(), folder=tmp_path, console=Gone())
    logger.info("first")
    logger.info("second")
    log.close()
    assert len(file_of(tmp_path).splitlines()) == 2


def test_a_console_that_hangs_holds_up_nobody_and_what_is_dropped_is_counted(monkeypatch, tmp_path):
    monkeypatch.setattr("adapters.log._QUEUED_MAX", 100)
    release, entered = threading.Event(), threading.Event()

    class Hanging(io.StringIO):
        def write(self, text):
            entered.set()
            release.wait(10)
            return super().write(text)

    log = Log(LogSettings(), folder=tmp_path, console=Hanging())
    logger.info("stuck")
    assert entered.wait(5)
    started = time.monotonic()
    for number in range(1000):
        logger.info("line {}", number)
    assert time.monotonic() - started < 2
    release.set()
    log.close()
    text = file_of(tmp_path)
    assert "900 lines were dropped" in text
    assert "line 99" in text
    assert "line 100" not in text


def test_a_process_that_ends_orderly_has_written_everything(tmp_path):
    program = f"""
from pathlib import Path
from loguru import logger
from adapters.log import Log
from state.config.settings import LogSettings
Log(LogSettings(), folder=Path({str(tmp_path)!r}), console=None)
for number in range(2000):
    logger.info("line {{}}", number)
raise RuntimeError("the end")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = file_of(tmp_path).splitlines()
    assert done.returncode == 1
    assert sum("line " in line and "| line" in line for line in lines) == 2000
    assert any("RuntimeError: the end" in line for line in lines)


def test_what_was_written_survives_a_kill(tmp_path):
    program = f"""
import os
from pathlib import Path
from loguru import logger
from adapters.log import FILE_NAME, Log
from state.config.settings import LogSettings
folder = Path({str(tmp_path)!r})
Log(LogSettings(), folder=folder, console=None)
logger.info("the last words")
while not (folder / FILE_NAME).exists() or not (folder / FILE_NAME).stat().st_size:
    pass
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, timeout=30)
    assert done.returncode == -9
    assert "the last words" in file_of(tmp_path)


def test_files_rotate_and_never_take_more_than_their_cap(tmp_path):
    file = RotatingFile(tmp_path / "x.log", bytes_max=1000, kept=3)
    for number in range(1000):
        file.write(f"line {number:04d}\n".encode())
    file.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["x.log", "x.log.1", "x.log.2", "x.log.3"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4000
    newest_last = [tmp_path / f"x.log.{n}" for n in (3, 2, 1)] + [tmp_path / "x.log"]
    numbers = [int(line[5:]) for path in newest_last for line in path.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 1000))


def test_a_restart_goes_on_in_the_same_file(tmp_path):
    for number in range(3):
        file = RotatingFile(tmp_path / "x.log", bytes_max=1000, kept=1)
        file.write(f"{number}\n".encode())
        file.close()
    assert (tmp_path / "x.log").read_text() == "0\n1\n2\n"
    assert (tmp_path / "x.log").stat().st_mode & 0o077 == 0


def test_a_folder_that_vanishes_is_told_on_the_console(tmp_path):
    console = io.StringIO()
    folder = tmp_path / "logs"
    log = Log(LogSettings(), folder=folder, console=console)
    folder.rmdir()
    logger.info("said")
    log.close()
    assert "does not take this" in console.getvalue()
    assert "said" in console.getvalue()


def test_saying_something_costs_little(open_log):
    log, _ = open_log()
    count = 2000
    started = time.perf_counter()
    for number in range(count):
        logger.info("line {}", number)
    each_us = (time.perf_counter() - started) / count * 1e6
    log.close()
    assert each_us < 1000, traceback.format_stack()
