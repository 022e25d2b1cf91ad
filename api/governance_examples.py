"""Examples of the governance results: a proposal of class B in its vote, on day one of a town."""

from typing import Final

from api import governance_results as results
from api.encoding import address, hex_of
from api.examples import BOB, TIME_MS
from ledger import codec
from ledger.crypto import sha256
from ledger.primitives import UNIT
from ledger.transfers import SEND

_DAY_MS: Final = 86_400_000
_OPENED_MS: Final = TIME_MS + 3 * _DAY_MS
_ENDS_MS: Final = _OPENED_MS + 14 * _DAY_MS
_EXECUTES_MS: Final = _ENDS_MS + 7 * _DAY_MS
_CITY: Final = address(bytes(19) + b"\xa1")
_LAND: Final = address(bytes(19) + b"\xa2")
_REGISTRAR: Final = address(bytes(19) + b"\xa3")
_PERSON: Final = address(bytes(19) + b"\xb1")


def _hash(name: str) -> str:
    return hex_of(sha256(b"example/" + name.encode()))


_MISSING: Final[list[results.MissingCondition]] = [
    {"lack": "weight", "chamber": None, "found": 32, "needed": 33}
]


def _chamber(name: str, weight: int, seated: int, yes: int) -> results.ChamberTally:
    return {
        "chamber": name,
        "weight": weight,
        "seated": seated,
        "yes": yes,
        "no": 0,
        "abstain": 0,
        "recused": False,
        "vacant": seated == 0,
        "consents": yes > 0,
    }


_VOTE: Final[results.ProposalVote] = {
    "vote": 1,
    "rules": {
        "class": "B",
        "loosens_supply": False,
        "weight_bps": 5_000,
        "weight_is_strict": True,
        "persons_bps": 5_000,
        "persons_is_strict": True,
        "needs_both_persons": False,
        "votes": 1,
        "persons_quorum_bps": 1_000,
        "institution_quorum_bps": 5_000,
        "voting_ms": 14 * _DAY_MS,
        "timelock_ms": 7 * _DAY_MS,
        "delegate_bps": 500,
    },
    "opened_ms": _OPENED_MS,
    "ends_ms": _ENDS_MS,
    "is_extended": False,
    "quorum_ms": None,
    "snapshot": 4,
    "outcome": None,
    "consenting_weight": 32,
    "weight": 64,
    "chambers": [
        _chamber("chamber.public", 16, 1, 1),
        _chamber("chamber.academia", 16, 1, 0),
        _chamber("chamber.land", 16, 1, 1),
        _chamber("chamber.builders", 16, 1, 0),
        _chamber("chamber.participants", 20, 0, 0),
        _chamber("chamber.landowners", 16, 0, 0),
    ],
    "missing": _MISSING,
}

LISTED: Final[results.ListedProposal] = {
    "number": 7,
    "title": "Money for the library",
    "origin": "sponsors",
    "status": "VOTING",
    "class": "B",
    "submitted_ms": TIME_MS,
    "next_step_ms": _ENDS_MS,
    "ended_ms": None,
}
PAGE: Final[results.ProposalPage] = {"proposals": [LISTED], "next_before": 7}

PROPOSAL: Final[results.Proposal] = {
    **LISTED,
    "document_hash": _hash("proposal"),
    "content_hash": _hash("content"),
    "legal_basis": 1,
    "account": _CITY,
    "messages": [
        {
            "type": SEND.name,
            "body": hex_of(codec.encode(SEND.encode(BOB, 500 * UNIT, b""))),
            "fields": {"to": address(BOB), "amount": str(500 * UNIT), "memo_hash": None},
        }
    ],
    "signatures": 0,
    "signatures_needed": 0,
    "recalls": 0,
    "recalls_needed": 0,
    "is_recalled": False,
    "tries": 0,
    "reason": "",
    "expires_ms": None,
    "votes": [_VOTE],
    "missing": _MISSING,
    "executes_ms": _EXECUTES_MS,
}
CHALLENGE_PETITION: Final[results.ChallengePetition] = {
    "petition": 1,
    "chamber": "chamber.landowners",
    "zone": "wolchul",
    "round": 9,
    "ground": "comparables",
    "evidence_hash": _hash("evidence"),
    "account": _PERSON,
    "opened_ms": TIME_MS,
    "signatures": 12,
    "needed": 20,
    "filed_ms": None,
}

