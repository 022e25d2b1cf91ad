"""The keys of a node's configuration, opened: its identities, and its validator keys in files."""

from ledger.crypto import Signer
from node.config import Config
from node.keys.keystore import KeyKind, open_seed, read_password
from node.network.identities import Identities
from node.network.tls import NodeIdentity
from node.signing.choice import files_of


def open_keys(config: Config) -> tuple[Identities, tuple[Signer, ...]]:
    """The node keys, and the validator keys that are in files. LocalError for what is wrong."""
    named = config.node.password_file
    password = read_password(config.path(named) if named else None, "the node's keys")
    return open_identities(config, password), files_of(config, password)


def open_identities(config: Config, password: str) -> Identities:
    """The node key and, where it is named, the one that takes its place. LocalError when one cannot
    be opened, or both are one."""
    present, *coming = (
        NodeIdentity.from_seed(open_seed(config.path(file), password, KeyKind.NODE))
        for file in (config.node.node_key, config.node.next_node_key)
        if file
    )
    return Identities(present, *coming)
