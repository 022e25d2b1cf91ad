"""Any consensus message and any vote record, as hypothesis strategies.

They are well formed and mean nothing: heights, hashes and signatures fit to no chain. Valid ones
are in tests.fuzz.samples.
"""

from hypothesis import strategies as st

from consensus.messages import (
    BlockRequest,
    BlockResponse,
    CertifiedBlock,
    EvidenceMessage,
    LateSealMessage,
    Message,
    NewView,
    PreparedCertificate,
    PrePrepare,
    Status,
    ViewChange,
    ViewChangeMessage,
    Vote,
)
from consensus.wal_records import (
    PreparedRecord,
    PrepareRecord,
    ProposalRecord,
    Record,
    ViewChangeRecord,
    ViewEntryRecord,
)
from ledger.primitives import MAX_UINT64, Hash
from ledger.registry import MAX_VIEW, Certificate, Evidence, LateSeal, Participation, Phase
from tests.support.consensus_blocks import Block

HEIGHTS = st.integers(0, MAX_UINT64)
VIEWS = st.integers(0, MAX_VIEW)
HASHES = st.binary(min_size=32, max_size=32).map(Hash)
SIGNATURES = st.binary(min_size=64, max_size=64)
INDICES = st.integers(0, 31)
MASKS = st.integers(0, 2**32 - 1)
SEALS = st.dictionaries(INDICES, SIGNATURES, max_size=6).map(lambda d: tuple(sorted(d.items())))
CERTIFICATES = st.builds(Certificate, HEIGHTS, VIEWS, HASHES, SEALS)
LATE_SEALS = st.builds(LateSeal, HEIGHTS, VIEWS, HASHES, INDICES, SIGNATURES)
PREPARED = st.builds(PreparedCertificate, HEIGHTS, VIEWS, HASHES, SEALS)


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    claims = draw(st.lists(st.binary(max_size=64), min_size=2, max_size=2, unique=True))
    first, second = sorted(claims)
    return Evidence(
        draw(st.sampled_from(Phase)),
        draw(HEIGHTS),
        draw(VIEWS),
        draw(INDICES),
        first,
        draw(SIGNATURES),
        second,
        draw(SIGNATURES),
    )


PARTICIPATION = st.builds(
    Participation,
    st.none() | CERTIFICATES,
    st.lists(LATE_SEALS, max_size=3).map(tuple),
    st.lists(evidence(), max_size=2).map(tuple),
)
BLOCKS = st.builds(
    Block,
    HEIGHTS,
    HASHES,
    HEIGHTS,
    INDICES,
    HASHES,
    PARTICIPATION,
    st.lists(st.binary(max_size=20), max_size=4).map(tuple),
)


@st.composite
def view_changes(draw: st.DrawFn, signature: st.SearchStrategy[bytes] = SIGNATURES) -> ViewChange:
    new_view = draw(VIEWS)
    claims = new_view > 0 and draw(st.booleans())
    return ViewChange(
        draw(HEIGHTS),
        new_view,
        draw(st.integers(0, new_view - 1)) if claims else None,
        draw(HASHES) if claims else None,
        draw(INDICES),
        draw(signature),
    )


def _distinct(votes: list[ViewChange]) -> tuple[ViewChange, ...]:
    by_validator = {vote.validator: vote for vote in votes}
    return tuple(by_validator[index] for index in sorted(by_validator))


NEW_VIEWS = st.builds(
    NewView,
    HEIGHTS,
    VIEWS,
    st.lists(view_changes(), max_size=4).map(_distinct),
    st.none() | PREPARED,
)
VOTES = st.builds(
    Vote,
    st.sampled_from((Phase.PREPARE, Phase.COMMIT)),
    HEIGHTS,
    VIEWS,
    HASHES,
    INDICES,
    SIGNATURES,
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(PrePrepare, HEIGHTS, VIEWS, BLOCKS, INDICES, st.none() | NEW_VIEWS, SIGNATURES),
    VOTES,
    st.builds(ViewChangeMessage, view_changes(), st.none() | PREPARED),
    NEW_VIEWS,
    st.builds(Status, HEIGHTS, VIEWS, st.booleans(), MASKS, MASKS, MASKS),
    st.builds(CertifiedBlock, CERTIFICATES, BLOCKS),
    st.builds(BlockRequest, HEIGHTS, HASHES),
    st.builds(BlockResponse, BLOCKS),
    st.builds(EvidenceMessage, evidence()),
    st.builds(LateSealMessage, LATE_SEALS),
)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(ProposalRecord, HEIGHTS, VIEWS, st.booleans(), BLOCKS),
    st.builds(PreparedRecord, PREPARED),
    st.builds(ViewChangeRecord, view_changes(st.just(b"")), st.none() | PREPARED),
    st.builds(ViewEntryRecord, HEIGHTS, VIEWS, NEW_VIEWS),
    st.builds(PrepareRecord, HEIGHTS, VIEWS, HASHES, st.booleans()),
)
