"""Light verification: what a proof must show, and every way in which it can fail to."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import ports, views
from api.light import (
    FinalHeader,
    FinalRow,
    FinalTransaction,
    Proven,
    TrustedGenesis,
    TrustedHeader,
    anchor_from_json,
    anchor_to_json,
    verify_json,
)
from consensus.messages import SigningDomain
from ledger import codec, merkle, proofs
from ledger.block import Header, participation_root, transactions_root
from ledger.commitment import StateCommitment
from ledger.crypto import Ed25519Signer, sha256
from ledger.errors import DecodeError, PeerError
from ledger.primitives import ZERO_HASH, Hash
from ledger.registry import Certificate, Participation, Phase, Validator, ValidatorSet
from ledger.transaction import Draft, Transaction, sign

CHAIN_ID = 7
GENESIS_HASH = sha256(b"genesis")
DOMAIN = SigningDomain(CHAIN_ID, GENESIS_HASH)


@dataclass(frozen=True)
class Panel:
    """A validator set with the keys of its members."""

    signers: tuple[Ed25519Signer, ...]

    @property
    def set(self) -> ValidatorSet:
        return ValidatorSet(
            tuple(
                Validator(f"org {s.public_key.hex()[:8]}", s.public_key, sha256(s.public_key))
                for s in self.signers
            )
        )

    def certify(self, header: Header, voters: int, view: int = 0) -> Certificate:
        """Seals of the first `voters` members."""
        payload = DOMAIN.payload(Phase.COMMIT, header.height, view, header.hash)
        return Certificate(
            header.height,
            view,
            header.hash,
            tuple((i, s.sign(payload)) for i, s in enumerate(self.signers[:voters])),
        )


def panel(*names: str) -> Panel:
    return Panel(tuple(Ed25519Signer(sha256(name.encode())) for name in names))


OLD = panel("a", "b", "c", "d")
NEW = panel("e", "f", "g", "h", "i")  # nobody of OLD: its seals cannot pass for theirs
GENESIS = TrustedGenesis(CHAIN_ID, GENESIS_HASH, OLD.set)


def transaction(nonce: int) -> Transaction:
    draft = Draft(chain_id=CHAIN_ID, nonce=nonce, type="a.b", body=(), valid_until=99)
    return sign(draft, OLD.signers[0])


TRANSACTIONS = [transaction(nonce) for nonce in range(5)]


def header(height: int, names: Panel, root: Hash = merkle.EMPTY_ROOT) -> Header:
    """A header whose set of height + 2 is that of `names`."""
    return Header(
        height,
        ZERO_HASH,
        1000 * height,
        0,
        root,
        ZERO_HASH,
        ZERO_HASH,
        names.set.hash(),
        participation_root(Participation(None)),
    )


def encoded(value: Header) -> bytes:
    return codec.encode(value.to_wire())


CHANGE = ports.SetChange(
    encoded(header(5, NEW)), OLD.certify(header(5, NEW), OLD.set.quorum), NEW.set
)


def proof(
    height: int, voters: Panel, changes: tuple[ports.SetChange, ...]
) -> ports.TransactionProof:
    """Of transaction 3 in a block of `height`, sealed by a quorum of `voters`."""
    final = header(height, NEW, transactions_root(TRANSACTIONS))
    chain = ports.ChainProof(encoded(final), voters.certify(final, voters.set.quorum), changes)
    inclusion = merkle.prove([item.hash for item in TRANSACTIONS], 3)
    return ports.TransactionProof(chain, TRANSACTIONS[3].raw, 3, codec.encode(inclusion.to_wire()))


def verified(value: ports.TransactionProof) -> Proven:
    """Through JSON text and back, as a file brings it."""
    return verify_json(GENESIS, json.loads(json.dumps(views.transaction_proof(value))))


def test_a_transaction_is_proven_from_genesis() -> None:
    final = verified(proof(2, OLD, ()))
    assert isinstance(final, FinalTransaction)
    assert (final.transaction.hash, final.index) == (TRANSACTIONS[3].hash, 3)
    assert (final.block.header.height, final.block.seals, final.block.validators) == (2, 3, 4)


def test_a_response_of_a_node_is_read_as_it_is() -> None:
    result = views.transaction_proof(proof(2, OLD, ()))
    response = {"jsonrpc": "2.0", "id": 1, "result": result}
    assert isinstance(verify_json(GENESIS, response), FinalTransaction)


def test_a_block_is_proven_by_its_chain_alone() -> None:
    chain = views.transaction_proof(proof(2, OLD, ()))["chain"]
    assert isinstance(verify_json(GENESIS, {"kind": "block", "chain": chain}), FinalHeader)


def test_a_set_change_is_followed_from_two_heights_above_it() -> None:
    """consensus.md rule 10: the header of 5 names the set of 7; 6 is still the old set's."""
    assert isinstance(verified(proof(7, NEW, (CHANGE,))), FinalTransaction)
    assert isinstance(verified(proof(6, OLD, (CHANGE,))), FinalTransaction)
    with pytest.raises(PeerError, match="signature"):
        verified(proof(6, NEW, (CHANGE,)))


