"""Drawing by lot: a seed that no single chamber chooses, and an order that everybody can check."""

from collections.abc import Iterable, Sequence
from typing import Final

from ledger import codec
from ledger.crypto import sha256
from ledger.primitives import Address, Hash

SALT_BYTES: Final = 32
_SEED_TAG: Final = b"poyong/lots/1"
_SALT_TAG: Final = b"poyong/salt/1"


def salt_commitment(chain_id: int, chamber: str, term: int, salt: bytes) -> Hash:
    """What a chamber publishes before anybody's salt is known."""
    return sha256(_SALT_TAG + codec.encode((chain_id, chamber, term, salt)))


def term_seed(chain_id: int, term: int, salts: Sequence[tuple[str, bytes]]) -> Hash:
    """Seed of a term's lots from the revealed salts by chamber, in the order of the chambers."""
    return sha256(_SEED_TAG + codec.encode((chain_id, term, tuple(salts))))


def draw(seed: Hash, label: str, candidates: Iterable[Address], count: int) -> tuple[Address, ...]:
    """`count` of the candidates, or all when there are fewer: those with the lowest hashes of seed,
    label and address. The order in which candidates are given does not matter."""
    mark = seed + label.encode()
    return tuple(sorted(candidates, key=lambda address: sha256(mark + address))[:count])
