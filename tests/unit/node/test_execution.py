"""The applied chain: what is built is valid elsewhere, what is invalid is never applied."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from consensus.events import Verdict
from governance.deciding import ADD_OBSERVER, ADD_VALIDATOR
from ledger.block import Block, transactions_root
from ledger.errors import InvariantViolation
from ledger.primitives import Hash
from ledger.set_changes import PROBE
from ledger.steps import finish
from ledger.transaction import Transaction, decode_transaction
from ledger.validator_tables import observers
from node.replica.execution import MAX_EXECUTED
from tests.support.applied_chain import AppliedChain
from tests.support.ledger_chain import AUTHORITY, CHAIN_ID, STEP_MS, validator, validator_signer


def other_header(block: Block, **changes: object) -> Block:
    """The same body under a header with these fields changed."""
    header = replace(block.header, **changes)  # type: ignore[arg-type]  # any field, by name
    return Block(header, block.participation, block.transactions)


def with_transactions(block: Block, *transactions: Transaction) -> Block:
    changed = Block(block.header, block.participation, transactions)
    return other_header(changed, transactions_root=transactions_root(transactions))


def test_a_second_chain_finds_the_same_roots_and_the_same_head() -> None:
    proposer, other = AppliedChain(), AppliedChain()
    for height in range(1, 6):
        block = proposer.build(*(proposer.signed(ahead=i) for i in range(height)))
        assert len(block.transactions) == height
        assert finish(other.chain.check(block)) is Verdict.VALID
        final = proposer.certified(block)
        proposer.take(final)
        other.take(final)
        assert other.chain.head == proposer.chain.head == block.header
        assert other.chain.commitment.root == block.header.state_root
    assert dict(other.store.iterate(b"S", b"T")) == dict(proposer.store.iterate(b"S", b"T"))


def test_a_block_that_was_never_checked_is_checked_when_it_is_applied() -> None:
    """As when it comes by catching up: the certificate stands for the votes, not for this node."""
    proposer, other = AppliedChain(), AppliedChain()
    final = proposer.grow(proposer.signed())
    other.take(final)
    assert other.verified == list(final.proposal.transactions)  # type: ignore[attr-defined]
    assert other.chain.head == proposer.chain.head


def test_an_own_block_is_not_verified_again() -> None:
    node = AppliedChain()
    node.grow(node.signed())
    assert node.verified == []


def test_each_height_is_applied_once() -> None:
    node = AppliedChain()
    final = node.grow()
    with pytest.raises(InvariantViolation, match="does not follow the head 1"):
        node.chain.apply(final)
    assert node.chain.head.height == 1
    assert [applied.block.height for applied in node.applied] == [1]


def test_a_block_of_a_later_height_is_not_applied() -> None:
    node, ahead = AppliedChain(), AppliedChain()
    ahead.grow()
    with pytest.raises(InvariantViolation, match="does not follow the head 0"):
        node.chain.apply(ahead.certified(ahead.build()))


def test_nothing_to_propose_is_none_unless_it_may_be_empty() -> None:
    node = AppliedChain()
    assert finish(node.chain.build(node.request(allow_empty=False))) is None
    block = finish(node.chain.build(node.request(allow_empty=True)))
    assert block is not None
    assert block.is_empty


def test_a_proposal_is_built_on_the_head_only() -> None:
    node = AppliedChain()
    request = replace(node.request(), height=2)
    with pytest.raises(InvariantViolation, match="built on the head"):
        finish(node.chain.build(request))


def test_building_drops_what_can_never_be_executed_and_keeps_what_waits() -> None:
    node = AppliedChain()
    used, gap = node.signed(), node.signed(ahead=3)
    node.admit(used, gap)
    block = finish(node.chain.build(node.request()))
    assert block is not None
    assert block.transactions == (used,)
    node.take(node.certified(block))
    assert used.hash not in node.mempool
    assert gap.hash in node.mempool


def test_a_block_holds_at_most_the_configured_transactions() -> None:
    node = AppliedChain(max_transactions=2)
    node.admit(*(node.signed(ahead=i) for i in range(5)))
    first = finish(node.chain.build(node.request()))
    assert first is not None
    assert len(first.transactions) == 2
    event = node.chain.apply(node.certified(first))
    assert event.has_work


INVALID: dict[str, Callable[[Block], Block]] = {
    "state root": lambda block: other_header(block, state_root=Hash(bytes(32))),
    "receipts root": lambda block: other_header(block, receipts_root=Hash(bytes(32))),
    "validators hash": lambda block: other_header(block, validators_hash=Hash(bytes(32))),
    "a transaction twice": lambda block: with_transactions(block, *block.transactions * 2),
    "no transaction": with_transactions,
    "another proposer": lambda block: other_header(block, proposer=block.header.proposer + 1),
}


@pytest.mark.parametrize("kind", INVALID)
def test_an_invalid_proposal_is_refused_and_executed_once(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposer, other = AppliedChain(), AppliedChain()
    proposer.grow()
    other.take(proposer.certified(other_block := proposer.applied[0].block))
    assert other_block.height == 1
    bad = INVALID[kind](proposer.build(proposer.signed()))
    assert finish(other.chain.check(bad)) is Verdict.INVALID
    times = 0

    def counted(*_: object, **__: object) -> None:
        nonlocal times
        times += 1

    monkeypatch.setattr(other.chain, "_check", counted)
    assert finish(other.chain.check(bad)) is Verdict.INVALID
    assert times == 0
    assert other.chain.head.height == 1
    assert other.chain.block_of_running_height(bad.hash) is None


def test_a_wrong_signature_is_refused() -> None:
    proposer, other = AppliedChain(), AppliedChain()
    honest = proposer.signed()
    block = proposer.build(honest)
    forged = decode_transaction(honest.raw[:-1] + bytes((honest.raw[-1] ^ 1,)), CHAIN_ID)
    assert finish(other.chain.check(with_transactions(block, forged))) is Verdict.INVALID


def test_a_transaction_out_of_order_is_refused() -> None:
    proposer, other = AppliedChain(), AppliedChain()
    first, second = proposer.signed(), proposer.signed(ahead=1)
    block = proposer.build(first, second)
    assert finish(other.chain.check(with_transactions(block, second, first))) is Verdict.INVALID


def test_a_certified_block_that_is_invalid_here_stops_the_node() -> None:
    """A quorum says otherwise: this node is wrong, and must not go on (architecture.md)."""
    proposer, other = AppliedChain(), AppliedChain()
    bad = other_header(proposer.build(), state_root=Hash(bytes(32)))
    with pytest.raises(InvariantViolation, match="invalid here"):
        other.chain.apply(other.certified(bad))
    assert other.chain.head.height == 0
    assert other.applied == []


def test_executed_proposals_and_refusals_are_bounded_and_end_with_the_height() -> None:
    node = AppliedChain()
    blocks = []
    for offset in range(MAX_EXECUTED + 3):
        request = replace(node.request(), time_ms=node.chain.head.time_ms + STEP_MS + offset)
        block = finish(node.chain.build(request))
        assert block is not None
        blocks.append(block)
    held = [block for block in blocks if node.chain.block_of_running_height(block.hash)]
    assert held == blocks[-MAX_EXECUTED:]
    assert finish(node.chain.check(blocks[0])) is Verdict.VALID  # executed again
    node.take(node.certified(blocks[1]))  # and so is one that was dropped
    assert not any(node.chain.block_of_running_height(block.hash) for block in blocks)


def test_the_clock_is_none_of_its_business() -> None:
    """Rule 8: drift is judged by the replica. A block far from now is VALID here, never CLOCK."""
    proposer, other = AppliedChain(), AppliedChain()
    for years in (1, 30):
        time_ms = proposer.chain.head.time_ms + years * 365 * 86_400_000
        block = finish(proposer.chain.build(replace(proposer.request(), time_ms=time_ms)))
        assert block is not None
        assert finish(other.chain.check(block)) is Verdict.VALID


def test_a_proposal_of_another_kind_is_an_own_mistake() -> None:
    class Other:
        hash = Hash(bytes(32))

    with pytest.raises(InvariantViolation, match="a Other came where a Block is needed"):
        finish(AppliedChain().chain.check(Other()))  # type: ignore[arg-type]  # on purpose


def test_applying_is_told_when_durable_and_cuts_the_vote_record_once() -> None:
    node = AppliedChain()
    final = node.grow(node.signed())
    (applied,) = node.applied
    assert (applied.block, applied.certified) == (final.proposal, final)
    assert applied.execution_s > 0
    assert applied.commit_s > 0
    (cut,) = node.vote_record.cuts
    head = node.chain.blocks.head()
    assert head is not None
    assert head.marker == cut


def test_the_event_says_what_the_next_heights_need() -> None:
    node = AppliedChain()
    event = node.chain.applied_event()
    assert (event.height, event.block_hash) == (0, node.opened.genesis_hash)
    assert len(event.validators) == 4
    assert not event.has_work
    node.admit(node.signed())
    assert node.chain.applied_event().has_work
    after = node.chain.apply(node.certified(node.build()))
    assert after == node.chain.applied_event()
    assert (after.height, after.set_change_pending) == (1, False)


def test_a_failed_transaction_changes_the_nonce_and_nothing_else() -> None:
    node = AppliedChain()
    node.grow(node.signed(ADD_OBSERVER.name, ADD_OBSERVER.encode(bytes(32), "x")))
    (receipt,) = node.applied[0].executed.receipts
    assert receipt.code != 0
    assert node.signed().nonce == 1
    assert observers(node.state) == {}


# The vote record that was lost


def test_a_loss_is_kept_until_the_next_height_may_be_signed() -> None:
    node = AppliedChain()
    node.chain.vote_record_lost = True
    for signs_from, lost in ((None, True), (4, True), (4, False)):
        final = node.certified(node.build())
        node.chain.apply(final, signs_from)
        node.certificate = final.certificate
        head = node.chain.blocks.head()
        assert head is not None
        assert head.vote_record_lost is node.chain.vote_record_lost is lost
        reopened = AppliedChain(node.store)
        assert reopened.opened.vote_record_lost is lost
    assert node.chain.head.height == 3


# Set changes


def probes(node: AppliedChain, name: str) -> None:
    """Three blocks in which a joiner shows that it follows the chain (rule 10)."""
    for _ in range(3):
        height, root = node.chain.head.height, node.chain.head.state_root
        body = PROBE.encode(validator_signer(name).public_key, height, root)
        node.grow(node.signed(PROBE.name, body, validator_signer(name)))
        assert node.applied[-1].executed.receipts[0].code == 0


def test_only_a_block_that_names_another_set_leaves_a_set_change() -> None:
    node = AppliedChain()
    node.grow()
    probes(node, "o4")
    joiner = validator("o4")
    body = ADD_VALIDATOR.encode(joiner.organisation, joiner.public_key, joiner.node_key)
    node.grow(node.signed(ADD_VALIDATOR.name, body, AUTHORITY))
    named_at = node.chain.head.height
    for _ in range(70):  # the state forgets the old set after 64 heights, the store never
        node.grow()
    assert [height for height, _ in node.chain.blocks.set_changes(1_000)] == [named_at]
    assert list(node.chain.blocks.set_changes(named_at)) == []
