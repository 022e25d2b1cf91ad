"""What happens on a new golden chain: transactions of every message type of this release.

Most take effect. The rest are of types that need more than a short life gives (a joining validator,
a council); they are sent as well and refused, which pins how they are decoded and refused.
"""

from collections.abc import Mapping
from typing import Any, Final

from governance.proposals.lifecycle import Status
from governance.stakeholders.upgrades import MIN_NOTICE_HEIGHTS
from ledger import accounts
from ledger.crypto import checksum_address, ed25519_address, sha256
from ledger.errors import ErrorCode
from ledger.local_accounts import ed25519_accounts
from ledger.message_registry import MessageType
from ledger.primitives import UNIT
from ledger.transaction import Transaction, decode_transaction, sign, sign_threshold
from node.modules import build_executor
from node.play import appraisers
from node.scenarios.noise import DEFAULT_SEED
from node.scenarios.sections import genesis_sections
from node.threshold_account import new_account
from node.version import VERSION
from tests.fuzz.stores import body_of
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
from tests.support.ledger_chain import STEP_MS
from tests.support.sealed_chain import SealedChain
from tests.support.transfers import CHAIN_ID, TO, draft
from tokenomics.oracle.land_views import land_index

REGISTRY: Final = build_executor().registry
CONTRACTS: Final = build_executor().contracts
FOR_EVER: Final = "999999.0.0"
"""Below which every later release is: the upgrade of a golden chain asks for none in particular."""
ENDED: Final = (Status.EXECUTED, Status.FAILED, Status.REJECTED, Status.NO_QUORUM, Status.BLOCKED)
PAYER: Final = ed25519_accounts()[0].signer
MEMBERS: Final = sorted(
    (each.signer for each in ed25519_accounts()[1:4]), key=lambda signer: signer.public_key
)
WITNESS: Final = new_account(
    2, {each.public_key: f"member {n}" for n, each in enumerate(MEMBERS)}
).witness


def message(name: str) -> MessageType:
    """A message type of this release by its name."""
    found = REGISTRY.find(name)
    assert found is not None, name
    return found


def said(who: str, name: str, *values: Any) -> Sent:
    """A message of somebody of the town."""
    return who, message(name), values


def land_sections() -> dict[str, Any]:
    """Modules of genesis: short quarters, whose rounds wait for no rates."""
    found = genesis_sections(
        GWANGJU, [ed25519_address(each.public_key) for each in APPRAISERS], quarter_ms=QUARTER_MS
    )
    del found["land"]["rates"]
    return found


class Script:
    """Plays on the chain, and remembers which types took effect."""

    def __init__(self, chain: SealedChain) -> None:
        self.chain = chain
        self.codes: dict[str, ErrorCode] = {}
        """By type: OK once one took effect, sent or carried out; else how the last was refused."""
        self.hashes: list[str] = []

    def block(
        self, *sent: Sent, after_ms: int = 1, also: tuple[Transaction, ...] = ()
    ) -> list[ErrorCode]:
        """One block; codes of all its transactions, in its order."""
        receipts = self.chain.block(*sent, after_ms=after_ms, also=also)
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
        assert set(codes) == {ErrorCode.OK}, (codes, [name for _, name, _ in sent])

    def play(self) -> None:
        """All of it."""
        self._persons()
        self._transfers()
        self._agreements()
        reporter = account("reporter")
        gazette = sha256(b"notice"), sha256(b"gazette")
        self._decide(
            1,
            ("stakeholders.grant_role", "rate_reporter", reporter),
            ("stakeholders.revoke_role", "rate_reporter", reporter, "moved away"),
            ("stakeholders.limit_certifier", account("certifier"), "work", 2_000),
            ("stakeholders.grant_role", "sales_registrar", account("sales")),
        )
        self._decide(
            2,
            ("stakeholders.register_legal_basis", "ordinance", "City", "No. 1", "1", *gazette),
        )
        height = self.chain.height + 3 * MIN_NOTICE_HEIGHTS
        upgrade = "golden", height, VERSION, FOR_EVER, sha256(b"a release")
        self._decide(3, ("stakeholders.schedule_upgrade", *upgrade))
        self._land(24)
        self._economy()
        self._other_proposals()
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

    def _decide(self, number: int, *carried: tuple[Any, ...]) -> None:
        """Proposed, agreed to by everybody as often as they are asked, and carried out."""
        bodies = messages(*[(message(name), tuple(values)) for name, *values in carried])
        self.must(said("city", "proposals.submit", "A title", DOCUMENT, BASIS, bodies))
        self.must(said("gist", "proposals.sponsor", number))
        everybody = (*ORGANISATIONS, *RESIDENTS, *OWNERS)
        asked = (Status.VOTING, Status.SECOND_VOTING)
        while (status := self.chain.run_until(number, *asked, *ENDED)) in asked:
            self.block(*[said(name, "proposals.vote", number, "yes") for name in everybody])
            self.chain.run_until(number, *{*Status} - {status})
        assert status is Status.EXECUTED, status
        self.codes |= {name: ErrorCode.OK for name, *_ in carried}

    def _land(self, blocks: int) -> None:
        """Appraisers say what they owe; the rounds end, and tokens are issued."""
        signers = {ed25519_address(each.public_key): each for each in APPRAISERS}
        named = {checksum_address(address): address for address in signers}
        for _ in range(blocks):
            found = list[Transaction]()
            nonces = {each: accounts.nonce(self.chain.state, each) for each in signers}
            for row in land_index(self.chain.state)["open_rounds"]:
                owed = appraisers.owed(GWANGJU, row, named, CHAIN_ID, DEFAULT_SEED)
                for sender, statement in owed:
                    made = draft(
                        nonce=nonces[sender],
                        type=statement.type,
                        body=statement.body,
                        valid_until=self.chain.height + 10,
                    )
                    found.append(sign(made, signers[sender]))
                    nonces[sender] += 1
            self.block(after_ms=STEP_MS, also=tuple(found))

    def _economy(self) -> None:
        people = RESIDENTS[1:4]
        for name in people:
            self.block(said("registrar", "distribution.enrol", account(name), nullifier(name)))
            self.block(
                said("certifier", "distribution.certify", account(name), "work", 60, DOCUMENT)
            )
        self.block(said("certifier", "distribution.revoke", 1, "an error"))
        self._land(60)
        for name in people:
            self.block(said(name, "distribution.claim", "participation"))
            self.block(said(name, "distribution.release"))
        self.block(said(people[0], "distribution.leave", account(people[0]), "left"))

    def _other_proposals(self) -> None:
        dividend = messages((message("distribution.dividend"), ("participation", UNIT)))
        self.must(said("city", "proposals.submit", "Withdrawn", DOCUMENT, BASIS, dividend))
        self.must(said("city", "proposals.withdraw", 4))
        self.block(said("resident 1", "proposals.petition", "Ours", DOCUMENT, BASIS, dividend))
        self.block(said("resident 2", "proposals.sign", 5))
        self.block(said("resident 3", "proposals.delegate", "B", account("resident 4")))
        self.block(said("resident 3", "proposals.undelegate", "B"))
        self.block(said("city", "proposals.name_seat", account("city")))
        self.block(said("registrar", "stakeholders.revoke_credential", account("owner 29"), 1))

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
