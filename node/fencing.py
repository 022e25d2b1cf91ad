"""The fence of a data folder at a start, and when an operator moves the right to sign."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from ledger.errors import LocalError
from ledger.state import State
from ledger.validator_tables import set_at
from node.config import Config
from node.fence import Fence, Standing, Use, admit, read_fence, write_fence
from node.keystore import read_key_info
from node.storage import OpenedChain, with_vote_record
from node.wal_format import Marker

REMEDY: Final = (
    "poyong fence take TOKEN, with the token of the machine that signs; poyong fence take "
    "--without-token, when that machine will never run again"
)

log = structlog.get_logger(__name__)


def require_held(folder: Path, *, validator: bool) -> Fence | None:
    """The fence of a folder before anything in it is opened, None when it has none yet.

    LocalError when a validator is to start on a folder that gave up the right to sign.
    """
    found = read_fence(folder)
    if validator and found is not None and found.standing is Standing.RELEASED:
        raise LocalError(
            f"{folder} has given up the right to sign, by token {found.number} to the folder "
            f"{found.given_to.hex()}: empty node.validator_key to follow the chain, or take the "
            "right back with `poyong fence take`"
        )
    return found


def enter(
    folder: Path, found: Fence | None, keys: Sequence[bytes], chain: OpenedChain, marker: Marker
) -> tuple[Fence, OpenedChain]:
    """Act on the fence, durable before the first vote: fence and chain to go on with.

    keys: of the validator, none for an observer. marker: of the vote record that is open.
    """
    fence = admit(found, keys, lambda key: _use(chain, key))
    if keys and fence.standing is Standing.TAKEN:
        # The head row first: a crash in between does this once more.
        lost = fence.signs_from is None
        chain.blocks.set_vote_record(marker, lost=lost)
        chain = replace(with_vote_record(chain, marker, lost=lost), vote_record_lost=lost)
        fence = replace(fence, standing=Standing.HELD, signs_from=fence.signs_from or 0)
        log.warning("fence.taken", number=fence.number, signs_from=fence.signs_from, lost=lost)
    if keys and fence.standing is Standing.WAITING:
        log.error("fence.waiting", consequence="follows the chain, signs nothing", remedy=REMEDY)
    if fence != found:
        write_fence(folder, fence)
    return fence, chain


def _use(chain: OpenedChain, key: bytes) -> Use:
    height = chain.head.height
    if height == 0 or set_at(State(chain.blocks.live_state()), height).index_of(key) is None:
        return Use.NONE
    for fact in chain.recent:
        seat = fact.validators.index_of(key)
        if any(index == seat for index, _ in fact.certificate.seals):
            return Use.SIGNING
    return Use.SEATED


def validator_key(config: Config) -> bytes:
    """Public key of the validator that a configuration names; LocalError for an observer."""
    if config.signer.kind != "file":
        return bytes.fromhex(config.signer.public_key)
    if not config.node.validator_key:
        raise LocalError(
            "node.validator_key is empty, so this folder signs nothing: install the validator's "
            "key and name its file there first"
        )
    return read_key_info(config.path(config.node.validator_key)).public_key
