"""Blocks, transactions and receipts in Ethereum's form. Pure."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from api import ports
from api.encoding import hex_of
from api.ethereum import logs, results
from api.ethereum.contracts import CHAIN
from api.ethereum.encoding import quantity
from ledger import codec, rlp
from ledger.block import MAX_BLOCK_TRANSACTIONS, Block, Header
from ledger.crypto import keccak256
from ledger.errors import DecodeError, ErrorCode
from ledger.ethereum_envelope import DYNAMIC_FEE, LEGACY, TRANSFER_GAS, EthereumSignature
from ledger.ethereum_envelope import decode as decode_envelope
from ledger.primitives import ZERO_ADDRESS, ZERO_HASH
from ledger.transaction import Transaction
from ledger.transfers import SEND

NATIVE_TYPE: Final = "0x50"
"""Private: no EIP uses it."""
GAS_LIMIT: Final = MAX_BLOCK_TRANSACTIONS * TRANSFER_GAS
"""Of a block: as many transactions as it may have, each counted as a transfer."""
EMPTY_CODE_HASH: Final = keccak256(b"")
EMPTY_TRIE_ROOT: Final = keccak256(rlp.encode(b""))
_NO_UNCLES: Final = hex_of(keccak256(rlp.encode([])))
_ZERO: Final = "0x0"
_ZERO_HASH: Final = hex_of(ZERO_HASH)
_ZERO_ADDRESS: Final = hex_of(ZERO_ADDRESS)
_ZERO_NONCE: Final = "0x" + "00" * 8
_GAS: Final = quantity(TRANSFER_GAS)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction is."""

    block_hash: bytes
    height: int
    time_ms: int
    index: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a block's logs are, without them. first_logs: how many are before each transaction.
    hook_logs: how many are before those of the block's hooks."""

    first_logs: Sequence[int]
    hook_logs: int
    bloom: int


EMPTY: Final = Summary(array("L"), 0, 0)


def summarise(found: ports.CommittedBlock) -> Summary:
    """Counts and bloom filter of a block's logs."""
    first_logs, bloom, count = array("L"), 0, 0
    for receipt in found.receipts:
        first_logs.append(count)
        emitted = logs.emitted(receipt.events)
        count += len(emitted)
        bloom |= logs.bloom_of(emitted)
    bloom |= logs.bloom_of(logs.emitted(found.hook_events))
    return Summary(first_logs, count, bloom)


def gas_used(transactions: int) -> str:
    """By so many transactions."""
    return quantity(transactions * TRANSFER_GAS)


