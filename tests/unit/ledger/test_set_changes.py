"""Rules 10 and 11 of consensus.md, on executed blocks: set changes, probes, evidence."""

from collections.abc import Sequence
from typing import Any

import pytest

from governance.deciding import (
    ADD_OBSERVER,
    ADD_VALIDATOR,
    LIFT_SUSPENSION,
    REMOVE_OBSERVER,
    REMOVE_VALIDATOR,
    ROTATE_KEY,
)
from ledger.crypto import Ed25519Signer
from ledger.errors import ErrorCode
from ledger.kv import WriteBatch
from ledger.message_registry import MessageType
from ledger.receipt import Receipt
from ledger.registry import Evidence, Phase, Validator
from ledger.set_changes import MAX_CANDIDATES, PROBE, PROBE_LIFETIME
from ledger.transaction import Draft, Transaction, sign
from ledger.validator_tables import (
    PROBES,
    RECENT_ROOTS,
    RETAINED_HEIGHTS,
    find_set,
    observers,
    recorded_evidence,
    set_at,
)
from ledger.validators import admitted_node_keys, validators_hash_after
from tests.support.ledger_chain import AUTHORITY, RICH, LedgerChain, validator, validator_signer

NEW = "joiner"


def decision(chain: LedgerChain, message: MessageType, *values: Any) -> Transaction:
    return chain.signed(AUTHORITY, message.name, message.encode(*values))


def add(chain: LedgerChain, name: str = NEW) -> Transaction:
    seat = validator(name)
    return decision(chain, ADD_VALIDATOR, name, seat.public_key, seat.node_key)


def outcome(
    chain: LedgerChain, transaction: Transaction, sealers: Sequence[int] | None = None
) -> Receipt:
    (receipt,) = chain.add([transaction], chain.info(sealers)).receipts
    return receipt


def probe(
    chain: LedgerChain, height: int, signer: Ed25519Signer | None = None, root: bytes | None = None
) -> Transaction:
    signer = signer or validator_signer(NEW)
    state_root = root or chain.blocks[height].header.state_root
    return chain.signed(signer, PROBE.name, PROBE.encode(signer.public_key, height, state_root))


def probe_thrice(chain: LedgerChain, signer: Ed25519Signer | None = None) -> None:
    for _ in range(3):
        assert outcome(chain, probe(chain, chain.height, signer)).code == ErrorCode.OK


def organisations(validators: Any) -> list[str]:
    return [seat.organisation for seat in validators.validators]


def settled(n: int) -> LedgerChain:
    chain = LedgerChain(n)
    chain.advance(2 * n)
    return chain


def test_rule_10_a_change_takes_effect_at_h_plus_2() -> None:
    chain = settled(4)
    old = set_at(chain.state, 1)
    assert outcome(chain, decision(chain, REMOVE_VALIDATOR, "o1")).code == ErrorCode.OK
    decided_at = chain.height
    new = set_at(chain.state, decided_at + 2)
    assert organisations(new) == ["o0", "o2", "o3"]
    assert set_at(chain.state, decided_at + 1) == old
    # The header of h carries the hash of the set of h + 2.
    assert chain.blocks[decided_at].header.validators_hash == new.hash()
    assert chain.blocks[decided_at - 1].header.validators_hash == old.hash()
    assert validators_hash_after(chain.state, decided_at) == new.hash()
    coming = chain.view
    assert (coming.validators, coming.validators_next) == (old, new)
    chain.advance(1)
    in_force = chain.view
    assert (in_force.validators, in_force.validators_next) == (new, new)
    chain.advance(6)
    assert eligible(chain) == [0, 1, 2]


def test_rule_10_a_change_is_pending_until_the_height_before_it_is_in_force() -> None:
    chain = settled(4)
    pending = [chain.view.set_change_pending]
    chain.add([decision(chain, REMOVE_VALIDATOR, "o1")])
    pending.append(chain.view.set_change_pending)
    chain.advance(1)
    pending.append(chain.view.set_change_pending)
    assert pending == [False, True, False]


def test_rule_10_none_is_decided_while_one_is_pending() -> None:
    chain = settled(7)
    first = decision(chain, REMOVE_VALIDATOR, "o1")
    assert outcome(chain, first).code == ErrorCode.OK
    refused = outcome(chain, decision(chain, REMOVE_VALIDATOR, "o2"))
    assert refused.code == ErrorCode.NOT_NOW
    assert "pending until height" in refused.reason
    accepted = outcome(chain, decision(chain, REMOVE_VALIDATOR, "o2"))
    assert accepted.code == ErrorCode.OK


