"""A new chain from the exported state of an old one: its genesis document, and reading its rows.

The document names the file by its hash; the file lies beside it under the same name with the
ending .state, on every node, until the first start (docs/operating.md, "Restart from an exported
state").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ledger import genesis
from ledger.errors import DecodeError, LocalError
from ledger.executor import BlockExecutor
from ledger.genesis import Genesis
from ledger.primitives import ZERO_HASH, Hash
from ledger.registry import Validator, ValidatorSet
from ledger.restart import Restart
from ledger.strict_json import nearest
from node.state_files import state_file
from node.state_files.state_file import Description, Row, Told
from node.state_files.state_verification import check_rows

STATE_ENDING: Final = ".state"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the new chain shall be. now_ms: ms since 1970. name, authority: None keeps the old one.

    without: organisations whose validators are left out; added: validators after those that stay.
    """

    chain_id: int
    now_ms: int
    name: str | None = None
    authority: str | None = None
    without: Sequence[str] = ()
    added: Sequence[Validator] = ()


def state_path(document: Path) -> Path:
    """Where the exported state lies that the genesis document in this file names."""
    return document.with_suffix(STATE_ENDING)


def with_carried_rows(document: Genesis, file: Path) -> Genesis:
    """The document of `file`, able to open the exported state beside it when it is built."""
    restart = document.restart
    if restart is None:
        return document

    def rows() -> Iterator[Row]:
        require_named_state(state_path(file), document, restart)
        return state_file.read_rows(state_path(file))

    return replace(document, carried_rows=rows)


def require_named_state(path: Path, document: Genesis, restart: Restart) -> None:
    """LocalError unless `path` is the exported state that a genesis document names."""
    if not path.exists():
        raise LocalError(
            f"this genesis carries over the state of chain {restart.chain_id}: put the exported "
            f"state (SHA-256 {restart.state_file_hash.hex()}) at {path}, then start again"
        )
    found = state_file.file_hash(path)
    if found != restart.state_file_hash:
        raise LocalError(
            f"{path} has the SHA-256 {found.hex()}, the genesis document names "
            f"{restart.state_file_hash.hex()}: copy the right file there"
        )
    of = state_file.describe(path)
    if restart != _restart_of(of, found, restart.state_root) or of.local != document.local:
        raise LocalError(
            f"the genesis document says of the exported state what {path} does not: make it anew "
            "with poyong genesis from-state"
        )


def _restart_of(of: Description, state_file_hash: Hash, state_root: Hash) -> Restart:
    return Restart(
        chain_id=of.chain_id,
        genesis_hash=of.genesis_hash,
        height=of.header.height,
        block_hash=of.header.hash,
        time_ms=of.header.time_ms,
        state_file_hash=state_file_hash,
        state_root=state_root,
    )


def new_genesis(
    path: Path, wish: Wish, executor: BlockExecutor, told: Told = lambda _: None
) -> Genesis:
    """The genesis of a chain that goes on from the exported state in `path`.

    LocalError when the file is not intact, or when the wish cannot be met.
    """
    old = check_rows(path, told)
    of = old.description
    restart = _restart_of(of, state_file.file_hash(path), ZERO_HASH)
    draft = Genesis(
        chain_id=wish.chain_id,
        name=of.name if wish.name is None else wish.name,
        # Block time never goes back, whatever the clock says: modules keep deadlines by it.
        time_ms=max(wish.now_ms, of.header.time_ms + 1),
        validators=_validators(old.coming, wish),
        observers={},
        sections={} if wish.authority is None else {"governance": {"authority": wish.authority}},
        bucket_count=of.bucket_count,
        parameters=of.parameters,
        local=of.local,
        restart=restart,
        carried_rows=lambda: state_file.read_rows(path, told),
    )
    seats = {validator.node_key for validator in draft.validators.validators}
    stay = {key: name for key, name in old.observers.items() if key not in seats}
    draft = replace(draft, observers=stay)
    # Refused as any node would refuse it, before the rows are read once more.
    genesis.parse(draft.canonical(), "the new genesis document")
    root = genesis.build_carried_state(draft, executor).commitment.root
    return replace(draft, restart=replace(restart, state_root=root))


def _validators(old: ValidatorSet, wish: Wish) -> ValidatorSet:
    """Those of the old set that stay, in their order, then those that are added."""
    known = {validator.organisation for validator in old.validators}
    for name in wish.without:
        if name not in known:
            raise LocalError(
                f"--without: no validator is called {name!r:.80}{nearest(name, known)}"
            )
    stay = [item for item in old.validators if item.organisation not in wish.without]
    try:
        return ValidatorSet((*stay, *wish.added))
    except DecodeError as error:
        raise LocalError(f"the validators of the new chain: {error}") from error
