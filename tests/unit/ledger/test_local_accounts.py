"""The accounts of local towns are the ones that wallets derive, and are known as public."""

from ledger.crypto import checksum_address
from ledger.local_accounts import (
    appraiser_accounts,
    ed25519_accounts,
    forbidden_local_keys,
    local_accounts,
    official_accounts,
    secp256k1_accounts,
)
from ledger.transaction import sign, verify_transaction
from tests.support.transfers import draft


def test_the_secp256k1_accounts_are_those_of_every_development_wallet() -> None:
    """Addresses as Hardhat, Anvil and Ganache print them for this mnemonic."""
    addresses = [checksum_address(account.address) for account in secp256k1_accounts()]
    assert len(addresses) == 10
    assert addresses[:3] == [
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    ]
    assert addresses[9] == "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"


def test_every_local_account_signs_for_its_address() -> None:
    for account in local_accounts():
        transaction = sign(draft(), account.signer)
        assert transaction.sender == account.address
        assert verify_transaction(transaction)


def test_each_of_them_is_forbidden_elsewhere() -> None:
    """Ten of each kind, fifteen appraisers and twelve officials, no two of them the same."""
    assert len(forbidden_local_keys()) == 10 + 10 + 15 + 12
    assert secp256k1_accounts()[0].address in forbidden_local_keys()
    assert ed25519_accounts()[9].address in forbidden_local_keys()
    assert official_accounts()[11].address in forbidden_local_keys()
    assert appraiser_accounts()[14].address in forbidden_local_keys()
