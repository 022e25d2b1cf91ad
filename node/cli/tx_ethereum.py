"""Drafts of Ethereum envelopes (EIP-1559), beside those of the native one: build, sign, show.

Known by the field `envelope`. A draft moves tokens; every other message has the native envelope,
which a secp256k1 account signs as well.
"""

from typing import Any, Final

from api.encoding import hex_of
from ledger import codec
from ledger.crypto import Secp256k1Signer, Signer, checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.ethereum_draft import EthereumDraft, sign_ethereum, transfer
from ledger.message_registry import MessageType
from ledger.transaction import Transaction
from ledger.transfers import SEND
from node.cli.output import SYMBOL, tokens
from node.cli.tx_files import hex_field

ENVELOPE: Final = "envelope"
ETHEREUM: Final = "ethereum"


def transfer_draft(
    message: MessageType, body: tuple[Any, ...], *, chain_id: int, nonce: int, fee: int
) -> EthereumDraft:
    """The draft of a plain transfer; LocalError for any other message."""
    if message.name != SEND.name:
        raise LocalError(
            f"--ethereum builds {SEND.name} only: leave it out, a secp256k1 account signs "
            f"{message.name} in the native envelope"
        )
    to, amount, memo_hash = message.decode(body)
    if memo_hash:
        raise LocalError("an Ethereum envelope has no place for memo_hash: leave --ethereum out")
    try:
        return transfer(chain_id=chain_id, nonce=nonce, to=to, value=amount, max_fee=fee)
    except DecodeError as error:
        raise LocalError(f"no such transaction: {error}") from error


def ethereum_fields(draft: EthereumDraft) -> dict[str, Any]:
    """The file; inverse of ethereum_draft_of. Amounts are decimal, since JSON readers round."""
    return {
        ENVELOPE: ETHEREUM,
        "chain_id": draft.chain_id,
        "nonce": draft.nonce,
        "to": checksum_address(draft.to),
        "value": str(draft.value),
        "data": hex_of(draft.data),
        "gas": draft.gas,
        "max_fee": draft.max_fee,
        "priority_fee": draft.priority_fee,
    }


def ethereum_draft_of(fields: dict[str, Any]) -> EthereumDraft | None:
    """What the file holds; None when it is of another envelope. LocalError names what is wrong."""
    if ENVELOPE not in fields:
        return None
    if fields[ENVELOPE] != ETHEREUM:
        raise LocalError(f"{ENVELOPE}: expected {ETHEREUM!r}, found {fields[ENVELOPE]!r:.40}")
    value = fields.get("value")
    if not isinstance(value, str) or not (value.isascii() and value.isdecimal()) or len(value) > 39:
        raise LocalError(f"value: expected smallest units as decimal text, found {value!r:.60}")
    try:
        return EthereumDraft(
            chain_id=codec.as_uint(fields.get("chain_id"), "chain_id"),
            nonce=codec.as_uint(fields.get("nonce"), "nonce"),
            to=hex_field(fields, "to"),
            value=int(value),
            data=hex_field(fields, "data"),
            gas=codec.as_uint(fields.get("gas"), "gas"),
            max_fee=codec.as_uint(fields.get("max_fee"), "max_fee"),
            priority_fee=codec.as_uint(fields.get("priority_fee"), "priority_fee"),
        )
    except DecodeError as error:
        raise LocalError(f"the draft is wrong: {error}; build it with poyong tx build") from error


def sign_draft(draft: EthereumDraft, signer: Signer) -> Transaction:
    """Signed; LocalError when the key is no secp256k1 key."""
    if not isinstance(signer, Secp256k1Signer):
        raise LocalError(
            "an Ethereum envelope is signed by a secp256k1 key, this one is Ed25519: name another, "
            "or build the transaction without --ethereum"
        )
    try:
        return sign_ethereum(draft, signer)
    except DecodeError as error:
        raise LocalError(f"no node would take this: {error}") from error


def ethereum_facts(draft: EthereumDraft) -> dict[str, Any]:
    """What it would do, as JSON has it."""
    return {
        "chain_id": draft.chain_id,
        "nonce": draft.nonce,
        "message_type": SEND.name,
        "fields": {"to": checksum_address(draft.to), "amount": str(draft.value)},
        "fee": draft.max_fee,
        "valid_until": None,
    }


def ethereum_shown(draft: EthereumDraft) -> dict[str, object]:
    """What it would do, for people."""
    return {
        "chain id": str(draft.chain_id),
        "nonce": draft.nonce,
        "message": f"{SEND.name}, in an Ethereum envelope",
        "  to": checksum_address(draft.to),
        "  amount": f"{tokens(draft.value)} {SYMBOL}",
        "valid until": "its nonce is used",
    }
