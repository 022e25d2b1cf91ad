"""Land that is pumped up and crashes, and sales that were never at arm's length."""

from collections.abc import Callable, Iterable

from ledger import accounts
from ledger.crypto import sha256
from tests.support.attack_table import percent
from tests.support.attack_town import FIRST_MONTH, GOVERNANCE, REGISTRAR, TRUE, AttackedTown
from tests.support.land_town import DOCUMENT, Call, appraiser
from tokenomics.distribution.certificates import CERTIFY
from tokenomics.distribution.claims import CLAIM, RELEASE
from tokenomics.distribution.persons import ENROL
from tokenomics.distribution.pool_params import distribution_parameters
from tokenomics.distribution.pools import town as pools_now
from tokenomics.distribution.vesting import grants_of, releasable
from tokenomics.facts.sales import REGISTER_SALE, STRIKE_SALE
from tokenomics.oracle.rounds import town_round
from tokenomics.oracle.uplift import entitlement
from tokenomics.roles import CERTIFIER, PERSON_REGISTRAR

Told = Callable[..., None]

PUMP = [*(TRUE * (1000 + 75 * step) // 1000 for step in (*range(1, 9), *range(7, -1, -1)))]
"""Up by 60 % in two years, and back in two."""


def vested(town: AttackedTown, number: int) -> int:
    """What is a person's own: the balance, and what a release would add to it."""
    state, who = town.state, appraiser(number)
    now, parameters = pools_now(state), distribution_parameters(state)
    due = sum(releasable(row, now, parameters) for _, row in grants_of(state, who))
    return accounts.balance(state, who) + due


def test_a_pump_and_its_crash(told: Told) -> None:
    """Appraisers follow the market both ways. Two persons hold the shares, and claim and release
    what they can in every round; the reserve's tranches burn five years after each mint."""
    town = AttackedTown(distribution={"parameters": {}})
    town.book.limit = 10**6
    registrar, certifier, holders = appraiser(46), appraiser(47), (48, 49)
    town.book.roles |= {PERSON_REGISTRAR: {registrar}, CERTIFIER: {certifier}}
    for holder in holders:
        who = appraiser(holder)
        town.send(
            (registrar, ENROL, (who, sha256(who))),
            (certifier, CERTIFY, (who, "work", 100, DOCUMENT)),
        )
    own = dict.fromkeys(holders, 0)
    most = 0
    for price in [*PUMP, *[TRUE] * 24]:
        town.honest(1, price)
        for holder in holders:
            now = vested(town, holder)
            assert now >= own[holder], "what has vested never shrinks"
            own[holder] = now
            calls: list[Call] = [
                (appraiser(holder), CLAIM, ("participation",)),
                (appraiser(holder), RELEASE, ()),
            ]
            town.soon(calls)
        most = max(most, town.derivation.live_krw or 0)
    row = town.derivation
    naive = entitlement(row.base_value_krw * 60 // 100, row.lambda_bps, row.price_krw_per_token)
    outstanding = row.issued - row.burned_in_all
    assert min(own.values()) > 0
    assert row.cover == 0
    told(
        percent(row.issued, naive),
        percent(outstanding, naive),
        percent(most, row.base_value_krw),
    )


# -- sales -----------------------------------------------------------------------------------------


def sale(parcel: int, price: int, month: int = FIRST_MONTH) -> Call:
    return REGISTRAR, REGISTER_SALE, ("a", f"29170139001{parcel:08}", price, month, DOCUMENT)


def gate_open(sales: Iterable[int], appraised: int = TRUE) -> bool:
    """Whether recognition may rise in a round with these sales, all five reporting `appraised`."""
    town = AttackedTown(rates=True)
    town.send(*(sale(parcel, price) for parcel, price in enumerate(sales)))
    town.appraise([appraised] * 5)
    row = town_round(town.state, 1)
    assert row is not None
    return row.recognition_open


def fewest(closes: Callable[[int], bool]) -> int:
    """The smallest number for which it is true, which it stays from there on."""
    low, high = 0, 256
    while low < high:
        middle = (low + high) // 2
        if closes(middle):
            high = middle
        else:
            low = middle + 1
    return low


def test_false_sales_that_close_the_gate(told: Told) -> None:
    """Beside 0, 10, 30 and 100 honest sales, so many at half the price hold recognition back."""
    for honest in (0, 10, 30, 100):
        true = [TRUE] * honest
        needed = fewest(lambda false: not gate_open([*true, *[TRUE // 2] * false]))  # noqa: B023
        told(f"{needed} beside {honest}")


def test_wash_sales_that_keep_the_gate_open(told: Told) -> None:
    """Land is appraised at 130 % of what it is sold for; washed sales are at the appraised price,
    or at ten times the price, which helps no more."""
    inflated = TRUE * 130 // 100
    for honest in (10, 30, 100):
        true = [TRUE] * honest
        needed = {
            fewest(lambda false: gate_open([*true, *[price] * false], inflated))  # noqa: B023
            for price in (inflated, TRUE * 10 - 1)
        }
        assert len(needed) == 1
        told(f"{needed.pop()} beside {honest}")


def recognised_with(price: int | None, rounds: int = 14) -> list[int]:
    """R by round while land rises by 1 % of its base a quarter; 40 sales at `price`, or none."""
    town = AttackedTown(rates=True)
    if price is not None:
        town.send(*(sale(parcel, price) for parcel in range(40)))
    found = []
    for number in range(1, rounds + 1):
        town.honest(1, TRUE * (100 + number) // 100)
        found.append(town.derivation.recognised_krw)
    return found


def test_no_sale_raises_recognition(told: Told) -> None:
    """Forty sales from a tenth of the price to ten times it, against none."""
    without = recognised_with(None)
    gained = 0
    for price in (TRUE // 10 + 1, TRUE // 2, TRUE, TRUE * 2, TRUE * 10 - 1):
        found = recognised_with(price)
        gained = max(gained, *(a - b for a, b in zip(found, without, strict=True)))
    told(f"{gained} KRW")


def test_a_registrar_who_closes_the_gate_delays_and_takes_nothing(told: Told) -> None:
    """Ten false sales at half the price; they count for 24 months. Land has risen by 1 % a quarter,
    so that from round 9 on there is something to recognise."""
    town = AttackedTown(rates=True)
    without = recognised_with(None, 24)
    closed = 0
    for number in range(1, 25):
        if number == 9:
            town.send(*(sale(parcel, TRUE // 2, 2014_01) for parcel in range(10)))
        town.honest(1, TRUE * (100 + number) // 100)
        row = town_round(town.state, number)
        assert row is not None
        closed += not row.recognition_open
    assert town.derivation.recognised_krw == without[-1]
    told(f"{closed} rounds")


def test_governance_strikes_false_sales(told: Told) -> None:
    """One strike of ten leaves nine sales, which are too few to close anything."""
    town = AttackedTown(rates=True)
    town.send(*(sale(parcel, TRUE // 2) for parcel in range(10)))
    town.honest(1)
    assert town.named("land.ratio_study")[0]["is_open"] == 0
    strike = (GOVERNANCE, STRIKE_SALE, ("a", sale(0, 0)[2][1], FIRST_MONTH, "not at arm's length"))
    town.send(strike)
    town.honest(1)
    assert town.named("land.ratio_study")[0]["is_open"] == 1
    told("1 vote")
