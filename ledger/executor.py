"""Executes a block: hooks, transactions in order, hooks; gives receipts, changes and roots.

The executor knows no module by name: it routes each message to the handler that registered its
type. Nothing here verifies a signature; the caller did (architecture.md, "Walks").
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from ledger import accounts, invariants, merkle
from ledger.block import Header
from ledger.commitment import CommitmentDelta, CommittedRows, StateCommitment
from ledger.contracts import ContractTable
from ledger.errors import (
    DecodeError,
    ErrorCode,
    InvariantViolation,
    PeerError,
    TransactionError,
    ensure,
)
from ledger.kv import KeyValueReader
from ledger.message_registry import MessageRegistry
from ledger.module import (
    MAX_EVENTS_PER_BLOCK_HOOK,
    MAX_EVENTS_PER_TRANSACTION,
    BlockInfo,
    Context,
    Event,
    StateModule,
)
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.receipt import Receipt, hook_leaf, truncated_reason
from ledger.routing import Router
from ledger.state import RowCache, State
from ledger.steps import Steps, finish
from ledger.transaction import Transaction, authority_problem

_NO_EVENTS: Final[tuple[Event, ...]] = ()
# State keys start with it; a letter keeps them apart from the store's other rows.
_MODULE_NAME: Final = re.compile("[a-z][a-z0-9_]*")
PIECE_TRANSACTIONS: Final = 100
"""Executed before others get a turn, about 2.5 ms."""
IsPaused = Callable[[State, str], bool]
"""Whether transactions of a message type are refused for now."""


def _nothing_paused(state: State, message_type: str) -> bool:
    del state, message_type
    return False


class InvalidBlock(PeerError):
    """A proposed block that no honest proposer would have made."""


class Inapplicable(Enum):
    """Why a transaction cannot be part of this block at all."""

    NONCE_TOO_LOW = "nonce too low"
    NONCE_TOO_HIGH = "nonce too high"
    EXPIRED = "valid_until is below the height"
    NOT_AUTHORISED = "its keys may not act for the sender"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A transaction left out while building; NONCE_TOO_HIGH may become applicable later."""

    transaction: Transaction
    reason: Inapplicable


@dataclass(frozen=True, slots=True)
class ExecutedBlock:
    """What executing a block on a base gave; nothing is written yet.

    receipt_leaves: encoded receipts and, last, the hook events: leaves of receipts_root.
    changes: state rows in key order, None for a deletion. next_deadline_ms: block time at which a
    module has something to do, or None. state: to read outcomes from, until the base changes.
    """

    info: BlockInfo
    included: tuple[Transaction, ...]
    skipped: tuple[Skipped, ...]
    receipts: tuple[Receipt, ...]
    hook_events: tuple[Event, ...]
    receipt_leaves: tuple[bytes, ...]
    changes: list[tuple[bytes, bytes | None]]
    delta: CommitmentDelta
    state_root: Hash
    receipts_root: Hash
    next_deadline_ms: int | None
    state: State


