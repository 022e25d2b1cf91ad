"""Whom a node of a finished ceremony connects to."""

from node.ceremony.folder import Ceremony


def peers_beside(ceremony: Ceremony, node_key: bytes) -> tuple[str, ...]:
    """Every member's node but this one as network.peers names it, in the order of the seats."""
    contributions = ceremony.contributions()
    return tuple(
        f"{each.node_key.hex()}@{each.wish.address}"
        for each in (contributions[name] for name in ceremony.terms.members)
        if each.node_key != node_key
    )