def test_rule_10_two_decisions_in_one_block_are_not_both_taken() -> None:
    chain = settled(7)
    first = decision(chain, REMOVE_VALIDATOR, "o1")
    executed = chain.execute([first])
    assert executed.receipts[0].code == ErrorCode.OK
    second = sign(
        Draft(
            chain_id=first.chain_id,
            nonce=first.nonce + 1,
            type=REMOVE_VALIDATOR.name,
            body=REMOVE_VALIDATOR.encode("o2"),
            valid_until=first.valid_until,
        ),
        AUTHORITY,
    )
    both = chain.execute([first, second])
    assert [receipt.code for receipt in both.receipts] == [ErrorCode.OK, ErrorCode.NOT_NOW]


def test_rule_10_refused_unless_the_live_of_the_new_set_reach_its_quorum() -> None:
    """Five, one of them silent for 2n heights: a sixth without probes would leave four of six,
    which is their quorum; after two silent ones it would not."""
    chain = settled(5)
    chain.advance(10, sealers=range(4))
    assert outcome(chain, add(chain), range(4)).code == ErrorCode.OK
    chain = settled(5)
    chain.advance(10, sealers=range(3))
    refused = outcome(chain, add(chain), range(3))
    assert refused.code == ErrorCode.NOT_NOW
    assert "only 3 of the 6 validators of the new set are seen to be alive, 4" in refused.reason


def test_rule_10_removing_a_live_one_may_not_leave_the_dead_in_charge() -> None:
    chain = settled(7)  # six of seven need a quorum of four
    chain.advance(14, sealers=range(4))
    live = outcome(chain, decision(chain, REMOVE_VALIDATOR, "o0"), range(4))
    assert live.code == ErrorCode.NOT_NOW
    dead = outcome(chain, decision(chain, REMOVE_VALIDATOR, "o6"), range(4))
    assert dead.code == ErrorCode.OK


@pytest.mark.parametrize(("silent_heights", "code"), [(7, ErrorCode.OK), (8, ErrorCode.NOT_NOW)])
def test_rule_10_an_embedded_seal_counts_for_2n_heights(
    silent_heights: int, code: ErrorCode
) -> None:
    chain = settled(4)
    chain.advance(silent_heights - 1, sealers=[0])
    assert outcome(chain, decision(chain, REMOVE_VALIDATOR, "o0"), [0]).code == code


def test_rule_10_late_seals_count_as_embedded() -> None:
    chain = settled(4)
    chain.advance(8, sealers=[0])
    transaction = decision(chain, REMOVE_VALIDATOR, "o3")
    alone = chain.execute([transaction], chain.info([0]))
    assert alone.receipts[0].code == ErrorCode.NOT_NOW
    late = [chain.late_seal(chain.height - 1, 2)]
    two = chain.execute([transaction], chain.info([0], late=late))
    assert two.receipts[0].code == ErrorCode.OK


def test_rule_10_a_joiner_with_three_probes_is_taken() -> None:
    chain = settled(1)
    assert outcome(chain, add(chain)).code == ErrorCode.NOT_NOW
    for _ in range(2):
        assert outcome(chain, probe(chain, chain.height)).code == ErrorCode.OK
    assert outcome(chain, add(chain)).code == ErrorCode.NOT_NOW
    assert outcome(chain, probe(chain, chain.height)).code == ErrorCode.OK
    assert outcome(chain, add(chain)).code == ErrorCode.OK
    assert organisations(chain.view.validators_next) == ["o0", NEW]
    assert validator(NEW).node_key in admitted_node_keys(chain.state, chain.height)


def test_rule_10_a_joiner_without_probes_is_taken_when_the_others_reach_the_quorum() -> None:
    chain = settled(4)  # quorum(5) = 4
    assert outcome(chain, add(chain)).code == ErrorCode.OK


def test_rule_10_probes_expire() -> None:
    chain = settled(1)
    probe_thrice(chain)
    chain.advance(PROBE_LIFETIME + 3)
    assert outcome(chain, add(chain)).code == ErrorCode.NOT_NOW
    probe_thrice(chain)
    assert outcome(chain, add(chain)).code == ErrorCode.OK


