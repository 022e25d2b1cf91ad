"""Genesis of each kind of chain that seeds run on, made once a process and copied for each node."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha512
from typing import Any, Final

from governance.deciding import REMOVE_VALIDATOR, DecidingModule
from ledger import transaction
from ledger.accounts import AccountsModule
from ledger.crypto import (
    Ed25519Signer,
    Signer,
    checksum_address,
    ed25519_address,
    sha256,
    verify_ed25519,
)
from ledger.executor import BlockExecutor
from ledger.genesis import Genesis, Parameters
from ledger.kv import MemoryStore, WriteBatch
from ledger.primitives import Address, Hash
from ledger.registry import Validator, ValidatorSet
from ledger.threshold import ThresholdModule
from ledger.transaction import Draft, Transaction
from ledger.transfers import SEND, TransfersModule
from ledger.validators import ValidatorsModule
from node.modules import ROLE_BOOK, build_executor
from node.store.block_store import BlockStore
from node.store.storage import open_chain
from tests.simulation import governed
from tests.simulation.governed import JOINERS, joiner, organisation
from tests.simulation.world import START_MS
from tokenomics import params
from tokenomics.oracle.registry import NOMINATORS

CHAIN_ID: Final = 82062
CLIENTS: Final = 4
"""Accounts that send transfers."""
APPRAISERS: Final = 12
BALANCE: Final = 10**24
GENESIS_AGE_MS: Final = 1_000
QUARTER_MS: Final = 1_500
"""A town round on the chains with land: a few of them fit into a seed."""


class KeyedHashSigner:
    """A Signer without arithmetic: anybody could forge it, which nobody here does."""

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key

    def sign(self, message: bytes) -> bytes:
        """64 bytes over key and message."""
        return sha512(self.public_key + message).digest()


def verify_keyed_hash(public_key: bytes, payload: bytes, signature: bytes) -> bool:
    """Verify of KeyedHashSigner."""
    return sha512(public_key + payload).digest() == signature


@dataclass(frozen=True, slots=True)
class ChainKind:
    """What makes two seeds share a genesis. day_ms: block time of a calendar day on a chain that
    stakeholders govern, 0 for one on which an authority decides."""

    validators: int
    real_signatures: bool
    economy: bool
    heartbeat_ms: int
    day_ms: int = 0

    @property
    def governed(self) -> bool:
        """Whether votes of chambers decide."""
        return self.day_ms > 0


@dataclass(frozen=True)
class ChainTemplate:
    """A genesis, opened once: what every node of a seed starts from.

    rows: the store after genesis was written. keys: (vote signer, node key) by validator index.
    """

    kind: ChainKind
    document: Genesis
    genesis_hash: Hash
    executor: BlockExecutor
    rows: MemoryStore
    keys: tuple[tuple[Signer, bytes], ...]

    def verify(self, public_key: bytes, payload: bytes, signature: bytes) -> bool:
        """The rule by which votes of this chain are checked."""
        if self.kind.real_signatures:
            return verify_ed25519(public_key, payload, signature)
        return verify_keyed_hash(public_key, payload, signature)


def validator_keys(kind: ChainKind, organisation: str, generation: int = 0) -> tuple[Signer, bytes]:
    """(vote signer, node key) of an organisation's validator; generation 1: after its rotation."""
    key = governed.consensus_signer(organisation, generation)
    signer = key if kind.real_signatures else KeyedHashSigner(key.public_key)
    return signer, governed.node_key(organisation, generation)


@cache
def client_signers() -> tuple[Ed25519Signer, ...]:
    """Keys of the accounts that send transfers."""
    return tuple(Ed25519Signer(sha256(b"client %d" % number)) for number in range(CLIENTS))


@cache
def appraiser_signers() -> tuple[Ed25519Signer, ...]:
    """Keys of the appraisers on chains with land."""
    return tuple(Ed25519Signer(sha256(b"appraiser %d" % number)) for number in range(APPRAISERS))


@cache
def authority_signer() -> Ed25519Signer:
    """Key of the account that decides about validators."""
    return Ed25519Signer(sha256(b"authority"))


def removal(organisation: str, nonce: int) -> Transaction:
    """The authority's decision that an organisation validates no longer."""
    draft = Draft(
        chain_id=CHAIN_ID,
        nonce=nonce,
        type=REMOVE_VALIDATOR.name,
        body=(organisation,),
        valid_until=1_000,
    )
    return transaction.sign(draft, authority_signer())


