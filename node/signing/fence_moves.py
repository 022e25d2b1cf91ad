"""An operator moves the right to sign, on the folder of a node that does not run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from consensus import wal_records
from consensus.recovery import record_height
from ledger.errors import LocalError
from node import audit, config
from node.config import Config
from node.opening import VOTES_FOLDER
from node.signing.fence import (
    Fence,
    Token,
    claimed,
    new_place,
    read_fence,
    released,
    taken,
    token_of,
    write_fence,
)
from node.signing.fencing import validator_key, validator_keys
from node.store.data_folder import require_own
from node.votes.wal import hold, open_log


def place_of(home: Path) -> Fence:
    """The fence of the node in `home`. A folder that has none gets the one of its first start, so
    that it can be named. LocalError while the node runs there and has none yet."""
    settings = config.load(home / config.CONFIG_FILE)
    folder = settings.path(settings.storage.path)
    found = read_fence(folder)
    if found is not None:
        return found
    with _stopped(folder):
        fence = Fence(new_place()).with_keys(validator_keys(settings))
        write_fence(folder, fence)
    return fence


def release(home: Path, to: bytes) -> Token:
    """Give the right to sign up, for good, to the folder `to`; on disk when this returns.

    LocalError when it is not held here, and while the node runs.
    """
    settings = config.load(home / config.CONFIG_FILE)
    key, folder = validator_key(settings), settings.path(settings.storage.path)
    found = read_fence(folder)
    if found is None:
        raise audit.NoChainError(folder)
    _require_own(home, settings)
    if found.given_to == to:
        write_fence(folder, found)  # what an interrupted release left may be only in memory
        return token_of(found, key)
    read = audit.block_decoder(audit.genesis_of(home))
    with audit.opened(home) as (_, blocks):
        head = blocks.head()
        if head is None:
            raise audit.NoChainError(folder)
        votes = open_log(folder / VOTES_FOLDER, head.marker)
        try:
            records = [wal_records.decode(raw, read) for raw in votes.records]
            last = max([head.height, *(record_height(record) for record in records)])
            known = votes.lost is None and not head.vote_record_lost
            signs_from = max(last + 1, found.signs_from or 0) if known else None
            fence = released(found, key, to, signs_from)
            write_fence(folder, fence)
        finally:
            votes.log.close()
    return token_of(fence, key)


def take(home: Path, token: Token) -> Fence:
    """Take the right to sign by a token; LocalError when it is not for this folder."""
    return _change(home, lambda fence, key: taken(fence, token, key))


def take_without_token(home: Path, number: int | None) -> Fence:
    """Take the right to sign on the operator's word that nobody else uses it; by the rule of a
    lost vote record. number: of the right, by default the next."""
    return _change(home, lambda fence, key: claimed(fence, key, number))


def _change(home: Path, change: Callable[[Fence, bytes], Fence]) -> Fence:
    settings = config.load(home / config.CONFIG_FILE)
    key, folder = validator_key(settings), settings.path(settings.storage.path)
    _require_own(home, settings)
    with _stopped(folder):
        fence = change(read_fence(folder) or Fence(new_place()), key)
        write_fence(folder, fence)
    return fence


def _require_own(home: Path, settings: Config) -> None:
    """LocalError when the folder holds the votes of another organisation, or another chain: the
    right to sign that it has is not that of the configuration's key."""
    folder = settings.path(settings.storage.path)
    require_own(folder, audit.genesis_of(home), validator_keys(settings))


@contextmanager
def _stopped(folder: Path) -> Iterator[None]:
    """No node starts on this folder meanwhile; LocalError while one runs."""
    try:
        files = hold(folder / VOTES_FOLDER)
    except LocalError as error:
        raise LocalError(f"stop the node first: {error}") from error
    try:
        yield
    finally:
        files.close()
