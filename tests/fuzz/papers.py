"""Papers of a genesis ceremony, which organisations hand to each other."""

import json

from ledger.crypto import Ed25519Signer
from ledger.errors import LocalError
from ledger.primitives import Hash
from node.ceremony.approvals import new_approval, read_approval
from node.ceremony.contributions import Wish, new_contribution, read_contribution
from node.ceremony.statements import NODE, VALIDATOR
from node.ceremony.terms import new_terms, read_terms
from node.keys.threshold_account import new_account
from tests.fuzz.checking import Decoder
from tests.fuzz.mutation import Shape

_KEYS = {VALIDATOR: Ed25519Signer(b"v" * 32), NODE: Ed25519Signer(b"n" * 32)}
_ACCOUNT = new_account(1, {Ed25519Signer(b"a" * 32).public_key: "president"})
_TERMS = new_terms(7, "fuzzed", 1_767_225_600_000, ("gist", "builder"))


def ceremony() -> list[Decoder]:
    """Terms, a contribution and an approval."""
    wish = Wish(
        "gist", "광주과학기술원", "GIST", "chamber.academia", "gist.example:26656", _ACCOUNT, 5
    )
    made = new_contribution(_TERMS, wish, _KEYS)
    approval = new_approval(_TERMS, made, Hash(b"g" * 32), _KEYS)
    return [
        Decoder(
            "terms of a ceremony",
            lambda raw: read_terms(raw, "terms.json"),
            [json.dumps(_TERMS.document).encode()],
            (LocalError,),
            ("terms.read_terms", "terms.terms_of"),
            None,
            Shape.JSON,
        ),
        Decoder(
            "contribution to a ceremony",
            lambda raw: read_contribution(raw, _TERMS, "gist.json"),
            [json.dumps(made.document).encode()],
            (LocalError,),
            ("contributions.read_contribution", "contributions.contribution_of"),
            None,
            Shape.JSON,
        ),
        Decoder(
            "approval of a ceremony",
            lambda raw: read_approval(raw, _TERMS, made, "gist.json"),
            [json.dumps(approval.document).encode()],
            (LocalError,),
            ("approvals.read_approval", "approvals.approval_of"),
            None,
            Shape.JSON,
        ),
    ]