def test_a_probe_must_name_a_recent_root_rightly_and_a_new_height() -> None:
    chain = settled(1)
    height = chain.height
    wrong = outcome(chain, probe(chain, height, root=bytes(32)))
    assert wrong.code == ErrorCode.NOT_NOW
    assert outcome(chain, probe(chain, height)).code == ErrorCode.OK
    assert outcome(chain, probe(chain, height)).code == ErrorCode.CONFLICT
    chain.advance(RECENT_ROOTS + 1)
    old = outcome(chain, probe(chain, chain.height - RECENT_ROOTS))
    assert old.code == ErrorCode.NOT_NOW
    assert outcome(chain, probe(chain, chain.height - RECENT_ROOTS + 1)).code == ErrorCode.OK


def test_a_probe_is_sent_by_the_joiners_own_key_which_is_no_validator_yet() -> None:
    chain = settled(1)
    stolen = PROBE.encode(validator_signer(NEW).public_key, 1, chain.blocks[1].header.state_root)
    assert outcome(chain, chain.signed(RICH, PROBE.name, stolen)).code == ErrorCode.UNAUTHORISED
    member = outcome(chain, probe(chain, chain.height, validator_signer("o0")))
    assert member.code == ErrorCode.CONFLICT


def test_candidates_are_bounded_and_expired_ones_make_room() -> None:
    chain = settled(1)
    state = chain.state
    for number in range(MAX_CANDIDATES):
        state.put(PROBES, number.to_bytes(32, "big"), (1,))
    batch = WriteBatch()
    batch.operations.extend(state.changes())
    chain.store.write(batch, sync=True)
    assert outcome(chain, probe(chain, chain.height)).code == ErrorCode.LIMIT_EXCEEDED
    chain.advance(PROBE_LIFETIME)
    assert outcome(chain, probe(chain, chain.height)).code == ErrorCode.OK
    assert len(list(chain.state.iterate(PROBES))) == 1


def test_rule_10_a_rotated_key_counts_as_a_joiner() -> None:
    chain = settled(2)
    fresh = validator_signer("fresh")
    rotation = (ROTATE_KEY, "o1", fresh.public_key, validator("fresh").node_key)
    assert outcome(chain, decision(chain, *rotation)).code == ErrorCode.NOT_NOW
    probe_thrice(chain, fresh)
    assert outcome(chain, decision(chain, *rotation)).code == ErrorCode.OK
    assert chain.view.validators_next.validators[1] == Validator(
        "o1", fresh.public_key, validator("fresh").node_key
    )


def test_rule_10_seals_of_the_parent_are_read_with_the_set_of_h_minus_1() -> None:
    chain = settled(4)
    chain.add([decision(chain, REMOVE_VALIDATOR, "o0")])
    chain.advance(1)
    # The block of the first height of the new set embeds a certificate of the old one.
    chain.add(info=chain.info([1, 2, 3]))
    assert chain.history.blocks[-1].sealed == 0b111
    chain.add(info=chain.info([0, 1]))
    assert chain.history.blocks[-1].sealed == 0b011


def test_rule_10_a_late_seal_is_read_with_the_set_of_its_height() -> None:
    chain = settled(4)
    before = chain.height
    chain.add([decision(chain, REMOVE_VALIDATOR, "o0")])
    chain.advance(2)
    late = [chain.late_seal(before, 0), chain.late_seal(before, 3)]
    chain.add(info=chain.info([0, 1], late=late))
    assert chain.history.blocks[-1].late == 0b100


@pytest.mark.parametrize(
    ("message", "values", "code"),
    [
        (REMOVE_VALIDATOR, ("nobody",), ErrorCode.NOT_FOUND),
        (LIFT_SUSPENSION, ("nobody",), ErrorCode.NOT_FOUND),
        (LIFT_SUSPENSION, ("o1",), ErrorCode.CONFLICT),
        (ADD_VALIDATOR, ("o1", b"k" * 32, b"n" * 32), ErrorCode.CONFLICT),
        (ADD_VALIDATOR, ("o9", b"k" * 31, b"n" * 32), ErrorCode.INVALID_MESSAGE),
        (ROTATE_KEY, ("o9", b"k" * 32, b"n" * 32), ErrorCode.NOT_FOUND),
        (ADD_OBSERVER, (b"n", "short key"), ErrorCode.INVALID_MESSAGE),
        (REMOVE_OBSERVER, (b"n" * 32,), ErrorCode.NOT_FOUND),
    ],
)
def test_decisions_that_make_no_sense_are_refused(
    message: MessageType, values: tuple[Any, ...], code: ErrorCode
) -> None:
    chain = settled(4)
    assert outcome(chain, decision(chain, message, *values)).code == code