def header(value: Header, summary: Summary) -> results.Header:
    """A block's header."""
    return {
        "number": quantity(value.height),
        "hash": hex_of(value.hash),
        "parentHash": hex_of(value.parent_hash),
        "nonce": _ZERO_NONCE,
        "mixHash": _ZERO_HASH,
        "sha3Uncles": _NO_UNCLES,
        "logsBloom": logs.bloom_hex(summary.bloom),
        "transactionsRoot": hex_of(value.transactions_root),
        "stateRoot": hex_of(value.state_root),
        "receiptsRoot": hex_of(value.receipts_root),
        "miner": _ZERO_ADDRESS,
        "difficulty": _ZERO,
        "extraData": "0x",
        "gasLimit": quantity(GAS_LIMIT),
        "gasUsed": gas_used(len(summary.first_logs)),
        "timestamp": quantity(value.time_ms // 1000),
        "baseFeePerGas": _ZERO,
    }


def block(
    value: ports.CommittedBlock,
    summary: Summary,
    transactions: list[str] | list[results.Transaction],
) -> results.Block:
    """A block with its transactions, by hash or whole."""
    return {
        **header(value.block.header, summary),
        "size": quantity(len(value.block.encoded)),
        "transactions": transactions,
        "uncles": [],
    }


def hashes(value: ports.CommittedBlock) -> list[str]:
    """Hashes of a block's transactions."""
    return [hex_of(item.hash) for item in value.block.transactions]


def place(value: Block, index: int) -> Place:
    """Where transaction `index` of a block is."""
    return Place(value.hash, value.height, value.time_ms, index)


def transaction_at(value: ports.CommittedBlock, index: int) -> results.Transaction:
    """A transaction of a block."""
    return transaction(value.block.transactions[index], place(value.block, index))


def genesis_block(value: Header) -> results.Block:
    """Block 0, which holds the genesis document and no transactions."""
    size = len(codec.encode(value.to_wire()))
    return {**header(value, EMPTY), "size": quantity(size), "transactions": [], "uncles": []}


def transaction(value: Transaction, at: Place | None) -> results.Transaction:
    """A transaction of either envelope; at: None while it waits."""
    found: results.Transaction = {
        "type": NATIVE_TYPE,
        "hash": hex_of(value.hash),
        "blockHash": None if at is None else hex_of(at.block_hash),
        "blockNumber": None if at is None else quantity(at.height),
        "blockTimestamp": None if at is None else quantity(at.time_ms // 1000),
        "transactionIndex": None if at is None else quantity(at.index),
        "from": hex_of(value.sender),
        "nonce": quantity(value.nonce),
        "to": hex_of(receiver(value)),
        "value": _ZERO,
        "gas": _GAS,
        "gasPrice": _ZERO,
        "input": "0x",
        "chainId": quantity(value.chain_id),
        "v": _ZERO,
        "r": _ZERO,
        "s": _ZERO,
    }
    if value.named_sender is None:
        _add_envelope(found, value, waits=at is None)
    elif (sent := _sent(value)) is not None:
        _, amount, memo_hash = sent
        found["value"], found["input"] = quantity(amount), hex_of(memo_hash)
    else:
        found["input"] = hex_of(codec.encode((value.type, value.body)))
    return found


def _add_envelope(found: results.Transaction, value: Transaction, *, waits: bool) -> None:
    """The fields as they were signed."""
    signed = decode_envelope(value.raw, value.chain_id)
    found["type"] = quantity(signed.kind)
    found["value"] = quantity(signed.value)
    found["gas"] = quantity(signed.gas_limit)
    found["input"] = hex_of(signed.data)
    found["v"], found["r"], found["s"] = map(quantity, (signed.v, signed.r, signed.s))
    found["gasPrice"] = quantity(signed.max_fee)
    if signed.kind == LEGACY:
        return
    found["yParity"] = quantity(signed.v)
    found["accessList"] = [
        {"address": hex_of(address), "storageKeys": [hex_of(key) for key in keys]}
        for address, keys in signed.access_list
    ]
    if signed.kind == DYNAMIC_FEE:
        found["maxFeePerGas"] = quantity(signed.max_fee)
        found["maxPriorityFeePerGas"] = quantity(signed.priority_fee)
        if not waits:
            found["gasPrice"] = _ZERO  # what was paid


def _sent(value: Transaction) -> tuple[bytes, int, bytes] | None:
    """(receiver, amount, memo hash or empty) of a transfer.send."""
    if value.type != SEND.name:
        return None
    try:
        to, amount, memo_hash = SEND.decode(value.body)
    except DecodeError:
        return None  # final all the same: its receipt says INVALID_MESSAGE
    return to, amount, memo_hash


def receiver(value: Transaction) -> bytes:
    """Address that the transaction is shown as sent to."""
    if isinstance(value.authority, EthereumSignature):
        return value.authority.to
    sent = _sent(value)
    return CHAIN if sent is None else sent[0]


def receipt(
    value: ports.FinalReceipt, signed: Transaction, at: Place, first_log: int
) -> results.Receipt:
    """What became of the transaction `signed`; first_log: how many logs its block has before."""
    emitted = logs.emitted(value.receipt.events)
    return {
        "type": _type(signed),
        "transactionHash": hex_of(signed.hash),
        "transactionIndex": quantity(at.index),
        "blockHash": hex_of(at.block_hash),
        "blockNumber": quantity(at.height),
        "from": hex_of(signed.sender),
        "to": hex_of(receiver(signed)),
        "cumulativeGasUsed": gas_used(at.index + 1),
        "gasUsed": _GAS,
        "effectiveGasPrice": _ZERO,
        "contractAddress": None,
        "logs": logs.placed(
            emitted,
            logs.EVERY_LOG,
            first_log,
            block_hash=at.block_hash,
            height=at.height,
            time_ms=at.time_ms,
            transaction_hash=signed.hash,
            index=at.index,
        ),
        "logsBloom": logs.bloom_hex(logs.bloom_of(emitted)),
        "status": "0x1" if value.receipt.code is ErrorCode.OK else "0x0",
    }


def _type(signed: Transaction) -> str:
    if signed.named_sender is not None:
        return NATIVE_TYPE
    return quantity(LEGACY if signed.raw[0] > DYNAMIC_FEE else signed.raw[0])


def receipt_at(value: ports.CommittedBlock, summary: Summary, index: int) -> results.Receipt:
    """The receipt of a transaction of a block."""
    content = value.block
    return receipt(
        ports.FinalReceipt(value.receipts[index], content.height, index),
        content.transactions[index],
        place(content, index),
        summary.first_logs[index],
    )


def block_logs(
    found: ports.CommittedBlock, summary: Summary, criteria: logs.Criteria
) -> Iterable[results.Log]:
    """The wanted logs of a block, those of its hooks last."""
    if criteria.may_be_in(summary.bloom):
        for index in range(len(found.receipts)):
            yield from logs.logs_of(found, index, summary.first_logs[index], criteria)
        yield from logs.logs_of(found, len(found.receipts), summary.hook_logs, criteria)
