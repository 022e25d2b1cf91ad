"""Results of the Ethereum execution API, field by field: schemas written from its specification
(github.com/ethereum/execution-apis, src/schemas), independently of what this project declares."""

from typing import Any, Final

Schema = dict[str, Any]

UINT: Final = {"type": "string", "pattern": "^0x(0|[1-9a-f][0-9a-f]*)$"}
BYTE: Final = {"type": "string", "pattern": "^0x([0-9a-f]|[1-9a-f][0-9a-f])$"}
BYTES: Final = {"type": "string", "pattern": "^0x[0-9a-f]*$"}
BYTES8: Final = {"type": "string", "pattern": "^0x[0-9a-f]{16}$"}
BYTES256: Final = {"type": "string", "pattern": "^0x[0-9a-f]{512}$"}
HASH32: Final = {"type": "string", "pattern": "^0x[0-9a-f]{64}$"}
ADDRESS: Final = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
NULL: Final = {"type": "null"}
BOOLEAN: Final = {"type": "boolean"}


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def either(*options: Schema) -> Schema:
    return {"anyOf": list(options)}


def record(properties: Schema, optional: Schema | None = None, *, closed: bool = False) -> Schema:
    """An object; closed: the specification allows no other members."""
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties),
        "additionalProperties": not closed,
    }


# The specification requires only transactionHash; clients need the others too.
LOG: Final = record(
    {
        "transactionHash": HASH32,
        "logIndex": UINT,
        "transactionIndex": UINT,
        "blockHash": HASH32,
        "blockNumber": UINT,
        "address": ADDRESS,
        "data": BYTES,
        "topics": array(HASH32),
    },
    {"removed": BOOLEAN, "blockTimestamp": UINT},
    closed=True,
)
RECEIPT: Final = record(
    {
        "blockHash": HASH32,
        "blockNumber": UINT,
        "from": ADDRESS,
        "cumulativeGasUsed": UINT,
        "gasUsed": UINT,
        "logs": array(LOG),
        "logsBloom": BYTES256,
        "transactionHash": HASH32,
        "transactionIndex": UINT,
        "effectiveGasPrice": UINT,
        "to": either(NULL, ADDRESS),
        "contractAddress": either(NULL, ADDRESS),
        "type": BYTE,
        "status": {"type": "string", "enum": ["0x0", "0x1"]},
    },
    {"blobGasUsed": UINT, "blobGasPrice": UINT, "root": HASH32},
    closed=True,
)

_PLACED: Final = {
    "blockHash": HASH32,
    "blockNumber": UINT,
    "blockTimestamp": UINT,
    "from": ADDRESS,
    "hash": HASH32,
    "transactionIndex": UINT,
}
_ACCESS_LIST: Final = array(record({"address": ADDRESS, "storageKeys": array(HASH32)}, closed=True))
_EVERY_TYPE: Final = {
    "nonce": UINT,
    "gas": UINT,
    "value": UINT,
    "input": BYTES,
    "gasPrice": UINT,
    "chainId": UINT,
    "to": either(NULL, ADDRESS),
    "r": UINT,
    "s": UINT,
}


def _typed(number: str, more: Schema) -> Schema:
    kind = {"type": {"type": "string", "enum": [number]}}
    return record({**_PLACED, **_EVERY_TYPE, **kind, **more})


_PARITY: Final = {"yParity": BYTE, "v": BYTE, "accessList": _ACCESS_LIST}
TRANSACTION: Final = either(
    _typed("0x2", {**_PARITY, "maxFeePerGas": UINT, "maxPriorityFeePerGas": UINT}),
    _typed("0x1", _PARITY),
    _typed("0x0", {"v": UINT}),
)
NATIVE_TRANSACTION: Final = _typed("0x50", {"v": {"const": "0x0"}, "r": {"const": "0x0"}})
"""Private, and so in no specification: the members that clients read of any transaction."""

