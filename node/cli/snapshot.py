"""`poyong snapshot`: make one, list them, begin a node with one from a file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from api.encoding import hex_of
from ledger.errors import LocalError, PeerError
from node import audit, config
from node.cli.admin_socket import have_snapshot_made, listens, within_option
from node.cli.home import home_option
from node.cli.output import json_option, moment, print_fields, print_json, print_table
from node.config import Config
from node.files.disk_errors import StoreHeldError
from node.modules import build_executor
from node.opening import CHAIN_FOLDER, read_genesis
from node.snapshots import shelf
from node.snapshots.checking import BeforeTrustedError, CheckedManifest, OtherChainError
from node.snapshots.file import OTHER_SNAPSHOT, SnapshotFile
from node.snapshots.format import MANIFEST, VERSION, NewerFormatError
from node.snapshots.joining import Start, start_of, trusted_file_of
from node.snapshots.making import SnapshotMaker, make_at_once
from node.snapshots.restoring import JoinFolder, beginning_alone
from node.snapshots.shelf import Listed, Shelf
from node.store.account_index import HistoryRules
from node.store.stores import has_chain
from node.version import other_format


@click.group()
def snapshot() -> None:
    """Make, list and restore snapshots, with which new nodes begin."""


@snapshot.command("list")
@home_option("Folder of the node, which may run or not.")
@json_option
def list_command(home: Path, as_json: bool) -> None:
    """List the snapshots that a node has."""
    found = shelf.listed(_folder(_loaded(home)))
    if as_json:
        print_json([_described(item) for item in found])
        return
    print_table(
        f"{len(found)} snapshots in {home}",
        ("height", "block time", "bytes", "parts", "block", "file"),
        [
            (
                item.manifest.height,
                moment(item.manifest.header.time_ms),
                item.size_bytes,
                item.manifest.part_count,
                hex_of(item.manifest.header.hash),
                item.path.name,
            )
            for item in found
        ],
    )


@snapshot.command("create")
@home_option("Folder of the node, which may run or not.")
@within_option
@json_option
def create_command(home: Path, within: int, as_json: bool) -> None:
    """Make a snapshot at the head; a running node makes it itself and goes on with its blocks.

    The oldest go when there are more than snapshots.keep.
    """
    loaded = _loaded(home)
    try:
        height = _make(home, loaded)
    except StoreHeldError as error:
        if not (loaded.admin.socket and listens(home)):
            raise LocalError(
                "another process uses the database and makes no snapshots: wait for a command that "
                "reads it; a node makes them when it has an [admin] socket, so name one, or stop "
                "the node meanwhile"
            ) from error
        height = have_snapshot_made(home, within)["height"]
    made = next(item for item in shelf.listed(_folder(loaded)) if item.manifest.height == height)
    if as_json:
        print_json(_described(made))
    else:
        print_fields(_described(made))


@snapshot.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@home_option("Folder of the node, which must have no chain yet.")
@json_option
def restore_command(file: Path, home: Path, as_json: bool) -> None:
    """Begin a node with FILE, a snapshot, checked from the node's genesis document on.

    Nothing in FILE is trusted, so it may come from anybody: it has to follow from the genesis
    document, and from snapshots.trusted_header where the configuration names one. The node then
    fetches the blocks that follow when it is started.
    """
    loaded = _loaded(home)
    chain = loaded.path(loaded.storage.path) / CHAIN_FOLDER
    if has_chain(chain):
        raise LocalError(
            f"{chain} holds a chain already, and a snapshot is for a node without one: start the "
            "node, or name another folder with --home"
        )
    document = read_genesis(loaded.path(loaded.node.genesis))
    start = start_of(document, build_executor(), trusted_file_of(loaded))
    opened = SnapshotFile(file)
    manifest = _checked(opened, start)
    with beginning_alone(loaded.path(loaded.storage.path)):
        height = _restore(opened, manifest, loaded, chain, start)
    shown = {"height": height, "block": hex_of(manifest.manifest.header.hash), "home": str(home)}
    if as_json:
        print_json(shown)
    else:
        print_fields(shown)


def _loaded(home: Path) -> Config:
    return config.load(home / config.CONFIG_FILE)


def _folder(loaded: Config) -> Path:
    return loaded.path(loaded.storage.path) / shelf.FOLDER


def _described(item: Listed) -> dict[str, Any]:
    header = item.manifest.header
    return {
        "height": header.height,
        "block": hex_of(header.hash),
        "time": moment(header.time_ms),
        "state_root": hex_of(header.state_root),
        "parts": item.manifest.part_count,
        "size_bytes": item.size_bytes,
        "file": str(item.path),
    }


def _make(home: Path, loaded: Config) -> int:
    """A snapshot of a node that does not run; its height."""
    document = read_genesis(loaded.path(loaded.node.genesis))
    kept = Shelf(_folder(loaded), loaded.snapshots.keep)
    with audit.opened(home) as (_, blocks):
        head = blocks.head()
        if head is None or head.height == 0:
            raise LocalError("the chain has no block beyond genesis yet: every node begins there")
        kept.tidy()
        path = kept.path_of(head.height)
        if not path.exists():
            start = start_of(document, build_executor())
            genesis_hash, buckets = start.rules.trusted.genesis_hash, start.rules.bucket_count
            make_at_once(SnapshotMaker(blocks, document.chain_id, genesis_hash, buckets, path))
        kept.tidy()
    return head.height


def _checked(opened: SnapshotFile, start: Start) -> CheckedManifest:
    try:
        manifest = CheckedManifest(start.rules, opened.read(MANIFEST))
    except OtherChainError as error:
        raise LocalError(f"{opened.path}: {error}; take one of this node's chain") from error
    except BeforeTrustedError as error:
        raise LocalError(f"{opened.path}: {error}; take a newer one") from error
    except NewerFormatError as error:
        raise other_format(opened.path, error.found, VERSION, OTHER_SNAPSHOT) from error
    except PeerError as error:
        raise _does_not_hold(opened.path, str(error)) from error
    if opened.item_count != manifest.manifest.item_count:
        raise _does_not_hold(
            opened.path,
            f"it has {opened.item_count} items, its manifest says {manifest.manifest.item_count}",
        )
    return manifest


def _restore(
    opened: SnapshotFile, manifest: CheckedManifest, loaded: Config, chain: Path, start: Start
) -> int:
    """Check and install every item; nothing is left behind when one does not hold."""
    folder = JoinFolder(loaded.path(loaded.storage.path), start.rules)
    try:
        folder.begin(manifest)
        with _shown(manifest.manifest.item_count - 1) as told:
            for item in folder.missing():
                try:
                    folder.keep(item, opened.read(item))
                except PeerError as error:
                    raise _does_not_hold(opened.path, f"item {item}: {error}") from error
                told()
        history = HistoryRules(loaded.history.enabled, loaded.history.keep_blocks)
        return folder.install(chain, start.header, loaded.storage.engine, history)
    except BaseException:
        folder.remove()
        raise


def _does_not_hold(path: Path, why: str) -> LocalError:
    return LocalError(
        f"{path} does not hold: {why}. Copy it again from where it was made, or take another node's"
    )


@contextmanager
def _shown(items: int) -> Iterator[Callable[[], None]]:
    """Shows in a terminal how far the checking is, and how long it will take."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("Checking"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} items"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=items)
        yield lambda: bar.advance(task)
