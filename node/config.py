"""The node's configuration: one TOML file, every option overridable by POYONG_<SECTION>_<KEY>.

Only what may differ between nodes stands here; what all must agree on (heartbeat, chain id,
economy) is in genesis and in the chain's parameters. docs/operating.md lists every option.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from api.forwarded import trusted_networks
from ledger.errors import LocalError
from node.keys.keystore import PASSWORD_VARIABLE
from node.options import (
    from_environment,
    option,
    read_section,
    read_text,
    render_sections,
    tables_of,
)
from node.signing.settings import PIN_VARIABLE, Pkcs11Config, SignerConfig, check_node
from node.store.pruning import LEAST_KEPT_BLOCKS

CONFIG_FILE: Final = "config.toml"
MAX_CONFIG_BYTES: Final = 256 * 1024
NODE_KEY_HEX_CHARACTERS: Final = 64
MAX_PORT: Final = 65_535
API_KEY_VARIABLE: Final = "POYONG_API_KEY"
"""The key that commands send to a node."""
OTHER_VARIABLES: Final = (PASSWORD_VARIABLE, API_KEY_VARIABLE, PIN_VARIABLE)

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Who this node is, and where its files are; paths are relative to the configuration file."""

    name: str = option("node", "Shown in logs and to peers; no identity.")
    genesis: str = option("genesis.json", "The chain's genesis document.")
    validator_key: str = option(
        "", 'Key file that signs votes, for instance "keys/validator.json". Empty: an observer.'
    )
    next_validator_key: str = option(
        "",
        "Key file that is to take its place: it signs from the height on whose validator set\n"
        "names it, and validator_key until then (`poyong keys rotate`).",
    )
    node_key: str = option("keys/node.json", "Key file of the identity that peers know (TLS).")
    next_node_key: str = option(
        "", "Key file of the identity that is to take its place. Empty: that one stays."
    )
    password_file: str = option(
        "",
        "File whose first line is the password of the key files; only its owner may read it.\n"
        "Empty: the variable POYONG_KEY_PASSWORD, else a prompt.",
    )


