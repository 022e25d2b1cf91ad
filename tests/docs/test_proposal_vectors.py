"""docs/formats.md, "Proposals", lists every message, row and field, and its vectors are what the
code gives. Run `python -m tests.docs.test_proposal_vectors` to print them."""

import dataclasses
import json
from typing import Any

import pytest

from governance.emergency import council, emergency
from governance.proposals import challenge_petitions, classes, delegation, due, parameter_changes
from governance.proposals import proposal_rows as rows
from governance.proposals.classes import GovernanceParameters, ProposalClass
from governance.proposals.lifecycle import Status
from governance.proposals.mandate import Mandate
from governance.proposals.proposals_module import ProposalsModule
from governance.proposals.tally import Outcome
from governance.stakeholders import legal_bases, membership
from ledger.message_registry import MessageType
from ledger.primitives import Address
from ledger.rows import key
from ledger.state import Table
from tests.docs.documents import section, vectors
from tests.docs.test_row_vectors import DOCUMENT, TRANSACTION, Row, row_vectors
from tests.support.deciding_town import FakeRouter

TITLE = "Proposals"
ACCOUNT = Address(b"\x11" * 20)
PERSON, OTHER = (3).to_bytes(8, "big"), (4).to_bytes(8, "big")
COUNTS = (1, 2, 3, 4, 5, 6)
ROWS: list[Row] = [
    (classes.PARAMETERS, b"", GovernanceParameters()),
    (
        parameter_changes.CHANGES,
        key(1),
        parameter_changes.ParameterChange("voting_ms", 1, 1_000, 2_000, 10, TRANSACTION),
    ),
    (parameter_changes.CHANGE_COUNT, b"", parameter_changes.ParameterChanges(1)),
    (rows.BOOK, b"", rows.Book(2, 5, (1, 0, 0, 1))),
    (
        rows.PROPOSALS,
        key(2),
        rows.Proposal(
            rows.Origin.PETITION, "벤치", DOCUMENT, TRANSACTION, 1, 1, ACCOUNT, PERSON, 10, 20
        ),
    ),
    (rows.MESSAGES, key(2, 0), rows.Message("town.budget", b"\x91\x05")),
    (
        rows.PROGRESS,
        key(2),
        rows.Progress(
            Status.QUEUED, ProposalClass.B, 30, b"city", 1, 20, 1, 7, False, 30, 40, 1, "why", 0
        ),
    ),
    (
        rows.RULES,
        key(2, 1),
        GovernanceParameters().rules(ProposalClass.B, loosens_supply=False),
    ),
    (
        rows.BALLOTS,
        key(2, 1),
        rows.Ballot(
            12,
            1,
            10,
            20,
            15,
            True,
            COUNTS,
            (False, False, True, True, False, False),
            COUNTS,
            COUNTS,
            COUNTS,
            Outcome.PASSED,
        ),
    ),
    (rows.VOTES, rows.vote_key(2, 1, 4, PERSON), rows.Vote(rows.Choice.YES, 2, 1, 11, ACCOUNT)),
    (rows.SLOTS, b"city", rows.Slots(2)),
    (rows.SIGNATURES, key(2) + PERSON, rows.Signature(2, 10)),
    (rows.RECALLS, key(2) + PERSON, rows.Signature(2, 25)),
    (rows.SIGNED, PERSON, rows.Signature(2, 10)),
    (rows.CONTENTS, TRANSACTION, rows.Signature(2, 10)),
    (
        challenge_petitions.PETITIONS,
        key(1),
        challenge_petitions.ChallengePetition(
            "chamber.landowners", "a", 3, "method", DOCUMENT, ACCOUNT, 10, 20, 1, 0
        ),
    ),
    (challenge_petitions.PETITION_BOOK, b"", challenge_petitions.ChallengePetitionBook(1)),
    (
        challenge_petitions.SIGNATURES,
        key(1) + PERSON,
        challenge_petitions.ChallengeSignature(1),
    ),
    (challenge_petitions.SIGNED, PERSON, challenge_petitions.ChallengeSignature(1)),
    (challenge_petitions.CONTENTS, TRANSACTION, challenge_petitions.ChallengeSignature(1)),
    (rows.EXECUTIONS, rows.execution_key(TRANSACTION, 50), rows.Execution(2)),
    (due.QUEUE, (30).to_bytes(8, "big") + key(2), due.Due(2)),
    (due.EARLIEST, b"", due.Earliest(30)),
    (
        delegation.DELEGATIONS,
        delegation.delegation_key(ProposalClass.B, PERSON),
        delegation.Delegation(1, 0, 4, OTHER, 10, 73),
    ),
    (
        delegation.PAST_DELEGATIONS,
        delegation.delegation_key(ProposalClass.B, PERSON) + key(0),
        delegation.Delegation(0, None, 4, b"", 0, 0),
    ),
    (
        delegation.RECEIVED,
        delegation.received_key(ProposalClass.B, 4, OTHER),
        delegation.Received(1, 0, 72, (0, 1)),
    ),
    (
        delegation.PAST_RECEIVED,
        delegation.received_key(ProposalClass.B, 4, OTHER) + key(0),
        delegation.Received(0, None, 1, ()),
    ),
    (council.NAMINGS, PERSON, council.Naming(4, ACCOUNT)),
    (council.SUPPORTS, b"\x04" + ACCOUNT, council.Support(3)),
    (council.SEATS, b"\x04", council.Seat(ACCOUNT, 10)),
    (
        emergency.PAUSES,
        key(1),
        emergency.Pause("minting", DOCUMENT, 10, 20, 0, 3, False, 0, b""),
    ),
    (emergency.REGISTER, b"", emergency.Register(1, (1,), (1,))),
    (
        emergency.MOTIONS,
        b"minting",
        emergency.Motion(10, (ACCOUNT, b"", b"", b"", b"", b"")),
    ),
    (emergency.NEWEST_PAUSES, b"minting", emergency.NewestPause(1)),
]
MESSAGES = tuple(ProposalsModule(Mandate(membership, FakeRouter(), legal_bases, {})).handlers)


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
