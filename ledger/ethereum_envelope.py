"""Raw Ethereum transactions: EIP-155 legacy, EIP-2930 and EIP-1559, as wallets sign them.

decode() gives the fields, checked and canonical; who signed is recovered later, once, by the
authority that they carry (docs/formats.md, "Ethereum envelopes"). There is no EVM: a transaction
moves tokens, or calls a system contract.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from ledger import rlp
from ledger.crypto import (
    SECP256K1_HALF_ORDER,
    SECP256K1_ORDER,
    keccak256,
    recover_secp256k1_address,
)
from ledger.errors import DecodeError, WrongChainError
from ledger.primitives import (
    ADDRESS_BYTES,
    HASH_BYTES,
    MAX_AMOUNT,
    MAX_NONCE,
    MAX_UINT64,
    Address,
    Hash,
)
from ledger.transfers import SEND

LEGACY: Final = 0
ACCESS_LIST: Final = 1  # EIP-2930
DYNAMIC_FEE: Final = 2  # EIP-1559
RLP_LIST_FROM: Final = 0xC0
"""First byte of a legacy envelope, and above; typed ones begin with their type."""
REFUSED_TYPES: Final = {3: "blob", 4: "set-code"}

MAX_ACCESS_ADDRESSES: Final = 64
MAX_ACCESS_KEYS: Final = 256
"""Of all addresses together. Access lists are kept as signed and have no effect."""
MAX_WORD: Final = 2**256 - 1

TRANSFER_GAS: Final = 21_000
"""What every transaction is counted as; nothing is charged for it."""
_DATA_ZERO_GAS: Final = 4
_DATA_BYTE_GAS: Final = 16  # EIP-2028
_ACCESS_ADDRESS_GAS: Final = 2_400
_ACCESS_KEY_GAS: Final = 1_900

_UNPROTECTED_V: Final = (27, 28)
_FIRST_PROTECTED_V: Final = 35
_FIELDS: Final = {LEGACY: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12}
_SIGNATURE_FIELDS: Final = 3

AccessList = tuple[tuple[Address, tuple[Hash, ...]], ...]

CallDecoder = Callable[[Address, int, bytes], tuple[str, tuple[Any, ...]]]
"""(to, value, data) -> (message type, body in wire form): what a transaction to this address says.
DecodeError when it says nothing."""


class EthereumSignature:
    """Whoever can be recovered from it has signed; recovered once, when first asked.

    to: whom the envelope names, an account or a system contract.
    value: smallest units that the envelope moves, which a wallet expects to be refused at once when
    the balance does not cover them.
    """

    __slots__ = ("_address", "_asked", "signature", "signing_hash", "to", "value")

    def __init__(self, signing_hash: Hash, signature: bytes, to: Address, value: int) -> None:
        """signature: r || s || parity, 65 bytes."""
        self.signing_hash = signing_hash
        self.signature = signature
        self.to = to
        self.value = value
        self._asked = False
        self._address: Address | None = None

    def recover(self) -> Address | None:
        """Who signed; None when no key could have made this signature."""
        if not self._asked:
            self._address = recover_secp256k1_address(self.signing_hash, self.signature)
            self._asked = True
        return self._address

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, EthereumSignature)
            and self.signature == other.signature
            and self.signing_hash == other.signing_hash
        )

    def __hash__(self) -> int:
        return hash(self.signature)


class EthereumEnvelope(msgspec.Struct, frozen=True, gc=False):
    """The fields of a raw transaction.

    max_fee, priority_fee: wei for each gas as signed (of types 0 and 1 both are the gas price);
    they order replacement and cost nothing. v: as signed for legacy, the parity for typed ones.
    """

    kind: int
    nonce: int
    priority_fee: int
    max_fee: int
    gas_limit: int
    to: Address
    value: int
    data: bytes
    access_list: AccessList
    v: int
    r: int
    s: int
    authority: EthereumSignature


def transfers_only(to: Address, value: int, data: bytes) -> tuple[str, tuple[Any, ...]]:
    """CallDecoder of a chain without system contracts: a transfer, and no call."""
    if data:
        raise DecodeError(
            f"0x{to.hex()} is no system contract: a transaction with {len(data)} bytes of data "
            "cannot be sent to it; there is no EVM on this chain. Leave the data out to send tokens"
        )
    return SEND.name, SEND.encode(to, value, b"")


def is_ethereum(raw: bytes) -> bool:
    """True when these bytes can only be meant as an Ethereum envelope."""
    return raw[0] >= RLP_LIST_FROM or raw[0] in _FIELDS or raw[0] in REFUSED_TYPES


def intrinsic_gas(data: bytes, access_list: AccessList = ()) -> int:
    """The least gas limit that a transaction must carry (Yellow Paper 6.2, EIP-2028, EIP-2930)."""
    zeros = data.count(0)
    gas = TRANSFER_GAS + _DATA_ZERO_GAS * zeros + _DATA_BYTE_GAS * (len(data) - zeros)
    for _, keys in access_list:
        gas += _ACCESS_ADDRESS_GAS + _ACCESS_KEY_GAS * len(keys)
    return gas


def decode(raw: bytes, chain_id: int) -> EthereumEnvelope:
    """The envelope in `raw`, not empty; total and canonical.

    Raises DecodeError in geth's words where wallets know them, WrongChainError for another chain.
    """
    kind = LEGACY if raw[0] >= RLP_LIST_FROM else raw[0]
    if kind not in _FIELDS or (kind == LEGACY and raw[0] == LEGACY):
        named = REFUSED_TYPES.get(kind, "unknown")
        raise DecodeError(
            f"transaction type not supported: {named} transactions (type {kind}) cannot be sent "
            "on this chain, use type 0, 1 or 2"
        )
    items, start = rlp.decode_list(raw, 0 if kind == LEGACY else 1)
    if len(items) != _FIELDS[kind]:
        raise DecodeError(
            f"transaction of type {kind} has {len(items)} fields, not {_FIELDS[kind]}"
        )
    v, r, s = (_uint(item, name) for item, name in zip(items[-3:], "vrs", strict=True))
    parity = _check_chain(kind, items, v, chain_id)
    fields = items if kind == LEGACY else items[1:]
    nonce, priority_fee, max_fee, gas, to, value, data = _common(kind, fields)
    access_list = () if kind == LEGACY else _access_list(items[-_SIGNATURE_FIELDS - 1])
    needed = intrinsic_gas(data, access_list)
    if gas < needed:
        raise DecodeError(f"intrinsic gas too low: gas {gas}, minimum needed {needed}")
    _check_signature(r, s)
    signed = raw[start : len(raw) - sum(map(_encoded_bytes, items[-_SIGNATURE_FIELDS:]))]
    signature = EthereumSignature(
        _signing_hash(kind, signed, chain_id),
        items[-2].rjust(HASH_BYTES, b"\0") + items[-1].rjust(HASH_BYTES, b"\0") + bytes((parity,)),
        to,
        value,
    )
    return EthereumEnvelope(
        kind, nonce, priority_fee, max_fee, gas, to, value, data, access_list, v, r, s, signature
    )


def _check_chain(kind: int, items: list[rlp.Item], v: int, chain_id: int) -> int:
    """The signature's parity, once the transaction is known to be for this chain."""
    if kind == LEGACY:
        if v in _UNPROTECTED_V:
            raise DecodeError(
                "only replay-protected (EIP-155) transactions allowed over RPC: sign for chain "
                f"{chain_id}"
            )
        found, parity = divmod(v - _FIRST_PROTECTED_V, 2)
        if found < 0:
            raise DecodeError(f"invalid transaction v, r, s values: v is {v}")
    else:
        found, parity = _uint(items[0], "chain id"), v
        if parity > 1:
            raise DecodeError(f"invalid transaction v, r, s values: parity is {v}")
    if found != chain_id:
        raise WrongChainError(f"transaction is signed for chain {found}, this chain is {chain_id}")
    return parity


