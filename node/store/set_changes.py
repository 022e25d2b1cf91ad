"""What the store keeps of a block that changes the validators: with it every later head is proven
from genesis (consensus/light.py), also when the block itself is gone."""

from ledger import codec
from ledger.block import Block, Header
from ledger.state import State
from ledger.validator_tables import set_at


def set_change(parent: Header, block: Block, state: State) -> bytes:
    """Canonical [header, validator set] of a block whose header names another set than its parent's
    does, else empty. state: after the block."""
    if block.validators_hash == parent.validators_hash:
        return b""
    return codec.encode((block.header.to_wire(), set_at(state, block.height + 2).to_wire()))
