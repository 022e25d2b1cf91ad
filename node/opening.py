"""Opens a node's files, in an order in which what is refused stays as it is."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from consensus.messages import SigningDomain
from ledger import genesis
from ledger.errors import LocalError
from ledger.genesis import Genesis
from node.config import Config
from node.modules import build_executor
from node.network.identities import Identities
from node.network.tls import NodeIdentity
from node.node_keys import open_keys
from node.signing.choice import open_elsewhere, public_keys_of
from node.signing.fence import Fence, Standing
from node.signing.fencing import enter, require_held
from node.signing.ring import KeyRing
from node.signing.wire import Holder
from node.software import require_version
from node.state_files.restart import with_carried_rows
from node.store import saved_commitment
from node.store.account_index import HistoryRules
from node.store.block_store import BlockStore
from node.store.data_folder import LabelKeeper, require_openable
from node.store.pruning import PruningRules
from node.store.storage import OpenedChain, open_chain, with_vote_record
from node.store.stores import open_store
from node.votes.wal import OpenedLog, hold, open_log_on

CHAIN_FOLDER: Final = "chain"
VOTES_FOLDER: Final = "votes"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A node's files, open: configuration, genesis, chain, vote record, keys and label."""

    config: Config
    genesis: Genesis
    chain: OpenedChain
    votes: OpenedLog
    ring: KeyRing
    identities: Identities
    label: LabelKeeper
    fence: Fence

    @property
    def identity(self) -> NodeIdentity:
        """The present node key."""
        return self.identities.present

    @property
    def signs_from(self) -> int | None:
        """First height that its key may sign; None while its fence forbids all."""
        return None if self.fence.standing is Standing.WAITING else self.fence.signs_from


def read_genesis(path: Path) -> Genesis:
    """The genesis document in a file; LocalError when there is none or it is wrong.

    Of a restart the exported state lies beside it, and is read only when the state is built.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LocalError(f"cannot read the genesis file {path}: {error.strerror}") from error
    return with_carried_rows(genesis.parse(data, str(path)), path)


def open_files(config: Config, on_sync: Callable[[float], None] = lambda _: None) -> Opened:
    """Open everything on disk. on_sync: told how many seconds each write of the vote record took.

    What is open already when a later part cannot be opened is closed again. What shows without
    opening anything is looked at first, so that a folder that is refused stays as it is.
    """
    document = read_genesis(config.path(config.node.genesis))
    folder = config.path(config.storage.path)
    fence = require_held(folder, validator=config.is_validator)
    identities, files = open_keys(config)
    elsewhere = open_elsewhere(config)
    keys = public_keys_of(config, files)
    label = require_openable(folder, document, keys)
    keeper = LabelKeeper(folder, label, document, keys)
    with ExitStack() as until_complete:
        files_of_votes = hold(folder / VOTES_FOLDER)
        held = until_complete.enter_context(ExitStack())
        held.callback(files_of_votes.close)
        store = open_store(
            folder / CHAIN_FOLDER,
            config.storage.engine,
            write_buffer_bytes=config.storage.write_buffer_mib * 2**20,
            cache_bytes=config.storage.cache_mib * 2**20,
        )
        until_complete.callback(store.close)
        pruning = PruningRules(config.pruning.keep_blocks, config.pruning.keep_days)
        blocks = BlockStore(store, str(folder / CHAIN_FOLDER), history_rules(config), pruning)
        _announce_restart(document, blocks)
        _announce_history(blocks)
        saved = saved_commitment.load(folder / CHAIN_FOLDER)
        chain = open_chain(blocks, document, build_executor(), saved)
        require_version(chain.state(), chain.head.height + 1)
        keeper.start(chain.state(), chain.head.height + 1, blocks.schema_version)
        votes = open_log_on(files_of_votes, chain.marker, on_sync)
        held.pop_all()  # from here on they are the log's
        until_complete.callback(votes.log.close)
        if votes.lost is not None:
            log.error("votes.lost", reason=votes.lost, consequence="signs from two heights on")
        chain = with_vote_record(chain, votes.log.marker(), lost=votes.lost is not None)
        fence, chain = enter(folder, fence, keys, chain, votes.log.marker())
        until_complete.pop_all()
    domain = SigningDomain(document.chain_id, chain.genesis_hash)
    holder = Holder(fence.number, fence.place)
    if fence.standing is Standing.WAITING:
        ring = KeyRing(silent=keys)
    else:
        ring = KeyRing(files, elsewhere(domain, identities.present, holder))
    return Opened(config, document, chain, votes, ring, identities, keeper, fence)


def _announce_restart(document: Genesis, blocks: BlockStore) -> None:
    """Reading a large state takes a while, and the log should say why nothing else happens."""
    restart = document.restart
    if restart is not None and blocks.head() is None:
        log.info(
            "genesis.carrying_state",
            chain_id=restart.chain_id,
            height=restart.height,
            state_file_hash=restart.state_file_hash.hex(),
        )


def history_rules(config: Config) -> HistoryRules:
    """What this node keeps of the history of accounts."""
    return HistoryRules(config.history.enabled, config.history.keep_blocks)


def _announce_history(blocks: BlockStore) -> None:
    """Say it when blocks lack the rows that the configuration asks for."""
    head = blocks.head()
    if head is None or not blocks.index.rules.enabled:
        return
    first, wanted = blocks.index.first(head.height), blocks.index.lowest_wanted(head.height)
    if first > wanted:
        log.warning(
            "history.incomplete",
            complete_from_height=first,
            remedy="stop the node and run poyong history rebuild",
        )
