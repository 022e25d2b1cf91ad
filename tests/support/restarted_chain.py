"""A chain with land that is worth carrying over, and a genesis document that carries it over."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from ledger import accounts, genesis
from ledger.crypto import Ed25519Signer, ed25519_address, sha256
from ledger.genesis import Genesis
from ledger.module import StateModule
from ledger.primitives import UNIT, ZERO_HASH, Address
from ledger.registry import Validator, ValidatorSet
from ledger.restart import Restart
from ledger.transfers import SEND
from node.modules import ROLE_BOOK
from node.scenarios.catalogue import scenario
from node.scenarios.sections import genesis_sections
from tests.support.ledger_chain import (
    CHAIN_ID,
    RICH,
    STEP_MS,
    LedgerChain,
    genesis_document,
    parsed,
    standard_modules,
    validator,
)
from tokenomics.issuance.issuance import IssuanceModule
from tokenomics.oracle.land import LandModule
from tokenomics.oracle.panels import RegistryPanels
from tokenomics.ports import Token
from tokenomics.standins import EveryHolder, NothingPaused, TreasuryDistribution

NEW_CHAIN_ID: Final = CHAIN_ID + 1
POOR: Final = Address(b"p" * 20)
QUARTER_MS: Final = 4 * STEP_MS
STATE_FILE_HASH: Final = sha256(b"the exported file")
TOKEN: Final[Token] = accounts
Rows = list[tuple[bytes, bytes]]


def modules() -> list[StateModule]:
    """Those of a node, but for their order."""
    land = LandModule(RegistryPanels(), ROLE_BOOK, NothingPaused(), EveryHolder(ROLE_BOOK))
    return [
        *standard_modules(),
        land,
        IssuanceModule(land, TOKEN, TreasuryDistribution(TOKEN), NothingPaused()),
    ]


def old_chain(blocks: int = 10) -> LedgerChain:
    """Two validators, land in short quarters, a transfer in every third block."""
    document = genesis_document(2, observers=[{"name": "portal", "node_key": "ab" * 32}])
    appraisers = [ed25519_address(Ed25519Signer(bytes([n + 1]) * 32).public_key) for n in range(15)]
    document["modules"] |= genesis_sections(scenario("gwangju"), appraisers, quarter_ms=QUARTER_MS)
    chain = LedgerChain(modules=modules(), document=parsed(document))
    for number in range(blocks):
        sent = [chain.signed(RICH, SEND.name, SEND.encode(POOR, UNIT, b""))]
        chain.add(sent if number % 3 == 0 else [])
    return chain


def rows_of(chain: LedgerChain) -> Rows:
    """All state rows."""
    return list(chain.store.iterate(b"", b"\x7f"))


def restart_document(
    chain: LedgerChain,
    rows: Iterable[tuple[bytes, bytes]],
    validators: Iterable[Validator] = (validator("o0"),),
    **changes: Any,
) -> Genesis:
    """The genesis of a chain that goes on from the head of `chain` with these rows."""
    head, kept = chain.blocks[-1], list(rows)
    draft = Genesis(
        chain_id=NEW_CHAIN_ID,
        name="test town",
        time_ms=head.time_ms + 1,
        validators=ValidatorSet(tuple(validators)),
        observers={},
        sections={},
        bucket_count=256,
        restart=Restart(
            chain_id=CHAIN_ID,
            genesis_hash=chain.blocks[0].hash,
            height=chain.height,
            block_hash=head.hash,
            time_ms=head.time_ms,
            state_file_hash=STATE_FILE_HASH,
            state_root=ZERO_HASH,
        ),
        carried_rows=lambda: iter(kept),
    )
    draft = replace(draft, **changes)
    assert draft.restart is not None
    root = genesis.build_carried_state(draft, chain.executor).commitment.root
    return replace(draft, restart=replace(draft.restart, state_root=root))


def read_again(document: Genesis) -> Genesis:
    """The document as a node parses it from its file; without the rows."""
    return genesis.parse(json.dumps(document.document()).encode())
