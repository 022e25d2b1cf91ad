"""JSON results of proposals and stakeholders, as governance's views make them. See api.results."""

from typing import Annotated, Literal, TypedDict

from api.results import AddressText, Bytes, Event, Hash32, View

# -- proposals ------------------------------------------------------------------------------------

# By a call, because no class body can name a member "class".
_OfClass = TypedDict("_OfClass", {"class": Annotated[str, "A, B, C or D"]})


class ListedProposal(_OfClass):
    """A proposal in short; its class is the one judged last, binding once voting has started."""

    number: int
    title: str
    origin: Annotated[str, "sponsors, petition or council"]
    status: Annotated[str, "where it stands, such as VOTING or QUEUED"]
    submitted_ms: int
    next_step_ms: Annotated[int | None, "when it moves by itself; null once it has ended"]
    ended_ms: int | None


class ProposalPage(TypedDict):
    """Proposals, newest first."""

    proposals: list[ListedProposal]
    next_before: Annotated[int | None, "continues the list as `before`; null at its end"]


class VoteRules(_OfClass):
    """The rules of a vote, frozen when the first vote on the proposal began; bps of 10,000."""

    loosens_supply: Annotated[bool, "waits a year once passed"]
    weight_bps: Annotated[int, "of the weight of all chambers that count"]
    weight_is_strict: Annotated[bool, "true when it has to be exceeded, not just reached"]
    persons_bps: Annotated[int | None, "Yes of persons' Yes and No; null without such a majority"]
    persons_is_strict: bool
    needs_both_persons: Annotated[bool, "each persons' chamber has to consent"]
    votes: Annotated[int, "how many votes have to pass"]
    persons_quorum_bps: int
    institution_quorum_bps: int
    voting_ms: int
    timelock_ms: int
    delegate_bps: Annotated[int, "of a chamber's members, that one delegate may carry"]


class ChamberTally(TypedDict):
    """One chamber's votes."""

    chamber: str
    weight: Annotated[int, "of 100"]
    seated: Annotated[int, "members when the vote began"]
    yes: int
    no: int
    abstain: int
    recused: bool
    vacant: Annotated[bool, "too few members: its weight does not count"]
    consents: bool


class MissingCondition(TypedDict):
    """A condition of the majority that does not hold yet."""

    lack: Annotated[
        str,
        "persons_quorum, persons_yes, weight, institution_quorum or persons_chamber",
    ]
    chamber: Annotated[str | None, "null where all are meant"]
    found: Annotated[int, "votes, Yes votes, or points of weight"]
    needed: Annotated[int, "in the same unit, at the No votes of now"]


class ProposalVote(TypedDict):
    """One vote on a proposal."""

    vote: Annotated[int, "1, or 2 and 3 for a second vote and a recall"]
    rules: VoteRules
    opened_ms: int
    ends_ms: int
    is_extended: Annotated[bool, "the quorum came late, so it lasts longer"]
    quorum_ms: Annotated[int | None, "when enough had voted"]
    snapshot: Annotated[int, "number of the frozen electorate"]
    outcome: Annotated[str | None, "PASSED, REJECTED or NO_QUORUM; null while it runs"]
    consenting_weight: int
    weight: Annotated[int, "of all chambers that count"]
    chambers: list[ChamberTally]
    missing: list[MissingCondition]


class ProposalMessage(TypedDict):
    """What a proposal carries out."""

    type: str
    body: Bytes
    fields: Annotated[
        View | None, "the body by field name; null for a type that this chain does not know"
    ]


class Proposal(ListedProposal):
    """A proposal with its votes."""

    document_hash: Hash32
    content_hash: Annotated[Hash32, "of its messages, or of the document without any"]
    legal_basis: Annotated[int | None, "number of the registered basis"]
    account: Annotated[AddressText, "who brought it"]
    messages: list[ProposalMessage]
    signatures: Annotated[int, "of a petition"]
    signatures_needed: int
    recalls: Annotated[int, "who asks for one further vote"]
    recalls_needed: int
    is_recalled: bool
    tries: Annotated[int, "to execute it"]
    reason: Annotated[str, "why the newest try failed, or why it ended"]
    expires_ms: Annotated[int | None, "of the queued action"]
    votes: Annotated[list[ProposalVote], "oldest first"]
    missing: Annotated[list[MissingCondition], "for a majority, while a vote runs"]
    executes_ms: Annotated[
        int | None,
        "fixed once queued; while voting, if every vote to come passes in its nominal time",
    ]


class Tally(_OfClass):
    """The counts of a proposal's votes."""

    number: int
    status: str
    votes: Annotated[list[ProposalVote], "oldest first"]
    missing: Annotated[list[MissingCondition], "for a majority, while a vote runs"]
    executes_ms: Annotated[int | None, "as in poyong_getProposal"]


# -- stakeholders ---------------------------------------------------------------------------------


class ChamberSeats(TypedDict):
    """Who sits in a chamber now."""

    chamber: str
    name_ko: str
    name_en: str
    kind: Annotated[str, "institutional or persons"]
    weight: Annotated[int, "of 100"]
    members: int
    min_members: Annotated[int, "with fewer it is vacant"]
    vacant: bool
    organisations: Annotated[list[str], "ids; empty in a persons' chamber"]


