"""What the API shows of petitions that challenge land values."""

from collections.abc import Iterator

from governance.proposals.challenge_petitions import PETITION_BOOK, PETITIONS
from governance.proposals.proposal_views import View
from ledger.crypto import checksum_address
from ledger.rows import key, present
from ledger.state import State


def challenge_petitions(state: State, after: int) -> Iterator[View]:
    """Petitions with numbers above `after`, in order."""
    book = state.get(PETITION_BOOK, b"")
    for number in range(after + 1, 1 if book is None else book.count + 1):
        row = present(state.get(PETITIONS, key(number)), f"challenge petition {number}")
        yield {
            "petition": number,
            "chamber": row.chamber,
            "zone": row.zone,
            "round": row.round,
            "ground": row.ground,
            "evidence_hash": f"0x{row.evidence_hash.hex()}",
            "account": checksum_address(row.account),
            "opened_ms": row.opened_ms,
            "signatures": row.signatures,
            "needed": row.needed,
            "filed_ms": row.filed_ms or None,
        }
