"""How `poyong tx sign` signs: a draft of one key, or a part of a threshold account's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.crypto import Signer
from ledger.errors import LocalError
from ledger.ethereum_draft import EthereumDraft
from ledger.local_accounts import secp256k1_accounts
from ledger.set_changes import PROBE
from ledger.transaction import Draft, Transaction, key_address, sign
from node.cli.accounts import find_account
from node.cli.sending import signer_of
from node.cli.tx_ethereum import ethereum_draft_of, sign_draft
from node.cli.tx_files import draft_of, require_sender
from node.cli.tx_partial import PartialTransaction
from node.keys import keystore, threshold_account
from node.keys.keystore import KeyKind
from node.wallet.folder import AccountKind


def signed_by_one(
    fields: dict[str, Any],
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    agree: Callable[[], None],
) -> Transaction:
    """A draft of one key, signed; LocalError when it was built for another account.

    agree: called when everything is ready, before the signature is made; raises to prevent it.
    """
    made = ethereum_draft_of(fields) or draft_of(fields)
    # A joiner proves with its consensus key that it follows the chain; that key signs nothing else.
    probes = isinstance(made, Draft) and made.type == PROBE.name
    if key is not None and local is None and not probes:
        require_sender(fields, find_account(key).address)  # before a password is asked for
    if isinstance(made, EthereumDraft) and local is not None and key is None:
        signer: Signer = secp256k1_accounts()[local].signer
    else:
        kind = KeyKind.VALIDATOR if probes else KeyKind.ACCOUNT
        signer = signer_of(key, password_file, local, kind)
    require_sender(fields, key_address(signer.public_key))
    agree()
    return sign(made, signer) if isinstance(made, Draft) else sign_draft(made, signer)


def signed_by_member(
    partial: PartialTransaction,
    key: Path | None,
    password_file: Path | None,
    local: int | None,
    agree: Callable[[], None],
) -> PartialTransaction:
    """With the signature of the member whose key the options name; `agree` as above."""
    if key is not None and local is None:
        # Before a password is asked for; the open part of an Ed25519 file needs none.
        account = find_account(key)
        if account.kind is AccountKind.ED25519:
            partial.member(keystore.read_key_info(account.file).public_key)
    signer = signer_of(key, password_file, local, KeyKind.ACCOUNT)
    partial.member(signer.public_key)
    agree()
    return partial.with_signature(signer.public_key, signer.sign(partial.signing_bytes))


def with_foreign_signature(partial: PartialTransaction, text: str) -> PartialTransaction:
    """With a signature that was made elsewhere, typed as KEY=SIGNATURE."""
    key, _, signature = text.partition("=")
    public_key = threshold_account.public_key_of(key, "--signature")
    try:
        return partial.with_signature(public_key, bytes.fromhex(signature.removeprefix("0x")))
    except ValueError as error:
        raise LocalError(
            f"--signature: expected KEY=SIGNATURE in hex, found {text!r:.80}"
        ) from error