class BlockExecutor:
    """Routes messages to modules; one for the life of a node."""

    def __init__(
        self,
        modules: Sequence[StateModule],
        router: Router | None = None,
        is_paused: IsPaused = _nothing_paused,
    ) -> None:
        """router: one that modules were handed, to be connected to them. is_paused: asked once a
        transaction, before its message is decoded."""
        self.modules = tuple(modules)
        _check_names(self.modules)
        self.registry = MessageRegistry(
            tuple(message_type for module in self.modules for message_type in module.handlers)
        )
        self.contracts: Final = ContractTable(self.registry)
        self.invariants = invariants.collect(self.modules)
        self.router: Final = router or Router()
        self.router.connect(self.modules)
        self._routes = self.router.routes
        self._is_paused = is_paused

    def execute(
        self,
        base: KeyValueReader,
        commitment: StateCommitment,
        info: BlockInfo,
        transactions: Sequence[Transaction],
        *,
        skip_inapplicable: bool,
        cache: RowCache | None = None,
    ) -> ExecutedBlock:
        """All of `execution` at once."""
        return finish(
            self.execution(
                base,
                commitment,
                info,
                transactions,
                skip_inapplicable=skip_inapplicable,
                cache=cache,
            )
        )

    def execution(
        self,
        base: KeyValueReader,
        commitment: StateCommitment,
        info: BlockInfo,
        transactions: Sequence[Transaction],
        *,
        skip_inapplicable: bool,
        cache: RowCache | None = None,
    ) -> Steps[ExecutedBlock]:
        """Execute on `base`, the state that `commitment` commits to; neither is changed, nor may
        they be by others until it is done.

        cache: rows of `base` that are known already.

        skip_inapplicable: while building, leave out what cannot be included; while checking, such
        a transaction raises InvalidBlock. Raises InvariantViolation when a module is wrong.
        """
        ensure(
            info.height == commitment.height + 1,
            f"block {info.height} executed on the state of height {commitment.height}",
        )
        info = replace(info, parent_state_root=commitment.root)
        state = State(CommittedRows(commitment, base), cache)
        hook_events: list[Event] = []
        for module in self.modules:
            self._run_hook(module.begin_block, module, state, info, hook_events)
        included: list[Transaction] = []
        skipped: list[Skipped] = []
        receipts: list[Receipt] = []
        for position, transaction in enumerate(transactions, 1):
            reason = inapplicable(state, info.height, transaction)
            if reason is None:
                included.append(transaction)
                receipts.append(self._execute_transaction(state, info, transaction))
            elif skip_inapplicable:
                skipped.append(Skipped(transaction, reason))
            else:
                raise InvalidBlock(
                    f"block {info.height}: transaction {transaction.hash.hex()} cannot be "
                    f"included: {reason.value}"
                )
            if position % PIECE_TRANSACTIONS == 0:
                yield
        for module in self.modules:
            self._run_hook(module.end_block, module, state, info, hook_events)
        accounts.check_block_conserves(state)
        return self._finish(state, commitment, info, included, skipped, receipts, hook_events)

    def _execute_transaction(
        self, state: State, info: BlockInfo, transaction: Transaction
    ) -> Receipt:
        # The nonce counts even when the message fails: the transaction is on the record.
        accounts.bump_nonce(state, transaction.sender)
        context = Context(state, info, transaction.sender, transaction.hash)
        state.begin()
        try:
            self._call(context, transaction.type, transaction.body)
        except TransactionError as error:
            state.rollback()
            reason = truncated_reason(error.reason)
            return Receipt(transaction.hash, error.code, reason, _NO_EVENTS)
        state.commit()
        return Receipt(transaction.hash, ErrorCode.OK, "", tuple(context.events))

    def _call(self, context: Context, message_type: str, body: object) -> None:
        """Run a message's handler in the overlay that the caller opened; TransactionError, and
        then the caller rolls it back."""
        route = self._routes.get(message_type)
        if route is None:
            raise TransactionError(
                ErrorCode.INVALID_MESSAGE, f"no message type is called {message_type!r}"
            )
        if self._is_paused(context.state, message_type):
            raise TransactionError(
                ErrorCode.PAUSED,
                f"{message_type} is paused in an emergency: send it again when the pause has ended",
            )
        decode, handler = route
        try:
            handler(context, *decode(body))
        except TransactionError:
            raise
        except DecodeError as error:
            raise TransactionError(ErrorCode.INVALID_MESSAGE, str(error)) from error
        except Exception as error:
            raise InvariantViolation(
                f"block {context.block.height}, transaction "
                f"{(context.transaction_hash or ZERO_HASH).hex()} ({message_type}): "
                f"{type(error).__name__}: {error}"
            ) from error
        if len(context.events) > MAX_EVENTS_PER_TRANSACTION:
            raise TransactionError(
                ErrorCode.LIMIT_EXCEEDED,
                f"the transaction makes {len(context.events)} events, at most "
                f"{MAX_EVENTS_PER_TRANSACTION} are allowed",
            )

    def simulate(
        self, state: State, info: BlockInfo, sender: Address, message_type: str, body: object
    ) -> None:
        """TransactionError with the sentence of the receipt, if `sender`'s message failed on
        `state` in the block `info`; hooks are not run, and `state` is left as it was."""
        state.begin()
        try:
            self._call(Context(state, info, sender, ZERO_HASH), message_type, body)
        finally:
            state.rollback()

    def _run_hook(
        self,
        hook: Callable[[Context], None],
        module: StateModule,
        state: State,
        info: BlockInfo,
        events: list[Event],
    ) -> None:
        context = Context(state, info)
        try:
            hook(context)
        except Exception as error:
            raise InvariantViolation(
                f"block {info.height}, hook of module {module.name}: "
                f"{type(error).__name__}: {error}"
            ) from error
        events.extend(context.events)
        ensure(
            len(context.events) <= MAX_EVENTS_PER_BLOCK_HOOK,
            f"block {info.height}: a hook of module {module.name} made {len(context.events)} "
            f"events, at most {MAX_EVENTS_PER_BLOCK_HOOK} are allowed",
        )

    def _finish(
        self,
        state: State,
        commitment: StateCommitment,
        info: BlockInfo,
        included: list[Transaction],
        skipped: list[Skipped],
        receipts: list[Receipt],
        hook_events: list[Event],
    ) -> ExecutedBlock:
        changes = state.changes()
        delta = commitment.compute(changes)
        leaves = (*[receipt.encoded for receipt in receipts], hook_leaf(tuple(hook_events)))
        return ExecutedBlock(
            info=info,
            included=tuple(included),
            skipped=tuple(skipped),
            receipts=tuple(receipts),
            hook_events=tuple(hook_events),
            receipt_leaves=leaves,
            changes=changes,
            delta=delta,
            state_root=delta.root,
            receipts_root=merkle.root(leaves),
            next_deadline_ms=self.next_deadline_ms(state),
            state=state,
        )

    def next_deadline_ms(self, state: State) -> int | None:
        """Earliest block time at which a module has something to do, or None."""
        deadlines = [module.next_deadline_ms(state) for module in self.modules]
        return min((due for due in deadlines if due is not None), default=None)

    def check_invariants(self, state: State, info: BlockInfo) -> None:
        """Raise InvariantViolation that names the first registered invariant that is broken."""
        invariants.check(self.invariants, state, info)


