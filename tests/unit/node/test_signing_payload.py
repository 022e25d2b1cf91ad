"""What a signer signs: votes of its chain and probes of its own key; nothing else is read."""

from typing import Any

import pytest

from ledger.crypto import Ed25519Signer, verify_ed25519
from ledger.errors import DecodeError
from ledger.registry import Phase
from ledger.set_changes import PROBE
from ledger.transaction import Draft, verify_transaction
from ledger.transfers import SEND
from node.signing.payload import ProbePayload, VotePayload, decode_asked
from tests.support.signer_homes import DOMAIN, SEED

SIGNER = Ed25519Signer(SEED)
KEY = SIGNER.public_key
OTHER = Ed25519Signer(b"o" * 32).public_key


def draft(**changes: Any) -> Draft:
    values: dict[str, Any] = {
        "chain_id": DOMAIN.chain_id,
        "nonce": 3,
        "type": PROBE.name,
        "body": PROBE.encode(KEY, 7, b"r" * 32),
        "valid_until": 71,
    }
    return Draft(**values | changes)


def test_votes_and_probes_are_told_apart() -> None:
    vote = decode_asked(DOMAIN.payload(Phase.COMMIT, 3, 1, b"a" * 32), DOMAIN, KEY)
    assert isinstance(vote, VotePayload)
    assert (vote.height, vote.view, vote.phase) == (3, 1, Phase.COMMIT)
    assert decode_asked(draft().signing_bytes(KEY), DOMAIN, KEY) == ProbePayload(7)


def test_what_is_signed_for_a_probe_is_a_transaction() -> None:
    asked = draft().signing_bytes(KEY)
    signed = draft().signed(KEY, SIGNER.sign(asked))
    assert verify_transaction(signed)
    assert not verify_ed25519(
        KEY, DOMAIN.payload(Phase.COMMIT, 3, 1, b"a" * 32), SIGNER.sign(asked)
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (draft(chain_id=8), "transaction.chain_id: expected 7, found 8"),
        (draft(fee=1), "a probe has none, found 1"),
        (
            draft(type=SEND.name, body=SEND.encode(bytes(20), 1, b"")),
            "of transactions validators.probe alone is signed, found 'transfer.send'",
        ),
        (draft(type="governance.vote"), "validators.probe alone"),
        (draft(body=PROBE.encode(OTHER, 7, b"r" * 32)), "in both places"),
        (draft(body=(KEY, 7)), "transaction.body"),
        (draft(body=(KEY, -1, b"r" * 32)), "height"),
        (draft(nonce=-1), "transaction.nonce"),
    ],
)
def test_any_other_transaction_is_refused(asked: Draft, expected: str) -> None:
    with pytest.raises(DecodeError, match=expected):
        decode_asked(asked.signing_bytes(KEY), DOMAIN, KEY)


def test_a_probe_of_another_sender_is_refused() -> None:
    with pytest.raises(DecodeError, match="in both places"):
        decode_asked(draft().signing_bytes(OTHER), DOMAIN, KEY)
