"""Transactions for a load: made and signed before the clock starts."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger import accounts
from ledger.crypto import Ed25519Signer
from ledger.mempool import MAX_VALIDITY_BLOCKS
from ledger.primitives import Address
from ledger.transaction import Draft, key_address, sign
from ledger.transfers import SEND

SENDERS: Final = 2_000
SENDER_BALANCE: Final = 10**20
FILLER_SEED: Final = "bench"
FILLER_BALANCE: Final = 10**15


@dataclass(frozen=True, slots=True)
class Workload:
    """SENDERS accounts that send one unit each to accounts of a state of `accounts` rows.

    Sender i sends its transactions in order of nonce, round after round, so that a mempool always
    holds work of many senders.
    """

    chain_id: int
    accounts: int

    def signer(self, index: int) -> Ed25519Signer:
        """Key of a sender."""
        return Ed25519Signer(sha256(b"poyong bench %d" % index).digest())

    def address(self, index: int) -> Address:
        """Account of a sender."""
        return key_address(self.signer(index).public_key)

    def genesis_section(self) -> dict[str, object]:
        """The accounts module's section: senders, and generated accounts up to `accounts`."""
        funded = [
            {"address": "0x" + self.address(i).hex(), "balance": str(SENDER_BALANCE)}
            for i in range(SENDERS)
        ]
        filler = {
            "count": self.accounts - SENDERS,
            "balance": str(FILLER_BALANCE),
            "seed": FILLER_SEED,
        }
        return {"accounts": funded, "generated": filler}

    def transactions(self, count: int, first_nonce: int = 0, start: int = 0) -> Iterator[bytes]:
        """`count` signed transfers; `start` offsets the receivers, which are spread over all."""
        signers = [self.signer(i) for i in range(min(SENDERS, count))]
        fillers = self.accounts - SENDERS
        for position in range(count):
            sender, round_ = position % len(signers), position // len(signers)
            # A multiplicative walk visits all accounts before any of them twice.
            receiver = (start + position * 7_919) % fillers
            to = accounts.generated_address(FILLER_SEED, receiver)
            draft = Draft(
                chain_id=self.chain_id,
                nonce=first_nonce + round_,
                type=SEND.name,
                body=SEND.encode(to, 1, b""),
                valid_until=MAX_VALIDITY_BLOCKS // 2,
            )
            yield sign(draft, signers[sender]).raw
