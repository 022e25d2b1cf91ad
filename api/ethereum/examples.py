"""The small chain of api.examples, as Ethereum's methods show it."""

from typing import Final

from api import examples, ports
from api.encoding import hex_of
from api.ethereum import blocks, results
from api.ethereum.blocks import Place
from api.ethereum.contracts import TOKEN
from api.ethereum.event_forms import TRANSFER
from api.ethereum.logs import EVERY_LOG
from ledger import codec
from ledger.block import Block, Header, transactions_root
from ledger.errors import ErrorCode
from ledger.ethereum_envelope import TRANSFER_GAS
from ledger.module import Event
from ledger.primitives import UNIT
from ledger.receipt import Receipt
from ledger.transaction import decode_transaction

CHAIN_ID: Final = examples.CHAIN_ID
VERSION: Final = examples.STATUS.version
BOB: Final = examples.BOB
BALANCE: Final = examples.ACCOUNT.balance
FILTER_ID: Final = "0x1c9a7a5be9a54aadb08a6b1e6f3d0a17"

TRANSACTION: Final = decode_transaction(
    bytes.fromhex(
        "02f86d8301408e8080808252089492e0f5dca950ad08af33564cf231e0419008ef7b884563918244"
        "f4000080c001a00f8edc2624c96d1cbf608e189d8e3a15d15bb4b531d9e3896efe61f5f0d393b2a0"
        "39adc9ea564685b69499d91486fe91ed76aa3b04ba15b25898d795d92ac65d62"
    ),
    CHAIN_ID,
)
"""5 tokens to BOB, by the first secp256k1 account of the development mnemonic; EIP-1559."""
SENDER: Final = TRANSACTION.sender
_RECEIPT: Final = Receipt(
    TRANSACTION.hash,
    ErrorCode.OK,
    "",
    (
        Event(
            "transfer.sent",
            (("from", SENDER), ("to", BOB), ("amount", 5 * UNIT), ("memo_hash", b"")),
        ),
    ),
)
_FIRST: Final = examples.BLOCK.header
BLOCK: Final = Block(
    Header(
        height=1,
        parent_hash=_FIRST.parent_hash,
        time_ms=_FIRST.time_ms,
        proposer=0,
        transactions_root=transactions_root([TRANSACTION]),
        state_root=_FIRST.state_root,
        receipts_root=_FIRST.receipts_root,
        validators_hash=_FIRST.validators_hash,
        participation_root=_FIRST.participation_root,
    ),
    examples.BLOCK.participation,
    (TRANSACTION,),
)
COMMITTED: Final = ports.CommittedBlock(BLOCK, (_RECEIPT,), ())
_SUMMARY: Final = blocks.summarise(COMMITTED)
_PLACE: Final = Place(BLOCK.hash, BLOCK.height, BLOCK.time_ms, 0)

BLOCK_RESULT: Final = blocks.block(COMMITTED, _SUMMARY, blocks.hashes(COMMITTED))
TRANSACTION_RESULT: Final = blocks.transaction(TRANSACTION, _PLACE)
FULL_BLOCK_RESULT: Final = blocks.block(COMMITTED, _SUMMARY, [TRANSACTION_RESULT])
RECEIPT_RESULT: Final = blocks.receipt(ports.FinalReceipt(_RECEIPT, 1, 0), TRANSACTION, _PLACE, 0)
LOG: Final = next(iter(blocks.block_logs(COMMITTED, _SUMMARY, EVERY_LOG)))
LOG_FILTER: Final = {
    "fromBlock": "0x1",
    "toBlock": "latest",
    "address": hex_of(TOKEN),
    "topics": [hex_of(TRANSFER.topic)],
}
FEE_HISTORY: Final[results.FeeHistory] = {
    "oldestBlock": "0x1",
    "baseFeePerGas": ["0x0", "0x0"],
    "gasUsedRatio": [TRANSFER_GAS / blocks.GAS_LIMIT],
    "reward": [["0x0"]],
}
_PROOF: Final = examples.STATE_PROOF
ACCOUNT_PROOF: Final[results.AccountProof] = {
    "address": hex_of(BOB),
    "balance": hex(BALANCE),
    "nonce": "0x0",
    "codeHash": hex_of(blocks.EMPTY_CODE_HASH),
    "storageHash": hex_of(blocks.EMPTY_TRIE_ROOT),
    "accountProof": [
        hex_of(part)
        for part in (
            _PROOF.key,
            _PROOF.value or b"",
            _PROOF.proof,
            _PROOF.chain.header,
            codec.encode(_PROOF.chain.certificate.to_wire()),
        )
    ],
    "storageProof": [],
}
