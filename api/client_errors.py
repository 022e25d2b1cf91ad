"""What the clients raise: one base, and a class for each thing that a caller may do about it."""


class ClientError(Exception):
    """Base of what the clients raise."""


class NodeError(ClientError):
    """The node answered with an error object."""

    def __init__(self, method: str, code: int, message: str, data: object) -> None:
        super().__init__(f"{method}: {message} (code {code})")
        self.method = method
        self.code = code
        self.message = message
        self.data = data

    @property
    def reason(self) -> str | None:
        """Name of why a transaction was refused (api.ports.RefusalReason: "nonce_too_low", ...);
        None of any other error."""
        found = self.data.get("reason") if isinstance(self.data, dict) else None
        return found if isinstance(found, str) else None


class UnreachableError(ClientError):
    """No answer from the node; says which URL and why."""


class NoSubscriptionError(ClientError):
    """The node, or what stands before it, takes no WebSocket; says what it answered."""


class AnswerError(ClientError):
    """What answered is no Poyong node, or broke off: the body is no JSON-RPC answer."""


class NotFinalError(ClientError):
    """Transactions that were not final in time; they may still become so."""

    def __init__(self, hashes: list[str], timeout_s: float) -> None:
        super().__init__(
            f"{len(hashes)} transactions are not final after {timeout_s:g} s, first {hashes[0]}; "
            "they may still become final: ask again with poyong_getReceipt"
        )
        self.hashes = hashes