def test_without_the_set_change_the_new_set_counts_for_nothing() -> None:
    with pytest.raises(PeerError):
        verified(proof(7, NEW, ()))


@pytest.mark.parametrize(
    "change",
    [
        replace(CHANGE, validators=panel("x", "y", "z", "w").set),  # not the one it names
        replace(CHANGE, certificate=OLD.certify(header(5, NEW), 2)),  # no quorum
        replace(CHANGE, certificate=NEW.certify(header(5, OLD), 4)),  # of another header
        replace(CHANGE, header=encoded(header(4, NEW))),  # another height
    ],
    ids=["other set", "two seals", "other header", "other height"],
)
def test_a_set_change_that_is_not_proven_is_refused(change: ports.SetChange) -> None:
    with pytest.raises(PeerError):
        verified(proof(7, NEW, (change,)))


def test_set_changes_come_in_ascending_order() -> None:
    with pytest.raises(PeerError, match="ascending"):
        verified(proof(7, NEW, (CHANGE, CHANGE)))


@pytest.mark.parametrize(
    "broken",
    [
        lambda p: replace(p, index=2),
        lambda p: replace(p, transaction=TRANSACTIONS[2].raw),
        lambda p: replace(p, transaction=p.transaction[:-1] + b"\0"),
        lambda p: replace(
            p, chain=replace(p.chain, certificate=replace(p.chain.certificate, view=1))
        ),
        lambda p: replace(p, chain=replace(p.chain, header=encoded(header(2, NEW)))),
        lambda p: replace(p, proof=codec.encode((3, 5, ()))),
    ],
    ids=["index", "other transaction", "signature", "other view", "other header", "no siblings"],
)
def test_a_proof_changed_in_one_place_is_refused(broken: Any) -> None:
    with pytest.raises(PeerError):
        verified(broken(proof(2, OLD, ())))


def test_a_proof_of_another_chain_is_refused() -> None:
    other = replace(GENESIS, genesis_hash=sha256(b"other genesis"))
    with pytest.raises(PeerError, match="signature"):
        verify_json(other, views.transaction_proof(proof(2, OLD, ())))


def kept_at(height: int) -> TrustedHeader:
    """What `--keep` writes of a block with the set of OLD up to 6 and NEW from 7 on."""
    found = verified(proof(height, NEW if height >= 7 else OLD, (CHANGE,)))
    assert isinstance(found, FinalTransaction)
    kept = TrustedHeader(CHAIN_ID, GENESIS_HASH, found.block.anchor)
    again = anchor_from_json(json.loads(json.dumps(anchor_to_json(kept))))
    assert again == kept
    return again


def from_kept(kept: TrustedHeader, value: ports.TransactionProof) -> int:
    found = verify_json(kept, json.loads(json.dumps(views.transaction_proof(value))))
    assert isinstance(found, FinalTransaction)
    return found.block.header.height


@pytest.mark.parametrize("height", [6, 7, 8, 20])
def test_a_trusted_header_replaces_genesis(height: int) -> None:
    """With the change named again or not: the trusted header has it behind it."""
    kept = kept_at(height)
    assert from_kept(kept, proof(30, NEW, (CHANGE,))) == 30
    assert from_kept(kept, proof(30, NEW, ())) == 30
    assert from_kept(kept, proof(height, NEW if height >= 7 else OLD, ())) == height


def test_a_change_after_the_trusted_header_is_followed() -> None:
    kept, again = kept_at(8), panel("v", "w", "x", "y")
    change = ports.SetChange(
        encoded(header(10, again)), NEW.certify(header(10, again), NEW.set.quorum), again.set
    )
    assert from_kept(kept, proof(12, again, (CHANGE, change))) == 12
    with pytest.raises(PeerError):
        from_kept(kept, proof(12, again, (CHANGE,)))