@cache
def transfer(client: int, nonce: int) -> Transaction:
    """The client's transaction with this nonce; some ask for more than the account holds."""
    receiver = client_signers()[(client + 1 + nonce) % CLIENTS]
    amount = 10 * BALANCE if nonce % 7 == 6 else 1 + nonce
    draft = Draft(
        chain_id=CHAIN_ID,
        nonce=nonce,
        type=SEND.name,
        body=(ed25519_address(receiver.public_key), amount.to_bytes(16).lstrip(b"\0"), b""),
        valid_until=1_000,
    )
    return transaction.sign(draft, client_signers()[client])


_VERIFIED: dict[bytes, bool] = {}


def verify_once(checked: Transaction) -> bool:
    """transaction.verify_transaction with a memory: the same bytes come to every node."""
    known = _VERIFIED.get(checked.raw)
    if known is None:
        if len(_VERIFIED) > 10_000:
            _VERIFIED.clear()
        known = _VERIFIED[checked.raw] = transaction.verify_transaction(checked)
    return known


def _address(signer: Signer) -> Address:
    return ed25519_address(signer.public_key)


def _sections(kind: ChainKind) -> dict[str, Any]:
    funded = [*client_signers(), *appraiser_signers(), authority_signer()]
    decides = {"governance": {"authority": checksum_address(_address(authority_signer()))}}
    if kind.governed:
        names = [organisation(index) for index in range(kind.validators)]
        names += [joiner(number) for number in range(JOINERS)]
        funded += [governed.account_signer(name) for name in names]
        decides = governed.sections(kind.validators, kind.day_ms)
    accounts = [
        {"address": checksum_address(_address(signer)), "balance": str(BALANCE)}
        for signer in funded
    ]
    sections: dict[str, Any] = {"accounts": {"accounts": accounts}, **decides}
    if kind.economy:
        sections["land"] = {
            "parameters": {
                "scaled_quarter_ms": QUARTER_MS,
                "scaled_rounds": 100_000,
                "commit_ms": params.QUARTER_MS,
                "reveal_ms": params.QUARTER_MS,
                "challenge_ms": params.QUARTER_MS // 4,
            },
            "zones": [
                {
                    "id": name,
                    "legal_dong_code": "2917013900",
                    "name_ko": "월출동",
                    "name_en": name,
                    "area_tenth_m2": 6_028_088,
                    "base_krw_per_m2": 250_000,
                }
                for name in ("east", "west")
            ],
            "appraisers": [
                {
                    "account": checksum_address(_address(signer)),
                    "nominator": NOMINATORS[number % len(NOMINATORS)],
                }
                for number, signer in enumerate(appraiser_signers())
            ],
        }
        sections["issuance"] = {"parameters": {"mode": "GROSS", "window_anchors": 1}}
    return sections


def _executor(kind: ChainKind) -> BlockExecutor:
    if kind.economy or kind.governed:
        return build_executor()
    validators = ValidatorsModule()
    return BlockExecutor(
        (
            AccountsModule(),
            TransfersModule(),
            ThresholdModule(),
            validators,
            DecidingModule(validators, ROLE_BOOK),
        )
    )


@cache
def chain_template(kind: ChainKind) -> ChainTemplate:
    """The chain of this kind."""
    names = [organisation(index) for index in range(kind.validators)]
    keys = [validator_keys(kind, name) for name in names]
    members = ValidatorSet(
        tuple(
            Validator(name, signer.public_key, node_key)
            for name, (signer, node_key) in zip(names, keys, strict=True)
        )
    )
    document = Genesis(
        chain_id=CHAIN_ID,
        name="simulation",
        time_ms=START_MS - GENESIS_AGE_MS,
        validators=members,
        observers=governed.observers() if kind.governed else {},
        sections=_sections(kind),
        bucket_count=16,
        parameters=Parameters(heartbeat_interval_ms=kind.heartbeat_ms),
    )
    executor = _executor(kind)
    rows = MemoryStore()
    opened = open_chain(BlockStore(rows, "genesis"), document, executor)
    return ChainTemplate(kind, document, opened.genesis_hash, executor, rows, tuple(keys))


def copy_rows(rows: MemoryStore) -> MemoryStore:
    """A node's own store."""
    copied = MemoryStore()
    batch = WriteBatch()
    batch.operations = list(rows.iterate(b"", b"\xff" * 32))
    copied.write(batch, sync=True)
    return copied
