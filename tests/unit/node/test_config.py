"""The configuration: defaults, overrides, and a clear refusal of everything else."""

import contextlib
import dataclasses
import os
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LocalError
from node.config import SECTIONS, Config, NetworkConfig, load, parse, render
from node.options import FORMAT, FORMAT_KEY
from node.store.pruning import LEAST_KEPT_BLOCKS

FILE = Path("home/config.toml")
KEY = "ab" * 32
OPTIONS = [(name, field) for name, cls in SECTIONS.items() for field in dataclasses.fields(cls)]


def read(text: str, **environment: str) -> Config:
    return parse(text, FILE, environment)


def test_an_empty_file_is_the_defaults() -> None:
    assert read("") == Config(home=Path("home"))
    assert set(SECTIONS) == {
        "node", "consensus", "network", "rpc", "metrics", "storage", "history",
        "snapshots", "pruning", "mempool", "log", "signer", "pkcs11", "admin",
    }  # fmt: skip


def test_the_rendered_file_is_the_defaults_and_names_every_option() -> None:
    text = render()
    assert read(text) == Config(home=Path("home"))
    tables = tomllib.loads(text)
    assert tables.pop(FORMAT_KEY) == FORMAT
    assert {(name, key) for name in tables for key in tables[name]} == {
        (name, field.name) for name, field in OPTIONS
    }


def test_a_changed_configuration_survives_rendering() -> None:
    text = f"""
    [node]
    name = "시청 \\"1\\" \\\\ \\t"
    validator_key = "keys/v.json"
    [network]
    peers = ["{KEY}@10.0.0.1:26656", "{"cd" * 32}@[::1]:26656"]
    [rpc]
    enabled = false
    """
    config = read(text)
    assert read(render(config)) == config
    assert config.is_validator
    assert not read("").is_validator
    assert config.network.address_book()[bytes.fromhex(KEY)] == "10.0.0.1:26656"


def test_paths_are_relative_to_the_file() -> None:
    config = read("")
    assert config.path(config.node.genesis) == Path("home/genesis.json")
    assert config.path("/etc/key") == Path("/etc/key")


@pytest.mark.parametrize(("section", "field"), OPTIONS, ids=lambda o: getattr(o, "name", o))
def test_every_option_can_be_overridden(section: str, field: "dataclasses.Field[object]") -> None:
    minimum, maximum = field.metadata["bounds"]
    values: dict[type, tuple[str, object]] = {
        bool: ("false" if field.default else "1", not field.default),
        int: (str(maximum), maximum),
        str: ("debug", "debug"),
        tuple: (f" {KEY}@a:1 , ", (f"{KEY}@a:1",)),
    }
    text, value = values[type(field.default)]
    if field.metadata["choices"]:
        text = value = field.metadata["choices"][-1]
    if field.name == "kind":  # by itself: remote and pkcs11 need further options
        text = value = "file"
    if field.name == "trusted_proxies":
        text, value = "127.0.0.1 , 10.0.0.0/24", ("127.0.0.1", "10.0.0.0/24")
    variables = {f"POYONG_{section}_{field.name}".upper(): text}
    if field.name == "next_validator_key":
        variables["POYONG_NODE_VALIDATOR_KEY"] = "keys/validator.json"
    if field.name == "base_timeout_ms":
        variables["POYONG_CONSENSUS_HIGHEST_CAP_MS"] = text
    if field.name in ("ping_interval_ms",):
        variables["POYONG_NETWORK_SILENCE_TIMEOUT_MS"] = "3600000"
    if field.name == "lowest_cap_ms":
        variables["POYONG_CONSENSUS_HIGHEST_CAP_MS"] = text
    if field.name == "max_sender_bytes":
        variables["POYONG_MEMPOOL_MAX_BYTES"] = text
    if field.name == "max_sender_count":
        variables["POYONG_MEMPOOL_MAX_COUNT"] = text
    assert getattr(getattr(read("", **variables), section), field.name) == value
    assert minimum <= maximum


