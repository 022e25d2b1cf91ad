"""Keys in a hardware module by PKCS#11, with SoftHSM2 in the place of one."""

import asyncio
import importlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from consensus.events import Event, VoteSigned
from consensus.messages import Vote
from ledger.crypto import verify_ed25519
from ledger.errors import LocalError
from ledger.primitives import Hash
from ledger.registry import Phase
from node.config import Config
from node.network.tls import NodeIdentity
from node.signing.choice import open_elsewhere
from node.signing.hsm import ModuleSigner, read_pin
from node.signing.in_thread import ThreadSigner
from node.signing.last_signed import SignedRecord, create_record
from node.signing.process import VoteSigning
from node.signing.settings import Pkcs11Config, SignerConfig
from node.signing.wire import Ask
from tests.support.running_nodes import until
from tests.support.signer_homes import DOMAIN, HOLDER
from tests.support.softhsm import MODULES, PIN, UTIL, make_token

pytestmark = pytest.mark.skipif(
    UTIL is None or not MODULES, reason="softhsm2-util is missing (Debian: softhsm2)"
)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pkcs11Config, bytes]]:
    """A token with an Ed25519 key, another Ed25519 key and an RSA key; and the first's public key.

    The library reads its configuration once in a process, so one token serves all tests.
    """
    before = os.environ.get("SOFTHSM2_CONF")
    yield make_token(tmp_path_factory.mktemp("hsm"))
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


def test_a_key_by_label_or_id_signs_what_everybody_verifies(
    token: tuple[Pkcs11Config, bytes],
) -> None:
    config, public_key = token
    for found in (config, replace(config, key_label="", key_id="01"), replace(config, key_id="01")):
        signer = ModuleSigner(found, PIN, public_key)
        assert signer.public_key == public_key
        assert verify_ed25519(public_key, b"vote", signer.sign(b"vote"))
        signer.close()


def test_a_session_that_was_lost_is_opened_again(token: tuple[Pkcs11Config, bytes]) -> None:
    config, public_key = token
    signer = ModuleSigner(config, PIN, public_key)
    signer._session.close()
    assert verify_ed25519(public_key, b"vote", signer.sign(b"vote"))
    signer.close()


@pytest.mark.parametrize(
    ("change", "pin", "sentence"),
    [
        ({}, "wrong-pin", "refuses the PIN"),
        ({"token": "vote"}, PIN, "there are .*'votes'"),
        ({"slot": 12_345}, PIN, "expected one such token"),
        ({"key_label": "missing"}, PIN, "expected one private key 'missing'"),
        ({"key_label": "other"}, PIN, "signs for another public key"),
        ({"key_label": "rsa"}, PIN, "is of type RSA, expected Ed25519"),
        ({"module": "/nowhere.so"}, PIN, "cannot load /nowhere.so"),
    ],
    ids=str,
)
def test_what_is_not_as_named_is_one_sentence(
    token: tuple[Pkcs11Config, bytes], change: dict[str, Any], pin: str, sentence: str
) -> None:
    config, public_key = token
    with pytest.raises(LocalError, match=sentence) as refused:
        ModuleSigner(replace(config, **change), pin, public_key)
    assert pin not in str(refused.value)


def test_a_module_leaves_no_error_behind_for_tls(token: tuple[Pkcs11Config, bytes]) -> None:
    config, public_key = token
    identity = NodeIdentity.from_seed(b"n" * 32)
    with pytest.raises(LocalError):
        ModuleSigner(config, "wrong-pin", public_key)
    identity.server_context([public_key])
    signer = ModuleSigner(config, PIN, public_key)
    identity.server_context([public_key])
    signer.close()


def test_the_pin_comes_from_file_environment_or_prompt(tmp_path: Path) -> None:
    file = tmp_path / "pin"
    file.touch(0o600)
    file.write_text("from-file\n")
    environment = {"POYONG_HSM_PIN": "from-environment"}
    named = Pkcs11Config(pin_file="pin")
    assert read_pin(named, tmp_path, environment) == "from-file"
    assert read_pin(Pkcs11Config(), tmp_path, environment) == "from-environment"
    assert read_pin(Pkcs11Config(), tmp_path, {}, lambda _: "typed") == "typed"
    file.chmod(0o644)
    with pytest.raises(LocalError, match="chmod 600"):
        read_pin(named, tmp_path, environment)


