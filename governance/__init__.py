"""Stakeholder governance: organisations, roles, chambers, proposals, votes, timelocks, parameters.

State modules that the executor routes to like any other. Pure, and driven by block time alone; it
imports `ledger` and reads other modules through Protocols in its own `ports.py`, never `consensus`
or `tokenomics`.
"""
