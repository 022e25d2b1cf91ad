"""The JSON results as types: the one description that the views return, the schemas of rpc.discover
are made from, and the SDK hands out.

`Annotated[type, "text"]` documents a member; the aliases below carry the form of a string.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict


@dataclass(frozen=True)
class Form:
    """Pattern that a string keeps, and what it is."""

    pattern: str
    doc: str


Bytes = Annotated[str, Form("^0x([0-9a-f]{2})*$", "bytes as 0x hex")]
Hash32 = Annotated[str, Form("^0x[0-9a-f]{64}$", "32 bytes as 0x hex")]
AddressText = Annotated[str, Form("^0x[0-9a-fA-F]{40}$", "address with EIP-55 checksum")]
Amount = Annotated[
    str, Form("^(0|[1-9][0-9]*)$", "amount in smallest units (10^-18 token), decimal")
]

Detail = Literal["none", "hashes", "full"]
View = dict[str, Any]


class UpgradePlan(TypedDict):
    """An upgrade that a vote has scheduled: blocks from `height` on need other software."""

    name: str
    height: Annotated[int, "first block that needs it"]
    from_version: Annotated[str, "lowest version that will do"]
    below_version: Annotated[str, "first version that will not"]
    artefact_hash: Annotated[Hash32, "SHA-256 of the release to install"]
    suffices: Annotated[bool, "whether this node goes on; if not, it stops before that height"]


class KeyRotation(TypedDict):
    """New keys that take the place of a node's present ones."""

    stage: Annotated[
        Literal["waiting", "decided", "done", "missing"],
        "waiting: the chain does not name the next keys; decided: it does from `since` on; done: "
        "it does; missing: it names a key that this node does not have",
    ]
    next_validator_key: Hash32 | None
    next_node_key: Hash32 | None
    since: Annotated[int | None, "first height whose validator set names the next key"]
    advice: Annotated[str, "what the operator does next"]


class Status(TypedDict):
    """Where a node stands."""

    version: str
    chain_id: int
    genesis_hash: Hash32
    role: Literal["validator", "observer"]
    organisation: Annotated[
        str, "as the registry at the head names this node; empty while it does not"
    ]
    height: Annotated[int, "last committed height; 0 is genesis"]
    block_hash: Hash32
    block_time_ms: Annotated[int, "block time of that height, ms since 1970"]
    lowest_height: Annotated[
        int, "lowest block that this node holds; above 1 when it has removed older ones"
    ]
    target_height: Annotated[int, "highest certified height heard of"]
    syncing: Annotated[bool, "true while target_height is above height"]
    peers: int
    mempool_transactions: int
    mempool_bytes: int
    upgrade: Annotated[UpgradePlan | None, "the next one on the plan; null without one"]
    signing_key: Annotated[
        Hash32 | None, "validator key with which it signs the running height; null without a vote"
    ]
    rotation: Annotated[KeyRotation | None, "null while nothing is to be done about its keys"]


class GenesisDocument(TypedDict):
    """What a chain began with."""

    genesis_hash: Annotated[
        Hash32, "what the document has to give; the node that answers need not be trusted"
    ]
    document: Annotated[str, "canonical JSON; the exported state of a restart is not part of it"]


class Seal(TypedDict):
    """One validator's Commit signature."""

    validator: Annotated[int, "index in the validator set of the height"]
    signature: Bytes


class Certificate(TypedDict):
    """What made a block final: seals of one view by a quorum."""

    height: int
    view: Annotated[int, "the one view in which all seals were given"]
    block_hash: Hash32
    seals: list[Seal]


class LateSeal(TypedDict):
    """A seal that came after its certificate was made."""

    height: int
    validator: int


class Evidence(TypedDict):
    """One validator signed two different votes."""

    phase: Annotated[str, "which kind of vote was signed twice"]
    height: int
    view: int
    validator: int


class Participation(TypedDict):
    """What a block embeds about consensus itself, by validator index."""

    parent_view: Annotated[int | None, "view of the parent's certificate; null at height 1"]
    parent_signers: Annotated[list[int], "whose seals the parent's certificate holds"]
    late_seals: list[LateSeal]
    evidence: list[Evidence]


class Transaction(TypedDict):
    """A signed transaction."""

    hash: Hash32
    sender: AddressText
    nonce: int
    message_type: str
    fields: Annotated[View | None, "the message by field name; null when it does not decode"]
    fee: Annotated[int, "orders replacement only; nothing is charged"]
    valid_until: Annotated[
        int, "last height at which it may execute; 2^64-1 for an Ethereum envelope, which has none"
    ]
    raw: Annotated[Bytes, "the signed bytes"]
    height: Annotated[int | None, "null while it waits in the mempool"]
    index: int | None


class Event(TypedDict):
    """Something that happened, on the record."""

    name: str
    values: Annotated[View, "by name; every integer is a decimal string"]


