"""A node with the modules of governance: what its service tells of what its blocks decided."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from api import views
from api.methods import all_methods
from governance.chambers import CHAMBER_ACADEMIA, CHAMBER_LAND, CHAMBER_PUBLIC
from governance.emergency.council import NAME_SEAT
from governance.proposals.classes import ProposalClass
from governance.proposals.mandate import Mandate
from governance.proposals.proposals import SPONSOR, SUBMIT
from governance.proposals.proposals_module import ProposalsModule
from governance.proposals.voting import VOTE
from governance.stakeholders import legal_bases, membership
from governance.stakeholders.organisations import REGISTER
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger import codec
from ledger.crypto import Ed25519Signer, checksum_address, ed25519_address, sha256
from ledger.errors import ErrorCode
from ledger.executor import BlockExecutor
from ledger.message_registry import MessageType
from ledger.module import BlockInfo
from ledger.primitives import ZERO_HASH
from ledger.registry import Participation
from ledger.routing import Router
from node.modules import ROLE_BOOK, TOKEN
from node.reads.preview import mandate_of, preview
from node.runtime import Runtime
from node.service import Service
from tests.support.applied_chain import AppliedChain
from tests.support.json_schema import problems
from tests.support.ledger_chain import genesis_document, parsed, standard_modules

CITY, GIST, LAND = (Ed25519Signer(sha256(name)) for name in (b"city", b"gist", b"land"))
SEATED = {
    "city": (CITY, CHAMBER_PUBLIC), "gist": (GIST, CHAMBER_ACADEMIA), "land": (LAND, CHAMBER_LAND),
}  # fmt: skip
NEWCOMER = (
    "builder", "건설", "Builder", "chamber.builders", bytes(range(20)), b"", b"", ()
)  # fmt: skip
METHODS = all_methods()


def account(signer: Ed25519Signer) -> str:
    return checksum_address(ed25519_address(signer.public_key))


def document() -> dict[str, Any]:
    organisations = [
        {"id": name, "name_ko": name, "name_en": name, "chamber": chamber,
         "account": account(signer)}
        for name, (signer, chamber) in SEATED.items()
    ]  # fmt: skip
    found = genesis_document(4)
    found["modules"]["stakeholders"] = {"organisations": organisations}
    found["modules"]["proposals"] = {"parameters": {"day_ms": 200}}
    return found


class GoverningNode(AppliedChain):
    """An applied chain with both modules, and the service over it; there is no network."""

    def __init__(self) -> None:
        stakeholders = StakeholdersModule()
        router = Router()
        router.connect((stakeholders,))
        mandate = Mandate(membership, router, legal_bases, {REGISTER.name: ProposalClass.B})
        self.modules = (*standard_modules(), stakeholders, ProposalsModule(mandate))
        super().__init__(document=parsed(document()), executor=BlockExecutor(self.modules))
        runtime = cast(Runtime, SimpleNamespace(chain=self.chain, mempool=self.mempool))
        self._runtime = runtime
        runtime.state = self.chain.state()
        self.service = Service(
            runtime, token=TOKEN, roles=ROLE_BOOK, genesis_hash=self.opened.genesis_hash
        )

    def send(self, signer: Ed25519Signer, message: MessageType, *values: object) -> None:
        self.grow(self.signed(message.name, message.encode(*values), signer))
        (receipt,) = self.applied[-1].executed.receipts
        assert receipt.code is ErrorCode.OK, receipt.reason
        self._runtime.state = self.chain.state()

    def until(self, status: str) -> None:
        for _ in range(200):
            found = self.service.proposal(1)
            assert found is not None
            if found["status"] == status:
                return
            self.grow()
            self._runtime.state = self.chain.state()
        raise AssertionError(f"after 200 blocks the proposal is not {status}")


@pytest.fixture
def node() -> GoverningNode:
    """Proposal 1, which registers an organisation, in its vote; city hall and the land corporation
    voted Yes."""
    made = GoverningNode()
    message = (REGISTER.name, codec.encode(REGISTER.encode(*NEWCOMER)))
    made.send(CITY, SUBMIT, "A builder joins", sha256(b"text"), 0, (message,))
    made.send(LAND, SPONSOR, 1)
    made.until("VOTING")
    made.send(CITY, VOTE, 1, "yes")
    made.send(LAND, VOTE, 1, "yes")
    return made


def schema(method: str) -> dict[str, Any]:
    found = METHODS.find(method)
    assert found is not None
    return found.result


def test_a_proposal_is_told_with_the_fields_of_the_chains_own_registry(
    node: GoverningNode,
) -> None:
    found = node.service.proposal(1)
    assert found is not None
    shown = cast(dict[str, Any], views.proposal(found, node.service.messages))
    assert not problems(shown, schema("poyong_getProposal"))
    (carried,) = shown["messages"]
    assert carried["type"] == "stakeholders.register_organisation"
    assert (carried["fields"]["id"], carried["fields"]["name_ko"]) == ("builder", "건설")
    assert shown["missing"] == []
    node.until("EXECUTED")
    ids = [row["id"] for row in node.service.organisations("", 256)]
    assert ids == ["builder", "city", "gist", "land"]


def test_a_preview_of_a_running_vote_is_what_the_chain_then_does(node: GoverningNode) -> None:
    head = node.chain.head
    info = BlockInfo(7, head.height + 1, head.time_ms, ZERO_HASH, 0, 0, Participation(None))
    root = node.chain.commitment.root
    found = preview(node.chain.blocks.state(), mandate_of(node.modules), info, 1)
    assert (found.refusal, found.obstacles) == (None, ())
    assert node.chain.commitment.root == root
    node.until("EXECUTED")
    state = node.chain.blocks.state()
    for row in found.changes:
        assert state.get(f"{row.table}/".encode() + row.key) is not None
    hook_events = [item for applied in node.applied for item in applied.executed.hook_events]
    assert [item.name for item in found.events] == [
        item.name for item in hook_events if item.name.startswith("stakeholders.")
    ]


def test_chambers_and_the_council_are_those_of_the_registry(node: GoverningNode) -> None:
    assert not problems(list(node.service.chambers()), schema("poyong_getChambers"))
    assert [row["members"] for row in node.service.chambers()] == [1, 1, 1, 0, 0, 0]
    node.send(CITY, NAME_SEAT, ed25519_address(GIST.public_key))
    found = node.service.council()
    assert found is not None
    assert not problems(found, schema("poyong_getCouncil"))
    seats = {row["chamber"]: row["account"] for row in cast(list[Any], found["seats"])}
    assert seats == {CHAMBER_PUBLIC: account(GIST), CHAMBER_ACADEMIA: None, CHAMBER_LAND: None}


def test_the_blocks_of_a_proposal_tell_a_follower_of_governance(node: GoverningNode) -> None:
    """Of transactions and of hooks, and nothing of other modules."""
    node.until("EXECUTED")
    told = []
    for height in range(1, node.service.height() + 1):
        block = node.service.block(height)
        assert block is not None
        told += [item["name"] for item in views.governance_events(block)["events"]]
    assert told[0] == "proposals.submitted"
    assert told.count("proposals.voted") == 2
    assert all(name.startswith(("proposals.", "stakeholders.")) for name in told)
    assert any(name.startswith("stakeholders.") for name in told)