def test_the_environment_wins_over_the_file() -> None:
    config = read("[log]\nlevel = 'error'", POYONG_LOG_LEVEL="debug")
    assert config.log.level == "debug"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[consensu]", "unknown section 'consensu'; did you mean 'consensus'?"),
        ("[rpc]\nprot = 1", "[rpc] has no option 'prot'; did you mean 'port'?"),
        ("[rpc]\nzzzzzz = 1", "[rpc] has no option 'zzzzzz'"),
        ("level = 'debug'", "unknown option outside a section 'level'"),
        ("rpc = 1", "expected a section [rpc], found rpc = 1"),
        ("[rpc]\nport = '1'", "[rpc] port: expected an integer in 0..65535, found '1'"),
        ("[rpc]\nport = 65536", "[rpc] port: expected an integer in 0..65535, found 65536"),
        ("[rpc]\nport = -1", "[rpc] port: expected an integer in 0..65535, found -1"),
        ("[rpc]\nport = true", "[rpc] port: expected an integer in 0..65535, found True"),
        ("[rpc]\nport = 1.0", "[rpc] port: expected an integer in 0..65535, found 1.0"),
        ("[rpc]\nenabled = 1", "[rpc] enabled: expected true or false, found 1"),
        ("[node]\nname = 1", "[node] name: expected a text, found 1"),
        ("[network]\npeers = 'x'", "[network] peers: expected a list of texts, found 'x'"),
        (
            "[rpc]\ntrusted_proxies = ['proxy.example']",
            "[rpc] trusted_proxies: expected an IP address or a network such as 10.0.0.0/24, found "
            "'proxy.example'",
        ),
        ("[network]\npeers = [1]", "[network] peers: expected a list of texts, found (1,)"),
        (
            "[log]\nlevel = 'infos'",
            "[log] level: expected one of debug, info, warning, error, found 'infos'; "
            "did you mean 'info'?",
        ),
        ("[log", "is not TOML"),
        ("[network]\npeers = ['a@b:1']", "expected NODE_KEY@HOST:PORT"),
        (f"[network]\npeers = ['{KEY}@b']", "expected NODE_KEY@HOST:PORT"),
        (f"[network]\npeers = ['{KEY}@b:0']", "expected NODE_KEY@HOST:PORT"),
        (f"[network]\npeers = ['{KEY}@:1']", "expected NODE_KEY@HOST:PORT"),
        (f"[network]\npeers = ['{KEY}@b:99999999999']", "expected NODE_KEY@HOST:PORT"),
        (f"[network]\npeers = ['{KEY.upper()}@b:1']", "expected NODE_KEY@HOST:PORT"),
        (f"[network]\npeers = ['{KEY}@b:1', '{KEY}@c:1']", "is there twice"),
        (
            "[consensus]\nlowest_cap_ms = 20000",
            "[consensus] lowest_cap_ms is 20000, expected at most highest_cap_ms (16000)",
        ),
        (
            "[network]\nping_interval_ms = 20000",
            "ping_interval_ms is 20000, expected at most silence_timeout_ms (15000)",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_and_place(text: str, message: str) -> None:
    with pytest.raises(LocalError, match=re.escape(message)) as refused:
        read(text)
    assert str(refused.value).startswith(str(FILE))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("POYONG_RPC_PORT", "x", "POYONG_RPC_PORT: expected an integer in 0..65535, found 'x'"),
        ("POYONG_RPC_PORT", "99999", "POYONG_RPC_PORT: expected an integer in 0..65535"),
        ("POYONG_RPC_ENABLED", "maybe", "POYONG_RPC_ENABLED: expected true or false"),
        ("POYONG_RPC_PROT", "1", "sets POYONG_RPC_PROT, which is no option; did you mean 'POYO"),
        ("POYONG_MEMPOL_MAX_COUNT", "1", "did you mean 'POYONG_MEMPOOL_MAX_COUNT'?"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(LocalError, match=re.escape(message)):
        read("", **{variable: value})


def test_variables_of_others_are_left_alone() -> None:
    others = {"POYONG_KEY_PASSWORD": "x", "POYONG_X": "1", "PATH": "/bin", "RPC_PORT": "x"}
    assert read("", **others) == Config(home=Path("home"))


def test_a_file_is_loaded_with_the_real_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [name for name in os.environ if name.startswith("POYONG_")]:
        monkeypatch.delenv(variable)
    (tmp_path / "config.toml").write_text(render())
    monkeypatch.setenv("POYONG_NODE_NAME", "gist")
    assert load(tmp_path / "config.toml", os.environ).node.name == "gist"


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="make one with `poyong init`"):
        load(tmp_path / "config.toml")
    (tmp_path / "config.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(LocalError, match="is not UTF-8: byte 8"):
        load(tmp_path / "config.toml")
    (tmp_path / "config.toml").write_bytes(b"#" * 300_000)
    with pytest.raises(LocalError, match="more than 262144 bytes"):
        load(tmp_path / "config.toml")


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_refused(text: str) -> None:
    with contextlib.suppress(LocalError):
        read(text)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(LocalError, match="is not TOML"):
        read("x = " + "[" * 100_000)


def test_an_address_book_is_empty_without_peers() -> None:
    assert NetworkConfig().address_book() == {}


@pytest.mark.parametrize("blocks", [0, LEAST_KEPT_BLOCKS, 10**6])
def test_a_node_keeps_all_blocks_or_enough_of_them(blocks: int) -> None:
    found = read(f"[pruning]\nkeep_blocks = {blocks}\nkeep_days = 30").pruning
    assert (found.keep_blocks, found.keep_days) == (blocks, 30)


@pytest.mark.parametrize("blocks", [1, LEAST_KEPT_BLOCKS - 1])
def test_too_few_blocks_to_keep_are_refused(blocks: int) -> None:
    with pytest.raises(LocalError, match=f"keep_blocks is {blocks}, expected 0 .* at least 2000"):
        read(f"[pruning]\nkeep_blocks = {blocks}")
