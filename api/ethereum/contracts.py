"""System contracts as eth_call and eth_getCode see them, and how a refusal becomes a revert.

NodePort.contracts are those that a chain has; an address outside it has no code.
"""

from typing import Final

from api.encoding import hex_of
from api.errors import EXECUTION_REVERTED, RpcError
from api.ethereum.encoding import word
from ledger.primitives import Address

TOKEN: Final = Address(bytes.fromhex("0000000000000000000000000000000000000401"))
"""The token registry: the address of Transfer logs."""
CHAIN: Final = Address(bytes.fromhex("0000000000000000000000000000000000000400"))
"""Shown as receiver of native messages that have none."""
CODE: Final = b"\xfe"
"""What eth_getCode says of a system contract: the EVM's invalid instruction."""
_ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")  # Error(string)


def reverted(reason: str) -> RpcError:
    """The error of a call that a contract refuses: code 3, and Error(string) as data."""
    data = hex_of(error_data(reason))
    return RpcError(EXECUTION_REVERTED, f"execution reverted: {reason}", data)


def error_data(reason: str) -> bytes:
    """ABI encoding of Error(string)."""
    text = reason.encode()
    padding = -len(text) % 32
    return _ERROR_SELECTOR + word(32) + word(len(text)) + text + bytes(padding)
