"""Land on a golden chain: panels, appraisals, challenges, and what officials put on record."""

from typing import TYPE_CHECKING, Any, Final

from governance.chambers import CHAMBER_LAND, CHAMBER_PUBLIC
from ledger import accounts
from ledger.crypto import checksum_address, ed25519_address, sha256
from ledger.transaction import Transaction, sign
from node.play import appraisers
from node.scenarios.noise import DEFAULT_SEED
from tests.golden.sending import said
from tests.golden.votes import RATES
from tests.support.governed_town import (
    APPRAISERS,
    DOCUMENT,
    GWANGJU,
    RESIDENTS,
    ZONES,
    Sent,
    account,
)
from tests.support.ledger_chain import STEP_MS
from tests.support.transfers import CHAIN_ID, draft
from tokenomics.facts import months
from tokenomics.facts.rates import AGREEING_REPORTS, NATION, months_in_order
from tokenomics.oracle.land_views import land_index
from tokenomics.oracle.lots import salt_commitment
from tokenomics.oracle.panels import last_round_before
from tokenomics.oracle.registry import NOMINATORS
from tokenomics.oracle.rounds import schedule

if TYPE_CHECKING:
    from tests.golden.script import Script

SALT: Final = sha256(b"the salt of the public chamber")
TERM: Final = 2
PNU: Final = ZONES[0].legal_dong_code + "100010000"
MAX_BLOCKS: Final = 200
"""Of a wait for something that the rounds bring."""
DUE_MONTHS: Final = 3
"""Reported at once."""


def appraised(script: "Script") -> None:
    """Chambers take part in the next panels, rounds close, and values are challenged."""
    nominee = ed25519_address(APPRAISERS[list(NOMINATORS).index(CHAMBER_LAND)].public_key)
    commitment = salt_commitment(CHAIN_ID, CHAMBER_PUBLIC, TERM, SALT)
    script.must(
        said("city", "land.commit_salt", CHAMBER_PUBLIC, TERM, commitment),
        said("land", "land.nominate", CHAMBER_LAND, ZONES[0].id, TERM, nominee),
    )
    _challenged(script)
    _until_round(script, last_round_before(TERM))
    script.must(said("city", "land.reveal_salt", CHAMBER_PUBLIC, TERM, SALT))


def facts(script: "Script") -> None:
    """A sale, an event, appraisers who come and go, rates: put on record, and put right by vote."""
    closed = schedule(script.chain.state).closed
    month = months.month_at(GWANGJU.first_month, months.last_month(closed))
    price = ZONES[0].base_krw_per_m2
    sale = ZONES[0].id, PNU, price, month, DOCUMENT
    script.must(said("sales", "land.register_sale", *sale))
    until_ms = script.chain.time_ms + 10**9
    script.decide(
        ("land.register_appraiser", account("appraiser"), CHAMBER_LAND, DOCUMENT, until_ms),
        ("land.certify_event", ZONES[1].id, "site works", 12_000, 10**9, DOCUMENT),
    )
    script.decide(
        ("land.remove_appraiser", account("appraiser"), "moved away"),
        ("land.strike_sale", ZONES[0].id, PNU, month, "a gift"),
        ("land.correct_rate", NATION, month, 100_200, DOCUMENT),
        ("land.set_parameter", "min_reports", 4),
        ("distribution.set_parameter", "idle_quarters", 6),
        recalled=RESIDENTS[10:16],
    )


def rounds(script: "Script", number: int) -> None:
    """Blocks until so many more rounds have closed."""
    target = schedule(script.chain.state).closed + number
    for _ in range(MAX_BLOCKS):
        if schedule(script.chain.state).closed >= target:
            return
        _block(script)
    raise AssertionError(land_index(script.chain.state)["open_rounds"])


def _until_round(script: "Script", newest: int) -> None:
    while schedule(script.chain.state).newest < newest:
        _block(script)
    assert schedule(script.chain.state).newest == newest


def _challenged(script: "Script") -> None:
    """A member of a chamber challenges a value, and twenty persons together another one."""
    for _ in range(MAX_BLOCKS):
        if (row := _in_challenge(script)) is not None:
            break
        _block(script)
    assert row is not None, land_index(script.chain.state)["open_rounds"]
    first, second = (zone["zone"] for zone in row["zones"][:2])
    why = row["round"], "method", DOCUMENT
    script.must(
        said("city", "land.challenge", first, why[0], CHAMBER_PUBLIC, *why[1:]),
        said("resident 0", "proposals.petition_challenge", second, *why),
    )
    signers = RESIDENTS[1:20]
    script.must(*[said(name, "proposals.sign_challenge", 1) for name in signers])


def _in_challenge(script: "Script") -> Any:
    """The oldest open round, once two of its zones may be challenged."""
    for row in land_index(script.chain.state)["open_rounds"]:
        if [zone["phase"] for zone in row["zones"][:2]] == ["CHALLENGE"] * 2:
            return row
    return None


def _block(script: "Script") -> None:
    """A second later; appraisers and reporters say what they owe."""
    script.block(*_rates(script), after_ms=STEP_MS, also=_reports(script))


def _rates(script: "Script") -> list[Sent]:
    """Of the months of rounds that have ended, a few at a time."""
    state, found = script.chain.state, []
    last = months.MONTHS_A_QUARTER * (schedule(state).newest - 1)
    for region, steps in sorted(GWANGJU.rates.items()):
        done = months_in_order(state, region)
        for number in range(done + 1, min(last, done + DUE_MONTHS) + 1):
            month = months.month_at(GWANGJU.first_month, number)
            values = region, month, steps[number - 1], sha256(f"gazette {month}".encode())
            reporters = RATES[:AGREEING_REPORTS]
            found += [said(name, "land.report_rate", *values) for name in reporters]
    return found


def _reports(script: "Script") -> tuple[Transaction, ...]:
    """Commitments and reveals of everybody on a panel."""
    state, found = script.chain.state, list[Transaction]()
    signers = {ed25519_address(each.public_key): each for each in APPRAISERS}
    named = {checksum_address(address): address for address in signers}
    nonces = {each: accounts.nonce(state, each) for each in signers}
    for row in land_index(state)["open_rounds"]:
        for sender, owed in appraisers.owed(GWANGJU, row, named, CHAIN_ID, DEFAULT_SEED):
            made = draft(
                nonce=nonces[sender],
                type=owed.type,
                body=owed.body,
                valid_until=script.chain.height + 10,
            )
            found.append(sign(made, signers[sender]))
            nonces[sender] += 1
    return tuple(found)
