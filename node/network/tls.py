"""TLS 1.3 between nodes, both sides authenticated by the Ed25519 node keys of the chain.

Python's ssl module offers no callback to judge a peer's key, so the registry is spelled as trust
anchors. For each registered key K there is a synthetic CA certificate with subject CN=<hex of K>
and public key K; a node presents a leaf whose issuer is CN=<hex of its key>, signed by that key.
OpenSSL does not check the signature on a trust anchor itself, so a throwaway key signs the
anchors. Whoever is not registered has no anchor and is refused in the handshake.
"""

import os
import ssl
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from ledger.errors import LocalError, PeerError

LEAF_NAME: Final = "poyong node"
_LABEL_CHARACTERS: Final = 32
"""Of a name in the handshake, where a label has at most 63."""
MAX_ALLOWED_KEYS: Final = 1024
"""Registered node keys (validators and observers) that one context takes."""
MAX_CACHED_ANCHORS: Final = 2 * MAX_ALLOWED_KEYS
PASSPHRASE_BYTES: Final = 32

# Certificates outlive every clock error: who may connect is decided by the registry, not by dates.
_NOT_BEFORE: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_AFTER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class NodeIdentity:
    """The node's TLS key, and the leaf certificate that it signs for itself."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.node_key = key.public_key().public_bytes_raw()
        self._leaf = _certificate(
            LEAF_NAME, self.node_key.hex(), key.public_key(), key, authority=False
        )

    @staticmethod
    def from_seed(seed: bytes) -> "NodeIdentity":
        """From a 32-byte Ed25519 seed; LocalError for any other length."""
        try:
            return NodeIdentity(Ed25519PrivateKey.from_private_bytes(seed))
        except ValueError as error:
            raise LocalError(f"node key: expected a seed of 32 bytes, found {len(seed)}") from error

    @staticmethod
    def from_pem(pem: bytes) -> "NodeIdentity":
        """From an unencrypted PKCS#8 PEM in memory; LocalError when it is no Ed25519 key."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise LocalError(f"node key: no readable private key in PEM form: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise LocalError(f"node key: expected an Ed25519 key, found {type(key).__name__}")
        return NodeIdentity(key)

    def server_context(self, allowed: Iterable[bytes]) -> ssl.SSLContext:
        """Accepts exactly those peers whose node key is in `allowed`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # No session tickets: a resumed session would outlive a removal from the registry.
        context.num_tickets = 0
        return self._prepare(context, allowed)

    def client_context(self, allowed: Iterable[bytes]) -> ssl.SSLContext:
        """Connects to exactly those peers whose node key is in `allowed`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # the key is the identity, addresses may change
        return self._prepare(context, allowed)

    def _prepare(self, context: ssl.SSLContext, allowed: Iterable[bytes]) -> ssl.SSLContext:
        others = sorted(set(allowed) - {self.node_key})
        if len(others) > MAX_ALLOWED_KEYS:
            raise LocalError(
                f"the registry holds {len(others)} node keys, at most {MAX_ALLOWED_KEYS} can "
                "connect: remove observers that are no longer used"
            )
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        if others:
            context.load_verify_locations(cadata=b"".join(map(_anchor, others)))
        self._load_key(context)
        return context

    def _load_key(self, context: ssl.SSLContext) -> None:
        """ssl reads keys from files only: the file is owner-only, removed at once, and the key in
        it is encrypted under a passphrase that never leaves this call."""
        passphrase = os.urandom(PASSPHRASE_BYTES).hex()
        sealed = self._key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode())
        )
        with tempfile.NamedTemporaryFile(prefix="poyong-tls-") as file:
            file.write(sealed + self._leaf.public_bytes(Encoding.PEM))
            file.flush()
            context.load_cert_chain(file.name, password=passphrase)


def admit(context: ssl.SSLContext, node_keys: Iterable[bytes]) -> None:
    """Let a context that is in use accept these keys too. Nobody loses admission by it: who is
    connected has to be compared with the list as well."""
    anchors = b"".join(map(_anchor, node_keys))
    if anchors:
        context.load_verify_locations(cadata=anchors)


def server_name(node_key: bytes) -> str:
    """What a caller asks for in the handshake (SNI): the key that it expects. A node that has two
    presents that one; one that knows nothing of this presents what it has."""
    digits = node_key.hex()
    return f"{digits[:_LABEL_CHARACTERS]}.{digits[_LABEL_CHARACTERS:]}"


def peer_node_key(leaf: bytes | None) -> bytes:
    """Node key of a peer from its leaf in DER form, as getpeercert(binary_form=True) gives it.

    PeerError unless the key is Ed25519 and the leaf names that same key as issuer: a registered
    node could otherwise vouch for a key that is not registered.
    """
    if leaf is None:
        raise PeerError("the peer presented no certificate")
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        key = certificate.public_key()
        names = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PeerError(f"the peer's certificate is unreadable: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise PeerError(f"expected an Ed25519 node key, found {type(key).__name__}")
    node_key = key.public_bytes_raw()
    if [name.value for name in names] != [node_key.hex()]:
        raise PeerError(f"the certificate of node key {node_key.hex()} names another issuer")
    return node_key


_anchor_signer: Final = Ed25519PrivateKey.generate()


@lru_cache(maxsize=MAX_CACHED_ANCHORS)
def _anchor(node_key: bytes) -> bytes:
    """Synthetic CA certificate of a registered key, DER."""
    name = node_key.hex()
    try:
        public_key = Ed25519PublicKey.from_public_bytes(node_key)
    except ValueError as error:
        raise LocalError(f"the registry holds {name}, which is no Ed25519 node key") from error
    certificate = _certificate(name, name, public_key, _anchor_signer, authority=True)
    return certificate.public_bytes(Encoding.DER)


def _certificate(
    subject: str,
    issuer: str,
    public_key: Ed25519PublicKey,
    signer: Ed25519PrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    # Path length 0: a registered node cannot make further authorities.
    constraints = x509.BasicConstraints(ca=authority, path_length=0 if authority else None)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public_key)
        .serial_number(1)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(constraints, critical=True)
        .sign(signer, None)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
