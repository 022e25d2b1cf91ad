"""A whole town on the node's own list of modules: land, rates, issuance, pools, roles.

Transactions are made as the executor takes them, verified; no key signs anything. Two things that
governance will decide are messages here: other parameters of issuance, and the brakes on minting
and on finalising, which are on while an account of theirs holds a role. So a block and its
messages say all, and a chain can be executed again from them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from ledger import accounts, codec, genesis
from ledger.crypto import checksum_address, sha256
from ledger.errors import ErrorCode
from ledger.executor import BlockExecutor, ExecutedBlock
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import BlockInfo, Context, Handler, Invariant
from ledger.primitives import Address
from ledger.state import State
from ledger.transaction import KeySignature, Transaction
from node import modules
from tests.support.land_town import LENGTH_MS, appraiser, appraisers_section, zone_section
from tests.support.ledger_chain import CHAIN_ID, LedgerChain, genesis_document
from tests.support.pool_town import person
from tokenomics import roles
from tokenomics.distribution.certificates import KINDS
from tokenomics.issuance.issuance import set_parameters
from tokenomics.params import Mode, issuance_parameters

GENESIS_MS: Final = 1_000_000
FIRST_MONTH: Final = 2012_01
REGION: Final = "29"
PERSONS: Final = 14
APPRAISERS: Final = 18

GOVERNANCE, SALES, REGISTRAR = (Address(bytes([0xF0 + n]) * 20) for n in range(3))
REPORTERS: Final = tuple(Address(bytes([0xE0 + n]) * 20) for n in range(3))
CERTIFIERS: Final = tuple(Address(bytes([0xD0 + n]) * 20) for n in range(2))
CHAMBER_HOLDERS: Final = {
    role: Address(bytes([0xC0 + n]) * 20) for n, role in enumerate(roles.CHAMBERS)
}
HOLDER: Final = Address(b"\x01" * 20)
"""Has the allocation of genesis, where there is one."""
STRANGER: Final = Address(b"\x0f" * 20)
MINT_BRAKE, CLOCK_BRAKE = Address(b"\xb0" * 20), Address(b"\xb1" * 20)
BRAKE_ROLE: Final = roles.SALES_REGISTRAR

Call = tuple[Address, str, tuple[object, ...]]
"""(sender, type of message, its body in wire form)"""


class BrakesByRole:
    """ports.Emergency: a brake is on while its account holds BRAKE_ROLE."""

    def minting_paused(self, state: State) -> bool:
        return modules.ROLE_BOOK.holds(state, BRAKE_ROLE, MINT_BRAKE)

    def finalising_paused(self, state: State) -> bool:
        return modules.ROLE_BOOK.holds(state, BRAKE_ROLE, CLOCK_BRAKE)


SET_ISSUANCE: Final = MessageType(
    "steering.set_issuance",
    "Sets parameters of issuance; whoever sends it stands for a vote.",
    (
        Field("mode", Kind.UINT64, "tokenomics.params.Mode"),
        Field("lambda_bps", Kind.UINT64, "1..10000"),
        Field("price_krw_per_token", Kind.UINT64, "from 1"),
        Field("hard_cap", Kind.AMOUNT, "smallest units"),
        Field("window_anchors", Kind.UINT64, "1..64"),
    ),
)


def _set_issuance(
    context: Context, mode: int, lambda_bps: int, price: int, hard_cap: int, window: int
) -> None:
    parameters = replace(
        issuance_parameters(context.state),
        mode=Mode(mode),
        lambda_bps=lambda_bps,
        price_krw_per_token=price,
        hard_cap=hard_cap,
        window_anchors=window,
    )
    set_parameters(context, parameters)


class Steering:
    """StateModule of the one message above; holds no rows."""

    name: Final = "steering"
    handlers: Final[Mapping[MessageType, Handler]] = {SET_ISSUANCE: _set_issuance}
    invariants: Final[Mapping[str, Invariant]] = {}

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        del context, section

    def begin_block(self, context: Context) -> None:
        del context

    def end_block(self, context: Context) -> None:
        del context

    def next_deadline_ms(self, state: State) -> int | None:
        del state
        return None


@dataclass(frozen=True)
class World:
    """Genesis of a town. zones: (area in 0.1 m2, base in KRW/m2). appraisers: on the registry.
    limit: points that a certifier may certify of each kind and round."""

    zones: tuple[tuple[int, int], ...] = ((6_000_000, 250_000), (1_234_567, 99_991))
    every: int = 1
    net: bool = False
    window: int = 2
    lambda_bps: int = 2_500
    price_per_token: int = 1_000
    hard_cap: int = 10**27
    allocation: int = 0
    appraisers: int = APPRAISERS
    limit: int = 5_000
    cliff: int = 2
    vesting: int = 5
    reserve_rounds: int = 3
    idle: int = 1
    decay: int = 80
    floor: int = 400_000
    cap_bps: int = 100
    cap_multiple: int = 3

    def document(self) -> dict[str, Any]:
        """The genesis document."""
        zones = [
            zone_section(f"z{number}", *zone) | {"rate_region": REGION}
            for number, zone in enumerate(self.zones)
        ]
        holders = {
            **{role: (holder,) for role, holder in CHAMBER_HOLDERS.items()},
            roles.RATE_REPORTER: REPORTERS,
            roles.SALES_REGISTRAR: (SALES,),
            roles.PERSON_REGISTRAR: (REGISTRAR,),
            roles.CERTIFIER: CERTIFIERS,
        }
        held = [{"address": checksum_address(HOLDER), "balance": str(self.allocation)}]
        sections = {
            "accounts": {"accounts": held if self.allocation else []},
            "governance": {
                "authority": checksum_address(GOVERNANCE),
                "roles": {
                    role: [checksum_address(who) for who in accounts_]
                    for role, accounts_ in holders.items()
                },
                "certifiers": [
                    {"account": checksum_address(who), "kind": kind, "points_a_round": self.limit}
                    for who in CERTIFIERS
                    for kind in KINDS
                ],
            },
            "land": {
                "parameters": {
                    "scaled_quarter_ms": LENGTH_MS,
                    "scaled_rounds": 10_000,
                    "anchor_every_rounds": self.every,
                },
                "zones": zones,
                "appraisers": appraisers_section(self.appraisers),
                "rates": {"first_month": FIRST_MONTH},
            },
            "issuance": {
                "parameters": {
                    "mode": "NET" if self.net else "GROSS",
                    "window_anchors": self.window,
                    "lambda_bps": self.lambda_bps,
                    "price_krw_per_token": self.price_per_token,
                    "hard_cap": str(self.hard_cap),
                }
            },
            "distribution": {
                "parameters": {
                    "weight_decay_percent": self.decay,
                    "weight_floor_ppm": self.floor,
                    "idle_quarters": self.idle,
                    "cliff_quarters": self.cliff,
                    "vesting_quarters": self.vesting,
                    "reserve_rounds": self.reserve_rounds,
                    "holder_cap_bps": self.cap_bps,
                    "holder_cap_multiple": self.cap_multiple,
                }
            },
        }
        return genesis_document(4, time_ms=GENESIS_MS, modules=sections)


def town_executor() -> BlockExecutor:
    """That of the node with these brakes, and Steering beside its modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modules, "EMERGENCY", BrakesByRole())
        return BlockExecutor((*modules.build_executor().modules, Steering()))


