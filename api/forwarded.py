"""Who is calling, when a proxy that the operator trusts stands between. Pure.

A proxy appends the address that it was called from to X-Forwarded-For, so the header is read from
its end: as long as the speaker is a trusted proxy, the address before it is what that proxy saw.
The first that is no trusted proxy is the client; what stands before it is the client's own word.
Forwarded (RFC 7239) is not read: proxies leave what a client wrote in it unless told otherwise.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from ledger.errors import LocalError

MAX_PROXIES: Final = 16
"""Trusted proxies in a row; a client behind more is taken for the farthest of these."""
_DECISIONS_KEPT: Final = 1_024

Network = IPv4Network | IPv6Network


def trusted_networks(entries: Iterable[str]) -> tuple[Network, ...]:
    """Each entry an address or a network; LocalError, which names the option, for any other."""
    networks = []
    for entry in entries:
        try:
            networks.append(ip_network(entry))
        except ValueError as error:
            raise LocalError(
                "[rpc] trusted_proxies: expected an IP address or a network such as 10.0.0.0/24, "
                f"found {entry!r:.80} ({error})"
            ) from error
    return tuple(networks)


def client_address(
    remote: str | None, forwarded_for: Sequence[str], trusted: tuple[Network, ...]
) -> str | None:
    """Address of the client of a connection from `remote`.

    forwarded_for: every X-Forwarded-For header of the request, in order. Without trusted proxies,
    or when `remote` is none, it counts for nothing.
    """
    if not trusted or remote is None or not _is_trusted(remote, trusted):
        return remote
    client = remote
    entries = ",".join(forwarded_for).rsplit(",", MAX_PROXIES)
    for entry in reversed(entries[-MAX_PROXIES:]):
        address = _address(entry)
        if address is None:
            break  # it names nobody: the proxy that wrote it stands for its clients
        client = address
        if not _is_trusted(client, trusted):
            break
    return client


@lru_cache(_DECISIONS_KEPT)
def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    found = _parsed(address)
    return found is not None and any(found in network for network in trusted)


def _address(entry: str) -> str | None:
    """The address of one entry: some proxies write a port, and IPv6 in brackets."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    found = _parsed(text)
    return None if found is None else str(found)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address; an IPv4 one in IPv6 form as what it is."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped
