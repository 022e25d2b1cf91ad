"""Building and signing EIP-1559 transactions: what Ethereum's wallets send, made by ours.

The inverse of ledger.ethereum_envelope, which reads every form. An account whose key is secp256k1
may send the native envelope as well.
"""

import msgspec

from ledger import rlp
from ledger.crypto import Secp256k1Signer
from ledger.errors import DecodeError
from ledger.ethereum_envelope import (
    DYNAMIC_FEE,
    MAX_WORD,
    CallDecoder,
    intrinsic_gas,
    transfers_only,
)
from ledger.primitives import ADDRESS_BYTES, MAX_AMOUNT, MAX_NONCE, MAX_UINT64, SIGNATURE_BYTES
from ledger.transaction import Transaction, decode_transaction


class EthereumDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to sign. value: smallest units. gas: at least intrinsic_gas(data).
    max_fee, priority_fee: wei for each gas; they order replacement and cost nothing.

    DecodeError at construction when a number is out of range or `to` is no address.
    """

    chain_id: int
    nonce: int
    to: bytes
    value: int
    data: bytes = b""
    gas: int
    max_fee: int = 0
    priority_fee: int = 0

    def __post_init__(self) -> None:
        for name, value, maximum in (
            ("chain_id", self.chain_id, MAX_UINT64),
            ("nonce", self.nonce, MAX_NONCE),
            ("value", self.value, MAX_AMOUNT),
            ("gas", self.gas, MAX_UINT64),
            ("max_fee", self.max_fee, MAX_WORD),
            ("priority_fee", self.priority_fee, self.max_fee),
        ):
            if not 0 <= value <= maximum:
                raise DecodeError(f"{name}: expected 0 to {maximum}, found {value}")
        if len(self.to) != ADDRESS_BYTES:
            raise DecodeError(f"to: expected {ADDRESS_BYTES} bytes, found {len(self.to)}")
        if self.gas < (needed := intrinsic_gas(self.data)):
            raise DecodeError(f"gas: at least {needed} is needed, found {self.gas}")

    def signing_bytes(self) -> bytes:
        """What the key signs, by its keccak256."""
        return bytes((DYNAMIC_FEE,)) + rlp.encode(self._items())

    def signed(self, signature: bytes, decode_call: CallDecoder = transfers_only) -> Transaction:
        """The transaction with r || s || parity (65 bytes); DecodeError when it says nothing that
        the chain understands, see ledger.transaction.decode_transaction."""
        r, s = signature[:32], signature[32:SIGNATURE_BYTES]
        parts = (signature[SIGNATURE_BYTES], int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        items = [*self._items(), *map(rlp.uint_bytes, parts)]
        raw = bytes((DYNAMIC_FEE,)) + rlp.encode(items)
        return decode_transaction(raw, self.chain_id, decode_call)

    def _items(self) -> list[rlp.Item]:
        number = rlp.uint_bytes
        return [
            number(self.chain_id),
            number(self.nonce),
            number(self.priority_fee),
            number(self.max_fee),
            number(self.gas),
            self.to,
            number(self.value),
            self.data,
            [],  # access list: it has no effect here
        ]


def transfer(
    *, chain_id: int, nonce: int, to: bytes, value: int, max_fee: int = 0
) -> EthereumDraft:
    """A draft that moves `value` smallest units to `to`."""
    return EthereumDraft(
        chain_id=chain_id, nonce=nonce, to=to, value=value, gas=intrinsic_gas(b""), max_fee=max_fee
    )


def sign_ethereum(
    draft: EthereumDraft, signer: Secp256k1Signer, decode_call: CallDecoder = transfers_only
) -> Transaction:
    """Sign with a secp256k1 key; errors as EthereumDraft.signed."""
    return draft.signed(signer.sign_recoverable(draft.signing_bytes()), decode_call)
