"""Who signs in a local town, so that a scenario can be played to it."""

from pathlib import Path

from ledger.crypto import Signer
from ledger.local_accounts import appraiser_accounts
from ledger.transaction import sign_threshold
from node.keys import threshold_account
from node.keys.keystore import KeyKind, open_signer
from node.localnet import creation, officials
from node.localnet.layout import Town
from node.play.outbox import Sender
from node.play.player import Cast
from tokenomics import roles


def cast_of(folder: Path, town: Town) -> Cast:
    """Appraisers and reporters from the development accounts, and the organisations' account with
    as many of its members as have to sign; in a governed town nobody signs for a vote."""
    return Cast(
        appraisers=tuple(Sender.of_key(account.signer) for account in appraiser_accounts()),
        reporters=tuple(
            Sender.of_key(account.signer) for account in officials.holders(roles.RATE_REPORTER)
        ),
        authority=None if town.governed else _authority(folder, town),
    )


def organisation_sender(home: Path) -> Sender:
    """An organisation's own account in a governed town, with as many keys as have to sign."""
    account = threshold_account.read_account(home / creation.ACCOUNT_FILE)
    files = [
        home / creation.ACCOUNT_KEY,
        *(creation.second_key(home, n) for n in creation.SECOND_KEYS),
    ]
    signers = [_account_signer(file) for file in files[: account.threshold]]
    return Sender(
        account.witness.address, lambda draft: sign_threshold(draft, account.witness, signers)
    )


def _authority(folder: Path, town: Town) -> Sender:
    keys = {node.name: creation.read_keys(folder, node) for node in town.nodes}
    authority = creation.authority_of(town, keys).witness
    signers = [
        _account_signer(folder / node.name / creation.ACCOUNT_KEY)
        for node in town.validators[: authority.members.threshold]
    ]
    return Sender(authority.address, lambda draft: sign_threshold(draft, authority, signers))


def _account_signer(file: Path) -> Signer:
    return open_signer(file, creation.PASSWORD, KeyKind.ACCOUNT)