def inapplicable(state: State, height: int, transaction: Transaction) -> Inapplicable | None:
    """Why `transaction` cannot be included at `height` in this state, or None."""
    nonce = accounts.nonce(state, transaction.sender)
    if transaction.nonce != nonce:
        if transaction.nonce < nonce:
            return Inapplicable.NONCE_TOO_LOW
        return Inapplicable.NONCE_TOO_HIGH
    if transaction.valid_until < height:
        return Inapplicable.EXPIRED
    if authority_problem(state, transaction) is not None:
        return Inapplicable.NOT_AUTHORISED
    return None


def require_roots(header: Header, executed: ExecutedBlock, validators_hash: Hash) -> None:
    """Raise InvalidBlock unless the header carries what executing its block gave."""
    for name, found, expected in (
        ("state root", header.state_root, executed.state_root),
        ("receipts root", header.receipts_root, executed.receipts_root),
        ("validators hash", header.validators_hash, validators_hash),
    ):
        if found != expected:
            raise InvalidBlock(
                f"block {header.height}: expected {name} {expected.hex()}, found {found.hex()}"
            )


def _check_names(modules: Sequence[StateModule]) -> None:
    names = [module.name for module in modules]
    for module in modules:
        ensure(
            _MODULE_NAME.fullmatch(module.name),
            f"module name {module.name!r}: expected a lower-case letter, then letters, digits, _",
        )
        ensure(names.count(module.name) == 1, f"two modules are called {module.name}")
        for message_type in module.handlers:
            ensure(
                message_type.name.startswith(f"{module.name}."),
                f"message type {message_type.name} does not belong to module {module.name}",
            )
