"""One small chain as values: what the examples of the method reference show."""

from typing import Final

from api import history_ports, ports
from api.encoding import address as address_text
from consensus.messages import SigningDomain
from ledger.block import Block, Header, participation_root, transactions_root
from ledger.codec import encode
from ledger.crypto import Ed25519Signer, ed25519_address, sha256
from ledger.errors import ErrorCode
from ledger.message_registry import MessageRegistry
from ledger.module import Event
from ledger.primitives import UNIT, Hash
from ledger.receipt import Receipt
from ledger.registry import Certificate, Participation, Phase, Validator, ValidatorSet
from ledger.transaction import Draft, sign
from ledger.transfers import SEND

CHAIN_ID: Final = 82062
TIME_MS: Final = 1_767_225_600_000
MESSAGES: Final = MessageRegistry((SEND,))
ORGANISATIONS: Final = ("Gwangju Metropolitan City", "GIST", "Land Corporation", "Builder")


def _digest(name: str) -> Hash:
    return sha256(b"example/" + name.encode())


def _signer(name: str) -> Ed25519Signer:
    return Ed25519Signer(_digest(name))


ALICE: Final = _signer("alice")
BOB: Final = ed25519_address(_signer("bob").public_key)
GENESIS_HASH: Final = _digest("genesis")
GENESIS_DOCUMENT: Final = '{"chain_id":82062,"name":"Poyong"}'
"""Its beginning, as an example may show it."""
VALIDATOR_SET: Final = ValidatorSet(
    tuple(
        Validator(name, _signer(name).public_key, _signer(name + "/node").public_key)
        for name in ORGANISATIONS
    )
)

TRANSACTION: Final = sign(
    Draft(
        chain_id=CHAIN_ID,
        nonce=0,
        type=SEND.name,
        body=SEND.encode(BOB, 5 * UNIT, b""),
        valid_until=100,
    ),
    ALICE,
)
EVENT: Final = Event(
    "transfer.sent", (("from", TRANSACTION.sender), ("to", BOB), ("amount", 5 * UNIT))
)
RECEIPT: Final = Receipt(TRANSACTION.hash, ErrorCode.OK, "", (EVENT,))

_PARTICIPATION: Final = Participation(None)
BLOCK: Final = Block(
    Header(
        height=1,
        parent_hash=GENESIS_HASH,
        time_ms=TIME_MS + 500,
        proposer=0,
        transactions_root=transactions_root([TRANSACTION]),
        state_root=_digest("state"),
        receipts_root=_digest("receipts"),
        validators_hash=VALIDATOR_SET.hash(),
        participation_root=participation_root(_PARTICIPATION),
    ),
    _PARTICIPATION,
    (TRANSACTION,),
)
COMMITTED: Final = ports.CommittedBlock(BLOCK, (RECEIPT,), ())

_SEALED: Final = SigningDomain(CHAIN_ID, GENESIS_HASH).payload(Phase.COMMIT, 1, 0, BLOCK.hash)
CERTIFICATE: Final = Certificate(
    height=1,
    view=0,
    block_hash=BLOCK.hash,
    seals=tuple((index, _signer(ORGANISATIONS[index]).sign(_SEALED)) for index in (0, 1, 3)),
)

STATUS: Final = ports.NodeStatus(
    version="0.1.0",
    chain_id=CHAIN_ID,
    genesis_hash=GENESIS_HASH,
    role="validator",
    organisation=ORGANISATIONS[0],
    height=1,
    block_hash=BLOCK.hash,
    block_time_ms=BLOCK.time_ms,
    target_height=1,
    peers=4,
    mempool_transactions=0,
    mempool_bytes=0,
    upgrade=ports.UpgradePlan(
        name="longer rounds",
        height=200_000,
        from_version="0.2.0",
        below_version="1.0.0",
        artefact_hash=sha256(b"example/release"),
        suffices=False,
    ),
)
KNOWN_TRANSACTION: Final = ports.KnownTransaction(TRANSACTION, 1, 0)
FINAL_RECEIPT: Final = ports.FinalReceipt(RECEIPT, 1, 0)
HISTORY_ENTRY: Final = history_ports.HistoryEntry(
    history_ports.Place(1, 0), BLOCK.time_ms, TRANSACTION, RECEIPT, RECEIPT.events
)
ACCOUNT: Final = ports.AccountState(BOB, 5 * UNIT, 0, 0, 1)

_CHAIN_PROOF: Final = ports.ChainProof(encode(BLOCK.header.to_wire()), CERTIFICATE, ())
STATE_PROOF: Final = ports.StateProof(
    _CHAIN_PROOF, b"accounts/account/" + BOB, encode((0, b"\x45")), encode((_digest("sibling"),))
)
STATEMENT_PROOF: Final = ports.StatementProof(
    _CHAIN_PROOF,
    "balance",
    {"account": address_text(BOB)},
    (ports.ProvenRow(STATE_PROOF.key, STATE_PROOF.value, STATE_PROOF.proof),),
)
TRANSACTION_PROOF: Final = ports.TransactionProof(_CHAIN_PROOF, TRANSACTION.raw, 0, encode(()))

VALIDATORS: Final = ports.Validators(
    height=2,
    hash=VALIDATOR_SET.hash(),
    quorum=VALIDATOR_SET.quorum,
    members=tuple(
        ports.ValidatorStatus(
            index, member.organisation, member.public_key, member.node_key, 1, eligible=True
        )
        for index, member in enumerate(VALIDATOR_SET.validators)
    ),
)
CONSENSUS_STATE: Final = ports.ConsensusState(
    height=2,
    view=0,
    phase="waiting for a proposal",
    proposer=1,
    proposal_hash=None,
    prepared_by=(),
    committed_by=(),
    view_changes_by=(),
    quorum=3,
    timed_views=0,
    signing=True,
)
PEER: Final = ports.Peer(
    node_key=VALIDATOR_SET.validators[1].node_key,
    organisation=ORGANISATIONS[1],
    validator=1,
    address="127.0.0.1:26657",
    outbound=True,
    connected_ms=60_000,
    height=1,
    round_trip_ms=2,
    send_queue_bytes=0,
)
STALL_REPORT: Final = ports.StallReport(
    stalled=True,
    last_commit_ms=42_000,
    causes=(
        ports.StallCause(
            "2 of 4 validators are connected, a quorum is 3: Land Corporation and Builder are away",
            "start their nodes, or ask their operators; check the addresses with poyong_peers",
        ),
    ),
)
