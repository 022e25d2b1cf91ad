"""An organisation gives its validator new keys by its own message, within rule 10."""

from functools import partial
from typing import Any

import pytest

from governance.stakeholders.key_rotation import KEY_ROTATIONS, ROTATE_OWN_KEY
from governance.stakeholders.organisations import CHANGE, KEY_OWNERS, SUSPEND, find
from ledger.errors import ErrorCode
from ledger.registry import Validator
from ledger.set_changes import PROBE
from ledger.validator_tables import set_at, timeline_of
from node.assembly import roles_at_head
from node.network.peers import Role
from tests.support.governed_town import ORGANISATIONS, GovernedTown, stakeholders_section
from tests.support.ledger_chain import validator, validator_signer

SEATS = dict(zip(ORGANISATIONS, ("o0", "o1", "o2", "o3"), strict=True))
FRESH, OTHER = validator("fresh"), validator("other")


def section() -> dict[str, Any]:
    """Each organisation has the validator of one seat on its record."""
    found = stakeholders_section()
    for row in found["organisations"]:
        keys = validator(SEATS[row["id"]])
        row |= {"validator_key": keys.public_key.hex(), "node_key": keys.node_key.hex()}
    return found


@pytest.fixture
def town() -> GovernedTown:
    """Every validator has sealed for longer than rule 10 looks back."""
    town = GovernedTown(stakeholders=section())
    for _ in range(8):
        town.block()
    return town


def coming(town: GovernedTown) -> tuple[Validator, ...]:
    return set_at(town.state, town.chain.height + 2).validators


def rotation(keys: Validator = FRESH, sender: str = "gist") -> tuple[str, Any, tuple[bytes, bytes]]:
    return sender, ROTATE_OWN_KEY, (keys.public_key, keys.node_key)


def test_the_seat_stays_and_the_record_follows(town: GovernedTown) -> None:
    before = coming(town)
    town.must(rotation())
    assert coming(town) == (
        before[0],
        Validator("o1", FRESH.public_key, FRESH.node_key),
        *before[2:],
    )
    assert set_at(town.state, town.chain.height + 1).validators == before
    row = find(town.state, "gist")
    assert row is not None
    assert (row.validator_key, row.node_key) == (FRESH.public_key, FRESH.node_key)
    for key in (before[1].public_key, before[1].node_key):
        assert town.state.get(KEY_OWNERS, key) is None
    for key in (FRESH.public_key, FRESH.node_key):
        owner = town.state.get(KEY_OWNERS, key)
        assert owner is not None
        assert owner.organisation == "gist"
    event = next(each for each in town.events if each.name == "governance.key_rotated")
    assert dict(event.values) == {"organisation": "gist", "public_key": FRESH.public_key}


def test_both_node_keys_speak_for_the_seat_until_the_new_set_runs(town: GovernedTown) -> None:
    """Who has the last block of the old set may be the one with new keys: the others ask it."""
    town.must(rotation())
    old, height = validator("o1"), town.chain.height
    roles = roles_at_head(town.state, height)
    assert roles[old.node_key] == roles[FRESH.node_key] == Role(1, "o1")
    town.block()
    town.block()
    roles = roles_at_head(town.state, town.chain.height)
    assert old.node_key not in roles
    assert roles[FRESH.node_key] == Role(1, "o1")


def test_the_node_key_may_stay(town: GovernedTown) -> None:
    kept = validator("o1").node_key
    town.must(rotation(Validator("o1", FRESH.public_key, kept)))
    owner = town.state.get(KEY_OWNERS, kept)
    assert owner is not None
    assert owner.organisation == "gist"
    assert coming(town)[1].node_key == kept


