"""How wallets see system contracts: their code, and a refusal as a revert."""

from typing import Final

from api.encoding import hex_of
from api.errors import EXECUTION_REVERTED, RpcError
from ledger import abi, contracts
from ledger.primitives import Address

TOKEN: Final = contracts.TOKEN.address
"""The address of Transfer logs."""
CHAIN: Final = Address(bytes.fromhex("0000000000000000000000000000000000000400"))
"""Shown as receiver of native messages that have none."""
CODE: Final = b"\xfe"
"""What eth_getCode says of a system contract: the EVM's invalid instruction."""
_ERROR_SELECTOR: Final = abi.selector("Error(string)")


def reverted(reason: str) -> RpcError:
    """The error of a call that a contract refuses: code 3, and Error(string) as data."""
    data = hex_of(error_data(reason))
    return RpcError(EXECUTION_REVERTED, f"execution reverted: {reason}", data)


def error_data(reason: str) -> bytes:
    """ABI encoding of Error(string)."""
    return _ERROR_SELECTOR + abi.encode((abi.STRING,), (reason,))
