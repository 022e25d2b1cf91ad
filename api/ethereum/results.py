"""Results of eth_, net_ and web3_ as types, in the names of the Ethereum execution API."""

from typing import Annotated, Literal, NotRequired, TypedDict

from api import results as shared
from api.results import Form

Bytes = shared.Bytes
Hash32 = shared.Hash32
Quantity = Annotated[str, Form("^0x(0|[1-9a-f][0-9a-f]*)$", "integer as 0x hex")]
Address = Annotated[str, Form("^0x[0-9a-f]{40}$", "address in lower case")]
Bloom = Annotated[str, Form("^0x[0-9a-f]{512}$", "bloom filter over addresses and topics")]
Bytes8 = Annotated[str, Form("^0x[0-9a-f]{16}$", "8 bytes as 0x hex")]
Extra = Annotated[str, Form("^0x([0-9a-f]{2}){0,32}$", "at most 32 bytes")]
Status = Literal["0x1", "0x0"]

_From = TypedDict("_From", {"from": Address})


class AccessListEntry(TypedDict):
    """An address and storage keys; no effect here."""

    address: Address
    storageKeys: list[Hash32]


class Transaction(_From):
    """A transaction and where it is: blockHash, blockNumber, blockTimestamp and transactionIndex
    are null while it waits. Native transactions have type 0x50, and v, r, s of zero."""

    type: Annotated[str, Form("^0x(0|1|2|50)$", "0, 1, 2, or 0x50 for a native transaction")]
    hash: Hash32
    blockHash: Hash32 | None
    blockNumber: Quantity | None
    blockTimestamp: Annotated[Quantity | None, "seconds since 1970"]
    transactionIndex: Quantity | None
    nonce: Quantity
    to: Address
    value: Quantity
    gas: Quantity
    gasPrice: Quantity
    input: Annotated[Bytes, "data; of a native message that is no transfer.send, [type, body]"]
    chainId: Quantity
    v: Quantity
    r: Quantity
    s: Quantity
    maxFeePerGas: NotRequired[Quantity]
    maxPriorityFeePerGas: NotRequired[Quantity]
    accessList: NotRequired[list[AccessListEntry]]
    yParity: NotRequired[Quantity]


class Log(TypedDict):
    """An event in the form of a contract's log."""

    address: Address
    topics: list[Hash32]
    data: Bytes
    blockHash: Hash32
    blockNumber: Quantity
    blockTimestamp: Quantity
    transactionHash: Hash32
    transactionIndex: Quantity
    logIndex: Annotated[Quantity, "within the block"]
    removed: Annotated[bool, "always false: a committed block is final"]


class Receipt(_From):
    """What became of a final transaction."""

    type: str
    transactionHash: Hash32
    transactionIndex: Quantity
    blockHash: Hash32
    blockNumber: Quantity
    to: Address
    cumulativeGasUsed: Quantity
    gasUsed: Annotated[Quantity, "21000 for every transaction; nothing is charged"]
    effectiveGasPrice: Annotated[Quantity, "always 0x0"]
    contractAddress: Annotated[None, "there is no EVM"]
    logs: list[Log]
    logsBloom: Bloom
    status: Annotated[Status, "0x1 when the message took effect"]


class Header(TypedDict):
    """A block's header, as eth_subscribe newHeads gives it."""

    number: Quantity
    hash: Hash32
    parentHash: Hash32
    nonce: Bytes8
    mixHash: Hash32
    sha3Uncles: Hash32
    logsBloom: Bloom
    transactionsRoot: Hash32
    stateRoot: Hash32
    receiptsRoot: Hash32
    miner: Annotated[Address, "the zero address; poyong_getBlock names the proposer"]
    difficulty: Quantity
    extraData: Extra
    gasLimit: Quantity
    gasUsed: Quantity
    timestamp: Annotated[Quantity, "block time in whole seconds since 1970"]
    baseFeePerGas: Annotated[Quantity, "always 0x0"]


class Block(Header):
    """A committed block, which is final. Block 0 is genesis."""

    size: Annotated[Quantity, "bytes of the encoded block"]
    transactions: Annotated[list[Hash32] | list[Transaction], "hashes, or whole when asked for"]
    uncles: list[Hash32]


class FeeHistory(TypedDict):
    """Fees of a range of blocks: all zero."""

    oldestBlock: Quantity
    baseFeePerGas: Annotated[list[Quantity], "one more than blocks"]
    gasUsedRatio: Annotated[list[float], "how full each block was, 0 to 1"]
    reward: NotRequired[Annotated[list[list[Quantity]], "for each percentile that was asked for"]]


class SyncStatus(TypedDict):
    """How far a node that catches up has come."""

    startingBlock: Quantity
    currentBlock: Quantity
    highestBlock: Quantity


class StorageProof(TypedDict):
    """Of a storage slot, which no account has."""

    key: Bytes
    value: Quantity
    proof: list[Bytes]


class AccountProof(TypedDict):
    """What an account holds, provable against the certified header (docs/ethereum.md): accountProof
    is [state key, row or 0x, bucket proof, header, commit certificate], each as poyong_getProof
    gives it, and no Merkle Patricia trie."""

    address: Address
    balance: Quantity
    nonce: Quantity
    codeHash: Hash32
    storageHash: Hash32
    accountProof: list[Bytes]
    storageProof: list[StorageProof]
