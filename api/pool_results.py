"""JSON results of distribution, as its pool_views make them. See api.results."""

from typing import Annotated, TypedDict

from api.results import AddressText, Amount, Form, Hash32

Number = Annotated[str, Form("^(0|[1-9][0-9]*)$", "a number that may pass 2^53, decimal")]


class Pool(TypedDict):
    """One of the six pools over which each mint splits."""

    pool: Annotated[str, "its name in distribution.claim"]
    account: Annotated[AddressText, "that holds its tokens; nobody has its key"]
    percent: Annotated[int, "its part of a mint"]
    balance: Amount
    received: Annotated[Amount, "parts of mints so far"]
    dividends: Annotated[Amount, "from the treasury so far"]
    waiting: Annotated[Amount, "kept for the next round, since no share was active"]
    owed: Annotated[Amount, "paid to shares and not claimed yet, with what floors left over"]
    active_shares: Number
    pending_shares: Annotated[Number, "certified in the running round"]
    holders: Annotated[int, "persons with a share"]
    accumulator: Annotated[Number, "2^64 times what a share active since the start has earned"]


class Pools(TypedDict):
    """Where distribution stands; a quarter is a town round."""

    round: Annotated[int, "the last one distributed"]
    quarter: Annotated[int, "the running one"]
    weight_ppm: Annotated[int, "of points of a first contribution in it, millionths"]
    certificates: Annotated[int, "made so far"]
    vesting_account: Annotated[AddressText, "holds what was claimed and is not released"]
    vesting: Annotated[Amount, "its balance"]
    pools: list[Pool]


class Share(TypedDict):
    """A person's shares in one pool."""

    pool: str
    active_shares: Number
    pending_shares: Number
    claimable: Annotated[Amount, "what poyong pool claim would grant now"]


class Grant(TypedDict):
    """What was claimed in one quarter."""

    quarter: int
    amount: Amount
    vested: Amount
    unvested: Amount
    released: Amount
    matured: Annotated[Amount, "vested whole in grants 17 quarters older, and not released"]
    next_vesting_quarter: Annotated[int | None, "when more of it vests; null once all has"]


class Certificate(TypedDict):
    """A certified contribution."""

    certificate: Annotated[int, "its number"]
    round: int
    kind: str
    pool: str
    points: Number
    shares: Number
    certifier: AddressText
    evidence_hash: Hash32
    revoked: bool
    reason: Annotated[str, "why it was revoked; empty otherwise"]


class Position(TypedDict):
    """What a person holds, may claim and may release."""

    account: AddressText
    enrolled_quarter: int
    left_quarter: Annotated[int | None, "null while here"]
    cause: Annotated[str | None, "left, death, illness or relocation; null while here"]
    quarter: Annotated[int, "the running one"]
    weight_ppm: Annotated[int, "of points certified in it, millionths"]
    weight_quarter: Annotated[int, "the quarter that this weight is of"]
    pools: list[Share]
    releasable: Annotated[Amount, "vested and not released"]
    grants: Annotated[list[Grant], "oldest first; at most 17"]
    certificates: Annotated[list[Certificate], "newest first; at most 64"]
