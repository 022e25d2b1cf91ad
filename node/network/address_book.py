"""Whom a node dials, and where (ADR 0019, ADR 0022).

The operator's list says it. Beside it, a seat that takes another node key is dialled under the
coming key at the address of the present one: the chain says whose key it is, TLS proves it, and
nobody has to edit a list on the day.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from node.network.links import split_address


class Seated(Protocol):
    """What of a registry's entry counts here."""

    @property
    def validator(self) -> int | None:
        """Index of its seat in the current set."""


class AddressBook:
    """Addresses by node key: the operator's, and what followed from them while this node ran."""

    def __init__(self, named: Mapping[bytes, str]) -> None:
        """LocalError for a bad address."""
        self._named = _checked(named)
        self._followed: dict[bytes, str] = {}
        self._registered: frozenset[bytes] = frozenset()
        self._left: frozenset[bytes] = frozenset()

    def __getitem__(self, node_key: bytes) -> str:
        return self._named.get(node_key) or self._followed[node_key]

    def replace(self, named: Mapping[bytes, str]) -> None:
        """Another list of the operator. LocalError for a bad address; then nothing changes."""
        self._named = _checked(named)

    def keys(self) -> frozenset[bytes]:
        """Every key with an address."""
        return frozenset(self._named) | frozenset(self._followed)

    def unknown(self, registry: Collection[bytes]) -> frozenset[bytes]:
        """Keys that the registry does not know, and never named while this node ran."""
        return self.keys() - frozenset(registry) - self._left

    def registry_changed(self, registry: Mapping[bytes, Seated]) -> None:
        """Follow seats to their coming keys; who leaves the registry is not dialled again."""
        self._followed = {key: at for key, at in self._followed.items() if key in registry}
        seats = {
            role.validator: self[key]
            for key in self.keys() & registry.keys()
            if (role := registry[key]).validator is not None
        }
        for key, role in registry.items():
            if key not in self._named and role.validator in seats:
                self._followed[key] = seats[role.validator]
        self._left = (self._left | (self._registered - registry.keys())) & self.keys()
        self._registered = frozenset(registry)


def _checked(named: Mapping[bytes, str]) -> dict[bytes, str]:
    for address in named.values():
        split_address(address)
    return dict(named)
