"""Where a message goes: the handler of the module that registered its type.

The executor routes transactions by it. A module that carries out what was decided may call another
module's handler through the same routes, without knowing any module by name.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ledger.errors import DecodeError, ErrorCode, TransactionError
from ledger.module import Context, Handler, StateModule
from ledger.primitives import Address

Decode = Callable[[object], tuple[Any, ...]]
Route = tuple[Decode, Handler]


class Router:
    """Routes of one executor. Made before its modules, because some of them are handed it, and
    connected to them by the executor."""

    def __init__(self) -> None:
        self.routes: Mapping[str, Route] = {}

    def connect(self, modules: Sequence[StateModule]) -> None:
        """Take the handlers of these modules."""
        self.routes = {
            message_type.name: (message_type.decode, handler)
            for module in modules
            for message_type, handler in module.handlers.items()
        }

    def types(self) -> Collection[str]:
        """Names of the message types that are known."""
        return self.routes.keys()

    def check(self, message_type: str, body: object) -> None:
        """TransactionError INVALID_MESSAGE unless the type is known and the body decodes."""
        self._found(message_type, body)

    def execute(self, context: Context, message_type: str, body: object, sender: Address) -> None:
        """Call the handler as if `sender` had sent the message, in the overlay that the caller
        opened; its events join those of `context`. TransactionError refuses: then the caller rolls
        its overlay back."""
        handler, values = self._found(message_type, body)
        call = Context(
            context.state, context.block, sender, context.transaction_hash, context.events
        )
        handler(call, *values)

    def _found(self, message_type: str, body: object) -> tuple[Handler, tuple[Any, ...]]:
        route = self.routes.get(message_type)
        if route is None:
            raise TransactionError(
                ErrorCode.INVALID_MESSAGE, f"no message type is called {message_type!r}"
            )
        decode, handler = route
        try:
            return handler, decode(body)
        except DecodeError as error:
            raise TransactionError(ErrorCode.INVALID_MESSAGE, str(error)) from error