def call(sender: Address, message: MessageType, *values: object) -> Call:
    return sender, message.name, message.encode(*values)


class EconomyTown:
    """A chain of blocks at given times with given messages, and what is needed to replay it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.document = genesis.parse(json.dumps(world.document()).encode())
        self.chain = LedgerChain(modules=town_executor().modules, document=self.document)
        self.time_ms = GENESIS_MS
        self.sent = 0

    @property
    def state(self) -> State:
        return self.chain.state

    @property
    def due_ms(self) -> int | None:
        """Block time at which something ends by time alone; None while the clocks stand."""
        return self.chain.executor.next_deadline_ms(self.state)

    def transactions(self, calls: Iterable[Call]) -> list[Transaction]:
        """Each with its sender's next nonce."""
        state, nonces, found = self.state, dict[Address, int](), []
        for sender, kind, body in calls:
            nonce = nonces.get(sender)
            nonce = accounts.nonce(state, sender) if nonce is None else nonce
            nonces[sender] = nonce + 1
            found.append(_verified(nonce, sender, kind, body))
        return found

    def execute(self, time_ms: int, calls: Sequence[Call]) -> ExecutedBlock:
        """The next block. A message that is refused has changed nothing but a nonce: the block
        gives the same state with a message of no type in its place."""
        transactions = self.transactions(calls)
        info = replace(self.chain.info(), time_ms=time_ms)
        executed = self.chain.execute(transactions, info)
        codes = [receipt.code for receipt in executed.receipts]
        assert len(codes) == len(transactions)
        if any(codes):
            without = [
                each if code is ErrorCode.OK else _verified(each.nonce, each.sender, "no.type", ())
                for each, code in zip(transactions, codes, strict=True)
            ]
            other = self.chain.execute(without, info)
            assert other.state_root == executed.state_root, "a refused message left a trace"
        return executed

    def adopt(self, executed: ExecutedBlock) -> None:
        """Check every invariant and make the block the head."""
        self.chain.adopt(executed)
        self.time_ms = executed.info.time_ms
        self.sent += len(executed.included)

    def history(self) -> list[tuple[BlockInfo, tuple[Transaction, ...], bytes, bytes]]:
        """(block, its transactions, state root, receipts root) from height 1 on."""
        return [
            (row.info, row.included, row.state_root, row.receipts_root)
            for row in self.chain.executed
        ]

    def replay(self) -> None:
        """Execute every block again from genesis, with modules and a store of their own."""
        again = LedgerChain(modules=town_executor().modules, document=self.document)
        for info, transactions, state_root, receipts_root in self.history():
            executed = again.execute(transactions, info)
            assert executed.state_root == state_root, f"height {info.height} replays differently"
            assert executed.receipts_root == receipts_root, f"receipts of height {info.height}"
            again.append(executed)


def _verified(nonce: int, sender: Address, kind: str, body: tuple[object, ...]) -> Transaction:
    """A transaction as the executor takes it; its hash tells it from every other one."""
    return Transaction(
        hash=sha256(codec.encode((nonce, sender, kind, body))),
        raw=b"",
        chain_id=CHAIN_ID,
        nonce=nonce,
        named_sender=sender,
        type=kind,
        body=body,
        fee=0,
        valid_until=2**63,
        authority=KeySignature(bytes(32), bytes(64)),
    )


PEOPLE: Final = {person(number): number for number in range(PERSONS)}
"""Number by account."""
EVERYBODY: Final = (
    GOVERNANCE,
    SALES,
    REGISTRAR,
    *REPORTERS,
    *CERTIFIERS,
    *CHAMBER_HOLDERS.values(),
    HOLDER,
    STRANGER,
    *(appraiser(number) for number in range(APPRAISERS)),
    *PEOPLE,
)
