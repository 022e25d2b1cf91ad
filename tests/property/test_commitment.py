"""At every height the commitment is that of its rows, whether it grew, was built or was kept; every
key has a proof of its value or of its absence, and no other claim passes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.commitment import CommittedRows, StateCommitment, leaf_content
from ledger.kv import MemoryStore, WriteBatch
from ledger.proofs import StateProof, prove_state, verify_state

keys = st.integers(0, 30).map(lambda number: b"room/rows/%d" % number)
values = st.one_of(st.binary(max_size=3), st.binary(min_size=30, max_size=35))
blocks = st.lists(st.dictionaries(keys, st.one_of(st.none(), values), max_size=6), max_size=25)


def applied(rows: dict[bytes, bytes], changes: dict[bytes, bytes | None]) -> dict[bytes, bytes]:
    after = rows | {key: value for key, value in changes.items() if value is not None}
    return {key: value for key, value in after.items() if changes.get(key, b"") is not None}


@given(blocks, st.sampled_from([16, 256]), st.booleans())
@settings(max_examples=60)
def test_at_every_height_the_commitment_is_that_of_its_rows_and_reads_as_they_do(
    script: list[dict[bytes, bytes | None]], bucket_count: int, restart: bool
) -> None:
    rows: dict[bytes, bytes] = {b"room/rows/%d" % number: b"genesis" for number in range(0, 30, 2)}
    commitment = StateCommitment.build(rows.items(), bucket_count)
    for changes in script:
        commitment.apply(commitment.compute(list(changes.items())))
        rows = applied(rows, changes)
        built = StateCommitment.build(rows.items(), bucket_count, commitment.height)
        assert commitment.root == built.root
        assert commitment.row_count == built.row_count == len(rows)
        kept = StateCommitment.restore(b"".join(commitment.save()))
        assert (kept.height, kept.root) == (commitment.height, commitment.root)
        store, batch = MemoryStore(), WriteBatch()
        batch.operations.extend(rows.items())
        store.write(batch, sync=True)
        reader = CommittedRows(commitment, store)
        for number in range(31):
            key = b"room/rows/%d" % number
            assert reader.get(key) == rows.get(key)
        if restart:
            commitment = kept


@given(st.dictionaries(keys, values), keys, values, st.data())
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
    grown = StateProof(256, proof.leaves + bytes(65), proof.siblings)
    assert not verify_state(root, key, value, grown)


def as_state(rows: dict[bytes, bytes], height: int) -> list[object]:
    """All that a commitment of these rows says, of every key."""
    return everything(StateCommitment.build(rows.items(), 16, height))


def everything(commitment: StateCommitment) -> list[object]:
    contents = [commitment.content(b"room/rows/%d" % number) for number in range(31)]
    proofs = [
        (commitment.bucket(index), commitment.siblings(index))
        for index in range(commitment.bucket_count)
    ]
    return [commitment.height, commitment.root, contents, proofs, b"".join(commitment.save())]


@given(st.lists(st.tuples(st.dictionaries(keys, st.none() | values), st.booleans(), st.booleans())))
@settings(max_examples=60)
def test_what_is_computed_and_not_applied_is_never_seen(
    script: list[tuple[dict[bytes, bytes | None], bool, bool]],
) -> None:
    """Proposals of one height are computed one after the other; any of them may be applied."""
    rows: dict[bytes, bytes] = {b"room/rows/%d" % number: b"genesis" for number in range(0, 30, 2)}
    commitment = StateCommitment.build(rows.items(), 16)
    for changes, also_another, looks in script:
        delta = commitment.compute(list(changes.items()))
        for number in range(31):
            row = rows.get(b"room/rows/%d" % number)
            content = commitment.content(b"room/rows/%d" % number)
            assert content == (None if row is None else leaf_content(row))
        if also_another:
            commitment.compute([(b"room/rows/1", b"another"), (b"room/rows/2", None)])
        if looks:
            assert everything(commitment) == as_state(rows, commitment.height)
        commitment.apply(delta)
        rows = applied(rows, changes)
        assert commitment.row_count == len(rows)
    assert everything(commitment) == as_state(rows, commitment.height)
