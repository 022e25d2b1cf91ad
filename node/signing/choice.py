"""The keys that sign votes, as a node's configuration names them: in files, or elsewhere."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from consensus.messages import SigningDomain
from ledger.crypto import Signer
from ledger.errors import LocalError
from node.config import Config
from node.keys.keystore import KeyKind, open_signer
from node.network.tls import NodeIdentity
from node.signing.hsm import open_module
from node.signing.in_thread import ThreadSigner
from node.signing.remote import Place, RemoteSigner
from node.signing.ring import KeyRing
from node.signing.settings import read_address
from node.signing.waiting import VoteSigner
from node.signing.wire import Holder

_FIXED: Final = ("kind", "address", "tls_key", "timeout_ms")
"""Options of [signer] that count from a start on."""


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
    if signer.kind == "pkcs11":
        in_module = ThreadSigner([_in_module(config, key) for key in named_keys(config)])
        return lambda domain, identity, holder: in_module
    place = Place(
        config.home,
        read_address(signer.address, "[signer] address"),
        bytes.fromhex(signer.tls_key),
        signer.timeout_ms / 1000,
    )
    return lambda domain, identity, holder: RemoteSigner(
        place, named_keys(config), domain, identity, holder
    )


def files_of(config: Config, password: str) -> tuple[Signer, ...]:
    """The keys in files: validator_key and, where it is named, the one that takes its place.
    LocalError when one cannot be opened, or both are one."""
    named = (config.node.validator_key, config.node.next_validator_key)
    found = tuple(
        open_signer(config.path(file), password, KeyKind.VALIDATOR) for file in named if file
    )
    if len({signer.public_key for signer in found}) < len(found):
        raise LocalError(
            f"the next validator key is the present one, {found[0].public_key.hex()}: make another "
            "with `poyong keys rotate`"
        )
    return found


def public_keys_of(config: Config, files: Sequence[Signer]) -> tuple[bytes, ...]:
    """Those of the ring that will be opened, the present one first; `files` are its keys in files.

    Nothing is asked of a signer or a module: the configuration names what they have to have."""
    if config.signer.kind == "file":
        return tuple(signer.public_key for signer in files)
    return named_keys(config)


@dataclass(frozen=True, slots=True)
class PreparedRing:
    """Keys that are open; take() puts them into the ring, and cannot fail."""

    public_keys: tuple[bytes, ...]
    take: Callable[[], None]


async def prepare_ring(
    ring: KeyRing, before: Config, config: Config, password: str
) -> PreparedRing:
    """Open the keys that a changed configuration names. LocalError when it changes more of the
    signer than its keys, or a key cannot be opened.

    Whoever takes them has seen to it that no key goes that a set of this or the next height names.
    """
    for name in _FIXED:
        if getattr(config.signer, name) != getattr(before.signer, name):
            raise LocalError(f"[signer] {name} changes at a start only: start the node again")
    named = named_keys(config)
    if ring.waits and config.signer.kind != "file":
        return PreparedRing(named, partial(ring.replace_silent, named))
    match ring.elsewhere:
        case RemoteSigner() as remote:
            return PreparedRing(named, partial(remote.replace_keys, named))
        case ThreadSigner() as module:
            held, signers = module.signers, list[Signer]()
            for key in named:
                signer = held.get(key)
                if signer is None:
                    signer = await asyncio.to_thread(_in_module, config, key)
                signers.append(signer)
            return PreparedRing(named, partial(module.replace, signers))
    files = await asyncio.to_thread(files_of, config, password)
    keys = tuple(signer.public_key for signer in files)
    if ring.waits:
        return PreparedRing(keys, partial(ring.replace_silent, keys))
    return PreparedRing(keys, partial(ring.replace_files, files))


def named_keys(config: Config) -> tuple[bytes, ...]:
    """Public keys that [signer] names, the present one first."""
    named = (config.signer.public_key, config.signer.next_public_key)
    return tuple(bytes.fromhex(key) for key in named if key)


def _in_module(config: Config, public_key: bytes) -> Signer:
    is_next = public_key != bytes.fromhex(config.signer.public_key)
    module = config.pkcs11.of_next_key() if is_next else config.pkcs11
    return open_module(module, config.home, public_key)
