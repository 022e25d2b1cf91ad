"""What is checked of each block before it is written: that it is one chain, from its genesis on.

Not checked: signatures of validators and transactions, and that execution gave these receipts. For
those the node is trusted; poyong_getProof proves single facts without it.
"""

from collections.abc import Mapping
from typing import Any, Final

from api import results
from api.encoding import from_hex, hex_of
from ledger import merkle
from ledger.block import Header
from ledger.errors import DecodeError, LocalError
from ledger.primitives import Hash

_ROOTS: Final = (
    "transactions_root",
    "state_root",
    "receipts_root",
    "validators_hash",
    "participation_root",
)
_REMEDY: Final = "name another node, and run poyong doctor on this one"


def check_block(block: results.Block, height: int, parent_hash: str | None) -> None:
    """That a block is the one of `height` on top of `parent_hash` (None: any), and that its
    transactions are those of its header; detail "hashes" or "full". LocalError says what is not."""
    if block["height"] != height:
        raise LocalError(f"expected block {height}, found {block['height']}: {_REMEDY}")
    if parent_hash is not None and block["parent_hash"] != parent_hash:
        raise LocalError(
            f"block {height} stands on {block['parent_hash']}, the block before is {parent_hash}: "
            "the node follows another history; name another node"
        )
    members: Mapping[str, Any] = block
    hashes = block["transaction_hashes"]
    try:
        found = header_of(block).hash
        root = merkle.root([Hash(from_hex(item)) for item in hashes])
    except (DecodeError, KeyError, ValueError) as error:
        raise LocalError(f"block {height} of the node is malformed ({error}): {_REMEDY}") from error
    if hex_of(found) != block["hash"]:
        raise LocalError(
            f"the header of block {height} has hash {hex_of(found)}, the node says "
            f"{block['hash']}: {_REMEDY}"
        )
    if hex_of(root) != block["transactions_root"]:
        raise LocalError(
            f"the transactions of block {height} have the root {hex_of(root)}, its header says "
            f"{block['transactions_root']}: {_REMEDY}"
        )
    for member, name in (("transactions", "hash"), ("receipts", "transaction_hash")):
        parts: list[Mapping[str, Any]] | None = members.get(member)
        if parts is not None and hashes != [item[name] for item in parts]:
            raise LocalError(
                f"the {member} of block {height} are not those that the block names: {_REMEDY}"
            )


def header_of(block: results.Block) -> Header:
    """The header of a block by its JSON form; DecodeError or KeyError when it has none."""
    members: Mapping[str, Any] = block
    parent, *roots = [Hash(from_hex(members[name])) for name in ("parent_hash", *_ROOTS)]
    return Header(block["height"], parent, block["time_ms"], block["proposer"], *roots)