class Membership(TypedDict):
    """In a chamber for the snapshots from `began` to below `ended`."""

    chamber: str
    began: int
    ended: Annotated[int | None, "null while it lasts"]


class Organisation(TypedDict):
    """An organisation of the registry."""

    id: str
    name_ko: str
    name_en: str
    chamber: str
    account: AddressText
    validator_key: Bytes | None
    node_key: Bytes | None
    observers: Annotated[list[Bytes], "node keys"]
    status: str
    reason: Annotated[str, "for its status; empty without one"]
    registered_ms: int
    changed_ms: int
    memberships: list[Membership]


class PersonRecord(TypedDict):
    """The public record of a person's credential: nothing on the chain says who it is."""

    credential: int
    account: AddressText
    chamber: str
    commitment: Annotated[Hash32, "to the registrar's record, with a salt"]
    registrar: AddressText
    granted_ms: int
    in_force: bool
    revoked_ms: int | None
    reason: Annotated[str | None, "why it was revoked"]
    memberships: list[Membership]
    moving_to: Annotated[AddressText | None, "the new account, while a lost key is replaced"]
    moving_ms: Annotated[int | None, "when that takes effect"]
    rebinding: Annotated[int | None, "its number, for an objection"]


class AgreementParty(TypedDict):
    """A party of an agreement; null until it has signed."""

    account: AddressText
    signed_ms: int | None
    transaction: Hash32 | None


class Agreement(TypedDict):
    """An agreement of several parties."""

    agreement: Annotated[int, "its number"]
    title: str
    document_hash: Hash32
    status: str
    opened_by: AddressText
    opened_ms: int
    ended_by: AddressText | None
    ended_ms: int | None
    parties: list[AgreementParty]


class LegalBasisChange(TypedDict):
    """A change of a basis' status."""

    status: str
    gazette_hash: Annotated[Hash32, "SHA-256 of the promulgation"]
    time_ms: int


class LegalBasis(TypedDict):
    """An act, ordinance or special provision."""

    basis: Annotated[int, "its number in proposals"]
    kind: str
    issuer: str
    number: str
    article: str
    document_hash: Hash32
    status: str
    history: list[LegalBasisChange]


class ChallengePetition(TypedDict):
    """A petition of one persons' chamber that challenges a land value."""

    petition: Annotated[int, "its number"]
    chamber: str
    zone: str
    round: int
    ground: Annotated[str, "as in land.challenge"]
    evidence_hash: Hash32
    account: Annotated[AddressText, "who opened it"]
    opened_ms: int
    signatures: int
    needed: Annotated[int, "for the challenge, while the value may be challenged"]
    filed_ms: Annotated[int | None, "when they made the challenge; null before"]


# -- parameters ----------------------------------------------------------------------------------


class ParameterChange(TypedDict):
    """A change by a vote."""

    before: str
    after: str
    from_round: Annotated[int | None, "first round that goes by it; null in module proposals"]
    time_ms: Annotated[int, "block time at which it was carried out"]
    proposal: Annotated[int | None, "that decided it"]
    content_hash: Annotated[Hash32, "of what that proposal carried"]


_ParameterClass = TypedDict(
    "_ParameterClass", {"class": Annotated[str | None, "A to D; null: no vote changes it"]}
)


class Parameter(_ParameterClass):
    """A number that the rules leave open. Values are decimal text."""

    module: str
    name: str
    position: Annotated[int | None, "0 to 3 for classes A to D; null for a single number"]
    value: Annotated[str, "in force; of land, what the oldest open round goes by"]
    coming: Annotated[str | None, "what the next round goes by; null where it is the same"]
    lowest: Annotated[str, "no vote sets it below"]
    highest: Annotated[str, "nor above"]
    unit: str
    changed_by: Annotated[str | None, "message type that a proposal carries; null: genesis alone"]
    loosens: Annotated[
        Literal["up", "down", "either"] | None, "direction in which a change loosens supply"
    ]
    class_loosening: Annotated[str | None, "class of such a change, which waits a year"]
    changes: Annotated[list[ParameterChange], "newest first"]


# -- the emergency council ------------------------------------------------------------------------


class CouncilSeat(TypedDict):
    """A chamber's seat in the emergency council."""

    chamber: str
    account: Annotated[AddressText | None, "null while nobody is named by enough members"]


class EmergencyPause(TypedDict):
    """A pause that the council called."""

    number: int
    target: Annotated[str, "minting, finalising, or message:<type>"]
    reason_hash: Hash32
    started_ms: int
    until_ms: int
    ended_ms: int | None
    renewal: Annotated[int | None, "proposal that prolongs it"]
    is_renewed: bool
    report_due_ms: Annotated[int | None, "null until the pause has ended"]
    report_hash: Hash32 | None


class Council(TypedDict):
    """The emergency council."""

    seats: Annotated[list[CouncilSeat], "one for each chamber that is not vacant"]
    active: Annotated[list[int], "pauses in force"]
    unreported: Annotated[list[int], "pauses that still lack their report"]
    pauses: Annotated[list[EmergencyPause], "the newest 100, oldest first"]


# -- the subscription -----------------------------------------------------------------------------


class GovernanceEvents(TypedDict):
    """Notification of the topic "governance"."""

    height: Annotated[int, "resume from the next one"]
    time_ms: int
    block_hash: Hash32
    events: Annotated[list[Event], "of proposals and stakeholders; empty now and then, as a cursor"]
