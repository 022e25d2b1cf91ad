"""EIP-1559 transactions that we sign, against an encoder that shares nothing but RLP."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.crypto import Secp256k1Signer
from ledger.errors import DecodeError
from ledger.ethereum_draft import EthereumDraft, sign_ethereum, transfer
from ledger.ethereum_envelope import TRANSFER_GAS, intrinsic_gas
from ledger.primitives import MAX_AMOUNT, MAX_NONCE, UNIT, Address
from ledger.transaction import decode_transaction, verify_transaction
from ledger.transfers import SEND
from tests.support.ethereum import KEY, SENDER, raw
from tests.support.transfers import CHAIN_ID, TO

SIGNER = Secp256k1Signer(KEY)


@given(
    nonce=st.integers(0, MAX_NONCE),
    value=st.integers(0, MAX_AMOUNT),
    max_fee=st.integers(0, 2**64 - 1),
    to=st.binary(min_size=20, max_size=20).map(Address),
)
def test_it_is_what_a_wallet_would_send(nonce: int, value: int, max_fee: int, to: Address) -> None:
    draft = transfer(chain_id=CHAIN_ID, nonce=nonce, to=to, value=value, max_fee=max_fee)
    signed = sign_ethereum(draft, SIGNER)
    assert signed.raw == raw(KEY, nonce=nonce, value=value, max_fee=max_fee, to=to)
    assert verify_transaction(signed)
    assert (signed.sender, signed.nonce) == (SENDER, nonce)
    assert (signed.type, signed.body) == (SEND.name, SEND.encode(to, value, b""))


def test_it_is_of_one_chain() -> None:
    signed = sign_ethereum(transfer(chain_id=7, nonce=0, to=TO, value=UNIT), SIGNER)
    with pytest.raises(DecodeError, match="signed for chain 7, this chain is 8"):
        decode_transaction(signed.raw, 8)


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": -1},
        {"nonce": MAX_NONCE + 1},
        {"value": MAX_AMOUNT + 1},
        {"chain_id": -1},
        {"to": b"short"},
        {"gas": TRANSFER_GAS - 1},
        {"data": b"x", "gas": TRANSFER_GAS},
        {"priority_fee": 1},
        {"max_fee": 2**256},
    ],
)
def test_what_no_node_would_take_cannot_be_made(changes: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"chain_id": 7, "nonce": 0, "to": TO, "value": 1, "gas": TRANSFER_GAS}
    with pytest.raises(DecodeError):
        EthereumDraft(**(fields | changes))


def test_data_for_an_address_without_a_contract_is_refused_when_signed() -> None:
    data = b"\x01\x00"
    draft = EthereumDraft(chain_id=7, nonce=0, to=TO, value=0, data=data, gas=intrinsic_gas(data))
    with pytest.raises(DecodeError, match="no system contract"):
        sign_ethereum(draft, SIGNER)
