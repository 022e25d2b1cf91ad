"""Every JSON-RPC method, one package or file for each namespace."""

from api.methods import rpc
from api.methods.poyong import (
    chain,
    facts,
    governance,
    land,
    network,
    pools,
    proofs,
    send,
    subscriptions,
)
from api.registry import MethodRegistry


def all_methods() -> MethodRegistry:
    """The registry of everything that a node answers."""
    registry = MethodRegistry()
    for namespace in (
        chain,
        send,
        proofs,
        network,
        land,
        facts,
        pools,
        governance,
        subscriptions,
        rpc,
    ):
        registry.add(*namespace.METHODS)
    return registry
