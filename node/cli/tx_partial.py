"""A transaction of a threshold account while its members sign, each on a machine of its own.

The file is the draft with the account's descriptor and the signatures so far. Every reading checks
each signature against the draft, so that whoever changes anything after a member signed is found
by the next one. Any m signatures give the transaction, in whatever order they came.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from api.encoding import from_hex, hex_of
from ledger.crypto import checksum_address
from ledger.errors import DecodeError, LocalError
from ledger.primitives import SIGNATURE_BYTES
from ledger.threshold import MAX_MEMBERS
from ledger.transaction import Draft, Transaction, verify_key
from node.cli.tx_files import draft_fields, draft_of
from node.keys.threshold_account import ThresholdAccount, account_of, public_key_of

ACCOUNT: Final = "account"
"""The field by which a file of a threshold account is known."""


@dataclass(frozen=True, slots=True)
class PartialTransaction:
    """`signatures`: (index into account.keys, signature), ascending, each of them verified."""

    draft: Draft
    account: ThresholdAccount
    signatures: tuple[tuple[int, bytes], ...] = ()

    @property
    def signed(self) -> tuple[str, ...]:
        """Who has signed."""
        return tuple(self.account.name(index) for index, _ in self.signatures)

    @property
    def unsigned(self) -> tuple[str, ...]:
        """Who has not."""
        present = dict(self.signatures)
        return tuple(
            self.account.name(i) for i in range(len(self.account.keys)) if i not in present
        )

    @property
    def needed(self) -> int:
        """How many signatures are missing."""
        return max(0, self.account.threshold - len(self.signatures))

    @property
    def signing_bytes(self) -> bytes:
        """What each member signs."""
        return self.draft.signing_bytes(self.account.witness)

    def status(self) -> str:
        """Where it stands, as one sentence for people."""
        present = f"{len(self.signatures)} of {self.account.threshold} signatures"
        if self.needed:
            return f"{present}, still needed: {self.needed} from {', '.join(self.unsigned)}"
        return f"{present}: send it with poyong tx send"

    def member(self, public_key: bytes) -> int:
        """Index of a member whose signature is wanted; LocalError when it is not."""
        if public_key not in self.account.keys:
            raise LocalError(
                f"the key {public_key.hex()} is no member of {self.account.address}; its members "
                f"are {', '.join(map(self.account.name, range(len(self.account.keys))))}"
            )
        index = self.account.keys.index(public_key)
        if index in dict(self.signatures):
            raise LocalError(f"{self.account.name(index)} has signed already; {self.status()}")
        if not self.needed:
            raise LocalError(f"nothing is missing: {self.status()}")
        return index

    def with_signature(self, public_key: bytes, signature: bytes) -> "PartialTransaction":
        """With one more; LocalError for a foreign key, a second time, or a wrong signature."""
        index = self.member(public_key)
        if not verify_key(public_key, self.signing_bytes, signature):
            raise LocalError(
                f"this is no signature of {self.account.name(index)} for this transaction: sign "
                "the bytes that poyong tx show --json gives (secp256k1: their keccak256, low-s)"
            )
        return replace(self, signatures=tuple(sorted((*self.signatures, (index, signature)))))

    def with_those_of(self, other: "PartialTransaction", source: str) -> "PartialTransaction":
        """With the signatures of both; LocalError when they are not of the same transaction.

        Where a member signed twice, the lower signature stays: the order of files decides nothing.
        """
        if other.signing_bytes != self.signing_bytes:
            raise LocalError(f"{source} is of another transaction: {_difference(self, other)}")
        merged = dict(self.signatures)
        for index, signature in other.signatures:
            merged[index] = min(signature, merged.get(index, signature))
        return replace(self, signatures=tuple(sorted(merged.items())))

    def transaction(self) -> Transaction | None:
        """What can be sent, signed by the first m members that signed; None before there are m."""
        if self.needed:
            return None
        return self.draft.signed(self.account.witness, self.signatures[: self.account.threshold])

    def as_if_signed(self) -> Transaction:
        """The transaction with empty signatures in place of those that count, to be looked at."""
        empty = tuple((index, bytes(SIGNATURE_BYTES)) for index in range(self.account.threshold))
        return self.draft.signed(self.account.witness, empty)

    def fields(self) -> dict[str, Any]:
        """The file; with `hash`, `sender` and `raw`, as a signed one has them, once it is one."""
        found = {
            **draft_fields(self.draft),
            ACCOUNT: self.account.document(),
            "signatures": [
                {"public_key": self.account.keys[index].hex(), "signature": hex_of(signature)}
                for index, signature in self.signatures
            ],
        }
        complete = self.transaction()
        if complete is not None:
            found |= {
                "hash": hex_of(complete.hash),
                "sender": checksum_address(complete.sender),
                "raw": hex_of(complete.raw),
            }
        return found


def start(draft: Draft, account: ThresholdAccount) -> PartialTransaction:
    """Without signatures yet; LocalError when no signatures would make it a transaction."""
    started = PartialTransaction(draft, account)
    try:
        started.as_if_signed()
    except DecodeError as error:
        raise LocalError(f"no node would take this: {error}") from error
    return started


def partial_of(fields: dict[str, Any], source: str) -> PartialTransaction | None:
    """What a file of a threshold account holds; None when it is of a single key.

    LocalError when a signature is not of this draft, or `raw` not what they give: something was
    changed after it was signed.
    """
    if ACCOUNT not in fields:
        return None
    found = start(draft_of(fields), account_of(fields[ACCOUNT], f"{source}: {ACCOUNT}"))
    entries = fields.get("signatures", [])
    if not isinstance(entries, list) or len(entries) > MAX_MEMBERS:
        raise LocalError(f"{source}: signatures: expected a list of at most {MAX_MEMBERS}")
    for position, entry in enumerate(entries):
        found = _with_entry(found, entry, f"{source}: signatures[{position}]")
    complete = found.transaction()
    raw = fields.get("raw")
    if raw is not None and (complete is None or raw != hex_of(complete.raw)):
        raise LocalError(
            f"{source}: raw is not what its signatures give, so the file was changed: take the "
            "files that the members signed, and poyong tx combine"
        )
    return found


def _with_entry(partial: PartialTransaction, entry: object, place: str) -> PartialTransaction:
    if not isinstance(entry, dict):
        raise LocalError(f"{place}: expected an object, found {entry!r:.60}")
    key = public_key_of(str(entry.get("public_key")), f"{place}.public_key")
    try:
        signature = from_hex(entry.get("signature"))
    except DecodeError as error:
        raise LocalError(f"{place}.signature: {error}") from error
    if key not in partial.account.keys:
        raise LocalError(f"{place}: {key.hex()} is no member of {partial.account.address}")
    index = partial.account.keys.index(key)
    if index in dict(partial.signatures):
        raise LocalError(f"{place}: {partial.account.name(index)} is listed twice")
    if not verify_key(key, partial.signing_bytes, signature):
        raise LocalError(
            f"{place}: {partial.account.name(index)} did not sign this: the transaction was "
            "changed after that, or the signature was; ask for the file as it was signed"
        )
    return replace(partial, signatures=tuple(sorted((*partial.signatures, (index, signature)))))


def _difference(ours: PartialTransaction, theirs: PartialTransaction) -> str:
    if ours.account.witness != theirs.account.witness:
        return f"it is for {theirs.account.address}, not for {ours.account.address}"
    here, there = draft_fields(ours.draft), draft_fields(theirs.draft)
    name = next(name for name in here if here[name] != there[name])
    return f"{name} is {there[name]!s:.80}, not {here[name]!s:.80}"
