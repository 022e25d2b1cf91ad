"""Who speaks for a chamber in the oracle: any organisation, and of persons their council seat."""

from collections.abc import Iterator

import pytest

from governance.chambers import CHAMBER_LANDOWNERS, CHAMBER_PARTICIPANTS, CHAMBER_PUBLIC
from governance.emergency.council import NAME_SEAT
from governance.stakeholders.credentials import REVOKE, RevocationReason
from ledger.errors import ErrorCode
from ledger.primitives import ZERO_ADDRESS, Address
from tests.support.governed_town import OWNERS, RESIDENTS, ZONES, GovernedTown, Sent, account
from tests.support.ledger_chain import CHAIN_ID
from tokenomics.oracle import lots
from tokenomics.oracle.panels import COMMIT_SALT, NOMINATE, REVEAL_SALT, SALTS
from tokenomics.oracle.registry import registered

TERM = 2
SALT = bytes(32)


@pytest.fixture
def town() -> GovernedTown:
    """With both persons' chambers seated, and nobody named yet."""
    made = GovernedTown()
    made.block()
    made.seat_persons()
    return made


def named_by(town: GovernedTown, chamber: str) -> Address:
    """An appraiser whom the chamber has on the registry."""
    rows = registered(town.state)
    return next(who for who, row in rows.items() if row.nominator == chamber)


def acts(town: GovernedTown, who: str, chamber: str) -> Iterator[Sent]:
    """Everything that a chamber does as a whole."""
    commitment = lots.salt_commitment(CHAIN_ID, chamber, TERM, SALT)
    yield who, COMMIT_SALT, (chamber, TERM, commitment)
    if chamber != CHAMBER_PARTICIPANTS:
        yield who, NOMINATE, (chamber, ZONES[0].id, TERM, named_by(town, chamber))


def name(town: GovernedTown, members: tuple[str, ...], seat: Address) -> None:
    town.must(*[(member, NAME_SEAT, (seat,)) for member in members], after_ms=1)


@pytest.mark.parametrize(
    ("chamber", "members"), [(CHAMBER_LANDOWNERS, OWNERS), (CHAMBER_PARTICIPANTS, RESIDENTS)]
)
def test_one_person_alone_speaks_for_nobody_and_the_seat_for_all(
    town: GovernedTown, chamber: str, members: tuple[str, ...]
) -> None:
    for sent in acts(town, members[0], chamber):
        code, reason = town.refused(sent)
        assert (code, chamber in reason) == (ErrorCode.UNAUTHORISED, True)
    # One name of thirty is less than a twentieth needs; two are enough.
    name(town, members[:1], account(members[5]))
    assert town.refused(next(acts(town, members[5], chamber)))[0] is ErrorCode.UNAUTHORISED
    name(town, members[1:2], account(members[5]))
    assert town.refused(next(acts(town, members[0], chamber)))[0] is ErrorCode.UNAUTHORISED
    town.must(*acts(town, members[5], chamber), after_ms=1)
    names = {event.name for event in town.events}
    assert "land.salt_committed" in names
    assert ("land.nominated" in names) == (chamber == CHAMBER_LANDOWNERS)


def test_whoever_takes_the_seat_over_reveals_with_the_salt_and_the_one_before_does_not(
    town: GovernedTown,
) -> None:
    name(town, OWNERS[:2], account("first"))
    town.must(*acts(town, "first", CHAMBER_LANDOWNERS), after_ms=1)
    name(town, OWNERS[2:6], account("second"))
    for _ in range(40):
        reveal = (CHAMBER_LANDOWNERS, TERM, SALT)
        if town.block(("second", REVEAL_SALT, reveal), after_ms=1)[0] is ErrorCode.OK:
            break
        assert town.refused(("first", REVEAL_SALT, reveal))[0] is ErrorCode.UNAUTHORISED
        town.block(after_ms=5_000)
    assert any(row.salt == SALT for _, row in town.state.iterate(SALTS))


def test_an_empty_seat_falls_to_nobody(town: GovernedTown) -> None:
    """It was held, and then its names are taken back, or the chamber becomes vacant."""
    for ends in ("names", "chamber"):
        name(town, OWNERS[:2], account("held"))
        assert town.block(*acts(town, "held", CHAMBER_LANDOWNERS), after_ms=1)[-1] is ErrorCode.OK
        if ends == "names":
            name(town, OWNERS[:2], ZERO_ADDRESS)
        else:
            gone = (account(OWNERS[-1]), int(RevocationReason.NO_LONGER_ENTITLED))
            town.must(("registrar", REVOKE, gone), after_ms=1)
        for who in ("held", *OWNERS[:3]):
            for sent in acts(town, who, CHAMBER_LANDOWNERS):
                assert town.refused(sent)[0] is ErrorCode.UNAUTHORISED


def test_an_organisation_goes_on_to_speak_for_its_chamber(town: GovernedTown) -> None:
    town.must(*acts(town, "city", CHAMBER_PUBLIC), after_ms=1)
    assert town.refused(next(acts(town, "gist", CHAMBER_PUBLIC)))[0] is ErrorCode.UNAUTHORISED
