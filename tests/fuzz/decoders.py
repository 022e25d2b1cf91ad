"""Every decoder of the code base, with valid samples: the one list that tests and fuzzing share.

tests/fuzz/test_completeness.py fails when a decoder is in no entry's `covers`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from consensus import message_wire, wal_records
from consensus.messages import Proposal
from ledger import abi, codec, ethereum_envelope, participation
from ledger.block import Header, decode_block, decode_compact_block
from ledger.contracts import CALL
from ledger.errors import DecodeError
from ledger.merkle import InclusionProof
from ledger.primitives import ADDRESS_BYTES, Address
from ledger.proofs import StateProof, prove_state
from ledger.receipt import (
    decode_hook_leaf,
    decode_leaves,
    decode_receipt,
    encode_leaves,
    hook_leaf,
)
from ledger.registry import Certificate, Evidence, LateSeal, Participation, ValidatorSet
from ledger.threshold import Witness, create
from ledger.transaction import decode_transaction
from ledger.validator_tables import set_at
from node.network import consensus_wire
from node.network.consensus_wire import CompactProposal, TransactionsAnswer, TransactionsAsk
from tests.fuzz import edges, papers, samples, signing, snapshots, stores
from tests.fuzz.checking import Decoder
from tests.fuzz.mutation import Shape
from tests.support import ethereum
from tests.support.ledger_chain import CHAIN_ID

CONTRACTS = stores.EXECUTOR.contracts
ABI_TYPES = (abi.STRING, abi.UINT64, abi.Array(CALL), abi.Array(abi.STRING))


def read_block(raw: bytes) -> Proposal:
    """ReadProposal of a node."""
    return decode_block(raw, CHAIN_ID)


def _wire(
    name: str, read: Callable[[object], Any], values: Sequence[Any], covers: tuple[str, ...]
) -> Decoder:
    """A from_wire, behind the canonical encoding."""
    return Decoder(
        name,
        lambda raw: read(codec.decode(raw)),
        [codec.encode(value.to_wire()) for value in values],
        (DecodeError,),
        covers,
        lambda value: codec.encode(value.to_wire()),
    )


def _ledger() -> list[Decoder]:
    chain = samples.chain()
    block = chain.blocks[1]
    return [
        Decoder(
            "canonical",
            codec.decode,
            [block.encoded, codec.encode((1, b"2", "3", (None, True)))],
            (DecodeError,),
            ("codec.decode",),
            codec.encode,
        ),
        Decoder(
            "amount",
            codec.decode_amount,
            [codec.encode_amount(5), codec.encode_amount(2**127)],
            (DecodeError,),
            ("codec.decode_amount",),
            codec.encode_amount,
            Shape.BYTES,
        ),
        Decoder(
            "transaction",
            lambda raw: decode_transaction(raw, CHAIN_ID),
            [item.raw for item in samples.transactions()],
            (DecodeError,),
            (
                "transaction.decode_transaction",
                "transaction._decode_native",
                "transaction._decode_ethereum",
                "transaction._decode_authority",
                "transaction._decode_member_signatures",
            ),
            lambda transaction: transaction.raw,
            peak_bytes=5 * 2**20,  # anybody may send one, a hundred in a call
        ),
        Decoder(
            "Ethereum envelope",
            lambda raw: ethereum_envelope.decode(raw or b"\0", CHAIN_ID),
            samples.ethereum_envelopes(),
            (DecodeError,),
            ("ethereum_envelope.decode", "rlp.decode_list"),
            ethereum.encoded,
            Shape.BYTES,
        ),
        Decoder(
            "block",
            read_block,
            [item.encoded for item in chain.blocks[1:]],
            (DecodeError,),
            ("block.decode_block",),
            lambda found: codec.encode(
                (
                    found.header.to_wire(),
                    found.participation.to_wire(),
                    [item.raw for item in found.transactions],
                )
            ),
        ),
        Decoder(
            "compact block",
            decode_compact_block,
            [item.compact().encoded for item in chain.blocks[1:]],
            (DecodeError,),
            ("block.decode_compact_block",),
            lambda found: found.encoded,
        ),
    ]


def _contracts() -> list[Decoder]:
    return [
        Decoder(
            "call of a system contract",
            lambda raw: CONTRACTS.decode_call(Address(raw[:ADDRESS_BYTES]), 0, raw[ADDRESS_BYTES:]),
            stores.contract_calls(),
            (DecodeError,),
            ("contracts.ContractTable.decode_call", "abi.decode"),
            shape=Shape.BYTES,
            peak_bytes=5 * 2**20,  # anybody may send one, a hundred in a call
        ),
        Decoder(
            "contract ABI",
            lambda raw: abi.decode(ABI_TYPES, raw),
            [abi.encode(ABI_TYPES, ("a", 5, ((bytes(20), b"data"),) * 2, ("b", "c")))],
            (DecodeError,),
            ("abi.decode",),
            lambda values: abi.encode(ABI_TYPES, values),
            Shape.BYTES,
        ),
    ]


def _outcomes() -> list[Decoder]:
    chain = samples.chain()
    leaves = chain.executed[0].receipt_leaves
    return [
        Decoder(
            "receipt",
            decode_receipt,
            leaves[:-1],
            (DecodeError,),
            ("receipt.decode_receipt", "receipt.receipt_from_wire", "receipt.events_from_wire"),
            lambda found: found.encoded,
        ),
        Decoder(
            "hook events",
            decode_hook_leaf,
            [leaves[-1], hook_leaf(chain.executed[0].receipts[0].events)],
            (DecodeError,),
            ("receipt.decode_hook_leaf", "receipt._value_from_wire"),
            hook_leaf,
        ),
        Decoder(
            "receipts row",
            decode_leaves,
            [encode_leaves(leaves)],
            (DecodeError,),
            ("receipt.decode_leaves",),
            encode_leaves,
        ),
        Decoder(
            "participation history",
            participation.decode_history,
            [participation.encode_history(chain.history)],
            (DecodeError,),
            ("participation.decode_history", "participation._block_from_wire"),
            participation.encode_history,
        ),
    ]


def _values() -> list[Decoder]:
    chain = samples.chain()
    key = next(iter(chain.store.iterate(b"", b"\xff")))[0]
    witness = create(b"salt" * 8, 1, (b"k" * 32, b"l" * 32))
    inclusion = InclusionProof(1, 3, (chain.blocks[1].hash, chain.blocks[2].hash))
    full = Participation(samples.certificate(), (samples.late_seal(),), (samples.evidence(),))
    return [
        _wire("header", Header.from_wire, [chain.blocks[1].header], ("block.Header.from_wire",)),
        _wire(
            "certificate",
            Certificate.from_wire,
            [samples.certificate()],
            ("registry.Certificate.from_wire", "registry.signatures_from_wire"),
        ),
        _wire(
            "late seal",
            LateSeal.from_wire,
            [samples.late_seal()],
            ("registry.LateSeal.from_wire",),
        ),
        _wire(
            "evidence", Evidence.from_wire, [samples.evidence()], ("registry.Evidence.from_wire",)
        ),
        _wire(
            "participation",
            Participation.from_wire,
            [full, Participation(None)],
            ("registry.Participation.from_wire",),
        ),
        _wire(
            "validator set",
            ValidatorSet.from_wire,
            [set_at(chain.state, 1)],
            ("registry.ValidatorSet.from_wire",),
        ),
        _wire(
            "witness",
            Witness.from_wire,
            [witness],
            ("threshold.Witness.from_wire", "threshold.members_from_wire"),
        ),
        _wire(
            "inclusion proof",
            InclusionProof.from_wire,
            [inclusion],
            ("merkle.InclusionProof.from_wire",),
        ),
        _wire(
            "state proof",
            StateProof.from_wire,
            [prove_state(chain.commitment, key)],
            ("proofs.StateProof.from_wire",),
        ),
    ]


def _consensus() -> list[Decoder]:
    block_hash = samples.chain().blocks[1].hash
    payloads = [consensus_wire.encode_message(item) for item in samples.consensus_messages()]
    payloads += [
        consensus_wire.encode_ask(block_hash, (0, 5, 7)),
        consensus_wire.encode_answer(block_hash, [item.raw for item in samples.transactions()]),
    ]
    return [
        Decoder(
            "consensus message",
            lambda raw: message_wire.decode(raw, read_block),
            samples.encoded_messages(),
            (DecodeError,),
            (
                "message_wire.decode",
                "message_wire.new_view_from_wire",
                "message_wire.prepared_from_wire",
                "message_wire.view_change_from_wire",
                "catchup.Synchroniser._decode",
            ),
            message_wire.encode,
        ),
        Decoder(
            "vote record",
            lambda raw: wal_records.decode(raw, read_block),
            samples.encoded_records(),
            (DecodeError,),
            ("wal_records.decode",),
            wal_records.encode,
        ),
        Decoder(
            "consensus frame",
            lambda raw: consensus_wire.decode_payload(raw, read_block),
            payloads,
            (DecodeError,),
            ("consensus_wire.decode_payload",),
            _encode_payload,
            Shape.BYTES,
        ),
    ]


def _encode_payload(payload: consensus_wire.Payload) -> bytes:
    match payload:
        case CompactProposal(message, _):
            return b"\1" + message_wire.encode(message)
        case TransactionsAsk(block_hash, positions):
            return consensus_wire.encode_ask(block_hash, positions)
        case TransactionsAnswer(block_hash, raws):
            return consensus_wire.encode_answer(block_hash, raws)
        case _:
            return b"\0" + message_wire.encode(payload)


DECODERS: dict[str, Decoder] = {
    decoder.name: decoder
    for decoder in (
        *_ledger(),
        *_contracts(),
        *_outcomes(),
        *_values(),
        *_consensus(),
        *edges.network(),
        *signing.signer(),
        *edges.files(),
        *edges.wallets(),
        *edges.restarts(),
        *snapshots.decoders(),
        *edges.api(),
        *edges.api_keys(),
        *papers.ceremony(),
        *edges.cursors(),
        *stores.message_bodies(),
        *stores.state_tables(),
        *stores.commitment(),
        *stores.database(),
    )
}