PARAMETER: Final[results.Parameter] = {
    "module": "issuance",
    "name": "lambda_bps",
    "position": None,
    "value": "2000",
    "coming": None,
    "lowest": "1",
    "highest": "10000",
    "unit": "bps of the recognised uplift",
    "changed_by": "issuance.set_parameter",
    "class": "D",
    "loosens": "up",
    "class_loosening": "D",
    "changes": [
        {
            "before": "2500",
            "after": "2000",
            "from_round": 9,
            "time_ms": TIME_MS,
            "proposal": 6,
            "content_hash": _hash("lower lambda"),
        }
    ],
}

TALLY: Final[results.Tally] = {
    "number": 7,
    "class": "B",
    "status": "VOTING",
    "votes": [_VOTE],
    "missing": _MISSING,
    "executes_ms": _EXECUTES_MS,
}

CHAMBER: Final[results.ChamberSeats] = {
    "chamber": "chamber.public",
    "name_ko": "공공",
    "name_en": "public bodies",
    "kind": "institutional",
    "weight": 16,
    "members": 1,
    "min_members": 1,
    "vacant": False,
    "organisations": ["gwangju"],
}

ORGANISATION: Final[results.Organisation] = {
    "id": "gwangju",
    "name_ko": "광주광역시",
    "name_en": "Gwangju Metropolitan City",
    "chamber": "chamber.public",
    "account": _CITY,
    "validator_key": _hash("validator"),
    "node_key": _hash("node"),
    "observers": [],
    "status": "active",
    "reason": "",
    "registered_ms": TIME_MS,
    "changed_ms": TIME_MS,
    "memberships": [{"chamber": "chamber.public", "began": 1, "ended": None}],
}

PERSON: Final[results.PersonRecord] = {
    "credential": 1,
    "account": _PERSON,
    "chamber": "chamber.participants",
    "commitment": _hash("commitment"),
    "registrar": _REGISTRAR,
    "granted_ms": TIME_MS,
    "in_force": True,
    "revoked_ms": None,
    "reason": None,
    "memberships": [{"chamber": "chamber.participants", "began": 5, "ended": None}],
    "moving_to": None,
    "moving_ms": None,
    "rebinding": None,
}

AGREEMENT: Final[results.Agreement] = {
    "agreement": 1,
    "title": "Use of the school grounds",
    "document_hash": _hash("agreement"),
    "status": "open",
    "opened_by": _CITY,
    "opened_ms": TIME_MS,
    "ended_by": None,
    "ended_ms": None,
    "parties": [
        {
            "account": _CITY,
            "signed_ms": TIME_MS,
            "transaction": _hash("signature"),
        },
        {"account": _LAND, "signed_ms": None, "transaction": None},
    ],
}

LEGAL_BASIS: Final[results.LegalBasis] = {
    "basis": 1,
    "kind": "ordinance",
    "issuer": "Gwangju Metropolitan Council",
    "number": "6001",
    "article": "3",
    "document_hash": _hash("ordinance"),
    "status": "in force",
    "history": [{"status": "in force", "gazette_hash": _hash("gazette"), "time_ms": TIME_MS}],
}

COUNCIL: Final[results.Council] = {
    "seats": [
        {"chamber": "chamber.public", "account": _CITY},
        {"chamber": "chamber.academia", "account": None},
    ],
    "active": [1],
    "unreported": [1],
    "pauses": [
        {
            "number": 1,
            "target": "minting",
            "reason_hash": _hash("reason"),
            "started_ms": TIME_MS,
            "until_ms": TIME_MS + 3 * _DAY_MS,
            "ended_ms": None,
            "renewal": None,
            "is_renewed": False,
            "report_due_ms": None,
            "report_hash": None,
        }
    ],
}
