"""The modules agree with the naive reference on random histories, to the last unit."""

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from ledger.rows import key
from tests.support.land_town import LandTown, appraiser, zone_section
from tests.support.uplift_reference import (
    ReferenceRound,
    ReferenceRules,
    ReferenceZone,
    replay,
)
from tokenomics.closing import ZONE_ROUNDS
from tokenomics.derivation import issuance_round
from tokenomics.views import issuance

START_MS = 1
LENGTH_MS = 1_000
APPRAISERS = 5

# A price as permille of the base: slow growth, crashes, manias, and a unit error now and then.
PRICES = st.one_of(
    st.integers(900, 1_300), st.integers(300, 3_000), st.sampled_from([50, 9_000, 100_000])
)
PANELS = st.lists(st.one_of(st.none(), PRICES), min_size=APPRAISERS, max_size=APPRAISERS)
TRENDS = st.integers(-30, 60)


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """Zones, rules and rounds; most reports follow a trend so that something gets minted."""
    zones = draw(
        st.lists(st.tuples(st.integers(1, 10**8), st.integers(200, 10**6)), min_size=1, max_size=3)
    )
    rounds = []
    level, silent = 1_000, False
    for _ in range(draw(st.integers(1, 24))):
        level = max(200, level + draw(TRENDS))
        wild = draw(st.integers(0, 5)) == 0
        # Silence lasts, so that values go stale now and then.
        silent = draw(st.integers(0, 9)) < (8 if silent else 1)
        rounds.append(
            {
                "jitter_ms": draw(st.integers(0, 400)),
                "dates_ms": [draw(st.integers(0, 450)) for _ in range(APPRAISERS)],
                "panels": [
                    draw(PANELS)
                    if wild
                    else [None] * APPRAISERS
                    if silent
                    else [level + draw(st.integers(-20, 20)) for _ in range(APPRAISERS)]
                    for _ in zones
                ],
            }
        )
    return {
        "zones": zones,
        "rounds": rounds,
        "window": draw(st.integers(1, 9)),
        "lambda_bps": draw(st.integers(1, 10_000)),
        "price_per_token": draw(st.sampled_from([1, 7, 1_000, 10**6])),
        "hard_cap": draw(st.sampled_from([10**27, 10**24, 10**30])),
        "genesis": draw(st.sampled_from([0, 0, 123_456_789, 5 * 10**23])),
    }


def make_town(history: dict[str, Any], rules: ReferenceRules) -> LandTown:
    town = LandTown(
        {
            "parameters": {
                "scaled_quarter_ms": LENGTH_MS,
                "scaled_rounds": 10_000,
                # Each round closes at its nominal end, so reports follow on closed values.
                "grace_bps": 0,
            },
            "zones": [zone_section(f"z{i}", *zone) for i, zone in enumerate(history["zones"])],
            "appraisers": ["0x" + appraiser(i).hex() for i in range(APPRAISERS)],
        },
        {
            "parameters": {
                "window_anchors": rules.window,
                "lambda_bps": rules.lambda_bps,
                "price_krw_per_token": rules.price_per_token,
                "hard_cap": str(rules.hard_cap),
            }
        },
        balance=history["genesis"],
    )
    town.block(START_MS)
    return town


def play(town: LandTown, history: dict[str, Any], quarter_ms: int) -> list[ReferenceRound]:
    """Play the history to the town; the same rounds in the reference's terms."""
    played = []
    last_close_ms = START_MS
    for number, row in enumerate(history["rounds"], start=1):
        start_ms = START_MS + (number - 1) * LENGTH_MS
        dates_ms = row["dates_ms"]
        prices = [
            [permille if permille is None else permille * base // 1_000 for permille in panel]
            for panel, (_, base) in zip(row["panels"], history["zones"], strict=True)
        ]
        town.block(
            start_ms + 450,
            [
                (appraiser(a), (f"z{z}", number, price, start_ms + dates_ms[a]))
                for z, panel in enumerate(prices)
                for a, price in enumerate(panel)
                if price is not None
            ],
        )
        closed_ms = start_ms + LENGTH_MS + row["jitter_ms"]
        town.block(closed_ms)
        dated = tuple(
            tuple(
                (price, (number - 1) * quarter_ms + dates_ms[a] * quarter_ms // LENGTH_MS)
                for a, price in enumerate(panel)
                if price is not None
            )
            for panel in prices
        )
        played.append(ReferenceRound(dated, closed_ms - last_close_ms, LENGTH_MS))
        last_close_ms = closed_ms
    return played


@settings(max_examples=250)
@given(histories())
def test_the_modules_agree_with_the_reference_on_every_figure(history: dict[str, Any]) -> None:
    rules = ReferenceRules(
        window=history["window"],
        lambda_bps=history["lambda_bps"],
        price_per_token=history["price_per_token"],
        hard_cap=history["hard_cap"],
        genesis=history["genesis"],
    )
    town = make_town(history, rules)
    played = play(town, history, rules.quarter_ms)
    zones = [ReferenceZone(*zone) for zone in history["zones"]]
    figures = replay(zones, played, rules)
    event(f"mints: {any(figures.minted)}")
    event(f"counts below accepted, so stale: {figures.counted != figures.accepted}")
    state = town.state
    for number in range(1, len(played) + 1):
        found = issuance_round(state, number)
        at = number - 1
        assert found is not None
        settled = [state.get(ZONE_ROUNDS, key(number, z)) for z in range(len(zones))]
        prices_found = [(r.accepted_krw_per_m2, r.counted_krw_per_m2) for r in settled if r]
        assert prices_found == [
            (figures.accepted[z][at], figures.counted[z][at]) for z in range(len(zones))
        ]
        assert found.value_krw == figures.value[at]
        assert found.live_krw == figures.live[at]
        assert found.lasting_krw == figures.lasting[at]
        assert found.recognised_krw == figures.recognised[at]
        assert found.entitlement == figures.entitlement[at]
        assert found.ceiling == figures.ceiling[at]
        assert found.cover == figures.cover[at]
        assert found.limit == figures.limit[at]
        assert found.minted == figures.minted[at]
        assert found.issued == figures.issued[at]
    view = issuance(state, town.token)
    assert view is not None
    assert view["issued"] == str(figures.issued[-1])
