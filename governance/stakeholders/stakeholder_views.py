"""What others may read of stakeholders: plain maps of a state.

Values are ints, strings, booleans, None, lists and maps of them. Addresses are checksummed, hashes
and keys are hex. Nothing lists persons: one may be asked about by account, and there is no more on
the chain than is shown (governance.md, "Chambers").
"""

from itertools import islice
from typing import Any, Final

from governance.chambers import ALL_CHAMBERS
from governance.stakeholders import (
    agreements,
    credentials,
    legal_bases,
    membership,
    organisations,
    rebinding,
    upgrades,
)
from governance.stakeholders.role_book import CERTIFIER, GRANTED, Roles
from ledger.crypto import checksum_address
from ledger.primitives import Address
from ledger.rows import key
from ledger.state import State

View = dict[str, Any]

MAX_LISTED: Final = 256
"""Items of one answer; `after` asks for the next ones."""


def chamber_list(state: State) -> list[View]:
    """Every chamber with its weight, who sits there, and whether it is vacant."""
    return [
        {
            "chamber": chamber.name,
            "name_ko": chamber.name_ko,
            "name_en": chamber.name_en,
            "kind": chamber.kind.name.lower(),
            "weight": chamber.weight,
            "members": membership.seated(state, chamber.name),
            "min_members": chamber.min_members,
            "vacant": membership.is_vacant(state, chamber.name),
            "organisations": list(membership.seats(state, chamber.name).organisations),
        }
        for chamber in ALL_CHAMBERS
    ]


def organisation(state: State, organisation_id: str) -> View | None:
    """One organisation with the history of its seat; None for an unknown id."""
    row = organisations.find(state, organisation_id)
    member = membership.member_of(state, organisation_id.encode())
    if row is None or member is None:
        return None
    return {
        "id": organisation_id,
        "name_ko": row.name_ko,
        "name_en": row.name_en,
        "chamber": row.chamber,
        "account": checksum_address(member.account),
        "validator_key": row.validator_key.hex() or None,
        "node_key": row.node_key.hex() or None,
        "observers": [name.hex() for name in row.observers],
        "status": row.status.name.lower(),
        "reason": row.reason,
        "registered_ms": row.registered_ms,
        "changed_ms": row.changed_ms,
        "memberships": _history(state, organisation_id.encode()),
    }


def organisation_list(state: State, after: str = "") -> list[View]:
    """Every organisation with an id above `after`, by id, whatever its status; at most
    MAX_LISTED."""
    ids = (name.decode() for name, _ in state.iterate(organisations.ORGANISATIONS))
    later = islice((name for name in ids if name > after), MAX_LISTED)
    return [view for name in later if (view := organisation(state, name)) is not None]


def person(state: State, account: Address) -> View | None:
    """The public record of the credential that an account holds; None when it holds none."""
    member = membership.member_id(state, account)
    row = None if member is None else credentials.find(state, member)
    if member is None or row is None:
        return None
    waiting = state.get(rebinding.OPEN, member)
    moving = None if waiting is None else rebinding.find(state, waiting.rebinding)
    return {
        "credential": credentials.number_of(member),
        "account": checksum_address(account),
        "chamber": row.chamber,
        "commitment": row.commitment.hex(),
        "registrar": checksum_address(row.registrar),
        "granted_ms": row.granted_ms,
        "in_force": row.revoked_ms is None,
        "revoked_ms": row.revoked_ms,
        "reason": None if row.reason is None else row.reason.name.lower(),
        "memberships": _history(state, member),
        "moving_to": None if moving is None else checksum_address(moving.new),
        "moving_ms": None if moving is None else moving.due_ms,
        "rebinding": None if waiting is None else waiting.rebinding,
    }


def role_list(state: State, roles: Roles) -> list[View]:
    """Every granted role with its holders, and what each certifier may certify in a round."""
    return [
        {
            "role": role,
            "holders": [checksum_address(account) for account in roles.holders(state, role)],
            "limits": [
                {"account": checksum_address(account), "kind": kind, "points_a_round": points}
                for account in roles.holders(state, role)
                for kind, points in roles.certifier_limits(state, account)
            ]
            if role == CERTIFIER
            else [],
        }
        for role in GRANTED
    ]


def legal_basis(state: State, basis_id: int) -> View | None:
    """One legal basis with its history; None for an unknown id."""
    row = legal_bases.find(state, basis_id)
    if row is None:
        return None
    return {
        "basis": basis_id,
        "kind": _word(row.kind.name),
        "issuer": row.issuer,
        "number": row.number,
        "article": row.article,
        "document_hash": row.document_hash.hex(),
        "status": _word(row.status.name),
        "history": [
            {
                "status": _word(change.status.name),
                "gazette_hash": change.gazette_hash.hex(),
                "time_ms": change.time_ms,
            }
            for change in legal_bases.changes(state, basis_id)
        ],
    }


def legal_basis_list(state: State, after: int = 0) -> list[View]:
    """Legal bases with an id above `after`, ascending; at most MAX_LISTED."""
    last = min(legal_bases.registered(state), after + MAX_LISTED)
    found = (legal_basis(state, basis_id) for basis_id in range(after + 1, last + 1))
    return [view for view in found if view is not None]


def agreement(state: State, number: int) -> View | None:
    """One agreement with each party's signature; None for an unknown number."""
    row = agreements.find(state, number)
    if row is None:
        return None
    return {
        "agreement": number,
        "title": row.title,
        "document_hash": row.document_hash.hex(),
        "status": row.status.name.lower(),
        "opened_by": checksum_address(row.opened_by),
        "opened_ms": row.opened_ms,
        "ended_by": None if row.ended_by is None else checksum_address(row.ended_by),
        "ended_ms": row.ended_ms,
        "parties": [_party(state, number, party) for party in row.parties],
    }


def agreement_list(state: State, after: int = 0) -> list[View]:
    """Agreements with a number above `after`, ascending; at most MAX_LISTED."""
    last = min(agreements.opened(state), after + MAX_LISTED)
    found = (agreement(state, number) for number in range(after + 1, last + 1))
    return [view for view in found if view is not None]


def upgrade_list(state: State, after: int = 0) -> list[View]:
    """Upgrades with a number above `after`, ascending; at most MAX_LISTED."""
    last = min(upgrades.ever_scheduled(state), after + MAX_LISTED)
    return [
        {
            "upgrade": row.name,
            "height": row.height,
            "from_version": row.from_version,
            "below_version": row.below_version,
            "artefact_hash": row.artefact_hash.hex(),
            "status": row.status.name.lower(),
            "scheduled_ms": row.scheduled_ms,
            "ended_ms": row.ended_ms,
        }
        for number in range(after + 1, last + 1)
        if (row := state.get(upgrades.UPGRADES, key(number))) is not None
    ]


def _party(state: State, number: int, party: Address) -> View:
    signed = agreements.signature(state, number, party)
    return {
        "account": checksum_address(party),
        "signed_ms": None if signed is None else signed.time_ms,
        "transaction": None if signed is None else signed.transaction.hex(),
    }


def _history(state: State, member: bytes) -> list[View]:
    return [
        {"chamber": row.chamber, "began": row.began, "ended": row.ended}
        for row in membership.history(state, member)
    ]


def _word(name: str) -> str:
    return name.lower().replace("_", " ")
