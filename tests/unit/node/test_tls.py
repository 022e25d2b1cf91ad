"""The registry decides who passes the handshake; exercised on the TLS engine without sockets."""

import ssl
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from ledger.errors import LocalError, PeerError
from node.network.tls import MAX_ALLOWED_KEYS, NodeIdentity, peer_node_key


def identity(number: int) -> NodeIdentity:
    return NodeIdentity.from_seed(bytes((number,)) * 32)


ALICE, BOB, STRANGER = identity(1), identity(2), identity(3)
REGISTRY = frozenset({ALICE.node_key, BOB.node_key})


class Link:
    """A client and a server TLS engine joined in memory."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        from_client, from_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(to_client, from_client)
        self.server = server.wrap_bio(to_server, from_server, server_side=True)
        self._pipes = ((from_client, to_server), (from_server, to_client))

    def shake(self) -> None:
        """Both handshakes to their end, or the first side's SSLError."""
        for _ in range(4):
            for side in (self.client, self.server):
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
                for source, target in self._pipes:
                    target.write(source.read())


def link(client: NodeIdentity, server: NodeIdentity, known: frozenset[bytes] = REGISTRY) -> Link:
    return Link(client.client_context(known), server.server_context(known))


def test_two_registered_nodes_meet_and_know_each_others_key() -> None:
    pair = link(ALICE, BOB)
    pair.shake()
    assert pair.client.version() == "TLSv1.3"
    assert peer_node_key(pair.client.getpeercert(binary_form=True)) == BOB.node_key
    assert peer_node_key(pair.server.getpeercert(binary_form=True)) == ALICE.node_key


def test_a_registered_server_refuses_a_stranger_in_the_handshake() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        link(STRANGER, BOB).shake()


def test_a_client_without_a_certificate_is_refused_in_the_handshake() -> None:
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.check_hostname = False
    nobody.verify_mode = ssl.CERT_NONE
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        Link(nobody, BOB.server_context(REGISTRY)).shake()


def test_a_registered_dialler_refuses_a_stranger_in_the_handshake() -> None:
    knows_itself = REGISTRY | {STRANGER.node_key}
    pair = Link(ALICE.client_context(REGISTRY), STRANGER.server_context(knows_itself))
    with pytest.raises(ssl.SSLCertVerificationError):
        pair.shake()


def test_a_key_that_left_the_registry_is_refused_by_the_next_context() -> None:
    link(ALICE, BOB).shake()
    with pytest.raises(ssl.SSLCertVerificationError):
        link(ALICE, BOB, frozenset({BOB.node_key})).shake()


def test_a_node_does_not_connect_to_its_own_key() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        link(ALICE, ALICE).shake()


def test_an_empty_registry_refuses_everybody() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        link(ALICE, BOB, frozenset()).shake()


def test_older_tls_is_refused() -> None:
    old = ALICE.client_context(REGISTRY)
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)version|protocol"):
        Link(old, BOB.server_context(REGISTRY)).shake()


def leaf(issuer: str, signer: Ed25519PrivateKey, key: Ed25519PrivateKey) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder()
        .subject_name(name("poyong node"))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .sign(signer, None)
    )


def present(certificate: x509.Certificate, key: Ed25519PrivateKey, folder: Path) -> ssl.SSLContext:
    """A client context that shows this certificate and trusts BOB."""
    context = STRANGER.client_context(REGISTRY)
    path = folder / "leaf.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context.load_cert_chain(path)
    return context


def test_naming_a_registered_issuer_without_its_key_is_refused(tmp_path: Path) -> None:
    own = Ed25519PrivateKey.generate()
    forged = leaf(ALICE.node_key.hex(), own, own)
    with pytest.raises(ssl.SSLCertVerificationError):
        Link(present(forged, own, tmp_path), BOB.server_context(REGISTRY)).shake()


def test_a_registered_node_cannot_vouch_for_another_key() -> None:
    """OpenSSL accepts such a leaf, the check of the issuer does not."""
    alice = Ed25519PrivateKey.from_private_bytes(bytes((1,)) * 32)
    vouched = leaf(ALICE.node_key.hex(), alice, Ed25519PrivateKey.generate())
    with pytest.raises(PeerError, match="names another issuer"):
        peer_node_key(vouched.public_bytes(serialization.Encoding.DER))


def test_another_kind_of_key_is_no_node_key() -> None:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .sign(Ed25519PrivateKey.generate(), None)
    )
    with pytest.raises(PeerError, match="expected an Ed25519 node key"):
        peer_node_key(certificate.public_bytes(serialization.Encoding.DER))


@pytest.mark.parametrize("data", [None, b"", b"\x30\x03\x02\x01\x01", bytes(range(64))])
def test_no_certificate_and_garbage_are_peer_errors(data: bytes | None) -> None:
    with pytest.raises(PeerError):
        peer_node_key(data)


def test_a_registry_entry_that_is_no_curve_point_harms_nobody_else() -> None:
    """Governance may admit any 32 bytes: they match no peer, and the others still connect."""
    link(ALICE, BOB, REGISTRY | {b"\xff" * 32, bytes(32)}).shake()


def test_pem_and_seed_give_the_same_node_key() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes((1,)) * 32)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert NodeIdentity.from_pem(pem).node_key == ALICE.node_key


def test_bad_keys_are_local_errors_with_what_was_expected() -> None:
    with pytest.raises(LocalError, match="a seed of 32 bytes, found 31"):
        NodeIdentity.from_seed(bytes(31))
    with pytest.raises(LocalError, match="no readable private key"):
        NodeIdentity.from_pem(b"-----BEGIN NOTHING-----")
    other = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(LocalError, match="expected an Ed25519 key"):
        NodeIdentity.from_pem(other)


def test_a_registry_over_the_limit_is_a_local_error() -> None:
    many = [number.to_bytes(32, "big") for number in range(MAX_ALLOWED_KEYS + 1)]
    with pytest.raises(LocalError, match=f"at most {MAX_ALLOWED_KEYS}"):
        ALICE.client_context(many)


def test_no_key_material_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While ssl reads the file it is owner-only and encrypted; afterwards it is gone."""
    seen: list[tuple[int, bytes]] = []
    load = ssl.SSLContext.load_cert_chain

    def watched(self: ssl.SSLContext, path: str, *, password: str) -> None:
        seen.append((Path(path).stat().st_mode & 0o777, Path(path).read_bytes()))
        load(self, path, password=password)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    ALICE.server_context(REGISTRY)
    ((mode, content),) = seen
    assert mode == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert b"BEGIN PRIVATE KEY" not in content
    assert list(tmp_path.iterdir()) == []
