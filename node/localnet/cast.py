"""Who signs in a local town, so that a scenario can be played to it."""

from pathlib import Path

from ledger.local_accounts import appraiser_accounts
from ledger.transaction import sign_threshold
from node.keystore import KeyKind, open_signer
from node.localnet import creation, officials
from node.localnet.layout import Town
from node.play.outbox import Sender
from node.play.player import Cast
from tokenomics import roles


def cast_of(folder: Path, town: Town) -> Cast:
    """Appraisers and reporters from the development accounts, and the organisations' account with
    as many of its members as have to sign."""
    keys = {node.name: creation.read_keys(folder, node) for node in town.nodes}
    authority = creation.authority_of(town, keys).witness
    signers = [
        open_signer(folder / node.name / creation.ACCOUNT_KEY, creation.PASSWORD, KeyKind.ACCOUNT)
        for node in town.validators[: authority.members.threshold]
    ]
    return Cast(
        appraisers=tuple(Sender.of_key(account.signer) for account in appraiser_accounts()),
        reporters=tuple(
            Sender.of_key(account.signer) for account in officials.holders(roles.RATE_REPORTER)
        ),
        authority=Sender(
            authority.address, lambda draft: sign_threshold(draft, authority, signers)
        ),
    )
