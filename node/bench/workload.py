"""Transactions for a load: made and signed before the clock starts."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger import accounts
from ledger.crypto import Ed25519Signer
from ledger.errors import ensure
from ledger.mempool import MAX_VALIDITY_BLOCKS
from ledger.transaction import Draft, key_address, sign
from ledger.transfers import SEND

GROUPS: Final = 4
"""Disjoint groups of senders, one for each load of a run: each starts with nonce 0."""
SENDER_BALANCE: Final = 10**20
FILLER_SEED: Final = "bench"
FILLER_BALANCE: Final = 10**15


@dataclass(frozen=True, slots=True)
class Workload:
    """`senders` accounts in each group that send one unit each to accounts all over the state,
    which has `accounts` rows with them.

    Senders take turns, so that a block has as many senders as transactions while there are enough.
    """

    chain_id: int
    accounts: int
    senders: int

    def __post_init__(self) -> None:
        ensure(self.accounts > GROUPS * self.senders, "more senders than accounts")

    def signer(self, group: int, index: int) -> Ed25519Signer:
        """Key of a sender."""
        return Ed25519Signer(sha256(b"poyong bench %d %d" % (group, index)).digest())

    def genesis_section(self) -> dict[str, object]:
        """The accounts module's section: senders, and generated accounts up to `accounts`."""
        addresses = [
            key_address(self.signer(group, index).public_key)
            for group in range(GROUPS)
            for index in range(self.senders)
        ]
        funded = [
            {"address": "0x" + address.hex(), "balance": str(SENDER_BALANCE)}
            for address in addresses
        ]
        filler = {
            "count": self.accounts - len(funded),
            "balance": str(FILLER_BALANCE),
            "seed": FILLER_SEED,
        }
        return {"accounts": funded, "generated": filler}

    def transactions(self, group: int, count: int) -> Iterator[bytes]:
        """`count` signed transfers of a group, in the order in which they can be executed."""
        signers = [self.signer(group, index) for index in range(self.senders)]
        fillers = self.accounts - GROUPS * self.senders
        for position in range(count):
            nonce, sender = divmod(position, self.senders)
            # A multiplicative walk visits accounts all over the state.
            to = accounts.generated_address(FILLER_SEED, position * 7_919 % fillers)
            draft = Draft(
                chain_id=self.chain_id,
                nonce=nonce,
                type=SEND.name,
                body=SEND.encode(to, 1, b""),
                valid_until=MAX_VALIDITY_BLOCKS // 2,
            )
            yield sign(draft, signers[sender]).raw
