"""A town that its stakeholders govern: the node's own executor, from a genesis with an organisation
in each institutional chamber, nobody seated as a person, and the land of the scenario gwangju."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from governance.chambers import (
    CHAMBER_ACADEMIA,
    CHAMBER_BUILDERS,
    CHAMBER_LAND,
    CHAMBER_LANDOWNERS,
    CHAMBER_PARTICIPANTS,
    CHAMBER_PUBLIC,
)
from governance.proposals.lifecycle import Status
from governance.proposals.proposal_rows import Progress, find
from governance.proposals.proposals import SPONSOR, SUBMIT
from governance.proposals.voting import VOTE
from governance.stakeholders.credentials import GRANT
from ledger import accounts, codec
from ledger.crypto import Ed25519Signer, checksum_address, ed25519_address, sha256
from ledger.errors import ErrorCode
from ledger.executor import ExecutedBlock
from ledger.message_registry import MessageType
from ledger.module import Event
from ledger.primitives import Address, Hash
from ledger.receipt import Receipt
from ledger.state import State
from ledger.transaction import Draft, Transaction, sign
from node.modules import build_executor
from node.play import appraisers
from node.scenarios.catalogue import scenario
from node.scenarios.noise import DEFAULT_SEED
from node.scenarios.sections import genesis_sections
from tests.support.ledger_chain import (
    CHAIN_ID,
    STEP_MS,
    LedgerChain,
    genesis_document,
    parsed,
)
from tokenomics.oracle.land_views import land_index

GWANGJU = scenario("gwangju")
ZONES = GWANGJU.zones
QUARTER_MS = 10 * STEP_MS
DOCUMENT = sha256(b"text of the proposal")
BASIS = 1
ORGANISATIONS = {
    "city": CHAMBER_PUBLIC,
    "gist": CHAMBER_ACADEMIA,
    "land": CHAMBER_LAND,
    "build": CHAMBER_BUILDERS,
}
RESIDENTS = tuple(f"resident {number}" for number in range(30))
OWNERS = tuple(f"owner {number}" for number in range(30))
APPRAISERS = tuple(Ed25519Signer(bytes([number + 1]) * 32) for number in range(15))

Sent = tuple[str, MessageType, tuple[Any, ...]]
"""Who sends it, by name; the message and its values."""
Carried = tuple[MessageType, tuple[Any, ...]]
"""A message that a proposal carries."""


def signer(name: str) -> Ed25519Signer:
    return Ed25519Signer(sha256(b"key of " + name.encode()))


def account(name: str) -> Address:
    return ed25519_address(signer(name).public_key)


def hash_of(text: str) -> Hash:
    return sha256(text.encode())


def stakeholders_section() -> dict[str, Any]:
    return {
        "parameters": {"objection_ms": 5 * STEP_MS},
        "registrars": [checksum_address(account("registrar"))],
        "organisations": [
            {
                "id": name,
                "name_ko": f"{name} 기관",
                "name_en": name,
                "chamber": chamber,
                "account": checksum_address(account(name)),
            }
            for name, chamber in ORGANISATIONS.items()
        ],
        "roles": {"certifier": [checksum_address(account("certifier"))]},
        "certifiers": [
            {
                "account": checksum_address(account("certifier")),
                "kind": "work",
                "points_a_round": 1_000,
            }
        ],
        "legal_bases": [
            {
                "kind": "ordinance",
                "issuer": "광주광역시",
                "number": "제5000호",
                "article": "제7조",
                "document_hash": DOCUMENT.hex(),
            }
        ],
    }


def governed_document(day_ms: int, **sections: Any) -> dict[str, Any]:
    """day_ms: block time of a day of the calendar."""
    document = genesis_document(4)
    del document["modules"]["governance"]
    document["modules"] |= {
        "stakeholders": stakeholders_section(),
        "proposals": {"parameters": {"day_ms": day_ms}},
        "distribution": {"parameters": {}},
        **genesis_sections(
            GWANGJU,
            [ed25519_address(each.public_key) for each in APPRAISERS],
            quarter_ms=QUARTER_MS,
        ),
    }
    # Nobody reports rates here, so no round waits for them.
    del document["modules"]["land"]["rates"]
    document["modules"] |= sections
    return document


class GovernedTown:
    """Each block is executed by the real executor and checked against every invariant."""

    def __init__(self, day_ms: int = 100, **sections: Any) -> None:
        document = parsed(governed_document(day_ms, **sections))
        self.chain = LedgerChain(document=document, whole=build_executor())
        self.executed: ExecutedBlock | None = None

    @property
    def state(self) -> State:
        return self.chain.state

    @property
    def time_ms(self) -> int:
        return self.chain.blocks[-1].time_ms

    @property
    def receipts(self) -> Sequence[Receipt]:
        assert self.executed is not None
        return self.executed.receipts

    @property
    def events(self) -> list[Event]:
        """Of the last block: transactions, then hooks."""
        assert self.executed is not None
        found = [event for receipt in self.executed.receipts for event in receipt.events]
        return found + list(self.executed.hook_events)

    def rows(self, *modules: str) -> dict[bytes, bytes]:
        """Rows of these modules."""
        return {
            key: value
            for name in modules
            for key, value in self.chain.store.iterate(f"{name}/".encode(), f"{name}0".encode())
        }

    def block(
        self, *sent: Sent, after_ms: int = STEP_MS, also: Sequence[Transaction] = ()
    ) -> list[ErrorCode]:
        """One block; the code of each message in `sent`."""
        nonces: dict[Address, int] = {}
        transactions = list(also)
        for name, message, values in sent:
            sender = account(name)
            nonce = nonces.setdefault(sender, accounts.nonce(self.state, sender))
            nonces[sender] += 1
            draft = Draft(
                chain_id=CHAIN_ID,
                nonce=nonce,
                type=message.name,
                body=message.encode(*values),
                valid_until=self.chain.height + 10,
            )
            transactions.append(sign(draft, signer(name)))
        info = replace(self.chain.info(), time_ms=self.time_ms + after_ms)
        self.executed = self.chain.add(transactions, info)
        return [receipt.code for receipt in self.receipts[len(also) :]]

    def must(self, *sent: Sent, after_ms: int = STEP_MS) -> None:
        codes = self.block(*sent, after_ms=after_ms)
        assert set(codes) <= {ErrorCode.OK}, [receipt.reason for receipt in self.receipts]

    def refused(self, *sent: Sent) -> tuple[ErrorCode, str]:
        """Code and sentence of one message that has to fail."""
        (code,) = self.block(*sent, after_ms=1)
        assert code is not ErrorCode.OK
        return code, self.receipts[0].reason

    def progress(self, number: int) -> Progress:
        return find(self.state, number)[1]

    def run_until(self, number: int, *statuses: Status) -> Progress:
        """Blocks whenever something is due, until the proposal has one of these."""
        for _ in range(600):
            if self.progress(number).status in statuses:
                return self.progress(number)
            due_ms = self.chain.executor.next_deadline_ms(self.state)
            assert due_ms is not None
            self.block(after_ms=max(1, min(due_ms - self.time_ms, STEP_MS)))
        raise AssertionError(f"proposal {number} is {self.progress(number)}")

    def propose(self, number: int, *carried: Carried, basis: int = BASIS) -> None:
        """A proposal of the city and the institute, up to its vote."""
        self.must(
            ("city", SUBMIT, ("A title", DOCUMENT, basis, messages(*carried))),
            ("gist", SPONSOR, (number,)),
            after_ms=1,
        )
        self.run_until(number, Status.VOTING)

    def vote(self, number: int, *names: str, choice: str = "yes") -> list[ErrorCode]:
        return self.block(*[(name, VOTE, (number, choice)) for name in names], after_ms=1)

    def decide(self, number: int, *carried: Carried) -> None:
        """Proposed, agreed to by every organisation, and carried out."""
        self.propose(number, *carried)
        self.vote(number, *ORGANISATIONS)
        done = self.run_until(number, Status.EXECUTED, Status.FAILED, Status.REJECTED)
        assert done.status is Status.EXECUTED, done

    def seat_persons(self, names: Sequence[str] = (*RESIDENTS, *OWNERS)) -> None:
        self.must(*[("registrar", GRANT, credential(name)) for name in names], after_ms=1)

    def report(self) -> list[Transaction]:
        """What every appraiser has to say now: commitments or reveals, signed."""
        found = list[Transaction]()
        signers = {ed25519_address(each.public_key): each for each in APPRAISERS}
        addresses = {checksum_address(address): address for address in signers}
        nonces = {address: accounts.nonce(self.state, address) for address in signers}
        for row in land_index(self.state)["open_rounds"]:
            for sender, said in appraisers.owed(GWANGJU, row, addresses, CHAIN_ID, DEFAULT_SEED):
                draft = Draft(
                    chain_id=CHAIN_ID,
                    nonce=nonces[sender],
                    type=said.type,
                    body=said.body,
                    valid_until=self.chain.height + 10,
                )
                found.append(sign(draft, signers[sender]))
                nonces[sender] += 1
        return found

    def appraise(self, blocks: int) -> None:
        """So many blocks a second apart, in which appraisers say what they owe."""
        for _ in range(blocks):
            self.block(also=self.report())


def nullifier(name: str) -> Hash:
    return hash_of(f"nullifier of {name}")


def credential(name: str) -> tuple[Any, ...]:
    """Values of the message that grants it."""
    chamber = CHAMBER_LANDOWNERS if name in OWNERS else CHAMBER_PARTICIPANTS
    return account(name), chamber, hash_of(f"commitment {name}"), nullifier(name)


def messages(*carried: Carried) -> tuple[tuple[str, bytes], ...]:
    """As a proposal carries them."""
    return tuple((found.name, codec.encode(found.encode(*values))) for found, values in carried)


def values_of(event: Event) -> Mapping[str, Any]:
    return dict(event.values)
