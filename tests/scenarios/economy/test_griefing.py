"""Challenges in vain, blind appraisers who spoil, lots that are chosen, and a chain that halts."""

from collections.abc import Callable

import pytest

from ledger.crypto import sha256
from ledger.errors import ErrorCode
from ledger.primitives import Address, Hash
from tests.support.attack_table import percent
from tests.support.attack_town import CITY, HONEST, TRUE, AttackedTown, days
from tests.support.land_town import CHAIN_ID, Prices
from tokenomics.oracle import lots
from tokenomics.oracle.challenges import Verdict, challenge_of
from tokenomics.oracle.panels import COMMIT_SALT, REVEAL_SALT, RegistryPanels
from tokenomics.oracle.phases import Phase
from tokenomics.oracle.registry import registered
from tokenomics.oracle.zone_rounds import Outcome
from tokenomics.params import DAY_MS
from tokenomics.roles import CHAMBERS

Told = Callable[..., None]
LOW = TRUE // 10 + 1
"""Just above a unit error."""


def test_challenges_in_vain(told: Told) -> None:
    """One holder challenges every value that may be challenged, in six rounds of three zones."""
    town = AttackedTown(3)
    taken, lasted_ms = [], []
    for number in range(1, 7):
        assert town.begin_appraisal() == number
        began_ms = town.time_ms
        town.commit_and_reveal(number, dict.fromkeys(town.ids, HONEST))
        codes = town.soon([town.challenge(number, zone) for zone in town.ids])
        taken.append(codes.count(ErrorCode.OK))
        town.idle_until(town.appraisal("a", number).deadline_ms)
        if taken[-1]:
            # The slowest dispute: one blind appraiser is silent, one reveals at the last moment.
            town.send(*town.messages(number, dict.fromkeys(town.ids, HONEST[:2])))
            town.idle_until(town.appraisal("a", number).deadline_ms)
            first, second = (HONEST[:1], (None, TRUE))
            town.send(*town.messages(number, dict.fromkeys(town.ids, first)))
            last_ms = town.appraisal("a", number).deadline_ms - 1
            town.block(last_ms, town.messages(number, dict.fromkeys(town.ids, second)))
        town.finish(number)
        lasted_ms.append(town.time_ms - began_ms)
        assert all(town.closed(number, zone).outcome is Outcome.FINAL for zone in town.ids)
    assert taken == [3, 0, 0, 0, 0, 3]
    told(f"{taken[0]} values", f"{taken.count(0)} rounds")
    told(days(max(lasted_ms) - min(lasted_ms)))


def disputed(town: AttackedTown, panel: Prices, blind: Prices) -> None:
    """A round whose value is challenged whatever it is."""
    town.appraise(panel, blind=blind, in_vain=True)


def verdict(town: AttackedTown) -> Verdict:
    row = challenge_of(town.state, town.appraising, 0)
    assert row is not None
    return row.verdict


def test_blind_appraisers_who_keep_silent(told: Told) -> None:
    """Two of three, and a challenger with them, in every round: nobody loses the challenge, and the
    zone, which had risen by 8 %, is DISPUTED until it is stale."""
    town = AttackedTown()
    risen = TRUE * 108 // 100
    town.honest(8, risen)
    held = 0
    while True:
        disputed(town, [risen] * 5, [risen, None, None])
        number = town.derivation.number
        row = town.closed(number)
        assert row.outcome is Outcome.DISPUTED
        assert challenge_of(town.state, number, 0).verdict is Verdict.UNDECIDED  # type: ignore[union-attr]
        if row.counted_krw_per_m2 < risen:
            break
        held += 1
    assert row.counted_krw_per_m2 == TRUE
    town.honest(1, risen)
    assert town.accepted() == risen, "undone by the next value"
    told(f"{held} rounds")


@pytest.mark.parametrize("absent", [0, 1])
def test_blind_appraisers_who_lie(absent: int, told: Told) -> None:
    """The fewest of three who choose the value: two, or one while another is absent."""
    liars = 2 - absent
    found = []
    for lie in (TRUE * 10 - 1, LOW):
        town = AttackedTown()
        honest: list[int | None] = [TRUE] * (3 - liars - absent)
        disputed(town, HONEST, [*[lie] * liars, *honest, *[None] * absent])
        row = town.closed(1)
        assert row.outcome is Outcome.FINAL
        found.append(percent(row.counted_krw_per_m2 - TRUE, TRUE))
        assert town.appraise(HONEST).counted_krw_per_m2 == TRUE, "undone by the next panel"
    told(*found)


# -- lots ------------------------------------------------------------------------------------------


