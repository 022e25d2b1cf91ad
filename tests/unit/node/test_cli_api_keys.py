"""`poyong keys api-key`: what it makes is what a node takes, and no file holds a secret."""

import stat
from pathlib import Path

import pytest

from api import keys
from api.keys import ApiKey
from ledger.errors import LocalError
from node.cli import rpc
from node.keys import api_keys
from tests.support.shell import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "api-keys.json"


def known(file: Path) -> dict[str, ApiKey]:
    return {key.name: key for key in api_keys.read_keys(file)}


def test_a_made_key_is_found_with_its_rate_and_kept_as_a_hash(shell: Shell, file: Path) -> None:
    rates = ("--calls-per-second", "5", "--burst-calls", "50")
    first = shell.json("keys", "api-key", "new", str(file), "exchange", *rates)
    second = shell.json("keys", "api-key", "new", str(file), "portal")
    assert first["key"] != second["key"]
    found = keys.find(known(file), first["key"])
    assert found is not None
    assert (found.name, found.calls_per_second, found.burst_calls) == ("exchange", 5, 50)
    secret = first["key"].partition(".")[2]
    assert secret not in file.read_text()
    assert not file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    assert shell.json("keys", "api-key", "list", str(file)) == [
        {"name": "exchange", "calls_per_second": 5, "burst_calls": 50},
        {"name": "portal", "calls_per_second": 2000, "burst_calls": 10000},
    ]


def test_a_removed_key_is_unknown_and_the_others_stay(shell: Shell, file: Path) -> None:
    made = {
        name: shell.json("keys", "api-key", "new", str(file), name)["key"]
        for name in ("one", "two")
    }
    code, out, _ = shell("keys", "api-key", "remove", str(file), "one")
    assert code == 0
    assert "poyong admin reload" in out
    assert keys.find(known(file), made["one"]) is None
    assert keys.find(known(file), made["two"]) is not None


def test_what_cannot_be_done_leaves_the_file_as_it_was(
    shell: Shell, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.json("keys", "api-key", "new", str(file), "exchange")
    before = file.read_bytes()
    assert "already" in shell.refusal("keys", "api-key", "new", str(file), "exchange")
    assert "a-z" in shell.refusal("keys", "api-key", "new", str(file), "Exchange!")
    assert "no key" in shell.refusal("keys", "api-key", "remove", str(file), "portal")
    monkeypatch.setattr(keys, "MAX_KEYS", 1)
    assert "most allowed" in shell.refusal("keys", "api-key", "new", str(file), "portal")
    assert file.read_bytes() == before
    missing = file.with_name("other.json")
    assert "there is no file" in shell.refusal("keys", "api-key", "list", str(missing))


def test_a_file_that_others_can_change_is_not_read(file: Path) -> None:
    api_keys.add_key(file, "exchange", 1, 1)
    file.chmod(0o664)
    with pytest.raises(LocalError, match="chmod 600"):
        api_keys.read_keys(file)


async def test_commands_send_the_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POYONG_API_KEY", "exchange.abc")
    async with rpc.client_of("http://127.0.0.1:1") as client:
        assert client.headers == {"Authorization": "Bearer exchange.abc"}
    monkeypatch.delenv("POYONG_API_KEY")
    async with rpc.client_of("http://127.0.0.1:1") as client:
        assert client.headers == {}
