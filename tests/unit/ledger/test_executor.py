"""The executor: routing, nonces, rollback, receipts, hooks, and what is a bug and what is not."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ledger import accounts, merkle, threshold
from ledger.accounts import ACCOUNTS, Account, AccountsModule
from ledger.commitment import StateCommitment
from ledger.crypto import Ed25519Signer, ed25519_address
from ledger.errors import DecodeError, ErrorCode, InvariantViolation, TransactionError
from ledger.executor import BlockExecutor, Inapplicable, InvalidBlock, require_roots
from ledger.kv import WriteBatch
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import MAX_EVENTS_PER_TRANSACTION, Context, Event, Handler, StateModule
from ledger.primitives import UNIT, ZERO_HASH, Address
from ledger.receipt import MAX_REASON_BYTES, decode_hook_leaf, decode_receipt
from ledger.state import State
from ledger.threshold import ROTATE
from ledger.transaction import Draft, Transaction, sign_threshold
from ledger.transfers import SEND
from tests.support.ledger_chain import RICH, LedgerChain, genesis_document, parsed, standard_modules

TO = Address(b"\x77" * 20)
SENDER = ed25519_address(RICH.public_key)
PROBE_ME = MessageType("room.act", "Acts.", (Field("what", Kind.TEXT, "what to do"),))


class Room:
    """A module whose every part the test decides."""

    name = "room"
    invariants: Mapping[str, Any] = {}

    def __init__(
        self,
        act: Callable[[Context, str], None] = lambda context, what: None,
        begin: Callable[[Context], None] = lambda context: None,
        end: Callable[[Context], None] = lambda context: None,
        deadline_ms: int | None = None,
    ) -> None:
        self._act, self._begin, self._end, self._deadline_ms = act, begin, end, deadline_ms

    @property
    def handlers(self) -> Mapping[MessageType, Handler]:
        return {PROBE_ME: self._act}

    def init_genesis(self, context: Context, section: Mapping[str, Any]) -> None:
        pass

    def begin_block(self, context: Context) -> None:
        self._begin(context)

    def end_block(self, context: Context) -> None:
        self._end(context)

    def next_deadline_ms(self, state: State) -> int | None:
        return self._deadline_ms


class Quiet(Room):
    """Room without messages, under another name."""

    handlers: Mapping[MessageType, Handler] = {}

    def __init__(self, name: str, deadline_ms: int | None) -> None:
        super().__init__(deadline_ms=deadline_ms)
        self.name = name


def chain_with(*modules: StateModule) -> LedgerChain:
    return LedgerChain(1, modules=[*standard_modules(), *modules])


def send(chain: LedgerChain, amount: int = 5, **changes: Any) -> Transaction:
    transaction = chain.signed(RICH, SEND.name, SEND.encode(TO, amount, b""))
    return Transaction(
        **{name: getattr(transaction, name) for name in transaction.__struct_fields__} | changes
    )


def test_a_transfer_moves_tokens_and_its_receipt_and_event_are_under_the_root() -> None:
    chain = LedgerChain(1)
    transaction = send(chain)
    executed = chain.add([transaction])
    (receipt,) = executed.receipts
    assert (receipt.code, receipt.reason) == (ErrorCode.OK, "")
    assert receipt.transaction_hash == transaction.hash
    assert receipt.events[0].name == "transfer.sent"
    assert accounts.balance(chain.state, TO) == 5
    assert accounts.nonce(chain.state, SENDER) == 1
    assert decode_receipt(executed.receipt_leaves[0]) == receipt
    assert executed.receipts_root == merkle.root(executed.receipt_leaves)


def test_a_failed_message_rolls_back_but_its_nonce_counts() -> None:
    chain = LedgerChain(1)
    executed = chain.add([send(chain, amount=2_000 * UNIT)])
    (receipt,) = executed.receipts
    assert receipt.code == ErrorCode.INSUFFICIENT_FUNDS
    assert "insufficient funds" in receipt.reason
    assert receipt.events == ()
    assert accounts.get(chain.state, SENDER) == Account(1, 1_000 * UNIT)


def test_writes_and_events_of_a_failed_handler_are_dropped() -> None:
    def act(context: Context, what: str) -> None:
        accounts.transfer(context.state, SENDER, TO, 7)
        context.emit("room.acted")
        raise TransactionError(ErrorCode.NOT_NOW, what)

    chain = chain_with(Room(act))
    executed = chain.add([chain.signed(RICH, "room.act", ("later",))])
    (receipt,) = executed.receipts
    assert (receipt.code, receipt.reason, receipt.events) == (ErrorCode.NOT_NOW, "later", ())
    assert accounts.balance(chain.state, TO) == 0


@pytest.mark.parametrize("body", [(), ("a", "b"), (5,), ("x" * 300,)])
def test_a_body_that_is_not_the_types_is_an_invalid_message(body: tuple[Any, ...]) -> None:
    chain = chain_with(Room())
    (receipt,) = chain.add([chain.signed(RICH, "room.act", body)]).receipts
    assert receipt.code == ErrorCode.INVALID_MESSAGE
    assert chain.nonce(SENDER) == 1


def test_an_unknown_type_is_an_invalid_message() -> None:
    chain = LedgerChain(1)
    (receipt,) = chain.add([chain.signed(RICH, "nobody.knows", ())]).receipts
    assert receipt.code == ErrorCode.INVALID_MESSAGE
    assert "nobody.knows" in receipt.reason


def test_a_handlers_decode_error_blames_the_message() -> None:
    def act(context: Context, what: str) -> None:
        raise DecodeError("no such form")

    chain = chain_with(Room(act))
    (receipt,) = chain.add([chain.signed(RICH, "room.act", ("x",))]).receipts
    assert (receipt.code, receipt.reason) == (ErrorCode.INVALID_MESSAGE, "no such form")


def test_a_long_reason_is_cut_at_a_whole_character() -> None:
    def act(context: Context, what: str) -> None:
        raise TransactionError(ErrorCode.NOT_NOW, "가" * 200)

    chain = chain_with(Room(act))
    (receipt,) = chain.add([chain.signed(RICH, "room.act", ("x",))]).receipts
    assert receipt.reason == "가" * (MAX_REASON_BYTES // 3)


def test_too_many_events_fail_the_transaction() -> None:
    def act(context: Context, what: str) -> None:
        for _ in range(MAX_EVENTS_PER_TRANSACTION + 1):
            context.emit("room.acted")

    chain = chain_with(Room(act))
    (receipt,) = chain.add([chain.signed(RICH, "room.act", ("x",))]).receipts
    assert receipt.code == ErrorCode.LIMIT_EXCEEDED
    assert receipt.events == ()


def test_any_other_exception_is_a_bug_that_names_the_transaction() -> None:
    def act(context: Context, what: str) -> None:
        raise KeyError(what)

    chain = chain_with(Room(act))
    transaction = chain.signed(RICH, "room.act", ("x",))
    with pytest.raises(InvariantViolation, match=transaction.hash.hex()):
        chain.execute([transaction])


def test_a_damaged_row_stops_the_node_instead_of_failing_the_transaction() -> None:
    chain = LedgerChain(1)
    chain.store.write(_one_row(ACCOUNTS.prefix + TO, b"\xc1"), sync=True)
    # A short row is read from the commitment, so the damage has to be committed to as well.
    rows = chain.store.iterate(b"", b"\x7f")
    chain.commitment = StateCommitment.build(rows, chain.commitment.bucket_count)
    with pytest.raises(InvariantViolation, match="is damaged"):
        chain.execute([send(chain)])


def _one_row(key: bytes, value: bytes) -> WriteBatch:
    batch = WriteBatch()
    batch.put(key, value)
    return batch


@pytest.mark.parametrize("hook", ["begin", "end"])
def test_an_exception_in_a_hook_names_its_module(hook: str) -> None:
    def fail(context: Context) -> None:
        if context.block.height:
            raise TransactionError(ErrorCode.NOT_NOW, "a hook may not fail")

    room = Room(begin=fail) if hook == "begin" else Room(end=fail)
    with pytest.raises(InvariantViolation, match="hook of module room"):
        chain_with(room).execute()


def test_hooks_run_around_the_transactions_and_their_events_are_under_the_root() -> None:
    order: list[str] = []

    def begin(context: Context) -> None:
        order.append("begin")
        context.emit("room.began", at=1)

    def end(context: Context) -> None:
        order.append("end")
        context.emit("room.ended", at=2)

    chain = chain_with(
        Room(
            act=lambda context, what: order.append("act"),
            begin=begin,
            end=end,
        )
    )
    executed = chain.add([chain.signed(RICH, "room.act", ("x",))])
    assert order == ["begin", "act", "end"]
    assert executed.hook_events == (
        Event("room.began", (("at", 1),)),
        Event("room.ended", (("at", 2),)),
    )
    assert decode_hook_leaf(executed.receipt_leaves[-1]) == executed.hook_events


def test_the_next_deadline_is_the_earliest_of_all_modules() -> None:
    chain = chain_with(Room(deadline_ms=90), Quiet("other", 70))
    assert chain.execute().next_deadline_ms == 70
    assert LedgerChain(1).execute().next_deadline_ms is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": 1}, Inapplicable.NONCE_TOO_HIGH),
        ({"valid_until": 0}, Inapplicable.EXPIRED),
        ({"type": "threshold.rotate"}, Inapplicable.NOT_AUTHORISED),
    ],
)
def test_inapplicable_transactions_are_skipped_when_building_and_invalid_when_checking(
    changes: dict[str, Any], reason: Inapplicable
) -> None:
    chain = LedgerChain(1)
    bad, good = send(chain, **changes), send(chain)
    built = chain.execute([bad, good], skip_inapplicable=True)
    assert [(item.transaction, item.reason) for item in built.skipped] == [(bad, reason)]
    assert built.included == (good,)
    with pytest.raises(InvalidBlock, match=reason.value):
        chain.execute([bad, good])


def test_a_repeated_transaction_is_too_low_a_nonce() -> None:
    chain = LedgerChain(1)
    transaction = send(chain)
    built = chain.execute([transaction, transaction], skip_inapplicable=True)
    assert [item.reason for item in built.skipped] == [Inapplicable.NONCE_TOO_LOW]


def test_valid_until_is_the_last_height_of_inclusion() -> None:
    chain = LedgerChain(1)
    assert chain.execute([send(chain, valid_until=1)]).skipped == ()


def test_checking_gives_what_building_gave() -> None:
    chain = LedgerChain(1)
    built = chain.execute([send(chain, nonce=9), send(chain)], skip_inapplicable=True)
    checked = chain.execute(built.included)
    assert checked.state_root == built.state_root
    assert checked.receipts_root == built.receipts_root
    assert chain.commitment.height == 0


def test_the_header_must_carry_the_roots_that_execution_gave() -> None:
    chain = LedgerChain(1)
    executed = chain.add([send(chain)])
    header = chain.blocks[-1].header
    require_roots(header, executed, header.validators_hash)
    for name in ("state_root", "receipts_root", "validators_hash"):
        wrong: dict[str, Any] = {name: ZERO_HASH}
        with pytest.raises(InvalidBlock, match=name.split("_")[0]):
            require_roots(replace(header, **wrong), executed, header.validators_hash)


def test_executing_on_another_height_is_a_bug() -> None:
    chain = LedgerChain(1)
    with pytest.raises(InvariantViolation, match="executed on the state of height 0"):
        chain.execute(info=replace(chain.info(), height=2))


def test_tokens_from_nowhere_stop_the_block() -> None:
    def act(context: Context, what: str) -> None:
        accounts.credit(context.state, TO, 1)

    chain = chain_with(Room(act))
    with pytest.raises(InvariantViolation, match="came from nowhere"):
        chain.execute([chain.signed(RICH, "room.act", ("x",))])


def test_a_broken_invariant_is_named() -> None:
    chain = LedgerChain(1)
    info = chain.add().info
    state = chain.state
    chain.executor.check_invariants(state, info)
    state.put(ACCOUNTS, TO, Account(0, 9))
    with pytest.raises(InvariantViolation, match=r"accounts\.balances_sum_to_supply is broken"):
        chain.executor.check_invariants(state, info)


class Namesake(Room):
    """Room under another name, with Room's message type."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([AccountsModule(), AccountsModule()], "two modules are called accounts"),
        ([Room(), Namesake("other")], "does not belong to module other"),
        ([Namesake("Room")], "expected a lower-case letter"),
        ([Namesake("room/rows")], "expected a lower-case letter"),
    ],
)
def test_modules_that_overlap_are_fatal_at_start(modules: list[StateModule], message: str) -> None:
    with pytest.raises(InvariantViolation, match=message):
        BlockExecutor(modules)


def test_a_threshold_account_that_rotated_is_no_longer_authorised_by_its_old_members() -> None:
    members = [Ed25519Signer(bytes((number,)) * 32) for number in (1, 2, 3)]
    keys = tuple(signer.public_key for signer in members)
    witness = threshold.create(bytes(32), 2, keys)
    chain = LedgerChain(1, document=parsed(genesis_document(1)))

    def rotation(nonce: int) -> Transaction:
        body = ROTATE.encode(1, (keys[0],))
        draft = Draft(chain_id=82062, nonce=nonce, type=ROTATE.name, body=body, valid_until=50)
        return sign_threshold(draft, witness, members[:2])

    executed = chain.add([rotation(0)])
    assert executed.receipts[0].code == ErrorCode.OK
    built = chain.execute([rotation(1)], skip_inapplicable=True)
    assert [item.reason for item in built.skipped] == [Inapplicable.NOT_AUTHORISED]
