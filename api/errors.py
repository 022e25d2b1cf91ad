"""JSON-RPC errors: the codes, and how what happens inside the node becomes one.

Codes of the standard (-32700..-32603), geth's -32000 with geth's wording for refused transactions,
so that wallet libraries classify them, and its 3 for a call that reverts, -32005 of EIP-1474 for
limits, 4 of EIP-7966 for a transaction that did not become final in the time the caller gave it,
and 4444 of EIP-4444 for history that this node does not keep.
"""

from collections.abc import Mapping
from typing import Final

from api.ports import Refusal, RefusalReason

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
REFUSED: Final = -32000
LIMIT_EXCEEDED: Final = -32005
EXECUTION_REVERTED: Final = 3
NOT_FINAL_YET: Final = 4
HISTORY_UNAVAILABLE: Final = 4444

ERROR_DOCS: Final[Mapping[int, str]] = {
    PARSE_ERROR: "The body is not JSON.",
    INVALID_REQUEST: "The JSON is no JSON-RPC 2.0 request, or a batch is empty or too large.",
    METHOD_NOT_FOUND: "There is no method of this name.",
    INVALID_PARAMS: "A parameter is missing, unknown or of another form; the message names it.",
    INTERNAL_ERROR: "The node could not answer; its log says why.",
    REFUSED: "The transaction was refused; data.reason is one of the names below. In eth_ methods "
    "also: there is no such block, state, filter or subscription.",
    LIMIT_EXCEEDED: "A limit of this node was reached; the message names it.",
    EXECUTION_REVERTED: "A system contract refuses the call; data is ABI Error(string).",
    NOT_FINAL_YET: "Admitted, but not final within the given time; data.hash is its hash.",
    HISTORY_UNAVAILABLE: "This node has removed blocks so old (data.reason pruned; "
    "data.lowest_height is the lowest that it holds), or keeps no history of accounts (disabled), "
    "or not so far back (pruned; data.complete_from_height says from where on).",
}

APPLICATION_ERRORS: Final = (
    REFUSED,
    LIMIT_EXCEEDED,
    EXECUTION_REVERTED,
    NOT_FINAL_YET,
    HISTORY_UNAVAILABLE,
)
"""Beside those of the standard, which every method may answer."""

WORDING: Final[Mapping[RefusalReason, str]] = {
    RefusalReason.MALFORMED: "malformed transaction",
    RefusalReason.WRONG_CHAIN: "invalid chain id for signer",
    RefusalReason.BAD_SIGNATURE: "invalid sender",
    RefusalReason.UNKNOWN_MESSAGE: "unknown message type",
    RefusalReason.INVALID_MESSAGE: "invalid message",
    RefusalReason.NONCE_TOO_LOW: "nonce too low",
    RefusalReason.NONCE_TOO_HIGH: "nonce too high",
    RefusalReason.INSUFFICIENT_FUNDS: "insufficient funds for gas * price + value",
    RefusalReason.UNDERPRICED: "replacement transaction underpriced",
    RefusalReason.EXPIRED: "transaction expired",
    RefusalReason.SENDER_QUOTA: "account limit exceeded",
    RefusalReason.MEMPOOL_FULL: "txpool is full",
    RefusalReason.NOT_READY: "node is not ready",
}
"""How geth begins each message; libraries look for these words (wallet clients compare them)."""


ENVELOPE_WORDING: Final = (
    "intrinsic gas too low",
    "transaction type not supported",
    "only replay-protected (EIP-155) transactions allowed over RPC",
    "max priority fee per gas higher than max fee per gas",
    "insufficient funds for gas * price + value",
    "contract creation is not supported",
    "invalid transaction v, r, s values",
)
"""What geth says of an envelope that does not decode, beside "malformed transaction"."""


class RpcError(Exception):
    """An error object of a response: code, message, and data when there is some."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, object]:
        """The `error` member of a response."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return error


def refused(refusal: Refusal) -> RpcError:
    """The error of a refused transaction: geth's words, then expected and found.

    A detail that begins with geth's words, or with those of another error that wallets know, is the
    whole message.
    """
    wording, detail = WORDING[refusal.reason], refusal.detail
    if detail.startswith((wording, *ENVELOPE_WORDING)):
        message = detail
    else:
        message = f"{wording}: {detail}" if detail else wording
    return RpcError(REFUSED, message, {"reason": refusal.reason.value})


def invalid_params(message: str) -> RpcError:
    """An error that names the parameter."""
    return RpcError(INVALID_PARAMS, message)