def test_the_last_validator_stays_and_a_33rd_is_not_taken() -> None:
    alone, full = settled(1), settled(32)
    last = outcome(alone, decision(alone, REMOVE_VALIDATOR, "o0"))
    assert last.code == ErrorCode.CONFLICT
    assert outcome(full, add(full)).code == ErrorCode.LIMIT_EXCEEDED


def test_only_the_authority_of_genesis_decides() -> None:
    chain = settled(4)
    body = REMOVE_VALIDATOR.encode("o1")
    refused = outcome(chain, chain.signed(RICH, REMOVE_VALIDATOR.name, body))
    assert refused.code == ErrorCode.UNAUTHORISED


def test_observers_are_admitted_and_removed() -> None:
    chain = settled(1)
    key = b"n" * 32
    assert outcome(chain, decision(chain, ADD_OBSERVER, key, "portal")).code == ErrorCode.OK
    assert observers(chain.state) == {key: "portal"}
    assert key in admitted_node_keys(chain.state, chain.height)
    assert outcome(chain, decision(chain, ADD_OBSERVER, key, "again")).code == ErrorCode.CONFLICT
    assert outcome(chain, decision(chain, REMOVE_OBSERVER, key)).code == ErrorCode.OK
    assert key not in admitted_node_keys(chain.state, chain.height)


def eligible(chain: LedgerChain) -> list[int]:
    return list(chain.view.eligible)


def evidence(height: int, offender: int, view: int = 0) -> Evidence:
    return Evidence(Phase.COMMIT, height, view, offender, b"a", bytes(64), b"b", bytes(64))


def test_rule_11_evidence_suspends_from_proposing_until_governance_decides() -> None:
    chain = settled(4)
    executed = chain.add(info=chain.info(evidence=[evidence(chain.height, 2)]))
    assert [event.name for event in executed.hook_events] == ["validators.suspended"]
    assert eligible(chain) == [0, 1, 3]
    chain.advance(100)
    assert eligible(chain) == [0, 1, 3]
    assert outcome(chain, decision(chain, LIFT_SUSPENSION, "o2")).code == ErrorCode.OK
    assert eligible(chain) == [0, 1, 2, 3]


def test_rule_11_evidence_is_recorded_once() -> None:
    chain = settled(4)
    item = evidence(chain.height, 2)
    chain.add(info=chain.info(evidence=[item]))
    assert recorded_evidence(chain.state) == (item.key(),)
    chain.add([decision(chain, LIFT_SUSPENSION, "o2")])
    executed = chain.add(info=chain.info(evidence=[item]))
    assert executed.hook_events == ()
    assert eligible(chain) == [0, 1, 2, 3]
    chain.add(info=chain.info(evidence=[evidence(item.height, 2, view=1)]))
    assert eligible(chain) == [0, 1, 3]


def test_rule_11_evidence_expires() -> None:
    chain = settled(4)
    item = evidence(chain.height, 2)
    chain.add(info=chain.info(evidence=[item]))
    chain.advance(RETAINED_HEIGHTS)
    assert recorded_evidence(chain.state) == ()
    chain.add([decision(chain, LIFT_SUSPENSION, "o2")])
    chain.add(info=chain.info(evidence=[item]))
    assert eligible(chain) == [0, 1, 2, 3]


def test_rule_11_evidence_names_its_validator_by_the_set_of_its_height() -> None:
    chain = settled(4)
    item = evidence(chain.height, 2)  # o2, which becomes number 1
    chain.add([decision(chain, REMOVE_VALIDATOR, "o1")])
    chain.advance(3)
    chain.add(info=chain.info(evidence=[item]))
    assert eligible(chain) == [0, 2]
    gone = evidence(item.height, 1)
    executed = chain.add(info=chain.info(evidence=[gone]))
    assert executed.hook_events == ()
    assert gone.key() in recorded_evidence(chain.state)


def test_past_sets_stay_known_for_the_heights_that_evidence_may_name() -> None:
    chain = settled(10)
    for number in range(5):
        decided_at = chain.height + 1
        assert outcome(chain, decision(chain, REMOVE_VALIDATOR, f"o{number}")).code == ErrorCode.OK
        assert find_set(chain.state, decided_at) is not None
        chain.advance(30)
    for height in range(chain.height - RETAINED_HEIGHTS, chain.height + 3):
        assert find_set(chain.state, height) is not None
    assert find_set(chain.state, 1) is None


def test_an_idle_block_writes_a_few_rows() -> None:
    chain = settled(4)
    assert len(chain.execute().changes) == 2
