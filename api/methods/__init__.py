"""Every JSON-RPC method, one package or file for each namespace."""

from api.ethereum import net, web3
from api.ethereum.eth import accounts, events, transactions
from api.ethereum.eth import chain as eth_chain
from api.methods import admin, rpc
from api.methods.poyong import (
    chain,
    facts,
    governance,
    history,
    land,
    network,
    pools,
    proofs,
    send,
    subscriptions,
)
from api.registry import MethodRegistry


def admin_methods() -> MethodRegistry:
    """The registry of what a node answers its operator, on its Unix socket alone."""
    registry = MethodRegistry()
    for namespace in (admin, rpc):
        registry.add(*namespace.METHODS)
    return registry


def all_methods() -> MethodRegistry:
    """The registry of everything that a node answers on its wallet port."""
    registry = MethodRegistry()
    for namespace in (
        chain,
        history,
        send,
        proofs,
        network,
        land,
        facts,
        pools,
        governance,
        subscriptions,
    ):
        registry.add(*namespace.METHODS)
    for namespace in (eth_chain, accounts, transactions, events, net, web3, rpc):
        registry.add(*namespace.METHODS)
    return registry
