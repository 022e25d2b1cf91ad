"""Ethereum envelopes: what each EIP's example gives, what is refused and in which words."""

from dataclasses import replace
from typing import Any

import pytest

from ledger import ethereum_envelope, rlp
from ledger.crypto import SECP256K1_ORDER, checksum_address, recover_secp256k1_address
from ledger.errors import DecodeError, PeerError, WrongChainError
from ledger.mempool import WAIT_WITHOUT_END_BLOCKS, AdmissionError, Mempool
from ledger.primitives import MAX_UINT64, UNIT
from ledger.transaction import Transaction, decode_transaction, verify_transaction
from ledger.transfers import SEND
from tests.support.ethereum import SENDER, Wallet, raw
from tests.support.transfers import CHAIN_ID, TO

HASH = b"h" * 32
KINDS = (0, 1, 2)


def decoded(**changes: Any) -> Transaction:
    return decode_transaction(raw(**changes), CHAIN_ID)


def test_the_example_of_eip_155() -> None:
    """Its key is 0x46 32 times, its chain 1; hash and signature are the EIP's."""
    signed = bytes.fromhex(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080"
        "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761a"
        "ecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    )
    envelope = ethereum_envelope.decode(signed, 1)
    assert envelope.authority.signing_hash.hex() == (
        "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    )
    assert (envelope.nonce, envelope.max_fee, envelope.gas_limit) == (9, 20 * 10**9, 21_000)
    assert (envelope.to, envelope.value, envelope.v) == (b"\x35" * 20, UNIT, 37)
    transaction = decode_transaction(signed, 1)
    assert checksum_address(transaction.sender) == "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
    again = replace(
        Wallet(), kind=0, chain_id=1, nonce=9, max_fee=20 * 10**9, to=b"\x35" * 20, value=UNIT
    )
    assert again.raw(b"\x46" * 32) == signed


@pytest.mark.parametrize("kind", KINDS)
def test_a_transfer_comes_back_with_every_field(kind: int) -> None:
    lists = ((b"a" * 20, (HASH, b"i" * 32)), (b"b" * 20, ()))
    made = replace(
        Wallet(), kind=kind, nonce=3, max_fee=9, priority_fee=4, gas=40_000, access_list=lists
    )
    transaction = decode_transaction(made.raw(), CHAIN_ID)
    assert (transaction.type, transaction.body) == (SEND.name, SEND.encode(TO, UNIT, b""))
    assert (transaction.nonce, transaction.fee, transaction.valid_until) == (3, 9, MAX_UINT64)
    assert transaction.sender == SENDER
    assert verify_transaction(transaction)
    envelope = ethereum_envelope.decode(made.raw(), CHAIN_ID)
    assert envelope.kind == kind
    assert envelope.gas_limit == 40_000
    assert envelope.priority_fee == (4 if kind == 2 else 9)
    assert envelope.access_list == (lists if kind else ())


def test_the_sender_is_recovered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bytes] = []

    def counting(digest: bytes, signature: bytes) -> Any:
        calls.append(digest)
        return recover_secp256k1_address(digest, signature)

    monkeypatch.setattr(ethereum_envelope, "recover_secp256k1_address", counting)
    transaction = decoded()
    assert not calls, "decoding recovers nothing: that is the work of verifying"
    assert verify_transaction(transaction)
    assert transaction.sender == transaction.sender == SENDER
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"to": b""}, "contract creation is not supported"),
        ({"to": b"t" * 19}, "to: expected 20 bytes"),
        (
            {"data": b"\x01", "gas": 21_015},
            "intrinsic gas too low: gas 21015, minimum needed 21016",
        ),
        ({"data": b"\0", "gas": 21_003}, "minimum needed 21004"),
        ({"gas": 20_999}, "minimum needed 21000"),
        ({"access_list": ((TO, (HASH,)),), "gas": 25_299}, "minimum needed 25300"),
        ({"data": b"\x01", "gas": 30_000}, "is no system contract: a transaction with 1 bytes"),
        ({"priority_fee": 2, "max_fee": 1}, "max priority fee per gas higher than max fee per gas"),
        ({"value": 2**128}, r"insufficient funds for gas \* price \+ value: value"),
        ({"nonce": MAX_UINT64}, "nonce: at most"),
        ({"gas": 2**64}, "gas: at most"),
        ({"max_fee": 2**256}, "max fee: at most 32 bytes"),
        ({"access_list": b"x"}, "access list: expected a list"),
        ({"access_list": (b"x",)}, "access list: expected"),
        ({"access_list": ((b"a" * 19, ()),)}, "access list address: expected 20 bytes"),
        ({"access_list": ((TO, (b"k",)),)}, "storage key: expected 32 bytes"),
        ({"access_list": ((TO, ()),) * 65}, "65 addresses, at most 64"),
        ({"access_list": ((TO, (HASH,) * 257),)}, "more than 256 storage keys"),
    ],
)
def test_what_is_refused_says_why(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decoded(**changes)


@pytest.mark.parametrize("kind", KINDS)
def test_another_chains_transaction_says_so(kind: int) -> None:
    with pytest.raises(WrongChainError, match="signed for chain 1, this chain is 82062"):
        decoded(kind=kind, chain_id=1)


@pytest.mark.parametrize("v", [27, 28])
def test_an_unprotected_transaction_is_refused_in_geths_words(v: int) -> None:
    wallet = replace(Wallet(), kind=0)
    _, r, s = wallet.signature()
    items = [*wallet.fields(), *map(rlp.uint_bytes, (v, r, s))]
    with pytest.raises(
        DecodeError, match=r"only replay-protected \(EIP-155\) transactions allowed"
    ):
        decode_transaction(wallet.envelope(items), CHAIN_ID)


@pytest.mark.parametrize(("first", "name"), [(3, "blob"), (4, "set-code")])
def test_types_without_meaning_here_are_refused_by_name(first: int, name: str) -> None:
    with pytest.raises(DecodeError, match=f"transaction type not supported: {name} transactions"):
        decode_transaction(bytes((first,)) + raw()[1:], CHAIN_ID)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_has_one_form(kind: int) -> None:
    wallet = replace(Wallet(), kind=kind)
    parity, r, s = wallet.signature()
    for wrong in [
        (1 - parity, r, SECP256K1_ORDER - s),
        (parity, 0, s),
        (parity, r, 0),
        (parity, SECP256K1_ORDER, s),
        (parity, r, SECP256K1_ORDER),
    ]:
        with pytest.raises(DecodeError, match="invalid transaction v, r, s values"):
            decode_transaction(wallet.with_signature(*wrong), CHAIN_ID)
    with pytest.raises(DecodeError):
        decode_transaction(wallet.with_signature(2, r, s), CHAIN_ID)


def test_a_signature_that_no_key_made_does_not_verify() -> None:
    """r = 5 is no x coordinate of the curve."""
    transaction = decode_transaction(replace(Wallet()).with_signature(0, 5, 1), CHAIN_ID)
    assert not verify_transaction(transaction)
    with pytest.raises(PeerError, match="no key made its signature"):
        _ = transaction.sender


def test_a_changed_content_is_another_senders() -> None:
    """As on every Ethereum chain: there is no sender in the envelope to contradict."""
    wallet = Wallet()
    changed = replace(wallet, value=2 * UNIT).with_signature(*wallet.signature())
    transaction = decode_transaction(changed, CHAIN_ID)
    assert not verify_transaction(transaction) or transaction.sender != SENDER


@pytest.mark.parametrize("kind", KINDS)
def test_non_canonical_and_trailing_bytes_are_refused(kind: int) -> None:
    wallet = replace(Wallet(), kind=kind)
    with pytest.raises(DecodeError, match="1 bytes after the list"):
        decode_transaction(wallet.raw() + b"\0", CHAIN_ID)
    items = rlp.decode_list(wallet.raw(), 1 if kind else 0)[0]
    for position in (1 if kind else 0, len(items) - 1):
        padded: list[rlp.Item] = list(items)
        padded[position] = b"\0" + items[position]
        with pytest.raises(DecodeError, match="leading zeros"):
            decode_transaction(wallet.envelope(padded), CHAIN_ID)
    for count in (len(items) - 1, len(items) + 1):
        with pytest.raises(DecodeError, match="fields, not"):
            decode_transaction(wallet.envelope((items * 2)[:count]), CHAIN_ID)
    nested: list[rlp.Item] = list(items)
    nested[1] = []
    with pytest.raises(DecodeError, match="expected an integer, found a list"):
        decode_transaction(wallet.envelope(nested), CHAIN_ID)


def test_an_oversize_envelope_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(DecodeError, match="at most 16384"):
        decoded(data=b"x" * 16_400, gas=10**6)


def test_a_call_is_decoded_by_who_knows_the_system_contracts() -> None:
    asked: list[tuple[bytes, int, bytes]] = []

    def decode_call(to: bytes, value: int, data: bytes) -> tuple[str, tuple[Any, ...]]:
        asked.append((to, value, data))
        return "land.reveal", (b"body",)

    transaction = decode_transaction(raw(data=b"\x01\x02", gas=30_000), CHAIN_ID, decode_call)
    assert (transaction.type, transaction.body) == ("land.reveal", (b"body",))
    assert asked == [(TO, UNIT, b"\x01\x02")]


# In the mempool


def test_the_mempool_forgets_it_in_its_own_time() -> None:
    pool = Mempool(7, lambda _: False)
    transaction = decoded()
    pool.admit(transaction, 0, False)
    pool.applied(7 + WAIT_WITHOUT_END_BLOCKS - 1, [])
    assert transaction.hash in pool
    pool.applied(7 + WAIT_WITHOUT_END_BLOCKS, [])
    assert (len(pool), pool.bytes) == (0, 0)
    pool.admit(transaction, 0, False)
    pool.applied(7 + WAIT_WITHOUT_END_BLOCKS + 1, [transaction])
    assert len(pool) == 0


@pytest.mark.parametrize(("offered", "taken"), [(109, False), (110, True)])
def test_the_offered_price_orders_replacement(offered: int, taken: bool) -> None:
    pool = Mempool(0, lambda _: False)
    first, second = decoded(max_fee=100), decoded(max_fee=offered, kind=0)
    pool.admit(first, 0, False)
    if taken:
        pool.admit(second, 0, False)
        assert (first.hash in pool, second.hash in pool) == (False, True)
    else:
        with pytest.raises(AdmissionError, match="replacement transaction underpriced"):
            pool.admit(second, 0, False)


def test_a_price_beyond_64_bits_counts_as_the_highest() -> None:
    assert decoded(max_fee=2**256 - 1).fee == MAX_UINT64
