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
from node.keys.keystore import read_key_info
from node.signing.choice import named_keys
from node.signing.fence import Fence, Standing, Use, admit, read_fence, write_fence
from node.store.storage import OpenedChain, with_vote_record
from node.votes.wal_format import Marker

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


def admit_live(folder: Path, keys: Sequence[bytes], state: State, height: int) -> None:
    """Let a node that runs sign with these keys from now on; durable when this returns.

    state: at `height`, the head. LocalError for a key that may have voted elsewhere: what that
    asks for is done at a start, before the first vote.
    """
    found = require_held(folder, validator=bool(keys))
    fence = admit(
        found, keys, lambda key: Use.SEATED if _is_seated(state, height, key) else Use.NONE
    )
    if keys and fence.standing is Standing.TAKEN:
        raise LocalError(
            "a validator key that the configuration names is new to this folder and may have "
            "signed elsewhere: start the node again, which then signs only what contradicts nothing"
        )
    if fence != found:
        write_fence(folder, fence)


def _is_seated(state: State, height: int, key: bytes) -> bool:
    """Whether a key may have voted: in the set of the head, or of the height that is running."""
    at = (height, height + 1) if height else ()
    return any(set_at(state, each).index_of(key) is not None for each in at)


def _use(chain: OpenedChain, key: bytes) -> Use:
    if not _is_seated(chain.state(), chain.head.height, key):
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


def validator_keys(config: Config) -> tuple[bytes, ...]:
    """That key, and the one that takes its place where it is named; none for an observer."""
    if config.signer.kind != "file":
        return named_keys(config)
    named = (config.node.validator_key, config.node.next_validator_key)
    return tuple(read_key_info(config.path(file)).public_key for file in named if file)
