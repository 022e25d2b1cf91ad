"""The economy: land value sets the ceiling, the ceiling bounds issuance, pools share the issue.

State modules that the executor routes to like any other. Pure, on integers with floor division and
block time only; it imports `ledger` and reads other modules through Protocols in its own
`ports.py`, never `consensus` or `governance`.
"""
