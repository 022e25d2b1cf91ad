"""The scenario in the real executor: genesis document, signed reports, mint, state root."""

from ledger import accounts
from ledger.crypto import Ed25519Signer, checksum_address, ed25519_address
from ledger.errors import ErrorCode
from ledger.transaction import Draft, Transaction, sign
from node.modules import ROLE_BOOK
from node.play import appraisers
from node.scenarios.catalogue import scenario
from node.scenarios.noise import DEFAULT_SEED
from node.scenarios.sections import genesis_sections
from tests.support.ledger_chain import (
    CHAIN_ID,
    STEP_MS,
    LedgerChain,
    genesis_document,
    parsed,
    standard_modules,
)
from tokenomics.issuance.issuance import IssuanceModule
from tokenomics.issuance.views import summary
from tokenomics.oracle.land import LandModule
from tokenomics.oracle.land_views import land_index
from tokenomics.oracle.panels import RegistryPanels
from tokenomics.params import PANEL_SEATS
from tokenomics.ports import Token
from tokenomics.standins import (
    TREASURY_POOL,
    EveryHolder,
    NothingPaused,
    TreasuryDistribution,
)

GWANGJU = scenario("gwangju")
ZONES = GWANGJU.zones
SIGNERS = [Ed25519Signer(bytes([n + 1]) * 32) for n in range(15)]
TOKEN: Token = accounts
BLOCKS_A_QUARTER = 10


def make_chain() -> LedgerChain:
    """With ten blocks in a quarter."""
    land = LandModule(RegistryPanels(), ROLE_BOOK, NothingPaused(), EveryHolder(ROLE_BOOK))
    document = genesis_document(4)
    document["modules"] |= genesis_sections(
        GWANGJU,
        [ed25519_address(signer.public_key) for signer in SIGNERS],
        quarter_ms=BLOCKS_A_QUARTER * STEP_MS,
    )
    # Nobody reports rates here, so no round waits for them.
    del document["modules"]["land"]["rates"]
    modules = [
        *standard_modules(),
        land,
        IssuanceModule(land, TOKEN, TreasuryDistribution(TOKEN), NothingPaused()),
    ]
    return LedgerChain(modules=modules, document=parsed(document))


def owed(chain: LedgerChain) -> list[Transaction]:
    """What every appraiser has to say now: commitments or reveals, signed."""
    state, found = chain.state, list[Transaction]()
    signers = {ed25519_address(signer.public_key): signer for signer in SIGNERS}
    addresses = {checksum_address(address): address for address in signers}
    nonces = {address: accounts.nonce(state, address) for address in signers}
    for row in land_index(state)["open_rounds"]:
        for sender, message in appraisers.owed(GWANGJU, row, addresses, CHAIN_ID, DEFAULT_SEED):
            draft = Draft(
                chain_id=CHAIN_ID,
                nonce=nonces[sender],
                type=message.type,
                body=message.body,
                valid_until=chain.height + 10,
            )
            found.append(sign(draft, signers[sender]))
            nonces[sender] += 1
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
