"""What happens on a new golden chain: messages of nearly every type of this release take effect.

Here are persons, transfers and agreements; the other files of this folder play the rest. A type
that takes effect on no golden chain is sent all the same, which pins how it is decoded and refused,
and NEVER says why.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import book
from ledger import accounts
from ledger.crypto import ed25519_address
from ledger.errors import ErrorCode
from ledger.local_accounts import ed25519_accounts
from ledger.primitives import UNIT
from ledger.registry import Evidence
from ledger.transaction import Transaction, decode_transaction, sign, sign_threshold
from node.keys.threshold_account import new_account
from node.scenarios.sections import genesis_sections
from tests.fuzz.stores import body_of
from tests.golden import council, land, validators, votes
from tests.golden.sending import CONTRACTS, REGISTRY, message, said
from tests.support.ethereum import RICH_KEY, Wallet
from tests.support.governed_town import (
    APPRAISERS,
    BASIS,
    DOCUMENT,
    GWANGJU,
    ORGANISATIONS,
    OWNERS,
    QUARTER_MS,
    RESIDENTS,
    Sent,
    account,
    credential,
    messages,
    nullifier,
    signer,
)
from tests.support.sealed_chain import SealedChain
from tests.support.transfers import CHAIN_ID, TO, draft

ENDED: Final = (Status.EXECUTED, Status.FAILED, Status.REJECTED, Status.NO_QUORUM, Status.BLOCKED)
PAYER: Final = ed25519_accounts()[0].signer
MEMBERS: Final = sorted(
    (each.signer for each in ed25519_accounts()[1:4]), key=lambda signer: signer.public_key
)
WITNESS: Final = new_account(
    2, {each.public_key: f"member {n}" for n, each in enumerate(MEMBERS)}
).witness


CONTRIBUTORS: Final = RESIDENTS[1:4]
VOTERS: Final = (*ORGANISATIONS, *RESIDENTS[:8], *OWNERS[:8])
"""As few as carry a vote of class D, since each vote stays in the repository for ever."""
NEVER: Final[Mapping[str, str]] = dict.fromkeys(
    ("governance.grant_role", "governance.limit_certifier", "governance.revoke_role"),
    "only the authority of a chain without stakeholders sends it",
)
"""Types of message that take effect on no golden chain, each with its reason."""


def land_sections() -> dict[str, Any]:
    """Modules of genesis: short quarters, two of which recognise a gain, and one of which is enough
    for what was claimed to vest."""
    found = genesis_sections(
        GWANGJU, [ed25519_address(each.public_key) for each in APPRAISERS], quarter_ms=QUARTER_MS
    )
    found["issuance"]["parameters"]["window_anchors"] = 2
    return found | {"distribution": {"parameters": {"cliff_quarters": 1}}}


class Script:
    """Plays on the chain, and remembers which types took effect."""

    def __init__(self, chain: SealedChain) -> None:
        self.chain = chain
        self.codes: dict[str, ErrorCode] = {}
        """By type: OK once one took effect, sent or carried out; else how the last was refused."""
        self.hashes: list[str] = []
        self.reasons: list[str] = []
        """Why each transaction of the last block was refused; empty for one that was not."""

    def block(
        self,
        *sent: Sent,
        after_ms: int = 1,
        also: tuple[Transaction, ...] = (),
        evidence: tuple[Evidence, ...] = (),
    ) -> list[ErrorCode]:
        """One block; codes of all its transactions, in its order."""
        receipts = self.chain.block(*sent, after_ms=after_ms, also=also, evidence=evidence)
        self.reasons = [receipt.reason for receipt in receipts]
        assert self.chain.applied is not None
        included = self.chain.applied.block.transactions
        for each, receipt in zip(included, receipts, strict=True):
            if self.codes.get(each.type) is not ErrorCode.OK:
                self.codes[each.type] = receipt.code
            self.hashes.append(each.hash.hex())
        return [receipt.code for receipt in receipts]

    def must(self, *sent: Sent, also: tuple[Transaction, ...] = ()) -> None:
        """A block of which everything takes effect."""
        codes = self.block(*sent, also=also)
        assert set(codes) == {ErrorCode.OK}, (self.reasons, [name for _, name, _ in sent])

    def play(self) -> None:
        """All of it."""
        self._persons()
        self._transfers()
        self._agreements()
        height = votes.rules_and_upgrade(self)
        self._contribute()
        land.appraised(self)
        self._earn()
        land.facts(self)
        council.paused(self)
        council.persons_together(self)
        validators.fifth_organisation(self)
        self.must(said("registrar", "stakeholders.revoke_credential", account("owner 29"), 1))
        self._everything_else()
        while self.chain.height < height + 2:
            self.block()

    def _persons(self) -> None:
        for names in (RESIDENTS, OWNERS):
            self.must(*[said("registrar", "stakeholders.grant_credential", *credential(name))
                        for name in names])  # fmt: skip

    def _transfers(self) -> None:
        to = account("resident 1")
        native = sign(draft(body=message("transfer.send").encode(to, 5 * UNIT, b"m" * 32)), PAYER)
        many = draft(
            nonce=1,
            type="transfer.send_many",
            body=message("transfer.send_many").encode(
                ((TO, UNIT), (account("city"), UNIT), (WITNESS.address, UNIT)), b""
            ),
        )
        self.must(also=(native, sign(many, PAYER)))
        rotate = draft(
            type="threshold.rotate",
            body=message("threshold.rotate").encode(
                1, tuple(each.public_key for each in MEMBERS[:2])
            ),
        )
        self.must(also=(sign_threshold(rotate, WITNESS, MEMBERS[:2]),))
        to_contract, data = CONTRACTS.encode_call(
            "transfer.send", message("transfer.send").encode(TO, UNIT, b"")
        )
        wallets = (
            Wallet(kind=0, nonce=0),
            Wallet(kind=1, nonce=1, gas=30_000, access_list=((TO, (bytes(32),)),)),
            Wallet(kind=2, nonce=2),
            Wallet(kind=2, nonce=3, gas=100_000, to=to_contract, value=0, data=data),
        )
        self.must(also=tuple(
            decode_transaction(each.raw(RICH_KEY), CHAIN_ID, CONTRACTS.decode_call)
            for each in wallets
        ))  # fmt: skip

    def _agreements(self) -> None:
        parties = (account("city"), account("gist"))
        self.must(said("city", "stakeholders.open_agreement", "A title", DOCUMENT, parties))
        self.must(said("gist", "stakeholders.sign_agreement", 1))
        self.must(said("city", "stakeholders.open_agreement", "Another", DOCUMENT, parties))
        self.must(said("city", "stakeholders.withdraw_agreement", 2))
        old, new = account("resident 0"), account("resident 0 anew")
        for number in (1, 2):
            self.must(said("registrar", "stakeholders.propose_rebinding", old, new, DOCUMENT))
            end = "object" if number == 1 else "withdraw"
            who = "resident 0" if number == 1 else "registrar"
            self.must(said(who, f"stakeholders.{end}_rebinding", number))

    def decide(self, *carried: tuple[Any, ...], recalled: Sequence[str] = ()) -> int:
        """Proposed, agreed to by enough of everybody as often as they are asked, and carried out;
        its number. recalled: persons who ask for one further vote."""
        number, later = book(self.chain.state).proposals + 1, list(recalled)
        bodies = messages(*[(message(name), tuple(values)) for name, *values in carried])
        self.must(said("city", "proposals.submit", "A title", DOCUMENT, BASIS, bodies))
        self.must(said("gist", "proposals.sponsor", number))
        asked = [Status.VOTING, Status.SECOND_VOTING, Status.RECALL_VOTING]
        if later:
            asked.append(Status.QUEUED)
        while (status := self.chain.run_until(number, *asked, *ENDED)) in asked:
            if status is Status.QUEUED:
                asked.remove(status)
                self.must(*[said(name, "proposals.recall", number) for name in later])
                continue
            self.agree(number)
            self.chain.run_until(number, *{*Status} - {status})
        assert status is Status.EXECUTED, (status, carried)
        self.codes |= {name: ErrorCode.OK for name, *_ in carried}
        return number

    def agree(self, number: int) -> None:
        """A block in which those who may vote say yes; who is recused is refused."""
        self.block(*[said(name, "proposals.vote", number, "yes") for name in VOTERS])

    def _contribute(self) -> None:
        for name in CONTRIBUTORS:
            self.must(said("registrar", "distribution.enrol", account(name), nullifier(name)))
            certified = (account(name), "work", 60, DOCUMENT)
            self.must(said("certifier", "distribution.certify", *certified))
        self.must(said("certifier", "distribution.revoke", 1, "an error"))

    def _earn(self) -> None:
        self.decide(
            ("distribution.dividend", "participation", UNIT),
            ("distribution.spend", account("gist"), UNIT, DOCUMENT),
        )
        first, second, _ = CONTRIBUTORS
        self.must(said(second, "distribution.claim", "participation"))
        land.rounds(self, 2)
        self.must(said(second, "distribution.release"))
        self.must(said(first, "distribution.leave", account(first), "left"))

    def _everything_else(self) -> None:
        """Once of each type that has not taken effect: the town's authority is not the city."""
        for each in REGISTRY.all():
            if self.codes.get(each.name) is not ErrorCode.OK:
                made = draft(
                    nonce=accounts.nonce(self.chain.state, account("city")),
                    type=each.name,
                    body=body_of(each),
                    valid_until=self.chain.height + 10,
                )
                self.block(also=(sign(made, signer("city")),))


def codes_of(script: Script) -> Mapping[str, str]:
    """By type of message the code of its transaction, for expected.json."""
    return {name: code.name for name, code in sorted(script.codes.items())}