@dataclass(frozen=True, slots=True)
class ConsensusConfig:
    """Patience of this replica and the size of the blocks that it proposes."""

    base_timeout_ms: int = option(
        1_000,
        "How long a view may take before the next proposer is asked for; doubles up to the cap.",
        minimum=50,
        maximum=60_000,
    )
    lowest_cap_ms: int = option(4_000, "Longest view after a commit.", minimum=50, maximum=600_000)
    highest_cap_ms: int = option(
        16_000, "Longest view after many failed ones.", minimum=50, maximum=600_000
    )
    max_drift_ms: int = option(
        10_000,
        "How far the time of a new proposal may lie from the own clock.",
        minimum=100,
        maximum=3_600_000,
    )
    max_block_transactions: int = option(
        1_000, "Transactions in a block that this node proposes.", minimum=1, maximum=2_000
    )
    max_block_bytes: int = option(
        1 * _MIB,
        "Bytes of transactions in a block that this node proposes.",
        minimum=128 * 1024,
        maximum=3 * _MIB,
    )


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Connections to the other nodes."""

    host: str = option("0.0.0.0", "Address on which peers reach this node.")
    port: int = option(26_656, "Port for peers.", maximum=MAX_PORT)
    peers: tuple[str, ...] = option(
        (),
        "Nodes to keep connected to, as NODE_KEY@HOST:PORT with the key in hex.\n"
        "Who may connect to this node is decided by the chain's registry, not by this list; whom\n"
        "it names is dialled also before the registry of this node's head knows the key.",
    )
    ping_interval_ms: int = option(
        5_000, "Each connection is pinged this often.", minimum=100, maximum=600_000
    )
    silence_timeout_ms: int = option(
        15_000,
        "A connection on which nothing came for this long is closed.",
        minimum=200,
        maximum=3_600_000,
    )

    def address_book(self) -> dict[bytes, str]:
        """Host and port of each peer by its 32-byte node key."""
        entries = (entry.partition("@") for entry in self.peers)
        return {bytes.fromhex(key): address for key, _, address in entries}


@dataclass(frozen=True, slots=True)
class RpcConfig:
    """JSON-RPC for wallets and tools."""

    enabled: bool = option(True, "Serve JSON-RPC over HTTP and WebSocket.")
    host: str = option("127.0.0.1", "Address; put a TLS proxy before it to serve the internet.")
    port: int = option(8_545, "Port; 0 takes any free one.", maximum=MAX_PORT)
    allowed_hosts: tuple[str, ...] = option(
        (), 'Host names that requests may use beside loopback and addresses; "*" allows all.'
    )
    allowed_origins: tuple[str, ...] = option(
        (), 'Web pages (origins) that may call beside those of loopback; "*" allows all.'
    )
    max_body_bytes: int = option(2 * _MIB, "Largest request.", minimum=1_024, maximum=64 * _MIB)
    max_batch: int = option(100, "Calls in one batch.", minimum=1, maximum=10_000)
    max_connections: int = option(1_024, "Open connections.", minimum=1, maximum=65_535)
    calls_per_second: int = option(
        2_000, "Calls a second of one client, on average.", minimum=1, maximum=1_000_000
    )
    burst_calls: int = option(
        10_000, "Calls that a client may save up.", minimum=1, maximum=10_000_000
    )
    limit_loopback: bool = option(False, "Whether the last two hold for this machine too.")
    api_keys: str = option(
        "", "File of API keys, each with a rate of its own (`poyong keys api-key new`)."
    )
    require_key: bool = option(False, "Refuse calls without an API key, those of this machine too.")
    max_log_blocks: int = option(
        2_000, "Blocks that one call may look through for logs.", minimum=1, maximum=100_000
    )
    max_filters: int = option(
        1_024, "Filters (eth_newFilter) that are kept.", minimum=1, maximum=65_536
    )
    trusted_proxies: tuple[str, ...] = option(
        (), "Proxies (addresses, networks) whose X-Forwarded-For says which client to limit."
    )
    max_subscriptions: int = option(
        16, "Subscriptions of one WebSocket connection.", minimum=1, maximum=1_024
    )
    max_answer_bytes: int = option(
        32 * _MIB,
        "Answers of a batch; its calls beyond are refused.",
        minimum=64 * 1024,
        maximum=256 * _MIB,
    )
    max_unsent_bytes: int = option(
        64 * _MIB,
        "Large answers in memory, of all clients together.",
        minimum=_MIB,
        maximum=65_536 * _MIB,
    )
    request_patience_ms: int = option(
        10_000, "Time for a request's headers, and again for its body.", minimum=10, maximum=600_000
    )
    reader_patience_ms: int = option(
        10_000,
        "A client that takes nothing of what is sent to it is disconnected after this.",
        minimum=10,
        maximum=600_000,
    )


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """/metrics for Prometheus, /healthz and /readyz."""

    enabled: bool = option(True, "Serve metrics and health.")
    host: str = option("127.0.0.1", "Address; they need no secret, so keep them off the internet.")
    port: int = option(9_464, "Port; 0 takes any free one.", maximum=MAX_PORT)


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """The database of the chain and the vote record."""

    path: str = option("data", "Folder of both, relative to the configuration file.")
    engine: str = option(
        "auto",
        "Store engine. auto: the one that wrote the folder, else LevelDB where it is installed.",
        choices=("auto", "leveldb", "rocksdb"),
    )
    write_buffer_mib: int = option(
        64,
        "Memory for rows before they are sorted to disk; less means longer pauses.",
        minimum=1,
        maximum=1_024,
    )
    cache_mib: int = option(32, "Memory for rows read from disk.", minimum=1, maximum=65_536)


@dataclass(frozen=True, slots=True)
class HistoryConfig:
    """Which blocks concern an account: what poyong_getAccountHistory answers from."""

    enabled: bool = option(
        True, "Keep it. Switched on later: `poyong history rebuild` fills it in."
    )
    keep_blocks: int = option(
        0,
        "Newest blocks for which it is kept, 0 for all. Older rows go 65536 blocks at a time.",
        maximum=2**40 - 1,
    )


@dataclass(frozen=True, slots=True)
class SnapshotsConfig:
    """Snapshots of the state, from which new nodes begin (docs/operating.md, "Snapshots")."""

    join: bool = option(
        False, "Without a chain yet, begin from a snapshot of the peers and not at genesis."
    )
    trusted_header: str = option(
        "",
        "File of a header that `poyong verify --keep` wrote: a snapshot has to follow from it, and "
        "not from genesis alone.",
    )
    serve: bool = option(True, "Give peers the snapshots that this node has.")
    every_blocks: int = option(
        0,
        "Make one every so many blocks; 0: only by `poyong snapshot create`.",
        maximum=2**40 - 1,
    )
    keep: int = option(2, "Newest snapshots that are kept.", minimum=1, maximum=16)


@dataclass(frozen=True, slots=True)
class PruningConfig:
    """Which old blocks are removed, with receipts and indices. With both zero: none, an archive."""

    keep_blocks: int = option(
        0,
        f"Newest blocks that are kept, at least {LEAST_KEPT_BLOCKS}; 0: no such rule.",
        maximum=2**40 - 1,
    )
    keep_days: int = option(
        0,
        "Days of block time that are kept; 0: no such rule. With both a block goes when neither "
        "wants it.",
        maximum=36_500,
    )


@dataclass(frozen=True, slots=True)
class MempoolConfig:
    """How many waiting transactions this node holds."""

    max_bytes: int = option(64 * _MIB, "Bytes in all.", minimum=_MIB, maximum=4_096 * _MIB)
    max_count: int = option(50_000, "Transactions in all.", minimum=1, maximum=10_000_000)
    max_sender_bytes: int = option(
        2 * _MIB, "Bytes of one sender.", minimum=256 * 1024, maximum=1_024 * _MIB
    )
    max_sender_count: int = option(
        2_048, "Transactions of one sender.", minimum=1, maximum=1_000_000
    )
    max_future_count: int = option(
        8_192, "Transactions in all whose nonce is not yet due.", minimum=0, maximum=1_000_000
    )
    max_nonce_gap: int = option(
        64, "How far a nonce may lie above the first missing one.", minimum=0, maximum=65_536
    )
    max_unfunded_count: int = option(
        256,
        "Transactions in all of senders with neither balance nor role.",
        minimum=0,
        maximum=1_000_000,
    )


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is logged, to standard error."""

    level: str = option(
        "info", "Least important level shown.", choices=("debug", "info", "warning", "error")
    )
    format: str = option(
        "auto",
        "human: lines for people; json: one object a line; auto: human in a terminal, else json.",
        choices=("auto", "human", "json"),
    )
    max_value_characters: int = option(2_048, "Longer values are cut.", minimum=64, maximum=65_536)


