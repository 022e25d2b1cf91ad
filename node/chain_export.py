"""Blocks, events or accounts as JSON lines or CSV (`poyong export`), one after the other.

From a running node by JSON-RPC, or from the files of one that does not run; accounts from files
alone, since a node lists none. Rows are those of the tables of docs/sql.md, made by the same
functions: integers are numbers, amounts decimal text, times text in UTC.
"""

import csv
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Final, Literal

import orjson

from api import calls, ports, results, views
from api.encoding import address
from api.held_blocks import lowest_of
from api.sync_client import SyncClient
from ledger.accounts import ACCOUNTS
from ledger.block import decode_block
from ledger.errors import DecodeError, LocalError
from ledger.primitives import Address
from ledger.receipt import decode_hook_leaf, decode_leaves, decode_receipt
from ledger.state import State
from node import audit, config
from node.files.whole_files import whole_file
from node.modules import build_executor
from node.opening import read_genesis
from node.sqlindex.links import check_block
from node.sqlindex.rows import block_row, event_rows
from node.store.block_store import BlockStore

Kind = Literal["blocks", "accounts", "events"]
Format = Literal["jsonl", "csv"]
Row = dict[str, Any]

COLUMNS: Final[dict[Kind, tuple[str, ...]]] = {
    "blocks": (
        "height",
        "hash",
        "parent_hash",
        "time_ms",
        "time",
        "proposer",
        "transaction_count",
        "parent_view",
        "parent_signers",
        "evidence_count",
        "transactions_root",
        "state_root",
        "receipts_root",
        "validators_hash",
    ),
    "accounts": ("address", "balance", "nonce", "height"),
    "events": (
        "height",
        "position",
        "time",
        "transaction_hash",
        "name",
        "module",
        "type",
        "account",
        "payload",
    ),
}
"""Of each kind, in the order of a CSV file."""
_DOCTOR: Final = "run poyong doctor on this node, and export from another one"


def rows_by_rpc(
    client: SyncClient, kind: Kind, first: int | None, last: int | None
) -> Iterator[Row]:
    """Rows of a running node; first None: from its lowest block, last None: up to its height now.

    LocalError for accounts, and for blocks that are not there or do not fit each other.
    """
    if kind == "accounts":
        raise LocalError(
            "a running node does not list its accounts: stop one and export them from its files "
            "with --home FOLDER"
        )
    status = client.call(calls.status())
    first, last = _range(first, last, lowest_of(status), status["height"])
    detail: results.Detail = "full" if kind == "events" else "hashes"
    with closing(client.blocks(first, detail)) as blocks:
        yield from _rows_of(kind, _until(last, blocks, first, status["genesis_hash"]))


def _until(
    last: int, blocks: Iterable[results.Block], height: int, genesis_hash: str
) -> Iterator[results.Block]:
    """Blocks up to `last`, each standing on the one before."""
    parent_hash = genesis_hash if height == 1 else None
    for block in blocks:
        check_block(block, height, parent_hash)
        yield block
        if height == last:
            return
        height, parent_hash = height + 1, block["hash"]


def rows_of_files(home: Path, kind: Kind, first: int | None, last: int | None) -> Iterator[Row]:
    """Rows of the node in `home`, which must not run; its chain is only read.

    LocalError when it runs, has no such blocks, or holds what cannot be decoded.
    """
    options = config.load(home / config.CONFIG_FILE)
    document = read_genesis(options.path(options.node.genesis))
    with audit.opened(home) as (_, store):
        head = store.head()
        if head is None:
            raise audit.NoChainError(home)
        try:
            if kind == "accounts":
                yield from _accounts(store, head.height)
            else:
                first, last = _range(first, last, store.lowest_height, head.height)
                yield from _rows_of(kind, _stored(store, document.chain_id, kind, first, last))
        except DecodeError as error:
            raise LocalError(f"the database is unreadable: {error}; {_DOCTOR}") from error


def _range(first: int | None, last: int | None, lowest: int, height: int) -> tuple[int, int]:
    """The blocks to write, of those that the node holds; None: from its lowest, to its head."""
    start = lowest if first is None else first
    end = height if last is None else last
    if not lowest <= start <= end <= height:
        raise LocalError(
            f"the node holds blocks {lowest} to {height}, asked for were {start} to {end}: correct "
            "--from and --to" + (", or ask a node that keeps all of them" if start < lowest else "")
        )
    return start, end


def _rows_of(kind: Kind, blocks: Iterable[results.Block]) -> Iterator[Row]:
    for block in blocks:
        if kind == "blocks":
            yield block_row(block)
        else:
            yield from event_rows(block)


def _stored(
    store: BlockStore, chain_id: int, kind: Kind, first: int, last: int
) -> Iterator[results.Block]:
    executor = build_executor()
    messages, decode_call = executor.registry, executor.contracts.decode_call
    for height in range(first, last + 1):
        raw = store.block_bytes(height)
        if raw is None:
            raise LocalError(f"the database holds no block {height}; {_DOCTOR}")
        block = decode_block(raw, chain_id, decode_call)
        if kind == "blocks":
            yield views.compact_block(block.compact())
        else:
            *leaves, hooks = decode_leaves(store.receipts_bytes(height) or b"")
            receipts = tuple(decode_receipt(leaf) for leaf in leaves)
            committed = ports.CommittedBlock(block, receipts, decode_hook_leaf(hooks))
            yield views.full_block(committed, messages)


def _accounts(store: BlockStore, height: int) -> Iterator[Row]:
    for key, account in State(store.state()).iterate(ACCOUNTS):
        yield {
            "address": address(Address(key)),
            "balance": str(account.balance),
            "nonce": account.nonce,
            "height": height,
        }


def write(rows: Iterable[Row], kind: Kind, form: Format, out: Path | None) -> int:
    """Write rows to a file, or to stdout when `out` is None; how many there were.

    The file gets its name only when it is whole and on disk. LocalError when it exists, or when
    the disk refuses; nothing is left behind then.
    """
    if out is None:
        return _written(rows, kind, form, sys.stdout)
    if out.exists():
        raise LocalError(f"{out} exists and is not replaced: name another file")
    with _whole(out) as file:
        return _written(rows, kind, form, file)


@contextmanager
def _whole(path: Path) -> Generator[IO[str], None, None]:
    with whole_file(path) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            yield text
        finally:
            text.detach()


def _written(rows: Iterable[Row], kind: Kind, form: Format, file: IO[str]) -> int:
    count = 0
    table = None if form == "jsonl" else csv.writer(file, lineterminator="\n")
    if table is not None:
        table.writerow(COLUMNS[kind])
    for row in rows:
        values = [_plain(row[name]) for name in COLUMNS[kind]]
        if table is None:
            file.write(orjson.dumps(dict(zip(COLUMNS[kind], values, strict=True))).decode() + "\n")
        else:
            table.writerow([_cell(value) for value in values])
        count += 1
    return count


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value


def _cell(value: Any) -> Any:
    """A payload is one cell of JSON; what is not there is an empty one."""
    return orjson.dumps(value).decode() if isinstance(value, dict) else value
