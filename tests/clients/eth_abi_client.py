# mypy: ignore-errors
"""Reads and writes calldata by eth_abi; run by tests/integration/test_contract_clients.py. Standard
input: [[types, hex], ...]. Prints what eth_abi writes of what it read."""

import json
import sys

from eth_abi import decode, encode

cases = json.load(sys.stdin)
print(
    json.dumps([encode(types, decode(types, bytes.fromhex(data))).hex() for types, data in cases])
)