@dataclass(frozen=True, slots=True)
class AdminConfig:
    """What the operator does with the running node (`poyong admin`)."""

    socket: str = option(
        "admin.sock",
        "Unix socket that only the owner of the node can open. Empty: none is made, and backups "
        "need the node stopped.",
    )


@dataclass(frozen=True, slots=True)
class Config:
    """All sections; `home` is the folder to which paths are relative."""

    home: Path = field(default_factory=Path)
    node: NodeConfig = field(default_factory=NodeConfig)
    consensus: ConsensusConfig = field(default_factory=ConsensusConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    rpc: RpcConfig = field(default_factory=RpcConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)
    snapshots: SnapshotsConfig = field(default_factory=SnapshotsConfig)
    pruning: PruningConfig = field(default_factory=PruningConfig)
    mempool: MempoolConfig = field(default_factory=MempoolConfig)
    log: LogConfig = field(default_factory=LogConfig)
    signer: SignerConfig = field(default_factory=SignerConfig)
    pkcs11: Pkcs11Config = field(default_factory=Pkcs11Config)
    admin: AdminConfig = field(default_factory=AdminConfig)

    def path(self, value: str) -> Path:
        """A path option as a path."""
        return self.home / value

    @property
    def is_validator(self) -> bool:
        """Whether it has a key that votes; the chain decides whether its votes count."""
        return self.node.validator_key != "" or self.signer.kind != "file"


SECTIONS: Final[Mapping[str, type[Any]]] = {
    entry.name: entry.type
    for entry in fields(Config)
    if isinstance(entry.type, type) and entry.name != "home"
}


def load(file: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read `file`, apply the environment, check everything.

    Raises LocalError for the first thing that is wrong: it names file, section and key (or the
    variable), what was expected and what was found, and the nearest known name of an unknown one.
    """
    return parse(read_text(file, "poyong init", MAX_CONFIG_BYTES), file, environment)


def parse(text: str, file: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """As load, from text; `file` is what messages name and paths are relative to."""
    tables = tables_of(text, file, SECTIONS)
    overrides = from_environment(SECTIONS, environment, OTHER_VARIABLES)
    sections = {}
    for name, cls in SECTIONS.items():
        section = read_section(cls, name, tables.get(name, {}), str(file))
        given = {entry.name: getattr(section, entry.name) for entry in fields(cls)}
        sections[name] = cls(**given | overrides.get(name, {}))
    config = Config(home=file.parent, **sections)
    _check_together(config, str(file))
    return config


def render(config: Config | None = None) -> str:
    """A commented TOML file with every option; that of the defaults when none is given."""
    config = config or Config()
    heading = (
        "Configuration of a Poyong node. Every value can be overridden by an environment",
        "variable POYONG_<SECTION>_<KEY>, for instance POYONG_LOG_LEVEL=debug.",
    )
    return render_sections(heading, {name: getattr(config, name) for name in SECTIONS})


def _check_together(config: Config, source: str) -> None:
    """What no single option shows."""
    pairs = (
        ("consensus", "lowest_cap_ms", "highest_cap_ms"),
        ("consensus", "base_timeout_ms", "highest_cap_ms"),
        ("network", "ping_interval_ms", "silence_timeout_ms"),
        ("mempool", "max_sender_bytes", "max_bytes"),
        ("mempool", "max_sender_count", "max_count"),
    )
    for name, lower, upper in pairs:
        section = getattr(config, name)
        if getattr(section, lower) > getattr(section, upper):
            raise LocalError(
                f"{source}: [{name}] {lower} is {getattr(section, lower)}, expected at most "
                f"{upper} ({getattr(section, upper)})"
            )
    if 0 < config.pruning.keep_blocks < LEAST_KEPT_BLOCKS:
        raise LocalError(
            f"{source}: [pruning] keep_blocks is {config.pruning.keep_blocks}, expected 0 to keep "
            f"all, or at least {LEAST_KEPT_BLOCKS}: peers and readers that are a little behind "
            "need so many"
        )
    validator_keys = (config.node.validator_key, config.node.next_validator_key)
    check_node(config.signer, config.pkcs11, validator_keys, source)
    try:
        trusted_networks(config.rpc.trusted_proxies)
    except LocalError as error:
        raise LocalError(f"{source}: {error}") from error
    keys = set()
    for entry in config.network.peers:
        key, at, address = entry.partition("@")
        host, colon, port = address.rpartition(":")
        is_key = len(key) == NODE_KEY_HEX_CHARACTERS and all(c in "0123456789abcdef" for c in key)
        is_port = port.isascii() and port.isdigit() and 0 < int(port[:6]) <= MAX_PORT
        if not (is_key and at and host and colon and is_port):
            raise LocalError(
                f"{source}: [network] peers: expected NODE_KEY@HOST:PORT with the key as "
                f"{NODE_KEY_HEX_CHARACTERS} lower-case hex digits, found {entry!r:.160}"
            )
        if key in keys:
            raise LocalError(f"{source}: [network] peers: node key {key} is there twice")
        keys.add(key)
