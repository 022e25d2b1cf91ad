"""`poyong doctor`: what is wrong with a node's folder, and what to do about it."""

import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ledger import genesis
from ledger.errors import LocalError
from ledger.genesis import Genesis
from ledger.state import State
from ledger.validator_tables import set_at
from node import audit, config, wall_clock
from node.assembly import roles_at_head
from node.audit import OK, StoreAudit
from node.backups.last_backup import age_of_backup
from node.cli.home import home_option
from node.cli.output import json_option, print_json, print_table
from node.config import Config
from node.files.disk_errors import FREE_BYTES_WANTED
from node.keys import keystore
from node.modules import build_executor
from node.opening import CHAIN_FOLDER, VOTES_FOLDER, read_genesis
from node.reads.key_report import key_rotation
from node.software import next_upgrade, require_version
from node.state_files.restart import require_named_state, state_path
from node.store.data_folder import require_own
from node.version import VERSION

_KIB: Final = 1024
_MIB: Final = 1024 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. found: what was seen; when it is not ok, a sentence with the remedy."""

    check: str
    ok: bool
    found: str


@click.command()
@home_option("Folder of the node, which must not be running.")
@json_option
def doctor(home: Path, as_json: bool) -> int:
    """Check a node's files, keys, genesis, store, invariants and disk. Changes nothing."""
    if not home.is_dir():
        raise LocalError(f"there is no folder {home}: name that of a node, or run `poyong init`")
    findings = list(examine(home))
    healthy = all(finding.ok for finding in findings)
    disk = disk_use(home, audit.disk_shares(home) if healthy else {})
    free = shutil.disk_usage(home).free
    if as_json:
        print_json(
            {
                "ok": healthy,
                "checks": [
                    {"check": item.check, "ok": item.ok, "found": item.found} for item in findings
                ],
                "disk_bytes": disk,
                "disk_free_bytes": free,
            }
        )
    else:
        print_table(
            f"Node in {home}",
            ("check", "", "found"),
            [(item.check, "ok" if item.ok else "WRONG", item.found) for item in findings],
        )
        print_table(
            "What uses the disk",
            ("part", "KiB", "%"),
            [
                (part, -(-size // _KIB), f"{size * 100 / max(1, sum(disk.values())):.1f}")
                for part, size in disk.items()
            ]
            + [("free on this file system", free // _KIB, "")],
        )
    if not healthy:
        count = sum(not finding.ok for finding in findings)
        raise LocalError(f"{count} of {len(findings)} checks failed: see what each of them says")
    return 0


def examine(home: Path) -> Iterator[Finding]:
    """Every check in order; those that need what a failed one should have given are left out."""
    options: list[Config] = []
    documents: list[Genesis] = []
    yield _tried("configuration", lambda: _configuration(home, options))
    if not options:
        return
    loaded = options[0]
    yield _tried("owner only", lambda: _modes(home))
    yield _tried("genesis", lambda: _genesis(loaded, documents))
    yield _tried("keys", lambda: _keys(loaded, documents[0] if documents else None))
    yield _tried("free disk", lambda: _free_disk(home))
    age = age_of_backup(loaded.path(loaded.storage.path), wall_clock.now_ms())
    yield Finding("backup", True, age)
    if documents:
        store = _tried("store", lambda: _store(home, loaded, documents[0]))
        yield store
        if store.ok:
            yield _tried("rotation of keys", lambda: _rotation(home, loaded))
            yield _tried("registry", lambda: _registry(home, loaded))
            yield _tried("software", lambda: _software(home))


def _tried(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, True, look())
    except LocalError as error:
        return Finding(check, False, str(error))


def _configuration(home: Path, into: list[Config]) -> str:
    loaded = config.load(home / config.CONFIG_FILE)
    into.append(loaded)
    role = "validator" if loaded.is_validator else "observer"
    return f"{role} {loaded.node.name!r} with {len(loaded.network.peers)} peers"


def _modes(home: Path) -> str:
    secret = [home / "keys", *(home / "keys").glob("*")]
    exposed = [path for path in secret if path.exists() and path.stat().st_mode & _OTHERS]
    if exposed:
        raise LocalError(
            f"others may read {', '.join(str(path) for path in exposed)}: chmod go= on each"
        )
    return f"{len(secret)} files and folders of keys"


def _genesis(loaded: Config, into: list[Genesis]) -> str:
    document = read_genesis(loaded.path(loaded.node.genesis))
    head = genesis.header(document, build_executor())
    into.append(document)
    return (
        f"chain {document.chain_id}, hash 0x{head.hash.hex()}, "
        f"{len(document.validators)} validators"
        + (", a local town: its funded keys are public" if document.local else "")
    )


def _keys(loaded: Config, document: Genesis | None) -> str:
    node = keystore.read_key_info(loaded.path(loaded.node.node_key))
    if not loaded.is_validator:
        return f"node key {node.public_key.hex()}"
    key, *_ = _validator_keys(loaded)
    seat = None if document is None else document.validators.index_of(key)
    where = "no seat at genesis" if seat is None else f"seat {seat} at genesis"
    return f"validator key {key.hex()}, {where}"


def _validator_keys(loaded: Config) -> list[bytes]:
    """Public keys, the present one first."""
    if loaded.signer.kind == "file":
        return _in_files(loaded, loaded.node.validator_key, loaded.node.next_validator_key)
    named = (loaded.signer.public_key, loaded.signer.next_public_key)
    return [bytes.fromhex(key) for key in named if key]


def _in_files(loaded: Config, *files: str) -> list[bytes]:
    return [keystore.read_key_info(loaded.path(file)).public_key for file in files if file]


def _rotation(home: Path, loaded: Config) -> str:
    """Which key the chain wants of this node, and what is left to do about it."""
    keys = _validator_keys(loaded)
    node_keys = _in_files(loaded, loaded.node.node_key, loaded.node.next_node_key)
    try:
        with audit.opened(home) as (_, blocks):
            head, state = blocks.head(), State(blocks.state())
            found = None if head is None else key_rotation(keys, node_keys, state, head.height)
    except audit.NoChainError:
        found = None
    if found is None:
        return (
            "nothing to do" if len(keys) < 2 and len(node_keys) < 2 else "not known before a start"
        )
    if found.stage == "missing":
        raise LocalError(found.advice)
    since = "" if found.since is None else f" since or from height {found.since:,}"
    return f"{found.stage}{since}: {found.advice}"


def _registry(home: Path, loaded: Config) -> str:
    """Whether the others let this node in: by its seat's node key, or as an observer."""
    keys = _validator_keys(loaded)
    node_keys = _in_files(loaded, loaded.node.node_key, loaded.node.next_node_key)
    try:
        with audit.opened(home) as (_, blocks):
            head, state = blocks.head(), State(blocks.state())
            height = 0 if head is None else head.height
            roles = roles_at_head(state, height)
            seats = [
                each for each in set_at(state, height + 1).validators if each.public_key in keys
            ]
    except audit.NoChainError:
        return "not known before a start"
    known = [roles[key].organisation for key in node_keys if key in roles]
    if known:
        return f"the node key is known as that of {known[0]!r}"
    if seats:
        seat = seats[0]
        raise LocalError(
            f"the chain names the node key {seat.node_key.hex()} for {seat.organisation!r:.80}, "
            f"this node has {node_keys[0].hex()}, and the others refuse it: put this node's own "
            "keys back, or have the key admitted by a vote (governance.add_observer)"
        )
    return (
        f"block {height:,} does not know the node key {node_keys[0].hex()}: the others refuse this "
        "node until a vote has admitted it"
    )


def _free_disk(home: Path) -> str:
    free = shutil.disk_usage(home).free
    if free < FREE_BYTES_WANTED:
        raise LocalError(
            f"{free // _MIB} MiB are free on the file system of {home}, at least "
            f"{FREE_BYTES_WANTED // _MIB} MiB are needed: make room or move storage.path"
        )
    return f"{free // _MIB:,} MiB"


def _store(home: Path, loaded: Config, document: Genesis) -> str:
    # Whose votes these are shows without opening anything.
    require_own(loaded.path(loaded.storage.path), document, _validator_keys(loaded))
    try:
        found: StoreAudit = audit.audit(home)
    except audit.NoChainError:
        if document.restart is not None:  # needed at the first start alone
            file = state_path(loaded.path(loaded.node.genesis))
            require_named_state(file, document, document.restart)
        return "none yet: the node was never started"
    if found.invariants != OK:
        raise LocalError(
            f"invariant {found.invariants} is broken at height {found.height}: {found.found}; "
            "keep a copy of the folder and report it"
        )
    return (
        f"blocks {found.lowest_height:,} to {found.height:,}, {found.transactions:,} transactions, "
        "state root, certificate and every invariant hold"
    )


def _software(home: Path) -> str:
    """Whether this release goes on from the head, and what the chain has planned."""
    try:
        with audit.opened(home) as (_, blocks):
            head, state = blocks.head(), State(blocks.state())
            if head is None:
                return f"version {VERSION}"
            require_version(state, head.height + 1)
            planned = next_upgrade(state)
    except audit.NoChainError:
        return f"version {VERSION}"
    if planned is None:
        return f"version {VERSION}; no upgrade is planned"
    when = f"upgrade {planned.name!r} at height {planned.height:,}"
    if not planned.suffices:
        return (
            f"{when} needs version {planned.from_version} or later, below {planned.below_version}, "
            f"and this is {VERSION}: install the release whose SHA-256 is "
            f"{planned.artefact_hash.hex()} before it"
        )
    return f"version {VERSION} goes on at {when}"


def disk_use(home: Path, row_bytes: Mapping[str, int]) -> dict[str, int]:
    """Bytes by part of a node's folder. row_bytes: of the chain, by kind; what its files hold
    beside is old rows not yet cleared away, and what the store needs to find rows."""
    try:
        data = home / config.load(home / config.CONFIG_FILE).storage.path
    except LocalError:  # reported by the check of the configuration
        data = home / config.StorageConfig().path
    whole = {
        "chain": _bytes_below(data / CHAIN_FOLDER),
        "vote record": _bytes_below(data / VOTES_FOLDER),
        "keys": _bytes_below(home / "keys"),
    }
    other = max(0, _bytes_below(home) - sum(whole.values()))
    rest = max(0, whole.pop("chain") - sum(row_bytes.values()))
    return {
        **{f"chain: {kind}": size for kind, size in row_bytes.items()},
        "chain: rest" if row_bytes else "chain": rest,
        **whole,
        "other": other,
    }


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
