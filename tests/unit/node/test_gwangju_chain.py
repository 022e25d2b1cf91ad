"""The scenario in the real executor: genesis document, signed reports, mint, state root."""

from ledger import accounts
from ledger.crypto import Ed25519Signer, ed25519_address
from ledger.errors import ErrorCode
from ledger.transaction import Draft, Transaction, sign
from node.modules import ROLE_BOOK
from node.scenarios.gwangju import (
    APPRAISERS,
    DEFAULT_SEED,
    ZONES,
    appraised_value,
    genesis_sections,
    salt,
)
from tests.support.ledger_chain import (
    CHAIN_ID,
    STEP_MS,
    LedgerChain,
    genesis_document,
    parsed,
    standard_modules,
)
from tokenomics.appraisals import running
from tokenomics.issuance import IssuanceModule
from tokenomics.land import LandModule
from tokenomics.land_views import missing
from tokenomics.panels import RegistryPanels
from tokenomics.params import PANEL_SEATS
from tokenomics.phases import COMMITTING
from tokenomics.ports import Token
from tokenomics.reports import COMMIT, REVEAL, Statement, commitment_of
from tokenomics.standins import TREASURY_POOL, NothingPaused, TreasuryDistribution
from tokenomics.views import summary

SIGNERS = [Ed25519Signer(bytes([n + 1]) * 32) for n in range(APPRAISERS)]
TOKEN: Token = accounts
BLOCKS_A_QUARTER = 10


def make_chain() -> LedgerChain:
    """With ten blocks in a quarter."""
    land = LandModule(RegistryPanels(), ROLE_BOOK, NothingPaused())
    document = genesis_document(4)
    document["modules"] |= genesis_sections(
        [ed25519_address(signer.public_key) for signer in SIGNERS],
        quarter_ms=BLOCKS_A_QUARTER * STEP_MS,
    )
    modules = [
        *standard_modules(),
        land,
        IssuanceModule(land, TOKEN, TreasuryDistribution(TOKEN), NothingPaused()),
    ]
    return LedgerChain(modules=modules, document=parsed(document))


def owed(chain: LedgerChain) -> list[Transaction]:
    """What every appraiser has to say now: commitments or reveals, signed."""
    state, found = chain.state, list[Transaction]()
    for number, signer in enumerate(SIGNERS):
        sender = ed25519_address(signer.public_key)
        nonce = accounts.nonce(state, sender)
        for row, at, appraisal in running(state):
            if sender not in missing(state, row.number, at, appraisal):
                continue
            where = (DEFAULT_SEED, row.number, ZONES[at].id, number)
            said = appraised_value(*where).statement(row.opened_ms)
            if appraisal.phase in COMMITTING:
                commitment = commitment_of(
                    CHAIN_ID, ZONES[at].id, row.number, sender, said, salt(*where)
                )
                name, body = COMMIT.name, COMMIT.encode(ZONES[at].id, row.number, commitment)
            else:
                values = [getattr(said, field) for field in Statement.__slots__]
                body = REVEAL.encode(ZONES[at].id, row.number, *values, salt(*where))
                name = REVEAL.name
            draft = Draft(
                chain_id=CHAIN_ID,
                nonce=nonce,
                type=name,
                body=body,
                valid_until=chain.height + 10,
            )
            found.append(sign(draft, signer))
            nonce += 1
    return found


def test_signed_reports_of_nine_quarters_mint_into_the_treasury_pool() -> None:
    chain = make_chain()
    assert chain.executor.next_deadline_ms(chain.state) == chain.blocks[0].time_ms
    spoken = 0
    while summary(chain.state, TOKEN)["minted"] == "0":
        executed = chain.add(owed(chain))
        assert {receipt.code for receipt in executed.receipts} <= {ErrorCode.OK}
        assert executed.next_deadline_ms is not None
        spoken += len(executed.receipts)
    figures = summary(chain.state, TOKEN)
    assert figures["rounds_final"] == figures["rounds_closed"] == 9
    assert spoken >= 9 * len(ZONES) * 2 * PANEL_SEATS
    minted = accounts.balance(chain.state, TREASURY_POOL)
    assert figures["minted"] == str(minted) != "0"
    assert accounts.supply(chain.state) == int(figures["issued"])
    assert "issuance.minted" in {event.name for event in executed.hook_events}


def test_the_same_blocks_give_the_same_state_root() -> None:
    """Invariant 16: replay from genesis gives the same state root."""
    first, second = make_chain(), make_chain()
    for _ in range(4 * BLOCKS_A_QUARTER):
        executed = [chain.add(owed(chain)) for chain in (first, second)]
        assert executed[0].state_root == executed[1].state_root
    assert summary(first.state, TOKEN)["rounds_final"] > 2
