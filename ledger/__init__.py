"""The ground floor: what a transaction, a block and the state are, and how a block changes state.

Holds primitives, canonical codec, crypto, accounts, transactions, mempool, executor, authenticated
state, receipts, genesis and invariants. Pure: it imports no other room and no clock, randomness,
disk, network or log; a key-value store is handed in through the `KeyValueStore` protocol.
"""
