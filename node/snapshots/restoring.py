"""The folder in which a snapshot is gathered, and the database that is made of it.

Each item that has been checked is a file of its own. Who is interrupted loses the items that were
on their way: at the next start all that lies here is checked anew, and what does not hold is
fetched again. The database is built beside them and gets its name, and the node its chain, only
when it is whole; until then the node's folder is as it was.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import structlog

from ledger import codec
from ledger.block import Block, Header
from ledger.concerned import concerned
from ledger.errors import InvariantViolation, LocalError, PeerError
from ledger.kv import KeyValueReader
from ledger.receipt import decode_hook_leaf, decode_receipt
from ledger.registry import Participation
from ledger.state import State
from ledger.state_parts import Row
from node.files.disk_errors import os_error, sync_folder
from node.files.file_locks import hold_folder
from node.files.whole_files import replace_whole
from node.snapshots.checking import ChainRules, CheckedBlock, CheckedManifest
from node.snapshots.format import MANIFEST
from node.store.account_index import HistoryRules
from node.store.block_store import Beginning, BlockParts, BlockStore
from node.store.set_changes import set_change
from node.store.stores import open_store

FOLDER: Final = "joining"
"""Below storage.path."""
PROGRESS_FILE: Final = "progress.json"
MAX_PROGRESS_BYTES: Final = 4 * 1024
_BUILT: Final = "chain"
_ITEM_DIGITS: Final = 6

log = structlog.get_logger(__name__)


@contextmanager
def beginning_alone(data: Path) -> Iterator[None]:
    """Meanwhile no other process begins a node in this folder, which is the node's storage.path and
    is made when it is missing; a failure leaves no empty one. LocalError when another does."""
    is_new = not data.exists()
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = hold_folder(data)
    except OSError as error:
        raise os_error("use", data, error) from error
    if handle is None:
        raise LocalError(
            f"another process begins a node in {data}: stop it first, or name another folder"
        )
    try:
        yield
    except BaseException:
        if is_new and not any(data.iterdir()):
            data.rmdir()
        raise
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class Gathering:
    """How far the fetching of a snapshot is. seconds_left: None while the speed is not known."""

    height: int
    items: int
    items_in_all: int
    bytes: int
    bytes_per_second: int
    seconds_left: int | None


class JoinFolder:
    """Items of one snapshot on disk. LocalError wherever the disk refuses."""

    def __init__(self, data: Path, rules: ChainRules) -> None:
        """data: the node's storage.path, which need not exist."""
        self.path = data / FOLDER
        self._rules = rules
        self.manifest: CheckedManifest | None = None
        self._kept: dict[int, int] = {}
        self._open()

    def _open(self) -> None:
        """Find what an earlier run left; items are not checked yet."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            raw = self._file(MANIFEST).read_bytes()
            self.manifest = CheckedManifest(self._rules, raw)
        except FileNotFoundError:
            return
        except PeerError as error:
            log.warning("snapshot.leftover_dropped", reason=str(error))
            self.clear()
        except OSError as error:
            raise os_error("read", self.path, error) from error

    def _file(self, item: int) -> Path:
        return self.path / f"item-{item:0{_ITEM_DIGITS}}"

    def begin(self, manifest: CheckedManifest) -> None:
        """Gather the items of this manifest; those of another one are dropped."""
        self.clear()
        self._write(MANIFEST, manifest.raw)
        self.manifest = manifest

    def recheck(self) -> Iterator[int]:
        """Look at every item that an earlier run left, yielding each; what does not hold goes."""
        manifest = self._require_manifest()
        for item in range(1, manifest.manifest.item_count):
            if not self._file(item).exists():
                continue
            try:
                data = self.read(item)
                manifest.check(item, data)
            except PeerError as error:
                log.warning("snapshot.item_dropped", item=item, reason=str(error))
                self._file(item).unlink(missing_ok=True)
            else:
                self._kept[item] = len(data)
            yield item

    def missing(self) -> list[int]:
        """Items that are not here yet, ascending."""
        count = self._require_manifest().manifest.item_count
        return [item for item in range(1, count) if item not in self._kept]

    @property
    def kept_bytes(self) -> int:
        """Bytes of the items that are here."""
        return sum(self._kept.values())

    @property
    def kept_items(self) -> int:
        """Items that are here, the manifest not counted."""
        return len(self._kept)

    def keep(self, item: int, data: bytes) -> None:
        """Check an item and keep it; PeerError when it does not hold, and then nothing is kept."""
        self._require_manifest().check(item, data)
        self._write(item, data)
        self._kept[item] = len(data)

    def read(self, item: int) -> bytes:
        """An item that is here."""
        try:
            return self._file(item).read_bytes()
        except OSError as error:
            raise os_error("read", self._file(item), error) from error

    def tell(self, gathering: Gathering) -> None:
        """Leave word of the progress for `poyong status`."""
        content = json.dumps(asdict(gathering)).encode()
        replace_whole(self.path / PROGRESS_FILE, content, sync=False)

    def _write(self, item: int, data: bytes) -> None:
        # Not synced: what is here is checked anew before it is used after a start.
        replace_whole(self._file(item), data, sync=False)

    def clear(self) -> None:
        """Nothing is here any more."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.manifest = None
        self._kept.clear()
        try:
            self.path.mkdir(parents=True)
        except OSError as error:
            raise os_error("create", self.path, error) from error

    def remove(self) -> None:
        """The folder goes, with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _require_manifest(self) -> CheckedManifest:
        if self.manifest is None:
            raise InvariantViolation("items of a snapshot before its manifest")
        return self.manifest

    # The database

    def install(
        self,
        chain: Path,
        genesis: Header,
        engine: str,
        history: HistoryRules,
        told: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Make the database of a node in the folder `chain`, which must not exist; its height.

        genesis: header of height 0. told: hears of each item that was written.
        """
        manifest = self._require_manifest().manifest
        built = self.path / _BUILT
        shutil.rmtree(built, ignore_errors=True)
        store = open_store(built, engine)
        try:
            blocks = BlockStore(store, str(built), history)
            blocks.begin(self.beginning(genesis, blocks.live_state(), told))
        finally:
            store.close()
        try:
            if chain.exists():
                chain.rmdir()
            built.rename(chain)
            sync_folder(chain.parent)
        except OSError as error:
            raise os_error("create the database in", chain, error) from error
        self.remove()
        return manifest.height

    def beginning(
        self,
        genesis: Header,
        live_state: KeyValueReader,
        told: Callable[[int], None] = lambda _: None,
    ) -> Beginning:
        """What an empty store begins with, once every item is here; as install().

        live_state: rows of state of the store that begins, which has them when it takes the blocks.
        """
        manifest = self._require_manifest().manifest
        before = (genesis, *manifest.headers)[-2]
        first = Block(genesis, Participation(None), ())
        changes = [
            (
                Header.from_wire(codec.decode(each.header)).height,
                codec.encode((codec.decode(each.header), each.validators.to_wire())),
                codec.encode(each.certificate.to_wire()),
            )
            for each in manifest.set_changes
        ]
        tail = len(manifest.headers)

        def blocks() -> Iterator[BlockParts]:
            for item in range(1, tail + 1):
                found = self._checked(item)
                if isinstance(found, CheckedBlock):
                    change = b""
                    if found.block.height == manifest.height:
                        change = set_change(before, found.block, State(live_state))
                    yield _parts_of(found, change)
                told(item)

        def state() -> Iterator[tuple[Row, ...]]:
            for item in range(tail + 1, manifest.item_count):
                found = self._checked(item)
                if not isinstance(found, CheckedBlock):
                    yield found
                told(item)

        return Beginning(
            BlockParts(height=0, block_hash=first.hash, block=first.encoded),
            changes,
            blocks(),
            state(),
        )

    def _checked(self, item: int) -> CheckedBlock | tuple[Row, ...]:
        """Checked once more: the disk may have lost what was never synced."""
        try:
            return self._require_manifest().check(item, self.read(item))
        except PeerError as error:
            self._file(item).unlink(missing_ok=True)
            raise LocalError(
                f"item {item} of the snapshot in {self.path} has changed on the disk: {error}. "
                "Check the disk, then start again: it is fetched anew"
            ) from error


def _parts_of(checked: CheckedBlock, change: bytes) -> BlockParts:
    """change: as BlockParts.set_change; empty for blocks below the newest, whose changes are in the
    manifest."""
    block, item = checked.block, checked.item
    *receipts, hooks = checked.leaves
    return BlockParts(
        height=block.height,
        block_hash=block.hash,
        block=item.block,
        certificate=item.certificate,
        receipts=item.receipts,
        transactions=[transaction.hash for transaction in block.transactions],
        set_change=change,
        concerned=concerned(
            block.transactions,
            [decode_receipt(leaf) for leaf in receipts],
            decode_hook_leaf(hooks),
        ),
    )


def read_progress(data: Path) -> Gathering | None:
    """How far a node with this storage.path has gathered a snapshot; None when it does not."""
    path = data / FOLDER / PROGRESS_FILE
    try:
        with path.open("rb") as file:
            fields = json.loads(file.read(MAX_PROGRESS_BYTES))
        return Gathering(**fields)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise os_error("read", path, error) from error
    except (ValueError, TypeError, RecursionError):
        return None  # written at this moment, or by another release: no progress to show
