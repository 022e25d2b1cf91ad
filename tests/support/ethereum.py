"""Raw Ethereum transactions, signed field by field as the EIPs say, without the decoder's help."""

from dataclasses import dataclass, replace
from typing import Any, Final

import coincurve

from ledger import rlp
from ledger.crypto import keccak256
from ledger.ethereum_envelope import EthereumEnvelope
from ledger.local_accounts import secp256k1_accounts
from ledger.primitives import UNIT, Address
from tests.support.transfers import CHAIN_ID, TO

KEY: Final = b"k" * 32
SENDER: Final = Address(
    keccak256(coincurve.PrivateKey(KEY).public_key.format(compressed=False)[1:])[-20:]
)
RICH_KEY: Final = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""Secret of the first secp256k1 account of the development mnemonic."""
RICH_ADDRESS: Final = secp256k1_accounts()[0].address


@dataclass(frozen=True)
class Wallet:
    """The fields of a transaction that is not signed yet; a transfer of one token by default."""

    kind: int = 2
    chain_id: int = CHAIN_ID
    nonce: int = 0
    priority_fee: int = 0
    max_fee: int = 0
    gas: int = 21_000
    to: bytes = TO
    value: int = UNIT
    data: bytes = b""
    access_list: tuple[Any, ...] = ()

    def fields(self) -> list[rlp.Item]:
        """What is signed, in the order of its EIP, without the chain id of a legacy one."""
        number = rlp.uint_bytes
        start = [number(self.nonce), number(self.max_fee)]
        if self.kind == 2:
            start[1:1] = [number(self.priority_fee)]
        middle = [number(self.gas), self.to, number(self.value), self.data]
        if self.kind == 0:
            return [*start, *middle]
        return [number(self.chain_id), *start, *middle, self.access_list]

    def signing_hash(self) -> bytes:
        """What the key signs."""
        if self.kind == 0:
            return keccak256(rlp.encode([*self.fields(), rlp.uint_bytes(self.chain_id), b"", b""]))
        return keccak256(bytes((self.kind,)) + rlp.encode(self.fields()))

    def signature(self, key: bytes = KEY) -> tuple[int, int, int]:
        """(parity, r, s), low-s."""
        made = coincurve.PrivateKey(key).sign_recoverable(self.signing_hash(), hasher=None)
        return made[64], int.from_bytes(made[:32], "big"), int.from_bytes(made[32:64], "big")

    def raw(self, key: bytes = KEY) -> bytes:
        """The signed envelope."""
        return self.with_signature(*self.signature(key))

    def with_signature(self, parity: int, r: int, s: int) -> bytes:
        """The envelope with any signature."""
        v = 35 + 2 * self.chain_id + parity if self.kind == 0 else parity
        return self.envelope([*self.fields(), *map(rlp.uint_bytes, (v, r, s))])

    def envelope(self, items: list[rlp.Item]) -> bytes:
        """Any fields in an envelope of this kind."""
        return (b"" if self.kind == 0 else bytes((self.kind,))) + rlp.encode(items)


def raw(key: bytes = KEY, **changes: Any) -> bytes:
    """A signed transfer with what the test wants otherwise."""
    return replace(Wallet(), **changes).raw(key)


def encoded(found: EthereumEnvelope) -> bytes:
    """The envelope with these fields: what a decoder that is canonical has read."""
    fields = Wallet(
        found.kind, CHAIN_ID, found.nonce, found.priority_fee, found.max_fee, found.gas_limit,
        found.to, found.value, found.data, found.access_list,
    ).fields()  # fmt: skip
    return Wallet(found.kind).envelope([*fields, *map(rlp.uint_bytes, (found.v, found.r, found.s))])