def panel_of_term_2(withholding: set[str]) -> tuple[Address, ...]:
    """Every chamber commits to a salt; these keep it when the others have revealed theirs."""
    town = AttackedTown(panels=RegistryPanels())
    town.book.roles |= {chamber: {CITY} for chamber in CHAMBERS}
    salts = {chamber: Hash(sha256(chamber.encode())) for chamber in CHAMBERS}
    town.send(
        *(
            (CITY, COMMIT_SALT, (chamber, 2, lots.salt_commitment(CHAIN_ID, chamber, 2, salt)))
            for chamber, salt in salts.items()
        )
    )
    town.honest(3)
    town.send(
        *(
            (CITY, REVEAL_SALT, (chamber, 2, salt))
            for chamber, salt in salts.items()
            if chamber not in withholding
        )
    )
    town.honest(1)
    town.begin_appraisal()
    told_of = {event["chamber"] for event in town.all_named("land.salt_withheld")}
    assert told_of == withholding, "withholding is on record"
    return town.appraisal("a").panel


def test_chambers_that_withhold_their_salts(told: Told) -> None:
    """Each chamber in league reveals or does not, knowing the others' salts: with k of the six it
    chooses among 2^k panels. One, two and three."""
    for count in (1, 2, 3):
        panels = {
            panel_of_term_2(
                {chamber for at, chamber in enumerate(CHAMBERS[:count]) if choice >> at & 1}
            )
            for choice in range(2**count)
        }
        told(f"{len(panels)} panels")


def test_the_last_to_reveal_does_not_choose_the_further_appraisers(told: Told) -> None:
    """Three of five lie, so that two further appraisers are drawn when the last report is in. The
    last of them waits for a block in which the lot would fall on two friends of theirs."""
    drawn: dict[int, set[frozenset[Address]]] = {keep: set() for keep in range(7)}
    for keep, pairs in drawn.items():
        for block in range(100):
            town = AttackedTown(panels=RegistryPanels())
            number = town.begin_appraisal()
            town.send(*town.messages(number, {"a": [LOW, LOW, LOW, TRUE, TRUE]}))
            lies = [None if keep >> seat & 1 else LOW for seat in range(3)]
            *others, last = town.messages(number, {"a": [*lies, TRUE, TRUE]})
            town.send(*others)
            town.parent_hash = Hash(sha256(b"block %d" % block))
            town.send(last)
            if keep:
                town.idle_until(town.appraisal("a", number).deadline_ms)
            pairs.add(frozenset(town.appraisal("a", number).further))
    told(f"{max(len(pairs) for pairs in drawn.values())} pair")
    told(f"{len(set().union(*drawn.values()))} pairs")


def test_a_proposer_chooses_the_blind_appraisers(told: Told) -> None:
    """The block before the draw takes part in it, so whoever proposes that block may try contents
    until the lot falls on friends: of ten appraisers who are left there are 120 panels of three."""
    town = AttackedTown(panels=RegistryPanels())
    town.begin_appraisal()
    seated = town.appraisal("a").panel
    left = len(registered(town.state)) - len(seated)
    drawn = set()
    for block in range(1_000):
        town.parent_hash = Hash(sha256(b"block %d" % block))
        context = town.context(town.state, town.time_ms + 1)
        mark = context.block.parent_hash
        drawn.add(frozenset(RegistryPanels().draw(context, 0, 1, "dispute", mark, 3, seated)))
    told(f"{len(drawn)} panels", f"{left} appraisers")


# -- halts -----------------------------------------------------------------------------------------


def halted(phase: Phase, days_of_halt: int) -> int:
    """A town with real quarters and a block a day at least, whose chain halts when a phase has
    begun; what of the phase is left in ms after the halt."""
    town = AttackedTown(scaled_rounds=0)
    while town.due_ms() > town.time_ms + DAY_MS:
        town.block(town.time_ms + DAY_MS)
    number = town.begin_appraisal()
    if phase is not Phase.COMMIT:
        town.send(*town.messages(number, {"a": HONEST}))
    if phase is Phase.CHALLENGE:
        town.send(*town.messages(number, {"a": HONEST}))
    assert town.appraisal("a", number).phase is phase
    town.block(town.time_ms + days_of_halt * DAY_MS)
    row = town.appraisal("a", number)
    return row.deadline_ms - town.time_ms if row.phase is phase else 0


def test_a_halt_that_skips_a_phase(told: Told) -> None:
    """Whoever can halt the chain does so from the first block of a phase until after its end."""
    lost = 0
    for phase, length in ((Phase.COMMIT, 20), (Phase.REVEAL, 10), (Phase.CHALLENGE, 14)):
        for halt in (1, 2, 3, length // 2, length, length * 5 // 4, length * 5 // 4 + 1, 100):
            lost = max(lost, length - halted(phase, halt) // DAY_MS)
    told(f"{lost} days")


def test_a_pause_skips_nothing(told: Told) -> None:
    """Governance stops the clocks for a year in a challenge; all of it is left afterwards."""
    town = AttackedTown()
    number = town.begin_appraisal()
    town.commit_and_reveal(number, {"a": HONEST})
    left_ms = town.appraisal("a", number).deadline_ms - town.time_ms
    town.emergency.finalising = True
    for _ in range(40):
        town.block(town.time_ms + 100)
    town.emergency.finalising = False
    town.soon()
    row = town.appraisal("a", number)
    assert row.phase is Phase.CHALLENGE
    lost_ms = left_ms - 1 - (row.deadline_ms - town.time_ms)
    told(days(lost_ms))
