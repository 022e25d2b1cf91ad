"""After a crash at any height the reloaded commitment is the live one, and both are by definition;
every key has a proof of its value or of its absence, and no other claim passes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commitment import StateCommitment
from ledger.kv import MemoryStore, WriteBatch
from ledger.proofs import StateProof, prove_state, verify_state

keys = st.integers(0, 30).map(lambda number: b"room/rows/%d" % number)
blocks = st.lists(
    st.dictionaries(keys, st.one_of(st.none(), st.binary(max_size=3)), max_size=6), max_size=25
)


def applied(rows: dict[bytes, bytes], changes: dict[bytes, bytes | None]) -> dict[bytes, bytes]:
    after = rows | {key: value for key, value in changes.items() if value is not None}
    return {key: value for key, value in after.items() if changes.get(key, b"") is not None}


@given(
    blocks,
    st.sampled_from([16, 256]),
    st.sampled_from([1, 2, 3, 5, 16, 300]),
    st.booleans(),
)
@settings(max_examples=60)
def test_reload_at_every_height_equals_the_live_tree(
    script: list[dict[bytes, bytes | None]], bucket_count: int, groups: int, restart: bool
) -> None:
    rows: dict[bytes, bytes] = {b"room/rows/%d" % number: b"genesis" for number in range(0, 30, 2)}
    commitment = StateCommitment.build(rows.items(), bucket_count, groups=groups)
    store, batch = MemoryStore(), WriteBatch()
    commitment.add_all_rows(batch)
    store.write(batch, sync=True)
    for changes in script:
        delta = commitment.compute(list(changes.items()))
        batch = WriteBatch()
        commitment.add_rows(batch, delta)
        crashed_before_writing = StateCommitment.load(store, commitment.height, commitment.root)
        assert crashed_before_writing.root == commitment.root
        store.write(batch, sync=True)
        commitment.apply(delta)
        rows = applied(rows, changes)
        assert commitment.root == StateCommitment.build(rows.items(), bucket_count).root
        loaded = StateCommitment.load(store, commitment.height, commitment.root)
        if restart:  # goes on from what was read, dirty buckets included
            commitment = loaded


@given(st.dictionaries(keys, st.binary(max_size=3)), keys, st.binary(max_size=3), st.data())
def test_a_proof_shows_the_value_or_the_absence_and_nothing_else(
    rows: dict[bytes, bytes], key: bytes, other: bytes, data: st.DataObject
) -> None:
    commitment = StateCommitment.build(rows.items(), 256)
    proof = StateProof.from_wire(prove_state(commitment, key).to_wire())
    root, value = commitment.root, rows.get(key)
    assert verify_state(root, key, value, proof)
    assert verify_state(root, key, other, proof) == (other == value)
    assert verify_state(root, key, None, proof) == (value is None)
    elsewhere = data.draw(keys)
    if verify_state(root, elsewhere, None, proof):
        assert elsewhere not in rows
    place = data.draw(st.integers(0, len(proof.siblings) - 1))
    siblings = list(proof.siblings)
    siblings[place] = type(siblings[place])(bytes(32))
    assert not verify_state(root, key, value, StateProof(256, proof.leaves, tuple(siblings)))
    assert not verify_state(root, key, value, StateProof(16, proof.leaves, proof.siblings))
    grown = StateProof(256, proof.leaves + bytes(64), proof.siblings)
    assert not verify_state(root, key, value, grown)
