"""docs/formats.md, "Stakeholders", lists every message, row and field, and its vectors are what the
code gives. Run `python -m tests.docs.test_stakeholder_vectors` to print them."""

import dataclasses
import json
from typing import Any

import pytest

from governance.chambers import CHAMBER_PARTICIPANTS, CHAMBER_PUBLIC
from governance.stakeholders import (
    agreements,
    credentials,
    legal_bases,
    membership,
    numbering,
    organisations,
    rebinding,
    role_book,
    role_grants,
    upgrades,
)
from governance.stakeholders.stakeholders import StakeholdersModule
from ledger.message_registry import MessageType
from ledger.primitives import Address
from ledger.rows import key
from ledger.state import Table
from tests.docs.documents import section, vectors
from tests.docs.test_row_vectors import DOCUMENT, KEY, NODE_KEY, TRANSACTION, Row, row_vectors

TITLE = "Stakeholders"
ACCOUNT, OTHER = Address(b"\x11" * 20), Address(b"\x22" * 20)
PERSON = credentials.member_of_number(3)
ROWS: list[Row] = [
    (numbering.NUMBERED, b"grant", numbering.Numbered(7)),
    (membership.SEATS, CHAMBER_PUBLIC.encode(), membership.Seats(2, ("bureau", "city"))),
    (membership.SNAPSHOT, b"", membership.Snapshot(12)),
    (membership.MEMBERS, b"city", membership.Member(ACCOUNT, 2)),
    (membership.MEMBERSHIPS, b"city" + key(1), membership.Membership(CHAMBER_PUBLIC, 5, 9)),
    (membership.BINDINGS, ACCOUNT, membership.Binding(b"city")),
    (
        organisations.ORGANISATIONS,
        b"city",
        organisations.Organisation(
            "광주광역시",
            "City of Gwangju",
            CHAMBER_PUBLIC,
            KEY,
            NODE_KEY,
            (b"\x03" * 32,),
            organisations.OrganisationStatus.ACTIVE,
            10,
            11,
            "",
        ),
    ),
    (organisations.KEY_OWNERS, KEY, organisations.KeyOwner("city")),
    (
        credentials.CREDENTIALS,
        PERSON,
        credentials.Credential(
            CHAMBER_PARTICIPANTS,
            DOCUMENT,
            TRANSACTION,
            ACCOUNT,
            10,
            11,
            OTHER,
            credentials.RevocationReason.ASKED_FOR,
        ),
    ),
    (credentials.NULLIFIERS, TRANSACTION, credentials.UsedNullifier(3)),
    (rebinding.PARAMETERS, b"", rebinding.StakeholderParameters()),
    (
        rebinding.REBINDINGS,
        key(4),
        rebinding.Rebinding(
            PERSON, ACCOUNT, OTHER, ACCOUNT, DOCUMENT, 10, 20, rebinding.RebindingStatus.OPEN, None
        ),
    ),
    (rebinding.OPEN, PERSON, rebinding.Waiting(4)),
    (rebinding.DUE, rebinding.due_key(20, 4), rebinding.Waiting(4)),
    (role_grants.GRANTS, key(7), role_grants.Grant("merchant", ACCOUNT, 10, 20, "closed")),
    (role_book.HELD, role_book.held_key("merchant", ACCOUNT), role_book.Held(7)),
    (role_book.HOLDERS, b"merchant", role_book.Holders((ACCOUNT, OTHER))),
    (role_book.CERTIFIER_LIMITS, ACCOUNT, role_book.CertifierLimits(("work",), (500,))),
    (
        legal_bases.BASES,
        key(1),
        legal_bases.LegalBasis(
            legal_bases.BasisKind.ORDINANCE,
            "광주광역시",
            "제5000호",
            "제7조",
            DOCUMENT,
            legal_bases.BasisStatus.IN_FORCE,
            1,
        ),
    ),
    (
        legal_bases.STATUS_CHANGES,
        key(1, 0),
        legal_bases.StatusChange(legal_bases.BasisStatus.IN_FORCE, DOCUMENT, 10),
    ),
    (legal_bases.KNOWN_TEXTS, DOCUMENT, legal_bases.KnownText(1)),
    (
        agreements.AGREEMENTS,
        key(2),
        agreements.Agreement(
            "협약",
            DOCUMENT,
            (ACCOUNT, OTHER),
            1,
            agreements.AgreementStatus.WITHDRAWN,
            ACCOUNT,
            10,
            OTHER,
            11,
        ),
    ),
    (agreements.SIGNATURES, key(2) + ACCOUNT, agreements.Signature(10, TRANSACTION)),
    (agreements.OPEN_COUNTS, ACCOUNT, agreements.OpenCount(1)),
    (
        upgrades.UPGRADES,
        key(1),
        upgrades.Upgrade(
            "vouchers",
            99,
            "0.2.0",
            "1.0.0",
            DOCUMENT,
            upgrades.UpgradeStatus.SCHEDULED,
            10,
            None,
        ),
    ),
    (upgrades.PLAN, b"", upgrades.Plan(0, (1,))),
    (upgrades.NAMES, b"vouchers", upgrades.NamedUpgrade(1)),
]
MESSAGES = tuple(StakeholdersModule().handlers)


def fields_of(value: Any) -> str:
    return ", ".join(field.name for field in dataclasses.fields(value))


def test_the_page_gives_the_vectors_of_the_code() -> None:
    assert vectors(TITLE) == row_vectors(ROWS)


@pytest.mark.parametrize(
    ("table", "value"), [(row[0], row[2]) for row in ROWS], ids=lambda item: type(item).__name__
)
def test_each_row_decodes_and_its_fields_are_listed(table: Table[Any], value: Any) -> None:
    assert table.decode(table.encode(value)) == value
    prefix = f"| `{table.prefix.decode()}`"
    (line,) = [line for line in section(TITLE).splitlines() if line.startswith(prefix)]
    assert f"| `[{fields_of(value)}]`" in line


@pytest.mark.parametrize("message", MESSAGES, ids=lambda item: item.name)
def test_each_message_is_listed_with_its_fields(message: MessageType) -> None:
    names = ", ".join(field.name for field in message.fields)
    assert f"| `{message.name}` | `[{names}]` |" in section(TITLE)


if __name__ == "__main__":
    for message_type in MESSAGES:
        listed = ", ".join(field.name for field in message_type.fields)
        print(f"| `{message_type.name}` | `[{listed}]` | |")
    for row_table, _, row_value in ROWS:
        print(f"| `{row_table.prefix.decode()}` | `[{fields_of(row_value)}]` | |")
    print(json.dumps(row_vectors(ROWS), indent=2))
