"""No bundle holds a secret of the town that it comes from, whatever stands in logs and comments.

tests/integration/test_diagnose.py asks a node that runs.
"""

import gzip
import json
import stat
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from node import config
from node.keys import api_keys, keystore
from node.localnet import creation
from node.localnet.creation import Wish, prepare
from node.signing.settings import PIN_VARIABLE
from node.watch import bundle
from tests.support.bundles import contents, leaked, secrets_of
from tests.support.shell import Shell

API_KEY = "exchange." + "5e" * 32
PIN = "824917"
OTHER_PASSWORD = "an old one, kept in a comment"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A town that was never started, in whose files people left what they should not."""
    folder = tmp_path / "town"
    folder.mkdir()
    for node in prepare(folder, Wish(validators=2, idle=True, base_port=25_000)).nodes:
        home = folder / node.name
        file = home / config.CONFIG_FILE
        file.write_text(f"# the old password: {OTHER_PASSWORD}\n" + file.read_text())
        api_keys.add_key(home / "keys" / "api-keys.json", "exchange", 10, 10)
    return folder


def test_no_part_of_a_bundle_holds_a_secret_of_the_town(
    shell: Shell, town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PIN_VARIABLE, PIN)
    monkeypatch.setenv(config.API_KEY_VARIABLE, API_KEY)
    secrets = secrets_of(town) | {
        "pin": PIN.encode(), "api key": API_KEY.encode(), "comment": OTHER_PASSWORD.encode()
    }  # fmt: skip
    homes = [path.parent for path in sorted(town.glob(f"*/{config.CONFIG_FILE}"))]
    assert len(homes) == 3
    for home in homes:
        log = [
            "node.started height=1",
            f"opened with {creation.PASSWORD} and {PIN}",
            f"X-API-Key: {API_KEY}",
            f"-----BEGIN PRIVATE KEY-----\n{'QUJD' * 9}\n-----END PRIVATE KEY-----",
        ]
        (home / "node.log").write_text("\n".join(log) + "\n")
        out = tmp_path / f"{home.name}.tar.gz"
        shown = shell.json("diagnose", "--home", str(home), "--out", str(out))
        assert (shown["running"], shown["bytes"]) == (False, out.stat().st_size)
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        found = contents(out)
        assert sorted(found) == shown["parts"]
        assert set(found) >= {"about.json", "files.txt", "config.toml", "doctor.json", "log.txt"}
        assert leaked(found, secrets) == []
        assert b"QUJDQUJD" not in found["log.txt"]
        assert b"node.started height=1" in found["log.txt"]
        assert b"keys/node.json" in found["files.txt"]
        checks = {each["check"]: each for each in json.loads(found["doctor.json"])["checks"]}
        assert checks["genesis"]["ok"], checks
        assert PIN_VARIABLE in json.loads(found["about.json"])["variables"]


def test_the_search_finds_a_secret_in_every_form(town: Path) -> None:
    secrets = secrets_of(town)
    assert len(secrets) > 20
    for name, secret in secrets.items():
        assert leaked({"part": b"x" + secret + b"y"}, {name: secret}) == [("part", name)]
        assert leaked({"part": secret.hex().upper().encode()}, {name: secret}) == [("part", name)]
    assert leaked({"part": b"nothing"}, secrets) == []


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer hunter2secret",
        'authorization="hunter2secret"',
        "{'x-api-key': 'hunter2secret'}",
        '{"password": "hunter2secret"}',
        "key_password = hunter2secret",
        "POYONG_KEY_PASSWORD=hunter2secret poyong start",
        "seed: hunter2secret",
        "PIN=hunter2secret",
        "-----BEGIN EC PRIVATE KEY-----\nhunter2secret\n",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_a_log(line: str) -> None:
    clean = bundle.scrubbed(f"before\n{line}\n".encode(), ())
    assert clean.startswith(b"before\n")
    assert b"hunter2secret" not in clean


@pytest.mark.parametrize(
    "line",
    [
        "peer.connected organisation=GIST node_key=" + "ab" * 32,
        'password_file = "keys/password"',
        'api_keys = "keys/api-keys.json"',
        "spinning=3",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert bundle.scrubbed(line.encode(), ()) == line.encode()


def test_a_secret_in_the_place_of_its_file_is_left_out(tmp_path: Path) -> None:
    written = tmp_path / "config.toml"
    written.write_text('[node]\npassword_file = "hunter2secret"\n[rpc]\napi_keys = "hunter2key"\n')
    shown = bundle.open_options(config.load(written, {}))
    assert "hunter2" not in shown
    assert "[names no file: left out]" in shown


def test_a_wrong_configuration_is_not_quoted(shell: Shell, town: Path, tmp_path: Path) -> None:
    home = town / "observer"
    (home / config.CONFIG_FILE).write_text('[node]\npasword = "hunter2secret"\n')
    out = tmp_path / "out.tar.gz"
    assert shell.json("diagnose", "--home", str(home), "--out", str(out))["running"] is False
    found = contents(out)
    assert leaked(found, secrets_of(town) | {"typed": b"hunter2secret"}) == []
    assert b"the configuration is wrong" in found["config.txt"]


def test_a_long_log_keeps_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(400_000)))
    assert log.stat().st_size > bundle.MAX_PART_BYTES
    found = bundle.tail(log)
    assert len(found) <= bundle.MAX_PART_BYTES
    first, second, *_ = found.splitlines()
    assert first == b"[the beginning is left out]"
    assert second.startswith(b"line ")
    assert found.endswith(b"line 399999\n")


def test_a_bundle_is_bounded(tmp_path: Path) -> None:
    out = tmp_path / "out"
    big: Mapping[str, bytes] = {"big": bytes(bundle.MAX_PART_BYTES + 1), "small": b"stays"}
    bundle.write(out, big, ())
    found = contents(out)
    assert found["big"].startswith(b"left out: 2,097,153 bytes")
    assert found["small"] == b"stays"
    with pytest.raises(Exception, match="at most 24 parts"):
        bundle.write(tmp_path / "more", {str(at): b"" for at in range(25)}, ())
    assert not (tmp_path / "more").exists()


def test_a_file_that_is_there_stays_as_it_is(shell: Shell, town: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"mine")
    said = shell.refusal("diagnose", "--home", str(town / "observer"), "--out", str(out))
    assert "exists and is not replaced" in said
    assert out.read_bytes() == b"mine"


def test_without_a_folder_or_a_log_it_says_so(shell: Shell, town: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    nowhere = str(tmp_path / "nowhere")
    assert "there is no folder" in shell.refusal("diagnose", "--home", nowhere, "--out", out)
    home = str(town / "observer")
    said = shell.refusal("diagnose", "--home", home, "--out", out, "--log", nowhere)
    assert "cannot read the log" in said
    assert not Path(out).exists()


def test_the_file_is_a_plain_archive(tmp_path: Path) -> None:
    out = tmp_path / "out"
    bundle.write(out, {"a.txt": b"text"}, ())
    with gzip.open(out) as raw, tarfile.open(fileobj=raw) as archive:
        assert archive.getnames() == ["poyong/a.txt"]
    assert keystore.PASSWORD_VARIABLE in bundle.overridden({keystore.PASSWORD_VARIABLE: "x"})
