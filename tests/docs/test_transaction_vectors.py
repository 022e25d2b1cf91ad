"""The test vectors of docs/formats.md, "Accounts and transactions", are what the code gives."""

from typing import Any

from ledger import accounts, threshold
from ledger.codec import encode
from ledger.crypto import checksum_address, keccak256
from ledger.local_accounts import ed25519_accounts, secp256k1_accounts
from ledger.primitives import UNIT, ZERO_HASH, Address
from ledger.threshold import ROTATE, Witness
from ledger.transaction import Draft, Transaction, decode_transaction, sign, sign_threshold
from ledger.transaction import verify_transaction as verify
from ledger.transfers import SEND, SEND_MANY
from tests.docs.documents import vectors
from tests.support.ethereum import RICH_KEY, Wallet

CHAIN_ID = 82062
EIP155_SENDER = "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
ED25519, SECP256K1 = ed25519_accounts(), secp256k1_accounts()


def of_threshold() -> Witness:
    """2 of: the first Ed25519, the second Ed25519, the first secp256k1 account; salt 32 zeros."""
    members = (ED25519[0].signer, ED25519[1].signer, SECP256K1[0].signer)
    return threshold.create(bytes(32), 2, tuple(signer.public_key for signer in members))


def drafts() -> dict[str, tuple[Draft, bytes | Witness, Transaction]]:
    """Name: what is signed, by whom, and the result."""
    to, witness = ED25519[1].address, of_threshold()
    send = Draft(
        chain_id=CHAIN_ID,
        nonce=0,
        type=SEND.name,
        body=SEND.encode(to, 5 * UNIT, b""),
        valid_until=1000,
    )
    many = Draft(
        chain_id=CHAIN_ID,
        nonce=7,
        type=SEND_MANY.name,
        body=SEND_MANY.encode(((to, 1), (SECP256K1[1].address, 2**128 - 1)), ZERO_HASH),
        fee=10,
        valid_until=2**64 - 1,
    )
    rotate = Draft(
        chain_id=CHAIN_ID,
        nonce=1,
        type=ROTATE.name,
        body=ROTATE.encode(1, (ED25519[0].signer.public_key,)),
        valid_until=1000,
    )
    ed25519, secp256k1 = ED25519[0].signer, SECP256K1[0].signer
    return {
        "ed25519 transfer.send": (send, ed25519.public_key, sign(send, ed25519)),
        "secp256k1 transfer.send_many": (many, secp256k1.public_key, sign(many, secp256k1)),
        "threshold threshold.rotate": (
            rotate,
            witness,
            sign_threshold(rotate, witness, (ed25519, secp256k1)),
        ),
    }


def wallets() -> dict[str, tuple[Wallet, bytes, Address]]:
    """Name: what a wallet signs, its secret and its address. The first is EIP-155's own example."""
    key, sender = RICH_KEY, SECP256K1[0].address
    to = SECP256K1[1].address
    eip155 = Wallet(0, 1, 9, max_fee=20 * 10**9, to=b"\x35" * 20)
    keys = ((to, (ZERO_HASH, b"\xff" * 32)),)
    return {
        "EIP-155 example": (eip155, b"\x46" * 32, Address(bytes.fromhex(EIP155_SENDER))),
        "legacy": (Wallet(0, to=to), key, sender),
        "EIP-2930": (
            Wallet(1, nonce=1, max_fee=10**9, gas=27_200, to=to, access_list=keys),
            key,
            sender,
        ),
        "EIP-1559": (
            Wallet(2, nonce=2, priority_fee=1, max_fee=2, to=to, value=2**128 - 1),
            key,
            sender,
        ),
    }


def computed() -> dict[str, Any]:
    """The vectors as the code gives them, in the form of the page."""
    witness = of_threshold()
    return {
        "addresses": [
            *(
                {
                    "kind": kind,
                    "public_key": account.signer.public_key.hex(),
                    "address": checksum_address(account.address),
                }
                for kind, account in (("ed25519", ED25519[0]), ("secp256k1", SECP256K1[0]))
            ),
            {
                "kind": "threshold",
                "salt": witness.salt.hex(),
                "m": witness.members.threshold,
                "members": [key.hex() for key in witness.members.keys],
                "address": checksum_address(witness.address),
            },
            {
                "kind": "module",
                "name": "pool.treasury",
                "address": checksum_address(accounts.module_address("pool.treasury")),
            },
            {
                "kind": "generated",
                "seed": "town",
                "index": 1,
                "address": checksum_address(accounts.generated_address("town", 1)),
            },
        ],
        "transactions": [
            {
                "name": name,
                "sender": checksum_address(transaction.sender),
                "signing_bytes": draft.signing_bytes(sender).hex(),
                "raw": transaction.raw.hex(),
                "hash": transaction.hash.hex(),
            }
            for name, (draft, sender, transaction) in drafts().items()
        ],
        "ethereum": [
            {
                "name": name,
                "chain_id": wallet.chain_id,
                "sender": checksum_address(sender),
                "signing_hash": wallet.signing_hash().hex(),
                "raw": wallet.raw(key).hex(),
                "hash": keccak256(wallet.raw(key)).hex(),
            }
            for name, (wallet, key, sender) in wallets().items()
        ],
        "rows": [
            {
                "key": (accounts.ACCOUNTS.prefix + ED25519[0].address).hex(),
                "nonce": 3,
                "balance": str(5 * UNIT),
                "value": accounts.ACCOUNTS.encode(accounts.Account(3, 5 * UNIT)).hex(),
            },
            {
                "key": accounts.SUPPLY.prefix.hex(),
                "supply": str(5 * UNIT),
                "value": accounts.SUPPLY.encode(5 * UNIT).hex(),
            },
            {
                "key": (threshold.ROTATED.prefix + witness.address).hex(),
                "m": witness.members.threshold,
                "members": [key.hex() for key in witness.members.keys],
                "value": threshold.ROTATED.encode(witness.members).hex(),
            },
        ],
    }


def documented() -> dict[str, Any]:
    """The JSON block of the section."""
    return vectors("Accounts and transactions")


def test_the_page_gives_the_vectors_of_the_code() -> None:
    assert documented() == computed()


def test_the_documented_transactions_decode_and_verify() -> None:
    for vector in documented()["transactions"]:
        transaction = decode_transaction(bytes.fromhex(vector["raw"]), CHAIN_ID)
        assert verify(transaction), vector["name"]
        assert checksum_address(transaction.sender) == vector["sender"]


def test_the_documented_ethereum_transactions_decode_and_verify() -> None:
    """They were compared with what eth-account 0.14 signs: the same bytes."""
    for vector in documented()["ethereum"]:
        transaction = decode_transaction(bytes.fromhex(vector["raw"]), vector["chain_id"])
        assert verify(transaction), vector["name"]
        assert checksum_address(transaction.sender) == vector["sender"]
        assert transaction.hash.hex() == vector["hash"]


def test_signing_bytes_are_the_tag_and_the_envelope_without_its_signature() -> None:
    """As the page states them, independently of the slice that verify_transaction takes."""
    for name, (draft, sender, transaction) in drafts().items():
        wire = sender.to_wire() if isinstance(sender, Witness) else sender
        fields = (draft.chain_id, draft.nonce, wire, draft.type, draft.body)
        stated = encode(("poyong/tx/1", *fields, draft.fee, draft.valid_until))
        assert draft.signing_bytes(sender) == stated, name
        assert verify(transaction), name
