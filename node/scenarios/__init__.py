"""What a local town plays: the figures of a scenario, pure and reproducible.

Nothing here does IO but reading the cited tables of node/data; node.scenario plays it to a town.
"""
