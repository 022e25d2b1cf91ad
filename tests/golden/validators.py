"""Validators of a golden chain: a fifth organisation comes, changes its keys and goes again; and a
validator that has contradicted itself is suspended, and forgiven by a vote."""

from typing import TYPE_CHECKING, Any, Final

from governance.chambers import CHAMBER_ACADEMIA
from ledger.crypto import Ed25519Signer, ed25519_address, sha256
from ledger.transaction import sign
from ledger.validator_tables import PROBES_NEEDED, set_at
from tests.golden.sending import message, said
from tests.support.governed_town import account
from tests.support.transfers import draft

if TYPE_CHECKING:
    from tests.golden.script import Script

NAME: Final = "library"
FULL_NAME: Final = "Library"
KEYS: Final = tuple(Ed25519Signer(sha256(b"library %d" % number)) for number in range(3))
NODE_KEYS: Final = tuple(sha256(b"node of the library %d" % number) for number in range(3))
OBSERVER: Final = sha256(b"an observer")
OFFENDER: Final = 3
"""The seat of who signs twice."""


def fifth_organisation(script: "Script") -> None:
    """From the registry to the set of validators, and out of both."""
    _register(script)
    _join(script)
    _forgive(script)
    script.must(said(NAME, "governance.rotate_own_key", KEYS[1].public_key, NODE_KEYS[1]))
    _settle(script)
    script.decide(("governance.rotate_key", FULL_NAME, KEYS[2].public_key, NODE_KEYS[2]))
    _settle(script)
    script.decide(("governance.remove_validator", FULL_NAME))
    _settle(script)
    script.decide(("stakeholders.remove_organisation", NAME, "it was closed"))
    assert len(set_at(script.chain.state, script.chain.height + 1)) == len(script.chain.chains)


def _register(script: "Script") -> None:
    names = NAME, "도서관", FULL_NAME, CHAMBER_ACADEMIA
    keys: tuple[Any, ...] = KEYS[0].public_key, NODE_KEYS[0], ()
    script.decide(
        ("stakeholders.register_organisation", *names, account(NAME), *keys),
        ("stakeholders.change_organisation", *names, *keys),
        ("stakeholders.suspend_organisation", NAME, "its roof is being mended"),
        ("stakeholders.reinstate_organisation", NAME),
        ("governance.add_observer", OBSERVER, "Archive"),
        ("governance.remove_observer", OBSERVER),
    )


def _join(script: "Script") -> None:
    joiner, probe = KEYS[0], message("validators.probe")
    for number in range(PROBES_NEEDED):
        head = script.chain.chain.head
        made = draft(
            nonce=number,
            type=probe.name,
            body=probe.encode(joiner.public_key, head.height, head.state_root),
            valid_until=script.chain.height + 10,
        )
        script.must(also=(sign(made, joiner),))
    assert ed25519_address(joiner.public_key) != account(NAME)
    script.decide(("governance.add_validator", FULL_NAME, joiner.public_key, NODE_KEYS[0]))
    _settle(script)


def _forgive(script: "Script") -> None:
    proof = script.chain.contradicted(OFFENDER)
    script.block(evidence=(proof,))
    organisation = set_at(script.chain.state, proof.height).validators[OFFENDER].organisation
    script.decide(("governance.lift_suspension", organisation))


def _settle(script: "Script") -> None:
    """Until the decided set is in force: the next change waits for it."""
    for _ in range(3):
        script.block()
