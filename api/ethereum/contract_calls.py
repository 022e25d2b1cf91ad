"""eth_call of a system contract: a view is answered, any other function is tried and dropped."""

from api.ethereum.contract_views import Reverted, view_table
from api.ethereum.contracts import reverted
from api.ethereum.forms import CallObject
from api.ports import CallReverted
from api.registry import Context
from ledger import abi
from ledger.contracts import TRANSFER
from ledger.errors import DecodeError
from ledger.primitives import ZERO_ADDRESS, Address


async def call(context: Context, asked: CallObject) -> bytes:
    """What the call returns: encoded values of a view, nothing of most functions that send a
    message, and nothing of an address that is no contract. RpcError with a reason when refused."""
    if asked.to is None:
        return b""
    to = Address(asked.to)
    if to not in context.node.contracts.functions:
        return b""
    selector = asked.data[: abi.SELECTOR_BYTES]
    view = view_table(context.registry).get(to, {}).get(selector)
    try:
        if view is not None:
            arguments = abi.decode(view.types, asked.data[abi.SELECTOR_BYTES :])
            values = await view.answer(context, arguments)
            return abi.encode([item.type for item in view.outputs], values)
        message_type, body = context.node.contracts.decode_call(to, asked.value, asked.data)
        context.node.simulate(asked.sender or ZERO_ADDRESS, message_type, body)
    except (DecodeError, Reverted, CallReverted) as refusal:
        raise reverted(str(refusal)) from refusal
    return abi.encode((abi.BOOL,), (True,)) if selector == TRANSFER.selector else b""
