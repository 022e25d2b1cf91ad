"""Which key signs, and what is asked of keys that are elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest

from consensus.events import Event, WorkAvailable
from ledger.crypto import Ed25519Signer, verify_ed25519
from ledger.errors import InvariantViolation, LocalError
from node.config import Config, NodeConfig
from node.keys import keystore
from node.keys.keystore import LOCAL_COST, KeyKind
from node.network.identities import Identities
from node.network.tls import NodeIdentity, server_name
from node.signing.choice import prepare_ring
from node.signing.ring import KeyRing
from node.signing.settings import SignerConfig
from node.signing.waiting import Request, Signed

ONE, TWO = (Ed25519Signer(name * 32) for name in (b"1", b"2"))


class Elsewhere:
    """A VoteSigner that notes what it is asked."""

    def __init__(self, *keys: bytes) -> None:
        self.public_keys = keys
        self.asked: list[Request] = []

    def problem(self, public_key: bytes) -> str | None:
        return f"away: {public_key.hex()[:2]}"

    def request(self, public_key: bytes, height: int, payload: bytes, signed: Signed) -> None:
        self.asked.append(Request(public_key, height, payload, signed))

    async def run(self, deliver: Callable[[Event], None]) -> None:
        raise AssertionError("nobody runs it here")


def test_a_key_in_a_file_signs_at_once_and_the_right_one() -> None:
    ring = KeyRing((ONE, TWO))
    assert ring.public_keys == (ONE.public_key, TWO.public_key)
    for signer in (ONE, TWO):
        given: list[bytes] = []

        def signed(signature: bytes, into: list[bytes] = given) -> Event:
            into.append(signature)
            return WorkAvailable()

        assert ring.sign(signer.public_key, 1, b"vote", signed) == WorkAvailable()
        assert verify_ed25519(signer.public_key, b"vote", given[0])
        assert ring.problem(signer.public_key) is None
    assert ring.work(lambda event: None) is None


def test_a_key_elsewhere_is_asked_for_and_signs_later() -> None:
    elsewhere = Elsewhere(ONE.public_key, TWO.public_key)
    ring = KeyRing((), elsewhere)
    assert ring.sign(TWO.public_key, 5, b"vote", lambda _: None) is None
    (asked,) = elsewhere.asked
    assert (asked.public_key, asked.height, asked.payload) == (TWO.public_key, 5, b"vote")
    assert ring.problem(TWO.public_key) == f"away: {TWO.public_key.hex()[:2]}"


def test_a_key_that_is_not_here_never_signs() -> None:
    for ring in (KeyRing(), KeyRing((ONE,)), KeyRing((), Elsewhere(ONE.public_key))):
        with pytest.raises(InvariantViolation, match="which is not here"):
            ring.sign(TWO.public_key, 1, b"vote", lambda _: None)


def test_other_files_take_the_place_of_the_present_ones() -> None:
    ring = KeyRing((ONE,))
    ring.replace_files((TWO,))
    assert ring.public_keys == (TWO.public_key,)
    with pytest.raises(InvariantViolation):
        ring.sign(ONE.public_key, 1, b"vote", lambda _: None)


def test_a_ring_that_waits_names_its_keys_and_signs_with_none() -> None:
    ring = KeyRing(silent=(ONE.public_key,))
    assert ring.waits
    assert ring.public_keys == (ONE.public_key,)
    assert ring.work(lambda event: None) is None
    with pytest.raises(InvariantViolation, match="which is not here"):
        ring.sign(ONE.public_key, 1, b"vote", lambda _: None)
    assert KeyRing(silent=()).waits
    assert not KeyRing().waits


async def test_keys_that_are_read_again_reach_no_ring_that_waits(tmp_path: Path) -> None:
    made = keystore.create_key(
        tmp_path / "v.json", KeyKind.VALIDATOR, "a password", cost=LOCAL_COST
    )
    named = Config(home=tmp_path, node=NodeConfig(validator_key="v.json"))
    elsewhere = SignerConfig(kind="remote", public_key=TWO.public_key.hex(), address="unix:s")
    for before, config, key in (
        (Config(home=tmp_path), named, made.public_key),
        (*(Config(home=tmp_path, signer=elsewhere),) * 2, TWO.public_key),
    ):
        ring = KeyRing(silent=())
        prepared = await prepare_ring(ring, before, config, "a password")
        prepared.take()
        assert ring.public_keys == prepared.public_keys == (key,)
        assert (ring.waits, ring.files, ring.elsewhere) == (True, (), None)


def test_the_coming_node_key_is_preferred_once_the_registry_names_it() -> None:
    old, new = (NodeIdentity.from_seed(name * 32) for name in (b"o", b"n"))
    both = Identities(old, new)
    assert both.keys == (old.node_key, new.node_key)
    assert both.by_preference(()) == (old, new)
    assert both.by_preference((old.node_key,)) == (old, new)
    assert both.by_preference((old.node_key, new.node_key)) == (new, old)
    assert both.by_preference((new.node_key,)) == (new, old)
    assert Identities(old).by_preference((new.node_key,)) == (old,)
    assert both.get(new.node_key) is new
    assert both.get(b"x" * 32) is None
    with pytest.raises(LocalError, match="is the present one"):
        Identities(old, old)


def test_a_server_name_fits_into_the_labels_of_a_name() -> None:
    name = server_name(bytes(range(32)))
    assert name.replace(".", "") == bytes(range(32)).hex()
    assert all(len(label) == 32 for label in name.split("."))