def test_stolen_keys_of_a_former_set_prove_nothing_to_who_keeps_a_header() -> None:
    """From genesis they do: OLD's thieves seal a history in which the set went to their own."""
    thieves = panel("t1", "t2", "t3", "t4")
    for named_at in (3, 4, 5):
        forged = ports.SetChange(
            encoded(header(named_at, thieves)),
            OLD.certify(header(named_at, thieves), OLD.set.quorum),
            thieves.set,
        )
        lie = proof(40, thieves, (forged,))
        assert isinstance(verified(lie), FinalTransaction)
        for trusted in (8, 20):
            with pytest.raises(PeerError):
                from_kept(kept_at(trusted), lie)


def test_the_header_before_the_trusted_one_is_known_by_its_hash() -> None:
    """It may name the set after it, so it has to be the very one."""
    kept = kept_at(20)
    thieves = panel("t1", "t2", "t3", "t4")
    for height in (19, 20):
        forged = ports.SetChange(
            encoded(header(height, thieves)),
            NEW.certify(header(height, thieves), NEW.set.quorum),
            thieves.set,
        )
        with pytest.raises(PeerError, match="trusted history has"):
            from_kept(kept, proof(30, thieves, (CHANGE, forged)))


def test_a_block_before_the_trusted_one_is_refused() -> None:
    with pytest.raises(PeerError, match="before the trusted block 20"):
        from_kept(kept_at(20), proof(12, NEW, (CHANGE,)))


@pytest.mark.parametrize(
    "broken",
    [
        {"sets": []},
        {"sets": [{"from_height": 21, "validators": "0x"}]},
        {"height": -1},
        {"block_hash": "0x00"},
        {"genesis_hash": None},
    ],
    ids=str,
)
def test_a_trusted_header_that_is_none_is_refused(broken: dict[str, Any]) -> None:
    value = anchor_to_json(kept_at(20)) | broken
    with pytest.raises(DecodeError):
        anchor_from_json(value)


ROWS = [(b"accounts/account/" + bytes((n,)), b"value %d" % n) for n in range(50)]
COMMITMENT = StateCommitment.build(ROWS, 16)


def state_proof(key: bytes, value: bytes | None) -> ports.StateProof:
    final = replace(header(2, OLD), state_root=COMMITMENT.root)
    chain = ports.ChainProof(encoded(final), OLD.certify(final, OLD.set.quorum), ())
    wire = proofs.prove_state(COMMITMENT, key).to_wire()
    return ports.StateProof(chain, key, value, codec.encode(wire))


def test_a_state_row_and_its_absence_are_proven() -> None:
    for key, value in (*ROWS, (b"accounts/account/none", None)):
        found = verify_json(GENESIS, views.state_proof(state_proof(key, value)))
        assert isinstance(found, FinalRow)
        assert (found.key, found.value, found.block.header.height) == (key, value, 2)


@pytest.mark.parametrize(
    ("key", "value"),
    [(ROWS[0][0], b"other"), (ROWS[0][0], None), (b"accounts/account/none", b"value 0")],
    ids=["another value", "denied", "made up"],
)
def test_a_state_row_that_is_not_so_is_refused(key: bytes, value: bytes | None) -> None:
    with pytest.raises(PeerError, match="not shown"):
        verify_json(GENESIS, views.state_proof(state_proof(key, value)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_refused_with_a_sentence(value: object) -> None:
    with pytest.raises(PeerError):
        verify_json(GENESIS, value)


@given(
    st.sampled_from(["kind", "chain", "transaction", "index", "proof"]),
    st.sampled_from(["header", "certificate", "set_changes", None]),
    json_values,
)
def test_a_proof_with_any_part_replaced_is_refused_or_means_the_same(
    name: str, inner: str | None, value: object
) -> None:
    whole: dict[str, Any] = json.loads(json.dumps(views.transaction_proof(proof(2, OLD, ()))))
    target: dict[str, Any] = whole["chain"] if name == "chain" and inner else whole
    place = inner if name == "chain" and inner else name
    before = target[place]
    target[place] = value
    if value == before:
        return
    with pytest.raises(PeerError):
        verify_json(GENESIS, whole)
