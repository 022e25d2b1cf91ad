"""One module's message carried out for another, through the executor's routes."""

from typing import Any

import pytest

from ledger.errors import ErrorCode, TransactionError
from ledger.executor import BlockExecutor
from ledger.kv import MemoryStore
from ledger.message_registry import Field, Kind, MessageType
from ledger.module import BlockInfo, Context
from ledger.primitives import ZERO_HASH, Address, Hash
from ledger.registry import Participation
from ledger.routing import Router
from ledger.state import State
from ledger.transfers import SEND
from tests.support.ledger_chain import RICH, LedgerChain, genesis_document, parsed, standard_modules
from tests.unit.ledger.test_executor import TO, Room, send

ACT = MessageType("room.act", "Acts.", (Field("what", Kind.TEXT, "what to do"),))
WHO, CAUSE = Address(b"w" * 20), Hash(b"c" * 32)


def context() -> Context:
    info = BlockInfo(1, 1, 1, ZERO_HASH, 0, 0, Participation(None))
    return Context(State(MemoryStore()), info, None, CAUSE)


def test_a_call_has_the_sender_it_is_given_and_its_events_join_the_callers() -> None:
    seen: list[Any] = []

    def act(call: Context, what: str) -> None:
        seen.append((call.sender, call.transaction_hash, what))
        call.emit("room.acted", what=what)

    router = Router()
    router.connect((Room(act),))
    caller = context()
    router.execute(caller, "room.act", ("sing",), WHO)
    assert seen == [(WHO, CAUSE, "sing")]
    assert [event.name for event in caller.events] == ["room.acted"]
    assert caller.sender is None


@pytest.mark.parametrize(
    ("message_type", "body", "sentence"),
    [
        ("room.none", ("sing",), "no message type is called 'room.none'"),
        ("room.act", (5,), "what: expected text"),
        ("room.act", ("a", "b"), "room.act: expected an array of 1"),
    ],
)
def test_what_cannot_be_decoded_is_refused_before_anything_runs(
    message_type: str, body: object, sentence: str
) -> None:
    router = Router()
    router.connect((Room(lambda call, what: pytest.fail("it ran")),))
    with pytest.raises(TransactionError) as checked:
        router.check(message_type, body)
    with pytest.raises(TransactionError) as executed:
        router.execute(context(), message_type, body, WHO)
    for error in (checked.value, executed.value):
        assert error.code is ErrorCode.INVALID_MESSAGE
        assert sentence in error.reason


def test_the_executor_connects_the_router_that_modules_were_handed() -> None:
    router = Router()
    BlockExecutor((Room(),), router)
    router.check("room.act", ("sing",))


def test_a_paused_type_is_refused_and_its_nonce_counts() -> None:
    paused = {SEND.name}
    executor = BlockExecutor(standard_modules(), is_paused=lambda state, name: name in paused)
    chain = LedgerChain(document=parsed(genesis_document(1)), whole=executor)
    (receipt,) = chain.add([send(chain)]).receipts
    assert (receipt.code, receipt.events) == (ErrorCode.PAUSED, ())
    assert receipt.reason == (
        "transfer.send is paused in an emergency: send it again when the pause has ended"
    )
    paused.clear()
    again = chain.signed(RICH, SEND.name, SEND.encode(TO, 5, b""))
    assert again.nonce == 1
    assert chain.add([again]).receipts[0].code is ErrorCode.OK
