"""The vote signer that a node's configuration asks for, when its key is in no file of the node."""

from collections.abc import Callable

from consensus.messages import SigningDomain
from node.config import Config
from node.signing.hsm import open_module
from node.signing.in_thread import ThreadSigner
from node.signing.remote import Place, RemoteSigner
from node.signing.settings import read_address
from node.signing.waiting import VoteSigner
from node.signing.wire import Holder
from node.tls import NodeIdentity


def open_elsewhere(
    config: Config,
) -> Callable[[SigningDomain, NodeIdentity, Holder], VoteSigner | None]:
    """Opens a module at once, before anything of the node; the rest needs chain, identity
    and what the fence of the folder says.

    LocalError when the module or its key is not as named. A signer process may be away: the node
    starts, and votes when it is there.
    """
    signer = config.signer
    if signer.kind == "file":
        return lambda domain, identity, holder: None
    public_key = bytes.fromhex(signer.public_key)
    if signer.kind == "pkcs11":
        in_module = ThreadSigner(open_module(config.pkcs11, config.home, public_key))
        return lambda domain, identity, holder: in_module
    place = Place(
        config.home,
        read_address(signer.address, "[signer] address"),
        bytes.fromhex(signer.tls_key),
        signer.timeout_ms / 1000,
    )
    return lambda domain, identity, holder: RemoteSigner(
        place, public_key, domain, identity, holder
    )