async def test_a_node_signs_by_a_module_off_its_loop(token: tuple[Pkcs11Config, bytes]) -> None:
    config, public_key = token
    module = ModuleSigner(config, PIN, public_key)
    signer = ThreadSigner([module])
    payload = DOMAIN.payload(Phase.COMMIT, 1, 0, b"a" * 32)
    events: list[Event] = []

    def signed(signature: bytes) -> Event:
        assert verify_ed25519(public_key, payload, signature)
        return VoteSigned(Vote(Phase.COMMIT, 1, 0, Hash(b"a" * 32), 0, signature))

    task = asyncio.create_task(signer.run(events.append))
    signer.request(module.public_key, 1, payload, signed)
    await until(lambda: len(events) == 1)
    task.cancel()
    assert signer.problem(module.public_key) is None
    module.close()


async def test_two_keys_in_a_module_sign_each_for_itself(
    token: tuple[Pkcs11Config, bytes],
) -> None:
    config, public_key = token
    other = _public_key_of("other")
    options = Config(
        signer=SignerConfig(
            kind="pkcs11", public_key=public_key.hex(), next_public_key=other.hex()
        ),
        pkcs11=replace(config, next_key_label="other"),
    )
    os.environ["POYONG_HSM_PIN"] = PIN
    try:
        elsewhere = open_elsewhere(options)(DOMAIN, NodeIdentity.from_seed(b"n" * 32), HOLDER)
    finally:
        del os.environ["POYONG_HSM_PIN"]
    assert isinstance(elsewhere, ThreadSigner)
    assert elsewhere.public_keys == (public_key, other)
    found: dict[bytes, bytes] = {}
    task = asyncio.create_task(elsewhere.run(lambda event: None))
    for key in elsewhere.public_keys:
        elsewhere.request(key, 1, b"vote by " + key, partial(_keep, found, key))
    await until(lambda: len(found) == 2)
    task.cancel()
    for key, signature in found.items():
        assert verify_ed25519(key, b"vote by " + key, signature)
    held = elsewhere.signers
    elsewhere.replace([held[other]])
    assert set(elsewhere.public_keys) == {other}
    for module in held.values():
        assert isinstance(module, ModuleSigner)
        module.close()


def _keep(found: dict[bytes, bytes], key: bytes, signature: bytes) -> None:
    found[key] = signature


def _public_key_of(label: str) -> bytes:
    """Of a key of the token, as its other half says it."""
    pkcs11: Any = importlib.import_module("pkcs11")
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_read_public_key, pkcs11, label).result()


def _read_public_key(pkcs11: Any, label: str) -> bytes:
    wanted = {
        pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY,
        pkcs11.Attribute.LABEL: label,
    }
    library = pkcs11.lib(str(MODULES[0]))
    with library.get_token(token_label="votes").open(user_pin=PIN) as session:
        (found,) = session.get_objects(wanted)
        return bytes(found[pkcs11.Attribute.EC_POINT])[-32:]


def test_a_signer_with_a_module_refuses_the_second_vote(
    token: tuple[Pkcs11Config, bytes], tmp_path: Path
) -> None:
    config, public_key = token
    create_record(tmp_path / "last-signed", DOMAIN)
    record = SignedRecord(tmp_path / "last-signed", DOMAIN)
    module = ModuleSigner(config, PIN, public_key)
    signing = VoteSigning((module,), DOMAIN, record)
    asks = [
        Ask(number, public_key, DOMAIN.payload(Phase.COMMIT, 1, 0, claim * 32), HOLDER)
        for number, claim in enumerate((b"a", b"b", b"a"))
    ]
    first, second, again = signing.answer(asks)
    assert verify_ed25519(public_key, asks[0].payload, first.signature)
    assert "would contradict" in second.refusal
    assert again.signature == first.signature
    module.close()
    record.close()