_HEADER: Final = {
    "parentHash": HASH32,
    "sha3Uncles": HASH32,
    "miner": ADDRESS,
    "stateRoot": HASH32,
    "transactionsRoot": HASH32,
    "receiptsRoot": HASH32,
    "logsBloom": BYTES256,
    "number": UINT,
    "gasLimit": UINT,
    "gasUsed": UINT,
    "timestamp": UINT,
    "extraData": {"type": "string", "pattern": "^0x([0-9a-f]{2}){0,32}$"},
    "mixHash": HASH32,
    "nonce": BYTES8,
    "hash": HASH32,
    "difficulty": BYTES,
    "baseFeePerGas": UINT,
}
HEADER: Final = record(_HEADER)
BLOCK: Final = record(
    {
        **_HEADER,
        "size": UINT,
        "uncles": array(HASH32),
        "transactions": either(array(HASH32), array(either(TRANSACTION, NATIVE_TRANSACTION))),
    }
)
FEE_HISTORY: Final = record(
    {"oldestBlock": UINT, "baseFeePerGas": array(UINT), "gasUsedRatio": array({"type": "number"})},
    {"reward": array(array(UINT))},
    closed=True,
)
ACCOUNT_PROOF: Final = record(
    {
        "address": ADDRESS,
        "accountProof": array(BYTES),
        "balance": UINT,
        "codeHash": HASH32,
        "nonce": UINT,
        "storageHash": HASH32,
        "storageProof": array(
            record({"key": BYTES, "value": UINT, "proof": array(BYTES)}, closed=True)
        ),
    },
    closed=True,
)
SYNCING: Final = either(
    BOOLEAN, record({"startingBlock": UINT, "currentBlock": UINT, "highestBlock": UINT})
)
CHANGES: Final = either(array(LOG), array(HASH32))

RESULTS: Final[dict[str, Schema]] = {
    "eth_chainId": UINT,
    "eth_blockNumber": UINT,
    "eth_gasPrice": UINT,
    "eth_maxPriorityFeePerGas": UINT,
    "eth_feeHistory": FEE_HISTORY,
    "eth_getBlockByHash": either(NULL, BLOCK),
    "eth_getBlockByNumber": either(NULL, BLOCK),
    "eth_getBlockTransactionCountByHash": either(NULL, UINT),
    "eth_getBlockTransactionCountByNumber": either(NULL, UINT),
    "eth_getUncleCountByBlockHash": either(NULL, UINT),
    "eth_getUncleCountByBlockNumber": either(NULL, UINT),
    "eth_syncing": SYNCING,
    "eth_getBalance": UINT,
    "eth_getTransactionCount": UINT,
    "eth_getCode": BYTES,
    "eth_getStorageAt": HASH32,
    "eth_call": BYTES,
    "eth_estimateGas": UINT,
    "eth_accounts": array(ADDRESS),
    "eth_getProof": ACCOUNT_PROOF,
    "eth_sendRawTransaction": HASH32,
    "eth_sendRawTransactionSync": RECEIPT,
    "eth_getTransactionReceipt": either(NULL, RECEIPT),
    "eth_getBlockReceipts": either(NULL, array(RECEIPT)),
    "eth_getTransactionByHash": either(NULL, TRANSACTION, NATIVE_TRANSACTION),
    "eth_getTransactionByBlockHashAndIndex": either(NULL, TRANSACTION, NATIVE_TRANSACTION),
    "eth_getTransactionByBlockNumberAndIndex": either(NULL, TRANSACTION, NATIVE_TRANSACTION),
    "eth_getLogs": array(LOG),
    "eth_newFilter": UINT,
    "eth_newBlockFilter": UINT,
    "eth_newPendingTransactionFilter": UINT,
    "eth_getFilterChanges": CHANGES,
    "eth_getFilterLogs": array(LOG),
    "eth_uninstallFilter": BOOLEAN,
    "eth_subscribe": UINT,
    "eth_unsubscribe": BOOLEAN,
    "net_version": {"type": "string", "pattern": "^[0-9]+$"},
    "net_listening": BOOLEAN,
    "net_peerCount": UINT,
    "web3_clientVersion": {"type": "string", "pattern": "^Poyong/v"},
    "web3_sha3": HASH32,
}