def _common(kind: int, fields: list[rlp.Item]) -> tuple[int, int, int, int, Address, int, bytes]:
    """(nonce, priority fee, max fee, gas limit, to, value, data)."""
    nonce = _uint(fields[0], "nonce", MAX_NONCE)
    priority_fee = max_fee = _uint(fields[1], "fee")
    at = 2
    if kind == DYNAMIC_FEE:
        max_fee, at = _uint(fields[2], "max fee"), 3
        if priority_fee > max_fee:
            raise DecodeError(
                "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas "
                f"{priority_fee}, maxFeePerGas {max_fee}"
            )
    gas, to, value, data = fields[at : at + 4]
    if to == b"":
        raise DecodeError(
            "contract creation is not supported: there is no EVM on this chain, name a receiver"
        )
    amount = _uint(value, "value")
    if amount > MAX_AMOUNT:
        raise DecodeError(
            f"insufficient funds for gas * price + value: value {amount}, no balance is above "
            f"{MAX_AMOUNT}"
        )
    return (
        nonce,
        priority_fee,
        max_fee,
        _uint(gas, "gas", MAX_UINT64),
        Address(_bytes(to, "to", ADDRESS_BYTES)),
        amount,
        _bytes(data, "data"),
    )


def _access_list(value: rlp.Item) -> AccessList:
    if type(value) is not list:
        raise DecodeError("access list: expected a list")
    if len(value) > MAX_ACCESS_ADDRESSES:
        raise DecodeError(
            f"access list: {len(value)} addresses, at most {MAX_ACCESS_ADDRESSES} are allowed"
        )
    found: list[tuple[Address, tuple[Hash, ...]]] = []
    count = 0
    for entry in value:
        if type(entry) is not list or len(entry) != 2 or type(entry[1]) is not list:
            raise DecodeError("access list: expected [address, [key, ...]]")
        count += len(entry[1])
        if count > MAX_ACCESS_KEYS:
            raise DecodeError(f"access list: more than {MAX_ACCESS_KEYS} storage keys")
        address = Address(_bytes(entry[0], "access list address", ADDRESS_BYTES))
        keys = tuple([Hash(_bytes(key, "storage key", HASH_BYTES)) for key in entry[1]])
        found.append((address, keys))
    return tuple(found)


