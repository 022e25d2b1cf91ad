"""The scenario in the real executor: genesis document, signed reports, mint, state root."""


from governance.roles import NobodysRoles
from ledger import accounts
from ledger.crypto import Ed25519Signer, ed25519_address
from ledger.errors import ErrorCode
from ledger.transaction import Draft, Transaction, sign
from node.scenarios.gwangju import (
    APPRAISERS,
    COMPARABLES,
    DEFAULT_SEED,
    METHOD,
    ZONES,
    appraised_value,
    genesis_sections,
)
from tests.support.ledger_chain import (
    CHAIN_ID,
    STEP_MS,
    LedgerChain,
    genesis_document,
    parsed,
    standard_modules,
)
from tokenomics.issuance import IssuanceModule
from tokenomics.land import LandModule
from tokenomics.panels import RegistryPanels
from tokenomics.ports import Token
from tokenomics.reports import REPORT
from tokenomics.standins import TREASURY_POOL, NothingPaused, TreasuryDistribution
from tokenomics.views import summary

SIGNERS = [Ed25519Signer(bytes([n + 1]) * 32) for n in range(APPRAISERS)]
TOKEN: Token = accounts


def make_chain() -> LedgerChain:
    """A quarter is as long as the step of its blocks."""
    land = LandModule(RegistryPanels(), NobodysRoles(), NothingPaused())
    document = genesis_document(4)
    document["modules"] |= genesis_sections(
        [ed25519_address(signer.public_key) for signer in SIGNERS], quarter_ms=STEP_MS
    )
    modules = [
        *standard_modules(),
        land,
        IssuanceModule(land, TOKEN, TreasuryDistribution(TOKEN), NothingPaused()),
    ]
    return LedgerChain(modules=modules, document=parsed(document))


def reports(chain: LedgerChain, number: int) -> list[Transaction]:
    return [
        sign(
            Draft(
                chain_id=CHAIN_ID,
                nonce=(number - 1) * len(ZONES) + offset,
                type=REPORT.name,
                body=REPORT.encode(
                    zone.id,
                    number,
                    value.price_krw_per_m2,
                    chain.blocks[-1].time_ms + STEP_MS,
                    METHOD,
                    COMPARABLES,
                    value.document_hash,
                ),
                valid_until=chain.height + 10,
            ),
            signer,
        )
        for appraiser, signer in enumerate(SIGNERS)
        for offset, zone in enumerate(ZONES)
        for value in [appraised_value(DEFAULT_SEED, number, zone.id, appraiser)]
    ]


def test_signed_reports_of_nine_quarters_mint_into_the_treasury_pool() -> None:
    chain = make_chain()
    assert chain.executor.next_deadline_ms(chain.state) == chain.blocks[0].time_ms
    for number in range(1, 11):
        executed = chain.add(reports(chain, number))
        assert {receipt.code for receipt in executed.receipts} == {ErrorCode.OK}
        assert executed.next_deadline_ms == executed.info.time_ms + STEP_MS
    figures = summary(chain.state, TOKEN)
    assert figures["rounds_final"] == 9
    minted = accounts.balance(chain.state, TREASURY_POOL)
    assert figures["minted"] == str(minted) != "0"
    assert accounts.supply(chain.state) == int(figures["issued"])
    assert "issuance.minted" in {event.name for event in executed.hook_events}


def test_the_same_blocks_give_the_same_state_root() -> None:
    """Invariant 16: replay from genesis gives the same state root."""
    first, second = make_chain(), make_chain()
    for number in range(1, 6):
        executed = [chain.add(reports(chain, number)) for chain in (first, second)]
        assert executed[0].state_root == executed[1].state_root
