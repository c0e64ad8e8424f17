"""A secret comes in by the environment alone and never comes out by itself."""

import copy
import json
import pickle
import traceback

import msgspec
import pytest

from state.config import Secret, default_toml, load, shown
from state.errors import ConfigurationInvalid

CANARY = "CANARY-4f1d9"


@pytest.fixture
def secret_file(tmp_path):
    def written(text: str, mode: int = 0o600):
        path = tmp_path / "key"
        path.write_text(text)
        path.chmod(mode)
        return path

    return written


def complaint(**sources) -> str:
    with pytest.raises(ConfigurationInvalid) as caught:
        load(**sources)
    text = "".join(traceback.format_exception(caught.value))
    assert CANARY not in text
    return str(caught.value)


def test_a_secret_is_never_shown_and_its_length_neither():
    secret, longer = Secret(CANARY), Secret(CANARY * 9)
    for show in (repr, str, format, lambda s: f"{s:>40}".strip(), lambda s: f"{s!r}"):
        assert show(secret) == show(longer) == "Secret(set)"
    assert not hasattr(secret, "__dict__")
    assert not hasattr(secret, "__len__")
    for write in (msgspec.json.encode, json.dumps, pickle.dumps, hash):
        with pytest.raises(TypeError) as caught:
            write(secret)
        assert CANARY not in str(caught.value)


def test_a_secret_can_be_used_compared_and_copied():
    secret = Secret(CANARY)
    assert secret.reveal() == CANARY
    assert secret == Secret(CANARY)
    assert secret != Secret("other")
    assert secret != CANARY
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_secrets_come_from_the_environment():
    loaded = load(environ={"GATE_API_KEY": CANARY})
    assert loaded.config.secrets.gate_api_key == Secret(CANARY)
    assert loaded.config.secrets.gate_api_secret is None
    rows = {row.key: row for row in shown(loaded)}
    assert rows["secrets.gate_api_key"].value == "set (env GATE_API_KEY)"
    assert rows["secrets.gate_api_secret"].value == "not set"
    assert CANARY not in repr(loaded)
    assert CANARY not in msgspec.json.encode(list(rows.values())).decode()


def test_secrets_come_from_a_file_that_only_we_can_read(secret_file):
    path = secret_file(CANARY + "\n")
    loaded = load(environ={"NEBIUS_API_KEY_FILE": str(path)})
    assert loaded.config.secrets.nebius_api_key == Secret(CANARY)
    [value] = [row.value for row in shown(loaded) if row.key == "secrets.nebius_api_key"]
    assert value == "set (env NEBIUS_API_KEY_FILE)"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_secret_file_open_to_others_is_refused_with_what_mends_it(secret_file, mode):
    path = secret_file(CANARY, mode)
    told = complaint(environ={"GATE_API_KEY_FILE": str(path)})
    assert told.startswith(f"environment GATE_API_KEY_FILE: {path} can be used by others")
    assert told.endswith(f"chmod 600 {path}")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (f"{CANARY} two", "holds spaces"),
        (f"{CANARY}\nsecond", "holds spaces or characters"),
        (f"{CANARY}é", "something other than ASCII"),
        (CANARY * 1000, "too large"),
    ],
)
def test_a_file_without_a_usable_secret_is_refused(secret_file, content, told):
    assert told in complaint(environ={"GATE_API_KEY_FILE": str(secret_file(content))})


def test_a_missing_or_unreadable_secret_file_is_named(tmp_path):
    told = complaint(environ={"GATE_API_KEY_FILE": str(tmp_path / "none")})
    assert "none: No such file" in told
    assert "Is a directory" in complaint(environ={"GATE_API_KEY_FILE": str(tmp_path)})


def test_a_secret_given_twice_is_refused(secret_file):
    environ = {"GATE_API_KEY": CANARY, "GATE_API_KEY_FILE": str(secret_file(CANARY))}
    assert "GATE_API_KEY or GATE_API_KEY_FILE, not both" in complaint(environ=environ)


def test_a_malformed_secret_in_the_environment_is_refused_unseen():
    assert "environment GATE_API_KEY: holds spaces" in complaint(
        environ={"GATE_API_KEY": f"{CANARY} {CANARY}"}
    )


@pytest.mark.parametrize(
    "text",
    [
        f'[secrets]\ngate_api_key = "{CANARY}"',
        f'secrets.gate_api_key = "{CANARY}"',
        f'[secrets]\ngate_api_kee = "{CANARY}"\napi_key = "{CANARY}"',
        f'api_key = "{CANARY}"',
        f'[gate]\nkey = 1\n[gate.api]\nsecret = "{CANARY}"',
        f'GATE_API_SECRET = "{CANARY}"',
        f'password = "{CANARY}"',
        f'venue = "{CANARY}"',
        f'data_dir = ["{CANARY}"]',
        f'exchange_url = "https://{CANARY}@api.gateio.ws"',
        f'pairs = ["{CANARY}"]',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path, text):
    path = tmp_path / "gatehouse.toml"
    path.write_text(text)
    assert "gatehouse.toml:" in complaint(file=path)


@pytest.mark.parametrize(
    "environ",
    [
        {"GATEHOUSE_SECRETS__GATE_API_KEY": CANARY},
        {"GATEHOUSE_GATE_API_KEY": CANARY},
        {"GATEHOUSE_SEED": CANARY},
    ],
)
def test_a_secret_under_a_wrong_name_is_refused_and_not_repeated(environ):
    assert f"env {next(iter(environ))}" in complaint(environ=environ)


def test_a_literal_secret_is_told_where_it_belongs(tmp_path):
    path = tmp_path / "gatehouse.toml"
    path.write_text(f'[secrets]\ngate_api_key = "{CANARY}"\napi_key = "{CANARY}"')
    first, second = complaint(file=path).splitlines()
    assert first.endswith("set GATE_API_KEY, or GATE_API_KEY_FILE naming a file of mode 0600")
    assert "api_key looks like a secret" in second
    assert "GATE_API_KEY, GATE_API_SECRET, NEBIUS_API_KEY" in second


def test_no_option_takes_a_secret():
    told = complaint(options={"secrets.gate_api_key": CANARY})
    assert "secrets.gate_api_key is a secret and may not stand here" in told


def test_the_default_file_names_the_variables_and_no_key():
    text = default_toml()
    for name in ("GATE_API_KEY", "GATE_API_SECRET", "NEBIUS_API_KEY"):
        assert f"# {name}: " in text
    assert "gate_api_key" not in text