class Receipt(TypedDict):
    """What became of a final transaction."""

    transaction_hash: Hash32
    height: int
    index: int
    code: Annotated[int, "0 when the message took effect"]
    status: Annotated[str, "name of the code: OK, INSUFFICIENT_FUNDS, ..."]
    reason: Annotated[str, "empty when code is 0"]
    events: list[Event]


class Block(TypedDict):
    """A committed block, with as much of it as was asked for."""

    height: int
    hash: Hash32
    parent_hash: Hash32
    time_ms: Annotated[int, "block time, ms since 1970"]
    proposer: Annotated[int, "index in the validator set of this height"]
    transactions_root: Hash32
    state_root: Annotated[Hash32, "after execution of this block"]
    receipts_root: Hash32
    validators_hash: Annotated[Hash32, "of the validator set of height + 2"]
    participation_root: Hash32
    participation: Annotated[NotRequired[Participation], 'with "hashes" and "full"']
    transaction_count: Annotated[NotRequired[int], 'with "hashes" and "full"']
    transaction_hashes: Annotated[NotRequired[list[Hash32]], 'with "hashes" and "full"']
    transactions: Annotated[NotRequired[list[Transaction]], 'with "full"']
    receipts: Annotated[NotRequired[list[Receipt]], 'with "full"']
    hook_events: Annotated[NotRequired[list[Event]], 'with "full": of begin and end of the block']


class Account(TypedDict):
    """State of an account."""

    address: AddressText
    balance: Amount
    nonce: Annotated[int, "of the next transaction, by committed state"]
    pending_nonce: Annotated[int, "of the next transaction, after what waits in the mempool"]
    height: Annotated[int, "at which this holds"]


class SetChange(TypedDict):
    """A certified header that hands over to another validator set."""

    header: Bytes
    certificate: Bytes
    validators: Annotated[Bytes, "the set whose hash the header holds, canonical"]


class ChainProof(TypedDict):
    """A header that anyone who knows genesis can trust."""

    height: int
    header: Annotated[Bytes, "canonical header"]
    certificate: Annotated[Bytes, "commit certificate of the header, canonical"]
    set_changes: Annotated[list[SetChange], "every change of validators since genesis"]


class StateProof(TypedDict):
    """What a state key holds, or that it is absent, provable offline."""

    kind: Literal["state"]
    chain: ChainProof
    key: Bytes
    value: Annotated[Bytes | None, "null: the key is absent"]
    proof: Annotated[Bytes, "commitment proof against the header's state root, canonical"]


class ProvenRow(TypedDict):
    """A row of the state, or its absence, under the header's state root."""

    key: Bytes
    value: Annotated[Bytes | None, "null: the key is absent"]
    proof: Annotated[Bytes, "commitment proof, canonical"]


class StatementProof(TypedDict):
    """Every row that a statement depends on, provable offline; `poyong verify` computes the answer
    from them."""

    kind: Literal["statement"]
    chain: ChainProof
    statement: str
    arguments: Annotated[dict[str, Any], "account or number, as asked for"]
    rows: list[ProvenRow]


class TransactionProof(TypedDict):
    """That a transaction is in a block, provable offline."""

    kind: Literal["transaction"]
    chain: ChainProof
    transaction: Annotated[Bytes, "the signed bytes"]
    index: int
    proof: Annotated[Bytes, "Merkle proof against the header's transactions root, canonical"]


class ValidatorStatus(TypedDict):
    """One seat of the validator set."""

    index: int
    organisation: str
    public_key: Hash32
    node_key: Hash32
    last_signed_height: Annotated[int, "0 without an embedded seal so far"]
    eligible: Annotated[bool, "proposes in turn; false while skipped"]


class Validators(TypedDict):
    """A validator set."""

    height: Annotated[int, "at which this set votes"]
    hash: Hash32
    quorum: int
    members: list[ValidatorStatus]


class ConsensusState(TypedDict):
    """The running height as this node sees it; lists hold validator indices."""

    height: Annotated[int, "the running height"]
    view: int
    phase: str
    proposer: int
    proposal_hash: Hash32 | None
    prepared_by: Annotated[list[int], "whose Prepare for the proposal arrived"]
    committed_by: Annotated[list[int], "whose Commit for the proposal arrived"]
    view_changes_by: list[int]
    quorum: int
    timed_views: Annotated[int, "views that timed out since the last commit"]
    signing: Annotated[bool, "false for an observer, and while behind"]


class Peer(TypedDict):
    """A connected peer."""

    node_key: Hash32
    organisation: str
    validator: int | None
    address: str
    outbound: bool
    connected_ms: int
    height: int
    round_trip_ms: Annotated[
        int | None, "from the last ping to its answer, both nodes included; null before the first"
    ]
    send_queue_bytes: int


class StallCause(TypedDict):
    """What is wrong, and what the operator can do."""

    finding: str
    remedy: str


class StallReport(TypedDict):
    """Whether and why no block comes."""

    stalled: bool
    last_commit_ms: Annotated[int, "ms since the last commit, by the node's clock"]
    causes: list[StallCause]