def test_once_a_day_then_again(town: GovernedTown) -> None:
    town.must(rotation())
    for _ in range(3):
        town.block(after_ms=1)
    code, reason = town.refused(rotation(OTHER))
    assert code is ErrorCode.NOT_NOW
    assert "may again from" in reason
    row = town.state.get(KEY_ROTATIONS, b"gist")
    assert row is not None
    town.block(after_ms=row.rotated_ms + 100 - town.time_ms)
    town.must(rotation(OTHER), after_ms=1)
    assert coming(town)[1].public_key == OTHER.public_key


def test_rule_10_refuses_what_could_leave_no_live_quorum(
    town: GovernedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of four is silent: a second key that nobody has seen sign would be one too many. The
    change goes through when the new key has probed."""
    monkeypatch.setattr(town.chain, "info", partial(town.chain.info, (0, 1, 2)))
    for _ in range(10):
        town.block()
    before = timeline_of(town.state)
    code, reason = town.refused(rotation())
    assert code is ErrorCode.NOT_NOW
    assert "only 2 of the 4 validators of the new set are seen to be alive" in reason
    assert timeline_of(town.state) == before
    for _ in range(3):
        head = town.chain.blocks[-1].header
        body = PROBE.encode(FRESH.public_key, head.height, head.state_root)
        probe = town.chain.signed(validator_signer("fresh"), PROBE.name, body)
        town.executed = town.chain.add([probe], town.chain.info())
        assert town.receipts[0].code is ErrorCode.OK, town.receipts[0].reason
    town.must(rotation())
    assert coming(town)[1].public_key == FRESH.public_key


def test_two_changes_come_one_after_the_other(town: GovernedTown) -> None:
    codes = town.block(rotation(), rotation(OTHER, "land"), after_ms=1)
    assert codes == [ErrorCode.OK, ErrorCode.NOT_NOW]


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        (rotation(sender="stranger"), ErrorCode.UNAUTHORISED, "of no active organisation"),
        (rotation(validator("o1")), ErrorCode.CONFLICT, "has this key already"),
        (rotation(validator("o2")), ErrorCode.CONFLICT, "two validators share one public_key"),
        (
            rotation(Validator("o1", FRESH.public_key, validator("o2").node_key)),
            ErrorCode.CONFLICT,
            "two validators share one node_key",
        ),
        (
            ("gist", ROTATE_OWN_KEY, (b"k" * 31, FRESH.node_key)),
            ErrorCode.INVALID_MESSAGE,
            "public_key",
        ),
        (
            ("gist", ROTATE_OWN_KEY, (FRESH.public_key, FRESH.public_key)),
            ErrorCode.CONFLICT,
            "named twice",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    town: GovernedTown, sent: Any, code: ErrorCode, words: str
) -> None:
    before = town.rows("stakeholders", "governance"), timeline_of(town.state)
    found, reason = town.refused(sent)
    assert (found, words in reason) == (code, True), reason
    assert (town.rows("stakeholders", "governance"), timeline_of(town.state)) == before


def test_an_organisation_without_a_seat_has_nothing_to_rotate() -> None:
    town = GovernedTown()
    code, reason = town.refused(rotation())
    assert code is ErrorCode.CONFLICT
    assert "has no validator" in reason


def test_a_suspended_organisation_rotates_nothing(town: GovernedTown) -> None:
    town.decide(1, (SUSPEND, ("gist", "the case of the missing minutes")))
    code, _ = town.refused(rotation())
    assert code is ErrorCode.UNAUTHORISED


def test_a_key_of_another_node_of_the_record_is_refused(town: GovernedTown) -> None:
    """An observer of another organisation has it."""
    keys = validator("o2")
    values = (
        "land", "land 기관", "land", ORGANISATIONS["land"], keys.public_key, keys.node_key,
        (OTHER.node_key,),
    )  # fmt: skip
    town.decide(1, (CHANGE, values))
    code, reason = town.refused(rotation(Validator("o1", FRESH.public_key, OTHER.node_key)))
    assert code is ErrorCode.CONFLICT
    assert "the other time by land" in reason