def _check_signature(r: int, s: int) -> None:
    """In range, and the lower of the two s that a key can give (EIP-2)."""
    if not 0 < r < SECP256K1_ORDER or s == 0:
        raise DecodeError("invalid transaction v, r, s values: r or s is out of range")
    if s > SECP256K1_HALF_ORDER:
        raise DecodeError("invalid transaction v, r, s values: s is above half the order (EIP-2)")


def _signing_hash(kind: int, signed: bytes, chain_id: int) -> Hash:
    """What the key signed; `signed` are the encoded fields before the signature."""
    if kind == LEGACY:  # EIP-155: the chain id and two zeros in the place of v, r, s
        return keccak256(rlp.encode_list_of(signed + rlp.encode_uint(chain_id) + b"\x80\x80"))
    return keccak256(bytes((kind,)) + rlp.encode_list_of(signed))


def _encoded_bytes(item: bytes) -> int:
    """Bytes of a string of at most 55 in its encoding."""
    return 1 if len(item) == 1 and item[0] < 0x80 else 1 + len(item)


def _uint(item: rlp.Item, name: str, maximum: int = MAX_WORD) -> int:
    if type(item) is not bytes:
        raise DecodeError(f"{name}: expected an integer, found a list")
    if item[:1] == b"\0":
        raise DecodeError(f"{name}: an integer has no leading zeros (non-canonical RLP)")
    if len(item) > HASH_BYTES:
        raise DecodeError(f"{name}: at most {HASH_BYTES} bytes, found {len(item)}")
    value = int.from_bytes(item, "big")
    if value > maximum:
        raise DecodeError(f"{name}: at most {maximum}, found {value}")
    return value


def _bytes(item: rlp.Item, name: str, length: int | None = None) -> bytes:
    if type(item) is not bytes:
        raise DecodeError(f"{name}: expected bytes, found a list")
    if length is not None and len(item) != length:
        raise DecodeError(f"{name}: expected {length} bytes, found {len(item)}")
    return item
