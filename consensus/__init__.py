"""PBFT for blocks: known validators agree on one block at each height, final when it commits.

Holds the sans-IO replica (events in, effects out), view change, vote safety, certificates,
evidence, recovery and sync decisions. Pure, and blind to what it orders: of `ledger` it may import
errors, primitives, codec, crypto and registry only, and neither `tokenomics` nor `governance`.
"""
